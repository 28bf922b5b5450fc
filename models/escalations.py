"""Escalations: a trigger that holds, or a review overdue, and what people do about it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.calendar import local_date
from models.roles import holders_of
from models.vocabulary import EscalationStatus, ProviderId, Role, Strand

#: Triggers that are no rule of a look: people ask for it, or have not done what they are to do.
LEADERS_JUDGEMENT, REVIEW_OVERDUE = "leaders_judgement", "review_overdue"

#: Strand, trigger, segment and word: of each there is one.
Key = tuple[str, str, str, str]


class Escalation(OfProvider, Base):
    """One row for a trigger and segment, for ever: it is resolved and may open again.

    `holds` says whether the trigger still does; people resolve, with a reason, whether or not.
    """

    __tablename__ = "escalations"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "service"], ["services.provider_id", "services.code"]),
        ForeignKeyConstraint(
            ["provider_id", "snapshot_id"], ["snapshots.provider_id", "snapshots.id"]
        ),
        ForeignKeyConstraint(["provider_id", "owner"], ["people.provider_id", "people.code"]),
        UniqueConstraint("provider_id", "service", "strand", "trigger", "segment", "word"),
        one_of("strand", Strand, or_empty=True),
        one_of("status", EscalationStatus),
        one_of("reviewer_role", Role),
        CheckConstraint(
            "(status = 'resolved') = (resolved_at IS NOT NULL)"
            " AND (resolved_at IS NULL) = (resolved_by IS NULL)"
            " AND (resolved_at IS NULL) = (resolved_why IS NULL)"
            " AND (resolved_at IS NULL) = (resolved_as_of IS NULL)",
            "resolution",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    service: Mapped[str]
    #: '' for what concerns all strands, as a review that is overdue.
    strand: Mapped[str]
    trigger: Mapped[str]
    segment: Mapped[str]
    word: Mapped[str]
    status: Mapped[str]
    holds: Mapped[bool]
    #: What the trigger last said: text, figure, threshold, since, as it stands in the view.
    signal: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Month of the look that said so, and the snapshot it is in; null for reviews.
    as_of: Mapped[date]
    snapshot_id: Mapped[UUID | None]
    opened_at: Mapped[datetime]
    times_opened: Mapped[int]
    reviewer_role: Mapped[str]
    next_review_on: Mapped[date]
    owner: Mapped[str | None]
    #: What was done, each with action, note, who, when and when it is due.
    actions: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    resolved_why: Mapped[str | None]
    #: Month of the newest look when it was resolved; a later look may open it again.
    resolved_as_of: Mapped[date | None]

    @property
    def key(self) -> Key:
        return self.strand, self.trigger, self.segment, self.word


class Raised(NamedTuple):
    """What says that an escalation is needed, and until when somebody has to look at it.

    `owned_by` is who is asked to own it, where one person alone holds that role.
    """

    strand: str
    trigger: str
    segment: str
    word: str
    signal: dict[str, Any]
    as_of: date
    snapshot_id: UUID | None
    next_review_on: date
    reviewer_role: Role = Role.REGISTERED_MANAGER
    owned_by: Role = Role.REGISTERED_MANAGER

    @property
    def key(self) -> Key:
        return self[:4]


async def locked_escalations(
    session: AsyncSession, services: Sequence[str], *conditions: ColumnElement[bool]
) -> list[Escalation]:
    """Rows of a service, nobody else's until the end of this transaction.

    `services` are its ids, the newest first; of one key the row of the newest id comes first.
    """
    found = await session.scalars(
        select(Escalation)
        .where(Escalation.service.in_(services), *conditions)
        # In one order, so that two who change several never wait for each other.
        .order_by(Escalation.strand, Escalation.trigger, Escalation.segment, Escalation.word)
        .order_by(Escalation.service)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    age = {service: place for place, service in enumerate(services)}
    return sorted(found, key=lambda row: (row.key, age[row.service]))


async def open_escalation(
    session: AsyncSession,
    provider: ProviderId,
    services: Sequence[str],
    raised: Raised,
    now: datetime,
    *,
    anew: bool = False,
) -> tuple[Escalation, str | None]:
    """The escalation of this key and what was done to it: opened, reopened, kept (None), ...

    `anew`: whoever raises it does so for a reason of its own, so that a resolved one opens again
    whatever it was resolved for. Note what was done with `models.escalation_states.note_states`.
    """
    of_key = (
        Escalation.strand == raised.strand,
        Escalation.trigger == raised.trigger,
        Escalation.segment == raised.segment,
        Escalation.word == raised.word,
    )
    found = await locked_escalations(session, services, *of_key)
    if not found:
        made = await _made(session, provider, services, raised, now)
        if made is not None:
            return made, "opened"
        # Somebody else made it while we looked.
        found = await locked_escalations(session, services, *of_key)
    return found[0], await keep_open(session, services, found[0], raised, now, anew=anew)


async def keep_open(
    session: AsyncSession,
    services: Sequence[str],
    row: Escalation,
    raised: Raised,
    now: datetime,
    *,
    anew: bool = False,
) -> str | None:
    """Say anew what a locked one is about, and open it again where it was resolved too early.

    A resolution stands for the look it was made at: it opens again when a later look still says
    so, or when it says so again after it had ceased to.
    """
    said = {"signal": raised.signal, "as_of": raised.as_of, "snapshot_id": raised.snapshot_id}
    later = row.resolved_as_of is not None and raised.as_of > row.resolved_as_of
    if row.status == EscalationStatus.RESOLVED and (anew or later or not row.holds):
        _set(
            row,
            status=EscalationStatus.OPEN.value,
            holds=True,
            opened_at=now,
            times_opened=row.times_opened + 1,
            reviewer_role=raised.reviewer_role.value,
            next_review_on=raised.next_review_on,
            owner=row.owner or await _suggested_owner(session, services, raised, now),
            **dict.fromkeys(("acknowledged_by", "acknowledged_at", "resolved_by", "resolved_at")),
            **dict.fromkeys(("resolved_why", "resolved_as_of")),
            **said,
        )
        return "reopened"
    action = None
    # The snapshot that first said so stays pinned while nothing of what it said has changed.
    if not row.holds or row.signal != raised.signal:
        action = "refreshed" if row.holds else "held_again"
        _set(row, holds=True, **said)
    return move_review(row, raised.next_review_on, now) or action


def cease(row: Escalation, next_review_on: date, now: datetime) -> str | None:
    """Its trigger does not hold any more; people resolve it, or it may hold again."""
    moved = move_review(row, next_review_on, now)
    if not row.holds:
        return moved
    row.holds = False
    return "ceased"


def move_review(row: Escalation, next_review_on: date, now: datetime) -> str | None:
    """A review date that has passed goes on to the next, so that every gap has one."""
    if row.next_review_on >= local_date(now) or row.next_review_on >= next_review_on:
        return None
    row.next_review_on = next_review_on
    return "review_moved"


async def _made(
    session: AsyncSession,
    provider: ProviderId,
    services: Sequence[str],
    raised: Raised,
    now: datetime,
) -> Escalation | None:
    """A new one; None when there is one of this key."""
    made: Escalation | None = await session.scalar(
        insert(Escalation)
        .values(
            provider_id=provider,
            id=uuid4(),
            service=services[0],
            strand=raised.strand,
            trigger=raised.trigger,
            segment=raised.segment,
            word=raised.word,
            status=EscalationStatus.OPEN.value,
            holds=True,
            signal=raised.signal,
            as_of=raised.as_of,
            snapshot_id=raised.snapshot_id,
            opened_at=now,
            times_opened=1,
            reviewer_role=raised.reviewer_role.value,
            next_review_on=raised.next_review_on,
            owner=await _suggested_owner(session, services, raised, now),
            actions=[],
        )
        .on_conflict_do_nothing()
        .returning(Escalation)
    )
    return made


async def _suggested_owner(
    session: AsyncSession, services: Sequence[str], raised: Raised, now: datetime
) -> str | None:
    holders = await holders_of(session, raised.owned_by, services, local_date(now))
    return holders[0] if len(holders) == 1 else None


def _set(row: Escalation, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
