"""Escalations as they are answered, now or as they were known, and what people send to them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.bodies import Body, LongText, Text
from api.governing.record_answers import PersonNamed
from models.escalation_states import states_of
from models.escalations import Escalation
from models.trail import Resource, known_then
from models.vocabulary import EscalationAction, EscalationStatus, Role, Strand

State = dict[str, Any]


class ActionTaken(BaseModel):
    action: EscalationAction | None = Field(description="Null: a note of who acknowledged it.")
    note: str
    due_on: date | None
    person: str
    name: str
    role: Role | None
    at: AwareDatetime


class EscalationShown(BaseModel):
    id: UUID
    service: str
    strand: Strand | None = Field(description="Null: all of them, as an overdue review.")
    trigger: str = Field(examples=["persistent_variation"])
    segment: str | None
    word: str | None
    status: EscalationStatus
    holds: bool = Field(description="Whether the trigger still does; people resolve in any case.")
    signal: dict[str, Any] = Field(
        description="What the trigger says: figure, threshold, since when, and its looks."
    )
    as_of: str = Field(description="Month of the look that said so.", examples=["2026-09"])
    snapshot: UUID | None
    opened_at: AwareDatetime
    times_opened: int
    reviewer_role: Role
    next_review_on: date
    owner: PersonNamed | None
    acknowledged_by: PersonNamed | None
    acknowledged_at: AwareDatetime | None
    actions: list[ActionTaken]
    resolved_by: PersonNamed | None
    resolved_at: AwareDatetime | None
    resolved_why: str | None
    resolved_as_of: str | None = Field(description="Month whose look it was resolved at.")
    offered: list[EscalationAction] = Field(description="Usual here; any other may be taken too.")
    statements: list[str] = Field(examples=[["saf2023:W5", "asc2026-draft:W4"]])
    links: dict[str, str] = Field(
        description="To what it rests on: `view` and `evidence` as known then, `reviews`, `record`."
    )


class EscalationList(BaseModel):
    items: list[EscalationShown] = Field(description="The longest open first.")
    next_cursor: str | None


class Acknowledging(Body):
    owner: Text | None = Field(default=None, description="Who takes it on; null: who has it.")
    note: LongText | None = None


class Assigning(Body):
    owner: Text


class Acting(Body):
    action: EscalationAction
    note: LongText
    due_on: date | None = None


class Resolving(Body):
    why: LongText


AnyVerb = Acknowledging | Assigning | Acting | Resolving


async def escalations_then(
    session: AsyncSession,
    ids: Sequence[str],
    at: datetime | None,
    escalation_id: UUID | None = None,
) -> list[State]:
    """Escalations of a service as they are, or were known at a moment; the longest open first."""
    if at is not None:
        of = None if escalation_id is None else str(escalation_id)
        states = await known_then(session, Resource.ESCALATION, ids, at, of)
    else:
        query = select(Escalation).where(Escalation.service.in_(ids))
        if escalation_id is not None:
            query = query.where(Escalation.id == escalation_id)
        states = await states_of(session, list(await session.scalars(query)))
    return sorted(states, key=place_of)


def place_of(state: State) -> tuple[datetime, str]:
    return datetime.fromisoformat(state["opened_at"]), state["id"]
