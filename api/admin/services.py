"""Services with their teams and bands: registered, listed with the latest verdicts, recomputed."""

import re
from datetime import date, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from sqlalchemy import text

from api.admin.after_commit import ring_after_commit
from api.admin.bodies import Body, Text
from api.admin.programmes import ProgrammeAnswer, answer_of
from api.admin.registering import register, warnings_of
from api.deps import Holder, Now, RunningApp, Session, require
from api.paging import Cursor, Limit, cursor_to, link_next, position_of
from api.problems import Problem, problems
from models.calendar import local_date
from models.cells import mark_service
from models.context import ServiceContext, is_known, load_context, service_ids
from models.organisation import ALWAYS, Service
from models.people import KeyHolder
from models.vocabulary import Level, Scope, Strand

router = APIRouter(prefix="/v1/services", tags=["services"])


HH_MM = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


async def reader(holder: Holder) -> KeyHolder:
    if not holder.scopes & {Scope.VIEWS_READ, Scope.ADMIN}:
        raise Problem("forbidden", "This key has neither the scope 'views:read' nor 'admin'.")
    return holder


def read_clock(written: object) -> time:
    if isinstance(written, time):
        return written
    if isinstance(written, str) and HH_MM.fullmatch(written):
        return time.fromisoformat(written)
    raise ValueError("write it as HH:MM, on a whole minute")


Reader = Annotated[KeyHolder, Depends(reader)]
Administrator = Annotated[KeyHolder, require(Scope.ADMIN)]
ID_PATTERN = r"^[!-~]+$"
ServiceId = Annotated[str, Path(description="The id of the service, or an older one.")]
NewServiceId = Annotated[
    str,
    Path(
        max_length=100,
        pattern=ID_PATTERN,
        description="A CQC location id such as 1-545611283; another shape is taken with a warning.",
    ),
]
Day = Annotated[date, Field(ge=ALWAYS)]
Clock = Annotated[
    time,
    BeforeValidator(read_clock),
    PlainSerializer(lambda clock: f"{clock:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{HH_MM.pattern}$", "examples": ["08:00"]}),
]


class TeamBody(Body):
    """A team of the service. Fields left out stay as they are; null empties them."""

    code: Text = Field(description="What events name it by.", examples=["oak"])
    name: Text = Field(examples=["Oak"])
    area: Text | None = Field(
        default=None, description="Service line or unit group, from `area_from` on."
    )
    led_by: Text | None = Field(default=None, description="Who leads it, from `area_from` on.")
    area_from: Day | None = Field(
        default=None,
        description="Since when `area` and `led_by` are so. Without it a change holds from today;"
        " the first time they hold for always.",
    )
    aliases: list[Text] | None = Field(
        default=None,
        max_length=200,
        description="What sources call it besides; a list replaces the one before.",
        examples=[["Oak Unit"]],
    )
    opened_on: Day | None = None
    closed_on: Day | None = None

    def says(self, field: str) -> bool:
        return field in self.model_fields_set


class Pattern(Body):
    """When days and nights start, on the local clock of Europe/London."""

    effective_from: Day = Field(alias="from", examples=["2025-01-01"])
    day_starts: Clock
    night_starts: Clock


class ServiceBody(Body):
    """A service. Fields and teams left out stay as they are."""

    name: Text = Field(examples=["Elm House"])
    kind: Text = Field(examples=["care_home"])
    predecessor: Annotated[str, Field(max_length=100, pattern=ID_PATTERN)] | None = Field(
        default=None,
        description="The id before re-registration. It becomes another name of this service:"
        " teams join by code, programme and looks go on.",
    )
    succeeded_on: Day | None = Field(default=None, description="When it became this service.")
    teams: list[TeamBody] = Field(default_factory=list, max_length=1000)
    shift_patterns: list[Pattern] | None = Field(
        default=None,
        max_length=200,
        description="A list replaces the one before. Before its first day: 08:00 and 20:00.",
    )

    @property
    def codes(self) -> list[str]:
        return [team.code for team in self.teams]


class Place(BaseModel):
    effective_from: date | None = Field(alias="from", description="Null: always.")
    area: str | None
    led_by: str | None


class TeamAnswer(BaseModel):
    code: str
    name: str
    area: str | None = Field(description="Today's.")
    led_by: str | None = Field(description="Today's.")
    aliases: list[str]
    opened_on: date | None
    closed_on: date | None
    places: list[Place] = Field(description="Areas and leaders with the day each began.")


class ServiceAnswer(BaseModel):
    service: str = Field(description="Its newest id.")
    name: str
    kind: str
    predecessor: str | None
    succeeded_on: date | None
    known_as: list[str] = Field(description="All ids of the service, newest first.")
    teams: list[TeamAnswer]
    shift_patterns: list[Pattern]
    programme: ProgrammeAnswer | None = Field(description="The version in force.")
    programmes: list[ProgrammeAnswer] = Field(description="All versions, oldest first.")
    warnings: list[str]


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


def team_answers(context: ServiceContext, today: date) -> list[TeamAnswer]:
    answers = []
    for team in context.teams:
        held = team.place_on(today)
        places = [
            Place.model_validate(
                {
                    "from": None if place.effective_from == ALWAYS else place.effective_from,
                    "area": place.area,
                    "led_by": place.led_by,
                }
            )
            for place in team.places
        ]
        answers.append(
            TeamAnswer(
                code=team.code,
                name=team.name,
                area=held.area if held else None,
                led_by=held.led_by if held else None,
                aliases=list(team.aliases),
                opened_on=team.opened_on,
                closed_on=team.closed_on,
                places=places,
            )
        )
    return answers


def service_answer(
    context: ServiceContext, row: Service, today: date, warnings: list[str]
) -> ServiceAnswer:
    programmes = [answer_of(context.service, version) for version in context.programmes]
    return ServiceAnswer(
        service=context.service,
        name=context.name,
        kind=context.kind,
        predecessor=row.predecessor,
        succeeded_on=row.succeeded_on,
        known_as=list(context.known_as),
        teams=team_answers(context, today),
        shift_patterns=[
            Pattern.model_validate(
                {
                    "from": each.effective_from,
                    "day_starts": each.day_starts,
                    "night_starts": each.night_starts,
                }
            )
            for each in context.patterns
        ],
        programme=programmes[-1] if programmes else None,
        programmes=programmes,
        warnings=warnings,
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
async def list_services(
    request: Request,
    response: Response,
    running: RunningApp,
    holder: Reader,
    session: Session,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ServiceList:
    """Services in order of their id, each with the levels of its newest verdicts."""
    after = position_of(running, holder.provider, "services", cursor, tuple[str])
    values = {"after": after[0] if after else "", "rows": limit + 1}
    rows = (await session.execute(NEWEST_VERDICTS, values)).mappings().all()
    items = [listed(dict(row)) for row in rows[:limit]]
    next_cursor = None
    if len(rows) > limit:
        next_cursor = cursor_to(running, holder.provider, "services", [items[-1].service])
        link_next(running, request, response, next_cursor)
    return ServiceList(items=items, next_cursor=next_cursor)


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
