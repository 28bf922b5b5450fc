"""Events and expectations written as small text tables, one row a case named by its first cell."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from models.calendar import LONDON
from models.counting import Counted, StoredEvent, sum_cells
from models.event_types import SHAPES
from models.vocabulary import Family, Measure
from tests.evidence_by_hand import context, team

#: Stands in a cell that says nothing: no team, no `about`, counts in no way.
NOTHING = "."
#: When an event of a table happens that does not say: a Monday, by day.
A_MONDAY = "2026-05-11 10:00"

Row = dict[str, str]

#: Headings of tables by the indicator whose `x/n` stands there.
HEADINGS = {
    "omitted/due": "medicine_omissions",
    "timely/given": "medicine_on_time",
    "backfilled/due": "medicine_backfill",
    "filled/shifts": "shifts_filled",
    "agency/worked min": "agency_share",
    "held on time": "supervision_on_time",
    "outcome": "supervision_outcome",
    "harm": "harm_incidents",
    "falls": "falls",
    "escalated": "escalation_on_time",
    "reports": "incident_reports",
    "near miss": "near_miss_ratio",
    "rating": "experience_rating",
    "positive": "experience_positive",
    "staff rating": "staff_experience",
    "complaints": "complaints",
    "repeated": "complaints_repeated",
    "compliments": "compliments",
}
#: Where all tables happen; Oak is also called by another name.
OAK = msgspec.structs.replace(team("oak"), aliases=("Oak Unit",))
HOME = context(teams=(OAK, "elm", "ash", "fir"))


def rows(table: str) -> list[Row]:
    """Rows by the column names of the first line; cells stand between `|`."""
    head, *lines = [_cells(line) for line in table.strip().splitlines()]
    names = ["case", *head[1:]]
    return [dict(zip(names, line, strict=True)) for line in lines]


def cases(table: str) -> list[Any]:
    """The rows as parameters of a test; a name that stands twice would hide a case."""
    found = rows(table)
    assert len({row["case"] for row in found}) == len(found), "each row states a fact of its own"
    return [pytest.param(row, id=row["case"]) for row in found]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def at(written: str) -> datetime:
    """`2026-05-11 10:00` by the clock in London, unless an offset says otherwise."""
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=LONDON)


def span(written: str) -> tuple[datetime, datetime]:
    """`2026-05-11 10:00 to 2026-05-11 18:00`, on one day also `2026-05-11 10:00 to 18:00`."""
    begins, ends = written.split(" to ")
    return at(begins), at(ends if "-" in ends else f"{begins[:10]} {ends}")


def event(
    kind: str,
    words: str = "",
    when: str = A_MONDAY,
    *,
    team: str = "oak",
    about: str = NOTHING,
    **fields: Any,
) -> StoredEvent:
    """An event as stored; its `data` is one that a sender could send.

    `words` are fields of `data`: `status=given prn` has a status and says yes to `prn`; clock
    times are of the day of the event.
    """
    said = dict(_field(word, when[:10]) for word in words.split() if word != NOTHING)
    data = msgspec.convert(said, SHAPES[kind])
    assert data.flaw() is None, data.flaw()
    happened = at(when)
    known: dict[str, Any] = {"event_id": f"{kind} {when} {words}", "source": "forms:elm"}
    known |= {"version": 1, "service": "1-545611283", "person": None, "area": None}
    known |= {"recorded_at": None, "received_at": happened}
    return StoredEvent(
        type=kind,
        team=None if team == NOTHING else team,
        occurred_at=happened,
        about=about_of(about),
        data=msgspec.to_builtins(data),
        **(known | fields),
    )


def about_of(written: str) -> dict[str, str] | None:
    """A band, a span or `.` for an event that does not say what time it speaks of."""
    if written == NOTHING:
        return None
    if " to " not in written:
        return {"band": written}
    begins, ends = span(written)
    return {"from": begins.isoformat(), "to": ends.isoformat()}


def _field(word: str, day: str) -> tuple[str, Any]:
    name, says, value = word.partition("=")
    if not says:
        return name, True
    if name.endswith("_at"):
        return name, at(
            f"{day} {value}" if "-" not in value else value.replace("T", " ")
        ).isoformat()
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def listed(found: Iterable[str]) -> str:
    """Words in order, `.` where there are none."""
    return ", ".join(sorted(found)) or NOTHING


def said_by(counted: Iterable[Counted], family: Family) -> set[str]:
    """`indicator x/n` of all that these events count for, a rate without n."""
    measures = {one.code: one.measure for one in HOME.indicators}
    found = set()
    for (code, *_), (x, n, *_) in sum_cells(counted, HOME.indicators, family).items():
        if code not in measures:
            continue  # hours of rosters, which say where there is care
        value = f"{x / 100:g}" if measures[code] is Measure.MEAN else f"{x}"
        found.add(f"{code} {value}" + ("" if measures[code] is Measure.RATE else f"/{n}"))
    return found


def wanted_in(row: Row) -> set[str]:
    return {
        f"{HEADINGS[heading]} {cell}"
        for heading, cell in row.items()
        if heading in HEADINGS and cell != NOTHING
    }
