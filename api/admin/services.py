"""Services with their teams and bands: registered, listed with the latest verdicts, recomputed."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field
from sqlalchemy import text

from api.admin.after_commit import ring_after_commit
from api.admin.registering import register, warnings_of
from api.admin.service_answers import ServiceAnswer, service_answer
from api.admin.service_bodies import ID_PATTERN, ServiceBody
from api.deps import Holder, Now, RunningApp, Session, require
from api.kept_answers import KeptRoute
from api.paging import Paged
from api.problems import Problem, problems
from models.calendar import local_date
from models.cells import mark_service
from models.context import is_known, load_context, service_ids
from models.organisation import Service
from models.people import KeyHolder
from models.vocabulary import Level, Scope, Strand

router = APIRouter(prefix="/v1/services", tags=["services"], route_class=KeptRoute)


async def reader(holder: Holder) -> KeyHolder:
    if not holder.scopes & {Scope.VIEWS_READ, Scope.ADMIN}:
        raise Problem("forbidden", "This key has neither the scope 'views:read' nor 'admin'.")
    return holder


Reader = Annotated[KeyHolder, Depends(reader)]
Administrator = Annotated[KeyHolder, require(Scope.ADMIN)]
ServiceId = Annotated[str, Path(description="The id of the service, or an older one.")]
NewServiceId = Annotated[
    str,
    Path(
        max_length=100,
        pattern=ID_PATTERN,
        description="A CQC location id such as 1-545611283; another shape is taken with a warning.",
    ),
]


class ServiceListed(BaseModel):
    service: str
    name: str
    kind: str
    predecessor: str | None
    as_of: str | None = Field(
        description="Month of the newest verdicts; null before there are any.", examples=["2026-09"]
    )
    level: Level | None = Field(description="Level of the one story over all strands.")
    verdicts: dict[Strand, Level | None] = Field(description="Level of each strand.")


class ServiceList(BaseModel):
    items: list[ServiceListed]
    next_cursor: str | None


class RecomputeAnswer(BaseModel):
    service: str
    pending: bool = Field(description="True until every score is confirmed or replaced.")


NEWEST_VERDICTS = text(
    "SELECT s.code AS service, s.name, s.kind, s.predecessor,"
    " to_char(newest.as_of, 'YYYY-MM') AS as_of, newest.body #>> '{story,level}' AS level, "
    + ", ".join(f"newest.body #>> '{{strands,{each},verdict,level}}' AS {each}" for each in Strand)
    + " FROM services s LEFT JOIN LATERAL ("
    "  SELECT c.as_of, n.body FROM scores c"
    "  JOIN snapshots n ON n.provider_id = c.provider_id AND n.id = c.snapshot_id"
    "  WHERE c.provider_id = s.provider_id AND c.service = s.code"
    "  ORDER BY c.as_of DESC LIMIT 1"
    " ) AS newest ON true"
    " WHERE s.code > :after AND NOT EXISTS ("
    "  SELECT FROM services t WHERE t.provider_id = s.provider_id AND t.predecessor = s.code)"
    " ORDER BY s.code LIMIT :rows"
)


@router.put(
    "/{service}",
    responses={201: {"model": ServiceAnswer}, **problems("conflict", "invalid")},
)
async def put_service(
    service: NewServiceId,
    body: ServiceBody,
    running: RunningApp,
    holder: Administrator,
    session: Session,
    now: Now,
    response: Response,
) -> ServiceAnswer:
    """Register a service (201) or change it (200). Saying the same again changes nothing."""
    registered = await register(session, holder.provider, service, body, now)
    ring_after_commit(session, running, holder.provider, registered.marked)
    response.status_code = 201 if registered.created else 200
    context = registered.context
    row = await session.get_one(Service, (holder.provider, context.service))
    return service_answer(context, row, local_date(now), registered.warnings)


@router.get("/{service}", responses=problems("not_found"))
async def get_service(
    service: ServiceId, holder: Reader, session: Session, now: Now
) -> ServiceAnswer:
    """The service under any of its ids, with places, bands and programme versions."""
    context = await load_context(session, service)
    if context is None:
        raise Problem("not_found")
    row = await session.get_one(Service, (holder.provider, context.service))
    return service_answer(context, row, local_date(now), warnings_of(service, context))


@router.get("", responses=problems("invalid"))
async def list_services(_: Reader, session: Session, paging: Paged) -> ServiceList:
    """Services in order of their id, each with the levels of its newest verdicts."""
    after = paging.after("services", tuple[str])
    values = {"after": after[0] if after else "", "rows": paging.rows}
    rows = (await session.execute(NEWEST_VERDICTS, values)).mappings().all()
    found, next_cursor = paging.page("services", rows, lambda row: [row["service"]])
    return ServiceList(items=[listed(dict(row)) for row in found], next_cursor=next_cursor)


def listed(row: dict[str, Any]) -> ServiceListed:
    verdicts = {strand: row.pop(strand.value) for strand in Strand}
    return ServiceListed(verdicts=verdicts, **row)


@router.post("/{service}/recompute", status_code=202, responses=problems("not_found"))
async def recompute_service(
    service: ServiceId, running: RunningApp, holder: Administrator, session: Session
) -> RecomputeAnswer:
    """Count and score the whole service again; the answer does not wait for it."""
    ids = await service_ids(session, service)
    if not await is_known(session, ids):
        raise Problem("not_found")
    await mark_service(session, ids[0])
    ring_after_commit(session, running, holder.provider, ids[:1])
    return RecomputeAnswer(service=ids[0], pending=True)
