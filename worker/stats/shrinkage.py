"""Levels to show: each segment's own, drawn towards what all have in common.

A small team is then neither praised nor blamed for its luck; its raw level is shown beside it.
The posteriors have units on the last axis, `shrunk_levels` takes services, segments and indicators.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from worker.stats.effects import ROUNDING
from worker.stats.heterogeneity import paule_mandel, random_effects
from worker.stats.panel import MEAN, PROPORTION, RATE, Floats, Ints, safe_divide
from worker.stats.priors import Prior

#: Fewer units say too little of how much they differ: they are pooled.
FEWEST_UNITS = 5


@dataclass(frozen=True, slots=True)
class Levels:
    """A level and its interval for each unit, NaN for a unit without evidence."""

    level: Floats
    lower: Floats
    upper: Floats


def beta_posterior(prior: Prior, x: Floats, n: Floats, confidence: float = 0.95) -> Levels:
    """Proportions [..., g] under a beta prior [...]: mean and equal-tailed interval.

    The prior is taken as known. Under complete pooling all units have its mean, without width.
    """
    n = np.where((n > 0) & np.isfinite(x), n, np.nan)
    mean, weight = prior.mean[..., None], _finite(prior.weight)[..., None]
    a, b = x + mean * weight, n - x + (1 - mean) * weight
    lower, upper = (special.betaincinv(a, b, tail) for tail in _tails(confidence))
    return _unless_pooled(prior, n, a / (a + b), np.asarray(lower), np.asarray(upper))


def gamma_posterior(prior: Prior, x: Floats, exposure: Floats, confidence: float = 0.95) -> Levels:
    """Rates [..., g] under a gamma prior [...]: mean and equal-tailed interval.

    The prior is taken as known. Under complete pooling all units have its mean, without width.
    """
    exposure = np.where((exposure > 0) & np.isfinite(x), exposure, np.nan)
    weight = _finite(prior.weight)[..., None]
    shape, rate = x + prior.mean[..., None] * weight, exposure + weight
    lower, upper = (special.gammaincinv(shape, tail) / rate for tail in _tails(confidence))
    return _unless_pooled(prior, exposure, shape / rate, lower, upper)


def normal_prior(estimate: Floats, variance: Floats, tau2: Floats) -> Prior:
    """Normal prior from values and variances [..., g] and a τ² [...] of `heterogeneity`.

    Complete pooling where τ² is 0 or unknown.
    """
    known = tau2 > 0
    weight = safe_divide(np.ones_like(tau2), np.where(known, tau2, 0.0), np.inf)
    return Prior(random_effects(estimate, variance, tau2).mean, weight)


def normal_posterior(
    prior: Prior, estimate: Floats, variance: Floats, confidence: float = 0.95
) -> Levels:
    """Values [..., g] with known variances under a normal prior [...]: mean and interval.

    The prior is taken as known. Under complete pooling all units have its mean, without width.
    """
    precision = 1 / np.where(variance > 0, variance, np.nan)
    weight = _finite(prior.weight)[..., None]
    total = precision + weight
    mean = (precision * estimate + weight * prior.mean[..., None]) / total
    width = special.ndtri((1 + confidence) / 2) / np.sqrt(total)
    size = np.where(np.isnan(estimate), np.nan, precision)
    return _unless_pooled(prior, size, mean, mean - width, mean + width)


def _tails(confidence: float) -> tuple[float, float]:
    return (1 - confidence) / 2, (1 + confidence) / 2


def _finite(weight: Floats) -> Floats:
    return np.where(np.isinf(weight), 1.0, weight)


def _unless_pooled(
    prior: Prior, size: Floats, level: Floats, lower: Floats, upper: Floats
) -> Levels:
    """The prior's mean for every unit with evidence where all are pooled."""
    pooled = np.isinf(prior.weight)[..., None]
    mean = np.where(np.isnan(size), np.nan, prior.mean[..., None])
    level, lower, upper = (np.where(pooled, mean, each) for each in (level, lower, upper))
    return Levels(level, lower, upper)


@dataclass(frozen=True, slots=True)
class ShrunkLevels:
    """Levels to show, [b, g, i] in each indicator's unit; NaN for a segment without evidence.

    raw : the segment's own level, to be shown beside it.
    level : between `raw` and `common`.
    lower, upper : interval that counts in that the common level and the spread are estimates.
    common : [b, i], what the segments of a service are drawn towards.
    share_of_own : 0 to 1, weight of the segment's own evidence; 0 when pooled.
    """

    raw: Floats
    level: Floats
    lower: Floats
    upper: Floats
    common: Floats
    share_of_own: Floats


def shrunk_levels(
    x: Floats,
    n: Floats,
    squares: Floats,
    measure: Ints,
    dispersion: Floats | float = 1.0,
    confidence: float = 0.95,
) -> ShrunkLevels:
    """Empirical-Bayes levels of all indicators in all segments.

    τ² between segments is Paule & Mandel's with the variances of chance at the pooled level; with
    fewer than five segments with evidence all are pooled. The likelihood of `priors` was tried
    instead. Over 3,000 services of 5 to 10 segments its squared error was lower by up to 0.08 of
    the raw level's where segments are alike and higher by up to 0.04 where they differ, at 4 to
    15 s against 0.02 to 0.07 s. The interval adds to the posterior's own variance what the common
    level and τ² are not known by: with both taken as known it covered 20 to 93%, with both terms
    90 to 99%.

    Parameters
    ----------
    x, n, squares : [b, g, i]
        Sums over a window as in `panel.Panel`; n of 0 or NaN is a segment without evidence.
    measure : [i]
        PROPORTION, RATE or MEAN.
    dispersion : [b, g, i] or one number
        Factor of the variance of counts beyond chance, at least 1.

    References
    ----------
    Morris 1983 (10.1080/01621459.1983.10477920) for the error of an estimated τ²; Brown, Cai &
    DasGupta 2001 (10.1214/ss/1009213286) for the half event in the limits.
    """
    seen = (n > 0) & np.isfinite(x)
    size, total = np.where(seen, n, 0.0), np.where(seen, x, 0.0)
    raw = safe_divide(total, size, np.nan)
    spread = _single_spread(total, size, np.where(seen, squares, 0.0))
    phi = np.broadcast_to(dispersion, raw.shape)
    at_common = _single_variance(measure, total.sum(1), size.sum(1), spread)[:, None]
    chance = np.where(seen, safe_divide(phi * at_common, size), np.nan)

    last = np.moveaxis(raw, 1, -1), np.moveaxis(chance, 1, -1)
    tau2 = np.where(seen.sum(1) >= FEWEST_UNITS, paule_mandel(*last), 0.0)
    mean = random_effects(*last, tau2)
    common = mean.mean[:, None]
    between = tau2[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        # Counts beyond counting leave nothing to say, not a warning.
        shrink = np.where(
            seen, 1 / (1 + safe_divide(between * np.ones_like(chance), chance)), np.nan
        )
    level = raw - shrink * (raw - common)

    # Evidence behind a level: its own where nothing is shared, all of it where all is pooled.
    total_size = size.sum(1, keepdims=True)
    borrowed = np.where(seen, shrink * (1 - safe_divide(size, total_size)), 0.0)
    behind = size / (1 - borrowed)
    single = _single_variance(measure, level * behind, behind, spread[:, None])
    own = safe_divide(phi * single, size)
    unknown_spread = 2 / np.maximum(seen.sum(1) - 3.0, 1.0)[:, None] * (raw - common) ** 2
    # Morris 1983 for the last term: a segment far out says that τ² may be larger than it seems.
    variance = (1 - shrink) * own + shrink**2 * (mean.error[:, None] ** 2 + unknown_spread)
    lower, upper = _limits(measure, level, variance, single, confidence)
    return ShrunkLevels(raw, level, lower, upper, mean.mean, np.where(seen, 1 - shrink, np.nan))


def _single_spread(x: Floats, n: Floats, squares: Floats) -> Floats:
    """Variance of single values about their segments' means, [b, i]; 1 where none can be seen."""
    within = np.maximum(squares - safe_divide(x**2, n), 0.0).sum(1)
    spread = safe_divide(within, np.maximum(n - 1, 0.0).sum(1))
    # What rounding leaves of equal values is no spread either.
    seen = (within > ROUNDING * squares.sum(1)) & (spread > 0)
    return np.where(seen, spread, 1.0)


def _single_variance(measure: Ints, x: Floats, n: Floats, spread: Floats) -> Floats:
    """Variance of one trial, unit of exposure or value, with half an event so that it is not 0."""
    p = safe_divide(x + 0.5, n + 1)
    return np.where(
        measure == PROPORTION,
        p * (1 - p),
        np.where(measure == MEAN, spread, safe_divide(x + 0.5, n, np.nan)),
    )


def _limits(
    measure: Ints, level: Floats, variance: Floats, single: Floats, confidence: float
) -> tuple[Floats, Floats]:
    """Limits from the beta, gamma or normal distribution of this mean and variance.

    As many trials or as much exposure as would give this variance, with half an event in each
    direction, as in Jeffreys' interval: none out of few is no certainty.
    """
    evidence = safe_divide(single, variance, np.nan)
    events, others = (np.clip(part, 0.0, None) * evidence + 0.5 for part in (level, 1 - level))
    is_beta, is_gamma = measure == PROPORTION, measure == RATE
    limits = []
    for tail in _tails(confidence):
        limit = level + special.ndtri(tail) * np.sqrt(variance)
        limit[..., is_beta] = special.betaincinv(events[..., is_beta], others[..., is_beta], tail)
        limit[..., is_gamma] = special.gammaincinv(events[..., is_gamma], tail)
        limit[..., is_gamma] /= evidence[..., is_gamma]
        limits.append(limit)
    return np.minimum(limits[0], level), np.maximum(limits[1], level)
