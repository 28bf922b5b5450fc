"""The whole way from cells and tallies to what is watched for: one narrow service a strand.

Each is narrow in every way that its strand watches for, and a service beside it in none.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from models.axes import CellRow
from models.calendar import add_months, months_between
from models.context import PlaceOfTeam, ServiceContext
from models.tallies import TallyRow
from models.vocabulary import Band, Strand, TallyKind
from tests.cells_by_month import CHECKS, SINCE, steady
from tests.evidence_by_hand import AS_OF, NOW, cell, context, team
from worker.scoring import conclude
from worker.watched import RULES

NAMES = ("oak", "elm", "ash")
#: A year of history before the start, so that charts have limits and starts are known.
FIRST = date(2024, 6, 1)
FELT = "experience_positive"
NIGHT, WEEKEND = Band.WEEKDAY_NIGHT.value, Band.WEEKEND_DAY.value
EARLY = datetime(2026, 10, 2, 9, tzinfo=UTC)


def led(*leaders: str) -> ServiceContext:
    places = [(PlaceOfTeam(date(2020, 1, 1), None, who),) for who in leaders]
    return context(
        tuple(
            msgspec.structs.replace(team(code), places=at)
            for code, at in zip(NAMES, places, strict=True)
        )
    )


def everywhere(levels: dict[str, str], indicators: Sequence[str], n: int = 400) -> list[CellRow]:
    """The same in every band."""
    return [
        row
        for band in Band
        for row in steady(levels, indicators, n // 4, first=FIRST, band=band.value)
    ]


def residents() -> list[CellRow]:
    return [
        cell(month, "resident_days", code, 16 * 30 * 360, band=band.value)
        for month in months_between(FIRST, AS_OF)
        for code in NAMES
        for band in Band
    ]


def tallies(kind: TallyKind, segment: str, word: str, months: int = 5) -> list[TallyRow]:
    """Thrice in every three months up to the look."""
    back = [add_months(AS_OF, -place) for place in range(months)]
    return [TallyRow(month, kind.value, word, segment, "", "", 1) for month in back]


def states(
    strand: Strand,
    rows: list[CellRow],
    told: Sequence[TallyRow] = (),
    of: ServiceContext | None = None,
    now: datetime = NOW,
) -> dict[str, set[str]]:
    """State of every rule that says anything, over its segments and words."""
    found = conclude(of or context(NAMES), rows, [AS_OF], now, FIRST, told)[AS_OF].content
    view: dict[str, Any] = found["strands"][strand]
    said: dict[str, set[str]] = {}
    for one in [*view["warnings"], *view["triggers"]]:
        said.setdefault(one["code"], set()).add(one["state"])
    return said


def watched(strand: Strand) -> dict[str, set[str]]:
    return {rule.code: {"open"} for rule in RULES if rule.strand is strand}


def narrow_by_team() -> list[CellRow]:
    """Oak alone improved, elm even fell when the last three looks began, and is sure of itself."""
    fallen = steady({"elm": ".6"}, CHECKS, last=date(2026, 6, 1), first=FIRST)
    fallen += steady({"elm": ".4"}, CHECKS, first=date(2026, 7, 1))
    return (
        residents()
        + fallen
        + steady({"oak": ".6>.95", "ash": ".6"}, CHECKS, first=FIRST)
        + steady({"elm": ".9"}, ["self_assessment"], first=FIRST)
    )


def narrow_by_time() -> list[CellRow]:
    """Weekday daytime improved and is looked at; the rest is neither."""
    rows = residents()
    for name in NAMES:
        rows += steady({name: ".6>.95"}, [*CHECKS, FELT], n=400, first=FIRST)
        rows += steady({name: ".95"}, ["record_quality", "escalation_on_time"], first=FIRST)
        for band in Band:
            if band is not Band.WEEKDAY_DAY:
                rows += steady({name: ".6"}, [*CHECKS, FELT], n=20, first=FIRST, band=band.value)
        rows += steady({name: ".8"}, ["record_quality"], first=FIRST, band=WEEKEND)
        rows += steady({name: ".8"}, ["escalation_on_time"], first=FIRST, band=NIGHT)
        rows += steady({name: ".8"}, ["handover_quality"], first=FIRST, band=NIGHT)
    return rows


def narrow_inside() -> list[CellRow]:
    """Checks and harm improved, staff are happier; people say what they always said."""
    names = dict.fromkeys(NAMES, ".6>.9")
    rows = residents() + everywhere(names, CHECKS)
    rows += everywhere(dict.fromkeys(NAMES, ".6"), [FELT], n=2000)
    for month in months_between(FIRST, AS_OF):
        later = month >= SINCE
        for name in NAMES:
            harmed, rating = (1, 45) if later else (6, 35)
            rows.append(cell(month, "harm_incidents", name, harmed))
            rows.append(
                cell(month, "staff_experience", name, 10 * rating * 10, 10,
                     sum_squares=10 * (10 * rating) ** 2)
            )  # fmt: skip
    return rows


WEAK = tallies(TallyKind.WEAK_THEME, "elm", "medicines")
SAID = tallies(TallyKind.NEGATIVE_THEME, "oak", "food") + tallies(
    TallyKind.COMPLAINT_THEME, "oak", "food"
)


def holding(found: dict[str, set[str]]) -> dict[str, set[str]]:
    return {code: states & {"open"} for code, states in found.items()}


def test_service_carried_by_one_team_opens_all_that_is_watched_for_in_teams() -> None:
    found = states(Strand.TEAM_SPREAD, narrow_by_team(), WEAK, led("ann", "bea", "bea"))
    assert holding(found) == watched(Strand.TEAM_SPREAD)


def test_service_good_by_day_alone_opens_all_that_is_watched_for_in_time() -> None:
    found = states(Strand.SHIFT_COVERAGE, narrow_by_time())
    assert holding(found) == watched(Strand.SHIFT_COVERAGE)


def test_service_better_on_paper_opens_all_that_is_watched_for_in_experience() -> None:
    found = states(Strand.EVIDENCE_ALIGNMENT, narrow_inside(), SAID)
    assert holding(found) == watched(Strand.EVIDENCE_ALIGNMENT)


def test_service_better_everywhere_opens_nothing() -> None:
    rows = residents() + everywhere(
        dict.fromkeys(NAMES, ".6>.95"),
        [*CHECKS, FELT, "record_quality", "escalation_on_time", "handover_quality"],
    )
    rows += everywhere(dict.fromkeys(NAMES, ".6>.95"), ["self_assessment"])
    for strand in Strand:
        found = states(strand, rows, of=led("ann", "bea", "cat"))
        assert {code for code, each in found.items() if "open" in each} == set()


def test_while_late_evidence_is_due_new_triggers_wait_and_warnings_do_not() -> None:
    """The same themes, first named often enough in this look, which is not final yet."""
    told = tallies(TallyKind.COMPLAINT_THEME, "oak", "food", 3)
    told += tallies(TallyKind.NEGATIVE_THEME, "oak", "food", 3)
    early = states(Strand.EVIDENCE_ALIGNMENT, narrow_inside(), told, now=EARLY)
    final = states(Strand.EVIDENCE_ALIGNMENT, narrow_inside(), told)
    assert early["repeated_dissatisfaction"] == {"watching"}
    assert final["repeated_dissatisfaction"] == {"open"}
    assert early["incidents_down_themes_same"] == final["incidents_down_themes_same"] == {"open"}
    assert early["flat_feedback"] == {"open"}
