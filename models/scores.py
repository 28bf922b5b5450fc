"""What was concluded: the current score of each month, and frozen, hashed snapshots of them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import JSON, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider


class Context(OfProvider, Base):
    """Everything but events that a score depends on: organisation, catalogue, programme, settings.

    Kept by hash, so that a number of last year is counted again by last year's teams and bands.
    """

    __tablename__ = "contexts"

    context_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    body: Mapped[dict[str, object]] = mapped_column(JSONB)


class Snapshot(OfProvider, Base):
    """The judged content of one `as_of` as it was known at one moment. Never changed.

    `known_snapshot` is the PostgreSQL snapshot in which the events were read: what committed
    later is not part of it. `content_hash` leaves out timestamps.
    """

    __tablename__ = "snapshots"
    __table_args__ = (
        Index(None, "provider_id", "service", "as_of", "computed_at"),
        ForeignKeyConstraint(
            ["provider_id", "context_hash"], ["contexts.provider_id", "contexts.context_hash"]
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    service: Mapped[str]
    as_of: Mapped[date]
    computed_at: Mapped[datetime]
    known_snapshot: Mapped[str]
    context_hash: Mapped[bytes] = mapped_column(LargeBinary)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    method: Mapped[str]
    provisional: Mapped[bool]
    evidence_to: Mapped[datetime | None]
    #: JSON and not JSONB, which would give readers its keys in another order.
    body: Mapped[dict[str, object]] = mapped_column(JSON)


class Score(OfProvider, Base):
    """The newest conclusion for one service and month, and from what it was last confirmed.

    Its snapshot stays while the judged content does; what was known when it was confirmed moves.
    """

    __tablename__ = "scores"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "snapshot_id"], ["snapshots.provider_id", "snapshots.id"]
        ),
    )

    service: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[date] = mapped_column(primary_key=True)
    snapshot_id: Mapped[UUID]
    known_snapshot: Mapped[str]
    context_hash: Mapped[bytes] = mapped_column(LargeBinary)
    computed_at: Mapped[datetime]
    evidence_to: Mapped[datetime | None]
