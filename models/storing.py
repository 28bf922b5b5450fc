"""Rows of evidence into `events`: what is new, known, contradicted, overtaken, or waits for a team.

One call is part of one transaction, whose provider is set. Knows nothing of bodies or types; rows
come validated, with pseudonyms instead of persons.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from models.cells import PROVIDER
from models.readings import MEANT, Judged, Meant, Said, judged, tell_contradicted
from models.slices import months_reached
from models.unplaced import list_unplaced
from models.vocabulary import family_of

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[Any]


class Row(NamedTuple):
    """The columns of `events` that a sender decides; provider and time of arrival are ours.

    What was mapped from a body also names the body, and by its `revision` the mapping.
    """

    source: str
    event_id: str
    version: int
    type: str | None
    service: str
    team: str | None
    area: str | None
    month: date | None
    occurred_at: datetime | None
    recorded_at: datetime | None
    about: str | None
    person: str | None
    staff: str | None
    data: str | None
    text_sealed: bytes | None
    retracted: bool
    content_hash: bytes
    revision: int = 0
    inbox_id: int | None = None
    withdrawn: bool = False


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicates"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"
    CONFLICT = "conflicts"


OF_SAID = {
    Said.INSTEAD: Outcome.ACCEPTED,
    Said.EARLIER: Outcome.DUPLICATE,
    Said.SAME: Outcome.DUPLICATE,
    Said.OTHERWISE: Outcome.CONFLICT,
}


class Stored(NamedTuple):
    """What became of each row, in the order sent, and whose scores have to be looked at."""

    outcomes: list[Outcome]
    services: set[str]
    #: Of rows that are conflicts: the body that says otherwise and holds, where it is one.
    against: dict[Meant, int | None]


COLUMNS = Row._fields
TYPES = (
    *("text", "text", "integer", "text", "text", "text", "text", "date", "timestamptz"),
    *("timestamptz", "text", "text", "text", "text", "bytea", "boolean", "bytea"),
    *("integer", "bigint", "boolean"),
)
KEY: Callable[[Sequence[Any]], tuple[str, str, int, int]] = itemgetter(
    0, 1, 2, COLUMNS.index("revision")
)

#: From so many rows on, COPY costs less than the arrays of a statement.
COPY_FROM_ROWS = 100
#: One COPY keeps the event loop busy until its rows are encoded, so a large batch takes several.
ROWS_A_COPY = 5_000

# A table under row security refuses COPY to the application, hence the table beside it.
MAKE_SENT = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS sent ("
    + ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, TYPES, strict=True))
    + ") ON COMMIT DELETE ROWS"
)
EMPTY_SENT = "DELETE FROM pg_temp.sent"

# JSON travels as text, which the driver encodes in C, and is parsed by the server either way.
_SELECTED = ", ".join(f"{n}::jsonb" if n in {"about", "data"} else n for n in COLUMNS)
_INSERT = (
    f"INSERT INTO events (provider_id, {', '.join(COLUMNS)}) SELECT {PROVIDER}, {_SELECTED} FROM"
)
INSERT_SENT = f"{_INSERT} pg_temp.sent AS s ON CONFLICT DO NOTHING"
INSERT_ROWS = (
    f"{_INSERT} unnest("
    + ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(TYPES, 1))
    + f") AS s ({', '.join(COLUMNS)}) ON CONFLICT DO NOTHING"
)

# Rows of this transaction are the ones just written; what was there before has another id.
KNOWN_BEFORE = """
SELECT e.source, e.event_id, e.version, e.revision, e.content_hash
FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[])
    AS s (source, event_id, version, revision)
JOIN events e USING (source, event_id, version, revision)
WHERE e.known_xid <> pg_current_xact_id()
"""

ANY_CORRECTIONS = "SELECT EXISTS (SELECT FROM events WHERE version > 1)"

OVERTAKEN = """
SELECT s.source, s.event_id, s.version, s.revision
FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[])
    AS s (source, event_id, version, revision)
WHERE EXISTS (
    SELECT FROM events e
    WHERE e.source = s.source AND e.event_id = s.event_id AND e.version > s.version
      AND e.version > 1 AND e.known_xid <> pg_current_xact_id())
"""

INSERT_MARKS = f"""
INSERT INTO marks (provider_id, service, month, family, source, event_id)
SELECT {PROVIDER}, s.*
FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::text[]) AS s
"""


async def store(connection: "Connection", rows: Sequence[Row]) -> Stored:
    """Write what is new, with its marks and its quarantine; say what became of each row.

    All rows were sent as such, or all were read in one body.
    """
    firsts, outcomes = _first_of_each(rows)
    found: dict[Meant, Judged] = {}
    if any(row.inbox_id is not None for row in firsts):
        found = await judged(connection, firsts)
    if found:
        firsts = _say_read_before(rows, firsts, found, outcomes)
    written = await _insert(connection, firsts)
    if written < len(firsts):
        known = await _known_before(connection, firsts)
        _say_known(rows, known, outcomes)
        firsts = [row for row in firsts if MEANT(row) not in known]
    await _say_overtaken(connection, rows, firsts, outcomes)
    _say_unplaced(rows, await list_unplaced(connection, firsts), outcomes)
    await _mark(connection, firsts, found)
    await tell_contradicted(connection, found.values(), rows[0].inbox_id if rows else None)
    against = {meant: one.against for meant, one in found.items() if one.said is Said.OTHERWISE}
    return Stored(outcomes, {row.service for row in firsts}, against)


def _first_of_each(rows: Sequence[Row]) -> tuple[list[Row], list[Outcome]]:
    """The first row of each identity, in key order, so that two batches never wait in a ring."""
    outcomes = [Outcome.ACCEPTED] * len(rows)
    firsts: dict[Meant, Row] = {}
    for place, row in enumerate(rows):
        first = firsts.setdefault(MEANT(row), row)
        if first is not row:
            same = first.content_hash == row.content_hash
            outcomes[place] = Outcome.DUPLICATE if same else Outcome.CONFLICT
    return sorted(firsts.values(), key=KEY), outcomes


def _say_read_before(
    rows: Sequence[Row],
    firsts: Sequence[Row],
    found: Mapping[Meant, Judged],
    outcomes: list[Outcome],
) -> list[Row]:
    """Rows that are to be written, under the revision that holds from now on."""
    for place, row in enumerate(rows):
        one = found.get(MEANT(row))
        if one is not None and outcomes[place] is Outcome.ACCEPTED:
            outcomes[place] = OF_SAID[one.said]
    left = []
    for row in firsts:
        one = found.get(MEANT(row))
        if one is None:
            left.append(row)
        elif one.said in {Said.INSTEAD, Said.EARLIER}:
            left.append(row._replace(revision=one.revision))
    return left


async def _insert(connection: "Connection", rows: Sequence[Row]) -> int:
    if not rows:
        return 0
    if len(rows) < COPY_FROM_ROWS:
        status = await connection.execute(INSERT_ROWS, *zip(*rows, strict=True))
    else:
        await connection.execute(MAKE_SENT)
        await connection.execute(EMPTY_SENT)
        for start in range(0, len(rows), ROWS_A_COPY):
            await connection.copy_records_to_table(
                "sent", records=rows[start : start + ROWS_A_COPY], columns=COLUMNS
            )
        status = await connection.execute(INSERT_SENT)
    return int(status.rpartition(" ")[2])


async def _known_before(connection: "Connection", rows: Iterable[Row]) -> dict[Meant, bytes]:
    found = await connection.fetch(KNOWN_BEFORE, *_keys(rows))
    return {MEANT(row): row["content_hash"] for row in found}


def _say_known(rows: Sequence[Row], known: dict[Meant, bytes], outcomes: list[Outcome]) -> None:
    """What is compared is what is stored: two equal resends of a changed event both conflict."""
    for place, row in enumerate(rows):
        stored = known.get(MEANT(row))
        if stored is not None:
            same = stored == row.content_hash
            outcomes[place] = Outcome.DUPLICATE if same else Outcome.CONFLICT


async def _say_overtaken(
    connection: "Connection", rows: Sequence[Row], written: Sequence[Row], outcomes: list[Outcome]
) -> None:
    """A higher version was already there: stored before, or earlier in the same rows."""
    overtaken: set[Meant] = set()
    if written and await connection.fetchval(ANY_CORRECTIONS):
        found = await connection.fetch(OVERTAKEN, *_keys(written))
        overtaken = set(map(MEANT, found))
    if not overtaken and all(row.version == 1 for row in rows):
        return
    highest: dict[tuple[str, str], int] = {}
    for place, row in enumerate(rows):
        identity = row.source, row.event_id
        above = highest.get(identity, 0) > row.version or MEANT(row) in overtaken
        if outcomes[place] is Outcome.ACCEPTED and above:
            outcomes[place] = Outcome.SUPERSEDED
        highest[identity] = max(highest.get(identity, 0), row.version)


def _say_unplaced(
    rows: Sequence[Row], unplaced: Collection[Meant], outcomes: list[Outcome]
) -> None:
    for place, row in enumerate(rows):
        if outcomes[place] in {Outcome.ACCEPTED, Outcome.SUPERSEDED} and MEANT(row) in unplaced:
            outcomes[place] = Outcome.QUARANTINED


async def _mark(
    connection: "Connection", written: Sequence[Row], corrected: Collection[Meant]
) -> None:
    """Append what the recompute has to look at; for a correction also where it was before."""
    sorts = {(row.service, row.month, row.type) for row in written}
    slices = {
        (service, *reached)
        for service, month, event_type in sorts
        if month is not None and event_type is not None
        for reached in _reached(month, event_type)
    }
    moved = {
        (row.service, row.source, row.event_id)
        for row in written
        if row.version > 1 or row.retracted or MEANT(row) in corrected
    }
    marks: list[tuple[str, date | None, str | None, str | None, str | None]] = [
        *((service, month, family, None, None) for service, month, family in sorted(slices)),
        *((service, None, None, source, event_id) for service, source, event_id in sorted(moved)),
    ]
    if marks:
        await connection.execute(INSERT_MARKS, *zip(*marks, strict=True))


@lru_cache(maxsize=4096)
def _reached(month: date, event_type: str) -> tuple[tuple[date, str], ...]:
    family = family_of(event_type)
    return tuple((reached, family.value) for reached in months_reached(month, family))


def _keys(rows: Iterable[Row]) -> tuple[list[str], list[str], list[int], list[int]]:
    sources, ids, versions, revisions = [], [], [], []
    for row in rows:
        sources.append(row.source)
        ids.append(row.event_id)
        versions.append(row.version)
        revisions.append(row.revision)
    return sources, ids, versions, revisions
