"""How an event counts: what it is evidence of, for which team and when, and what excludes it.

The worker sums what this says into cells and the evidence view lists it event by event, so a
number and the events behind it cannot disagree.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from models.calendar import ShiftPattern, band_of, band_of_span, local_date
from models.catalogue import HOURS_PLANNED, HOURS_WORKED, Indicator, of_family
from models.context import ServiceContext
from models.facts import FACTS_OF, Facts, own_facts
from models.vocabulary import THEMED, Band, Family, Measure, family_of

#: A complaint repeats another of the same team and theme at most this long before it.
REPEATED_WITHIN_DAYS = 90

#: These speak of a time of day only when they say so; when they were written down says nothing.
BAND_ONLY_BY_ABOUT = {Family.COMPLAINT, Family.COMPLIMENT, Family.FEEDBACK, Family.SUPERVISION}
BAND_BY_ABOUT_FIRST = {Family.AUDIT, Family.CARE_RECORD}
#: What speaks of more than this speaks of no time of day. A shift was worked, however long.
LONGEST_ABOUT = timedelta(hours=24)


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The current version of one event as it lies in the database."""

    source: str
    event_id: str
    version: int
    type: str
    service: str
    team: str | None
    area: str | None
    occurred_at: datetime
    recorded_at: datetime | None
    received_at: datetime
    about: dict[str, str] | None
    person: str | None
    data: dict[str, Any]

    @property
    def key(self) -> tuple[datetime, str, str]:
        return (self.occurred_at, self.source, self.event_id)


class Counted(msgspec.Struct, kw_only=True):
    """One event placed in its team, area and band ('' where it has none), with its facts."""

    event: StoredEvent
    team: str
    area: str
    band: str
    facts: Facts
    excluded: str | None = None

    def contributes(self, indicator: Indicator) -> tuple[int, int, int]:
        """`x`, `n` and sum of squares that this event adds to an indicator's cell."""
        if self.excluded is not None or self.event.type not in indicator.events:
            return (0, 0, 0)
        x = self.facts.get(indicator.x, 0)
        n = self.facts.get(indicator.n, 0) if indicator.n else 0
        return (x, n, x * x if indicator.measure is Measure.MEAN else 0)


def starts_at(event: StoredEvent) -> datetime:
    """When the event's month, team and area are taken: a shift belongs to where it starts."""
    if event.type == "shift.worked":
        return datetime.fromisoformat(event.data["starts_at"])
    return event.occurred_at


def themes_of(event: StoredEvent, theme_aliases: Mapping[str, str]) -> set[str]:
    """The themes that an event names, by what its source's words mean; unknown words stay."""
    if family_of(event.type) not in THEMED:
        return set()
    named = event.data.get("themes") or [event.data.get("theme")]
    return {theme_aliases.get(theme, theme) for theme in named if theme}


class Placing:
    """Where events of one service belong, by its teams and bands."""

    def __init__(self, context: ServiceContext) -> None:
        self._teams = context.teams_by_name()
        self._patterns = context.shift_patterns()

    def known(self, event: StoredEvent) -> bool:
        """False: the event waits in quarantine until its team or an alias appears."""
        return event.team is None or event.team in self._teams

    def team_and_area(self, event: StoredEvent) -> tuple[str, str]:
        if event.team is None:
            return "", event.area or ""
        team = self._teams[event.team]
        place = team.place_on(local_date(starts_at(event)))
        return team.code, (place.area if place and place.area else "")

    def band(self, event: StoredEvent) -> str:
        """The band the evidence speaks of, '' when that is not known."""
        family = family_of(event.type)
        if family is Family.SHIFT:
            return _span_band(event.data["starts_at"], event.data["ends_at"], self._patterns)
        if family in BAND_ONLY_BY_ABOUT or (family in BAND_BY_ABOUT_FIRST and event.about):
            return self._about_band(event.about)
        if family is Family.CENSUS:
            return ""
        return band_of(event.occurred_at, self._patterns)

    def _about_band(self, about: dict[str, str] | None) -> str:
        if not about:
            return ""
        if "band" in about:
            return Band(about["band"])
        begins, ends = about["from"], about["to"]
        if datetime.fromisoformat(ends) - datetime.fromisoformat(begins) > LONGEST_ABOUT:
            return ""
        return _span_band(begins, ends, self._patterns)


@lru_cache(maxsize=16_384)
def _span_band(start: str, end: str, patterns: tuple[ShiftPattern, ...]) -> str:
    """Kept, because the same shifts are met team by team and at each recompute of their month."""
    return band_of_span(datetime.fromisoformat(start), datetime.fromisoformat(end), patterns)


def count(
    events: Iterable[StoredEvent],
    context: ServiceContext,
    earlier: Iterable[StoredEvent] = (),
) -> list[Counted]:
    """Place and count the events of one month and one family, in order of occurrence.

    `earlier` are complaints of the 90 days before, which decide whether one repeats. Events
    whose team is not known yet are left out: they count once it is.
    """
    placing = Placing(context)
    counted = [
        _counted(event, placing)
        for event in sorted(events, key=lambda event: event.key)
        if placing.known(event)
    ]
    exclude_rounds_with_detail(counted)
    exclude_earlier_answers(counted)
    before = [_counted(event, placing) for event in earlier if placing.known(event)]
    mark_repeated(counted, before, context.theme_aliases)
    return counted


def _counted(event: StoredEvent, placing: Placing) -> Counted:
    team, area = placing.team_and_area(event)
    facts = FACTS_OF.get(event.type, own_facts)(event.data, event.occurred_at, event.recorded_at)
    if own := {name: value for name, value in event.data.items() if name.startswith("x_")}:
        facts |= own_facts(own, event.occurred_at, event.recorded_at)
    return Counted(event=event, team=team, area=area, band=placing.band(event), facts=facts)


def exclude_rounds_with_detail(counted: list[Counted]) -> None:
    """Where a team sends single doses in a month, that month's rounds would count them twice."""
    detailed = {
        item.team
        for item in counted
        if item.event.type == "medication.administered" and item.facts["due"] == 1
    }
    for item in counted:
        if item.event.type == "medication.round" and item.team in detailed:
            item.excluded = "superseded_by_detail"


def exclude_earlier_answers(counted: list[Counted]) -> None:
    """One voice a person, source and month: the latest. Without a person each counts."""
    latest: dict[tuple[str, str], Counted] = {}
    for item in counted:
        if item.event.type == "feedback.received" and item.event.person is not None:
            voice = (item.event.source, item.event.person)
            if voice in latest:
                latest[voice].excluded = "later_answer_counts"
            latest[voice] = item


def mark_repeated(
    counted: list[Counted], before: list[Counted], theme_aliases: Mapping[str, str]
) -> None:
    """A complaint repeats when the same team (or area) had the same theme within 90 days.

    Days of the local clock, as the months that a complaint marks and reads are. Sources that
    have other words for a theme mean the same one.
    """
    last: dict[tuple[str, str, str], date] = {}
    for item in sorted([*before, *counted], key=lambda item: item.event.key):
        if item.event.type != "complaint.received" or not item.facts["complaints"]:
            continue
        day = local_date(item.event.occurred_at)
        for theme in themes_of(item.event, theme_aliases):
            place = (item.team, "" if item.team else item.area, theme)
            previous = last.get(place)
            if previous is not None and (day - previous).days <= REPEATED_WITHIN_DAYS:
                item.facts["repeated"] = 1
            last[place] = day


#: Key and sums of one cell: indicator, team, area, band → x, n, sum of squares, events.
CellKey = tuple[str, str, str, str]
Sums = list[int]


def sum_cells(
    counted: Iterable[Counted], indicators: Sequence[Indicator], family: Family
) -> dict[CellKey, Sums]:
    """The cells of one month and family."""
    cells: dict[CellKey, Sums] = {}
    mine = of_family(indicators, family)
    for item in counted:
        if item.excluded is not None:
            continue
        for indicator in mine:
            x, n, squares = item.contributes(indicator)
            if x or n:
                _add(cells, (indicator.code, item.team, item.area, item.band), x, n, squares)
        if family is Family.SHIFT:
            for code, fact in (
                (HOURS_PLANNED, "planned_minutes"),
                (HOURS_WORKED, "worked_minutes"),
            ):
                if minutes := item.facts[fact]:
                    _add(cells, (code, item.team, item.area, item.band), minutes, 0, 0)
    return cells


def _add(cells: dict[CellKey, Sums], key: CellKey, x: int, n: int, squares: int) -> None:
    sums = cells.setdefault(key, [0, 0, 0, 0])
    sums[0] += x
    sums[1] += n
    sums[2] += squares
    sums[3] += 1
