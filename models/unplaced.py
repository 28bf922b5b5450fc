"""Which of the rows that were just stored belong to no known service or team: listed for people.

A statement beside `models.storing`, in the same transaction. Whether an event counts is decided
when it is counted; this is what somebody has to look at meanwhile.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.cells import PROVIDER
from models.events import QuarantineReason
from models.readings import MEANT, Meant

if TYPE_CHECKING:
    import asyncpg

    from models.storing import Row

    Connection = asyncpg.Connection[Any]

# The ids a service has had: its own, and back through its predecessors. An older id stands for
# its newest successor, whose teams and aliases are those of the whole chain.
UNKNOWN_PLACES = """
WITH RECURSIVE sent AS (
    SELECT * FROM unnest($1::text[], $2::text[]) AS s (service, team)
), newest AS (
    SELECT DISTINCT service AS asked, service AS code FROM sent
    UNION
    SELECT n.asked, s.code FROM newest n JOIN services s ON s.predecessor = n.code
), chain AS (
    SELECT asked, code FROM newest
    UNION
    SELECT c.asked, s.predecessor
    FROM chain c JOIN services s ON s.code = c.code AND s.predecessor IS NOT NULL
)
SELECT sent.service, sent.team, NOT known.service AS no_service
FROM sent
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM chain c JOIN services s ON s.code = c.code WHERE c.asked = sent.service
    ) AS service,
    sent.team IS NULL OR EXISTS (
        SELECT FROM chain c JOIN teams t ON t.service = c.code
        WHERE c.asked = sent.service AND t.code = sent.team
    ) OR EXISTS (
        SELECT FROM chain c JOIN team_aliases a ON a.service = c.code
        WHERE c.asked = sent.service AND a.alias = sent.team
    ) AS team
) AS known
WHERE NOT (known.service AND known.team)
"""

INSERT_QUARANTINE = f"""
INSERT INTO quarantine
    (provider_id, source, event_id, version, revision, service, team, reason, received_at)
SELECT {PROVIDER}, s.*, now()
FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::text[], $6::text[],
            $7::text[]) AS s
"""


async def list_unplaced(connection: "Connection", written: Sequence["Row"]) -> set[Meant]:
    """List what belongs to no known service or team. A retraction needs no team."""
    places = sorted(
        {_place_of(row) for row in written}, key=lambda place: (place[0], place[1] or "")
    )
    if not places:
        return set()
    found = await connection.fetch(UNKNOWN_PLACES, *zip(*places, strict=True))
    reasons = {
        (service, team): (
            QuarantineReason.UNKNOWN_SERVICE if no_service else QuarantineReason.UNKNOWN_TEAM
        )
        for service, team, no_service in found
    }
    if not reasons:
        return set()
    waiting = [
        (*MEANT(row), row.revision, row.service, row.team, why)
        for row in written
        if (why := reasons.get(_place_of(row)))
    ]
    await connection.execute(INSERT_QUARANTINE, *zip(*waiting, strict=True))
    return {MEANT(one) for one in waiting}


def _place_of(row: "Row") -> tuple[str, str | None]:
    return row.service, None if row.retracted else row.team
