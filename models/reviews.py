"""Reviews that leaders hold: who reviews how often, what is due, done and overdue."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import JSON, CheckConstraint, ForeignKeyConstraint, Index, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.calendar import add_months, local_date, month_of, months_between
from models.context import ProviderChoices
from models.organisation import ProviderSettings, Service
from models.vocabulary import Role

#: Months that one review of each role covers; periods of several are those of the calendar year.
CADENCE = {Role.REGISTERED_MANAGER: 1, Role.SENIOR_LEADER: 3}
#: Periods that ended longer ago are not asked for any more.
MOST_MONTHS_BACK = 24


class Review(OfProvider, Base):
    """A review that was held over a period; it pins the snapshots that were looked at."""

    __tablename__ = "reviews"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "service"], ["services.provider_id", "services.code"]),
        ForeignKeyConstraint(["provider_id", "held_by"], ["people.provider_id", "people.code"]),
        one_of("role", CADENCE),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)"
            " AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL)",
            "withdrawal",
        ),
        Index(
            "reviews_held_idx",
            "provider_id",
            "service",
            "role",
            "period",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    service: Mapped[str]
    role: Mapped[str]
    #: First month of the period.
    period: Mapped[date]
    held_by: Mapped[str]
    held_at: Mapped[datetime]
    #: Snapshot by month, `YYYY-MM`; null for a month that had not been scored.
    snapshots: Mapped[dict[str, str | None]] = mapped_column(JSON)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_why: Mapped[str | None]


class ReviewState(StrEnum):
    """Of a period that has ended."""

    UPCOMING = "upcoming"
    DUE = "due"
    OVERDUE = "overdue"
    DONE = "done"


class Period(NamedTuple):
    """What one review is asked to cover, by the first of its months, and when it is asked for.

    `due_on` is the day on which the figures of its last month become final.
    """

    role: Role
    first: date
    last: date
    due_on: date
    overdue_on: date

    def state(self, today: date, held_on: date | None) -> ReviewState:
        if held_on is not None:
            return ReviewState.DONE
        if today < self.due_on:
            return ReviewState.UPCOMING
        return ReviewState.DUE if today < self.overdue_on else ReviewState.OVERDUE

    def late(self, held_on: date) -> bool:
        """Held, and not before it was overdue."""
        return held_on >= self.overdue_on


def first_of_period(month: date, role: Role) -> date:
    """First month of the period of a role in which a month lies."""
    return add_months(month, -((month.month - 1) % CADENCE[role]))


def periods_due(
    first_month: date, now: datetime, look_day: int, grace_days: int
) -> dict[Role, list[Period]]:
    """Periods that have ended and are to be reviewed, by role, the oldest first.

    `first_month` is the month in which the service was set up. A quarter that had begun before is
    asked for all the same, when some of it came after.
    """
    this_month = month_of(now)
    earliest = max(first_month, add_months(this_month, -MOST_MONTHS_BACK))
    found: dict[Role, list[Period]] = {role: [] for role in CADENCE}
    for role, months in CADENCE.items():
        for month in months_between(earliest, this_month):
            last = add_months(first_of_period(month, role), months - 1)
            if month != last or last >= this_month:
                continue
            due_on = add_months(last, 1).replace(day=look_day)
            overdue_on = due_on + timedelta(days=grace_days)
            found[role].append(Period(role, add_months(last, 1 - months), last, due_on, overdue_on))
    return found


def overdue(
    periods: Mapping[Role, list[Period]], held: set[tuple[str, date]], now: datetime
) -> list[Period]:
    """Periods that nobody has reviewed in time, the longest waiting first in each role.

    `held` are the reviews that stand, by role and first month.
    """
    today = local_date(now)
    return [
        period
        for role, of in periods.items()
        for period in of
        if (role.value, period.first) not in held
        and period.state(today, None) is ReviewState.OVERDUE
    ]


class AskedOf(NamedTuple):
    """What a service is asked to review at a moment, and what stands reviewed now."""

    periods: dict[Role, list[Period]]
    grace_days: int
    held: set[tuple[str, date]]


async def asked_of(session: AsyncSession, services: Sequence[str], at: datetime) -> AskedOf:
    """By the settings of that moment; in one statement, since every view asks it."""
    settings = (
        select(ProviderSettings.body)
        .where(ProviderSettings.registered_at <= at)
        .order_by(ProviderSettings.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    standing = (
        select(func.json_agg(func.json_build_array(Review.role, Review.period)))
        .where(Review.service.in_(services), Review.withdrawn_at.is_(None))
        .scalar_subquery()
    )
    since = select(func.min(Service.created_at)).where(Service.code.in_(services)).scalar_subquery()
    set_up_at, body, held = (await session.execute(select(since, settings, standing))).one()
    choices = ProviderChoices() if body is None else msgspec.convert(body, ProviderChoices)
    return AskedOf(
        periods_due(month_of(set_up_at), at, choices.look_day, choices.review_grace_days),
        choices.review_grace_days,
        {(role, date.fromisoformat(first)) for role, first in held or ()},
    )
