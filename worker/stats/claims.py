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
    at, rank, year = _by_year(np.asarray(years))
    named = standing_names(made_names[at], supported_names[at])
    bound = standing_bound(made[at], supported[at], named.sum(-1))
    # The latest look up to each one that made as much by itself; else the look's own names did.
    enough = np.tri(len(at), dtype=bool)[..., None] & (made[at] >= bound[:, None])
    latest = len(at) - 1 - np.argmax(enough[:, ::-1], axis=1)
    look = np.where(enough.any(1), latest, np.arange(len(at))[:, None])
    made_at = np.where(bound > 0, at[look, np.arange(at.shape[1])], -1)
    return Claim(bound[rank, year], named[rank, year], adjusted, made_at[rank, year])


def _by_year(years: Ints) -> tuple[Ints, Ints, Ints]:
    """Positions of looks as [look of its year, year], and where in that each look [t] stands.

    Years with fewer looks are filled up behind, where no claim of a real look comes after.
    """
    _, year = np.unique(years, return_inverse=True)
    rank = np.zeros(len(years), dtype=np.int64)
    order = np.argsort(year, kind="stable")
    sizes = np.bincount(year)
    rank[order] = np.arange(len(years)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    at = np.zeros((sizes.max(initial=1), len(sizes)), dtype=np.int64)
    at[rank, year] = np.arange(len(years))
    return at, rank, year
