"""Segments as they stand in a view: status, change, channels, gaps, levels, start."""

from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np

from models.axes import segment_name
from models.calendar import add_months
from models.context import ServiceContext
from models.statements import statements_of_indicator
from models.vocabulary import Better
from worker.alignment import Alignment
from worker.arrays import evidence_indicators
from worker.months import CHANNELS
from worker.numbers import interval, interval_of, number
from worker.score import StrandScore
from worker.stats.combination import upper_tail
from worker.stats.control_charts import LEAST_MONTHS
from worker.stats.panel import Ints
from worker.stats.segments import DESCRIPTIVE_ALPHA
from worker.stats.shrinkage import FEWEST_UNITS
from worker.stats.spc_rules import RULE_DIRECTIONS, RULE_NAMES
from worker.uneven import Z95


def month_at(score: StrandScore, position: int) -> str | None:
    """The month at a position of the score's axis, whose last is `as_of`; None for -1."""
    if position < 0:
        return None
    last = score.course.charts.value.shape[-1] - 1
    return _months_before(score.as_of, last - int(position))


@lru_cache(maxsize=4096)
def _months_before(month: date, back: int) -> str:
    return month_text(add_months(month, -back))


@lru_cache(maxsize=4096)
def month_text(month: date) -> str:
    return f"{month:%Y-%m}"


def segment_content(context: ServiceContext, score: StrandScore, place: int) -> dict[str, Any]:
    aligned = {}
    if score.alignment is not None:
        aligned = alignment_content(score.alignment, place) | {"state": score.states[place].value}
    closing, error = score.uneven.closing[place], Z95 * score.uneven.closing_error[place]
    return {
        "code": score.codes[place],
        "name": segment_name(context, score.axis, score.codes[place]),
        "status": score.status[place].value,
        "improvement": {
            **interval_of(score.g[place], score.g_variance[place]),
            "p": number(score.p_improved[place]),
            "p_adjusted": number(score.p_adjusted[place]),
        },
        "at_standard": bool(score.at_standard[place]),
        **aligned,
        "channels": [channel_content(score, place, channel) for channel in range(len(CHANNELS))],
        "gaps": gaps_content(context, score, place),
        "coverage": score.coverage[place].value,
        "share_of_care": number(score.share_of_care[place]),
        "share_of_checks": number(score.share_of_checks[place]),
        "planned_power": number(score.power[place]),
        **start_content(score, place),
        "held_months": int(score.held[place]),
        "closing_per_month": number(closing),
        "closing_interval": interval(closing, closing - error, closing + error),
        "mix_shift": number(score.mix_shift[place]),
        "statements": statements_spoken_to(context, score, place),
        "charts": charts_content(context, score, place),
    }


def statements_spoken_to(context: ServiceContext, score: StrandScore, place: int) -> list[str]:
    """Statements of every framework that the segment's current evidence bears on, in order."""
    seen = ~np.isnan(score.evidence.level[place])
    return sorted(
        {
            statement
            for one, is_seen in zip(evidence_indicators(context), seen, strict=True)
            if is_seen
            for statement in statements_of_indicator(one.statements)
        }
    )


def charts_content(context: ServiceContext, score: StrandScore, place: int) -> list[dict[str, Any]]:
    """Control charts on which something was flagged, rule by rule with the months it held in."""
    charts = score.course.charts
    shown = []
    for position, indicator in enumerate(evidence_indicators(context)):
        rules = charts.rules[place, position]
        held = int(np.bitwise_or.reduce(rules))
        if not held:
            continue
        sign = 1 if indicator.better is Better.HIGHER else -1
        shown.append(
            {
                "indicator": indicator.code,
                "centre": number(charts.centre[place, position, -1]),
                "lower": number(charts.lower[place, position, -1]),
                "upper": number(charts.upper[place, position, -1]),
                "flagged": [
                    {
                        "rule": name,
                        "direction": "improvement"
                        if sign * RULE_DIRECTIONS[code] > 0
                        else "concern",
                        "from": month_at(score, first),
                        "to": month_at(score, last),
                    }
                    for code, name in enumerate(RULE_NAMES)
                    if held & 1 << code
                    for first, last in _stretches(rules >> code & 1)
                ],
            }
        )
    return shown


def _stretches(held: Ints) -> list[tuple[int, int]]:
    """First and last position of every unbroken stretch of ones."""
    found: list[tuple[int, int]] = []
    before = 0
    for position, now in enumerate(held.tolist()):
        if now and before:
            found[-1] = (found[-1][0], position)
        elif now:
            found.append((position, position))
        before = now
    return found


def start_content(score: StrandScore, place: int) -> dict[str, Any]:
    """When it began by its control chart, the change point beside it, its place in the order."""
    course = score.course
    started, change, order = course.start[place], course.change, course.order
    reason = None
    if started < 0:
        reason = f"fewer_than_{LEAST_MONTHS}_months_before_the_start"
        if not np.isnan(course.whole.centre[place]).all():
            reason = "taken_back" if course.signalled[place] else "no_signal"
    return {
        "started": month_at(score, started),
        "started_reason": reason,
        "change_point": None
        if change.first[place] < 0
        else {
            "month": month_at(score, change.first[place]),
            "from": month_at(score, change.lower[place]),
            "to": month_at(score, change.upper[place]),
            "p": number(change.p[place]),
        },
        "order": None
        if order.rank[place] <= 0
        else {
            "rank": int(order.rank[place]),
            "months_after_origin": int(order.lag[place]),
            "indistinguishable_from_origin": bool(order.indistinguishable[place]),
        },
    }


def alignment_content(of: Alignment, place: int) -> dict[str, Any]:
    """Inside, outside, and how fast the one follows the other."""
    lag = of.lag
    return {
        "internal": interval_of(of.internal[place], of.internal_variance[place]),
        "external": interval_of(of.external[place], of.external_variance[place]),
        "pace": interval_of(of.pace[place], of.pace_error[place] ** 2),
        "slower": bool(of.slower[place]) if of.internal_improved[place] else None,
        "lag": None
        if not lag.known[place]
        else {
            "months": int(lag.lag[place]),
            "correlation": number(lag.correlation[place]),
            "beyond_noise": bool(lag.beyond_noise[place]),
        },
    }


def channel_content(score: StrandScore, place: int, channel: int) -> dict[str, Any]:
    z = score.channel_z[place, channel]
    if np.isnan(z):
        state = "no_evidence"
    elif float(upper_tail(z)) <= DESCRIPTIVE_ALPHA:
        state = "improved"
    elif float(upper_tail(-z)) <= DESCRIPTIVE_ALPHA:
        state = "worsened"
    else:
        state = "undetermined"
    return {
        "channel": CHANNELS[channel].value,
        "n_baseline": int(score.channel_n[place, channel, 0]),
        "n_current": int(score.channel_n[place, channel, 1]),
        **interval_of(score.channel_g[place, channel], score.channel_variance[place, channel]),
        "state": state,
    }


def gaps_content(context: ServiceContext, score: StrandScore, place: int) -> list[dict[str, Any]]:
    """Distance to the benchmark, indicator by indicator, with the level it is of.

    Of fewer than five segments nothing is known of how they differ; drawn to their common level,
    a band that is truly better would be shown as one that is not.
    """
    found = []
    seen = (~np.isnan(score.shrunk.raw)).sum(0)
    for position, indicator in enumerate(evidence_indicators(context)):
        estimate = score.gap.estimate[place, position]
        if np.isnan(estimate):
            continue
        state = "undetermined"
        if score.gap.material[place, position]:
            state = "material"
        elif score.gap.minor[place, position]:
            state = "minor"
        found.append(
            {
                "indicator": indicator.code,
                "level": number(score.evidence.level[place, position]),
                "baseline_level": number(score.evidence.baseline_level[place, position]),
                "benchmark": number(score.gap.benchmark[place, position]),
                "benchmark_is_standard": indicator.standard is not None,
                "estimate": number(estimate),
                "lower": number(score.gap.lower[place, position]),
                "upper": number(score.gap.upper[place, position]),
                "state": state,
                "n_current": number(score.evidence.n_current[place, position]),
                "shrunk": None
                if seen[position] < FEWEST_UNITS
                else interval(
                    score.shrunk.level[place, position],
                    score.shrunk.lower[place, position],
                    score.shrunk.upper[place, position],
                ),
            }
        )
    return found
