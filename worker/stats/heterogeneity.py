"""How much segments differ beyond chance, and what their mean says of one nobody has measured.

One value and one variance a segment, segments on the last axis; every other axis is a batch. A
segment counts when its value is finite and its variance finite and above 0: NaN is missing, and
what claims to have no error is left out rather than given all the weight.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from worker.stats.panel import Bools, Floats, Ints, safe_divide

#: Halvings of a bracket; its width falls below the rounding of what it holds.
HALVINGS = 60
#: Steps of Newton's method; each doubles the digits once it is near, and far off at least halves
#: the distance in the logarithm of Q.
NEWTON_STEPS = 80
STEP_IS_NOTHING = 1e-14
#: Values of τ² at which the restricted likelihood is looked at before its highest one is refined.
LIKELIHOOD_STEPS = 48


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """Cochran's test that all segments share one value.

    segments : number that count. q : the statistic, χ² with `segments - 1` df if they do.
    p : its upper tail. q and p are NaN below two segments.
    """

    segments: Ints
    q: Floats
    p: Floats


def homogeneity(estimate: Floats, variance: Floats) -> Homogeneity:
    """Q of the segments about their mean by inverse variance; shapes [..., g] to [...].

    References
    ----------
    Cochran 1954 (10.2307/3001666).
    """
    seen, y, v = _counted(estimate, variance)
    number = seen.sum(-1)
    q = np.where(number > 1, _q(y, _weights(seen, v, np.zeros(number.shape))), np.nan)
    return Homogeneity(number, q, np.asarray(special.chdtrc(np.maximum(number - 1.0, 1.0), q)))


def dersimonian_laird(estimate: Floats, variance: Floats) -> Floats:
    """τ² between segments by the method of moments, truncated at 0; [..., g] to [...].

    NaN below two segments.

    References
    ----------
    DerSimonian & Laird 1986 (10.1016/0197-2456(86)90046-2), equation 8.
    """
    seen, y, v = _counted(estimate, variance)
    number = seen.sum(-1)
    w = _weights(seen, v, np.zeros(number.shape))
    total = w.sum(-1)
    scale = total - safe_divide((w**2).sum(-1), total)
    raw = safe_divide(_q(y, w) - (number - 1.0), scale)
    return np.where(number > 1, np.maximum(raw, 0.0), np.nan)


def paule_mandel(estimate: Floats, variance: Floats) -> Floats:
    """τ² between segments at which the generalised Q equals its df, else 0; [..., g] to [...].

    NaN below two segments.

    References
    ----------
    Paule & Mandel 1982 (10.6028/jres.087.022); DerSimonian & Kacker 2007
    (10.1016/j.cct.2006.04.004).
    """
    seen, y, v = _counted(estimate, variance)
    number = seen.sum(-1)
    return np.where(number > 1, _tau2_where(seen, y, v, number - 1.0), np.nan)


def restricted_likelihood(estimate: Floats, variance: Floats) -> Floats:
    """τ² between segments that maximises the restricted likelihood (REML); [..., g] to [...].

    The likelihood can have several maxima: the highest of a grid from below the smallest variance
    to a bound above all maxima is refined by its slope. NaN below two segments.

    References
    ----------
    Viechtbauer 2005 (10.3102/10769986030003261).
    """
    seen, y, v = _counted(estimate, variance)
    number = seen.sum(-1)
    smallest = np.min(np.where(seen, v, np.inf), axis=-1, initial=np.inf)
    smallest = np.where(np.isfinite(smallest), smallest, 1.0)
    largest = np.max(np.where(seen, v, 0.0), axis=-1, initial=0.0)
    # Beyond both of these the slope is negative: no weight is above 1/τ² nor below 1/(2τ²).
    upper = np.maximum(largest, 4 * safe_divide(_squares(seen, y), number - 1.0))
    lower = smallest / 1000
    upper = np.maximum(upper, 2 * lower)
    share = np.linspace(0.0, 1.0, LIKELIHOOD_STEPS)
    steps = lower[..., None] * (upper / lower)[..., None] ** share
    grid = np.concatenate([np.zeros((*number.shape, 1)), steps], axis=-1)
    wide = (seen[..., None, :], y[..., None, :], v[..., None, :])
    best = _restricted_log_likelihood(*wide, grid).argmax(-1)[..., None]
    at, below, above = (
        np.take_along_axis(grid, np.clip(best + step, 0, LIKELIHOOD_STEPS), axis=-1)[..., 0]
        for step in (0, -1, 1)
    )
    rising = _slope(seen, y, v, at) > 0
    low, high = np.where(rising, at, below), np.where(rising, above, at)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        up = _slope(seen, y, v, middle) > 0
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    at_zero = (best[..., 0] == 0) & ~rising
    return np.where(number > 1, np.where(at_zero, 0.0, (low + high) / 2), np.nan)


def q_profile(
    estimate: Floats, variance: Floats, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of τ²: all values under which the generalised Q is no surprise; [..., g] to [...].

    Exact for normal values with known variances. An upper limit of 0 says that segments are more
    alike than chance makes them. Both NaN below two segments.

    References
    ----------
    Viechtbauer 2007 (10.1002/sim.2514).
    """
    seen, y, v = _counted(estimate, variance)
    number = seen.sum(-1)
    df = np.maximum(number - 1.0, 1.0)
    lower, upper = (
        np.where(number > 1, _tau2_where(seen, y, v, special.chdtri(df, tail)), np.nan)
        for tail in ((1 - confidence) / 2, (1 + confidence) / 2)
    )
    return lower, upper


def i_squared(estimate: Floats, variance: Floats, tau2: Floats) -> Floats:
    """Share of the spread seen that is between segments, 0 to 1, for a τ² [...].

    τ² / (τ² + s²) with s² the typical variance within. NaN below two segments.

    References
    ----------
    Higgins & Thompson 2002 (10.1002/sim.1186), equations 9 and 10.
    """
    seen, _, v = _counted(estimate, variance)
    w = _weights(seen, v, np.zeros(np.shape(tau2)))
    total = w.sum(-1)
    typical = safe_divide((seen.sum(-1) - 1.0) * total, total**2 - (w**2).sum(-1), np.nan)
    return np.asarray(tau2 / (tau2 + typical))


@dataclass(frozen=True, slots=True)
class RandomEffects:
    """Mean of the segments' true values, [...] each.

    segments : number that count.
    tau2 : variance between them it was weighted with.
    mean : NaN without a segment; of one segment its own value.
    error : standard error if τ² were known.
    scatter_error : Hartung & Knapp's, from how far segments lie apart; NaN below two.
    """

    segments: Ints
    tau2: Floats
    mean: Floats
    error: Floats
    scatter_error: Floats

    @property
    def wider_error(self) -> Floats:
        """The larger of the two: segments that lie close by luck do not make the mean exact."""
        return np.maximum(self.error, self.scatter_error)

    def interval(self, error: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Limits of the mean by t with `segments - 1` df; NaN below two segments."""
        known = self.segments > 1
        df = np.maximum(self.segments - 1.0, 1.0)
        width = np.where(known, special.stdtrit(df, (1 + confidence) / 2), np.nan) * error
        return self.mean - width, self.mean + width

    def prediction(self, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Where the true value of one more segment lies, by t with `segments - 2` df.

        NaN below three segments.

        References
        ----------
        Higgins, Thompson & Spiegelhalter 2009 (10.1111/j.1467-985X.2008.00552.x), equation 12.
        """
        known = self.segments > 2
        t = special.stdtrit(np.maximum(self.segments - 2.0, 1.0), (1 + confidence) / 2)
        width = np.where(known, t * np.sqrt(self.tau2 + self.error**2), np.nan)
        return self.mean - width, self.mean + width


def random_effects(estimate: Floats, variance: Floats, tau2: Floats) -> RandomEffects:
    """Mean of [..., g] weighted by 1 / (variance + τ²), τ² [...] by any of the estimators.

    A τ² that is NaN, as below two segments, weighs as 0.

    References
    ----------
    Hartung & Knapp 2001 (10.1002/sim.791) for `scatter_error`; the wider of the two as in Röver,
    Knapp & Friede 2015 (10.1186/s12874-015-0091-1).
    """
    seen, y, v = _counted(estimate, variance)
    number = seen.sum(-1)
    w = _weights(seen, v, np.nan_to_num(tau2))
    total = w.sum(-1)
    return RandomEffects(
        segments=number,
        tau2=tau2,
        mean=safe_divide((w * y).sum(-1), total, np.nan),
        error=np.sqrt(safe_divide(np.ones_like(total), total, np.nan)),
        scatter_error=np.sqrt(safe_divide(_q(y, w), np.maximum(number - 1.0, 0.0) * total, np.nan)),
    )


def _counted(estimate: Floats, variance: Floats) -> tuple[Bools, Floats, Floats]:
    """Which segments count, and their values and variances with fillings for the others."""
    with np.errstate(invalid="ignore"):
        seen = np.isfinite(estimate) & np.isfinite(variance) & (np.asarray(variance) > 0)
    return seen, np.where(seen, estimate, 0.0), np.where(seen, variance, 1.0)


def _weights(seen: Bools, variance: Floats, tau2: Floats) -> Floats:
    return np.where(seen, 1 / (variance + tau2[..., None]), 0.0)


def _q(y: Floats, weight: Floats) -> Floats:
    """Weighted squares about the weighted mean."""
    total = weight.sum(-1, keepdims=True)
    mean = safe_divide((weight * y).sum(-1, keepdims=True), total)
    return np.asarray((weight * (y - mean) ** 2).sum(-1))


def _squares(seen: Bools, y: Floats) -> Floats:
    return _q(y, seen.astype(np.float64))


def _tau2_where(seen: Bools, y: Floats, v: Floats, q: Floats) -> Floats:
    """τ² at which the generalised Q has fallen to `q`, 0 where it starts no higher.

    Q(τ²) falls and is convex, so that Newton's steps from 0 come up to the root from the left and
    never pass it.
    """
    q = np.maximum(q, np.finfo(float).tiny)
    tau2 = np.zeros(q.shape)
    for _ in range(NEWTON_STEPS):
        w = _weights(seen, v, tau2)
        total = w.sum(-1, keepdims=True)
        residual = y - safe_divide((w * y).sum(-1, keepdims=True), total)
        weighted = w * residual
        # dQ/dτ² is -Σ w²(y - ȳ)²: the weighted mean is where Q is least.
        slope = (weighted**2).sum(-1)
        above = np.maximum((weighted * residual).sum(-1) - q, 0.0)
        step = safe_divide(above, slope)
        tau2 = tau2 + step
        if (step <= STEP_IS_NOTHING * tau2).all():
            break
    return tau2


def _restricted_log_likelihood(seen: Bools, y: Floats, v: Floats, tau2: Floats) -> Floats:
    """Up to a constant."""
    w = _weights(seen, v, tau2)
    total = w.sum(-1)
    logs = np.log(np.where(seen, w, 1.0)).sum(-1)
    return np.asarray((logs - np.log(np.where(total > 0, total, 1.0)) - _q(y, w)) / 2)


def _slope(seen: Bools, y: Floats, v: Floats, tau2: Floats) -> Floats:
    """Twice the derivative of the restricted log likelihood by τ²."""
    w = _weights(seen, v, tau2)
    total = w.sum(-1, keepdims=True)
    mean = safe_divide((w * y).sum(-1, keepdims=True), total)
    squares = (w**2 * (y - mean) ** 2).sum(-1)
    return np.asarray(squares - total[..., 0] + safe_divide((w**2).sum(-1), total[..., 0]))
