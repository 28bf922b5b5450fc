"""Platforms that send in their own words: who they are, how they sign, what their words mean."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of


class ConnectorState(StrEnum):
    """A draft takes bodies and maps none of them yet; what is disabled takes none."""

    DRAFT = "draft"
    ACTIVE = "active"
    DISABLED = "disabled"


class Connector(OfProvider, Base):
    """One source of bodies. Its token stands in the address that the platform posts to."""

    __tablename__ = "connectors"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["providers.provider_id"]),
        Index(None, "token"),
        one_of("state", ConnectorState),
        CheckConstraint(
            "expected_every_hours IS NULL OR expected_every_hours BETWEEN 1 AND 2400", "expected"
        ),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[str]
    name: Mapped[str]
    source: Mapped[str]
    state: Mapped[str]
    #: How bodies are signed; null where only a key of ours may bring them (uploads).
    scheme: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    secrets_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    expected_every_hours: Mapped[int | None]
    active_version: Mapped[int | None]
    #: Keys and types of the bodies met so far, no values.
    shape: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class StoredMapping(OfProvider, Base):
    """A version of a connector's mapping. Never changed: a change is the next version."""

    __tablename__ = "mappings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "connector"], ["connectors.provider_id", "connectors.code"]
        ),
        CheckConstraint("version >= 1", "version"),
    )

    connector: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, object]] = mapped_column(JSONB)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]


class Noticed(OfProvider, Base):
    """Something about a source that was not so before: a new key, another type, an unknown code."""

    __tablename__ = "noticed"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "connector"], ["connectors.provider_id", "connectors.code"]
        ),
    )

    connector: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    detail: Mapped[str]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    bodies: Mapped[int]


class Replay(OfProvider, Base):
    """Who asked when for which bodies to be mapped again."""

    __tablename__ = "replays"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "connector"], ["connectors.provider_id", "connectors.code"]
        ),
        Index(None, "provider_id", "connector", "requested_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    connector: Mapped[str]
    asked: Mapped[dict[str, object]] = mapped_column(JSONB)
    bodies: Mapped[int]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
