"""How the segments of a strand lie to each other: gap, differences, concentration, order."""

from datetime import date
from typing import Any

import numpy as np

from models.calendar import add_months
from models.context import ServiceContext
from models.vocabulary import GapState
from worker.numbers import interval, number
from worker.score import StrandScore
from worker.stats.unevenness import Tau


def gap_state(score: StrandScore) -> GapState:
    """Narrowing only when the weak rose; closer because the best fell is levelling down."""
    change = score.uneven.tau.change
    if change.estimate < 0 and score.uneven.best_fell and not score.uneven.weak_rose:
        return GapState.LEVELLING_DOWN
    if change.upper < 0 and score.uneven.weak_rose:
        return GapState.NARROWING
    if change.lower > 0:
        return GapState.WIDENING
    return GapState.UNDETERMINED


def gap_content(context: ServiceContext, score: StrandScore) -> dict[str, Any]:
    """Spread of levels now and then, the two ends, and who looks at it when."""
    uneven = score.uneven
    tau, ends = uneven.tau, uneven.extremes
    months = uneven.months
    return {
        "state": gap_state(score).value,
        "between_segments_now": _tau(tau.now),
        "between_segments_at_baseline": _tau(tau.baseline),
        "change": _tau(tau.change),
        "closing_per_month": interval(
            -tau.change.estimate / months, -tau.change.upper / months, -tau.change.lower / months
        ),
        "best": None
        if ends.best < 0
        else {
            "segment": score.codes[int(ends.best)],
            "ahead_of_the_others": interval(ends.lead, ends.lead_lower, ends.lead_upper),
        },
        "weakest": None
        if ends.weakest < 0
        else {
            "segment": score.codes[int(ends.weakest)],
            "behind_the_best": interval(ends.gap, ends.gap_lower, ends.gap_upper),
        },
        "reviewed_by": "registered_manager",
        "next_review_on": next_review_on(context, score.as_of).isoformat(),
    }


def next_review_on(context: ServiceContext, as_of: date) -> date:
    """The day on which the look after this one is final."""
    return add_months(as_of, 2).replace(day=context.choices.look_day)


def heterogeneity_content(score: StrandScore) -> dict[str, Any]:
    """Whether the segments' changes differ beyond chance, and what to expect of one more."""
    uneven = score.uneven
    return {
        "q": number(uneven.homogeneity.q),
        "p": number(uneven.homogeneity.p),
        "i_squared": number(uneven.i_squared),
        "tau": number(np.sqrt(uneven.tau2)),
        "predicted": {
            "lower": number(uneven.predicted_lower),
            "upper": number(uneven.predicted_upper),
        },
    }


def concentration(score: StrandScore) -> dict[str, Any]:
    """How much of the improvement lies in one segment: top share and effective number of them."""
    gains = np.where(score.counted & (score.g > 0), np.nan_to_num(score.g), 0.0)
    total = float(gains.sum())
    if total <= 0:
        figures: dict[str, Any] = dict.fromkeys(("top_share", "effective_segments", "top_segment"))
    else:
        figures = {
            "top_share": number(float(gains.max()) / total),
            "effective_segments": number(total**2 / float((gains**2).sum())),
            "top_segment": score.codes[int(gains.argmax())],
        }
    best = score.uneven.without_best
    return figures | {
        "without_best": None
        if best.best < 0
        else {
            "left_out": score.codes[int(best.best)],
            **interval(best.mean, best.lower, best.upper),
        }
    }


def spread_content(score: StrandScore) -> dict[str, Any]:
    """Where it began and how it went on, among the segments claimed by name."""
    order = score.course.order
    if order.origin < 0:
        return {"origin": None, "order": []}
    ranked = [place for place in np.argsort(order.rank, kind="stable") if order.rank[place] > 0]
    return {
        "origin": score.codes[int(order.origin)],
        "order": [score.codes[place] for place in ranked],
    }


def _tau(of: Tau) -> dict[str, float | None]:
    return interval(float(of.estimate), float(of.lower), float(of.upper))
