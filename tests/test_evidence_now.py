"""How fresh each indicator is: read off cells, with rates that speak by their silence."""

from datetime import date
from typing import Any

import msgspec
import pytest

from models.axes import CellRow
from models.calendar import add_months
from models.silences import Silence
from tests.evidence_by_hand import AS_OF, cell, context
from tests.text_tables import cases
from worker.columns import columns_of
from worker.evidence_now import EvidenceMonths
from worker.windows import windows_of

HOME = context()
#: The current window is July to September 2026; a digit is the number of events in a month from
#: April to September, care is known where there is a `c`.
TABLE = """
    audits and incidents           | audits | incidents | care   | audit_compliance | harm_incidents
    nothing at all                 | ...... | ......    | ...... | 0 never          | 0 never
    audits every month             | 111111 | ......    | cccccc | 3 2026-09        | 0 never
    audits long ago                | 2..... | ......    | cccccc | 0 2026-04        | 0 never
    audits twice in the window     | ....12 | ......    | ...... | 3 2026-09        | 0 never
    one incident, care ever since  | ...... | .1....    | cccccc | 0 never          | 0 2026-09
    one incident, care until July  | ...... | .1....    | cccc.. | 0 never          | 0 2026-07
    care before the first incident | ...... | .....1    | cc.... | 0 never          | 1 2026-09
    an incident of the last month  | ...... | .....3    | cccccc | 0 never          | 3 2026-09
"""


def months(written: str) -> list[tuple[date, int]]:
    return [
        (add_months(AS_OF, place - 5), 1 if mark == "c" else int(mark))
        for place, mark in enumerate(written)
        if mark != "."
    ]


def content(row: dict[str, str], **changes: Any) -> dict[str, Any]:
    cells: list[CellRow] = []
    for month, events in months(row["audits"]):
        cells.append(cell(month, "audit_compliance", "oak", 20, 25, events=events))
    for month, events in months(row["incidents"]):
        cells.append(cell(month, "harm_incidents", "oak", events, events=events))
    cells += [cell(month, "resident_days", "oak", 1440) for month, _ in months(row["care"])]
    home = msgspec.structs.replace(HOME, **changes)
    windows = windows_of(home, AS_OF, None)
    return EvidenceMonths(home, columns_of(cells)).content(AS_OF, windows)


def shown(of: dict[str, Any]) -> str:
    return f"{of['events']} {of['latest'] or 'never'}"


@pytest.mark.parametrize("row", cases(TABLE))
def test_how_much_and_how_fresh(row: dict[str, str]) -> None:
    found = content(row)
    for code in ("audit_compliance", "harm_incidents"):
        assert shown(found[code]) == row[code], code
    assert set(found) == {one.code for one in HOME.indicators if one.evidence}


def test_where_a_source_was_silent_no_incident_says_nothing() -> None:
    row = {"audits": "......", "incidents": "1.....", "care": "cccccc"}
    silence = Silence("incidents:acme", ("incident.reported",), date(2026, 8, 1), None)
    assert shown(content(row, silences=(silence,))["harm_incidents"]) == "0 2026-07"


def test_evidence_of_no_team_counts_and_of_an_unknown_one_does_not() -> None:
    windows = windows_of(HOME, AS_OF, None)
    for team, expected in (("", "1 2026-09"), ("oak", "1 2026-09"), ("gone", "0 never")):
        rows = [cell(AS_OF, "audit_compliance", team, 20, 25, events=1)]
        found = EvidenceMonths(HOME, columns_of(rows)).content(AS_OF, windows)
        assert shown(found["audit_compliance"]) == expected, team


def test_what_comes_after_the_month_is_not_known_in_it() -> None:
    rows = [
        cell(add_months(AS_OF, back), "audit_compliance", "oak", 20, 25, events=1)
        for back in (-1, 1)
    ]
    windows = windows_of(HOME, AS_OF, None)
    found = EvidenceMonths(HOME, columns_of(rows)).content(AS_OF, windows)
    assert shown(found["audit_compliance"]) == "1 2026-08"
