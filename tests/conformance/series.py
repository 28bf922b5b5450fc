"""Change points and cross-correlations of series, against changepoint and R's ccf."""

from typing import Any

import numpy as np

from tests.conformance.comparing import ReferenceSet, differences
from worker.stats.agreement import cross_correlation
from worker.stats.onset import change_point


def check_change_point(given: Any, expected: Any) -> list[str]:
    """Positions count from 1 and name the last point of the earlier segment.

    Ours names the first month of the later segment and counts from 0, which without missing months
    is the same number. A case without a position has nothing required and is no pass.
    """
    if expected.get("amoc_mean_position") is None:
        return ["the case has no amoc_mean_position to check"]
    y = np.array(given["y"], dtype=np.float64)
    return differences("amoc_mean_position", change_point(y).first, expected["amoc_mean_position"])


def check_cross_correlation(given: Any, expected: Any) -> list[str]:
    """At the lags of the file, which are symmetric about 0."""
    lags, values = expected.get("ccf_lags"), expected.get("ccf_values")
    if not values:
        return ["the case has no ccf_values to check"]
    x, y = (np.array(given[name], dtype=np.float64) for name in ("x", "y"))
    longest = max(lags)
    found = differences("ccf_lags", np.arange(-longest, longest + 1), lags)
    return found + differences(
        "ccf_values", cross_correlation(x, y, longest), values, absolute=1e-8
    )


SETS = {
    "changepoint": ReferenceSet(
        check_change_point, "amoc_mean_position alone, which every case has"
    ),
    "agreement_ccc_ccf_icc": ReferenceSet(
        check_cross_correlation, "ccf_lags and ccf_values alone, which every case has"
    ),
}
