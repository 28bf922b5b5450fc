"""From indicators to channels to segments.

Evidence that moves together counts once, and no single channel carries a segment alone.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import special

from worker.stats.panel import Bools, Floats, Ints, safe_divide

#: Beyond this a normal tail is numerically 0.
LARGEST_Z = 37.0


def normal_score(t: Floats, df: Floats) -> Floats:
    """Z = Φ⁻¹(F_t(t)), taken in the tail so that small p-values keep their digits.

    NaN stays NaN; the result lies in [-37, 37]. Shapes broadcast.
    """
    tail = special.stdtr(df, -np.abs(t))
    z = -special.ndtri(np.maximum(tail, np.finfo(float).tiny))
    return np.where(np.isnan(t), np.nan, np.sign(t) * np.clip(z, 0.0, LARGEST_Z))


def upper_tail(z: Floats) -> Floats:
    """One-sided p-value P(Z ≥ z)."""
    return np.asarray(special.ndtr(-z))


@dataclass(frozen=True, slots=True)
class Channels:
    """Combined scores of channels and how they hang together.

    z : [b, g, c], NaN without evidence.
    correlation : [b, g, c, c], 1 on the diagonal, 0 beside missing channels.
    information : [b, g, c], expected score of a channel when a change that matters happened in
        all its indicators; 0 without evidence. Only their ratios count.
    """

    z: Floats
    correlation: Floats
    information: Floats

    @property
    def present(self) -> Bools:
        return ~np.isnan(self.z)


def combine_indicators(
    z: Floats, correlation: Floats, members: Floats, information: Floats
) -> Channels:
    """Z of a channel = Σwz / √(wᵀRw) over its indicators with evidence.

    Parameters
    ----------
    z : [b, g, i], NaN without evidence.
    correlation : [b, i, i], ones on the diagonal.
    members : [c, i], 1 where an indicator belongs to a channel.
    information : [b, g, i], the weights w ≥ 0: what each would score on average if a change that
        matters had happened. Equal weights are Stouffer's sum.

    References
    ----------
    Lipták 1958 for weights by what each score can show; Whitlock 2005
    (10.1111/j.1420-9101.2005.00917.x) for their power.
    """
    seen = ~np.isnan(z) & (information > 0)
    weight = members * np.where(seen, information, 0.0)[..., None, :]
    total = weight @ np.where(seen, z, 0.0)[..., None]
    signal = weight @ np.where(seen, information, 0.0)[..., None]
    covariance = weight @ correlation[..., None, :, :] @ weight.swapaxes(-1, -2)
    spread = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    scale = spread[..., None] * spread[..., None, :]
    return Channels(
        np.where(spread > 0, safe_divide(total[..., 0], spread), np.nan),
        safe_divide(covariance, scale),
        safe_divide(signal[..., 0], spread),
    )


def corroborated(channels: Channels, required: int) -> tuple[Floats, Ints]:
    """P that at least `required` channels of a segment moved, and how many could speak.

    Partial conjunction: whichever `required - 1` channels are left out, the others have to show
    it among themselves. The null hypothesis "fewer than `required` moved" says that for some such
    choice nothing is left, whatever the rest of it did; the largest p over the choices is valid.
    One brilliant channel carries nothing: the choice that leaves it out decides.

    Returns
    -------
    p : [b, g], one-sided; 1 with fewer than `required` channels.
    count : [b, g], channels with evidence.

    References
    ----------
    Benjamini & Heller 2008 (10.1111/j.1541-0420.2007.00984.x), section 2.1: the p-value of a
    partial conjunction as the largest over the intersections, here with weighted sums.
    """
    present = channels.present
    count = present.sum(-1)
    weight = np.where(present, channels.information, 0.0)
    scored = weight * np.where(present, channels.z, 0.0)
    covariance = weight[..., None] * channels.correlation * weight[..., None, :]
    number = present.shape[-1]
    least = np.full(count.shape, np.inf)
    for left_out in combinations(range(number), required - 1):
        kept = np.ones(number)
        kept[list(left_out)] = 0.0
        spread = np.sqrt(np.maximum((covariance @ kept) @ kept, 0.0))
        score = safe_divide(scored @ kept, spread)
        # A choice that leaves out what is not there leaves out too few.
        complete = present[..., list(left_out)].all(-1)
        least = np.where(complete, np.minimum(least, score), least)
    return np.where(count >= required, upper_tail(least), 1.0), count


def holm_any(p: Floats, present: Bools, alpha: float) -> Bools:
    """True where Holm's procedure rejects any of the present hypotheses along the last axis.

    Its first step decides that: the smallest p against alpha over their number.
    """
    number = present.sum(-1)
    smallest = np.min(np.where(present, p, 1.0), axis=-1, initial=1.0)
    return np.asarray((number > 0) & (smallest * np.maximum(number, 1) <= alpha))


def inverse_variance_mean(
    estimate: Floats, variance: Floats, correlation: Floats, members: Floats
) -> tuple[Floats, Floats]:
    """Mean of indicators within each channel by inverse variance, with its variance.

    Shapes: estimate and variance [b, g, i], correlation [b, i, i], members [c, i]; results
    [b, g, c], NaN for a channel without evidence. The variance counts correlation in.
    """
    seen = ~np.isnan(estimate) & (variance > 0)
    precision = np.where(seen, safe_divide(np.ones_like(estimate), np.where(seen, variance, 1)), 0)
    weight = members[None, None] * precision[:, :, None, :]
    total = weight.sum(-1, keepdims=True)
    weight = safe_divide(weight, total)
    deviation = np.where(seen, np.sqrt(np.where(seen, variance, 0)), 0.0)
    mean = (weight * np.where(seen, estimate, 0.0)[:, :, None]).sum(-1)
    scaled = weight * deviation[:, :, None]
    spread = np.diagonal(
        scaled @ correlation[:, None] @ scaled.swapaxes(-1, -2), axis1=-2, axis2=-1
    )
    known = total[..., 0] > 0
    return np.where(known, mean, np.nan), np.where(known, spread, np.nan)


def mean_of_channels(
    estimate: Floats, variance: Floats, correlation: Floats
) -> tuple[Floats, Floats]:
    """Plain mean of the channels with evidence and its variance, [b, g] from [b, g, c]."""
    seen = ~np.isnan(estimate)
    share = safe_divide(seen.astype(np.float64), seen.sum(-1, keepdims=True))
    deviation = share * np.sqrt(np.where(seen, variance, 0.0))
    spread = (deviation[..., None, :] @ correlation @ deviation[..., None])[..., 0, 0]
    mean = (share * np.where(seen, estimate, 0.0)).sum(-1)
    known = seen.any(-1)
    return np.where(known, mean, np.nan), np.where(known, spread, np.nan)
