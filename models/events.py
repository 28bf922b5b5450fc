"""Evidence as it was sent: never updated; a correction is a new version, a retraction too.

Which team an event belongs to is not decided here but when it is counted, so that an alias
that appears later releases what had waited for it, and an older view stays as it was.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from models.base import Base, OfProvider, one_of

EVENT_KEY = ("provider_id", "source", "event_id", "version", "revision")


class Xid8(UserDefinedType[int]):
    """A 64-bit transaction id: with a stored snapshot it says what was known then."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


class Event(OfProvider, Base):
    """Identity is `(provider, source, id, version)`, for ever, as each reading of it understood it.

    `revision` is 0 for what came in our own words, else it counts up from a thousand times the
    version of the mapping that read it: a body mapped anew by a later mapping says what its sender
    meant all along. `inbox_id` is that body; the last revision is what holds.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "provider_id", "service", "month", "type"),
        # Nearly all events have one version; what asks for a higher one looks here.
        Index(
            "events_corrections_idx",
            "provider_id",
            "source",
            "event_id",
            "version",
            "revision",
            postgresql_where=text("version > 1 OR revision > 0"),
        ),
        # What a body has become, and what of it no longer holds once it is mapped anew.
        Index(
            "events_of_body_idx",
            "provider_id",
            "inbox_id",
            postgresql_where=text("inbox_id IS NOT NULL"),
        ),
        CheckConstraint("version >= 1", "version"),
        CheckConstraint("(revision = 0) = (inbox_id IS NULL)", "revision"),
        CheckConstraint(
            "retracted OR (type IS NOT NULL AND occurred_at IS NOT NULL AND month IS NOT NULL"
            " AND data IS NOT NULL)",
            "complete",
        ),
    )

    source: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, server_default=text("0")
    )
    type: Mapped[str | None]
    service: Mapped[str]
    team: Mapped[str | None]
    area: Mapped[str | None]
    month: Mapped[date | None]
    occurred_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime | None]
    about: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    person: Mapped[str | None]
    staff: Mapped[str | None]
    data: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    retracted: Mapped[bool]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("now()")
    )
    inbox_id: Mapped[int | None] = mapped_column(BigInteger)
    #: Says that a later mapping reads no such version in the body: it is as if it had not come.
    withdrawn: Mapped[bool] = mapped_column(server_default=text("false"))
    known_xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))


class QuarantineReason(StrEnum):
    UNKNOWN_SERVICE = "unknown_service"
    UNKNOWN_TEAM = "unknown_team"


class Quarantined(OfProvider, Base):
    """The worklist of stored events that belong to no known service or team yet.

    Whether an event counts is derived; this row is what people see and dismiss.
    """

    __tablename__ = "quarantine"
    __table_args__ = (
        ForeignKeyConstraint(
            EVENT_KEY,
            [f"events.{name}" for name in EVENT_KEY],
        ),
        one_of("reason", QuarantineReason),
        CheckConstraint(
            "(dismissed_at IS NULL) = (dismissed_xid IS NULL)"
            " AND (dismissed_at IS NULL OR released_at IS NULL)",
            "ended_once",
        ),
        Index(
            "quarantine_waiting_idx",
            "provider_id",
            "service",
            "team",
            postgresql_where=text("released_at IS NULL AND dismissed_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    source: Mapped[str]
    event_id: Mapped[str]
    version: Mapped[int]
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    service: Mapped[str]
    team: Mapped[str | None]
    reason: Mapped[str]
    received_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    dismissed_at: Mapped[datetime | None]
    dismissed_xid: Mapped[int | None] = mapped_column(Xid8)
    dismissed_why: Mapped[str | None]
