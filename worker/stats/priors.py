"""What segments of a service have in common: the prior that their own levels are drawn towards.

Units on the last axis, every other axis is a batch; NaN, or no trials or exposure, is missing. Two
ways to each prior: moments, in closed form, and the likelihood, searched for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from worker.stats.effects import ROUNDING
from worker.stats.panel import Bools, Floats, safe_divide

#: The likelihood is searched over weights from a share of a unit's mean size to a multiple of it;
#: a heavier prior is complete pooling to all purposes.
LIGHTEST, HEAVIEST = 1e-5, 1e4
WEIGHTS_TRIED = 46
REFINEMENTS = 45
HALVINGS = 60
#: The likelihood of a prior has to be above that of complete pooling by more than rounding.
ABOVE_POOLING = 1e-7
GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Prior:
    """A common level and how much it weighs, [...] each.

    mean : NaN without a unit.
    weight : in trials (beta: α + β), exposure (gamma: rate) or 1/variance (normal); ∞ is complete
        pooling: one level for all.
    """

    mean: Floats
    weight: Floats


def beta_moments(x: Floats, n: Floats) -> Prior:
    """Beta prior with the mean and variance of the raw proportions, every unit alike.

    The spread of chance is not taken off, so it pools less than it should where units are small.
    [..., g] to [...]; complete pooling below two units or without spread.
    """
    seen, x, n = _counted(x, n)
    p = safe_divide(x, n)
    number = seen.sum(-1)
    mean = safe_divide(p.sum(-1), number.astype(np.float64), np.nan)
    squares = (np.where(seen, p - np.nan_to_num(mean)[..., None], 0.0) ** 2).sum(-1)
    variance = safe_divide(squares, np.maximum(number - 1.0, 0.0))
    weight = safe_divide(mean * (1 - mean), variance, np.inf) - 1
    return Prior(mean, np.where(weight > 0, weight, np.inf))


def beta_weighted_moments(x: Floats, n: Floats) -> Prior:
    """Beta prior by size: the overall proportion, and the spread that chance does not explain.

    [..., g] to [...]; complete pooling where chance explains it all.

    References
    ----------
    Martuzzi & Elliott 1996 (10.1002/(SICI)1097-0258(19960915)15:17<1867::AID-SIM398>3.0.CO;2-2).
    """
    seen, x, n = _counted(x, n)
    total = n.sum(-1)
    mean = safe_divide(x.sum(-1), total, np.nan)
    spread = safe_divide((n * _squared_distance(x, n, mean)).sum(-1), total)
    single = np.nan_to_num(mean * (1 - mean))
    chance = single * safe_divide(seen.sum(-1).astype(np.float64), total)
    between = _above_rounding(spread - chance, spread)
    return Prior(mean, safe_divide(np.maximum(single - spread, 0.0), between, np.inf))


def gamma_moments(x: Floats, exposure: Floats) -> Prior:
    """Gamma prior by exposure: the overall rate, and the spread that chance does not explain.

    [..., g] to [...]; complete pooling where chance explains it all.

    References
    ----------
    Marshall 1991 (10.2307/2347593).
    """
    seen, x, e = _counted(x, exposure)
    total = e.sum(-1)
    mean = safe_divide(x.sum(-1), total, np.nan)
    spread = safe_divide((e * _squared_distance(x, e, mean)).sum(-1), total)
    chance = np.nan_to_num(mean) * safe_divide(seen.sum(-1).astype(np.float64), total)
    return Prior(mean, safe_divide(mean, _above_rounding(spread - chance, spread), np.inf))


def beta_likelihood(x: Floats, n: Floats) -> Prior:
    """Beta prior of greatest beta-binomial likelihood; [..., g] to [...].

    Complete pooling where the likelihood rises all the way to it. For a given weight the log
    likelihood is concave in the mean, so the search runs over the weight alone.
    """
    seen, x, n = _counted(x, n)

    def best_mean(weight: Floats) -> Floats:
        def rising(mean: Floats) -> Bools:
            a, b = (mean * weight)[..., None], ((1 - mean) * weight)[..., None]
            up = special.digamma(x + a) - special.digamma(a)
            down = special.digamma(n - x + b) - special.digamma(b)
            return np.asarray(np.where(seen, up - down, 0.0).sum(-1) > 0)

        return _turning_point(rising, np.full_like(weight, 1 - np.finfo(float).eps))

    return _most_likely(beta_log_likelihood, best_mean, x, n, perfect=n.sum(-1))


def gamma_likelihood(x: Floats, exposure: Floats) -> Prior:
    """Gamma prior of greatest gamma-Poisson (negative binomial) likelihood; [..., g] to [...].

    Complete pooling where the likelihood rises all the way to it. For a given weight the log
    likelihood is concave in the shape.
    """
    seen, x, e = _counted(x, exposure)

    def best_mean(weight: Floats) -> Floats:
        longer = np.log1p(safe_divide(e, np.broadcast_to(weight[..., None], e.shape))).sum(-1)

        def rising(shape: Floats) -> Bools:
            a = shape[..., None]
            steps = np.where(seen, special.digamma(x + a) - special.digamma(a), 0.0)
            return np.asarray(steps.sum(-1) > longer)

        # From shape 1 on a unit's step is at most 2x / shape.
        return _turning_point(rising, 1 + 2 * safe_divide(x.sum(-1), longer)) / weight

    return _most_likely(gamma_log_likelihood, best_mean, x, e, perfect=np.inf)


def beta_log_likelihood(prior: Prior, x: Floats, n: Floats) -> Floats:
    """Beta-binomial log likelihood of counts [..., g] under a prior [...]; binomial if pooled."""
    seen, x, n = _counted(x, n)
    mean, pooled = prior.mean[..., None], np.isinf(prior.weight)[..., None]
    weight = np.where(pooled, 1.0, prior.weight[..., None])
    a, b = (np.where(mean > 0, mean, 0.5) * weight, np.where(mean < 1, 1 - mean, 0.5) * weight)
    mixed = special.betaln(x + a, n - x + b) - special.betaln(a, b)
    alone = special.xlogy(x, mean) + special.xlog1py(n - x, -mean)
    ways = special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)
    return np.asarray(np.where(seen, ways + np.where(pooled, alone, mixed), 0.0).sum(-1))


def gamma_log_likelihood(prior: Prior, x: Floats, exposure: Floats) -> Floats:
    """Negative binomial log likelihood of counts [..., g] under a prior; Poisson if pooled."""
    seen, x, e = _counted(x, exposure)
    mean, pooled = prior.mean[..., None], np.isinf(prior.weight)[..., None]
    weight = np.where(pooled, 1.0, prior.weight[..., None])
    shape = np.where(mean > 0, mean, 1.0) * weight
    # ln Γ(x + a) - ln Γ(a), and (a + x) ln(1 + e/ν), keep their digits under a heavy prior.
    mixed = (
        special.gammaln(x + shape)
        - special.gammaln(shape)
        - (x + shape) * np.log1p(e / weight)
        - x * np.log(weight)
    )
    alone = special.xlogy(x, mean) - mean * e
    ways = special.xlogy(x, e) - special.gammaln(x + 1)
    return np.asarray(np.where(seen, ways + np.where(pooled, alone, mixed), 0.0).sum(-1))


def _counted(x: Floats, n: Floats) -> tuple[Bools, Floats, Floats]:
    """Which units count, and their counts and sizes, 0 for the others."""
    with np.errstate(invalid="ignore"):
        seen = np.isfinite(x) & np.isfinite(n) & (np.asarray(n) > 0)
    return seen, np.where(seen, x, 0.0), np.where(seen, n, 0.0)


def _squared_distance(x: Floats, n: Floats, mean: Floats) -> Floats:
    return np.where(n > 0, safe_divide(x, n) - np.nan_to_num(mean)[..., None], 0.0) ** 2


def _above_rounding(difference: Floats, of: Floats) -> Floats:
    """A difference, 0 where it is negative or rounding alone."""
    return np.where(difference > ROUNDING * of, difference, 0.0)


def _turning_point(rising: Callable[[Floats], Bools], high: Floats) -> Floats:
    """Where a concave function of [0, high] is greatest, by the sign of its slope."""
    low = np.zeros_like(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        up = rising(middle)
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    return (low + high) / 2


def _most_likely(
    log_likelihood: Callable[[Prior, Floats, Floats], Floats],
    best_mean: Callable[[Floats], Floats],
    x: Floats,
    n: Floats,
    perfect: Floats | float,
) -> Prior:
    """Highest point of the likelihood along the weight, its mean at each; else pooling.

    `perfect` is the total at which nothing is left to vary, as is a total of 0.
    """
    number = (n > 0).sum(-1)
    total = x.sum(-1)
    scale = np.where(number > 0, safe_divide(n.sum(-1), number.astype(np.float64)), 1.0)
    varies = (number > 1) & (total > 0) & (total < perfect)

    def at(log_weight: Floats) -> tuple[Floats, Prior]:
        weight = scale * np.exp(log_weight)
        prior = Prior(best_mean(weight), weight)
        return log_likelihood(prior, x, n), prior

    tried = np.linspace(np.log(LIGHTEST), np.log(HEAVIEST), WEIGHTS_TRIED)
    step = tried[1] - tried[0]
    likelihoods = np.stack([at(np.full(number.shape, one))[0] for one in tried])
    centre = tried[likelihoods.argmax(0)]
    low, high = centre - step, centre + step
    for _ in range(REFINEMENTS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        down = at(left)[0] > at(right)[0]
        low, high = np.where(down, low, left), np.where(down, right, high)
    best, prior = at((low + high) / 2)
    overall = safe_divide(total, n.sum(-1), np.nan)
    pooled = Prior(overall, np.full(number.shape, np.inf))
    inside = varies & (best > log_likelihood(pooled, x, n) + ABOVE_POOLING)
    inside &= centre < tried[-1]
    return Prior(
        np.where(inside, prior.mean, pooled.mean), np.where(inside, prior.weight, pooled.weight)
    )
