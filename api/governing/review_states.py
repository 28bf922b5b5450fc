"""A review as it is answered and as the trail keeps it, and the periods that reviews are of."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.governing.record_answers import PersonNamed
from models.calendar import local_date, months_between
from models.reviews import Period, Review, ReviewState
from models.roles import Person
from models.trail import Resource, known_then
from models.vocabulary import Role

State = dict[str, Any]


class ReviewShown(BaseModel):
    id: UUID
    service: str
    role: Role
    period: str = Field(description="First month of the period.", examples=["2026-07"])
    held_by: PersonNamed
    held_at: AwareDatetime
    notes: str
    decisions: list[str]
    attended_by: list[str]
    snapshots: dict[str, UUID | None] = Field(
        description="The figures that were looked at, by month; null: the month had none then."
    )
    withdrawn_by: PersonNamed | None
    withdrawn_at: AwareDatetime | None
    withdrawn_why: str | None


class PeriodShown(BaseModel):
    role: Role
    period: str = Field(description="First month of the period.", examples=["2026-07"])
    months: list[str]
    due_on: date = Field(description="The day on which the figures of its last month are final.")
    overdue_on: date
    state: ReviewState
    late: bool = Field(description="Held, and only when it was overdue.")
    review: ReviewShown | None


class Cadence(BaseModel):
    role: Role
    every_months: int


class ReviewList(BaseModel):
    cadence: list[Cadence]
    grace_days: int
    items: list[PeriodShown] = Field(description="Periods that have ended, the newest first.")


async def review_states(session: AsyncSession, rows: Sequence[Review]) -> list[State]:
    people = {one for row in rows for one in (row.held_by, row.withdrawn_by) if one is not None}
    named = await session.execute(select(Person.code, Person.name).where(Person.code.in_(people)))
    names = {row.code: row.name for row in named}
    states = []
    for row in rows:
        withdrawn_by = None
        if row.withdrawn_by is not None:
            withdrawn_by = PersonNamed(person=row.withdrawn_by, name=names[row.withdrawn_by])
        shown = ReviewShown(
            id=row.id,
            service=row.service,
            role=Role(row.role),
            period=f"{row.period:%Y-%m}",
            held_by=PersonNamed(person=row.held_by, name=names[row.held_by]),
            held_at=row.held_at,
            snapshots={
                month: None if each is None else UUID(each) for month, each in row.snapshots.items()
            },
            withdrawn_by=withdrawn_by,
            withdrawn_at=row.withdrawn_at,
            withdrawn_why=row.withdrawn_why,
            **row.body,
        )
        states.append(shown.model_dump(mode="json"))
    return states


async def reviews_then(
    session: AsyncSession, ids: Sequence[str], at: datetime | None, review_id: UUID | None = None
) -> list[State]:
    """Reviews of a service as they are, or were known at a moment; withdrawn ones too."""
    if at is not None:
        of = None if review_id is None else str(review_id)
        return await known_then(session, Resource.REVIEW, ids, at, of)
    query = select(Review).where(Review.service.in_(ids)).order_by(Review.held_at, Review.id)
    if review_id is not None:
        query = query.where(Review.id == review_id)
    return await review_states(session, list(await session.scalars(query)))


def periods_shown(
    periods: Iterable[Period], reviews: Iterable[State], now: datetime
) -> list[PeriodShown]:
    """Periods with the review that stands of each, the newest first."""
    standing = {(one["role"], one["period"]): one for one in reviews if one["withdrawn_at"] is None}
    shown = []
    for period in sorted(periods, key=lambda one: (one.last, one.role), reverse=True):
        review = standing.get((period.role.value, f"{period.first:%Y-%m}"))
        held_on = None if review is None else local_date(datetime.fromisoformat(review["held_at"]))
        shown.append(
            PeriodShown(
                role=period.role,
                period=f"{period.first:%Y-%m}",
                months=[f"{month:%Y-%m}" for month in months_between(period.first, period.last)],
                due_on=period.due_on,
                overdue_on=period.overdue_on,
                state=period.state(local_date(now), held_on),
                late=held_on is not None and period.late(held_on),
                review=None if review is None else ReviewShown.model_validate(review),
            )
        )
    return shown
