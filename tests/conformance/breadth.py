"""Lower bounds on the number of improved segments, against adaFilter, hommel and cherry."""

from typing import Any

import numpy as np

from tests.conformance.comparing import ReferenceSet, differences
from worker.stats.conjunction import (
    hommel_adjusted,
    lower_bound,
    partial_conjunction,
    simultaneous_bound,
)


def check(given: Any, expected: Any) -> list[str]:
    p = np.array([given["p"]], dtype=np.float64)
    # adaFilter does not cap its p-values at 1.
    simes = np.minimum(expected["pc_simes"], 1.0)
    found = differences("pc_simes", partial_conjunction(p)[0], simes, absolute=1e-10)
    found += differences(
        "hommel_adjusted", hommel_adjusted(p)[0], expected["hommel_adjusted"], absolute=1e-10
    )
    for level in expected["lower_bounds"].values():
        wanted = level["hommel_simes_discoveries"]
        found += differences(f"bound at {level['alpha']}", lower_bound(p, level["alpha"]), wanted)
    subset = expected["subset_first_half"]
    chosen = np.isin(np.arange(p.shape[1]) + 1, subset["index1"])
    found += differences(
        "subset_first_half",
        simultaneous_bound(p[0], chosen, 0.05),
        subset["simes_discoveries_0.05"],
    )
    return found


SETS = {
    "breadth_partial_conjunction": ReferenceSet(
        check, "pc_simes, hommel_adjusted, lower_bounds by Simes, subset_first_half"
    )
}
