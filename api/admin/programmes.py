"""The improvement being judged: one programme of a service at a time, version by version."""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from api.admin.after_commit import ring_after_commit
from api.admin.bodies import Body, Flaw, LongText, Text, refuse
from api.deps import Now, RunningApp, Session, require
from api.problems import Problem, problems
from models.calendar import local_date
from models.cells import mark_service
from models.context import ProgrammeVersion, ServiceContext, load_context
from models.lineage import keep_choices, lock_lineages
from models.people import KeyHolder
from models.programmes import ProgrammeTerms, add_version, is_post_hoc, terms_of
from models.vocabulary import Scope

router = APIRouter(prefix="/v1/services", tags=["services"])

EARLIEST = date(2000, 1, 1)
FURTHEST_AHEAD = timedelta(days=366)


class ProgrammeBody(Body):
    """The whole programme; the same again changes nothing, anything else is a new version."""

    name: Text = Field(examples=["Medicines on time"])
    started_on: date = Field(
        description="From 2000 to a year ahead. The baseline are the months before its month.",
        examples=["2026-01-12"],
    )
    baseline_months: int = Field(default=6, ge=1, le=24, strict=True)
    current_months: int = Field(default=3, ge=1, le=12, strict=True)
    baseline_reason: LongText | None = Field(
        default=None, description="Why this baseline is a fair one."
    )
    origin_team: Text | None = Field(
        default=None, description="Where the improvement began: code or alias of a team."
    )


class ProgrammeAnswer(ProgrammeBody):
    service: str
    version: int = Field(description="Counts up from 1; looks spent by earlier ones stay counted.")
    registered_at: datetime
    post_hoc: bool = Field(
        description="Registered after its first current month had ended, when results could be"
        " seen: verdicts carry the qualifier `post_hoc`."
    )


def answer_of(service: str, version: ProgrammeVersion) -> ProgrammeAnswer:
    return ProgrammeAnswer(
        service=service,
        version=version.version,
        registered_at=version.registered_at,
        post_hoc=is_post_hoc(version.started_on, version.registered_at),
        **terms_of(version)._asdict(),
    )


def terms_in(body: ProgrammeBody, context: ServiceContext, today: date) -> ProgrammeTerms:
    flaws = []
    if not EARLIEST <= body.started_on <= today + FURTHEST_AHEAD:
        detail = "A programme starts in 2000 or later and at most a year ahead."
        flaws.append(Flaw("/started_on", "out_of_range", detail))
    team = context.teams_by_name().get(body.origin_team or "")
    if body.origin_team is not None and team is None:
        detail = f"The service has no team '{body.origin_team}'."
        flaws.append(Flaw("/origin_team", "unknown_team", detail))
    refuse("invalid", flaws)
    terms = body.model_dump() | {"origin_team": team.code if team is not None else None}
    return ProgrammeTerms(**terms)


@router.put(
    "/{service}/programme",
    responses={201: {"model": ProgrammeAnswer}, **problems("not_found", "invalid")},
)
async def put_programme(
    service: Annotated[str, Path(description="The id of the service, or an older one.")],
    body: ProgrammeBody,
    running: RunningApp,
    holder: Annotated[KeyHolder, require(Scope.ADMIN)],
    session: Session,
    now: Now,
    response: Response,
) -> ProgrammeAnswer:
    """Set the programme; 201 for its first version. What was concluded before stays as it was."""
    # Settings count as part of a version, so they must not change while one is written.
    await keep_choices(session, holder.provider)
    await lock_lineages(session, holder.provider, {service})
    context = await load_context(session, service)
    if context is None:
        raise Problem("not_found")
    terms = terms_in(body, context, local_date(now))
    newest = context.programme
    if newest is not None and terms_of(newest) == terms:
        return answer_of(context.service, newest)
    number = 1 + max((version.version for version in context.programmes), default=0)
    # A clock that is behind must not put the new version before the one it follows.
    at = now if newest is None else max(now, newest.registered_at)
    await add_version(session, holder.provider, context.service, number, terms, at)
    await mark_service(session, context.service)
    ring_after_commit(session, running, holder.provider, [context.service])
    response.status_code = 201 if newest is None else 200
    version = ProgrammeVersion(version=number, registered_at=at, **terms._asdict())
    return answer_of(context.service, version)
