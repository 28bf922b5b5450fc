"""Freezing what was concluded: a snapshot is written only when the judged content changes."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.context import ServiceContext
from models.publications import unpublished
from models.scores import Context, Score, Snapshot
from models.vocabulary import ProviderId
from worker.scoring import Concluded

#: The finest step of time that the database keeps.
TICK = timedelta(microseconds=1)

# When the latest evidence of each service's newest month occurred. max(month) over several ids
# would read every entry of the index up to it; one backward look for each id reads one.
EVIDENCE_TO = text("""
SELECT asked.as_of, (
    SELECT max(e.occurred_at) FROM events e
    WHERE e.service = ANY(:ids) AND e.month = (
        SELECT max(newest.month)
        FROM unnest(CAST(:ids AS text[])) AS known (service)
        CROSS JOIN LATERAL (
            SELECT m.month FROM events m
            WHERE m.service = known.service AND m.month <= asked.as_of
            ORDER BY m.month DESC LIMIT 1
        ) AS newest
    )) AS latest
FROM unnest(CAST(:as_ofs AS date[])) AS asked (as_of)
""")

# A month that evidence still comes in for has many snapshots; of each month one is read.
NEWEST = text("""
SELECT newest.*
FROM unnest(CAST(:as_ofs AS date[])) AS asked (as_of)
CROSS JOIN LATERAL (
    SELECT s.as_of, s.id, s.content_hash, s.computed_at FROM snapshots s
    WHERE s.service = :service AND s.as_of = asked.as_of
    ORDER BY s.computed_at DESC LIMIT 1
) AS newest
""")

#: What a score says anew each time it is confirmed; the rest of its columns are its name.
MOVING = ("snapshot_id", "known_snapshot", "context_hash", "computed_at", "evidence_to")


class Newest(NamedTuple):
    id: UUID
    content_hash: bytes
    computed_at: datetime


def content_hash(content: Mapping[str, Any]) -> bytes:
    """Hash of what was judged; it holds no timestamp and floats of 10 significant digits."""
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).digest()


async def freeze(
    session: AsyncSession,
    provider: ProviderId,
    context: ServiceContext,
    concluded: Mapping[date, Concluded],
    known: str,
    now: datetime,
) -> dict[date, UUID]:
    """Write scores, and snapshots where something changed; returns those, by month."""
    digest = context.digest()
    await session.execute(
        insert(Context)
        .values(provider_id=provider, context_hash=digest, body=msgspec.to_builtins(context))
        .on_conflict_do_nothing()
    )
    as_ofs = sorted(concluded)
    latest = await evidence_to(session, context, as_ofs)
    newest = await newest_snapshots(session, context.service, as_ofs)
    changed: list[Snapshot] = []
    standing: dict[date, UUID] = {}
    for as_of in as_ofs:
        wanted, before = content_hash(concluded[as_of].content), newest.get(as_of)
        if before is not None and before.content_hash == wanted:
            standing[as_of] = before.id
            continue
        row = Snapshot(
            # Made here, so that several are written by one statement and the scores can name them.
            id=uuid4(),
            provider_id=provider,
            service=context.service,
            as_of=as_of,
            # Which came last is told by time alone, and the clock of another host may be behind.
            computed_at=now if before is None else max(now, before.computed_at + TICK),
            known_snapshot=known,
            context_hash=digest,
            content_hash=wanted,
            method=context.choices.method,
            provisional=concluded[as_of].provisional,
            evidence_to=latest[as_of],
            body=concluded[as_of].content,
        )
        changed.append(row)
        standing[as_of] = row.id
    session.add_all([*changed, unpublished(provider, context.service)])
    await session.flush()
    scores = [
        {
            "provider_id": provider,
            "service": context.service,
            "as_of": as_of,
            "snapshot_id": standing[as_of],
            "known_snapshot": known,
            "context_hash": digest,
            "computed_at": now,
            "evidence_to": latest[as_of],
        }
        for as_of in as_ofs
    ]
    statement = insert(Score).values(scores)
    moved = {name: statement.excluded[name] for name in MOVING}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["provider_id", "service", "as_of"], set_=moved
        )
    )
    return {row.as_of: row.id for row in changed}


async def newest_snapshots(
    session: AsyncSession, service: str, as_ofs: Sequence[date]
) -> dict[date, Newest]:
    rows = await session.execute(NEWEST, {"service": service, "as_ofs": list(as_ofs)})
    return {row[0]: Newest(*row[1:]) for row in rows}


async def evidence_to(
    session: AsyncSession, context: ServiceContext, as_ofs: Sequence[date]
) -> dict[date, datetime | None]:
    """When the latest evidence up to the end of each `as_of` occurred."""
    found = await session.execute(
        EVIDENCE_TO, {"ids": list(context.known_as), "as_ofs": list(as_ofs)}
    )
    return {row.as_of: row.latest for row in found}
