"""Bodies as they arrived: stored before they are understood, and never lost after that.

A body is one item. What it became stands in its status; each time it arrived is an arrival of its
own, so that what was acknowledged can be counted apart from what became of it.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of


class InboxStatus(StrEnum):
    WAITING = "waiting"
    MAPPED = "mapped"
    QUARANTINED = "quarantined"
    DISMISSED = "dismissed"


class InboxItem(OfProvider, Base):
    __tablename__ = "inbox"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "connector"], ["connectors.provider_id", "connectors.code"]
        ),
        UniqueConstraint("provider_id", "connector", "dedupe_key"),
        Index(None, "provider_id", "connector", "status", "id"),
        Index(
            "inbox_waiting_idx", "provider_id", "id", postgresql_where=text("status = 'waiting'")
        ),
        one_of("status", InboxStatus),
        CheckConstraint("(status = 'quarantined') = (reason IS NOT NULL)", "reason"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    connector: Mapped[str]
    dedupe_key: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    content_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime]
    all_or_nothing: Mapped[bool]
    status: Mapped[str]
    #: Why it is in quarantine: a code, and words for whoever mends it.
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    mapping_version: Mapped[int | None]
    mapped_at: Mapped[datetime | None]
    #: How many records became what: `records`, and the outcomes they sum from.
    counts: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))
    #: The first of the records that were refused, each with code, pointer and advice.
    refused: Mapped[list[dict[str, object]] | None] = mapped_column(JSONB(none_as_null=True))
    dismissed_why: Mapped[str | None]
    replay_id: Mapped[UUID | None]


def _of_item() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["provider_id", "inbox_id"], ["inbox.provider_id", "inbox.id"])


class InboxPart(OfProvider, Base):
    """A piece of a body, encrypted with the provider's key."""

    __tablename__ = "inbox_parts"
    __table_args__ = (_of_item(),)

    inbox_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class InboxResult(OfProvider, Base):
    """A piece of the row-by-row result of an upload, encrypted like the body."""

    __tablename__ = "inbox_results"
    __table_args__ = (_of_item(),)

    inbox_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Arrival(OfProvider, Base):
    """One acknowledged delivery. Append-only, committed with what it brought."""

    __tablename__ = "arrivals"
    __table_args__ = (_of_item(), Index(None, "provider_id", "connector", "received_at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    connector: Mapped[str]
    inbox_id: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime]
