"""From events to cells, tallies and days: each slice is read whole, deleted and written anew.

All are a function of the events visible in one PostgreSQL snapshot and of the service's
context; how and when the events arrived leaves no trace in them.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from models.cells import DELETE_SLICES, INSERT_CELLS, PROVIDER
from models.context import ServiceContext
from models.days import DELETE_DAYS, INSERT_DAYS
from models.publications import MARK_UNPUBLISHED
from models.slices import months_reached, read_slice
from models.tallies import DELETE_TALLIES, INSERT_TALLIES
from models.vocabulary import Family, family_of

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[Any]

Slice = tuple[date, Family]

# The month and family under which each version of a corrected event was counted.
SLICES_OF_VERSIONS = """
SELECT DISTINCT e.service, e.month, e.type
FROM events e
JOIN unnest($1::text[], $2::text[]) AS moved (source, event_id) USING (source, event_id)
WHERE e.month IS NOT NULL
"""

EVERY_SLICE = """
SELECT DISTINCT month, type FROM events WHERE service = ANY($1) AND month IS NOT NULL
"""

# An audit with nothing due has no cell and may all the same have named a weak theme.
EVERY_SUM = """
SELECT month, family FROM cells WHERE service = ANY($1)
UNION
SELECT month, family FROM tallies WHERE service = ANY($1)
UNION
SELECT month, family FROM days WHERE service = ANY($1)
"""

MARK_ELSEWHERE = f"""
INSERT INTO marks (provider_id, service, month, family)
SELECT {PROVIDER}, elsewhere.*
FROM unnest($1::text[], $2::date[], $3::text[]) AS elsewhere
"""


async def every_slice(connection: "Connection", context: ServiceContext) -> set[Slice]:
    """All slices that hold events, cells, tallies or days of a service."""
    ids = list(context.known_as)
    events = await connection.fetch(EVERY_SLICE, ids)
    sums = await connection.fetch(EVERY_SUM, ids)
    found = {(row["month"], family_of(row["type"])) for row in events}
    # A census reaches into the months after it; those have cells only once they were computed.
    return with_look_ahead(found) | {(row["month"], Family(row["family"])) for row in sums}


def with_look_ahead(slices: Iterable[Slice]) -> set[Slice]:
    """The slices themselves and those that their events reach into."""
    return {(month, family) for start, family in slices for month in months_reached(start, family)}


async def slices_of_versions(
    connection: "Connection", known_as: Sequence[str], identities: Sequence[tuple[str, str]]
) -> set[Slice]:
    """Where other versions of corrected events lie; those of other services are marked there.

    A version may have moved between months, families and services, and both sides change.
    """
    rows = await connection.fetch(
        SLICES_OF_VERSIONS, [source for source, _ in identities], [id_ for _, id_ in identities]
    )
    here: set[Slice] = set()
    elsewhere: set[tuple[str, date, str]] = set()
    for row in rows:
        family = family_of(row["type"])
        reached = with_look_ahead({(row["month"], family)})
        if row["service"] in known_as:
            here |= reached
        else:
            elsewhere |= {(row["service"], month, family.value) for month, _ in reached}
    if elsewhere:
        services, months, families = zip(*sorted(elsewhere), strict=True)
        await connection.execute(MARK_ELSEWHERE, services, months, families)
    return here


async def roll_up(
    connection: "Connection", context: ServiceContext, slices: Iterable[Slice], known: str
) -> None:
    """Replace the cells, tallies and days of these slices by what the events of each say."""
    ordered = sorted(slices)
    named = (
        list(context.known_as),
        [month for month, _ in ordered],
        [family.value for _, family in ordered],
    )
    await connection.execute(DELETE_SLICES, *named)
    await connection.execute(DELETE_TALLIES, *named)
    await connection.execute(DELETE_DAYS, *named)
    cells: list[tuple[Any, ...]] = []
    tallies: list[tuple[Any, ...]] = []
    days: list[tuple[Any, ...]] = []
    for month, family in ordered:
        sliced = await read_slice(connection, context, month, family, known)
        place = (month, family.value)
        cells += [(*place, *key, *sums) for key, sums in sorted(sliced.cells.items())]
        tallies += [(*place, *key, events) for key, events in sorted(sliced.tallies.items())]
        days += [(*place, *key, *sums) for key, sums in sorted(sliced.days.items())]
    for insert, rows in ((INSERT_CELLS, cells), (INSERT_TALLIES, tallies), (INSERT_DAYS, days)):
        if rows:
            await connection.execute(insert, context.service, *zip(*rows, strict=True))
    await connection.execute(MARK_UNPUBLISHED, context.service)
