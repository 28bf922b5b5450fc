"""A person at work at one service, in one transaction, with the route of the service to themselves.

Everything on the route rests on what was signed before it, so one change at a time is made to it;
who comes second reads what the first one did.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Now, Running, RunningApp, Session, require
from api.governing.acting import Actor, acting
from api.problems import Problem
from models.calendar import local_date
from models.context import is_known, service_ids
from models.people import KeyHolder
from models.trail import Resource, note
from models.vocabulary import ProviderId, Role, Scope

ServiceId = Annotated[
    str, Path(max_length=200, description="The id of the service, or an older one.")
]
LOCK_ROUTE = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


@dataclass(frozen=True, slots=True)
class AtService:
    running: Running
    holder: KeyHolder
    session: AsyncSession
    now: datetime
    ids: list[str]
    actor: Actor

    @property
    def provider(self) -> ProviderId:
        return self.holder.provider

    @property
    def service(self) -> str:
        """The id that the service has today."""
        return self.ids[0]

    @property
    def today(self) -> date:
        return local_date(self.now)

    def note(
        self, resource: Resource, resource_id: UUID, action: str, role: Role, state: dict[str, Any]
    ) -> None:
        """Add to the trail what this person has done, and all of it after that."""
        by = self.actor.by(role)
        of = str(resource_id)
        note(self.session, self.provider, self.now, self.service, resource, of, action, by, state)


async def known_ids(session: AsyncSession, service: str) -> list[str]:
    """All ids of a service; 404 where there is none."""
    ids = await service_ids(session, service)
    if not await is_known(session, ids):
        raise Problem("not_found")
    return ids


async def _at_service(
    service: ServiceId,
    running: RunningApp,
    holder: Annotated[KeyHolder, require(Scope.RECORDS_WRITE)],
    session: Session,
    now: Now,
) -> AtService:
    ids = await known_ids(session, service)
    await session.execute(LOCK_ROUTE, {"name": f"route/{holder.provider}/{ids[0]}"})
    actor = await acting(session, holder, ids, local_date(now))
    return AtService(running, holder, session, now, ids, actor)


Writing = Annotated[AtService, Depends(_at_service)]
