"""Who decides "broad": the table of levels, first rule that holds, as a table to read."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import numpy as np
import pytest

from models.vocabulary import WEAKEST_FIRST, Axis, Coverage, Level, SegmentStatus, Strand
from tests.evidence_by_hand import cells, context, programme
from worker.advised import ADVISED
from worker.alignment import Alignment
from worker.columns import columns_of
from worker.months import CHANNELS
from worker.score import StrandScore, score_strand
from worker.stats.agreement import following
from worker.stats.evidence import Evidence
from worker.stats.standing import Gap
from worker.verdict import broad_from, judge, too_young, weakest
from worker.windows import Windows, windows_of

STATUS = {
    "R": SegmentStatus.REACHED,
    "m": SegmentStatus.MOVING,
    "n": SegmentStatus.NOT_SHOWN,
    "i": SegmentStatus.INSUFFICIENT,
    "x": SegmentStatus.MIXED,
    "w": SegmentStatus.WORSENED,
    "-": SegmentStatus.NOT_PROVIDED,
}
COVERAGE = {"a": Coverage.ADEQUATE, "t": Coverage.THIN, "0": Coverage.ABSENT}
AXIS = {
    Strand.TEAM_SPREAD: Axis.TEAM,
    Strand.SHIFT_COVERAGE: Axis.BAND,
    Strand.EVIDENCE_ALIGNMENT: Axis.AREA,
}
AS_OF = date(2026, 9, 1)
NO_LAG = following(np.full((2, 3), np.nan), np.full((2, 3), np.nan))
WINDOWS = windows_of(context(), AS_OF, None)


def no_evidence(g: int) -> Evidence:
    """One indicator, seen everywhere, its season known."""
    by_segment = dict.fromkeys((one.name for one in fields(Evidence)), np.ones((g, 1)))
    by_service: dict[str, Any] = {
        "correlation": np.ones((1, 1)),
        "df": np.array([20.0]),
        "autocorrelation": np.zeros(1),
        "season_known": np.array([True]),
    }
    return Evidence(**{**by_segment, **by_service})


@cache
def scored(g: int) -> StrandScore:
    """A strand of so many teams that never changed; what a test is about is put in its place."""
    names = tuple(f"s{place}" for place in range(g))
    rows = cells(names, first=date(2024, 12, 1))
    found = score_strand(Strand.TEAM_SPREAD, context(names), columns_of(rows), [AS_OF], [WINDOWS])
    return found[0]


def score(
    segments: str,
    bound: int,
    *,
    strand: Strand = Strand.TEAM_SPREAD,
    worsened: int = 0,
    power: float = 0.9,
    held: int = 6,
    material: str = "",
    coverage: str = "",
    share: list[float] | None = None,
    by_change: int | None = None,
) -> StrandScore:
    """A strand by one letter a segment; `material` marks gaps and `coverage` a, t or 0 likewise."""
    status = tuple(STATUS[letter] for letter in segments)
    g, c = len(status), len(CHANNELS)
    care = np.array([one is not SegmentStatus.NOT_PROVIDED for one in status], dtype=float)
    nothing = np.full((g, 1), np.nan)
    gaps = np.array([mark == "!" for mark in material.ljust(g, ".")])[:, None]
    return replace(
        scored(g),
        strand=strand,
        axis=AXIS[strand],
        codes=tuple(f"s{place}" for place in range(g)),
        alpha=0.03,
        status=status,
        coverage=tuple(COVERAGE[mark] for mark in coverage.ljust(g, "a")),
        bound=bound,
        bound_by_change=bound if by_change is None else by_change,
        worsened_bound=worsened,
        claimed_in=None,
        named=np.array([one is SegmentStatus.REACHED for one in status]),
        named_worsened=np.array([one is SegmentStatus.WORSENED for one in status]),
        p_improved=np.ones(g),
        p_adjusted=np.ones(g),
        g=np.ones(g),
        g_variance=np.ones(g),
        channel_z=np.zeros((g, c)),
        channel_g=np.zeros((g, c)),
        channel_variance=np.ones((g, c)),
        channel_n=np.ones((g, c, 2)),
        at_standard=np.ones(g, dtype=bool),
        held=np.full(g, held),
        power=np.full(g, power),
        gap=Gap(nothing, nothing, nothing, nothing, gaps, ~gaps),
        evidence=no_evidence(g),
        share_of_care=care / max(care.sum(), 1) if share is None else np.array(share),
        share_of_checks=care / max(care.sum(), 1),
        share_known=True,
        check_sizes=np.ones((g, c)),
        further=np.full((g, len(ADVISED)), np.nan),
    )


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


def qualifiers(of: StrandScore, windows: Windows = WINDOWS) -> set[str]:
    return set(judge(of, windows).qualifiers)


def test_a_plain_broad_strand_has_no_qualifiers() -> None:
    assert qualifiers(score("RRRR", 4)) == set()


@pytest.mark.parametrize("code", ["recent", "thin_evidence", "share_unknown", "below_standard"])
def test_qualifier_of_the_strand_stands_beside_the_level(code: str) -> None:
    whole = score("RRRR", 4)
    told = {
        "recent": replace(whole, held=np.array([6, 6, 2, 6])),
        "thin_evidence": score("RRRR", 4, coverage="aata"),
        "share_unknown": replace(whole, share_known=False),
        "below_standard": replace(whole, at_standard=np.array([True, True, True, False])),
    }
    assert qualifiers(told[code]) == {code}


def test_season_is_qualified_only_where_an_indicator_was_seen_without_it() -> None:
    whole = score("RRRR", 4)
    unknown = replace(whole.evidence, season_known=np.array([False]))
    assert qualifiers(replace(whole, evidence=unknown)) == {"season_not_controlled"}
    unseen = replace(unknown, z=np.full((4, 1), np.nan))
    assert qualifiers(replace(whole, evidence=unseen)) == set()


def test_windows_bring_their_own_qualifiers() -> None:
    sliding = windows_of(context(programmes=()), AS_OF, date(2024, 1, 1))
    assert qualifiers(score("RR", 2), sliding) == {"sliding_baseline"}
    late = programme(registered_at=datetime(2026, 1, 10, tzinfo=UTC))
    assert qualifiers(score("RR", 2), windows_of(context(programmes=(late,)), AS_OF, None)) == {
        "post_hoc"
    }


def test_segments_without_care_qualify_nothing() -> None:
    assert qualifiers(score("RR-", 2, coverage="aa0")) == set()


@pytest.mark.parametrize(
    ("internal", "external", "ahead"),
    [(2.0, 0.0, True), (2.0, 2.0, False), (0.2, 0.0, False), (2.0, np.nan, True)],
)
def test_internal_is_ahead_when_it_improved_and_experience_is_not_half_as_fast(
    internal: float, external: float, *, ahead: bool
) -> None:
    inside, outside = np.array([internal, 0.0]), np.array([external, 0.0])
    small = np.full(2, 0.05)
    aligned = replace(
        score("RR", 2, strand=Strand.EVIDENCE_ALIGNMENT),
        alignment=Alignment(inside, small, outside, small, NO_LAG),
    )
    assert ("internal_ahead" in qualifiers(aligned)) == ahead


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
