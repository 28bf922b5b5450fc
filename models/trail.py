"""The trail: who did what to which record, review, escalation or person, and what came of it.

Append-only, to the application by its rights. Each line holds the whole state after the action, so
that what was known on a day is the newest line of each resource up to then.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import JSON, BigInteger, Identity, Index, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.publications import unpublished
from models.vocabulary import ProviderId


class Resource(StrEnum):
    PERSON = "person"
    RECORD = "record"
    REVIEW = "review"
    ESCALATION = "escalation"


class By(NamedTuple):
    """Who acted: a person in a role by a key; all three are None for Breadth itself."""

    person: str | None = None
    role: str | None = None
    key_id: str | None = None


class Trail(OfProvider, Base):
    """Text ids and no foreign keys: a line outlives what it speaks of."""

    __tablename__ = "trail"
    __table_args__ = (
        one_of("resource", Resource),
        Index(None, "provider_id", "resource", "service", "resource_id", "id"),
        Index(None, "provider_id", "service", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    at: Mapped[datetime]
    service: Mapped[str]
    resource: Mapped[str]
    resource_id: Mapped[str]
    action: Mapped[str]
    person: Mapped[str | None]
    role: Mapped[str | None]
    key_id: Mapped[str | None]
    state: Mapped[dict[str, Any]] = mapped_column(JSON)


def note(
    session: AsyncSession,
    provider: ProviderId,
    at: datetime,
    service: str,
    resource: Resource,
    resource_id: str,
    action: str,
    by: By,
    state: dict[str, Any],
) -> None:
    """Add a line. `service` is '' for what belongs to the whole provider."""
    session.add(
        Trail(
            provider_id=provider,
            at=at,
            service=service,
            resource=resource.value,
            resource_id=resource_id,
            action=action,
            person=by.person,
            role=by.role,
            key_id=by.key_id,
            state=state,
        )
    )
    if service:
        session.add(unpublished(provider, service))


async def known_then(
    session: AsyncSession,
    resource: Resource,
    services: Sequence[str],
    at: datetime,
    resource_id: str | None = None,
) -> list[dict[str, Any]]:
    """The state of each resource after its last action up to `at`, in the order of their ids."""
    query = (
        select(Trail.state)
        .where(Trail.resource == resource.value, Trail.service.in_(services), Trail.at <= at)
        .ext(distinct_on(Trail.resource_id))
        .order_by(Trail.resource_id, Trail.id.desc())
    )
    if resource_id is not None:
        query = query.where(Trail.resource_id == resource_id)
    return list(await session.scalars(query))
