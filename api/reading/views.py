"""Conclusions go out: the three strands and the one story, frozen, and what is live beside."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Response

from api.deps import Holder, Now, Running, RunningApp, require
from api.governing.oversight import oversight
from api.problems import problems
from api.reading.asked import Asked, AsOf, KnownAt, asked
from api.reading.conclusions import (
    COMPUTING,
    Conclusion,
    being_computed,
    conclusion_of,
    context_of,
)
from api.reading.schemas import StoryView, StrandView
from api.reading.story import whole_story
from models.axes import CellRow, axis_of, segment_of
from models.calendar import month_of
from models.context import ServiceContext
from models.db import driver, transaction
from models.people import KeyHolder
from models.vocabulary import Scope, Strand

router = APIRouter(
    prefix="/v1/services/{service}",
    tags=["reading"],
    dependencies=[require(Scope.VIEWS_READ)],
)

RESPONSES: dict[int | str, dict[str, Any]] = {
    **COMPUTING,
    304: {"description": "Nothing but the time of computing has changed since `If-None-Match`."},
    **problems("not_found", "nothing_known_then", "invalid"),
}

OPEN_MONTH = """
SELECT month, indicator, team, area, band, x, n, sum_squares, events FROM cells
WHERE service = $1 AND month = $2
"""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a view of which service, when, and which answers they hold already."""

    running: Running
    holder: KeyHolder
    service: str
    question: Asked
    now: datetime
    if_none_match: str | None


async def _asking(
    service: Annotated[str, Path(max_length=200, description="CQC location id.")],
    running: RunningApp,
    holder: Holder,
    now: Now,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Asking:
    question = asked(as_of, known_at, now)
    return Asking(running, holder, service, question, now, if_none_match)


Asks = Annotated[Asking, Depends(_asking)]


@router.get("/spread-dashboard", response_model=StrandView, responses=RESPONSES)
async def read_spread_dashboard(asking: Asks) -> Response:
    """Improvement by team: where it is reached, where it is not, and how much can be claimed."""
    return await view(asking, Strand.TEAM_SPREAD)


@router.get("/shift-coverage-review", response_model=StrandView, responses=RESPONSES)
async def read_shift_coverage_review(asking: Asks) -> Response:
    """Improvement by time of day and week, each team compared with itself."""
    return await view(asking, Strand.SHIFT_COVERAGE)


@router.get("/evidence-alignment", response_model=StrandView, responses=RESPONSES)
async def read_evidence_alignment(asking: Asks) -> Response:
    """Internal indicators beside what people, families and partners say, by service area."""
    return await view(asking, Strand.EVIDENCE_ALIGNMENT)


@router.get("/breadth", response_model=StoryView, responses=RESPONSES)
async def read_breadth(asking: Asks) -> Response:
    """The one story: where improvement started, how it spread, and whether it is broad enough.

    Sentences from figures are frozen with them; what people observed, do and judged is quoted from
    the signed records of the month. `missing` names what has not been signed, reviewed or resolved.
    """
    return await view(asking, None)


async def view(asking: Asking, strand: Strand | None) -> Response:
    """One strand of a conclusion, or its story where no strand is named."""
    running, holder, question = asking.running, asking.holder, asking.question
    conclusion = await conclusion_of(running, holder, asking.service, question)
    if conclusion is None:
        return being_computed(asking.service)
    current = None
    async with transaction(running.sessions, holder.provider) as session:
        overseen = await oversight(session, conclusion.ids, asking.now, question.known_at)
        if question.known_at is None and not question.explicit:
            month = month_of(asking.now)
            context = await context_of(session, conclusion)
            rows = await (await driver(session)).fetch(OPEN_MONTH, conclusion.service, month)
            current = to_date(context, strand, month, rows)
        if strand is None:
            part = await whole_story(session, conclusion, question, overseen)
        else:
            part = conclusion.judged.strands[strand]
    head = view_head(conclusion, current, overseen)
    tag = etag(head, part)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if asking.if_none_match and is_held(tag, asking.if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(joined(head, part), media_type="application/json", headers=headers)


def view_head(
    conclusion: Conclusion, current: dict[str, Any] | None, overseen: dict[str, Any]
) -> dict[str, Any]:
    """What all views share before the frozen content of their own."""
    judged = conclusion.judged
    return {
        "service": conclusion.service,
        "as_of": judged.as_of,
        "snapshot": str(conclusion.snapshot),
        "method": judged.method,
        "catalogue": judged.catalogue,
        "programme": judged.programme,
        "windows": judged.windows,
        "freshness": {
            "computed_at": conclusion.computed_at,
            "evidence_to": conclusion.evidence_to,
            "pending": conclusion.pending,
        },
        "current_month": current,
        "oversight": overseen,
    }


def joined(head: dict[str, Any], part: msgspec.Raw) -> bytes:
    """One object of both: the frozen content goes out as the text it was frozen in."""
    return msgspec.json.encode(head)[:-1] + b"," + bytes(part)[1:]


def to_date(
    context: ServiceContext, strand: Strand | None, month: date, rows: list[Any]
) -> dict[str, Any]:
    """Counts of the open month so far, by segment and indicator; live and never judged."""
    cells = [CellRow(*row) for row in rows]
    axis = axis_of(strand or Strand.TEAM_SPREAD, context, (cell.area for cell in cells))
    known = {indicator.code for indicator in context.indicators}
    segments: dict[str, dict[str, dict[str, int]]] = {}
    for cell in cells:
        segment = segment_of(cell.team, cell.area, cell.band, axis)
        if not segment or cell.indicator not in known:
            continue
        counts = segments.setdefault(segment, {}).setdefault(
            cell.indicator, {"x": 0, "n": 0, "events": 0}
        )
        counts["x"] += cell.x
        counts["n"] += cell.n
        counts["events"] += cell.events
    return {"month": f"{month:%Y-%m}", "segments": segments}


def etag(head: dict[str, Any], part: msgspec.Raw) -> str:
    """Strong tag over all of the body but the time it was computed."""
    timeless = {**head, "freshness": {**head["freshness"], "computed_at": None}}
    digest = hashlib.sha256(joined(timeless, part))
    return f'"{digest.hexdigest()[:32]}"'


def is_held(tag: str, if_none_match: str) -> bool:
    """Weak comparison (RFC 9110, 13.1.2), because proxies that compress weaken tags."""
    held = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return tag in held or "*" in held
