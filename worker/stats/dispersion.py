"""How much months differ from each other: dispersion, dependence, correlation and season.

Evidence of care is over-dispersed, months and channels move together, and a claim that ignores
it is wrong far more often than it says.
"""

from dataclasses import dataclass

import numpy as np

from worker.stats.effects import ROUNDING
from worker.stats.moderation import moderated
from worker.stats.panel import (
    MEAN,
    PROPORTION,
    Bools,
    Floats,
    Panel,
    safe_divide,
    span_of,
    window_sums,
)

#: Below this an indicator is left out.
FEWEST_DF = 4.0
#: Autocorrelation assumed where history is short, and how many pairs of months outweigh it.
PRIOR_AUTOCORRELATION, PRIOR_PAIRS = 0.2, 30.0
LARGEST_AUTOCORRELATION = 0.6
#: Correlation of two indicators that share too few months to estimate it.
UNKNOWN_CORRELATION, FEWEST_SHARED_MONTHS = 0.5, 6


def single_value_variance(panel: Panel) -> Floats:
    """Spread of single values about their segment-and-window mean, pooled, [b, i].

    1 where fewer than two values exist or all are equal, so that a constant series never looks
    certain; NaN never.
    """
    total = np.zeros((panel.x.shape[0], panel.x.shape[3]))
    count, size = np.zeros_like(total), np.zeros_like(total)
    for window in (panel.baseline, panel.current):
        sums = window_sums(panel, window)
        within = sums.squares - safe_divide(sums.x**2, sums.n)
        total += np.maximum(within, 0).sum((1, 2))
        count += np.maximum(sums.n - 1, 0).sum((1, 2))
        size += sums.squares.sum((1, 2))
    # Equal values leave the rounding of their sums, which is no spread.
    return np.where(total > ROUNDING * size, safe_divide(total, count), 1.0)


def residuals(panel: Panel, window: Bools, spread: Floats) -> tuple[Floats, Floats]:
    """Observed minus expected by month, about the level of the window.

    Returns
    -------
    excess, information : [b, g, k, i, the months of `span_of(window)`]
        x - n·level and its variance under the level, 0 outside the window and where the level
        leaves nothing to vary (all zero, all perfect).
    """
    span = span_of(window)
    months = window[:, None, None, None, span]
    x, n = panel.x[..., span] * months, panel.n[..., span] * months
    level = safe_divide(x.sum(-1), n.sum(-1))
    measure = panel.indicators.measure
    single = np.where(
        measure == PROPORTION,
        level * (1 - level),
        np.where(measure == MEAN, spread[:, None, None], level),
    )
    information = n * single[..., None]
    excess = x - n * level[..., None]
    excess[information <= 0] = 0.0
    return excess, information


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Variance inflation of an effect and what goes with it.

    phi : [b, g, i], at least 1: multiplies the variance of sums of one month.
    df : [b, i], degrees of freedom behind the service's.
    own_df : [b, g, i], behind a segment's; fewer where its own months say more than the others'.
    autocorrelation : [b, i], between neighbouring months.
    """

    phi: Floats
    df: Floats
    own_df: Floats
    autocorrelation: Floats


def inflation(autocorrelation: Floats, months: Floats) -> Floats:
    """Variance of a mean of `months` neighbours relative to independent ones.

    1 + 2 Σ_{k<m} (1 - k/m) ρ^k, the exact factor of a first-order process, summed in closed form.
    ρ below 1; shapes broadcast.
    """
    m, rho = np.maximum(months, 1.0), autocorrelation
    return np.asarray((1 + rho - 2 * rho * (1 - rho**m) / (m * (1 - rho))) / (1 - rho))


def autocorrelation(panel: Panel, spread: Floats) -> Floats:
    """First-order correlation of month residuals, [b, i], at least 0.

    Estimated on the months before the start and the current window, pooled over segments, with
    the bias of fitted levels taken off; shrunk towards the service's, and that towards 0.2.
    """
    b, i = panel.x.shape[0], panel.x.shape[3]
    products, squares, pairs = np.zeros((b, i)), np.zeros((b, i)), np.zeros((b, i))
    for window in (panel.before, panel.current):
        excess, information = (part.sum(2) for part in residuals(panel, window, spread))
        r = safe_divide(excess, np.sqrt(information))
        seen = information > 0
        both = seen[..., 1:] & seen[..., :-1]
        own = np.einsum("...m,...m->...", r, r)
        months = seen.sum(-1)
        # Residuals about a fitted mean of m months have correlation -1/m even when independent.
        share = safe_divide(both.sum(-1).astype(np.float64), np.maximum(months - 1.0, 1.0))
        bias = safe_divide(own, months.astype(np.float64)) * share
        products += (np.einsum("...m,...m->...", r[..., 1:], r[..., :-1]) + bias).sum(1)
        squares += (own * share).sum(1)
        pairs += both.sum((1, 3))
    total_pairs = pairs.sum(1, keepdims=True)
    raw = safe_divide(products.sum(1, keepdims=True), squares.sum(1, keepdims=True))
    service = (total_pairs * raw + PRIOR_PAIRS * PRIOR_AUTOCORRELATION) / (
        total_pairs + PRIOR_PAIRS
    )
    own = safe_divide(products, squares)
    shrunk = (pairs * own + PRIOR_PAIRS * service) / (pairs + PRIOR_PAIRS)
    return np.asarray(np.clip(shrunk, 0.0, LARGEST_AUTOCORRELATION))


def dispersion(panel: Panel, spread: Floats) -> Dispersion:
    """Pearson dispersion of months about their own segment-and-window level.

    That of the service unless a segment, or an indicator in it, varies more than chance lets it:
    `worker.stats.moderation`. Never below the service's, which is at least 1. Dependence of
    neighbouring months makes them look closer to their mean than they are, which is corrected.
    Months of an all-zero window carry no degrees of freedom.

    Residuals are summed over strata first: the teams of a band or an area have good and bad months
    together, and each of them alone would not show how much the whole varies.
    """
    rho = autocorrelation(panel, spread)
    b, g, _, i, _ = panel.x.shape
    square, df, months_df = np.zeros((b, g, i)), np.zeros((b, g, i)), np.zeros((b, g, i))
    for window in (panel.baseline, panel.current):
        excess, information = (part.sum(2) for part in residuals(panel, window, spread))
        months = (information > 0).sum(-1).astype(np.float64)
        own = np.maximum(months - 1, 0)
        square += safe_divide(excess**2, information).sum(-1)
        shrink = 1 - safe_divide(inflation(rho[:, None], months) - 1, own)
        df += own * np.clip(shrink, 0.2, 1)
        months_df += own
    found = moderated(square, df, months_df)
    return Dispersion(found.phi, found.pooled_df, found.df, rho)


def correlation(panel: Panel, spread: Floats) -> Floats:
    """Correlation of the month residuals of indicators, pooled over segments, [b, i, i].

    Floored at 0; 0.5 for two indicators with fewer than 6 shared months; 1 on the diagonal.
    """
    b, g, _, i, m = panel.x.shape
    r, seen = np.zeros((b, g, i, m)), np.zeros((b, g, i, m), dtype=bool)
    for window in (panel.before, panel.current):
        excess, information = residuals(panel, window, spread)
        information = information.sum(2)
        span = span_of(window)
        r[..., span] += safe_divide(excess.sum(2), np.sqrt(information))
        seen[..., span] |= information > 0
    signed: Floats = np.asarray(r * panel.indicators.sign[:, None])
    flat = signed.swapaxes(1, 2).reshape(b, i, g * m)
    known: Floats = seen.swapaxes(1, 2).reshape(b, i, g * m).astype(np.float64)
    cross = flat @ flat.swapaxes(1, 2)
    own = (flat**2) @ known.swapaxes(1, 2)
    result = np.clip(safe_divide(cross, np.sqrt(own * own.swapaxes(1, 2))), 0, 1)
    by_month: Floats = np.asarray(seen.any(1), dtype=np.float64)
    shared = by_month @ by_month.swapaxes(1, 2)
    result = np.where(shared < FEWEST_SHARED_MONTHS, UNKNOWN_CORRELATION, result)
    result[:, np.arange(i), np.arange(i)] = 1.0
    return result


@dataclass(frozen=True, slots=True)
class Season:
    """What the calendar alone would have changed between the windows.

    contrast : [b, i] on the test scale, 0 where it cannot be estimated.
    variance : [b, i], to be added to that of every segment's effect.
    known : [b, i], False: fewer than 12 months before the start.
    """

    contrast: Floats
    variance: Floats
    known: Bools


def season(panel: Panel, spread: Floats, phi: Floats) -> Season:
    """Service-level season from the 12 months before the start, as a contrast of the windows.

    A month's departure from each segment's level is one score step, Σ(x - n·level) / Σ information,
    so that a changing mix of segments cannot pass for a season. `phi` is [b, i].
    """
    b, m = panel.before.shape
    position = np.arange(m)
    last = np.where(panel.before.any(1), m - 1 - np.argmax(panel.before[:, ::-1], axis=1), -1)
    year = (position <= last[:, None]) & (position > last[:, None] - 12) & panel.before
    excess, information = residuals(panel, year, spread)
    excess, information = excess.sum((1, 2)), information.sum((1, 2))
    known = (information > 0).sum(-1) == 12
    # How much the sum moves with the parameter: its variance, but for means the number of values.
    mean = panel.indicators.measure[:, None] == MEAN
    sensitivity = np.where(mean, safe_divide(information, spread[..., None]), information)
    departure = safe_divide(excess, sensitivity)
    weight = np.zeros((b, m))
    for window, direction in ((panel.current, 1.0), (panel.baseline, -1.0)):
        share = safe_divide(window.astype(np.float64), window.sum(1, keepdims=True).astype(float))
        for offset in range(12):
            same = (position - offset) % 12 == 0
            weight += direction * np.where(same & year, (share * same).sum(1, keepdims=True), 0.0)
    weight = weight[:, span_of(year)]
    contrast = (departure * weight[:, None]).sum(-1)
    variance = phi * safe_divide(weight[:, None] ** 2 * information, sensitivity**2).sum(-1)
    return Season(np.where(known, contrast, 0.0), np.where(known, variance, 0.0), known)
