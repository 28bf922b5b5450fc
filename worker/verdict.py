"""Who decides 'broad': the level of a strand, what qualifies it, and the reasons with figures."""

from collections.abc import Callable, Sequence
from math import floor
from typing import Any

import msgspec
import numpy as np

from models.context import ServiceContext
from models.vocabulary import WEAKEST_FIRST, Coverage, Level, SegmentStatus, Strand
from worker.qualifiers import HELD_MONTHS, Beside, qualifiers, recent
from worker.score import StrandScore
from worker.windows import Windows

#: A claim below these is `spreading`, not broad.
BROAD_SHARE_OF_SEGMENTS, BROAD_SHARE_OF_CARE = 0.8, 0.6
#: Power below which finding nothing means nothing.
POWER_TO_SHOW = 0.5

AXIS_WORDS = {
    Strand.TEAM_SPREAD: ("team", "teams"),
    Strand.SHIFT_COVERAGE: ("time band", "time bands"),
    Strand.EVIDENCE_ALIGNMENT: ("service area", "service areas"),
}


class Reason(msgspec.Struct, frozen=True):
    code: str
    text: str
    figures: dict[str, Any]


class Verdict(msgspec.Struct, frozen=True):
    level: Level
    qualifiers: tuple[str, ...]
    statement: str
    reasons: tuple[Reason, ...]


def broad_from(segments: int) -> int:
    """How many segments a claim has to reach to be broad: 80%, all but one of 3 or 4, 2 of 2."""
    if segments == 2:
        return 2
    if segments in {3, 4}:
        return segments - 1
    return int(np.ceil(round(BROAD_SHARE_OF_SEGMENTS * segments, 9)))


def too_young(context: ServiceContext, windows: Windows) -> Verdict:
    """Nothing to compare yet: no month after the start has ended."""
    name = context.programme.name if context.programme else ""
    reason = Reason(
        "programme_too_young",
        f"“{name}” started in {windows.start:%B %Y}; no full month after it lies in this view.",
        {"started": f"{windows.start:%Y-%m}"},
    )
    return Verdict(
        Level.INSUFFICIENT_EVIDENCE,
        ("post_hoc",) if windows.post_hoc else (),
        "Too early to say: the programme has no full month behind it yet.",
        (reason,),
    )


def judge(score: StrandScore, windows: Windows, beside: Beside | None = None) -> Verdict:
    """The first level whose rule holds, weakest claim first."""
    counted = score.counted
    n = int(counted.sum())
    for level, rule in RULES:
        if reasons := rule(score, n):
            return Verdict(
                level,
                qualifiers(score, windows, level, beside or Beside()),
                statement(score, n, level),
                tuple(reasons),
            )
    raise AssertionError("the last rule always holds")


def _not_applicable(score: StrandScore, n: int) -> list[Reason]:
    if n >= 2:
        return []
    one, many = AXIS_WORDS[score.strand]
    text = f"Spread needs at least two {many}; care is given in {n}."
    return [Reason("fewer_than_two_segments", text, {"segments": n, "axis": one})]


def _worsening(score: StrandScore, n: int) -> list[Reason]:
    if score.worsened_bound == 0 or score.worsened_bound < score.bound:
        return []
    _, many = AXIS_WORDS[score.strand]
    text = f"At least {score.worsened_bound} of {n} {many} have become worse."
    figures = {
        "worsened_at_least": score.worsened_bound,
        "named": _codes(score, score.named_worsened),
    }
    return [Reason("worsened", text, figures)]


def _insufficient(score: StrandScore, n: int) -> list[Reason]:
    _, many = AXIS_WORDS[score.strand]
    lacking = [
        code
        for code, status in zip(score.codes, score.status, strict=True)
        if status is SegmentStatus.INSUFFICIENT
    ]
    if 2 * len(lacking) > n:
        text = f"{len(lacking)} of {n} {many} have too few kinds of evidence to compare."
        return [Reason("too_little_evidence", text, {"insufficient": lacking, "segments": n})]
    weak = (score.power < POWER_TO_SHOW) & score.counted
    if score.bound == 0 and 2 * int(weak.sum()) >= n:
        text = (
            f"In {int(weak.sum())} of {n} {many} the evidence could not have shown a change that "
            "matters, so that none was seen says little."
        )
        figures = {
            "power": {
                code: float(power)
                for code, power, seen in zip(score.codes, score.power, score.counted, strict=True)
                if seen
            }
        }
        return [Reason("could_not_have_shown", text, figures)]
    return []


def _not_shown(score: StrandScore, n: int) -> list[Reason]:
    if score.bound > 0:
        return []
    text = "No number of segments above 0 can be claimed with 95% confidence."
    return [Reason("bound_zero", text, {"reached_at_least": 0, "segments": n})]


def _localised(score: StrandScore, n: int) -> list[Reason]:
    if score.bound > 1:
        return []
    one, _ = AXIS_WORDS[score.strand]
    text = f"The evidence carries one {one} of {n} and no more."
    figures = {"reached_at_least": 1, "segments": n, "named": _codes(score, score.named)}
    return [Reason("one_segment", text, figures)]


def _spreading(score: StrandScore, n: int) -> list[Reason]:
    reasons = []
    needed = broad_from(n)
    if score.bound < needed:
        text = f"Broad would be {needed} of {n}; at least {score.bound} is what can be claimed."
        figures: dict[str, Any] = {
            "reached_at_least": score.bound,
            "needed": needed,
            "segments": n,
        }
        reasons.append(Reason("bound_below_broad", text, figures))
    share = round(score.share_reached, 10)
    if share < BROAD_SHARE_OF_CARE:
        text = (
            f"What can be claimed may be as little as {floor(share * 100)}% of care; broad is 60%."
        )
        figures = {"share_of_care_at_least": share, "needed": BROAD_SHARE_OF_CARE}
        reasons.append(Reason("small_share_of_care", text, figures))
    return reasons


def _exceptions(score: StrandScore, n: int) -> list[Reason]:
    reasons = []
    _, many = AXIS_WORDS[score.strand]
    open_ones = [
        code
        for code, status in zip(score.codes, score.status, strict=True)
        if status not in {SegmentStatus.REACHED, SegmentStatus.NOT_PROVIDED}
    ]
    if open_ones:
        names = _spoken(score, open_ones)
        text = f"{len(open_ones)} of {n} {many} not reached by name: {names}."
        reasons.append(Reason("segments_not_reached", text, {"segments": open_ones}))
    material = [
        code
        for code, gaps, seen in zip(score.codes, score.gap.material, score.counted, strict=True)
        if seen and gaps.any()
    ]
    if material:
        text = f"Material gap to the benchmark in {_spoken(score, material)}."
        reasons.append(Reason("material_gap", text, {"segments": material}))
    if score.strand is Strand.SHIFT_COVERAGE:
        uncovered = [
            code
            for code, coverage, seen in zip(score.codes, score.coverage, score.counted, strict=True)
            if seen and coverage is not Coverage.ADEQUATE
        ]
        if uncovered:
            text = f"Not checked enough to rely on: {_spoken(score, uncovered)}."
            reasons.append(Reason("band_not_covered", text, {"segments": uncovered}))
    if lately := recent(score):
        text = f"Held for less than {HELD_MONTHS} months: {_spoken(score, lately)}."
        reasons.append(Reason("recent", text, {"segments": lately}))
    return reasons


def _broad(score: StrandScore, n: int) -> list[Reason]:
    _, many = AXIS_WORDS[score.strand]
    text = f"All {n} {many} reached, none with a material gap, held {HELD_MONTHS} months or more."
    return [Reason("all_reached", text, {"reached_at_least": score.bound, "segments": n})]


Rule = Callable[[StrandScore, int], list[Reason]]

#: First that holds, as in the method's table.
RULES: tuple[tuple[Level, Rule], ...] = (
    (Level.NOT_APPLICABLE, _not_applicable),
    (Level.WORSENING, _worsening),
    (Level.INSUFFICIENT_EVIDENCE, _insufficient),
    (Level.NOT_SHOWN, _not_shown),
    (Level.LOCALISED, _localised),
    (Level.SPREADING, _spreading),
    (Level.BROAD_WITH_EXCEPTIONS, _exceptions),
    (Level.BROAD, _broad),
)


def _codes(score: StrandScore, chosen: Any) -> list[str]:
    return [code for code, is_one in zip(score.codes, chosen, strict=True) if is_one]


def _spoken(score: StrandScore, codes: Sequence[str]) -> str:
    """Segments as a sentence names them."""
    return ", ".join(score.spoken[score.codes.index(code)] for code in codes)


def statement(score: StrandScore, n: int, level: Level) -> str:
    """One honest sentence: what can be claimed with 95% confidence, and what of it is change."""
    one, many = AXIS_WORDS[score.strand]
    if level is Level.NOT_APPLICABLE:
        return f"Not applicable: care is given in {n} {one if n == 1 else many}."
    if score.worsened_bound > 0:
        verb = "has" if score.worsened_bound == 1 else "have"
        worse = f"at least {score.worsened_bound} of {n} {many} {verb} become worse"
        if score.bound == 0:
            return f"With 95% confidence {worse}; none can be said to be in a stronger position."
        better = f"at least {score.bound} {'is' if score.bound == 1 else 'are'}"
        return f"With 95% confidence {worse}, and {better} in a stronger position."
    if score.bound == 0:
        return f"With 95% confidence no {one} of {n} can be said to be in a stronger position."
    settled = score.bound - score.bound_by_change
    already = f", {settled} of them already at standard" if settled else ""
    verb = "is" if score.bound == 1 else "are"
    return (
        f"With 95% confidence at least {score.bound} of {n} {many} {verb} in a stronger position"
        f"{already}."
    )


def weakest(levels: dict[Strand, Level]) -> tuple[Level, Strand | None]:
    """The story's level is that of its weakest applicable strand."""
    applicable = {strand: level for strand, level in levels.items() if level in WEAKEST_FIRST}
    if not applicable:
        return Level.NOT_APPLICABLE, None
    strand = min(applicable, key=lambda each: WEAKEST_FIRST.index(applicable[each]))
    return applicable[strand], strand
