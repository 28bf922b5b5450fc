"""Run charts: a median, and whether the series wanders about it as chance would."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from worker.stats.panel import Bools, Floats, Ints
from worker.stats.spc import Limits, above

#: Chance of fewer crossings than are allowed.
CROSSINGS_ALPHA = 0.05


def run_limits(y: Floats, fixing: Bools) -> Limits:
    """Centre line of a run chart, the median of the months that fix it; it has no limits.

    Parameters
    ----------
    y : [..., m], NaN where missing.
    fixing : broadcasts with y.

    Returns
    -------
    Limits
        The same centre in every month, NaN where no month fixes it; sigma is NaN.
    """
    chosen = np.asarray(fixing & ~np.isnan(y))
    count = chosen.sum(-1, keepdims=True)
    ordered = np.sort(np.where(chosen, y, np.inf), axis=-1)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, y.shape[-1] - 1), axis=-1)
    median = np.where(count > 0, (low + high) / 2, np.nan)
    return Limits(np.broadcast_to(median, y.shape), np.full(y.shape, np.nan))


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs about a centre line, each [...].

    useful : months with a value that is off the line; the others are left out.
    longest : length of the longest run on one side.
    crossings : how often the line was crossed.
    longest_allowed, fewest_crossings : what chance allows among so many useful months.
    """

    useful: Ints
    longest: Ints
    crossings: Ints
    longest_allowed: Floats
    fewest_crossings: Floats

    @property
    def signal(self) -> Bools:
        """Not random: a run too long or too few crossings."""
        return np.asarray(
            (self.longest > self.longest_allowed) | (self.crossings < self.fewest_crossings)
        )


def runs_about(y: Floats, centre: Floats) -> Runs:
    """Longest run and crossings of the centre line, by Anhøj's rules.

    Parameters
    ----------
    y : [..., m], NaN where missing.
    centre : broadcasts with y.

    Returns
    -------
    Runs
        With no useful month all counts and what is allowed are 0, hence no signal.

    References
    ----------
    Anhøj & Olesen 2014 (10.1371/journal.pone.0113825), page 3: log2(n) + 3 rounded, and the 5%
    quantile of Binomial(n - 1, 1/2).
    """
    side = above(y, centre).astype(np.int64) - above(centre, y)
    shape = side.shape[:-1]
    last = np.zeros(shape, dtype=np.int64)
    length, longest, crossings = last.copy(), last.copy(), last.copy()
    for month in range(side.shape[-1]):
        now = side[..., month]
        seen = now != 0
        same = seen & (now == last)
        crossings += seen & (last != 0) & ~same
        length = np.where(same, length + 1, np.where(seen, 1, length))
        longest = np.maximum(longest, length)
        last = np.where(seen, now, last)
    useful = (side != 0).sum(-1)
    some = useful > 0
    allowed = np.round(np.log2(np.maximum(useful, 1))) + 3
    fewest = stats.binom.ppf(CROSSINGS_ALPHA, np.maximum(useful - 1, 0), 0.5)
    return Runs(
        useful=useful,
        longest=longest,
        crossings=crossings,
        longest_allowed=np.where(some, allowed, 0.0),
        fewest_crossings=np.where(some, fewest, 0.0),
    )
