"""Effect of one indicator in one segment, current window against baseline.

The test scale (log odds, log rate, difference) decides; the display scale (change in units of
the smallest meaningful change) is what people read.
"""

from dataclasses import dataclass

import numpy as np

from worker.stats.panel import MEAN, PROPORTION, RATE, Bools, Floats, Indicators, Sums, safe_divide

#: Sums that differ by less than this part of themselves are equal: the sign of a rounding error is
#: no direction.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Effect:
    """An estimate and its variance before dispersion, each [b, g, i]; NaN without evidence."""

    estimate: Floats
    variance: Floats


def test_effect(indicators: Indicators, baseline: Sums, current: Sums, spread: Floats) -> Effect:
    """Change on the test scale, strata combined by Mantel-Haenszel.

    Parameters
    ----------
    indicators : Indicators
    baseline, current : Sums
        Window totals [b, g, k, i].
    spread : [b, i]
        Variance of single values, used for means alone.

    Returns
    -------
    Effect
        log odds ratio (proportion), log rate ratio (rate) or difference (mean), current minus
        baseline, in the indicator's own direction; NaN where no stratum has both windows.

    Notes
    -----
    Where a total is 0, window w gets the share n_w / (n_0 + n_1) of one event and, for
    proportions, of one non-event, spread over strata by their size. Equal rates, nothing against
    nothing and perfect against perfect then give exactly 0 whatever the windows' lengths. With
    one stratum the variances are those of Woolf and of the log rate ratio.

    References
    ----------
    Mantel & Haenszel 1959; Robins, Breslow & Greenland 1986 (10.2307/2531052) for the variance of
    the log odds ratio; Greenland & Robins 1985 (10.2307/2530643) for that of the log rate ratio.
    """
    shape = (*baseline.x.shape[:2], baseline.x.shape[3])
    estimate, variance = np.full(shape, np.nan), np.full(shape, np.nan)
    for measure, method in ((PROPORTION, _log_odds), (RATE, _log_rate)):
        chosen = indicators.measure == measure
        if chosen.any():
            parts = (_only(baseline, chosen), _only(current, chosen))
            estimate[..., chosen], variance[..., chosen] = method(*parts)
    chosen = indicators.measure == MEAN
    if chosen.any():
        before, after = _only(baseline, chosen), _only(current, chosen)
        estimate[..., chosen], variance[..., chosen] = _difference(
            before, after, spread[:, None, chosen]
        )
    return Effect(estimate, variance)


def _only(sums: Sums, chosen: Bools) -> Sums:
    return Sums(*(part[..., chosen] for part in (sums.x, sums.n, sums.squares, sums.months)))


def _both(before: Sums, after: Sums) -> tuple[Floats, Floats, Floats, Floats, Bools]:
    """Counts of strata that have both windows; the others say nothing about change."""
    usable = (before.n > 0) & (after.n > 0)
    x0, n0 = before.x * usable, before.n * usable
    x1, n1 = after.x * usable, after.n * usable
    return x0, n0, x1, n1, np.asarray(usable.any(2))


def _log_odds(before: Sums, after: Sums) -> tuple[Floats, Floats]:
    x0, n0, x1, n1, usable = _both(before, after)
    a, b, c, d = x1, n1 - x1, x0, n0 - x0
    size = n0 + n1
    total = size.sum(2, keepdims=True)

    def sides(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats, Floats]:
        t = a + b + c + d
        return safe_divide(a * d, t), safe_divide(b * c, t), t

    r, s, _ = sides(a, b, c, d)
    empty = np.minimum.reduce([part.sum(2) for part in (a, b, c, d, r, s)]) <= 0
    share0 = safe_divide(n0, total) * empty[:, :, None]
    share1 = safe_divide(n1, total) * empty[:, :, None]
    a, b, c, d = a + share1, b + share1, c + share0, d + share0
    r, s, t = sides(a, b, c, d)
    p, q = safe_divide(a + d, t), safe_divide(b + c, t)
    big_r, big_s = r.sum(2), s.sum(2)
    ok = usable & (big_r > 0) & (big_s > 0)
    estimate = np.where(ok, _log_ratio(big_r, big_s), np.nan)
    # Robins, Breslow & Greenland 1986, equation 3.
    variance = (
        safe_divide((p * r).sum(2), 2 * big_r**2)
        + safe_divide((p * s + q * r).sum(2), 2 * big_r * big_s)
        + safe_divide((q * s).sum(2), 2 * big_s**2)
    )
    return estimate, np.where(ok, variance, np.nan)


def _log_rate(before: Sums, after: Sums) -> tuple[Floats, Floats]:
    x0, e0, x1, e1, usable = _both(before, after)
    size = e0 + e1
    total = size.sum(2, keepdims=True)
    empty = (np.minimum(x0.sum(2), x1.sum(2)) <= 0)[:, :, None]
    x0 = x0 + safe_divide(e0, total) * empty
    x1 = x1 + safe_divide(e1, total) * empty
    r, s = safe_divide(x1 * e0, size).sum(2), safe_divide(x0 * e1, size).sum(2)
    ok = usable & (r > 0) & (s > 0)
    estimate = np.where(ok, _log_ratio(r, s), np.nan)
    # Greenland & Robins 1985, equation 9.
    variance = safe_divide(safe_divide((x0 + x1) * e0 * e1, size**2).sum(2), r * s)
    return estimate, np.where(ok, variance, np.nan)


def _log_ratio(r: Floats, s: Floats) -> Floats:
    """Log r - log s, exactly 0 where they differ by the rounding of their sums alone."""
    equal = np.abs(r - s) <= ROUNDING * np.maximum(r, s)
    known = (r > 0) & (s > 0) & ~equal
    return np.log(np.where(known, r, 1.0)) - np.log(np.where(known, s, 1.0))


def _change(x0: Floats, n0: Floats, x1: Floats, n1: Floats) -> Floats:
    """Level after minus level before, exactly 0 where they differ by rounding alone."""
    before, after = safe_divide(x0, n0), safe_divide(x1, n1)
    equal = np.abs(after - before) <= ROUNDING * np.maximum(np.abs(after), np.abs(before))
    return np.where(equal, 0.0, after - before)


def _difference(before: Sums, after: Sums, spread: Floats) -> tuple[Floats, Floats]:
    x0, n0, x1, n1, usable = _both(before, after)
    weight = safe_divide(n0 * n1, n0 + n1)
    total = weight.sum(2)
    change = _change(x0, n0, x1, n1)
    estimate = safe_divide((weight * change).sum(2), total)
    # The variance of w (m1 - m0) is w² σ² (1/n1 + 1/n0) = w σ².
    variance = safe_divide(np.broadcast_to(spread, total.shape), total)
    return np.where(usable, estimate, np.nan), np.where(usable, variance, np.nan)


def display_effect(indicators: Indicators, baseline: Sums, current: Sums, spread: Floats) -> Effect:
    """Change of level in meaningful changes, positive is better: g = y (level₁ - level₀) / m.

    Shapes as in `test_effect`. Strata are weighted as Mantel-Haenszel weighs risk differences,
    so that a change of who works when cannot pass for a change of level. The variance is that of
    the delta method, with half an event added so that none out of few is not certainty.
    """
    x0, n0, x1, n1, usable = _both(baseline, current)
    weight = safe_divide(n0 * n1, n0 + n1)
    total = weight.sum(2)
    change = _change(x0, n0, x1, n1)
    single = (
        single_variance(indicators, x0, n0, spread),
        single_variance(indicators, x1, n1, spread),
    )
    variance = safe_divide(
        (weight**2 * (safe_divide(single[0], n0) + safe_divide(single[1], n1))).sum(2), total**2
    )
    scale = indicators.sign / indicators.meaningful
    estimate = scale * safe_divide((weight * change).sum(2), total)
    return Effect(np.where(usable, estimate, np.nan), np.where(usable, scale**2 * variance, np.nan))


def single_variance(indicators: Indicators, x: Floats, n: Floats, spread: Floats) -> Floats:
    """Variance of one trial, one unit of exposure or one value; shapes [b, g, k, i]."""
    p = safe_divide(x + 0.5, n + 1)
    rate = safe_divide(x + 0.5, n)
    measure = indicators.measure
    return np.where(
        measure == PROPORTION,
        p * (1 - p),
        np.where(measure == RATE, rate, spread[:, None, None, :]),
    )
