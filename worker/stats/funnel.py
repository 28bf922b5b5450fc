"""Funnel plots: how far units of different size may lie apart before chance no longer explains it.

Units are the last axis, any axes before it are funnels of their own, NaN is a missing unit. A
funnel is a picture of one moment; it is not what decides that a segment has improved.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import special

from worker.stats.panel import Bools, Floats, safe_divide
from worker.stats.spc import above

#: Two-sided 95% and 99.8% in the six decimals that published limits are drawn with.
Z_95, Z_998 = 1.959964, 3.090232
#: Share of the z-scores pulled in, or left out, at each end before dispersion is measured.
TRIM = 0.1


class Ratio(StrEnum):
    """What is compared, and the scale on which its spread does not depend on its level.

    PROPORTION : x of n, arcsine of the square root.
    STANDARDISED_LOG : observed over expected, log; extreme units are left out (as in the SHMI).
    STANDARDISED_ROOT : observed over expected, square root (as the CQC's).
    COUNTS : one count over another, log with half an event added.
    """

    PROPORTION = "proportion"
    STANDARDISED_LOG = "standardised_log"
    STANDARDISED_ROOT = "standardised_root"
    COUNTS = "counts"


@dataclass(frozen=True, slots=True)
class FunnelLimits:
    """95% and 99.8% limits at the size of each unit, [..., g], in the unit of the ratio."""

    lower_95: Floats
    upper_95: Floats
    lower_998: Floats
    upper_998: Floats


@dataclass(frozen=True, slots=True)
class Dispersion:
    """How far units are apart beyond chance.

    trimmed : [..., g], the z-scores it is measured on, NaN where left out.
    phi : [...], their mean square; above 1 is over-dispersion.
    tau2 : [...], variance between units on the transformed scale, 0 or more.
    """

    trimmed: Floats
    phi: Floats
    tau2: Floats


@dataclass(frozen=True, slots=True)
class Funnel:
    """Units about their target.

    ratio, transformed, z : [..., g], as it is, on its scale, and in standard errors from target.
    target : [...], the ratio of the sums, 1 for standardised ratios.
    plain, adjusted : limits by chance alone, and with the variance between units.
    """

    ratio: Floats
    target: Floats
    transformed: Floats
    z: Floats
    dispersion: Dispersion
    plain: FunnelLimits
    adjusted: FunnelLimits

    @property
    def outlier(self) -> Bools:
        """Beyond the 99.8% limits, adjusted ones where there is over-dispersion, [..., g]."""
        over = self.dispersion.phi[..., None] > 1
        lower = np.where(over, self.adjusted.lower_998, self.plain.lower_998)
        upper = np.where(over, self.adjusted.upper_998, self.plain.upper_998)
        return np.asarray(above(lower, self.ratio) | above(self.ratio, upper))


def funnel(x: Floats, n: Floats, kind: Ratio, trim: float = TRIM) -> Funnel:
    """Funnel of units about their common ratio, with over-dispersion.

    Parameters
    ----------
    x, n : [..., g]
        Numerator, and denominator (trials, expected events or the other count), above 0. A unit
        is missing where either is missing, n is 0, x is negative, or x of a proportion exceeds n.
    kind : the kind of ratio.
    trim : between 0 and one half, the share winsorised (left out for STANDARDISED_LOG) at
        each end.

    Returns
    -------
    Funnel
        NaN for missing units. No unit: phi and tau2 NaN and 0; one: tau2 0. A unit without
        events has z = -inf on STANDARDISED_LOG, whose trimming may leave it out; the square root
        has no such trouble.

    Raises
    ------
    ValueError
        Where trim is not between 0 and one half.

    References
    ----------
    Spiegelhalter 2005 (10.1002/sim.1970), section 3 and appendix A; Spiegelhalter et al. 2012
    (10.1111/j.1467-985X.2011.01010.x) for winsorising and the additive model; NHS Digital, SHMI
    specification, for the log scale and for leaving units out.
    """
    if not 0 < trim < 0.5:
        raise ValueError("trim lies between 0 and one half")
    standardised = kind in {Ratio.STANDARDISED_LOG, Ratio.STANDARDISED_ROOT}
    known = _possible(x, n, kind)
    x, n = np.where(known, x, np.nan), np.where(known, n, np.nan)
    events, size = (np.where(known, each, 0.0).sum(-1) for each in (x, n))
    target = safe_divide(events, size, np.nan)
    target = np.where(np.isnan(target) | (not standardised), target, 1.0)
    forward, back = SCALES[kind]
    transformed = forward(x / n)
    middle = forward(target)[..., None]
    error = _DEVIATIONS[kind] / np.sqrt(n)
    of_unit = error
    if kind is Ratio.COUNTS:
        # Each unit by its own two counts; the limits are drawn by size alone.
        transformed = forward((x + 0.5) / (n + 0.5))
        of_unit = np.sqrt(x / (x + 0.5) ** 2 + n / (n + 0.5) ** 2)
    z = (transformed - middle) / of_unit
    leave_out = kind is Ratio.STANDARDISED_LOG
    spread = dispersion(z, of_unit, trim, leave_out=leave_out)
    plain = poisson_limits(n) if standardised else scaled_limits(back, middle, error)
    total = np.sqrt(error**2 + spread.tau2[..., None])
    return Funnel(
        ratio=x / n,
        target=target,
        transformed=transformed,
        z=z,
        dispersion=spread,
        plain=plain,
        adjusted=scaled_limits(back, middle, total),
    )


def _possible(x: Floats, n: Floats, kind: Ratio) -> Bools:
    return np.asarray((n > 0) & (x >= 0) & ((x <= n) | (kind is not Ratio.PROPORTION)))


def _arcsine(ratio: Floats) -> Floats:
    return np.asarray(np.arcsin(np.sqrt(ratio)))


def _arcsine_back(angle: Floats) -> Floats:
    """Square of the sine; angles no proportion has are those of 0 and 1."""
    return np.asarray(np.sin(np.clip(angle, 0.0, np.pi / 2)) ** 2)


def _log(ratio: Floats) -> Floats:
    return np.where(ratio == 0, -np.inf, np.log(np.where(ratio == 0, 1.0, ratio)))


def _root_back(root: Floats) -> Floats:
    return np.asarray(np.maximum(root, 0.0) ** 2)


#: To the scale and back.
SCALES: dict[Ratio, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    Ratio.PROPORTION: (_arcsine, _arcsine_back),
    Ratio.STANDARDISED_LOG: (_log, np.exp),
    Ratio.STANDARDISED_ROOT: (np.sqrt, _root_back),
    Ratio.COUNTS: (_log, np.exp),
}
#: Standard deviation on the scale, of a unit with n = 1.
_DEVIATIONS = {
    Ratio.PROPORTION: 0.5,
    Ratio.STANDARDISED_LOG: 1.0,
    Ratio.STANDARDISED_ROOT: 0.5,
    Ratio.COUNTS: 0.5,
}


def scaled_limits(back: Callable[[Floats], Floats], middle: Floats, error: Floats) -> FunnelLimits:
    """Limits at the middle ± z standard errors, taken back from the scale; [..., g]."""
    low, high, lowest, highest = (
        np.asarray(back(middle + z * error)) for z in (-Z_95, Z_95, -Z_998, Z_998)
    )
    return FunnelLimits(low, high, lowest, highest)


def poisson_limits(expected: Floats) -> FunnelLimits:
    """Exact Poisson limits of observed over expected, [..., g]; NaN where nothing is expected."""
    some = np.where(expected > 0, expected, np.nan)
    lower = {p: special.chdtri(2 * some, 1 - p) / (2 * some) for p in (0.025, 0.001)}
    upper = {p: special.chdtri(2 * some + 2, p) / (2 * some) for p in (0.025, 0.001)}
    return FunnelLimits(lower[0.025], upper[0.025], lower[0.001], upper[0.001])


def dispersion(z: Floats, error: Floats, trim: float, *, leave_out: bool = False) -> Dispersion:
    """Over-dispersion of z-scores and the variance between units that it stands for.

    Parameters
    ----------
    z, error : [..., g], z-scores and standard errors on the transformed scale, NaN where missing.
    trim : share at each end that is winsorised, or left out.
    leave_out : leave the ends out in place of pulling them in.

    References
    ----------
    Spiegelhalter 2005, equations 4 and 11: phi = Σz²/n; tau² by the method of moments
    (DerSimonian & Laird 1986), 0 where n phi < n - 1.
    """
    trimmed = _without_ends(z, trim) if leave_out else _winsorised(z, trim)
    kept = ~np.isnan(trimmed)
    number = kept.sum(-1).astype(np.float64)
    square = np.where(kept, trimmed, 0.0) ** 2
    phi = safe_divide(square.sum(-1), number, np.nan)
    weight = np.where(kept, safe_divide(np.ones_like(error), error**2, 0.0), 0.0)
    total = weight.sum(-1)
    # One unit has no spread; what rounding leaves of it must not be divided by.
    spread = np.where(number > 1, total - safe_divide((weight**2).sum(-1), total), 0.0)
    excess = np.where(number > 0, square.sum(-1) - (number - 1), 0.0)
    tau2 = np.maximum(safe_divide(excess, spread), 0.0)
    return Dispersion(trimmed, phi, tau2)


def _winsorised(z: Floats, trim: float) -> Floats:
    """Scores beyond the quantiles at trim and 1 - trim, pulled in to them."""
    return np.clip(z, quantile(z, trim)[..., None], quantile(z, 1 - trim)[..., None])


def quantile(values: Floats, share: float) -> Floats:
    """Linearly interpolated quantile of what is not missing, [...] from [..., g].

    NaN of nothing. Hyndman & Fan 1996 (10.2307/2684934), definition 7.
    """
    # One missing more, so that none at all is no special case.
    ordered = np.sort(np.append(values, np.full((*values.shape[:-1], 1), np.nan), -1), axis=-1)
    place = np.maximum((~np.isnan(values)).sum(-1, keepdims=True) - 1, 0) * share
    low = np.floor(place).astype(np.int64)
    high = np.ceil(place).astype(np.int64)
    below = np.take_along_axis(ordered, low, axis=-1)
    step = np.where(high > low, np.take_along_axis(ordered, high, axis=-1) - below, 0.0)
    return np.asarray((below + (place - low) * step)[..., 0])


def _without_ends(z: Floats, trim: float) -> Floats:
    """Scores with the first and the last of 1 / trim equal groups of ranks left out."""
    less = (z[..., None, :] < z[..., None]).sum(-1)
    equal = (z[..., None, :] == z[..., None]).sum(-1)
    rank = less + (equal + 1) / 2
    number = (~np.isnan(z)).sum(-1, keepdims=True)
    groups = 1 / trim
    group = np.floor(rank * groups / (number + 1))
    return np.where((group > 0) & (group < groups - 1), z, np.nan)
