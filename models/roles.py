"""People of a provider and the roles they hold: at a service or at all, from a day and to a day."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.vocabulary import Role

#: As the service of a role that is held at every service of the provider.
EVERY_SERVICE = ""


class Person(OfProvider, Base):
    __tablename__ = "people"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["providers.provider_id"]),)

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]


class RoleHeld(OfProvider, Base):
    """Both days count. An end in the past is never set, since what was signed by then stands."""

    __tablename__ = "roles_held"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "person"], ["people.provider_id", "people.code"]),
        one_of("role", Role),
        CheckConstraint("held_to IS NULL OR held_to >= held_from", "order"),
        Index(None, "provider_id", "person"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    person: Mapped[str]
    role: Mapped[str]
    service: Mapped[str]
    held_from: Mapped[date]
    held_to: Mapped[date | None]
    granted_at: Mapped[datetime]


def in_force(day: date) -> tuple[object, ...]:
    """Conditions of a role that is held on a day."""
    return (
        RoleHeld.held_from <= day,
        or_(RoleHeld.held_to.is_(None), RoleHeld.held_to >= day),
    )


async def roles_at(
    session: AsyncSession, person: str, services: Sequence[str], day: date
) -> frozenset[Role]:
    """What a person is on a day at a service, known by any of its ids."""
    found = await session.scalars(
        select(RoleHeld.role).where(
            RoleHeld.person == person,
            RoleHeld.service.in_([EVERY_SERVICE, *services]),
            *in_force(day),  # type: ignore[arg-type]  # column expressions
        )
    )
    return frozenset(Role(role) for role in found)


async def holders_of(
    session: AsyncSession, role: Role, services: Sequence[str], day: date
) -> list[str]:
    """Who holds a role at a service on a day, those of the service itself first."""
    found = await session.execute(
        select(RoleHeld.person, RoleHeld.service)
        .where(
            RoleHeld.role == role.value,
            RoleHeld.service.in_([EVERY_SERVICE, *services]),
            *in_force(day),  # type: ignore[arg-type]  # column expressions
        )
        .order_by(RoleHeld.person)
    )
    rows = sorted(found, key=lambda row: row.service == EVERY_SERVICE)
    return list(dict.fromkeys(row.person for row in rows))
