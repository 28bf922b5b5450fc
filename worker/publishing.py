"""Publishing: all datasets of a provider as one numbered copy, from one view of the database.

What did not change since the newest publication is taken over from it part by part; what nobody
can have open any more is removed.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from sqlalchemy import select, text

from models.cells import PROVIDER
from models.context import successor_of
from models.datasets import DATASETS, Dataset
from models.datasets.arrow import bounds, cut, pack, read_copied, select_rows
from models.db import Sessions, driver, transaction
from models.organisation import Service
from models.publications import EVERY_SERVICE, NO_SERVICE
from models.vocabulary import ProviderId
from worker.describing import describe

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    Connection = asyncpg.Connection[Any]

log = structlog.get_logger(__name__)

#: A provider is published at most this often, unless nothing of it was.
EVERY = timedelta(minutes=2)
#: Who reads page by page has as long as this to the last of them.
KEPT_FOR = timedelta(days=1)

TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))"

CLAIM = "DELETE FROM unpublished RETURNING service"

NEWEST = "SELECT max(number) FROM publications"

TAKE_OVER = f"""
INSERT INTO publication_parts (provider_id, number, dataset, service, part, content_hash)
SELECT {PROVIDER}, $2, l.dataset, l.service, l.part, l.content_hash
FROM publication_parts l WHERE l.number = $1 AND l.dataset = $3 AND l.service = ANY($4)
"""

ADD_PART = f"""
INSERT INTO published_parts (provider_id, dataset, service, content_hash, rows, first_day,
                             last_day, arrow)
VALUES ({PROVIDER}, $1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
"""

LINK_PART = f"""
INSERT INTO publication_parts (provider_id, number, dataset, service, part, content_hash)
VALUES ({PROVIDER}, $1, $2, $3, $4, $5)
"""

# The newest always stays, however old it is.
REMOVE_OLD = """
DELETE FROM publications WHERE published_at < $1 AND number < $2
"""

REMOVE_LEFT = """
DELETE FROM published_parts p WHERE NOT EXISTS (
    SELECT FROM publication_parts l
    WHERE l.provider_id = p.provider_id AND l.dataset = p.dataset AND l.service = p.service
      AND l.content_hash = p.content_hash)
"""


class Part(NamedTuple):
    """Packed rows with their hash and bounds."""

    content_hash: bytes
    rows: int
    first_day: object
    last_day: object
    arrow: bytes


async def publish(sessions: Sessions, provider: ProviderId, now: datetime) -> int | None:
    """Publish what changed; the number of the newest publication then, None for somebody's turn.

    All is read as of one moment. A mark that commits later is left to the next publication.
    """
    async with transaction(sessions, provider, as_of_one_moment=True) as session:
        connection = await driver(session)
        if not await connection.fetchval(TRY_LOCK, f"publication/{provider}"):
            return None
        marked = {row["service"] for row in await connection.fetch(CLAIM)}
        newest: int | None = await connection.fetchval(NEWEST)
        if newest is not None and not marked:
            return newest
        services = await present_services(session)
        described = await describe(session, provider, now)
        everything = newest is None or EVERY_SERVICE in marked or described
        changed = set(services.values()) if everything else {services[one] for one in marked
                                                            if one in services}  # fmt: skip
        number = (newest or 0) + 1
        await connection.execute(
            "INSERT INTO publications (provider_id, number, published_at)"
            f" VALUES ({PROVIDER}, $1, $2)",
            number,
            now,
        )
        kept = sorted(set(services.values()) - changed)
        written = 0
        for dataset in DATASETS.values():
            if newest is not None and kept:
                await connection.execute(TAKE_OVER, newest, number, dataset.name, kept)
            of = sorted(changed) if dataset.has("service") else [NO_SERVICE]
            written += await write_parts(connection, number, dataset, of)
        await connection.execute(REMOVE_OLD, now - KEPT_FOR, number)
        await connection.execute(REMOVE_LEFT)
    log.info("published", provider=str(provider), number=number, parts=written)
    return number


async def present_services(session: "AsyncSession") -> dict[str, str]:
    """Every id of a service, and the one that it has today."""
    rows = (await session.execute(select(Service.code, Service.predecessor))).all()
    predecessor = {row.code: row.predecessor for row in rows}
    return {code: successor_of(predecessor, code) for code in predecessor}


async def write_parts(
    connection: "Connection", number: int, dataset: Dataset, services: Iterable[str]
) -> int:
    """Read a dataset service by service and link its parts; says how many there are."""
    written = 0
    for service in services:
        copied = bytearray()

        async def take(data: bytes, into: bytearray = copied) -> None:
            into += data

        arguments = [service] if dataset.has("service") else []
        await connection.copy_from_query(
            select_rows(dataset), *arguments, output=take, format="csv"
        )
        parts = await asyncio.to_thread(packed_parts, dataset, bytes(copied))
        for place, part in enumerate(parts):
            await connection.execute(ADD_PART, dataset.name, service, *part)
            await connection.execute(
                LINK_PART, number, dataset.name, service, place, part.content_hash
            )
        written += len(parts)
    return written


def packed_parts(dataset: Dataset, copied: bytes) -> list[Part]:
    found = []
    for table in cut(dataset, read_copied(dataset, copied)):
        arrow = pack(table)
        found.append(
            Part(hashlib.sha256(arrow).digest(), table.num_rows, *bounds(dataset, table), arrow)
        )
    return found


async def publish_due(sessions: Sessions, now: datetime) -> int:
    """Publish every provider of which something changed, unless it was just published.

    Those of whom nobody has ever read a dataset are not: their first reader asks for it.
    """
    async with transaction(sessions, None) as session:
        rows = await session.execute(
            text("SELECT provider_id FROM providers_to_publish(:before)"), {"before": now - EVERY}
        )
        due = [ProviderId(row.provider_id) for row in rows]
    for provider in due:
        try:
            await publish(sessions, provider, now)
        except Exception:
            log.exception("not_published", provider=str(provider))
    return len(due)
