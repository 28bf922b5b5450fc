"""Freezing what was concluded: a snapshot is written only when the judged content changes."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.context import ServiceContext
from models.scores import Context, Score, Snapshot
from models.vocabulary import ProviderId
from worker.content import METHOD
from worker.scoring import Concluded

#: The finest step of time that the database keeps.
TICK = timedelta(microseconds=1)


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
) -> list[date]:
    """Write scores, and snapshots where something changed; returns the months that did."""
    digest = context.digest()
    await session.execute(
        insert(Context)
        .values(provider_id=provider, context_hash=digest, body=msgspec.to_builtins(context))
        .on_conflict_do_nothing()
    )
    changed = []
    for as_of, conclusion in sorted(concluded.items()):
        wanted = content_hash(conclusion.content)
        latest = await evidence_to(session, context, as_of)
        newest = await newest_snapshot(session, context.service, as_of)
        if newest is not None and newest.content_hash == wanted:
            snapshot_id = newest.id
        else:
            # Which came last is told by time alone, and the clock of another host may be behind.
            computed_at = max(now, newest.computed_at + TICK) if newest is not None else now
            row = Snapshot(
                provider_id=provider,
                service=context.service,
                as_of=as_of,
                computed_at=computed_at,
                known_snapshot=known,
                context_hash=digest,
                content_hash=wanted,
                method=METHOD,
                provisional=conclusion.provisional,
                evidence_to=latest,
                body=conclusion.content,
            )
            session.add(row)
            await session.flush()
            snapshot_id = row.id
            changed.append(as_of)
        standing = {
            "snapshot_id": snapshot_id,
            "known_snapshot": known,
            "context_hash": digest,
            "computed_at": now,
            "evidence_to": latest,
        }
        await session.execute(
            insert(Score)
            .values(provider_id=provider, service=context.service, as_of=as_of, **standing)
            .on_conflict_do_update(
                index_elements=["provider_id", "service", "as_of"], set_=standing
            )
        )
    return changed


async def newest_snapshot(session: AsyncSession, service: str, as_of: date) -> Newest | None:
    row = (
        await session.execute(
            select(Snapshot.id, Snapshot.content_hash, Snapshot.computed_at)
            .where(Snapshot.service == service, Snapshot.as_of == as_of)
            .order_by(Snapshot.computed_at.desc())
            .limit(1)
        )
    ).one_or_none()
    return Newest(*row) if row is not None else None


async def evidence_to(
    session: AsyncSession, context: ServiceContext, as_of: date
) -> datetime | None:
    """When the latest evidence up to the end of `as_of` occurred."""
    found: datetime | None = await session.scalar(
        text(
            "SELECT max(occurred_at) FROM events WHERE service = ANY(:ids) AND month = ("
            "  SELECT max(month) FROM events WHERE service = ANY(:ids) AND month <= :as_of)"
        ),
        {"ids": list(context.known_as), "as_of": as_of},
    )
    return found
