"""API keys of the provider: issued once in the open, listed without secrets, ended at once."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, Field

from api.admin.after_commit import after_commit
from api.admin.bodies import Body, Flaw, Text, refuse
from api.deps import Now, RunningApp, Session, require
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from models.people import ApiKey, KeyHolder, list_keys, new_key, revoke_key
from models.roles import Person
from models.vocabulary import Role, Scope

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=KeptRoute)

Administrator = Annotated[KeyHolder, require(Scope.ADMIN)]


class KeyBody(Body):
    name: Text = Field(description="Who or what will use it.", examples=["eMAR connector"])
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=len(Scope),
        description="What it may do; no more than the key that issues it.",
        examples=[["events:write"]],
    )
    expires_at: AwareDatetime | None = Field(
        default=None, description="From then on it is refused; null: never by itself."
    )
    person: Text | None = Field(
        default=None,
        description="The person as whom it acts on the route; needed to write records.",
        examples=["ann.lee"],
    )
    role: Role | None = Field(
        default=None, description="The one role it is for; null: any that the person holds."
    )


class KeyListed(BaseModel):
    key_id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    person: str | None
    role: Role | None


class KeyIssued(KeyListed):
    key: str = Field(description="The key itself. It is shown here and never again.")


class KeyList(BaseModel):
    items: list[KeyListed]


def listed(row: ApiKey) -> KeyListed:
    return KeyListed(
        key_id=row.key_id,
        name=row.name,
        scopes=[Scope(scope) for scope in row.scopes],
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        person=row.person,
        role=None if row.role is None else Role(row.role),
    )


@router.post("", status_code=201, responses=problems("invalid"))
async def create_key(
    body: KeyBody, running: RunningApp, holder: Administrator, session: Session, now: Now
) -> KeyIssued:
    """Issue a key for this provider."""
    lacking = sorted(set(body.scopes) - holder.scopes)
    if lacking:
        raise Problem(
            "forbidden", f"This key cannot grant what it lacks itself: {', '.join(lacking)}."
        )
    if body.expires_at is not None and body.expires_at <= now:
        refuse("invalid", [Flaw("/expires_at", "in_past", "This moment has passed already.")])
    if body.role is not None and body.person is None:
        refuse("invalid", [Flaw("/role", "person_missing", "A role is somebody's: name 'person'.")])
    if (
        body.person is not None
        and await session.get(Person, (holder.provider, body.person)) is None
    ):
        detail = f"There is no person {body.person!r}; register them with PUT /v1/people."
        refuse("invalid", [Flaw("/person", "unknown_person", detail)])
    key, row = new_key(
        running.keyring,
        holder.provider,
        body.name,
        body.scopes,
        now,
        body.expires_at,
        body.person,
        body.role,
    )
    session.add(row)
    await session.flush()
    return KeyIssued(key=key, **listed(row).model_dump())


@router.get("", responses=problems())
async def get_keys(_: Administrator, session: Session) -> KeyList:
    """All keys of the provider, ended ones too, in the order they were issued."""
    return KeyList(items=[listed(row) for row in await list_keys(session)])


@router.delete("/{key_id}", status_code=204, responses=problems("not_found"))
async def delete_key(
    key_id: Annotated[str, Path(description="The id of the key, as listed.")],
    running: RunningApp,
    _: Administrator,
    session: Session,
    now: Now,
) -> None:
    """End a key. Other processes may still take it for half a minute."""
    if not await revoke_key(session, key_id, now):
        raise Problem("not_found")
    # Forgotten before the commit, a call in between would find it live and remember it again.
    after_commit(session, lambda: running.known_keys.forget(key_id))
