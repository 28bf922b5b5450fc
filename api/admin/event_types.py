"""Event types of the provider's own, described by JSON Schema before events of them are taken."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi import Body as BodyField
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from api.admin.bodies import Flaw, refuse
from api.deps import Now, Session, require
from api.problems import Problem, problems
from models.incoming.custom_types import declaration_flaw
from models.organisation import CustomEventType
from models.people import KeyHolder
from models.vocabulary import Scope

router = APIRouter(prefix="/v1/event-types", tags=["event types"])

Administrator = Annotated[KeyHolder, require(Scope.ADMIN)]
NewType = Annotated[
    str,
    Path(
        pattern=r"^custom\.[a-z][a-z0-9_]{0,59}$",
        description="`custom.` and a name of its own.",
        examples=["custom.oral_care"],
    ),
]
Declaration = Annotated[
    dict[str, Any],
    BodyField(
        description="JSON Schema 2020-12 of `data`. It says `type: object`, refers to nothing and"
        " has neither expressions nor formats.",
        examples=[
            {
                "type": "object",
                "required": ["done"],
                "properties": {"done": {"type": "boolean"}},
                "additionalProperties": False,
            }
        ],
    ),
]


class EventTypeAnswer(BaseModel):
    type: str
    json_schema: dict[str, Any]
    registered_at: datetime


class EventTypeList(BaseModel):
    items: list[EventTypeAnswer]


def answer_of(row: CustomEventType) -> EventTypeAnswer:
    return EventTypeAnswer(
        type=row.type, json_schema=row.json_schema, registered_at=row.registered_at
    )


@router.get("", responses=problems())
async def list_event_types(_: Administrator, session: Session) -> EventTypeList:
    rows = await session.scalars(select(CustomEventType).order_by(CustomEventType.type))
    return EventTypeList(items=[answer_of(row) for row in rows])


@router.get("/{event_type}", responses=problems("not_found"))
async def get_event_type(
    event_type: str, holder: Administrator, session: Session
) -> EventTypeAnswer:
    row = await session.get(CustomEventType, (holder.provider, event_type))
    if row is None:
        raise Problem("not_found")
    return answer_of(row)


@router.put("/{event_type}", responses={201: {"model": EventTypeAnswer}, **problems("invalid")})
async def put_event_type(
    event_type: NewType,
    declaration: Declaration,
    holder: Administrator,
    session: Session,
    now: Now,
    response: Response,
) -> EventTypeAnswer:
    """Declare a type (201) or change what it says (200). Events stored before stay as they are."""
    flaw = declaration_flaw(declaration)
    if flaw is not None:
        refuse("invalid", [Flaw(flaw.pointer, flaw.code, flaw.detail)])
    row = await session.get(CustomEventType, (holder.provider, event_type))
    if row is not None and row.json_schema == declaration:
        return answer_of(row)
    said: dict[str, Any] = {"json_schema": declaration, "registered_at": now}
    await session.execute(
        insert(CustomEventType)
        .values(provider_id=holder.provider, type=event_type, **said)
        .on_conflict_do_update(index_elements=["provider_id", "type"], set_=said)
    )
    response.status_code = 201 if row is None else 200
    return EventTypeAnswer(type=event_type, **said)
