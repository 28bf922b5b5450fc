"""The conclusion that answers a question: the current score, or the newest snapshot of a day."""

import asyncio
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from fastapi import Response
from sqlalchemy import Text, cast, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from api.problems import Problem
from api.reading.asked import Asked
from api.running import Running
from models.cells import is_marked, mark_as_of
from models.context import ServiceContext, is_known, service_ids
from models.db import transaction
from models.people import KeyHolder
from models.scores import Context, Score, Snapshot

#: How often a view that waits for a score looks again.
LOOK_EVERY_S = 0.05
COMPUTING_RETRY_S = 2
COMPUTING: dict[int | str, dict[str, Any]] = {
    202: {"description": "Being computed for the first time; ask again after `Retry-After`."}
}


class Judged(msgspec.Struct, frozen=True):
    """The frozen content as it lies in the database: what no reader asks for stays unread text."""

    as_of: str
    method: msgspec.Raw
    catalogue: msgspec.Raw
    programme: msgspec.Raw
    windows: msgspec.Raw
    strands: dict[str, msgspec.Raw]
    story: msgspec.Raw
    #: By indicator how much there is and how fresh; empty where it was not kept yet.
    evidence: msgspec.Raw = msgspec.Raw(b"")


class Conclusion(NamedTuple):
    """Frozen content with what was known when it was last confirmed."""

    service: str
    #: The id that the service has today, and those before it.
    ids: list[str]
    snapshot: UUID
    judged: Judged
    known_snapshot: str
    context_hash: bytes
    computed_at: datetime
    evidence_to: datetime | None
    pending: bool


async def conclusion_of(
    running: Running, holder: KeyHolder, service: str, question: Asked
) -> Conclusion | None:
    """The conclusion, None when it is being computed for the first time and takes longer.

    A month never scored is asked for with a mark of its own, in a transaction that is over before
    the waiting starts. Raises `not_found` and `nothing_known_then`.
    """
    async with transaction(running.sessions, holder.provider) as session:
        ids = await service_ids(session, service)
        if not await is_known(session, ids):
            raise Problem("not_found")
        if question.known_at is not None:
            then = await conclusion_known(session, ids, question.as_of, question.known_at)
            if then is None:
                raise Problem("nothing_known_then")
            return then
        found = await current_conclusion(session, ids, question.as_of)
        if found is not None:
            return found
        await mark_as_of(session, ids[0], question.as_of)
    running.doorbell.press(holder.provider, [ids[0]])
    for _ in range(int(running.settings.score_wait_s / LOOK_EVERY_S)):
        await asyncio.sleep(LOOK_EVERY_S)
        async with transaction(running.sessions, holder.provider) as session:
            found = await current_conclusion(session, ids, question.as_of)
        if found is not None:
            return found
    return None


def being_computed(service: str) -> Response:
    """The answer while a month is computed for the first time."""
    return Response(
        msgspec.json.encode({"service": service, "pending": True}),
        status_code=202,
        media_type="application/json",
        headers={"Retry-After": str(COMPUTING_RETRY_S)},
    )


async def current_conclusion(
    session: AsyncSession, ids: list[str], as_of: date
) -> Conclusion | None:
    """The newest conclusion of a month; None for one that was never scored."""
    # Before the score: a recompute that ends between the two statements takes the marks with it,
    # and the score of before would then pass for one that has seen everything.
    pending = await is_marked(session, ids)
    row = (
        await session.execute(
            select(Score, cast(Snapshot.body, Text))
            .join(
                Snapshot,
                (Snapshot.provider_id == Score.provider_id) & (Snapshot.id == Score.snapshot_id),
            )
            .where(Score.service == ids[0], Score.as_of == as_of)
        )
    ).one_or_none()
    if row is None:
        return None
    score, body = row
    return _conclusion(ids, score.snapshot_id, score, body, pending=pending)


async def conclusion_known(
    session: AsyncSession, ids: list[str], as_of: date, known_at: datetime
) -> Conclusion | None:
    """The newest conclusion of a month that had been computed by then."""
    found = await session.execute(
        select(Snapshot, cast(Snapshot.body, Text))
        .options(defer(Snapshot.body))
        .where(
            Snapshot.service.in_(ids),
            Snapshot.as_of == as_of,
            Snapshot.computed_at <= known_at,
        )
        .order_by(Snapshot.computed_at.desc())
        .limit(1)
    )
    if (newest := found.one_or_none()) is None:
        return None
    row, body = newest
    return _conclusion(ids, row.id, row, body, pending=False)


def _conclusion(
    ids: list[str], snapshot: UUID, of: Score | Snapshot, body: str, *, pending: bool
) -> Conclusion:
    return Conclusion(
        service=ids[0],
        ids=ids,
        snapshot=snapshot,
        judged=msgspec.json.decode(body, type=Judged),
        known_snapshot=of.known_snapshot,
        context_hash=of.context_hash,
        computed_at=of.computed_at,
        evidence_to=of.evidence_to,
        pending=pending,
    )


async def context_of(session: AsyncSession, conclusion: Conclusion) -> ServiceContext:
    """Teams, bands and indicators as they were for this conclusion."""
    body = await session.scalar(
        select(Context.body).where(Context.context_hash == conclusion.context_hash)
    )
    return msgspec.convert(body, ServiceContext)
