"""What is told to whom: endpoints, messages, and one attempt for each message and endpoint.

A message and its attempts are inserted in the transaction of what the message tells of, so that
nobody announces what is rolled back. Sending them is `models.outbox`'s and the worker's part.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.context import service_ids
from models.vocabulary import (
    AttemptStatus,
    DisabledWhy,
    EndpointState,
    Failure,
    MessageType,
    ProviderId,
)

#: Receivers are told where to look and not what is there; a longer payload is a mistake of ours.
LONGEST_PAYLOAD = 20_000


class Endpoint(OfProvider, Base):
    """An address that wants to be told of something. Kept for its history once it is deleted."""

    __tablename__ = "endpoints"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["providers.provider_id"]),
        one_of("state", EndpointState),
        one_of("disabled_why", DisabledWhy, or_null=True),
        CheckConstraint(
            "(state = 'disabled') = (disabled_why IS NOT NULL)"
            " AND (disabled_why IS NULL) = (disabled_at IS NULL)",
            "disabled",
        ),
        CheckConstraint(
            "coalesce(disabled_why = 'deleted', false) = (secrets_sealed IS NULL)", "secrets"
        ),
        CheckConstraint("(failing_since IS NULL) = (failed_at IS NULL)", "failing"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    url: Mapped[str]
    secrets_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    message_types: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    #: Services it wants to hear of; empty for all, those of tomorrow too.
    services: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    state: Mapped[str]
    disabled_why: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    #: When the first and the last of its failures in an unbroken series were.
    failing_since: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    #: Nothing is posted to it before: somebody is posting, or it has asked for a pause.
    not_before: Mapped[datetime | None]
    next_sequence: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Message(OfProvider, Base):
    """Something that has come to be so: of what type, when, and where to read it."""

    __tablename__ = "messages"
    __table_args__ = (one_of("type", MessageType),)

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    type: Mapped[str]
    #: '' for what belongs to the whole provider.
    service: Mapped[str]
    #: JSON and not JSONB, which would send receivers its keys in another order.
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]


class Attempt(OfProvider, Base):
    """The attempt to tell one endpoint of one message, however many posts that takes."""

    __tablename__ = "attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "endpoint_id"], ["endpoints.provider_id", "endpoints.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "message_id"], ["messages.provider_id", "messages.id"]
        ),
        UniqueConstraint("provider_id", "endpoint_id", "message_id"),
        UniqueConstraint("provider_id", "endpoint_id", "sequence"),
        Index(None, "provider_id", "endpoint_id", "status", "id"),
        Index(
            "attempts_waiting_idx",
            "provider_id",
            "endpoint_id",
            "next_at",
            postgresql_where=text("status = 'waiting'"),
        ),
        one_of("status", AttemptStatus),
        one_of("last_failure", Failure, or_null=True),
        CheckConstraint(
            "(status = 'waiting') = (next_at IS NOT NULL)"
            " AND (status = 'waiting') = (settled_at IS NULL)",
            "waiting",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    endpoint_id: Mapped[UUID]
    message_id: Mapped[UUID]
    #: Counts the messages of an endpoint without a gap, from the first post on.
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str]
    #: Posts since it was announced or asked for again: the place in the schedule.
    tried: Mapped[int]
    next_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_failure: Mapped[str | None]
    #: The beginning of what was answered, where that was a refusal.
    last_answer: Mapped[str | None]


class Try(OfProvider, Base):
    """One post, as it went. Append-only."""

    __tablename__ = "tries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "attempt_id"], ["attempts.provider_id", "attempts.id"]
        ),
        Index(None, "provider_id", "attempt_id", "id"),
        one_of("failure", Failure, or_null=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    attempt_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    duration_ms: Mapped[int]
    status: Mapped[int | None]
    failure: Mapped[str | None]


async def announce(
    session: AsyncSession,
    provider: ProviderId,
    kind: MessageType,
    service: str,
    data: Mapping[str, Any],
    now: datetime,
) -> UUID | None:
    """Tell every endpoint that listens, once this transaction commits; None where none does.

    `service` is '' for what belongs to the whole provider, of which every endpoint hears that
    listens to the type. `data` has an id and a `url`, and neither persons nor free text.
    """
    endpoints = await _listening(session, kind, service)
    if not endpoints:
        return None
    return await tell(session, provider, endpoints, kind, service, data, now)


async def is_listened_to(session: AsyncSession, kind: MessageType) -> bool:
    """Whether any endpoint would be told, so that nothing is looked up for nobody."""
    found = await session.scalar(select(Endpoint.id).where(*_listens(kind)).limit(1))
    return found is not None


async def tell(
    session: AsyncSession,
    provider: ProviderId,
    endpoints: list[UUID],
    kind: MessageType,
    service: str,
    data: Mapping[str, Any],
    now: datetime,
) -> UUID:
    """Insert a message, and its attempt for each of these endpoints."""
    payload = {
        "type": kind.value,
        "timestamp": now.isoformat().replace("+00:00", "Z"),
        "data": dict(data),
    }
    if len(msgspec.json.encode(payload)) >= LONGEST_PAYLOAD:
        raise ValueError(f"a message of type {kind} says more than where to look")
    message = uuid4()
    await session.execute(
        insert(Message).values(
            provider_id=provider,
            id=message,
            type=kind.value,
            service=service,
            payload=payload,
            created_at=now,
        )
    )
    await session.execute(
        insert(Attempt),
        [
            {
                "provider_id": provider,
                "endpoint_id": endpoint,
                "message_id": message,
                "status": AttemptStatus.WAITING.value,
                "tried": 0,
                "next_at": now,
            }
            for endpoint in endpoints
        ],
    )
    return message


def _listens(kind: MessageType) -> tuple[Any, ...]:
    return Endpoint.state == EndpointState.ACTIVE.value, Endpoint.message_types.any_() == kind.value


async def _listening(session: AsyncSession, kind: MessageType, service: str) -> list[UUID]:
    """Rows are not locked: announcing must not wait for who is posting."""
    found = await session.execute(
        select(Endpoint.id, Endpoint.services).where(*_listens(kind)).order_by(Endpoint.id)
    )
    rows = found.all()
    known_as = {service}
    if service and any(row.services for row in rows):
        known_as |= set(await service_ids(session, service))
    return [
        row.id
        for row in rows
        if not service or not row.services or known_as.intersection(row.services)
    ]
