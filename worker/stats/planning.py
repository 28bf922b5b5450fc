"""What evidence could show: power for a change that matters, and what would raise it."""

from collections.abc import Sequence

import numpy as np
from scipy import special

from worker.stats.combination import combine_indicators, corroborated, upper_tail
from worker.stats.evidence import Evidence
from worker.stats.method import Method
from worker.stats.panel import Bools, Floats, safe_divide

#: Further events that are tried, in order; more than the last is not advice anybody can follow.
FURTHER_EVENTS = (1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)
WANTED_POWER = 0.8


def power_of(
    variance: Floats,
    correlation: Floats,
    members: Floats,
    required: int,
    alpha: Floats,
    method: Method,
) -> Floats:
    """Chance that a segment would be seen to improve if every channel gained one meaningful change.

    Parameters
    ----------
    variance : […, b, g, i], of the change in meaningful changes; NaN without evidence.
    correlation : [b, i, i].
    members : [c, i].
    required : channels that have to agree; with fewer the power is 0.
    alpha : [b], one-sided level.
    method : how the test will weigh the evidence.

    Returns
    -------
    […, b, g], in [0, 1]. The largest channels are left out as the test will leave them out.
    """
    known = variance > 0
    signal = np.where(known, 1 / np.sqrt(np.where(known, variance, 1.0)), np.nan)
    weight = np.nan_to_num(signal) if method.informed else np.ones_like(signal)
    p, count = corroborated(combine_indicators(signal, correlation, members, weight), required)
    expected = -_quantile(p)
    critical = -_quantile(alpha)[:, None]
    return np.where(count >= required, upper_tail(critical - expected), 0.0)


def planned_power(
    evidence: Evidence,
    members: Floats,
    required: int,
    chosen: Bools,
    alpha: Floats,
    method: Method,
) -> Floats:
    """`power_of` the evidence as it is, [b, g]."""
    variance = np.where(np.isnan(evidence.z), np.nan, evidence.g_variance)
    return power_of(variance, evidence.correlation, members * chosen, required, alpha, method)


def further_events(
    evidence: Evidence,
    members: Floats,
    required: int,
    chosen: Bools,
    alpha: Floats,
    sizes: Floats,
    channels: Sequence[int],
    method: Method,
) -> Floats:
    """Events of each of these channels in the current window that give 80% power, [b, g].

    Parameters
    ----------
    sizes : [b, g, c], items in one event of a channel; NaN where none was made.
    channels : those that would get more, each as many.

    Returns
    -------
    Number of further events, NaN where 100 more would not do. The variance of a change is taken
    as inverse to the size of both windows; where a segment has none of its own in the current
    window, what one item is worth is taken from the other segments.
    """
    n0, n1 = evidence.n_baseline, evidence.n_current
    both = (n0 > 0) & (n1 > 0) & ~np.isnan(evidence.z)
    parts = safe_divide(np.ones_like(n0), n0) + safe_divide(np.ones_like(n1), n1)
    per_item = np.where(both, safe_divide(evidence.g_variance, parts), np.nan)
    seen = ~np.isnan(per_item)
    others = safe_divide(np.where(seen, per_item, 0).sum(1), seen.sum(1).astype(float), np.nan)
    per_item = np.where(seen, per_item, others[:, None])
    known_size = ~np.isnan(sizes)
    typical = safe_divide(
        np.where(known_size, sizes, 0).sum(1), known_size.sum(1).astype(float), 1.0
    )
    more = members[list(channels)] * chosen
    # Items that one event of its channel brings to each indicator, 0 where none is added.
    size = np.where(known_size, sizes, typical[:, None])[..., list(channels)] @ more
    tried = np.array(FURTHER_EVENTS, dtype=np.float64)
    added = n1 + tried[:, None, None, None] * size
    ready = (n0 > 0) & (added > 0)
    one = np.ones_like(n0)
    variance = np.where(ready, per_item * (safe_divide(one, n0) + safe_divide(one, added)), np.nan)
    power = power_of(variance, evidence.correlation, members * chosen, required, alpha, method)
    enough = power >= WANTED_POWER
    return np.where(enough.any(0), tried[np.argmax(enough, axis=0)], np.nan)


def _quantile(p: Floats) -> Floats:
    return np.asarray(special.ndtri(np.clip(p, 1e-300, 1 - 1e-16)))
