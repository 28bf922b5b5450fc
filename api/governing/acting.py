"""Who acts: the person of a key, and what they are at a service today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import Problem
from models.people import KeyHolder
from models.roles import Person, roles_at
from models.trail import By
from models.vocabulary import READ_ONLY_ROLES, Role


@dataclass(frozen=True, slots=True)
class Actor:
    """`roles` are those held at the service on the day; of a key for one role, that one alone."""

    person: str
    name: str
    roles: frozenset[Role]
    key_id: str

    def must_be(self, *allowed: Role, what: str) -> Role:
        """The role in which this is done: the first allowed one that is held. Else 403, with why.

        `what` completes "... may": "write and sign 'judge' records".
        """
        held = next((role for role in allowed if role in self.roles), None)
        if held is None:
            here = ", ".join(sorted(self.roles)) or "in no role"
            raise Problem(
                "forbidden",
                f"Only {' or '.join(allowed)} may {what}; {self.name} is {here} here today, as far"
                " as this key acts for it.",
            )
        return held

    def by(self, role: Role | None = None) -> By:
        return By(self.person, role, self.key_id)


async def acting(
    session: AsyncSession, holder: KeyHolder, services: Sequence[str], day: date
) -> Actor:
    """The person that a key stands for. 403 for a key of nobody."""
    if holder.person is None:
        raise Problem(
            "forbidden",
            "This key acts for nobody. What people do here needs a key with 'person'"
            " (POST /v1/keys).",
        )
    person = await session.get_one(Person, (holder.provider, holder.person))
    roles = await roles_at(session, holder.person, services, day)
    if holder.role is not None:
        roles &= {holder.role}
    return Actor(person.code, person.name, roles, holder.key_id)


async def reads_signed_only(
    session: AsyncSession, holder: KeyHolder, services: Sequence[str], day: date
) -> bool:
    """Whether this reader comes from outside, to whom drafts are not shown."""
    if holder.role is not None:
        return holder.role in READ_ONLY_ROLES
    if holder.person is None:
        return False
    roles = await roles_at(session, holder.person, services, day)
    return bool(roles) and roles <= READ_ONLY_ROLES
