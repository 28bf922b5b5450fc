"""Which body says what a record version is, when several bodies say something under its identity.

The first that arrived holds, whatever mapping reads which of them when, until somebody replays
another by its number; only a body that holds, or comes before that one, changes what is known. An
identity that its body no longer reads is free for others. Knows nothing of how rows are stored.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import asyncpg

    from models.storing import Row

    Connection = asyncpg.Connection[Any]

#: An identity whatever reading of it.
Meant = tuple[str, str, int]
#: Of a body among others: the lowest holds.
Place = tuple[float, int]
MEANT: Callable[[Sequence[Any]], Meant] = itemgetter(0, 1, 2)

#: By one version of a mapping an identity can pass from body to body so many times.
REVISIONS_A_VERSION = 1000

# How each identity was read last, and in which body.
READ_LAST = """
SELECT DISTINCT ON (e.source, e.event_id, e.version)
       e.source, e.event_id, e.version, e.revision, e.content_hash, e.inbox_id, e.withdrawn
FROM unnest($1::text[], $2::text[], $3::integer[]) AS s (source, event_id, version)
JOIN events e USING (source, event_id, version)
ORDER BY e.source, e.event_id, e.version, e.revision DESC
"""

# Replays are append-only, so what somebody has decided outlives every later replay.
NAMED = """
SELECT i.id, max(r.requested_at) AS at
FROM inbox i JOIN replays r ON r.connector = i.connector AND r.asked->'inbox_ids' @> to_jsonb(i.id)
WHERE i.id = ANY($1::bigint[]) GROUP BY i.id
"""

WAITING = """
SELECT min(i.id) FROM inbox i JOIN connectors c ON c.code = i.connector
WHERE i.id = ANY($1::bigint[]) AND i.status = 'waiting' AND c.state = 'active'
"""

CONTRADICTED = """
UPDATE inbox SET status = 'quarantined', reason = 'conflict',
    detail = 'A body that holds against this one, number ' || $2 || ', says otherwise of a record'
        || ' under the same id and version. If this one is right, replay it by its number.'
WHERE id = ANY($1::bigint[]) AND status = 'mapped'
"""


class Said(StrEnum):
    """What a row is against what was read last."""

    #: Corrects what its own body said, or is said by one that comes before the one that held.
    INSTEAD = "instead"
    #: The same, from a body that comes before the one it was read in last.
    EARLIER = "earlier"
    SAME = "same"
    OTHERWISE = "otherwise"


class ReadFirst(Exception):
    """A body that comes before this one waits to be read again; only then this one is judged."""

    def __init__(self, inbox_id: int) -> None:
        super().__init__(inbox_id)
        self.inbox_id = inbox_id


class Judged(NamedTuple):
    """What a row is, the revision to store it under, and the body that says otherwise."""

    said: Said
    revision: int
    against: int | None


def revision_of(mapping_version: int) -> int:
    """Of the first reading of an identity by this version of a mapping."""
    return mapping_version * REVISIONS_A_VERSION


async def judged(connection: "Connection", rows: Sequence["Row"]) -> dict[Meant, Judged]:
    """Rows of one body against what was read before of their identities; new ones are left out.

    Raises
    ------
    ReadFirst
        What was read before is about to be read anew.
    """
    found = await connection.fetch(READ_LAST, *map(list, zip(*map(MEANT, rows), strict=True)))
    before = {MEANT(one): one for one in found}
    met = [row for row in rows if MEANT(row) in before]
    bodies = {one["inbox_id"] for one in found} | {row.inbox_id for row in met}
    order = await _order(connection, {body for body in bodies if body is not None})
    for mine in {row.inbox_id for row in met if row.inbox_id is not None}:
        held_before = [body for body, place in order.items() if place < order[mine]]
        if first := held_before and await connection.fetchval(WAITING, held_before):
            raise ReadFirst(first)
    return {MEANT(row): _judged(row, before[MEANT(row)], order) for row in met}


async def tell_contradicted(
    connection: "Connection", found: Iterable[Judged], by: int | None
) -> None:
    """Bodies of which something no longer holds must not pass for understood."""
    gave_way = {one.against for one in found if one.said is Said.INSTEAD and one.against}
    if gave_way:
        await connection.execute(CONTRADICTED, sorted(gave_way), str(by))


def said_otherwise(against: Mapping[Meant, int | None], row: "Row", inbox_id: int) -> str:
    """Why a row of this body is a conflict, and what to do."""
    other = against.get(MEANT(row), inbox_id)
    if other is None:
        return "Other content was sent to /v1/events under this id and version, and holds."
    if other == inbox_id:
        return "An earlier record of this body says otherwise under this id and version, and holds."
    return (
        f"Body {other} says otherwise under this id and version, and holds. If this one is right,"
        " replay it by its number; if only the mapping has changed, replay both."
    )


async def _order(connection: "Connection", bodies: Collection[int]) -> dict[int, Place]:
    """Where each body stands: what was named last comes first, then what arrived first."""
    if len(bodies) < 2:
        return {body: (0.0, body) for body in bodies}
    named = await connection.fetch(NAMED, sorted(bodies))
    at = {row["id"]: row["at"].timestamp() for row in named}
    return {body: (-at.get(body, 0.0), body) for body in bodies}


def _judged(row: "Row", last: Any, order: dict[int, Place]) -> Judged:
    mine, held = row.inbox_id, last["inbox_id"]
    same = last["content_hash"] == row.content_hash
    revision = max(row.revision, last["revision"] + 1)
    if mine is None or held is None:
        # What came in our own words is nobody's to interpret.
        said = Said.SAME if same else Said.OTHERWISE
    elif same:
        said = Said.EARLIER if order[mine] < order[held] else Said.SAME
    elif mine == held:
        # Of two rows of one table the first holds.
        at_once = row.revision // REVISIONS_A_VERSION == last["revision"] // REVISIONS_A_VERSION
        said = Said.OTHERWISE if at_once and not last["withdrawn"] else Said.INSTEAD
    else:
        free = last["withdrawn"] or order[mine] < order[held]
        said = Said.INSTEAD if free else Said.OTHERWISE
    against = held if said is Said.OTHERWISE or (mine != held and not last["withdrawn"]) else None
    return Judged(said, revision, against)
