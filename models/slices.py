"""The current version of each event in a slice (service, month, family), as known at a moment."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from models.calendar import add_months, months_between
from models.context import ServiceContext
from models.counting import CellKey, Counted, StoredEvent, Sums, count, sum_cells
from models.days import DayKey, sum_days
from models.exposure import CENSUS_HOLDS_DAYS, care_time, sum_care_time
from models.facts import FACTS_OF
from models.tallies import TallyKey, tally
from models.vocabulary import LOOK_BACK_DAYS, Family, family_of

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[Any]

# A version counts when nothing higher of the same identity was known then, unless somebody had
# dismissed it from quarantine. A higher one that had been withdrawn by then is as if it had never
# come. That a version or revision is not the first lets the look use the small partial index.
CURRENT_EVENTS = """
SELECT e.source, e.event_id, e.version, e.type, e.service, e.team, e.area, e.occurred_at,
       e.recorded_at, e.received_at, e.about::text AS about, e.person, e.data::text AS data
FROM events e
WHERE e.service = ANY($1) AND e.month = ANY($2) AND e.type = ANY($3) AND NOT e.retracted
  AND ($4::text IS NULL OR pg_visible_in_snapshot(e.known_xid, $4::pg_snapshot))
  AND NOT EXISTS (
    SELECT FROM events h
    WHERE h.provider_id = e.provider_id AND h.source = e.source AND h.event_id = e.event_id
      AND (h.version, h.revision) > (e.version, e.revision) AND (h.version > 1 OR h.revision > 0)
      AND (h.version = e.version OR NOT h.withdrawn AND NOT EXISTS (
        SELECT FROM events w
        WHERE w.provider_id = h.provider_id AND w.source = h.source AND w.event_id = h.event_id
          AND w.version = h.version AND w.revision > h.revision AND w.withdrawn
          AND ($4::text IS NULL OR pg_visible_in_snapshot(w.known_xid, $4::pg_snapshot))))
      AND ($4::text IS NULL OR pg_visible_in_snapshot(h.known_xid, $4::pg_snapshot)))
  AND NOT EXISTS (
    SELECT FROM quarantine q
    WHERE q.provider_id = e.provider_id AND q.source = e.source AND q.event_id = e.event_id
      AND q.version = e.version AND q.revision = e.revision AND q.dismissed_xid IS NOT NULL
      AND ($4::text IS NULL OR pg_visible_in_snapshot(q.dismissed_xid, $4::pg_snapshot)))
"""


def types_of(family: Family, context: ServiceContext) -> list[str]:
    """Event types that are counted together, a provider's own ones among them."""
    named = {event for indicator in context.indicators for event in indicator.events}
    return sorted(name for name in named | set(FACTS_OF) if family_of(name) is family)


async def read_events(
    connection: "Connection",
    context: ServiceContext,
    months: Sequence[date],
    types: Sequence[str],
    known: str | None,
) -> list[StoredEvent]:
    """Events of the service under all its ids; `known` is a PostgreSQL snapshot or None for now."""
    rows = await connection.fetch(
        CURRENT_EVENTS, list(context.known_as), list(months), list(types), known
    )
    decode = msgspec.json.decode
    return [
        StoredEvent(
            source=row[0],
            event_id=row[1],
            version=row[2],
            type=row[3],
            service=row[4],
            team=row[5],
            area=row[6],
            occurred_at=row[7],
            recorded_at=row[8],
            received_at=row[9],
            about=decode(row[10]) if row[10] else None,
            person=row[11],
            data=decode(row[12]),
        )
        for row in rows
    ]


def months_before(month: date, family: Family) -> list[date]:
    """The months whose events can change what a month of this family counts, oldest first."""
    first = month - timedelta(days=LOOK_BACK_DAYS.get(family, 0))
    return months_between(first, month)[:-1]


def months_reached(month: date, family: Family) -> list[date]:
    """The month and the later ones that an event of any of its days can change."""
    last_day = add_months(month, 1) - timedelta(days=1)
    return months_between(month, last_day + timedelta(days=LOOK_BACK_DAYS.get(family, 0)))


async def read_counted(
    connection: "Connection",
    context: ServiceContext,
    month: date,
    family: Family,
    known: str | None,
    also: Sequence[str] = (),
) -> list[Counted]:
    """The events of one slice with what each counts as; types in `also` count as nothing."""
    types = [*types_of(family, context), *also]
    events = await read_events(connection, context, [month], types, known)
    earlier = []
    if events and family is not Family.CENSUS and (before := months_before(month, family)):
        earlier = await read_events(connection, context, before, types, known)
    return count(events, context, earlier)


class Sliced(NamedTuple):
    """What the events of one slice come to."""

    cells: dict[CellKey, Sums]
    tallies: dict[TallyKey, int]
    days: dict[DayKey, list[int]]


async def read_slice(
    connection: "Connection",
    context: ServiceContext,
    month: date,
    family: Family,
    known: str | None,
) -> Sliced:
    """The cells, tallies and days of one slice, from its events, read once, and nothing else."""
    if family is Family.CENSUS:
        months = [*months_before(month, family), month]
        types = types_of(family, context)
        censuses = await read_events(connection, context, months, types, known)
        return Sliced(sum_care_time(care_time(month, censuses, context)), {}, {})
    counted = await read_counted(connection, context, month, family, known)
    return Sliced(
        sum_cells(counted, context.indicators, family), tally(counted, context), sum_days(counted)
    )


assert LOOK_BACK_DAYS[Family.CENSUS] == CENSUS_HOLDS_DAYS, "marks reach as far as a census"
