"""Escalations: a trigger that holds, or a review overdue, and what people do about it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKeyConstraint, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.vocabulary import EscalationStatus, Role, Strand


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
