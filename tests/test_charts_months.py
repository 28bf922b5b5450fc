"""Months that a chart draws, from cells made by hand: sums along an axis, care time, silence."""

from datetime import date

import msgspec
import pytest

from api.charting.monthly import levels_of
from models.axes import CellRow
from models.silences import Silence
from models.vocabulary import Axis
from tests.charted import indicator
from tests.evidence_by_hand import context

SEPTEMBER = date(2026, 9, 1)
DAY = 1440


def cell(code: str, x: int, n: int = 0, team: str = "oak", band: str = "", **more: int) -> CellRow:
    return CellRow(SEPTEMBER, code, team, "", band, x, n, more.get("squares", 0), 1)


def shown(cells: list[CellRow], code: str, axis: Axis = Axis.TEAM) -> dict[str, float]:
    found = levels_of(cells, context(), axis, indicator(code))
    return {each.segment: each.level for each in found}


def test_cells_of_a_segment_are_added() -> None:
    cells = [
        cell("audit_compliance", 8, 10, band="weekday_day"),
        cell("audit_compliance", 1, 10, band="weekend_day"),
        cell("audit_compliance", 5, 5, team="elm", band="weekday_day"),
    ]
    assert shown(cells, "audit_compliance") == {"oak": 0.45, "elm": 1.0}
    by_band = {"weekday_day": 13 / 15, "weekend_day": 0.1}
    assert shown(cells, "audit_compliance", Axis.BAND) == by_band


def test_a_mean_is_of_values_that_lie_in_hundredths() -> None:
    cells = [cell("experience_rating", 850, 2, squares=362500)]
    [of] = levels_of(cells, context(), Axis.TEAM, indicator("experience_rating"))
    assert (of.level, of.x, of.n, of.squares) == (4.25, 8.5, 2, 36.25)


def test_a_rate_is_per_thousand_of_the_care_and_zero_where_nothing_happened() -> None:
    cells = [
        cell("falls", 3),
        cell("resident_days", 500 * DAY),
        cell("resident_days", 250 * DAY, team="elm"),
        cell("care_hours", 60 * 77, team="elm"),
    ]
    assert shown(cells, "falls") == pytest.approx({"oak": 6.0, "elm": 0.0})


def test_a_rate_without_care_or_without_any_report_ever_has_no_level() -> None:
    assert shown([cell("falls", 3)], "falls") == {}
    assert shown([cell("resident_days", 500 * DAY)], "falls") == {}


def test_what_cannot_have_happened_and_teams_that_nobody_knows_are_no_evidence() -> None:
    cells = [
        cell("audit_compliance", 11, 10),
        cell("audit_compliance", 5, 10, team="no-such-team"),
        cell("audit_compliance", 5, 10, team=""),
    ]
    assert shown(cells, "audit_compliance") == {}


@pytest.mark.parametrize(
    ("types", "first", "last", "drawn"),
    [
        ((), 8, None, False),
        (("incident.reported",), 9, 9, False),
        (("audit.completed",), 9, 9, True),
        ((), 10, None, True),
        ((), 7, 8, True),
    ],
)
def test_a_month_in_which_its_source_was_silent_is_not_drawn(
    types: tuple[str, ...], first: int, last: int | None, drawn: bool
) -> None:
    silence = Silence(
        "rondo", types, date(2026, first, 1), None if last is None else date(2026, last, 1)
    )
    silent = msgspec.structs.replace(context(), silences=(silence,))
    cells = [cell("falls", 0), cell("resident_days", 500 * DAY), cell("audit_compliance", 5, 10)]
    assert bool(levels_of(cells, silent, Axis.TEAM, indicator("falls"))) == drawn
    assert levels_of(cells, silent, Axis.TEAM, indicator("audit_compliance")), "a share is not"
