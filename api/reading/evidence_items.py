"""The items behind a number: one service's slices as known at one moment, filtered as asked."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from api.reading.evidence_schemas import CountsAs, EvidenceItem, Exposure
from models.axes import segment_of
from models.catalogue import Indicator
from models.context import ServiceContext
from models.counting import Counted, StoredEvent, themes_of
from models.db import driver
from models.exposure import CareTime, care_time
from models.slices import months_before, months_reached, read_counted, read_events, types_of
from models.vocabulary import MINUTES_PER_UNIT, THEMED, Axis, ExposureUnit, Family, Measure

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[Any]

#: Month, time, source, id and type of an event: the order of the list.
Key = tuple[str, str, str, str, str]

MONTHS_OF = """
SELECT DISTINCT month, type FROM events WHERE service = ANY($1) AND month <= $2
"""
OWN_TYPES = "SELECT type FROM custom_event_types"


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
