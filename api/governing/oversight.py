"""What every view says of oversight: reviews that are overdue, and escalations that are open."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from api.governing.record_answers import PersonNamed
from models.calendar import local_date
from models.escalations import Escalation
from models.reviews import asked_of, overdue
from models.roles import Person
from models.trail import Resource, Trail
from models.vocabulary import EscalationStatus, Role, Strand

State = dict[str, Any]


class OverdueReview(BaseModel):
    role: Role
    period: str = Field(examples=["2026-07"])
    due_on: date
    overdue_since: date
    days: int = Field(description="Days since it was due.")


class OpenEscalation(BaseModel):
    id: UUID
    strand: Strand | None = Field(description="Null: all of them, as an overdue review.")
    trigger: str
    segment: str | None
    status: EscalationStatus
    since: str | None = Field(description="Since when the trigger has been seen.")
    owner: PersonNamed | None
    reviewer_role: Role
    next_review_on: date
    link: str


class Oversight(BaseModel):
    """Live, or as it was at `known_at`."""

    overdue_reviews: list[OverdueReview]
    open_escalations: list[OpenEscalation]


async def oversight(
    session: AsyncSession, ids: Sequence[str], now: datetime, known_at: datetime | None
) -> dict[str, Any]:
    """What is overdue and open at a service; by two statements, as every view asks it."""
    at = known_at or now
    asked = await asked_of(session, ids, at)
    if known_at is None:
        held, found = asked.held, await _open_now(session, ids)
    else:
        held, found = await _open_then(session, ids, known_at)
    today = local_date(at)
    return {
        "overdue_reviews": [
            {
                "role": period.role,
                "period": f"{period.first:%Y-%m}",
                "due_on": period.due_on,
                "overdue_since": period.overdue_on,
                "days": (today - period.due_on).days,
            }
            for period in overdue(asked.periods, held, at)
        ],
        "open_escalations": [
            {**one, "link": f"/v1/services/{ids[0]}/escalations/{one['id']}"} for one in found
        ],
    }


async def _open_now(session: AsyncSession, ids: Sequence[str]) -> list[State]:
    # Columns alone: of what a trigger says, its looks are most, and nobody reads them here.
    rows = await session.execute(
        select(
            Escalation.id,
            Escalation.strand,
            Escalation.trigger,
            Escalation.segment,
            Escalation.status,
            Escalation.signal["since"].as_string().label("since"),
            Escalation.owner,
            Person.name,
            Escalation.reviewer_role,
            Escalation.next_review_on,
        )
        .outerjoin(
            Person,
            (Person.provider_id == Escalation.provider_id) & (Person.code == Escalation.owner),
        )
        .where(Escalation.service.in_(ids), Escalation.status != EscalationStatus.RESOLVED.value)
        .order_by(Escalation.opened_at, Escalation.id)
    )
    return [
        {
            "id": str(row.id),
            "strand": row.strand or None,
            "trigger": row.trigger,
            "segment": row.segment or None,
            "status": row.status,
            "since": row.since,
            "owner": None if row.owner is None else {"person": row.owner, "name": row.name},
            "reviewer_role": row.reviewer_role,
            "next_review_on": row.next_review_on,
        }
        for row in rows
    ]


async def _open_then(
    session: AsyncSession, ids: Sequence[str], at: datetime
) -> tuple[set[tuple[str, date]], list[State]]:
    """Reviews that stood, and escalations that were open."""
    lines = await session.execute(
        select(Trail.resource, Trail.state)
        .where(
            Trail.resource.in_([Resource.REVIEW.value, Resource.ESCALATION.value]),
            Trail.service.in_(ids),
            Trail.at <= at,
        )
        .ext(distinct_on(Trail.resource, Trail.resource_id))
        .order_by(Trail.resource, Trail.resource_id, Trail.id.desc())
    )
    held, found = set(), []
    for resource, state in lines:
        if resource == Resource.REVIEW:
            if state["withdrawn_at"] is None:
                held.add((state["role"], date.fromisoformat(f"{state['period']}-01")))
        elif state["status"] != EscalationStatus.RESOLVED:
            found.append(state)
    found.sort(key=lambda one: (datetime.fromisoformat(one["opened_at"]), one["id"]))
    kept = ("id", "strand", "trigger", "segment", "status")
    return held, [
        {name: one[name] for name in kept}
        | {
            "since": one["signal"].get("since"),
            "owner": one["owner"],
            "reviewer_role": one["reviewer_role"],
            "next_review_on": one["next_review_on"],
        }
        for one in found
    ]
