"""People and what they are where: registered once, given roles from a day on and to a day."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.bodies import Body, Flaw, Text, refuse
from api.deps import Now, Session, require
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from api.reading.asked import KnownAt, known_in
from models.calendar import local_date
from models.context import is_known, service_ids
from models.people import KeyHolder
from models.roles import EVERY_SERVICE, Person, RoleHeld
from models.trail import By, Resource, known_then, note
from models.vocabulary import Role, Scope

router = APIRouter(prefix="/v1/people", tags=["people"], route_class=KeptRoute)

Administrator = Annotated[KeyHolder, require(Scope.ADMIN)]
PersonCode = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$",
        description="How your systems call this person; write it like 'led_by' of teams.",
        examples=["ann.lee"],
    ),
]
FURTHEST_AHEAD = timedelta(days=366)


class PersonBody(Body):
    name: Text = Field(examples=["Ann Lee"])


class RoleBody(Body):
    role: Role
    service: str | None = Field(
        default=None, max_length=200, description="Null: at every service of the provider."
    )
    held_from: date = Field(description="First day; at most a year ahead.")
    held_to: date | None = Field(default=None, description="Last day; null: until it is ended.")


class RoleEnd(Body):
    held_to: date = Field(description="Last day; today or later, for what was signed stands.")


class RoleShown(BaseModel):
    id: UUID
    role: Role
    service: str | None
    held_from: date
    held_to: date | None
    granted_at: datetime


class PersonShown(BaseModel):
    person: str
    name: str
    created_at: datetime
    roles: list[RoleShown]


class PeopleList(BaseModel):
    items: list[PersonShown]


async def people_shown(session: AsyncSession, person: str | None = None) -> list[PersonShown]:
    query = select(Person).order_by(Person.code)
    held = select(RoleHeld).order_by(RoleHeld.held_from, RoleHeld.granted_at, RoleHeld.id)
    if person is not None:
        query, held = query.where(Person.code == person), held.where(RoleHeld.person == person)
    roles: dict[str, list[RoleShown]] = {}
    for row in await session.scalars(held):
        roles.setdefault(row.person, []).append(
            RoleShown(
                id=row.id,
                role=Role(row.role),
                service=row.service or None,
                held_from=row.held_from,
                held_to=row.held_to,
                granted_at=row.granted_at,
            )
        )
    return [
        PersonShown(
            person=row.code,
            name=row.name,
            created_at=row.created_at,
            roles=roles.get(row.code, []),
        )
        for row in await session.scalars(query)
    ]


async def noted(
    session: AsyncSession, holder: KeyHolder, person: str, action: str, now: datetime
) -> PersonShown:
    """The person as they are now, with a line in the trail that says so."""
    await session.flush()
    (shown,) = await people_shown(session, person)
    state: dict[str, Any] = shown.model_dump(mode="json")
    by = By(holder.person, holder.role, holder.key_id)
    note(session, holder.provider, now, EVERY_SERVICE, Resource.PERSON, person, action, by, state)
    return shown


@router.put("/{person}", responses={201: {"model": PersonShown}, **problems("invalid")})
async def put_person(
    person: PersonCode,
    body: PersonBody,
    holder: Administrator,
    session: Session,
    now: Now,
    response: Response,
) -> PersonShown:
    """Register a person (201) or change the name (200); roles are given one by one."""
    added = await session.execute(
        insert(Person)
        .values(provider_id=holder.provider, code=person, name=body.name, created_at=now)
        .on_conflict_do_nothing()
        .returning(Person.code)
    )
    if added.one_or_none() is not None:
        response.status_code = 201
        return await noted(session, holder, person, "registered", now)
    row = await session.get_one(Person, (holder.provider, person))
    if row.name == body.name:
        return (await people_shown(session, person))[0]
    row.name = body.name
    return await noted(session, holder, person, "renamed", now)


@router.get("", responses=problems("invalid"))
async def list_people(
    _: Administrator, session: Session, now: Now, known_at: KnownAt = None
) -> PeopleList:
    """Everybody, with all roles held, ended ones too; with `known_at` as it was known then."""
    if known_at is None:
        return PeopleList(items=await people_shown(session))
    at = known_in(known_at, now)
    states = await known_then(session, Resource.PERSON, [EVERY_SERVICE], at)
    return PeopleList(items=[PersonShown.model_validate(state) for state in states])


@router.get("/{person}", responses=problems("not_found", "invalid"))
async def get_person(
    person: PersonCode, _: Administrator, session: Session, now: Now, known_at: KnownAt = None
) -> PersonShown:
    """One person with all roles, now or as it was known then."""
    if known_at is None:
        found = await people_shown(session, person)
    else:
        at = known_in(known_at, now)
        states = await known_then(session, Resource.PERSON, [EVERY_SERVICE], at, person)
        found = [PersonShown.model_validate(state) for state in states]
    if not found:
        raise Problem("not_found")
    return found[0]


@router.post("/{person}/roles", status_code=201, responses=problems("not_found", "invalid"))
async def give_role(
    person: PersonCode, body: RoleBody, holder: Administrator, session: Session, now: Now
) -> PersonShown:
    """Give a role; the same again changes nothing."""
    if await session.get(Person, (holder.provider, person), with_for_update=True) is None:
        raise Problem("not_found")
    flaws = []
    today = local_date(now)
    if body.held_from > today + FURTHEST_AHEAD or body.held_from.year < 2000:
        detail = "A role is held from 2000 on, and from at most a year ahead."
        flaws.append(Flaw("/held_from", "out_of_range", detail))
    if body.held_to is not None and body.held_to < body.held_from:
        flaws.append(Flaw("/held_to", "ends_before_start", "The last day is before the first."))
    service = EVERY_SERVICE
    if body.service is not None:
        ids = await service_ids(session, body.service)
        service = ids[0]
        if not await is_known(session, ids):
            detail = f"There is no service {body.service!r}; register it first."
            flaws.append(Flaw("/service", "unknown_service", detail))
    refuse("invalid", flaws)
    same = select(RoleHeld.id).where(
        RoleHeld.person == person,
        RoleHeld.role == body.role.value,
        RoleHeld.service == service,
        RoleHeld.held_from == body.held_from,
        RoleHeld.held_to.is_not_distinct_from(body.held_to),
    )
    if await session.scalar(same) is not None:
        return (await people_shown(session, person))[0]
    session.add(
        RoleHeld(
            id=uuid4(),
            provider_id=holder.provider,
            person=person,
            role=body.role.value,
            service=service,
            held_from=body.held_from,
            held_to=body.held_to,
            granted_at=now,
        )
    )
    return await noted(session, holder, person, "role_given", now)


@router.post(
    "/{person}/roles/{role_id}:end", responses=problems("not_found", "conflict", "invalid")
)
async def end_role(
    person: PersonCode,
    role_id: UUID,
    body: RoleEnd,
    holder: Administrator,
    session: Session,
    now: Now,
) -> PersonShown:
    """Set the last day of a role."""
    row = await session.get(RoleHeld, (holder.provider, role_id), with_for_update=True)
    if row is None or row.person != person:
        raise Problem("not_found")
    today = local_date(now)
    if row.held_to is not None and row.held_to < today:
        raise Problem("conflict", f"This role ended on {row.held_to} already.")
    if body.held_to < max(today, row.held_from):
        detail = "A role ends today or later, and not before it begins."
        refuse("invalid", [Flaw("/held_to", "in_past", detail)])
    row.held_to = body.held_to
    return await noted(session, holder, person, "role_ended", now)
