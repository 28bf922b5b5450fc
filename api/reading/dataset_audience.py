"""Who reads a dataset: the provider's own staff, or others, for whom small counts are hidden."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy import select

from api.deps import Holder, Now, RunningApp
from api.problems import Problem
from api.reading.dataset_asked import AudienceAsked
from models.calendar import local_date
from models.db import transaction
from models.disclosure import Audience
from models.roles import RoleHeld, in_force
from models.vocabulary import READ_ONLY_ROLES


async def audience_of(
    running: RunningApp, holder: Holder, now: Now, audience: AudienceAsked = None
) -> Audience:
    """What is asked for, if the key may have it; else what the key is for.

    A key of a person who comes from outside, in any role and at any service, is one of others.
    """
    roles = {holder.role.value} if holder.role is not None else set()
    if holder.person is not None and holder.role is None:
        async with transaction(running.sessions, holder.provider) as session:
            found = await session.scalars(
                select(RoleHeld.role).where(
                    RoleHeld.person == holder.person,
                    *in_force(local_date(now)),  # type: ignore[arg-type]  # column expressions
                )
            )
            roles = set(found)
    own = holder.person is None or (bool(roles) and roles.isdisjoint(READ_ONLY_ROLES))
    if audience is Audience.OWN and not own:
        raise Problem("forbidden", "Who comes from outside sees datasets as they leave.")
    return audience or (Audience.OWN if own else Audience.OTHERS)


AudienceOf = Annotated[Audience, Depends(audience_of)]
