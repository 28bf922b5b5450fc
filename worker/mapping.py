"""What has arrived becomes events: one body at a time, in one transaction, in the order of arrival.

A crash leaves the body waiting. Mapped again, by the same mapping or a later one, it says the same
or corrects itself; it never counts twice.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import structlog
from sqlalchemy import text, update

from models.connectors import Connector, StoredMapping, notice
from models.db import Sessions, database_away, driver, transaction
from models.inbox import InboxItem, InboxStatus, read_body, settle
from models.incoming.content import Terms
from models.incoming.mapped import Read, RecordRefused, decoded, inflated, numbered, read_mapped
from models.incoming.refusals import Refused
from models.incoming.terms import load_terms
from models.keyring import Keyring, Pseudonyms
from models.mapping.budget import MappingError
from models.mapping.columns import keys_read
from models.mapping.drift import Shape, shape_of
from models.mapping.mappings import Mapping, mapping_of
from models.readings import MEANT, ReadFirst, said_otherwise
from models.storing import Outcome, Row, Stored, store
from models.vocabulary import ProviderId
from worker.said_before import no_longer_said
from worker.tables import Ring, map_table

log = structlog.get_logger(__name__)

#: A larger table, or one that was compressed, may be at work for minutes.
SMALL_BYTES = 256 << 10

NEXT = text("""
SELECT i.id FROM inbox i
JOIN connectors c ON c.code = i.connector
JOIN mappings m ON m.connector = c.code AND m.version = c.active_version
WHERE i.status = 'waiting' AND c.state = 'active' AND NOT i.id = ANY(:passed)
  AND (coalesce(m.document ->> 'input', 'json') = 'csv') = :tables
  AND (CAST(:before AS bigint) IS NULL OR i.id = :before)
  AND (CAST(:large AS boolean) IS NULL
       OR (i.size > :small_bytes OR i.content_encoding IN ('gzip', 'x-gzip')) = :large)
ORDER BY i.id LIMIT 1
""")

# What another worker is at is left to it. No other mapping is activated meanwhile: of two that read
# one record at once, neither would see that the later one has to correct the earlier.
CLAIM = text("""
SELECT i.id FROM inbox i JOIN connectors c ON c.code = i.connector
WHERE i.id = :id AND i.status = 'waiting' AND c.state = 'active'
FOR UPDATE OF i SKIP LOCKED FOR KEY SHARE OF c
""")


class _Looked(NamedTuple):
    read: Read
    shape: Shape


async def map_body_of(
    sessions: Sessions,
    keyring: Keyring,
    pseudonyms: Pseudonyms,
    provider: ProviderId,
    inbox_id: int,
    clock: Callable[[], datetime],
    ring: Ring,
) -> None:
    """Map one body of records; `ring` is told of services with new evidence after the commit."""
    now = clock()
    async with transaction(sessions, provider) as session:
        if await session.scalar(CLAIM, {"id": inbox_id}) is None:
            return
        item = await session.get_one(InboxItem, (provider, inbox_id))
        connector = await session.get_one(Connector, (provider, item.connector))
        stored = await session.get_one(
            StoredMapping, (provider, connector.code, connector.active_version)
        )
        body = await read_body(session, keyring.bodies(provider), inbox_id)
        terms = await load_terms(session, keyring, provider)
        mapping = mapping_of(stored.document)
        try:
            looked = await asyncio.to_thread(
                _look,
                mapping,
                connector.source,
                body,
                item.content_type,
                item.content_encoding,
                terms,
                pseudonyms,
                now,
            )
        except (MappingError, Refused) as error:
            settle(item, stored.version, now, (error.code, error.detail))
            return
        read = looked.read
        rows = numbered(read.rows, stored.version, inbox_id)
        if not read.refused:
            said = {MEANT(row) for row in rows}
            rows += await no_longer_said(session, said, stored.version, inbox_id)
        kept = await store(await driver(session), rows)
        keys = keys_read(mapping)
        await notice(session, provider, connector, looked.shape, read.unmapped, keys, now)
        _conclude(item, stored.version, read, rows, kept, now)
    if kept.services:
        await ring(provider, kept.services)


def _look(
    mapping: Mapping,
    source: str,
    body: bytes,
    content_type: str,
    content_encoding: str,
    terms: Terms,
    pseudonyms: Pseudonyms,
    now: datetime,
) -> _Looked:
    value = decoded(inflated(body, content_encoding), content_type)
    return _Looked(read_mapped(mapping, source, value, terms, pseudonyms, now), shape_of(value))


def _conclude(
    item: InboxItem,
    version: int,
    read: Read,
    rows: Sequence[Row],
    kept: Stored,
    now: datetime,
) -> None:
    """A body is mapped when every record of it is an event, or is skipped as the mapping says."""
    found = Counter(outcome.value for outcome in kept.outcomes)
    counts = {
        "records": read.records,
        **{outcome.value: found[outcome.value] for outcome in Outcome},
        "retracted": len(rows) - len(read.rows),
        "skipped": sum(read.skipped.values()),
        "rejected": len(read.refused),
    }
    refused = list(read.refused)
    refused += [
        RecordRefused(
            place, row.event_id, "conflict", "/id", said_otherwise(kept.against, row, item.id)
        )
        # What is taken back stands at the end, has no place, and contradicts nothing.
        for place, row, outcome in zip(read.places, rows, kept.outcomes, strict=False)
        if outcome is Outcome.CONFLICT
    ]
    why = None
    if refused:
        codes = Counter(one.code for one in refused)
        said = ", ".join(f"{number} {code}" for code, number in codes.most_common(5))
        why = (
            "records_refused" if read.refused else "conflict",
            f"{len(refused)} of {read.records} records were refused: {said}",
        )
    settle(item, version, now, why, counts, map(msgspec.to_builtins, refused))


async def map_waiting(
    sessions: Sessions,
    keyring: Keyring,
    provider: ProviderId,
    clock: Callable[[], datetime],
    ring: Ring,
    *,
    tables: bool,
    large: bool | None = None,
) -> int:
    """Map what waits for one provider, the oldest first; returns how many bodies were done.

    Tables are mapped apart from messages, which must not wait for a million rows; small ones can
    be asked for apart from `large` ones, for the same reason.
    `ring` is told after each commit which services have new evidence. A body on which we fail
    ourselves keeps none of the others waiting: it goes to quarantine, or, where the database was
    what failed, waits for the next round.
    """
    pseudonyms = keyring.pseudonyms(provider)
    map_one = map_table if tables else map_body_of
    passed: list[int] = []
    before: int | None = None
    while True:
        asked = {
            "passed": passed,
            "tables": tables,
            "before": before,
            "large": large,
            "small_bytes": SMALL_BYTES,
        }
        async with transaction(sessions, provider) as session:
            inbox_id = await session.scalar(NEXT, asked)
        if inbox_id is None and before is None:
            return len(passed)
        before = None
        if inbox_id is None:
            continue
        passed.append(inbox_id)
        try:
            await map_one(sessions, keyring, pseudonyms, provider, inbox_id, clock, ring)
        except ReadFirst as other:
            # Once in a round, lest two workers wait for each other.
            if other.inbox_id not in passed:
                passed.remove(inbox_id)
                before = other.inbox_id
        except Exception as error:
            if database_away(error):
                log.warning("mapping_interrupted", error=type(error).__name__, inbox_id=inbox_id)
                continue
            log.exception("mapping_failed", provider=str(provider), inbox_id=inbox_id)
            await _set_aside(sessions, provider, inbox_id, clock())


async def _set_aside(
    sessions: Sessions, provider: ProviderId, inbox_id: int, now: datetime
) -> None:
    async with transaction(sessions, provider) as session:
        await session.execute(
            update(InboxItem)
            .where(InboxItem.id == inbox_id, InboxItem.status == InboxStatus.WAITING)
            .values(
                status=InboxStatus.QUARANTINED,
                reason="failed_here",
                detail="This body could not be mapped because of a fault in Breadth, which was"
                " logged. Nothing of it was stored; replay it once the fault is mended.",
                mapped_at=now,
            )
        )
