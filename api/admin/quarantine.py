"""Evidence that waits for a service or team, and people's word that it never will belong."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.after_commit import ring_after_commit
from api.admin.bodies import Body, LongText
from api.deps import Now, RunningApp, Session, require
from api.kept_answers import KeptRoute
from api.paging import Paged
from api.problems import Problem, problems
from models import quarantine
from models.cells import mark_service
from models.closest import known_are
from models.context import is_known, service_ids
from models.events import Quarantined, QuarantineReason
from models.organisation import Service
from models.people import KeyHolder
from models.teams import words_for_teams
from models.vocabulary import Scope

router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"], route_class=KeptRoute)

Administrator = Annotated[KeyHolder, require(Scope.ADMIN)]


class Waiting(BaseModel):
    id: UUID
    reason: QuarantineReason
    service: str = Field(description="As the event named it.")
    team: str | None = Field(description="As the event named it.")
    source: str
    event_id: str
    version: int
    type: str | None
    received_at: datetime
    detail: str | None = Field(
        description="While it waits: what is unknown, and what is known instead, closest first."
    )
    released_at: datetime | None = Field(description="When its service and team became known.")
    dismissed_at: datetime | None
    dismissed_why: str | None


class QuarantineList(BaseModel):
    items: list[Waiting]
    next_cursor: str | None


class Dismissal(Body):
    reason: LongText = Field(
        description="Why this is nobody's evidence.", examples=["Sent for a closed trial team."]
    )


async def told(session: AsyncSession, rows: Sequence[Quarantined]) -> dict[UUID, str]:
    """What each row that waits is waiting for."""
    open_rows = [row for row in rows if row.released_at is None and row.dismissed_at is None]
    services = sorted(await session.scalars(select(Service.code))) if open_rows else []
    words: dict[str, list[str]] = {}
    found = {}
    for row in open_rows:
        if row.reason == QuarantineReason.UNKNOWN_SERVICE:
            known = known_are(row.service, services)
            found[row.id] = f"No service '{row.service}' is set up.{known}"
            continue
        if row.service not in words:
            ids = await service_ids(session, row.service)
            words[row.service] = await words_for_teams(session, ids)
        known = known_are(row.team, words[row.service])
        found[row.id] = f"No team has the code or alias '{row.team}'.{known}"
    return found


def waiting(row: Quarantined, event_type: str | None, detail: str | None) -> Waiting:
    return Waiting(
        id=row.id,
        reason=QuarantineReason(row.reason),
        service=row.service,
        team=row.team,
        source=row.source,
        event_id=row.event_id,
        version=row.version,
        type=event_type,
        received_at=row.received_at,
        detail=detail,
        released_at=row.released_at,
        dismissed_at=row.dismissed_at,
        dismissed_why=row.dismissed_why,
    )


@router.get("", responses=problems("invalid"))
async def list_quarantine(
    _: Administrator,
    session: Session,
    paging: Paged,
    reason: QuarantineReason | None = None,
    service: Annotated[str | None, Query(max_length=200, description="As events name it.")] = None,
    state: quarantine.State = "waiting",
) -> QuarantineList:
    """What waits, oldest first; with `state` what was released or dismissed."""
    after = paging.after("quarantine", tuple[datetime, UUID])
    rows = await quarantine.page(session, state, reason, service, after, paging.rows)
    found, next_cursor = paging.page(
        "quarantine", rows, lambda found: [found[0].received_at, found[0].id]
    )
    said = await told(session, [row for row, _ in found])
    items = [waiting(row, event_type, said.get(row.id)) for row, event_type in found]
    return QuarantineList(items=items, next_cursor=next_cursor)


@router.post("/{row_id}:dismiss", responses=problems("not_found", "conflict", "invalid"))
async def dismiss_quarantined(
    row_id: UUID,
    body: Dismissal,
    running: RunningApp,
    holder: Administrator,
    session: Session,
    now: Now,
) -> Waiting:
    """Say that an event will never belong anywhere. It stays stored, and is not counted."""
    dismissed = await quarantine.dismiss(session, row_id, body.reason, now)
    found = await quarantine.find(session, row_id)
    if found is None:
        raise Problem("not_found")
    said = await told(session, [found[0]])
    answer = waiting(found[0], found[1], said.get(row_id))
    if not dismissed and answer.dismissed_why != body.reason:
        ended = "released" if answer.released_at else "dismissed for another reason"
        raise Problem("conflict", f"This event was {ended} already.")
    ids = await service_ids(session, answer.service)
    if dismissed and await is_known(session, ids):
        await mark_service(session, ids[0])
        ring_after_commit(session, running, holder.provider, ids[:1])
    return answer
