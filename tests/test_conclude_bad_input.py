"""Whatever lies in the cells, a service gets a defined answer with its reason, and never praise."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pytest

from models.axes import CellRow
from models.calendar import months_between
from models.catalogue import STARTER, Indicator
from models.context import ServiceContext
from models.tallies import TallyRow
from models.vocabulary import TallyKind
from tests.evidence_by_hand import AS_OF, NOW, cell, cells, context, programme, team
from worker.scoring import conclude

TEAMS = ("oak", "elm", "ash")
MONTHS = months_between(date(2024, 12, 1), AS_OF)
WITHOUT_PRAISE = {"not_applicable", "insufficient_evidence", "not_shown"}
BY_CODE = {one.code: one for one in STARTER}


def first_of(rows: list[CellRow]) -> date | None:
    return min((row.month for row in rows), default=None)


def content(of: ServiceContext, rows: list[CellRow]) -> dict[str, Any]:
    return conclude(of, rows, [AS_OF], NOW, first_of(rows))[AS_OF].content


def verdicts(found: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    return {
        name: (strand["verdict"]["level"], [each["code"] for each in strand["verdict"]["reasons"]])
        for name, strand in found["strands"].items()
    }


def claims(found: dict[str, Any]) -> list[int]:
    return [
        strand["breadth"]["reached_at_least"]
        for strand in found["strands"].values()
        if strand["breadth"] is not None
    ]


def no_number(found: Any, path: str = "") -> Iterator[str]:
    """Where content has what is no number; JSON would have null there and nobody meant it."""
    if isinstance(found, dict):
        for key, each in found.items():
            yield from no_number(each, f"{path}/{key}")
    elif isinstance(found, list):
        for place, each in enumerate(found):
            yield from no_number(each, f"{path}/{place}")
    elif isinstance(found, float) and not np.isfinite(found):
        yield path
    elif not isinstance(found, str | int | float | bool | None):
        yield f"{path}: {type(found).__name__}"


def changed(rows: list[CellRow], **to: Any) -> list[CellRow]:
    """The same cells with counts put out of joint; care time stays as it is."""
    return [
        row
        if row.indicator == "resident_days"
        else row._replace(**{field: put(row) for field, put in to.items()})
        for row in rows
    ]


def copies(of: str, rows: list[CellRow], units: list[dict[str, Any]]) -> tuple[Any, list[CellRow]]:
    """Own indicators like a starter one but for their units, with cells of their own."""
    own = tuple(
        msgspec.structs.replace(BY_CODE[of], code=f"own_{place}", **unit)
        for place, unit in enumerate(units)
    )
    more = [
        row._replace(indicator=one.code, sum_squares=3 * row.x**2)
        for row in rows
        if row.indicator in (of, "audit_compliance")
        for one in own
    ]
    return STARTER + own, rows + more


#: What a view may say of one segment on average; 200 teams and their 200 areas are 2 MB at most.
MOST_BYTES_OF_A_SEGMENT = 5_000
PLAIN = cells()
SHARES = [{"meaningful": 1e-300}, {"meaningful": 1e300}, {"standard": 0.0}, {"standard": 1.0}]
RATES = [{"meaningful": 1e-300, "per": 1}, {"standard": -5.0}, {"standard": 1e200, "per": 10**12}]
MEANS = [{"standard": 1e300}, {"standard": -1e300, "meaningful": 1e300}, {"meaningful": 1e-300}]
BAD_CELLS: dict[str, list[CellRow]] = {
    "none at all": [],
    "one month": cells(improved=TEAMS, first=AS_OF),
    "two months": cells(first=date(2026, 8, 1)),
    "baseline alone": cells(improved=TEAMS, last=date(2025, 5, 1)),
    "nothing ever": changed(PLAIN, x=lambda _: 0),
    "all perfect": changed(PLAIN, x=lambda row: row.n),
    "the same every month": changed(PLAIN, x=lambda row: row.n // 2),
    "zero denominators": changed(PLAIN, x=lambda _: 0, n=lambda _: 0, events=lambda _: 0),
    "more met than due": changed(cells(improved=TEAMS), x=lambda row: 5 * row.n + 1),
    "fewer than none": changed(cells(improved=TEAMS), x=lambda row: -row.n - 1),
    "denominators below zero": changed(cells(improved=TEAMS), n=lambda row: -row.n),
    "beyond counting": changed(PLAIN, x=lambda _: 2**62, n=lambda _: 2**62),
    "counts that are no number": changed(cells(improved=TEAMS), x=lambda _: np.nan),
    "denominators that are no number": changed(cells(improved=TEAMS), n=lambda _: np.nan),
    "half of the counts no number": [
        row._replace(x=row.x if row.month.month % 2 else np.nan)  # type: ignore[arg-type]
        for row in PLAIN
    ],
    "ratings that are no number": changed(
        cells(improved=TEAMS) + [cell(month, "experience_rating", "oak", 9, 3) for month in MONTHS],
        x=lambda _: np.nan,
        sum_squares=lambda _: np.nan,
    ),
    "unknown teams": cells(("birch", "fir"), ("birch", "fir")),
    "no teams named": cells(("",)),
    "exposure without events": [row for row in PLAIN if row.indicator == "resident_days"],
    "events without exposure": [
        row for row in PLAIN if row.indicator in {"harm_incidents", "falls", "complaints"}
    ],
    "unknown indicators": [row._replace(indicator="unheard_of") for row in PLAIN],
    "unknown bands": [row._replace(band="") for row in PLAIN],
    "every other month": [row for row in PLAIN if row.month.month % 2],
    "a cell of the year 1": [*PLAIN, cell(date(1, 1, 1), "audit_compliance", "oak", 3, 4)],
    "cells of the future": cells(last=date(2030, 1, 1)),
    "ratings without reason": PLAIN
    + [
        cell(month, "experience_rating", code, place * 10**9, 3, sum_squares=-(10**17))
        for month in MONTHS
        for place, code in enumerate(TEAMS, -1)
    ],
}
CONTEXTS: dict[str, ServiceContext] = {
    "three teams": context(),
    "no teams": context(()),
    "one team": context(("oak",)),
    "teams in areas": context((team("oak", "east"), team("elm", "west"), team("ash", "west"))),
    "teams that closed": context(tuple(team(c, closed_on=date(2020, 1, 1)) for c in TEAMS)),
    "teams that open later": context(tuple(team(c, opened_on=date(2027, 1, 1)) for c in TEAMS)),
    "no programme": context(programmes=()),
    "a programme before any evidence": context(programmes=(programme(date(2019, 1, 1)),)),
    "a programme of the last century": context(programmes=(programme(date(1902, 6, 1)),)),
    "windows of ten years": context(
        programmes=(programme(baseline_months=120, current_months=120),)
    ),
    "no indicators": context(indicators=()),
    "more channels than there are": context(channels_required=9),
}


#: Every bad input in some contexts, and some in every context.
TRIED = [
    (of, rows)
    for of in CONTEXTS
    for rows in BAD_CELLS
    if of in {"three teams", "teams in areas", "no programme"}
    or rows in {"none at all", "more met than due", "every other month"}
]


@pytest.mark.parametrize(("of", "rows"), TRIED)
def test_bad_cells_get_an_answer_with_its_reason_and_no_praise(of: str, rows: str) -> None:
    found = content(CONTEXTS[of], BAD_CELLS[rows])
    assert claims(found) == [0, 0, 0]
    for level, reasons in verdicts(found).values():
        assert level in WITHOUT_PRAISE
        assert reasons
    assert found["story"]["level"] in WITHOUT_PRAISE
    for strand in found["strands"].values():
        assert all(each["status"] != "reached" for each in strand["segments"])
        assert strand["gap"].get("state") != "narrowing"
        for signal in [*strand["warnings"], *strand["triggers"]]:
            assert signal["history"][-1]["figure"] == signal["figure"]
    assert list(no_number(found)) == []
    assert msgspec.json.decode(msgspec.json.encode(found)) == found


@pytest.mark.parametrize("of", CONTEXTS)
def test_good_cells_in_any_context_are_scored(of: str) -> None:
    found = content(CONTEXTS[of], cells(improved=TEAMS))
    assert all(reasons for _, reasons in verdicts(found).values())
    assert all(claim <= 4 for claim in claims(found))
    assert list(no_number(found)) == []


@pytest.mark.parametrize(
    ("like", "units"),
    [("audit_compliance", SHARES), ("harm_incidents", RATES), ("experience_rating", MEANS)],
)
def test_absurd_units_of_own_indicators_stop_no_score(like: str, units: Any) -> None:
    indicators: tuple[Indicator, ...]
    indicators, rows = copies(like, PLAIN, units)
    found = content(context(indicators=indicators), rows)
    assert all(reasons for _, reasons in verdicts(found).values())
    assert list(no_number(found)) == []


def test_programme_younger_than_a_month_is_too_young_to_judge() -> None:
    young = programme(date(2026, 9, 10))
    found = content(context(programmes=(young,)), cells(improved=TEAMS))
    assert set(map(str, verdicts(found).values())) == {
        str(("insufficient_evidence", ["programme_too_young"]))
    }
    assert found["windows"]["current"] is None


def test_team_without_evidence_stays_in_the_count_and_claims_nothing() -> None:
    found = content(context(), cells(("oak", "elm"), ("oak", "elm")))["strands"]["team_spread"]
    assert found["breadth"]["segments"] == 3
    assert found["breadth"]["reached_at_least"] == 2
    status = {each["code"]: each["status"] for each in found["segments"]}
    assert status == {"oak": "reached", "elm": "reached", "ash": "insufficient"}
    assert found["verdict"]["level"] == "broad_with_exceptions"


def test_two_hundred_teams_and_areas_are_scored_and_none_is_claimed_too_many() -> None:
    codes = [f"team{number}" for number in range(200)]
    improved = codes[:20]
    rows = cells(codes, improved, bands=("weekday_day",), first=date(2025, 1, 1))
    places = tuple(team(code, f"area{code}") for code in codes)
    found = content(context(places), rows)
    spread = found["strands"]["team_spread"]["breadth"]
    assert spread["segments"] == 200
    assert 10 <= spread["reached_at_least"] <= 20
    assert found["strands"]["evidence_alignment"]["breadth"]["segments"] == 200
    assert len(msgspec.json.encode(found)) < 400 * MOST_BYTES_OF_A_SEGMENT


TALLIES = (
    TallyRow(AS_OF, TallyKind.COMPLAINT_THEME, "food", "birch", "", "", 9),
    TallyRow(AS_OF, TallyKind.WEAK_THEME, "food", "oak", "nowhere", "no_band", 9),
    TallyRow(AS_OF, TallyKind.WEAK_THEME, "", "", "", "", 9),
    TallyRow(AS_OF, TallyKind.NEGATIVE_THEME, "food", "oak", "", "", -9),
    TallyRow(AS_OF, "unheard_of", "food", "oak", "", "", 9),
    TallyRow(date(1, 1, 1), TallyKind.COMPLAINT_THEME, "food", "oak", "", "", 9),
    TallyRow(date(9999, 12, 1), TallyKind.COMPLAINT_THEME, "food", "oak", "", "", 9),
)


@pytest.mark.parametrize("rows", ["none at all", "unknown teams", "every other month"])
def test_tallies_of_nowhere_stop_no_score(rows: str) -> None:
    found = conclude(context(), BAD_CELLS[rows], [AS_OF], NOW, None, TALLIES)[AS_OF].content
    assert list(no_number(found)) == []
    strand = found["strands"]["evidence_alignment"]
    seen = [*strand["warnings"], *strand["triggers"]]
    assert not any(each["segment"] == "oak" and each["word"] == "food" for each in seen)


def test_baseline_long_ago_is_still_the_baseline() -> None:
    old = context(programmes=(programme(date(2020, 6, 1)),))
    rows = cells(improved=TEAMS, first=date(2019, 1, 1), since=date(2020, 7, 1))
    found = content(old, rows)["strands"]["team_spread"]
    assert found["breadth"]["of_which_improved_at_least"] == 3
    assert all(each["improvement"]["p"] < 0.05 for each in found["segments"])


def test_a_cell_split_in_two_of_the_same_month_changes_nothing() -> None:
    rows = cells(improved=("oak", "elm"))
    halves = [
        part
        for row in rows
        for part in (
            row._replace(x=row.x // 2, n=row.n // 2, events=row.events // 2),
            row._replace(
                x=row.x - row.x // 2, n=row.n - row.n // 2, events=row.events - row.events // 2
            ),
        )
    ]
    assert content(context(), halves) == content(context(), rows)


def test_order_of_cells_and_an_unknown_team_beside_them_change_nothing() -> None:
    rows = cells(improved=("oak", "elm"))
    strangers = cells(("birch",), ("birch",), seed=5)
    assert content(context(), strangers + rows[::-1]) == content(context(), rows)


def test_months_scored_together_and_alone_are_the_same() -> None:
    of = context((team("oak", "east"), team("elm", "west"), team("ash", "west")))
    rows = cells(improved=("oak", "elm"), first=date(2021, 1, 1))
    as_ofs = months_between(date(2025, 7, 1), AS_OF)
    together = conclude(of, rows, as_ofs, NOW, first_of(rows))
    for as_of in as_ofs:
        assert conclude(of, rows, [as_of], NOW, first_of(rows))[as_of] == together[as_of]


def test_later_evidence_changes_no_earlier_month() -> None:
    rows = cells(improved=("oak", "elm"))
    as_of = date(2026, 3, 1)
    known = [row for row in rows if row.month <= as_of]
    assert conclude(context(), rows, [as_of], NOW, first_of(known)) == conclude(
        context(), known, [as_of], NOW, first_of(known)
    )
