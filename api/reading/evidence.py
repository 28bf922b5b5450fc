"""The events behind a number: counted by the same code that made the cells, one line an event."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Holder, Now, RunningApp, require
from api.paging import Paged
from api.problems import problems
from api.reading.asked import AsOf, KnownAt, asked, month_asked, refuse
from api.reading.conclusions import (
    COMPUTING,
    Conclusion,
    being_computed,
    conclusion_of,
    context_of,
)
from api.reading.evidence_items import Key, Reading, Wanted
from api.reading.evidence_schemas import EvidenceItem, EvidencePage
from models.axes import axis_of, segments_along
from models.catalogue import Indicator
from models.context import ServiceContext, load_context
from models.db import driver, transaction
from models.vocabulary import Axis, Measure, Scope, Strand

router = APIRouter(
    prefix="/v1/services/{service}",
    tags=["reading"],
    dependencies=[require(Scope.VIEWS_READ)],
)

AREAS_OF = "SELECT DISTINCT area FROM cells WHERE service = $1 AND area <> ''"


@router.get(
    "/evidence",
    response_model=EvidencePage,
    responses={**COMPUTING, **problems("not_found", "nothing_known_then", "invalid")},
)
async def list_evidence(
    service: Annotated[str, Path(max_length=200)],
    running: RunningApp,
    holder: Holder,
    now: Now,
    paging: Paged,
    strand: Annotated[Strand | None, Query()] = None,
    segment: Annotated[str | None, Query(max_length=200)] = None,
    indicator: Annotated[str | None, Query(max_length=200)] = None,
    month: Annotated[str | None, Query(examples=["2026-09"])] = None,
    theme: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="Only events that name this theme."),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> EvidencePage | Response:
    """The events behind a number, as they were known for it.

    With `indicator`, `x` and `n` of all items sum to the cell. Without it each stored event
    stands once. `theme` is a word of the catalogue's vocabulary, or of a source: an alias asks
    for the theme that it means.
    """
    if segment is not None and strand is None:
        raise refuse("segment", "strand_missing", "Name the strand whose segment this is.")
    question = asked(as_of, known_at, now)
    only = None if month is None else month_asked("month", month)
    listing = f"evidence/{service}/{strand}/{segment}/{indicator}/{month}/{theme}"
    after: Key | None = paging.after(listing, tuple)
    conclusion = await conclusion_of(running, holder, service, question)
    if conclusion is None:
        return being_computed(service)
    async with transaction(running.sessions, holder.provider) as session:
        known: str | None = conclusion.known_snapshot
        context = await context_of(session, conclusion)
        if only is not None and only > question.as_of and question.known_at is None:
            # Beyond what was judged there is only what is known now.
            known, context = None, (await load_context(session, service)) or context
        chosen = None if indicator is None else indicator_called(context, indicator)
        axis = None
        if strand is not None:
            axis = await axis_asked(session, conclusion, context, strand, segment)
        wanted = Wanted(axis, segment, chosen, theme and context.theme_aliases.get(theme, theme))
        reading = await Reading.opened(session, context, known, wanted)
        months = [only] if only else await reading.months(question.as_of, *reading.families)
        found: list[tuple[Key, EvidenceItem]] = []
        for each in months:
            if after is not None and f"{each}" < after[0]:
                continue
            found += [
                item for item in await reading.items(each) if after is None or item[0] > after
            ]
            if len(found) >= paging.rows:
                break
        exposure = None
        if chosen is not None and chosen.measure is Measure.RATE:
            exposure = await reading.exposure(
                [only] if only else await reading.cared(question.as_of)
            )
    shown, next_cursor = paging.page(listing, found, lambda item: item[0])
    return EvidencePage(
        items=[item for _, item in shown], next_cursor=next_cursor, exposure=exposure
    )


def indicator_called(context: ServiceContext, code: str) -> Indicator:
    for indicator in context.indicators:
        if indicator.code == code:
            return indicator
    raise refuse("indicator", "unknown_indicator", f"The catalogue has no indicator {code!r}.")


async def axis_asked(
    session: AsyncSession,
    conclusion: Conclusion,
    context: ServiceContext,
    strand: Strand,
    segment: str | None,
) -> Axis:
    """What the strand's segments are; 422 for one that neither the view nor the service has."""
    shown = {
        each["code"] for each in msgspec.json.decode(conclusion.judged.strands[strand])["segments"]
    }
    rows = await (await driver(session)).fetch(AREAS_OF, conclusion.service)
    # An area that only evidence named has no cells any more once that evidence is withdrawn.
    areas = {row["area"] for row in rows} | shown.difference(team.code for team in context.teams)
    axis = axis_of(strand, context, areas)
    named = {*segments_along(axis, context, ()), *(areas if axis is Axis.AREA else ())}
    if segment is not None and segment not in named:
        raise refuse("segment", "unknown_segment", f"{strand} has no segment {segment!r}.")
    return axis
