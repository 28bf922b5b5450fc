"""Whether two monthly series move together, and which of them follows the other.

Months on the last axis, NaN is a month without evidence; every other axis is a batch. Trends are
taken out first: two series that both rise agree at every lag.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from worker.stats.effects import ROUNDING
from worker.stats.panel import Bools, Floats, Ints, safe_divide

#: Fewer shared months say nothing of a lag.
FEWEST_SHARED_MONTHS = 18
LONGEST_LAG = 6


def detrended(value: Floats) -> Floats:
    """Residuals of months from their least-squares line, [..., m]; NaN stays NaN.

    One or two months leave residuals of 0. A residual that is rounding alone is 0.
    """
    seen = np.isfinite(value)
    number = seen.sum(-1, keepdims=True).astype(np.float64)
    month = np.arange(value.shape[-1], dtype=np.float64)
    filled = np.where(seen, value, 0.0)
    centre = safe_divide((month * seen).sum(-1, keepdims=True), number)
    mean = safe_divide(filled.sum(-1, keepdims=True), number)
    at = np.where(seen, month - centre, 0.0)
    slope = safe_divide((at * filled).sum(-1, keepdims=True), (at**2).sum(-1, keepdims=True))
    residual = filled - mean - slope * at
    scale = np.max(np.abs(filled), axis=-1, keepdims=True, initial=0.0)
    residual = np.where(np.abs(residual) <= ROUNDING * scale, 0.0, residual)
    return np.where(seen, residual, np.nan)


def cross_correlation(x: Floats, y: Floats, longest: int = LONGEST_LAG) -> Floats:
    """Correlation of x with y at lags -longest to longest, [..., 2·longest + 1].

    At lag k the x of month t + k meets the y of month t: a peak at a positive lag says that x
    follows y. Means, spreads and the denominator are those of all months that both series have,
    so that no value leaves [-1, 1] and long lags are drawn towards 0. NaN where a series has no
    spread in these months.

    References
    ----------
    Box & Jenkins 1976, Time Series Analysis, section 11.1.2.
    """
    both = np.isfinite(x) & np.isfinite(y)
    left, right = _about_mean(x, both), _about_mean(y, both)
    scale = np.sqrt((left**2).sum(-1) * (right**2).sum(-1))
    months = both.shape[-1]
    values = []
    for lag in range(-longest, longest + 1):
        ahead, behind = max(lag, 0), max(-lag, 0)
        stop = max(months - abs(lag), 0)
        pair = left[..., ahead : ahead + stop] * right[..., behind : behind + stop]
        values.append(safe_divide(pair.sum(-1), scale, np.nan))
    return np.stack(values, axis=-1)


def _about_mean(value: Floats, seen: Bools) -> Floats:
    """Distance to the mean of the seen months, 0 elsewhere and where it is rounding alone."""
    number = seen.sum(-1, keepdims=True).astype(np.float64)
    filled = np.where(seen, value, 0.0)
    distance = np.where(seen, filled - safe_divide(filled.sum(-1, keepdims=True), number), 0.0)
    scale = np.max(np.abs(filled), axis=-1, keepdims=True, initial=0.0)
    return np.where(np.abs(distance) <= ROUNDING * scale, 0.0, distance)


@dataclass(frozen=True, slots=True)
class Lag:
    """By how many months one series follows another, [...] each.

    known : 18 shared months or more, and both series vary. lag and correlation hold nothing (0
        and NaN) where it is False.
    lag : months by which the first follows the second; negative: it leads.
    correlation : there, of the detrended series.
    beyond_noise : larger than what the largest of all lags reaches in 5% of unrelated series.
    shared : months that both series have.
    """

    known: Bools
    lag: Ints
    correlation: Floats
    beyond_noise: Bools
    shared: Ints


def following(x: Floats, y: Floats, longest: int = LONGEST_LAG) -> Lag:
    """Lag at which x agrees most with y, both detrended over the months they share.

    Only agreement in the same direction counts: the largest correlation, not the largest in size.
    Of equal lags the one nearest to 0 is taken, then the positive one.

    Parameters
    ----------
    x, y : [..., m]
        Monthly levels, both better in the same direction: what people say and what is audited.

    References
    ----------
    Bartlett 1946 (10.2307/2983611) for the standard error 1/√n of unrelated series; Bonferroni
    over the lags.
    """
    both = np.isfinite(x) & np.isfinite(y)
    shared = both.sum(-1)
    left, right = (detrended(np.where(both, each, np.nan)) for each in (x, y))
    values = cross_correlation(left, right, longest)
    lags = np.arange(-longest, longest + 1)
    order = np.lexsort((-lags, np.abs(lags)))
    known = (shared >= FEWEST_SHARED_MONTHS) & ~np.isnan(values).any(-1)
    ranked = np.where(known[..., None], values, 0.0)[..., order]
    best = ranked.argmax(-1)
    correlation = np.where(known, ranked.max(-1), np.nan)
    noise = special.ndtri(1 - 0.05 / len(lags)) / np.sqrt(np.maximum(shared, 1))
    return Lag(
        known=known,
        lag=np.where(known, lags[order][best], 0),
        correlation=correlation,
        beyond_noise=np.where(known, correlation, 0.0) > noise,
        shared=shared,
    )
