"""What is claimed of a strand at each look: how many segments, which of them, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from worker.stats.conjunction import hommel_adjusted, lower_bound
from worker.stats.looks import standing_bound, standing_names
from worker.stats.method import Method
from worker.stats.panel import Bools, Floats, Ints
from worker.stats.rounding import rounded


@dataclass(frozen=True, slots=True)
class Claim:
    """One kind of claim at every look.

    bound : [t], at least so many segments. named : [t, g], which of them can be named.
    adjusted : [t, g], Hommel-adjusted p-values; at most the look's level: named by this look.
    made_at : [t], position of the look that made the bound, -1 for a bound of 0.
    """

    bound: Ints
    named: Bools
    adjusted: Floats
    made_at: Ints


def claim(p: Floats, alpha: Floats, years: Sequence[int], method: Method) -> Claim:
    """Bound and names at every look, claims of earlier looks of the same year among them.

    Parameters
    ----------
    p : [t, g], one-sided p-values of looks in their order; NaN: not counted.
    alpha : [t], level of each look.
    years : [t], year of each look; a claim stands within its year.
    method : level at which a claim stands.
    """
    p = rounded(p)
    adjusted = rounded(hommel_adjusted(p))
    counted = np.nan_to_num(adjusted, nan=1.0)
    made, supported = lower_bound(p, alpha), lower_bound(p, method.standing_alpha)
    made_names = counted <= alpha[:, None]
    supported_names = (counted <= method.standing_alpha) & ~np.isnan(p)
    bound, named = np.zeros_like(made), np.zeros_like(made_names)
    made_at = np.full(len(p), -1, dtype=np.int64)
    for year in sorted(set(years)):
        looks = np.flatnonzero(np.asarray(years) == year)
        named[looks] = standing_names(made_names[looks], supported_names[looks])
        bound[looks] = standing_bound(made[looks], supported[looks], named[looks].sum(1))
        for look in looks:
            enough = [each for each in looks if each <= look and made[each] >= bound[look]]
            if bound[look] > 0:
                made_at[look] = enough[-1] if enough else look
    return Claim(bound, named, adjusted, made_at)
