"""Control limits: what the months of a series would stay within if nothing had changed.

Months are the last axis, any axes before it are series of their own, NaN is a month without a
value. The months that fix the limits are given by the caller, because limits taken over the whole
series swallow the improvement they are to show; nothing here chooses or moves them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from worker.stats.panel import Bools, Floats, Ints, safe_divide

#: Mean moving range of two in standard deviations (d2 of Shewhart's tables for n = 2).
MEAN_RANGE = 1.128
#: Limits of an XmR chart in mean moving ranges: 3 / 1.128 as Making Data Count rounds it.
XMR_WIDTH = 2.66
#: Moving ranges from here on, in their mean, are outliers (D4 of the same tables; Nelson 1982).
OUTLYING_RANGE = 3.267
#: A value this near to a line, in parts of the larger, lies on it: both come from sums.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Limits:
    """Centre line and standard deviation of each month, and what no value can go beyond.

    centre, sigma : [..., m], NaN where nothing fixes them.
    floor, ceiling : numbers, or arrays that broadcast with them.

    Process limits lie three sigma from the centre, near limits two.
    """

    centre: Floats
    sigma: Floats
    floor: float | Floats = -np.inf
    ceiling: float | Floats = np.inf

    @property
    def lower(self) -> Floats:
        return self.at(-3.0)

    @property
    def upper(self) -> Floats:
        return self.at(3.0)

    @property
    def near_lower(self) -> Floats:
        return self.at(-2.0)

    @property
    def near_upper(self) -> Floats:
        return self.at(2.0)

    def at(self, deviations: float) -> Floats:
        """Line at so many sigma from the centre, kept between floor and ceiling."""
        return np.clip(self.centre + deviations * self.sigma, self.floor, self.ceiling)


def above(a: Floats, b: Floats) -> Bools:
    """`a > b` by more than rounding; False where either is missing."""
    return np.asarray(a - b > ROUNDING * np.maximum(np.abs(a), np.abs(b)))


def mean_moving_range(y: Floats, fixing: Bools, *, screened: bool = False) -> Floats:
    """Mean absolute difference of neighbouring months that fix the limits, [...] from [..., m].

    A month without a value gives no difference to either neighbour: the distance over a gap is
    not that of one month to the next.

    Parameters
    ----------
    y : [..., m]
    fixing : broadcasts with y.
    screened : drop, once, moving ranges of 3.267 means or more.

    Returns
    -------
    Floats
        In the unit of y; 0 for a constant series, NaN without two neighbouring months.

    References
    ----------
    Nelson 1982 (10.1080/00224065.1982.11978811) for the screening.
    """
    ranges = np.abs(np.diff(np.where(fixing, y, np.nan), axis=-1))
    known = ~np.isnan(ranges)
    mean = _mean(ranges, known)
    if not screened:
        return mean
    # A constant series has no outlier, though none of its ranges is below 3.267 times 0.
    kept = (ranges < OUTLYING_RANGE * mean[..., None]) | (mean[..., None] == 0)
    return _mean(ranges, known & kept)


def _mean(values: Floats, chosen: Bools) -> Floats:
    """Mean of the chosen values along the last axis, NaN where there are none."""
    count = chosen.sum(-1).astype(np.float64)
    return safe_divide(np.where(chosen, values, 0.0).sum(-1), count, np.nan)


def xmr_limits(
    y: Floats, fixing: Bools, *, screened: bool = False, width: float = XMR_WIDTH
) -> Limits:
    """Limits of single values from their moving ranges: mean ± width x mean moving range.

    Parameters
    ----------
    y : [..., m], NaN where missing.
    fixing : broadcasts with y, the months that fix the limits.
    screened : leave outlying moving ranges out of their mean.
    width : 2.66 as in Making Data Count; 3 / 1.128 is what it was rounded from.

    Returns
    -------
    Limits
        The same in every month. A constant series has limits equal to its mean; one month alone
        has a mean and no limits; none has neither.

    References
    ----------
    NHS England, Making Data Count: Strengthening your decisions, 2.66; Nelson 1982.
    """
    mean = _mean(y, np.asarray(fixing & ~np.isnan(y)))
    sigma = width / 3 * mean_moving_range(y, fixing, screened=screened)
    return Limits(*(np.repeat(each[..., None], y.shape[-1], -1) for each in (mean, sigma)))


def p_limits(
    x: Floats, n: Floats, fixing: Bools, *, prime: bool = False, screened: bool = False
) -> Limits:
    """Limits of a proportion, p chart or Laney's p′ chart.

    Parameters
    ----------
    x, n : [..., m], successes and trials; n = 0 is a month without a value.
    fixing : broadcasts with x, the months that fix the limits.
    prime : multiply the binomial standard deviation by sigma_z, the mean moving range of the
        standardised months over 1.128, which holds over-dispersion and its opposite.
    screened : leave outlying moving ranges out of sigma_z.

    Returns
    -------
    Limits
        Of x / n, between 0 and 1; each month by its own n. None or all successes: limits equal
        to the centre. No trials in the months that fix them: NaN.

    References
    ----------
    Montgomery, Introduction to Statistical Quality Control, 6th edition, equation 7.8;
    Laney 2002 (10.1081/QEN-120006555), equations 3 to 5.
    """
    return _attribute_limits(x, n, fixing, prime=prime, screened=screened, ceiling=1.0)


def u_limits(
    x: Floats, n: Floats, fixing: Bools, *, prime: bool = False, screened: bool = False
) -> Limits:
    """Limits of a rate, u chart or Laney's u′ chart; a c chart where n is 1 throughout.

    As `p_limits`, with x events in exposure n, the Poisson standard deviation and no ceiling.

    References
    ----------
    Montgomery, as above, equation 7.19; Laney 2002.
    """
    return _attribute_limits(x, n, fixing, prime=prime, screened=screened, ceiling=np.inf)


def _attribute_limits(
    x: Floats, n: Floats, fixing: Bools, *, prime: bool, screened: bool, ceiling: float
) -> Limits:
    fixing = np.asarray(fixing & (n > 0))
    total = np.where(fixing, n, 0.0).sum(-1, keepdims=True)
    centre = safe_divide(np.where(fixing, x, 0.0).sum(-1, keepdims=True), total, np.nan)
    # Variance of one trial or of one unit of exposure.
    single = centre * (1 - centre) if np.isfinite(ceiling) else centre
    sigma = np.sqrt(safe_divide(np.maximum(single, 0.0), n, np.nan))
    if prime:
        known = sigma > 0
        z = safe_divide(safe_divide(x, n, np.nan) - centre, np.where(known, sigma, np.nan), np.nan)
        # Laney 2002, equation 4. Without spread in theory there is none to multiply.
        sigma_z = mean_moving_range(z, fixing, screened=screened)[..., None] / MEAN_RANGE
        sigma = np.where(known, sigma * sigma_z, sigma)
    return Limits(np.broadcast_to(centre, sigma.shape), sigma, 0.0, ceiling)


def rebased(limits: Callable[[Bools], Limits], fixing: Bools, groups: Ints) -> Limits:
    """Limits that start anew where a rebase was signed.

    Parameters
    ----------
    limits : what makes limits of the months that fix them.
    fixing : [..., m], those months over all groups.
    groups : [m], the number of rebases up to and including each month.

    Returns
    -------
    Limits
        Each month those of its own group. No moving range reaches from one group into another.
    """
    result: Limits | None = None
    for group in np.unique(groups):
        inside = groups == group
        part = limits(np.asarray(fixing & inside))
        if result is not None:
            part = Limits(
                centre=np.where(inside, part.centre, result.centre),
                sigma=np.where(inside, part.sigma, result.sigma),
                floor=part.floor,
                ceiling=part.ceiling,
            )
        result = part
    if result is None:
        raise ValueError("a series without months has no limits")
    return result
