"""Reviews that leaders hold: who reviews how often, what is due, done and overdue."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.vocabulary import Role

#: Months that one review of each role covers.
CADENCE = {Role.REGISTERED_MANAGER: 1, Role.SENIOR_LEADER: 3}


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
    #: Snapshot by month, `YYYY-MM`.
    snapshots: Mapped[dict[str, str]] = mapped_column(JSON)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_why: Mapped[str | None]
