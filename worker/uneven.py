"""What is uneven between the segments of a strand: figures beside the bound, never a gate."""

from dataclasses import dataclass

import numpy as np

from worker.stats.combination import combine_indicators, inverse_variance_mean, mean_of_channels
from worker.stats.evidence import Evidence
from worker.stats.heterogeneity import (
    Homogeneity,
    homogeneity,
    i_squared,
    paule_mandel,
    random_effects,
)
from worker.stats.panel import Bools, Floats, Indicators, Panel, safe_divide
from worker.stats.segments import Segments
from worker.stats.unevenness import (
    Extremes,
    TauChange,
    WithoutBest,
    extremes,
    leave_the_best_out,
    tau_change,
)

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Unevenness:
    """By look, [b] where no shape is given; values in meaningful changes, positive is better.

    homogeneity, i_squared, tau2 : of the segments' changes.
    predicted_lower, predicted_upper : change to expect of a segment nobody has measured.
    without_best : mean change of the others.
    tau : spread of levels now and at baseline.
    extremes : best and weakest level now.
    months : between the middles of the two windows.
    weak_rose : the segments that were below the mean at baseline are better, with confidence.
    best_fell : the best at baseline is worse, with confidence.
    level : [b, g], now.
    closing, closing_error : [b, g], by how much a segment nears its benchmark in a month.
    """

    homogeneity: Homogeneity
    i_squared: Floats
    tau2: Floats
    predicted_lower: Floats
    predicted_upper: Floats
    without_best: WithoutBest
    tau: TauChange
    extremes: Extremes
    months: Floats
    weak_rose: Bools
    best_fell: Bools
    level: Floats
    closing: Floats
    closing_error: Floats


def uneven_of(
    evidence: Evidence, panel: Panel, members: Floats, whole: Segments, provided: Bools
) -> Unevenness:
    """All of it for every look; segments without care or evidence are left out."""
    g = np.where(provided, whole.g, np.nan)
    variance = np.where(provided, whole.g_variance, np.nan)
    tau2 = paule_mandel(g, variance)
    mean = random_effects(g, variance, tau2)
    predicted = mean.prediction()
    level, level_variance, first, first_variance = segment_levels(evidence, panel, members)
    level, first = (np.where(provided, each, np.nan) for each in (level, first))
    months = _months_between(panel)
    closing, closing_variance = _closing(evidence, panel.indicators, members, provided)
    # Below the mean of all is weak: a median would call one of two alike.
    middle, _ = _mean(first, first_variance)
    with np.errstate(invalid="ignore"):
        weak = first < middle[:, None]
    weak_mean, weak_error = _mean(np.where(weak, g, np.nan), variance)
    best = np.max(np.nan_to_num(first, nan=-np.inf), axis=-1, keepdims=True, initial=-np.inf)
    was_best = first == best
    fell = was_best & (g + Z95 * np.sqrt(variance) < 0)
    return Unevenness(
        homogeneity=homogeneity(g, variance),
        i_squared=i_squared(g, variance, tau2),
        tau2=tau2,
        predicted_lower=predicted[0],
        predicted_upper=predicted[1],
        without_best=leave_the_best_out(g, variance),
        tau=tau_change(level, level_variance, first, first_variance),
        extremes=extremes(level, level_variance),
        months=months,
        weak_rose=weak_mean - Z95 * weak_error > 0,
        best_fell=fell.any(-1),
        level=level,
        closing=safe_divide(closing, months[:, None], np.nan),
        closing_error=safe_divide(np.sqrt(closing_variance), months[:, None], np.nan),
    )


def segment_levels(
    evidence: Evidence, panel: Panel, members: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Levels now and at baseline with their variances, [b, g] each, in meaningful changes.

    Measured from the service's own baseline level of each indicator, and over the indicators that
    a segment has in both windows, so that what one team does not measure makes it no better.
    """
    indicators = panel.indicators
    both = (evidence.level_variance > 0) & (evidence.baseline_variance > 0)
    size = np.where(both, evidence.n_baseline, 0.0)
    reference = safe_divide(
        (size * np.where(both, evidence.baseline_level, 0.0)).sum(1), size.sum(1), np.nan
    )[:, None]
    found: list[Floats] = []
    for level, variance in (
        (evidence.level, evidence.level_variance),
        (evidence.baseline_level, evidence.baseline_variance),
    ):
        value = indicators.sign * (level - reference) / indicators.meaningful
        scaled = np.where(both, variance / indicators.meaningful**2, np.nan)
        found += _over_channels(np.where(both, value, np.nan), scaled, evidence, members)
    return found[0], found[1], found[2], found[3]


def _over_channels(
    value: Floats, variance: Floats, evidence: Evidence, members: Floats
) -> tuple[Floats, Floats]:
    weight = np.where(np.isnan(value), 0.0, 1.0)
    together = combine_indicators(value, evidence.correlation, members, weight)
    channel, spread = inverse_variance_mean(value, variance, evidence.correlation, members)
    return mean_of_channels(channel, spread, together.correlation)


def _closing(
    evidence: Evidence, indicators: Indicators, members: Floats, provided: Bools
) -> tuple[Floats, Floats]:
    """Change of the distance to the benchmark: a standard stands still, other segments move."""
    g = np.where(provided[..., None], evidence.g, np.nan)
    seen = ~np.isnan(g)
    number = seen.sum(1, keepdims=True)
    filled, spread = np.where(seen, g, 0.0), np.where(seen, evidence.g_variance, 0.0)
    others = safe_divide(filled.sum(1, keepdims=True) - filled, number - 1.0, np.nan)
    error = safe_divide(spread.sum(1, keepdims=True) - spread, (number - 1.0) ** 2, np.nan)
    fixed = ~np.isnan(indicators.standard)
    moved = np.where(fixed, g, g - others)
    variance = np.where(fixed, evidence.g_variance, evidence.g_variance + error)
    return _over_channels(moved, variance, evidence, members)


def _months_between(panel: Panel) -> Floats:
    """Months from the middle of the baseline to the middle of the current window, [b]."""
    position = np.arange(panel.baseline.shape[1])
    now, then = (
        safe_divide((window * position).sum(1), window.sum(1).astype(np.float64), np.nan)
        for window in (panel.current, panel.baseline)
    )
    return np.asarray(now - then)


def _mean(value: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Plain mean over segments and its error, NaN where there are none."""
    seen = ~np.isnan(value) & (variance > 0)
    number = seen.sum(-1).astype(np.float64)
    mean = safe_divide(np.where(seen, value, 0.0).sum(-1), number, np.nan)
    error = safe_divide(np.sqrt(np.where(seen, variance, 0.0).sum(-1)), number, np.nan)
    return mean, error
