"""People in tests: inserted with their roles, and clients that act as one of them."""

from datetime import date
from uuid import uuid4

import httpx

from api.running import Running
from models.db import transaction
from models.roles import EVERY_SERVICE, Person, RoleHeld
from models.vocabulary import ProviderId, Role, Scope
from tests.conftest import NOW, MakeClient

#: Long before anything that a test looks at.
SINCE = date(2025, 1, 1)
#: What a person's key may do who works on the route; what they may do there is for their roles.
ACTING = (Scope.VIEWS_READ, Scope.RECORDS_WRITE)


async def person(
    running: Running,
    provider: ProviderId,
    code: str,
    *roles: Role,
    service: str = EVERY_SERVICE,
    since: date = SINCE,
    until: date | None = None,
    name: str | None = None,
) -> str:
    """Register a person who holds these roles, at one service or at all; answers with the code."""
    async with transaction(running.sessions, provider) as session:
        session.add(
            Person(
                provider_id=provider,
                code=code,
                name=name or code.replace(".", " ").title(),
                created_at=NOW,
            )
        )
        await session.flush()
        session.add_all(
            RoleHeld(
                id=uuid4(),
                provider_id=provider,
                person=code,
                role=role.value,
                service=service,
                held_from=since,
                held_to=until,
                granted_at=NOW,
            )
            for role in roles
        )
    return code


async def client_as(
    client_with: MakeClient, person: str | None, role: Role | None = None, *scopes: Scope
) -> httpx.AsyncClient:
    """A client whose key acts for a person, in one role or in any they hold."""
    return await client_with(*(scopes or ACTING), person=person, role=role)
