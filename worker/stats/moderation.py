"""How far a segment is believed to vary more than the others, and how far the others speak for it.

Months of one segment are too few to tell its dispersion by themselves, and those of all segments
together hide one that is restless. What might be chance is pooled; what is not stands alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from worker.stats.panel import Bools, Floats, safe_divide

#: From this p-value on, a larger dispersion is taken for chance.
CHANCE = 0.15
#: Months of segments, and of the indicators of one, move together and say less than as many apart.
TOGETHER = 0.3


def effective_df(df: Floats, axis: int) -> Floats:
    """Degrees of freedom of a sum of squares that move together, over an axis that is dropped.

    Σdf / (1 + r²(k - 1)) over the k that have any, r = 0.3: squares of normal values with a
    correlation of r correlate by r². 0 where none has any.
    """
    number = (df > 0).sum(axis)
    return np.asarray(df.sum(axis) / (1 + TOGETHER**2 * np.maximum(number - 1, 0)))


def beyond_chance(ratio: Floats, df: Floats, other_df: Floats) -> Floats:
    """How far a ratio of two dispersions is believed to be more than 1, from 0 (chance) to 1.

    1 - p / 0.15, not below 0, with p the one-sided p-value of the F test that both are the same.
    It never falls while the ratio rises, and has no step at which rounding could turn a conclusion.

    Parameters
    ----------
    ratio : at least 0, one dispersion over the other.
    df, other_df : degrees of freedom behind each; where either is 0, so is the result. Shapes
        broadcast.

    References
    ----------
    Bancroft 1944 (10.1214/aoms/1177731284): two variances are pooled unless an F test parts them.
    Phipson et al. 2016 (10.1214/16-AOAS920): the tail probability of a variance decides how much of
    what is common it is left with.
    """
    known = (df > 0) & (other_df > 0)
    p = special.fdtrc(np.where(known, df, 1.0), np.where(known, other_df, 1.0), ratio)
    return np.asarray(np.where(known, np.maximum(1 - p / CHANCE, 0.0), 0.0))


@dataclass(frozen=True, slots=True)
class Moderated:
    """Dispersions that borrow from each other.

    phi : [b, g, i], at least the pooled one, which is at least 1.
    pooled_df : [b, i], degrees of freedom behind the pooled one.
    df : [b, g, i], behind each; never more, and fewer where fewer months decide.
    """

    phi: Floats
    pooled_df: Floats
    df: Floats


def moderated(square: Floats, df: Floats, months_df: Floats) -> Moderated:
    """Dispersion of each indicator in each segment: the pooled one unless it is more than chance.

    A segment is held against the others over all its indicators, which tells within few months that
    a home is restless, and each of its indicators against the pooled dispersion. The larger of the
    two factors multiplies the pooled dispersion; neither is below 1.

    Parameters
    ----------
    square : [b, g, i], sum of squared Pearson residuals of the months.
    df : [b, g, i], what it is divided by.
    months_df : [b, g, i], degrees of freedom by count of months; 0 where there is nothing to vary.

    Returns
    -------
    Moderated
        Pooled with one segment, with one month a window (1, without degrees of freedom) and where
        no month differs (1). A segment without months changes nothing and has the factor of what
        it has elsewhere. More variable months of an indicator never lower its own dispersion.

    References
    ----------
    Smyth 2004 (10.2202/1544-6115.1027), section 4, moderates variances by a prior estimated from
    their spread; six segments cannot tell that spread, and one apart from five equals is no draw
    from it. Satterthwaite 1946 (10.2307/3002019) for degrees of freedom of sums of variances.
    """
    pooled = np.maximum(safe_divide(square.sum(1), df.sum(1), 1.0), 1.0)[:, None]
    pooled_df = effective_df(months_df, axis=1)[:, None]
    own = safe_divide(square / pooled, df)

    whole, whole_df = (square / pooled).sum(2), df.sum(2)
    segment = safe_divide(whole, whole_df)
    others = safe_divide(
        whole.sum(1, keepdims=True) - whole, whole_df.sum(1, keepdims=True) - whole_df
    )
    segment_df = effective_df(months_df, axis=2)
    others_df = segment_df.sum(1, keepdims=True) - segment_df
    # Others that never varied leave 0 to be held against: anything is more than that.
    ratio = segment / np.maximum(others, np.finfo(float).eps)
    believed = beyond_chance(ratio, segment_df, others_df) * (segment > 1)
    alone = beyond_chance(own, months_df, pooled_df) * (own > 1)
    by_segment, by_itself = 1 + believed * (segment - 1), 1 + alone * (own - 1)

    # 1 / df of each estimate: a factor times the pooled one, and a part of it with a part of own.
    of_pooled = safe_divide(np.ones_like(pooled_df), pooled_df)
    of_segment = safe_divide((believed * segment / by_segment) ** 2, segment_df)
    of_itself = (safe_divide((alone * own) ** 2, months_df) + (1 - alone) ** 2 * of_pooled) / (
        by_itself**2
    )
    larger: Bools = np.asarray(by_itself > by_segment[..., None])
    unsure = np.where(larger, of_itself, of_segment[..., None] + of_pooled)
    return Moderated(
        phi=pooled * np.maximum(by_segment[..., None], by_itself),
        pooled_df=pooled_df[:, 0],
        df=np.minimum(safe_divide(np.ones_like(unsure), unsure), pooled_df),
    )
