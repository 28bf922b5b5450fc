"""What is uneven between segments: without the best, now and then, the best and the weakest.

Values are in meaningful changes, positive is better, segments on the last axis. Figures to be read
beside the bound, which already guards the verdict; nothing here decides a claim.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from worker.stats.heterogeneity import paule_mandel, q_profile, random_effects
from worker.stats.panel import Bools, Floats, Ints, safe_divide

#: Without the best at least three have to be left, or their mean says nothing of the others.
FEWEST_SEGMENTS = 4


@dataclass(frozen=True, slots=True)
class WithoutBest:
    """Mean change of the segments but for the best, [...] each; NaN (-1) below four segments.

    best : index of the segment left out.
    mean, lower, upper : random-effects mean of the rest and its interval.
    """

    best: Ints
    mean: Floats
    lower: Floats
    upper: Floats


def leave_the_best_out(estimate: Floats, variance: Floats, confidence: float = 0.95) -> WithoutBest:
    """Mean change without the best segment: would the improvement stand if it were not there.

    τ² by Paule-Mandel, the interval by the wider of the Wald and Hartung-Knapp errors. Of equal
    best segments the first is left out.

    Parameters
    ----------
    estimate, variance : [..., g], NaN where a segment has no evidence.
    """
    seen = _seen(estimate, variance)
    enough = seen.sum(-1) >= FEWEST_SEGMENTS
    best = _first_largest(np.where(seen, estimate, -np.inf))
    others = np.where(_is(best, seen.shape[-1]), np.nan, estimate)
    rest = random_effects(others, variance, paule_mandel(others, variance))
    lower, upper = rest.interval(rest.wider_error, confidence)
    return WithoutBest(
        np.where(enough, best, -1),
        *(np.where(enough, each, np.nan) for each in (rest.mean, lower, upper)),
    )


@dataclass(frozen=True, slots=True)
class Tau:
    """Standard deviation of true levels between segments, [...] each; NaN below two segments."""

    estimate: Floats
    lower: Floats
    upper: Floats


def tau_between(level: Floats, variance: Floats, confidence: float = 0.95) -> Tau:
    """τ of levels [..., g] by Paule-Mandel with its Q-profile interval."""
    lower, upper = q_profile(level, variance, confidence)
    return Tau(np.sqrt(paule_mandel(level, variance)), np.sqrt(lower), np.sqrt(upper))


@dataclass(frozen=True, slots=True)
class TauChange:
    """τ now and at baseline over the same segments, and now less then with its interval."""

    now: Tau
    baseline: Tau
    change: Tau


def tau_change(
    level: Floats,
    variance: Floats,
    baseline_level: Floats,
    baseline_variance: Floats,
    confidence: float = 0.95,
) -> TauChange:
    """Difference of τ now and at baseline: whether segments have come closer to each other.

    Only segments seen at both times count, so that a segment that fell silent closes no gap.
    The limits of the change combine those of both τ and take the two windows as independent; what
    a segment keeps over time makes them wide rather than narrow. All shapes [..., g] to [...].

    References
    ----------
    Zou & Donner 2008 (10.1002/sim.3095) for the limits of a difference.
    """
    both = _seen(level, variance) & _seen(baseline_level, baseline_variance)
    now, then = (
        tau_between(np.where(both, of, np.nan), error, confidence)
        for of, error in ((level, variance), (baseline_level, baseline_variance))
    )
    change = now.estimate - then.estimate
    below = np.hypot(now.estimate - now.lower, then.upper - then.estimate)
    above = np.hypot(now.upper - now.estimate, then.estimate - then.lower)
    return TauChange(now, then, Tau(change, change - below, change + above))


@dataclass(frozen=True, slots=True)
class Extremes:
    """Best and weakest segment and what lies between; [...] each, NaN (-1) below two segments.

    best, weakest : indices.
    lead, lead_lower, lead_upper : best less the plain mean of the others.
    gap, gap_lower, gap_upper : best less weakest.
    """

    best: Ints
    weakest: Ints
    lead: Floats
    lead_lower: Floats
    lead_upper: Floats
    gap: Floats
    gap_lower: Floats
    gap_upper: Floats


def extremes(
    level: Floats, variance: Floats, df: Floats | float = np.inf, confidence: float = 0.95
) -> Extremes:
    """How far the best is ahead of the rest, and the weakest behind the best.

    Which segment is best is read off the same numbers, so the limits are those of Bonferroni over
    all segments that could have been best, or all pairs: they cover whichever was picked.

    Parameters
    ----------
    level, variance : [..., g], NaN where a segment has no evidence.
    df : [...] or one number, degrees of freedom behind the variances.

    References
    ----------
    Dunn 1961 (10.1080/01621459.1961.10482090).
    """
    seen = _seen(level, variance)
    number = seen.sum(-1)
    enough = number > 1
    best = _first_largest(np.where(seen, level, -np.inf))
    # The last of equals, so that all-equal segments still have two ends.
    weakest = seen.shape[-1] - 1 - _first_largest(np.where(seen, -level, -np.inf)[..., ::-1])
    y, v = np.where(seen, level, 0.0), np.where(seen, variance, 0.0)
    at_best, at_weakest = (_pick(y, best), _pick(v, best)), (_pick(y, weakest), _pick(v, weakest))
    others = number - 1.0
    lead = at_best[0] - safe_divide(y.sum(-1) - at_best[0], others)
    lead_error = np.sqrt(at_best[1] + safe_divide(v.sum(-1) - at_best[1], others**2))
    gap = at_best[0] - at_weakest[0]
    gap_error = np.sqrt(at_best[1] + at_weakest[1])
    pairs = np.maximum(number * others / 2, 1.0)
    # Of two segments the lead of one is that of the other turned round.
    leads = np.where(number > 2, number, 1.0)
    alpha = 1 - confidence
    lead_width = special.stdtrit(df, 1 - alpha / (2 * leads)) * lead_error
    gap_width = special.stdtrit(df, 1 - alpha / (2 * pairs)) * gap_error
    return Extremes(
        np.where(enough, best, -1),
        np.where(enough, weakest, -1),
        *(
            np.where(enough, each, np.nan)
            for each in (
                lead, lead - lead_width, lead + lead_width,
                gap, gap - gap_width, gap + gap_width,
            )
        ),
    )  # fmt: skip


def _seen(value: Floats, variance: Floats) -> Bools:
    with np.errstate(invalid="ignore"):
        return np.isfinite(value) & np.isfinite(variance) & (np.asarray(variance) > 0)


def _first_largest(value: Floats) -> Ints:
    """Index of the largest along the last axis, 0 where that axis is empty."""
    if value.shape[-1] == 0:
        return np.zeros(value.shape[:-1], dtype=np.int64)
    return np.asarray(value.argmax(-1))


def _is(index: Ints, length: int) -> Bools:
    return np.asarray(index[..., None] == np.arange(length))


def _pick(value: Floats, index: Ints) -> Floats:
    """The value at an index of the last axis, 0 where that axis is empty."""
    return np.asarray(np.where(_is(index, value.shape[-1]), value, 0.0).sum(-1))
