"""The worklist of evidence that waits for a service or team: released, listed again, dismissed.

Whether an event counts is decided when it is counted; these rows say what people still have to
look at, and a dismissal is the only one of them that counting heeds.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import CursorResult, Row, TextClause, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.cells import PROVIDER
from models.events import Event, Quarantined, QuarantineReason

WAITING = "released_at IS NULL AND dismissed_at IS NULL"

RELEASE = text(
    "UPDATE quarantine SET released_at = :now"
    f" WHERE {WAITING} AND service = ANY(CAST(:services AS text[]))"
    " AND (team IS NULL OR team = ANY(CAST(:names AS text[])))"
)
TEAM_IS_WHAT_IS_MISSING = text(
    f"UPDATE quarantine SET reason = '{QuarantineReason.UNKNOWN_TEAM}'"
    f" WHERE {WAITING} AND service = ANY(CAST(:services AS text[]))"
    f" AND reason = '{QuarantineReason.UNKNOWN_SERVICE}'"
)
WAIT_AGAIN = text(
    "UPDATE quarantine SET released_at = NULL"
    " WHERE released_at IS NOT NULL AND service = ANY(CAST(:services AS text[]))"
    " AND team = ANY(CAST(:names AS text[]))"
)
LIST_ANEW = text(
    "INSERT INTO quarantine"
    " (provider_id, source, event_id, version, revision, service, team, reason, received_at)"
    f" SELECT {PROVIDER}, e.source, e.event_id, e.version, e.revision, e.service, e.team,"
    f" '{QuarantineReason.UNKNOWN_TEAM}', e.received_at FROM events e"
    " WHERE e.service = ANY(CAST(:services AS text[])) AND e.team = ANY(CAST(:names AS text[]))"
    " AND NOT EXISTS (SELECT FROM quarantine q WHERE q.provider_id = e.provider_id"
    " AND q.source = e.source AND q.event_id = e.event_id AND q.version = e.version"
    " AND q.revision = e.revision)"
)
DISMISS = text(
    "UPDATE quarantine SET dismissed_at = :now, dismissed_xid = pg_current_xact_id(),"
    f" dismissed_why = :why WHERE id = :id AND {WAITING}"
)

State = Literal["waiting", "released", "dismissed"]
CONDITION_OF = {
    "waiting": (Quarantined.released_at.is_(None), Quarantined.dismissed_at.is_(None)),
    "released": (Quarantined.released_at.is_not(None),),
    "dismissed": (Quarantined.dismissed_at.is_not(None),),
}


async def _changed(session: AsyncSession, statement: TextClause, **values: object) -> int:
    return cast("CursorResult[Any]", await session.execute(statement, values)).rowcount


async def release(
    session: AsyncSession, services: Sequence[str], names: Iterable[str], now: datetime
) -> int:
    """Let go of what belongs to a known team of these ids; says how many rows that were."""
    ids = list(services)
    released = await _changed(session, RELEASE, services=ids, names=list(names), now=now)
    await session.execute(TEAM_IS_WHAT_IS_MISSING, {"services": ids})
    return released


async def list_again(session: AsyncSession, services: Sequence[str], names: Iterable[str]) -> None:
    """These names are no team's any more: what was sent under them waits, never vanishes."""
    named = {"services": list(services), "names": list(names)}
    await session.execute(WAIT_AGAIN, named)
    await session.execute(LIST_ANEW, named)


async def dismiss(session: AsyncSession, row: UUID, why: str, now: datetime) -> bool:
    """False when the row no longer waits; a release that comes first wins."""
    return await _changed(session, DISMISS, id=row, why=why, now=now) == 1


async def find(session: AsyncSession, row: UUID) -> Row[Quarantined, str | None] | None:
    found = await session.execute(_with_type().where(Quarantined.id == row))
    return found.one_or_none()


async def page(
    session: AsyncSession,
    state: State,
    reason: QuarantineReason | None,
    service: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Quarantined, str | None]]:
    """Oldest first."""
    query = _with_type().where(*CONDITION_OF[state])
    if reason is not None:
        query = query.where(Quarantined.reason == reason)
    if service is not None:
        query = query.where(Quarantined.service == service)
    if after is not None:
        query = query.where(tuple_(Quarantined.received_at, Quarantined.id) > after)
    ordered = query.order_by(Quarantined.received_at, Quarantined.id).limit(limit)
    return (await session.execute(ordered)).all()


def _with_type() -> Any:
    return select(Quarantined, Event.type).join(
        Event,
        (Event.provider_id == Quarantined.provider_id)
        & (Event.source == Quarantined.source)
        & (Event.event_id == Quarantined.event_id)
        & (Event.version == Quarantined.version)
        & (Event.revision == Quarantined.revision),
    )
