"""Platforms that send in their own words: who they are, how they sign, what their words mean."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.keyring import Sealer
from models.mapping.drift import Drift, Shape, drift, joined, last_key
from models.mapping.pipeline import UnmappedCode
from models.vocabulary import ProviderId

SchemeT = TypeVar("SchemeT")


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


def scheme_of(connector: Connector, kind: type[SchemeT]) -> SchemeT | None:
    """How bodies are signed, in the words of whoever verifies them."""
    return None if connector.scheme is None else msgspec.convert(connector.scheme, kind)


def sealed_secrets(sealer: Sealer, code: str, secrets: Sequence[str]) -> bytes:
    return sealer.seal(msgspec.json.encode(list(secrets)), code)


def opened_secrets(connector: Connector, sealer: Sealer) -> list[str]:
    """The secrets, newest first."""
    if connector.secrets_sealed is None:
        return []
    opened = sealer.open(connector.secrets_sealed, connector.code)
    return msgspec.json.decode(opened, type=list[str])


def known_shape(kept: Mapping[str, object] | None) -> Shape | None:
    if kept is None:
        return None
    return {path: tuple(_texts(types)) for path, types in kept.items()}


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


async def notice(
    session: AsyncSession,
    provider: ProviderId,
    connector: Connector,
    seen: Shape,
    unmapped: Iterable[UnmappedCode],
    read: Collection[str],
    now: datetime,
) -> list[Drift]:
    """Keep what a body looks like, and what of that is new; the first body is the measure.

    A key that the mapping reads, one of `read`, is no news to anybody.
    """
    found, wider = _compared(known_shape(connector.shape), seen, unmapped, read)
    if found or wider is not None:
        # Another body may be at the same: what it has seen must be neither lost nor told twice.
        kept = await session.scalar(
            select(Connector.shape)
            .where(Connector.code == connector.code)
            .with_for_update(key_share=True)
        )
        found, wider = _compared(known_shape(kept), seen, unmapped, read)
    if wider is not None:
        await session.execute(
            update(Connector)
            .where(Connector.code == connector.code)
            .values(shape={path: list(types) for path, types in wider.items()})
        )
    for drifted in found:
        # What drifted may be a text of the sender's, and PostgreSQL stores no U+0000.
        one = drifted._replace(detail=drifted.detail.replace("\x00", "\ufffd"))
        named: Mapping[str, object] = {
            "provider_id": provider,
            "connector": connector.code,
            "kind": one.kind,
            # Codes of one table are told apart by what they are.
            "path": one.detail if one.kind == "unmapped_code" else one.path,
        }
        await session.execute(
            insert(Noticed)
            .values(**named, detail=one.detail, first_seen=now, last_seen=now, bodies=1)
            .on_conflict_do_update(
                index_elements=["provider_id", "connector", "kind", "path"],
                set_={"last_seen": now, "bodies": Noticed.bodies + 1},
            )
        )
    return found


def _compared(
    known: Shape | None, seen: Shape, unmapped: Iterable[UnmappedCode], read: Collection[str]
) -> tuple[list[Drift], Shape | None]:
    """What of a body is new, and the wider shape, where it is one."""
    found = [
        one
        for one in drift(seen if known is None else known, seen, unmapped)
        if one.kind != "new_key" or last_key(one.path) not in read
    ]
    wider = seen if known is None else joined(known, seen)
    return found, None if wider == known else wider
