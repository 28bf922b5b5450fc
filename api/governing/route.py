"""The route read: its fifteen records as they stand or stood, and the trail of what was done."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Now, Session, require
from api.governing.acting import reads_signed_only
from api.governing.at_service import ServiceId, known_ids
from api.governing.distance_now import RecordRead, read_records
from api.governing.record_states import states_of
from api.paging import Paged
from api.problems import Problem, problems
from api.reading.asked import AsOf, KnownAt, asked, known_in, month_asked
from models.calendar import local_date
from models.people import KeyHolder
from models.records import Record
from models.trail import Resource, Trail, known_then
from models.vocabulary import (
    AUTHOR_OF,
    BY_SEGMENT,
    TITLE_OF,
    RecordStatus,
    Role,
    Scope,
    Stage,
    Strand,
)

router = APIRouter(prefix="/v1/services/{service}", tags=["route"])

Reader = Annotated[KeyHolder, require(Scope.VIEWS_READ)]
#: What is shown to those from outside: what leaders put their name to.
SHOWN_OUTSIDE = frozenset({RecordStatus.SIGNED, RecordStatus.SUPERSEDED})
State = dict[str, Any]


class RecordList(BaseModel):
    items: list[RecordRead]
    next_cursor: str | None


class OnRoute(BaseModel):
    """One of the fifteen, and the records of the month that stand there."""

    strand: Strand
    stage: Stage
    title: str
    author: Role
    by_segment: bool = Field(description="Each segment and author has a record of their own.")
    records: list[RecordRead]


class RouteShown(BaseModel):
    service: str
    month: str
    route: list[OnRoute] = Field(description="Strand by strand, in the order of the stages.")


class Done(BaseModel):
    """One line of the trail."""

    id: int
    at: AwareDatetime
    service: str
    resource: Resource
    resource_id: str
    action: str = Field(examples=["signed"])
    person: str | None = Field(description="Null: Breadth itself.")
    role: Role | None
    key_id: str | None
    state: dict[str, Any] = Field(description="The whole of it, after this was done.")


class TrailPage(BaseModel):
    items: list[Done]
    next_cursor: str | None


async def states_then(
    session: AsyncSession, ids: Sequence[str], at: datetime | None, **wanted: Any
) -> list[State]:
    """Records of a service now, or as known then, in the order in which they were first written.

    `wanted` are columns of `Record` and their values; None asks for any.
    """
    chosen = {name: value for name, value in wanted.items() if value is not None}
    if at is None:
        query = select(Record).where(Record.service.in_(ids))
        for name, value in chosen.items():
            query = query.where(getattr(Record, name) == value)
        rows = list(await session.scalars(query.order_by(Record.written_at, Record.id)))
        return await states_of(session, rows)
    states = await known_then(session, Resource.RECORD, list(ids), at)
    shown = {name: f"{v:%Y-%m}" if name == "month" else str(v) for name, v in chosen.items()}
    kept = [one for one in states if all(one[name] == value for name, value in shown.items())]
    return sorted(kept, key=place_of)


def place_of(state: State) -> tuple[datetime, str]:
    return datetime.fromisoformat(state["written_at"]), state["id"]


@router.get("/records", responses=problems("not_found", "invalid"))
async def list_records(
    service: ServiceId,
    holder: Reader,
    session: Session,
    now: Now,
    paging: Paged,
    strand: Strand | None = None,
    stage: Stage | None = None,
    month: Annotated[str | None, Query(examples=["2026-09"])] = None,
    segment: Annotated[str | None, Query(max_length=200)] = None,
    status: RecordStatus | None = None,
    known_at: KnownAt = None,
) -> RecordList:
    """Records in the order in which they were first written; from outside, signed ones alone."""
    ids = await known_ids(session, service)
    at = None if known_at is None else known_in(known_at, now)
    only = None if month is None else month_asked("month", month)
    listing = f"records/{ids[0]}/{strand}/{stage}/{month}/{segment}/{status}/{known_at}"
    after = paging.after(listing, tuple[datetime, str])
    states = await states_then(
        session, ids, at, strand=strand, stage=stage, month=only, segment=segment, status=status
    )
    outside = await reads_signed_only(session, holder, ids, local_date(now))
    rows = [
        one
        for one in states
        if (after is None or place_of(one) > after)
        and not (outside and one["status"] not in SHOWN_OUTSIDE)
    ]
    shown, next_cursor = paging.page(listing, rows, place_of)
    items = await read_records(session, ids, shown, now, at)
    return RecordList(items=items, next_cursor=next_cursor)


@router.get("/records/{record_id}", responses=problems("not_found", "invalid"))
async def get_record(
    service: ServiceId,
    record_id: UUID,
    holder: Reader,
    session: Session,
    now: Now,
    known_at: KnownAt = None,
) -> RecordRead:
    """One record, now or as it was known then."""
    ids = await known_ids(session, service)
    at = None if known_at is None else known_in(known_at, now)
    if at is None:
        states = await states_then(session, ids, None, id=record_id)
    else:
        states = await known_then(session, Resource.RECORD, ids, at, str(record_id))
    outside = await reads_signed_only(session, holder, ids, local_date(now))
    if not states or (outside and states[0]["status"] not in SHOWN_OUTSIDE):
        raise Problem("not_found")
    return (await read_records(session, ids, states, now, at))[0]


@router.get("/route", responses=problems("not_found", "invalid"))
async def get_route(
    service: ServiceId,
    holder: Reader,
    session: Session,
    now: Now,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> RouteShown:
    """The fifteen records of a month: what is signed, drafted, or still to be written, by whom."""
    question = asked(as_of, known_at, now)
    ids = await known_ids(session, service)
    states = await states_then(session, ids, question.known_at, month=question.as_of)
    outside = await reads_signed_only(session, holder, ids, local_date(now))
    seen = {RecordStatus.SIGNED} if outside else {RecordStatus.SIGNED, RecordStatus.DRAFT}
    shown = await read_records(
        session,
        ids,
        [one for one in states if one["status"] in seen],
        now,
        question.known_at,
    )
    route = [
        OnRoute(
            strand=strand,
            stage=stage,
            title=title,
            author=AUTHOR_OF[stage],
            by_segment=stage in BY_SEGMENT,
            records=[one for one in shown if (one.strand, one.stage) == (strand, stage)],
        )
        for (strand, stage), title in TITLE_OF.items()
    ]
    return RouteShown(service=ids[0], month=f"{question.as_of:%Y-%m}", route=route)


@router.get("/trail", responses=problems("not_found", "invalid"))
async def get_trail(
    service: ServiceId,
    _: Annotated[KeyHolder, require(Scope.AUDIT_READ)],
    session: Session,
    paging: Paged,
    resource: Resource | None = None,
    resource_id: Annotated[str | None, Query(max_length=200)] = None,
) -> TrailPage:
    """Who did what to which record, review or escalation, oldest first. Nothing is ever removed.

    People and their roles belong to the whole provider and stand in every service's trail.
    """
    ids = await known_ids(session, service)
    listing = f"trail/{ids[0]}/{resource}/{resource_id}"
    after = paging.after(listing, tuple[int])
    query = select(Trail).where(Trail.service.in_([*ids, ""])).order_by(Trail.id)
    if resource is not None:
        query = query.where(Trail.resource == resource.value)
    if resource_id is not None:
        query = query.where(Trail.resource_id == resource_id)
    if after is not None:
        query = query.where(Trail.id > after[0])
    rows = list(await session.scalars(query.limit(paging.rows)))
    shown, next_cursor = paging.page(listing, rows, lambda row: [row.id])
    items = [Done.model_validate(row, from_attributes=True) for row in shown]
    return TrailPage(items=items, next_cursor=next_cursor)
