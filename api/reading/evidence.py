"""The events behind a number: counted by the same code that made the cells, one line an event."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Holder, Now, RunningApp, require
from api.paging import Cursor, Limit, cursor_to, link_next, position_of
from api.problems import problems
from api.reading.asked import AsOf, KnownAt, asked, month_asked, refuse
from api.reading.conclusions import (
    COMPUTING,
    Conclusion,
    being_computed,
    conclusion_of,
    context_of,
)
from api.reading.evidence_schemas import CountsAs, EvidenceItem, EvidencePage, Exposure
from models.axes import axis_of, segment_of, segments_along
from models.catalogue import Indicator
from models.context import ServiceContext, load_context
from models.counting import Counted, StoredEvent, themes_of
from models.db import driver, transaction
from models.exposure import CareTime, care_time
from models.slices import months_before, months_reached, read_counted, read_events, types_of
from models.vocabulary import (
    MINUTES_PER_UNIT,
    THEMED,
    Axis,
    ExposureUnit,
    Family,
    Measure,
    Scope,
    Strand,
)

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[Any]

router = APIRouter(
    prefix="/v1/services/{service}",
    tags=["reading"],
    dependencies=[require(Scope.VIEWS_READ)],
)

Key = tuple[str, str, str, str, str]

MONTHS_OF = """
SELECT DISTINCT month, type FROM events WHERE service = ANY($1) AND month <= $2
"""
OWN_TYPES = "SELECT type FROM custom_event_types"
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
    request: Request,
    response: Response,
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
    limit: Limit = 100,
    cursor: Cursor = None,
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
    after: Key | None = position_of(running, holder.provider, listing, cursor, tuple)
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
            if len(found) > limit:
                break
        exposure = None
        if chosen is not None and chosen.measure is Measure.RATE:
            exposure = await reading.exposure(
                [only] if only else await reading.cared(question.as_of)
            )
    next_cursor = None
    if len(found) > limit:
        next_cursor = cursor_to(running, holder.provider, listing, found[limit - 1][0])
        link_next(running, request, response, next_cursor)
    return EvidencePage(
        items=[item for _, item in found[:limit]], next_cursor=next_cursor, exposure=exposure
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


class Wanted(NamedTuple):
    """The filters of the question; a theme is the one that its word means in the catalogue."""

    axis: Axis | None
    segment: str | None
    indicator: Indicator | None
    theme: str | None

    def place(self, team: str, area: str, band: str) -> bool:
        if self.axis is None:
            return True
        place = segment_of(team, area, band, self.axis)
        return place == self.segment if self.segment is not None else place != ""

    def event(self, event: StoredEvent, context: ServiceContext) -> bool:
        return self.theme is None or self.theme in themes_of(event, context.theme_aliases)


class Reading:
    """One service's slices as known at one moment, filtered as the reader asked."""

    def __init__(
        self,
        connection: "Connection",
        context: ServiceContext,
        known: str | None,
        wanted: Wanted,
        uncounted: list[str],
    ) -> None:
        self.connection, self.context, self.known = connection, context, known
        self.wanted, self.indicator = wanted, wanted.indicator
        families = [self.indicator.family] if self.indicator else list(Family)
        self.families = [each for each in families if wanted.theme is None or each in THEMED]
        # A type that no indicator counts is stored evidence all the same.
        self.uncounted = {Family.CUSTOM: uncounted}

    @classmethod
    async def opened(
        cls, session: AsyncSession, context: ServiceContext, known: str | None, wanted: Wanted
    ) -> "Reading":
        connection = await driver(session)
        uncounted: list[str] = []
        if wanted.indicator is None:
            own = {row["type"] for row in await connection.fetch(OWN_TYPES)}
            uncounted = sorted(own.difference(types_of(Family.CUSTOM, context)))
        return cls(connection, context, known, wanted, uncounted)

    def types(self, family: Family) -> list[str]:
        return [*types_of(family, self.context), *self.uncounted.get(family, ())]

    async def months(self, until: date, *families: Family) -> list[date]:
        """The months in which there are events of these families, up to and with `until`."""
        rows = await self.connection.fetch(MONTHS_OF, list(self.context.known_as), until)
        types = {name for family in families for name in self.types(family)}
        return sorted({row["month"] for row in rows if row["type"] in types})

    async def cared(self, until: date) -> list[date]:
        """The months that censuses reach; a month without an event is one of care all the same."""
        taken = await self.months(until, Family.CENSUS)
        reached = {each for month in taken for each in months_reached(month, Family.CENSUS)}
        return sorted(month for month in reached if month <= until)

    async def items(self, month: date) -> list[tuple[Key, EvidenceItem]]:
        """Items of one month in the order of their keys."""
        found = []
        for family in self.families:
            counted = await read_counted(
                self.connection,
                self.context,
                month,
                family,
                self.known,
                self.uncounted.get(family, ()),
            )
            for one in counted:
                here = self.wanted.place(one.team, one.area, one.band)
                if here and self.wanted.event(one.event, self.context):
                    found += list(self.lines(month, one))
        return sorted(found, key=lambda pair: pair[0])

    def lines(self, month: date, one: Counted) -> Iterator[tuple[Key, EvidenceItem]]:
        event = one.event
        x: float | None = None
        n: int | None = None
        counts_as: CountsAs | None = None
        reason = one.excluded
        indicator = self.indicator
        if indicator is not None:
            if event.type not in indicator.events:
                return
            counted_x, counted_n, _ = one.contributes(indicator)
            if not counted_x and not counted_n:
                if indicator.measure is not Measure.PROPORTION and reason is None:
                    return
                counts_as, reason = "excluded", reason or "not_in_denominator"
            else:
                counts_as = "numerator" if counted_x else "denominator"
            mean = indicator.measure is Measure.MEAN
            x = counted_x / 100 if mean else counted_x
            n = None if indicator.measure is Measure.RATE else counted_n
        elif reason is not None:
            counts_as = "excluded"
        at = event.occurred_at.isoformat()
        yield (
            (f"{month}", at, event.source, event.event_id, event.type),
            EvidenceItem(
                id=event.event_id,
                source=event.source,
                version=event.version,
                type=event.type,
                team=one.team or None,
                occurred_at=event.occurred_at,
                received_at=event.received_at,
                indicator=indicator.code if indicator else None,
                x=x,
                n=n,
                counts_as=counts_as,
                reason=reason,
            ),
        )

    async def exposure(self, months: list[date]) -> Exposure | None:
        """Care time of the chosen segment over the months, and the censuses that tell it.

        One unit for the whole service, as it is scored: resident-days where anybody counts any.
        """
        times: list[CareTime] = []
        types = types_of(Family.CENSUS, self.context)
        for month in months:
            reach = [*months_before(month, Family.CENSUS), month]
            censuses = await read_events(self.connection, self.context, reach, types, self.known)
            times += care_time(month, censuses, self.context)
        residents = any(time.unit is ExposureUnit.RESIDENT_DAYS for time in times)
        unit = ExposureUnit.RESIDENT_DAYS if residents else ExposureUnit.CARE_HOURS
        mine = [
            time
            for time in times
            if time.unit is unit and self.wanted.place(time.team, time.area, time.band)
        ]
        if not mine:
            return None
        return Exposure(
            value=sum(time.minutes for time in mine) / MINUTES_PER_UNIT[unit],
            unit=unit.value,
            census_ids=sorted({time.census.event_id for time in mine}),
        )
