"""Where a segment stands now: against its benchmark, and for how many months it has held."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from worker.stats.evidence import Evidence
from worker.stats.monthly import monthly_change, monthly_distance
from worker.stats.panel import Bools, Floats, Indicators, Ints, Panel, safe_divide, span_of

MATERIAL_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Gap:
    """Distance to the benchmark in meaningful changes, [b, g, i]; positive is better.

    material : wholly worse than one meaningful change below the benchmark (Holm in the segment).
    minor : wholly within one meaningful change of it. Neither: undetermined.
    """

    benchmark: Floats
    estimate: Floats
    lower: Floats
    upper: Floats
    material: Bools
    minor: Bools


def gap_to_benchmark(evidence: Evidence, indicators: Indicators, segments: Bools) -> Gap:
    """Material, minor or undetermined, for each indicator in each segment.

    The benchmark is the standard, else the mean of the other segments, weighted by evidence and
    between-segment variance. Not significant is not the same as equal: only an interval inside
    the margin is minor.

    Parameters
    ----------
    segments : [b, g], those that are compared.

    References
    ----------
    Schuirmann 1987 (10.1007/BF01068419) for the two one-sided tests; Holm 1979.
    """
    level = np.where(segments[..., None], evidence.level, np.nan)
    variance = np.where(segments[..., None], evidence.level_variance, np.nan)
    others, others_variance = _mean_of_others(level, variance)
    has_standard = ~np.isnan(indicators.standard)
    benchmark = np.where(has_standard, indicators.standard, others)
    total = variance + np.where(has_standard, 0.0, others_variance)
    scale = indicators.sign / indicators.meaningful
    estimate = scale * (level - benchmark)
    error = np.sqrt(total) / indicators.meaningful
    df = np.maximum(evidence.df, 1.0)[:, None]
    width = special.stdtrit(df, 1 - MATERIAL_ALPHA) * error
    with np.errstate(invalid="ignore"):
        t = safe_divide(-1 - estimate, np.where(error > 0, error, np.nan), np.nan)
        p = special.stdtr(df, -t)
        minor = (estimate - width > -1) & (estimate + width < 1)
    return Gap(
        benchmark=np.where(np.isnan(estimate), np.nan, benchmark),
        estimate=estimate,
        lower=estimate - width,
        upper=estimate + width,
        material=_holm(p, MATERIAL_ALPHA),
        minor=minor,
    )


def _mean_of_others(level: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Mean of the other segments by inverse variance, [b, g, i]; NaN where there are none."""
    seen = ~np.isnan(level) & (variance > 0)
    weight = np.where(seen, safe_divide(np.ones_like(level), np.where(seen, variance, 1.0)), 0.0)
    value = weight * np.where(seen, level, 0.0)
    total = weight.sum(1, keepdims=True) - weight
    mean = safe_divide(value.sum(1, keepdims=True) - value, total, np.nan)
    number = seen.sum(1, keepdims=True) - seen
    known = (number > 0) & (total > 0)
    # What the others differ by among themselves keeps many exact ones from posing as one truth.
    middle = safe_divide(value.sum(1, keepdims=True), weight.sum(1, keepdims=True))
    centred = np.where(seen, level - middle, 0.0)
    first = centred.sum(1, keepdims=True) - centred
    second = (centred**2).sum(1, keepdims=True) - centred**2
    off = np.where(known, mean - middle, 0.0)
    apart = np.maximum(second - 2 * off * first + number * off**2, 0.0)
    between = apart / np.maximum(number * (number - 1.0), 1)
    error = np.maximum(safe_divide(np.ones_like(total), total, np.nan), between)
    return np.where(known, mean, np.nan), np.where(known, error, np.nan)


def _holm(p: Floats, alpha: float) -> Bools:
    """Holm's step-down rejections along the last axis; NaN is not tested."""
    order = np.argsort(np.where(np.isnan(p), np.inf, p), axis=-1)
    ordered = np.take_along_axis(p, order, axis=-1)
    number = (~np.isnan(p)).sum(-1, keepdims=True)
    left = number - np.arange(p.shape[-1])
    with np.errstate(invalid="ignore"):
        passed = ~np.isnan(ordered) & (ordered * np.maximum(left, 1) <= alpha)
    rejected = np.logical_and.accumulate(passed, axis=-1)
    result = np.zeros(p.shape, dtype=bool)
    np.put_along_axis(result, order, rejected, axis=-1)
    return result


def held_months(panel: Panel, members: Floats) -> Ints:
    """Latest consecutive months on the better side of the baseline, or near the standard, [b, g].

    A month counts when the mean of its channels is above the segment's baseline level, or within
    tolerance of the standards. A month without evidence ends the run: silence holds nothing. No
    month of or before the baseline counts.
    """
    later = panel.baseline[:, ::-1].cumsum(1)[:, ::-1]
    after: Bools = np.asarray((later == 0) | ~panel.baseline.any(1, keepdims=True))
    span = span_of(after)
    better = monthly_change(panel, members, span)
    near = monthly_distance(panel, members, span)
    with np.errstate(invalid="ignore"):
        held: Bools = np.asarray((better > 0) | (near >= -0.5), dtype=bool)
    latest_first = np.flip(held & after[:, None, span], axis=-1)
    return np.asarray(np.logical_and.accumulate(latest_first, axis=-1).sum(-1))
