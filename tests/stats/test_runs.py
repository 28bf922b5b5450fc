"""Run charts: the median, and runs and crossings counted by eye."""

import numpy as np
import pytest

from tests.stats.series import series
from worker.stats.runs import run_limits, runs_about

ALWAYS = np.array(True)


@pytest.mark.parametrize(
    ("values", "median"),
    [("3 1 2", 2), ("4 1 ? 2 3", 2.5), ("? 7", 7), ("? ?", np.nan)],
)
def test_centre_is_the_median_of_what_is_there(values: str, median: float) -> None:
    limits = run_limits(series(values), ALWAYS)
    assert limits.centre == pytest.approx(median, nan_ok=True)
    assert np.isnan(limits.lower).all()


def test_centre_is_that_of_the_months_that_fix_it() -> None:
    limits = run_limits(series("3 1 2 90 90"), np.arange(5) < 3)
    assert limits.centre == pytest.approx([2] * 5)


@pytest.mark.parametrize(
    ("values", "useful", "longest", "crossings", "signal"),
    [
        ("1 -1 1 -1 1 -1 1 -1 1 -1", 10, 1, 9, False),
        # On the line or missing: left out, and a run goes on across it.
        ("1 1 0 1 ? 1 -1 -1 1 -1 1 -1", 10, 4, 5, False),
        ("1 1 1 1 1 1 1 -1 1 -1", 10, 7, 3, True),  # log2(10) + 3 rounds to 6.
        ("1 1 1 1 1 -1 -1 -1 -1 -1", 10, 5, 1, True),  # Of 9 crossings at least 2.
        ("0 0 ?", 0, 0, 0, False),
        ("1", 1, 1, 0, False),
        ("", 0, 0, 0, False),
    ],
)
def test_runs_and_crossings(
    values: str, useful: int, longest: int, crossings: int, signal: bool
) -> None:
    y = series(values)
    both = runs_about(np.stack([y, -y]), np.zeros(len(y)))
    assert both.useful.tolist() == [useful] * 2
    assert both.longest.tolist() == [longest] * 2
    assert both.crossings.tolist() == [crossings] * 2
    assert both.signal.tolist() == [signal] * 2
