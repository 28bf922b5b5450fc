"""The fifteen records of the route: who wrote what over which frozen figures, signed or not.

One table for all kinds. Which strand and stage asks for what is in `models.vocabulary` and in the
bodies of the API; here it is known only that a record is never edited once it is signed.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKeyConstraint, Index, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.vocabulary import RecordStatus, Role, Stage, Strand

#: What can be there once only, as a draft and as a signed record.
PLACE = ("provider_id", "service", "strand", "stage", "month", "segment", "writer")


class Record(OfProvider, Base):
    """`lineage` is the first record of those that supersede each other.

    `writer` is the author where each author has a record of their own, else ''.
    """

    __tablename__ = "records"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "service"], ["services.provider_id", "services.code"]),
        ForeignKeyConstraint(
            ["provider_id", "snapshot_id"], ["snapshots.provider_id", "snapshots.id"]
        ),
        ForeignKeyConstraint(["provider_id", "author"], ["people.provider_id", "people.code"]),
        ForeignKeyConstraint(["provider_id", "supersedes"], ["records.provider_id", "records.id"]),
        one_of("strand", Strand),
        one_of("stage", Stage),
        one_of("status", RecordStatus),
        one_of("author_role", Role),
        CheckConstraint("(stage IN ('observe', 'support')) = (segment <> '')", "segment"),
        CheckConstraint(
            "(signed_at IS NULL) = (signed_by IS NULL)"
            " AND (signed_at IS NULL) = (signed_role IS NULL)",
            "sign_off",
        ),
        CheckConstraint(
            "CASE status WHEN 'draft' THEN signed_at IS NULL"
            " WHEN 'withdrawn' THEN true ELSE signed_at IS NOT NULL END",
            "signed",
        ),
        CheckConstraint(
            "(status = 'withdrawn') = (withdrawn_at IS NOT NULL)"
            " AND (withdrawn_at IS NULL) = (withdrawn_by IS NULL)"
            " AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL)",
            "withdrawal",
        ),
        CheckConstraint("(supersedes IS NULL) = (superseding_why IS NULL)", "superseding"),
        Index("records_draft_idx", *PLACE, unique=True, postgresql_where=text("status = 'draft'")),
        Index(
            "records_signed_idx", *PLACE, unique=True, postgresql_where=text("status = 'signed'")
        ),
        Index(None, "provider_id", "lineage"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    service: Mapped[str]
    strand: Mapped[str]
    stage: Mapped[str]
    month: Mapped[date]
    segment: Mapped[str]
    writer: Mapped[str]
    status: Mapped[str]
    #: Counts up with every draft that is saved; who signs says which one was read.
    revision: Mapped[int]
    author: Mapped[str]
    author_role: Mapped[str]
    author_leads: Mapped[bool]
    lineage: Mapped[UUID]
    supersedes: Mapped[UUID | None]
    superseding_why: Mapped[str | None]
    snapshot_id: Mapped[UUID]
    #: JSON and not JSONB, which would hand readers their keys in another order.
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    cites: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    follows: Mapped[list[str]] = mapped_column(JSON)
    written_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    signed_by: Mapped[str | None]
    signed_role: Mapped[str | None]
    signed_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_why: Mapped[str | None]


async def signed_records(
    session: AsyncSession, services: Sequence[str], strand: str, month: date
) -> list[Record]:
    """Records in force of a strand and month, in the order in which they were signed."""
    found = await session.scalars(
        select(Record)
        .where(
            Record.service.in_(services),
            Record.strand == strand,
            Record.month == month,
            Record.status == RecordStatus.SIGNED,
        )
        .order_by(Record.signed_at, Record.id)
    )
    return list(found)
