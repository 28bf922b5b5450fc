"""What earlier mappings read in a body and the present one does not: it has to be taken back."""

from collections.abc import Container

from sqlalchemy.ext.asyncio import AsyncSession

from models.db import driver
from models.incoming.mapped import numbered
from models.incoming.validation import retraction_of
from models.readings import MEANT, Meant, revision_of
from models.storing import Row

# The last reading of each identity, where it is of this body and by an earlier mapping.
SAID_BEFORE = """
SELECT source, event_id, version, service FROM (
    SELECT DISTINCT ON (e.source, e.event_id, e.version)
           e.source, e.event_id, e.version, e.service, e.withdrawn, e.inbox_id, e.revision
    FROM events mine JOIN events e USING (provider_id, source, event_id, version)
    WHERE mine.inbox_id = $1
    ORDER BY e.source, e.event_id, e.version, e.revision DESC
) AS last
WHERE inbox_id = $1 AND revision < $2 AND NOT withdrawn
"""


#: In place of a hash of content: unlike that of any reading that says something.
WITHDRAWN = bytes(16)


async def no_longer_said(
    session: AsyncSession, said: Container[Meant], mapping_version: int, inbox_id: int
) -> list[Row]:
    """Withdrawals, as a reading by this version of the mapping.

    A retraction would hide the versions before it, which may be what the body says now.
    """
    before = await (await driver(session)).fetch(
        SAID_BEFORE, inbox_id, revision_of(mapping_version)
    )
    gone = [
        retraction_of(row["event_id"], row["source"], row["service"], row["version"])._replace(
            withdrawn=True, content_hash=WITHDRAWN
        )
        for row in before
        if MEANT(row) not in said
    ]
    return numbered(gone, mapping_version, inbox_id)
