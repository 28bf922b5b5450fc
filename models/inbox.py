"""Bodies as they arrived: stored before they are understood, and never lost after that.

A body is one item. What it became stands in its status; each time it arrived is an arrival of its
own, so that what was acknowledged can be counted apart from what became of it.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.keyring import Sealer
from models.vocabulary import ProviderId


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
    content_encoding: Mapped[str]
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


class Taken(NamedTuple):
    """What an arrival brought: a new item, or one that was there before."""

    inbox_id: int
    duplicate: bool


class Body(NamedTuple):
    """What has arrived and is to be kept, before anybody looks into it."""

    dedupe_key: str
    digest: bytes
    content_type: str
    content_encoding: str
    parts: Iterable[bytes]
    size: int
    all_or_nothing: bool = False


#: Of the records that were refused, so many are kept with their reasons; the rest is a number.
MOST_KEPT = 200


def settle(
    item: InboxItem,
    version: int,
    now: datetime,
    why: tuple[str, str] | None,
    counts: dict[str, int] | None = None,
    refused: Iterable[dict[str, object]] = (),
) -> None:
    """Say what a body became by a version of its mapping, or why (code, words) it is set aside."""
    item.status = InboxStatus.QUARANTINED if why else InboxStatus.MAPPED
    item.reason, item.detail = why or (None, None)
    item.mapping_version, item.mapped_at, item.counts = version, now, counts
    item.refused = [_legible(one) for one in islice(refused, MOST_KEPT)] or None


def _legible(said: dict[str, object]) -> dict[str, object]:
    """What is said of a record may repeat U+0000, which PostgreSQL stores nowhere."""
    return {
        name: value.replace("\x00", "\ufffd") if isinstance(value, str) else value
        for name, value in said.items()
    }


#: A sender that uses one id for two bodies: neither may be lost, nor pass for the other.
OTHER_BODY = "other_body_same_id"
OTHER_BODY_ADVICE = (
    "A body with the same message id and other content was here before and stands. If both are"
    " meant, replay this one; if it was sent by mistake, dismiss it."
)


async def take_in(
    session: AsyncSession,
    sealer: Sealer,
    provider: ProviderId,
    connector: str,
    body: Body,
    now: datetime,
) -> Taken:
    """Keep a body, once for ever, and say that it has arrived; part of the caller's transaction."""
    item = await _insert(session, provider, connector, body, now)
    if item is None:
        held = await _held(session, connector, body.dedupe_key)
        if held[1] != body.digest:
            apart = body._replace(dedupe_key=f"{body.dedupe_key}#{body.digest.hex()}")
            item = await _insert(session, provider, connector, apart, now, conflicting=True)
            held = held if item is not None else await _held(session, connector, apart.dedupe_key)
    if item is not None:
        for number, part in enumerate(body.parts):
            sealed = sealer.seal(part, f"{item}/{number}")
            session.add(InboxPart(provider_id=provider, inbox_id=item, part=number, sealed=sealed))
            await session.flush()
    inbox_id = held[0] if item is None else item
    session.add(
        Arrival(provider_id=provider, connector=connector, inbox_id=inbox_id, received_at=now)
    )
    return Taken(inbox_id, item is None)


async def _insert(
    session: AsyncSession,
    provider: ProviderId,
    connector: str,
    body: Body,
    now: datetime,
    *,
    conflicting: bool = False,
) -> int | None:
    """The id of a new item, or None where its key is taken."""
    found: int | None = await session.scalar(
        insert(InboxItem)
        .values(
            provider_id=provider,
            connector=connector,
            dedupe_key=body.dedupe_key,
            digest=body.digest,
            content_type=body.content_type,
            content_encoding=body.content_encoding,
            size=body.size,
            received_at=now,
            all_or_nothing=body.all_or_nothing,
            status=InboxStatus.QUARANTINED if conflicting else InboxStatus.WAITING,
            reason=OTHER_BODY if conflicting else None,
            detail=OTHER_BODY_ADVICE if conflicting else None,
        )
        .on_conflict_do_nothing(index_elements=["provider_id", "connector", "dedupe_key"])
        .returning(InboxItem.id)
    )
    return found


async def _held(session: AsyncSession, connector: str, dedupe_key: str) -> tuple[int, bytes]:
    row = (
        await session.execute(
            select(InboxItem.id, InboxItem.digest).where(
                InboxItem.connector == connector, InboxItem.dedupe_key == dedupe_key
            )
        )
    ).one()
    return row.id, row.digest


async def read_body(
    session: AsyncSession, sealer: Sealer, inbox_id: int, most_parts: int | None = None
) -> bytes:
    """A body as it arrived: whole, or its beginning."""
    parts = await session.execute(
        select(InboxPart.part, InboxPart.sealed)
        .where(InboxPart.inbox_id == inbox_id)
        .order_by(InboxPart.part)
        .limit(most_parts)
    )
    return b"".join(sealer.open(row.sealed, f"{inbox_id}/{row.part}") for row in parts)


#: The first line of every result.
RESULT_HEADINGS = b"row,outcome,id,column,code,detail\r\n"


async def result_parts(session: AsyncSession, inbox_id: int) -> list[int]:
    """The pieces of the result of a table, as far as it has been read."""
    parts = select(InboxResult.part).where(InboxResult.inbox_id == inbox_id)
    return list(await session.scalars(parts.order_by(InboxResult.part)))


async def read_result(session: AsyncSession, sealer: Sealer, inbox_id: int, part: int) -> bytes:
    """What became of some rows of a table; nothing where it has been read anew meanwhile."""
    sealed = await session.scalar(
        select(InboxResult.sealed).where(InboxResult.inbox_id == inbox_id, InboxResult.part == part)
    )
    return b"" if sealed is None else sealer.open(sealed, f"{inbox_id}/result/{part}")
