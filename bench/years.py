"""What is claimed at every look of a year, for thousands of services at once.

The same claims as `worker.stats.claims.claim` makes of one, to which a test holds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from worker.stats.conjunction import lower_bound
from worker.stats.looks import standing_names
from worker.stats.method import Method
from worker.stats.panel import Bools, Floats, Ints
from worker.stats.rounding import rounded


@dataclass(frozen=True, slots=True)
class Looks:
    """What each look supports by itself; [t, runs] and [t, runs, g].

    made, supported : bounds at the look's own level and at that at which claims stand.
    names, names_supported : segments that can be named at each.
    """

    made: Ints
    supported: Ints
    names: Bools
    names_supported: Bools


def looked_at(p: Floats, alpha: Floats, method: Method) -> Looks:
    """Bounds and names of every look, from p-values [t, runs, g] and levels [t]."""
    p = rounded(p)
    standing = [method.standing_alpha] * len(p)
    return Looks(
        made=_bounds(p, alpha.tolist()),
        supported=_bounds(p, standing),
        names=_names(p, alpha.tolist()),
        names_supported=_names(p, standing),
    )


def _bounds(p: Floats, levels: Sequence[float]) -> Ints:
    return np.stack([lower_bound(each, level) for each, level in zip(p, levels, strict=True)])


def _names(p: Floats, levels: Sequence[float]) -> Bools:
    return np.stack([named(each, level) for each, level in zip(p, levels, strict=True)])


def named(p: Floats, alpha: float) -> Bools:
    """Whose Hommel-adjusted p is at most alpha, [runs, g].

    With h the largest number of p-values that together could all be of true nulls, these are the
    p at most alpha / h; that needs no adjusted p and so no loop over runs.

    References
    ----------
    Hommel 1988 (10.1093/biomet/75.2.383); Goeman, Meijer, Krebs & Solari 2019
    (10.1093/biomet/asz041), section 3.
    """
    runs, n = p.shape
    ordered = np.sort(p, axis=1)
    h = np.zeros((runs, 1))
    for size in range(1, n + 1):
        tail = ordered[:, n - size :] * size / np.arange(1, size + 1)
        h[rounded(tail).min(1) > alpha] = size
    return np.asarray(rounded(h * p) <= alpha)


def claims_of_a_year(first: Looks, settled: Looks | None = None) -> Ints:
    """How many segments are claimed at each look when its month has just ended, [t, runs].

    Parameters
    ----------
    first : what a look supports on what is known then.
    settled : the same on what is known later, which is what later looks build on; None: no
        evidence comes late.
    """
    if settled is None:
        settled = first
    names = standing_names(settled.names, settled.names_supported)
    claimed = np.zeros_like(first.made)
    before, named_before = np.zeros_like(first.made[0]), np.zeros_like(names[0])
    for look in range(len(claimed)):
        seen_names = first.names[look] | (named_before & first.names_supported[look])
        claimed[look] = _standing(first, look, before, seen_names)
        before, named_before = _standing(settled, look, before, names[look]), names[look]
    return claimed


def _standing(looks: Looks, look: int, before: Ints, names: Bools) -> Ints:
    kept = np.minimum(before, looks.supported[look])
    return np.asarray(np.maximum.reduce([looks.made[look], kept, names.sum(-1)]))
