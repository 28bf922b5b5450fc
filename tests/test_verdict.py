"""Who decides "broad": the table of levels, first rule that holds, as a table to read."""

from datetime import date
from typing import Any

import pytest

from models.vocabulary import WEAKEST_FIRST, Level, Strand
from tests.evidence_by_hand import context, programme
from tests.scores_by_hand import AS_OF, WINDOWS, score
from worker.verdict import broad_from, judge, too_young, weakest
from worker.windows import windows_of

#: Segments by letter, the bound, what else is so, and the level that follows.
TABLE = """
    R        1   .                 | not_applicable
    R---     1   .                 | not_applicable
    ----     0   .                 | not_applicable
    wwmmmm   0   worsened=2        | worsening
    wRmmmm   1   worsened=1        | worsening
    wRRmmm   2   worsened=1        | spreading
    iiiimm   0   worsened=1        | worsening
    iiiimm   0   .                 | insufficient_evidence
    iiiRRR   3   .                 | spreading
    iiiiRR   2   .                 | insufficient_evidence
    mmmmmm   0   power=0.49        | insufficient_evidence
    mmmmmm   0   power=0.50        | not_shown
    Rmmmmm   1   power=0.10        | localised
    mmmmmm   0   .                 | not_shown
    mmmmmm   1   .                 | localised
    Rmmmmm   1   .                 | localised
    RRmmmm   2   .                 | spreading
    RRRRmm   4   .                 | spreading
    RRRRRm   5   .                 | broad_with_exceptions
    RRRRRx   5   .                 | broad_with_exceptions
    RRRRRR   6   .                 | broad
    RRRRRR   6   material=..!...   | broad_with_exceptions
    RRRRRR   6   held=2            | broad_with_exceptions
    RRRRRR   6   held=3            | broad
    RRRRRR   6   coverage=aaata0   | broad
    RRRR     4   shift,coverage=aaat | broad_with_exceptions
    RRRR     4   shift,coverage=aaa0 | broad_with_exceptions
    RRRR     4   shift             | broad
    RRR-     3   shift,coverage=aaa0 | broad
    RRmm     2   .                 | spreading
    RRRm     3   .                 | broad_with_exceptions
    RRm      2   .                 | broad_with_exceptions
    Rm       1   .                 | localised
    RR       2   .                 | broad
    RRRR-    4   material=....!    | broad
"""


def rows() -> list[Any]:
    found = []
    for line in TABLE.strip().splitlines():
        given, level = (part.strip() for part in line.split("|"))
        segments, bound, said = given.split()
        options: dict[str, Any] = {}
        for part in [] if said == "." else said.split(","):
            if part == "shift":
                options["strand"] = Strand.SHIFT_COVERAGE
            else:
                name, value = part.split("=")
                known = {"worsened": int, "held": int, "power": float}
                options[name] = known.get(name, str)(value)
        found.append(pytest.param(segments, int(bound), options, Level(level), id=line.strip()))
    return found


@pytest.mark.parametrize(("segments", "bound", "options", "level"), rows())
def test_level_is_the_first_rule_that_holds(
    segments: str, bound: int, options: dict[str, Any], level: Level
) -> None:
    verdict = judge(score(segments, bound, **options), WINDOWS)
    assert verdict.level is level
    assert verdict.reasons
    for reason in verdict.reasons:
        assert reason.figures
        assert reason.text.endswith(".")


@pytest.mark.parametrize(
    ("segments", "needed"),
    [(2, 2), (3, 2), (4, 3), (5, 4), (6, 5), (7, 6), (8, 7), (9, 8), (10, 8), (11, 9), (12, 10)],
)
def test_broad_needs_four_fifths_or_all_but_one_of_few(segments: int, needed: int) -> None:
    assert broad_from(segments) == needed
    letters = "R" * segments
    if needed > 2:
        below = judge(score(letters, needed - 1), WINDOWS)
        assert below.level is Level.SPREADING
        assert below.reasons[0].figures["needed"] == needed
    assert judge(score(letters, needed), WINDOWS).level is not Level.SPREADING


@pytest.mark.parametrize(
    ("small", "level"), [(0.5999, Level.SPREADING), (0.6, Level.BROAD_WITH_EXCEPTIONS)]
)
def test_claim_that_may_be_a_small_share_of_care_is_not_broad(small: float, level: Level) -> None:
    each = small / 4
    verdict = judge(score("RRRRm", 4, share=[each] * 4 + [1 - small]), WINDOWS)
    assert verdict.level is level
    if level is Level.SPREADING:
        assert [reason.code for reason in verdict.reasons] == ["small_share_of_care"]


def test_a_programme_too_young_is_no_evidence_yet() -> None:
    young = context(programmes=(programme(date(2026, 9, 10)),))
    verdict = too_young(young, windows_of(young, AS_OF, None))
    assert verdict.level is Level.INSUFFICIENT_EVIDENCE
    assert [reason.code for reason in verdict.reasons] == ["programme_too_young"]


def test_several_exceptions_are_all_named() -> None:
    found = judge(
        score(
            "RRRm", 3, strand=Strand.SHIFT_COVERAGE, held=1, material="!", coverage="ta",
        ),
        WINDOWS,
    )  # fmt: skip
    reasons = {reason.code: reason.figures["segments"] for reason in found.reasons}
    assert reasons == {
        "segments_not_reached": ["s3"],
        "material_gap": ["s0"],
        "band_not_covered": ["s0"],
        "recent": ["s0", "s1", "s2"],
    }


def test_statement_says_what_can_be_claimed_and_what_was_there_already() -> None:
    assert judge(score("RRRRmm", 4, by_change=3), WINDOWS).statement == (
        "With 95% confidence at least 4 of 6 teams are in a stronger position, "
        "1 of them already at standard."
    )
    assert judge(score("wwm", 0, worsened=2), WINDOWS).statement == (
        "With 95% confidence at least 2 of 3 teams have become worse; "
        "none can be said to be in a stronger position."
    )
    assert judge(score("wRR", 2, worsened=1), WINDOWS).statement == (
        "With 95% confidence at least 1 of 3 teams has become worse, "
        "and at least 2 are in a stronger position."
    )
    assert judge(score("mm", 0, strand=Strand.SHIFT_COVERAGE), WINDOWS).statement == (
        "With 95% confidence no time band of 2 can be said to be in a stronger position."
    )
    assert judge(score("R-", 1), WINDOWS).statement == "Not applicable: care is given in 1 team."


def test_story_is_as_weak_as_its_weakest_applicable_strand() -> None:
    team, shift, aligned = Strand
    for place, weak in enumerate(WEAKEST_FIRST):
        for strong in WEAKEST_FIRST[place + 1 :]:
            assert weakest({team: strong, shift: weak, aligned: strong}) == (weak, shift)
    levels = {team: Level.NOT_APPLICABLE, shift: Level.BROAD, aligned: Level.NOT_APPLICABLE}
    assert weakest(levels) == (Level.BROAD, shift)
    assert weakest(dict.fromkeys(Strand, Level.NOT_APPLICABLE)) == (Level.NOT_APPLICABLE, None)
