"""How many segments: lower bounds on the number of true effects, for all segments and any subset.

Everything here takes p-values with one row a service; NaN marks padding and is never counted.
"""

import numpy as np

from worker.stats.panel import Bools, Floats, Ints
from worker.stats.rounding import rounded


def partial_conjunction(p: Floats) -> Floats:
    """p-value that at least r of the n hypotheses are false, for r = 1 … n.

    p(r/n) is Simes' p of the n - r + 1 largest p-values.

    Parameters
    ----------
    p : [b, n], in [0, 1]; NaN is padding.

    Returns
    -------
    [b, n], entry r - 1 for r; NaN beyond the number of p-values in the row. Never above 1.

    References
    ----------
    Benjamini & Heller 2008 (10.1111/j.1541-0420.2007.00984.x), Theorem 1.
    """
    rows, width = p.shape
    ordered = np.sort(p, axis=1)
    number = (~np.isnan(p)).sum(1, keepdims=True)
    position = np.arange(width)
    result = np.full((rows, width), np.nan)
    for r in range(1, width + 1):
        largest = number - r + 1
        step = position - (r - 1) + 1
        inside = (step >= 1) & (position < number)
        simes = np.where(inside, largest * ordered / np.maximum(step, 1), np.inf)
        result[:, r - 1] = np.where(
            r <= number[:, 0], np.minimum(simes.min(1, initial=np.inf), 1.0), np.nan
        )
    return result


def lower_bound(p: Floats, alpha: Floats | float) -> Ints:
    """With confidence 1 - alpha at least this many hypotheses of each row are false.

    The number of r for which the running maximum of p(r/n), to 10 significant digits, is at most
    alpha; `alpha` is one number or one a row. 0 for a row without p-values.
    """
    running = np.maximum.accumulate(partial_conjunction(p), axis=1)
    level = np.broadcast_to(np.asarray(alpha, dtype=np.float64), (p.shape[0],))[:, None]
    return np.asarray((np.nan_to_num(rounded(running), nan=np.inf) <= level).sum(1))


def hommel_adjusted(p: Floats) -> Floats:
    """Hommel's adjusted p-values, [b, n] as `p`; NaN stays NaN.

    References
    ----------
    Hommel 1988 (10.1093/biomet/75.2.383); the algorithm of Wright 1992 (10.2307/2532694),
    appendix.
    """
    adjusted = np.full_like(p, np.nan)
    order = np.argsort(p, axis=1, kind="stable")
    number = (~np.isnan(p)).sum(1)
    for n in np.unique(number[number > 0]):
        rows = np.flatnonzero(number == n)[:, None]
        ascending = order[rows[:, 0], :n]
        adjusted[rows, ascending] = _hommel(p[rows, ascending])
    return adjusted


def _hommel(ordered: Floats) -> Floats:
    """The same of rows in ascending order without padding, [rows, n] with n above 0."""
    n = ordered.shape[1]
    best = np.maximum(ordered, np.min(n * ordered / np.arange(1, n + 1), axis=1, keepdims=True))
    for m in range(n - 1, 1, -1):
        lower, upper = ordered[:, : n - m + 1], ordered[:, n - m + 1 :]
        smallest = np.min(m * upper / np.arange(2, m + 1), axis=1, keepdims=True)
        q = np.minimum(m * lower, smallest)
        best[:, : n - m + 1] = np.maximum(best[:, : n - m + 1], q)
        best[:, n - m + 1 :] = np.maximum(best[:, n - m + 1 :], q[:, -1:])
    return np.asarray(np.minimum(best, 1.0))


def simultaneous_bound(p: Floats, subset: Bools, alpha: float) -> int:
    """At least this many hypotheses of a subset are false, simultaneously over all subsets.

    Parameters
    ----------
    p : [n], all p-values of the strand.
    subset : [n], the chosen ones.

    References
    ----------
    Goeman & Solari 2011 (10.1214/11-STS356); the shortcut of Goeman, Meijer, Krebs & Solari
    2019 (10.1093/biomet/asz041), Lemma 1 and equation 3.
    """
    ordered = np.sort(p)
    n = len(p)
    h = 0
    for size in range(n, 0, -1):
        tail = ordered[n - size :]
        if np.all(rounded(tail * size / np.arange(1, size + 1)) > alpha):
            h = size
            break
    chosen = p[subset]
    if len(chosen) == 0:
        return 0
    steps = np.arange(1, len(chosen) + 1)
    found = (rounded(h * chosen[None, :] / steps[:, None]) <= alpha).sum(1)
    return int(np.max(1 - steps + found).clip(min=0))


def least_share(share: Floats, named: Bools, count: int) -> float:
    """Smallest share of care that `count` segments with these names among them can have.

    share : [n], sums to 1; named : [n].
    """
    others = np.sort(share[~named])
    further = max(count - int(named.sum()), 0)
    return float(share[named].sum() + others[:further].sum())
