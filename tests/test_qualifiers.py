"""What has to stand beside a level: each qualifier where it is due, and where it just is not.

Three teams, all reached and without any flaw, of which one thing at a time is said to be another.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from models.calendar import months_between
from models.context import PlaceOfTeam
from models.vocabulary import Coverage, Level, SegmentStatus, Strand
from tests.evidence_by_hand import AS_OF, NOW, START, cell, cells, context, programme, team
from tests.looks_by_hand import HOME, TEAMS, aligned, look, silent
from tests.text_tables import cases
from worker.arrays import evidence_indicators
from worker.qualifiers import Beside, qualifiers, uneven_by_time
from worker.score import StrandScore
from worker.scoring import conclude
from worker.windows import Windows, windows_of

METHOD = (
    "recent levelling_down uneven_by_time internal_ahead thin_evidence one_source one_manager "
    "composition_shift backfilled season_not_controlled sliding_baseline post_hoc share_unknown "
    "below_standard"
)
WINDOWS = windows_of(HOME, AS_OF, None)
CATEGORIES = tuple(one.category for one in evidence_indicators(HOME))
COVERAGE = {"a": Coverage.ADEQUATE, "t": Coverage.THIN, "0": Coverage.ABSENT}


def flawless(strand: Strand = Strand.TEAM_SPREAD) -> StrandScore:
    segments = len(silent(strand).codes)
    return replace(
        silent(strand),
        status=(SegmentStatus.REACHED,) * segments,
        named=np.ones(segments, dtype=bool),
        held=np.full(segments, 3),
        coverage=(Coverage.ADEQUATE,) * segments,
        at_standard=np.ones(segments, dtype=bool),
        share_known=True,
    )


def status(letters: str) -> dict[str, Any]:
    """R is reached by name, n is not, - has no care."""
    at = look(Strand.TEAM_SPREAD, {"status": letters}).score
    return {"status": at.status, "named": at.named}


def levels(change: float, *, rose: bool, fell: bool) -> dict[str, Any]:
    """How far teams lie apart has changed; whether the weak rose and the best fell."""
    uneven = flawless().uneven
    tau = replace(uneven.tau, change=replace(uneven.tau.change, estimate=np.array(change)))
    return {"uneven": replace(uneven, tau=tau, weak_rose=np.array(rose), best_fell=np.array(fell))}


def scores(**by_category: float) -> dict[str, Any]:
    """z of the first team's indicators of each kind of source; the other teams are silent."""
    z = np.full(flawless().evidence.z.shape, np.nan)
    for place, category in enumerate(CATEGORIES):
        z[0, place] = by_category.get(category.value, np.nan)
    known = np.ones(len(CATEGORIES), dtype=bool)
    return {"evidence": replace(flawless().evidence, z=z, season_known=known)}


def season(seen: str, known: str) -> dict[str, Any]:
    """Of the first indicators: whether they were seen at all, and their season known."""
    z = np.full(flawless().evidence.z.shape, np.nan)
    z[0, : len(seen)] = [0.0 if one == "y" else np.nan for one in seen]
    of = np.zeros(len(CATEGORIES), dtype=bool)
    of[: len(known)] = [one == "y" for one in known]
    return {"evidence": replace(flawless().evidence, z=z, season_known=of)}


def covered(letters: str) -> dict[str, Any]:
    return {"coverage": tuple(COVERAGE[one] for one in letters)}


#: What is said of the teams, and whether it is qualified so.
OF_THE_STRAND: dict[str, list[tuple[str, dict[str, Any], bool]]] = {
    "recent": [
        ("one has held for two months", {"held": np.array([3, 2, 9])}, True),
        ("all have held for three", {"held": np.array([3, 3, 9])}, False),
        ("who is not named need hold nothing", status("RRn") | {"held": np.array([3, 3, 0])},
         False),
    ],
    "levelling_down": [
        ("closer because the best fell", levels(-0.1, rose=False, fell=True), True),
        ("the weak rose, too", levels(-0.1, rose=True, fell=True), False),
        ("no best one fell", levels(-0.1, rose=False, fell=False), False),
        ("as far apart as before", levels(0.0, rose=False, fell=True), False),
    ],
    "thin_evidence": [
        ("one looked at too little", covered("ata"), True),
        ("one not looked at", covered("a0a"), True),
        ("all looked at", covered("aaa"), False),
        ("one without care not looked at", status("R-R") | covered("a0a"), False),
    ],
    "one_source": [
        ("better in audits alone", scores(audits=3, feedback=0, staff_practice=1.6), True),
        ("better in two", scores(audits=3, feedback=1.7), False),
        ("better in none", scores(audits=1.6, feedback=1.6), False),
        ("of a team that is not named", status("nRR") | scores(audits=3), False),
    ],
    "composition_shift": [
        ("more than a fifth from others", {"mix_shift": np.array([0.0, 0.21, 0.0])}, True),
        ("a fifth", {"mix_shift": np.array([0.0, 0.2, 0.2])}, False),
        ("a fifth, but for the last bit", {"mix_shift": np.array([0.0, 0.2 + 1e-15, 0.2])}, False),
        ("nobody knows", {"mix_shift": np.full(3, np.nan)}, False),
    ],
    "season_not_controlled": [
        ("seen and not known", season("y", "n"), True),
        ("one of two not known", season("yy", "yn"), True),
        ("all that was seen is known", season("yn", "yn"), False),
        ("nothing seen", season("n", "n"), False),
    ],
    "share_unknown": [
        ("nobody tells who gets the care", {"share_known": False}, True),
        ("censuses tell", {"share_known": True}, False),
    ],
    "below_standard": [
        ("reached by change alone", {"at_standard": np.array([True, False, True])}, True),
        ("all at standard", {"at_standard": np.array([True, True, True])}, False),
        ("who is not reached is below", status("RRn")
         | {"at_standard": np.array([True, True, False])}, False),
    ],
}  # fmt: skip
OF_OTHERS: dict[str, list[tuple[str, Beside, bool]]] = {
    "uneven_by_time": [
        ("core is reached, a band is not", Beside(uneven_by_time=True), True),
        ("not so", Beside(uneven_by_time=False), False),
    ],
    "one_manager": [
        ("improvement is one person's", Beside(one_manager=True), True),
        ("it is not", Beside(one_manager=False), False),
    ],
    "backfilled": [
        ("more than a tenth recorded late", Beside(backfilled=0.11), True),
        ("a tenth", Beside(backfilled=0.1), False),
        ("none, or nobody knows", Beside(), False),
    ],
}
LATE = programme(registered_at=datetime(2025, 8, 1, 9, tzinfo=UTC))
IN_TIME = programme(registered_at=datetime(2025, 7, 31, 9, tzinfo=UTC))
OF_WINDOWS: dict[str, list[tuple[str, Windows, bool]]] = {
    "sliding_baseline": [
        ("no programme", windows_of(context(programmes=()), AS_OF, date(2024, 1, 1)), True),
        ("a programme", WINDOWS, False),
    ],
    "post_hoc": [
        ("after the first month was known", windows_of(context(programmes=(LATE,)), AS_OF, None),
         True),
        ("while it went on", windows_of(context(programmes=(IN_TIME,)), AS_OF, None), False),
    ],
}  # fmt: skip


def said(
    of: StrandScore,
    windows: Windows = WINDOWS,
    beside: Beside | None = None,
    level: Level = Level.BROAD,
) -> set[str]:
    return set(qualifiers(of, windows, level, beside or Beside(CATEGORIES)))


def flat(table: dict[str, list[tuple[str, Any, bool]]]) -> list[Any]:
    return [
        pytest.param(code, given, due, id=f"{code}: {words}")
        for code, rows in table.items()
        for words, given, due in rows
    ]


@pytest.mark.parametrize(("code", "given", "due"), flat(OF_THE_STRAND))
def test_strand_is_qualified_when_and_only_when_it_is_so(
    code: str, given: dict[str, Any], *, due: bool
) -> None:
    assert said(replace(flawless(), **given)) == ({code} if due else set())


@pytest.mark.parametrize(("code", "given", "due"), flat(OF_OTHERS))
def test_what_other_strands_tell_qualifies_this_one(code: str, given: Beside, *, due: bool) -> None:
    assert said(flawless(), beside=given) == ({code} if due else set())


@pytest.mark.parametrize(("code", "given", "due"), flat(OF_WINDOWS))
def test_windows_qualify_what_is_seen_through_them(code: str, given: Windows, *, due: bool) -> None:
    assert said(flawless(), windows=given) == ({code} if due else set())


@pytest.mark.parametrize(
    ("changes", "letters", "due"),
    [
        ("2±.4 . . / 1.4±.4", "RRR", True),
        ("2±.4 . . / 1.5±.4", "RRR", False),
        ("2±.4 . . / .", "RRR", True),
        ("1±1.1 . . / -1±.4", "RRR", False),
        (". . 2±.4 / .", "RR-", False),
    ],
)
def test_inside_is_ahead_where_it_improved_and_outside_is_not_surely_half_as_fast(
    changes: str, letters: str, *, due: bool
) -> None:
    strand = flawless(Strand.EVIDENCE_ALIGNMENT)
    of = replace(strand, alignment=aligned(changes, 3), **status(letters))
    assert said(of) == ({"internal_ahead"} if due else set())


BANDS = """
    case                           | bands | uneven
    nights are not reached         | RnRR  | yes
    nothing but core is reached    | Rnnn  | yes
    all are reached                | RRRR  | no
    core is not reached            | nRRR  | no
    nothing is reached             | nnnn  | no
    the rest has no care           | R---  | no
"""


@pytest.mark.parametrize("row", cases(BANDS))
def test_time_is_uneven_where_core_is_reached_and_another_band_is_not(row: dict[str, str]) -> None:
    at = look(Strand.SHIFT_COVERAGE, {"status": row["bands"]}).score
    assert uneven_by_time(at) is (row["uneven"] == "yes")


def test_every_qualifier_of_the_method_is_shown_due_and_not_due() -> None:
    tables = (OF_THE_STRAND, OF_OTHERS, OF_WINDOWS)
    told = [code for table in tables for code in table] + ["internal_ahead"]
    assert sorted(told) == sorted(METHOD.split())
    for table in tables:
        for rows in table.values():
            assert {due for _, _, due in rows} == {True, False}


def all_at_once() -> tuple[StrandScore, Beside]:
    strand = flawless(Strand.EVIDENCE_ALIGNMENT)
    z = scores(audits=3)["evidence"].z
    evidence = replace(strand.evidence, z=z, season_known=np.zeros(len(CATEGORIES), dtype=bool))
    of = replace(
        strand,
        held=np.zeros(3, dtype=np.int64),
        alignment=aligned("2±.4 / .", 3),
        at_standard=np.zeros(3, dtype=bool),
        share_known=False,
        mix_shift=np.ones(3),
        evidence=evidence,
        **covered("000"),
        **levels(-1.0, rose=False, fell=True),
    )
    return of, Beside(CATEGORIES, uneven_by_time=True, one_manager=True, backfilled=1.0)


def test_qualifiers_stand_in_the_order_of_the_method_and_none_without_a_level() -> None:
    of, beside = all_at_once()
    windows = msgspec.structs.replace(WINDOWS, sliding=True, post_hoc=True)
    assert qualifiers(of, windows, Level.BROAD, beside) == tuple(METHOD.split())
    assert qualifiers(of, windows, Level.NOT_APPLICABLE, beside) == ()


def verdicts(of: Any, rows: list[Any]) -> dict[str, list[str]]:
    strands = conclude(of, rows, [AS_OF], NOW, date(2024, 12, 1))[AS_OF].content["strands"]
    return {name: strand["verdict"]["qualifiers"] for name, strand in strands.items()}


@pytest.mark.parametrize(("late", "due"), [(100, False), (101, True)])
def test_share_of_doses_recorded_late_qualifies_every_strand(late: int, *, due: bool) -> None:
    doses = [
        cell(month, "medicine_backfill", code, late if month > START else 0, 1000)
        for month in months_between(date(2024, 12, 1), AS_OF)
        for code in TEAMS
    ]
    for found in verdicts(HOME, cells(TEAMS, TEAMS) + doses).values():
        assert ("backfilled" in found) is due


@pytest.mark.parametrize(
    ("leaders", "due"), [("ann bea bea", True), ("bea ann bea", False), ("ann ann ann", False)]
)
def test_improvement_of_one_persons_teams_qualifies_every_strand(
    leaders: str, *, due: bool
) -> None:
    """Oak alone has improved, or oak and elm have; who leads whom decides what that means."""
    improved = ("oak",) if leaders == "ann bea bea" else ("oak", "elm")
    led = tuple(
        msgspec.structs.replace(team(code), places=(PlaceOfTeam(date(2020, 1, 1), None, who),))
        for code, who in zip(TEAMS, leaders.split(), strict=True)
    )
    for found in verdicts(context(led), cells(TEAMS, improved)).values():
        assert ("one_manager" in found) is due
