"""Care time by day, team and band, laid out from censuses: what rates are rates of."""

from collections.abc import Iterable
from datetime import date

import msgspec

from models.calendar import band_minutes, days_of
from models.context import ServiceContext, TeamOfService
from models.counting import CellKey, Placing, StoredEvent, Sums
from models.facts import minutes
from models.vocabulary import Band, ExposureUnit

#: A census speaks for at most this many days after it.
CENSUS_HOLDS_DAYS = 45


class CareTime(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes of residence or care of one team on one day in one band, and whose count it is."""

    unit: ExposureUnit
    team: str
    area: str
    band: str
    day: date
    minutes: int
    census: StoredEvent


def care_time(
    month: date, censuses: Iterable[StoredEvent], context: ServiceContext
) -> list[CareTime]:
    """Care time of one month.

    For each day the latest census at most 45 days back counts, else the first later one of the
    same month. Where a day has neither, the whole month has no care time for that team, and so no
    rate: its events are those of the whole month, and over a part of its days the rate would be
    too high, which in a baseline flatters what came after. Days on which the team was not open
    are no days. Residents and care hours are each held to this by themselves, and so is a
    service's or an area's own figure (no team), which is never split among teams.
    """
    patterns = context.shift_patterns()
    teams = {team.code: team for team in context.teams}
    days = days_of(month)
    by_day = {day: band_minutes(day, patterns) for day in days}
    found = []
    for (code, own_area, unit), by_date in sorted(_by_series(censuses, context).items()):
        team = teams.get(code)
        open_days = [day for day in days if team is None or _is_open(team, day)]
        taken_on = sorted(by_date)
        counting = {
            day: on for day in open_days if (on := _census_day(taken_on, day, month)) is not None
        }
        if len(counting) < len(open_days):
            continue
        for day, on in counting.items():
            area = own_area if team is None else _area(team, day)
            for band, share in _by_band(by_date[on], unit, by_day[day]).items():
                found.append(
                    CareTime(
                        unit=unit,
                        team=code,
                        area=area,
                        band=band,
                        day=day,
                        minutes=share,
                        census=by_date[on],
                    )
                )
    return found


#: Whose count it is: a team, or '' and the area of a figure without one; and of what.
Series = tuple[str, str, ExposureUnit]


def _by_series(
    censuses: Iterable[StoredEvent], context: ServiceContext
) -> dict[Series, dict[date, StoredEvent]]:
    """The census of each day, the last taken of two; those of unknown teams wait."""
    placing = Placing(context)
    found: dict[Series, dict[date, StoredEvent]] = {}
    for census in sorted(censuses, key=lambda event: event.key):
        if placing.known(census):
            team, area = placing.team_and_area(census)
            taken = date.fromisoformat(census.data["on"])
            # Without a team an area's own figure stands beside those of other areas.
            series = team, "" if team else area, _unit(census)
            found.setdefault(series, {})[taken] = census
    return found


def _is_open(team: TeamOfService, day: date) -> bool:
    opened, closed = team.opened_on, team.closed_on
    return (opened is None or opened <= day) and (closed is None or day <= closed)


def _area(team: TeamOfService, day: date) -> str:
    place = team.place_on(day)
    return place.area if place and place.area else ""


def _unit(census: StoredEvent) -> ExposureUnit:
    resident = census.data.get("residents") is not None
    return ExposureUnit.RESIDENT_DAYS if resident else ExposureUnit.CARE_HOURS


def _census_day(taken_on: list[date], day: date, month: date) -> date | None:
    """The day of the census that speaks for `day`."""
    before = [on for on in taken_on if on <= day and (day - on).days <= CENSUS_HOLDS_DAYS]
    if before:
        return before[-1]
    later = [on for on in taken_on if on > day and on.replace(day=1) == month]
    return later[0] if later else None


def _by_band(census: StoredEvent, unit: ExposureUnit, day: dict[Band, int]) -> dict[Band, int]:
    """Residents are there every minute of a day; care hours are spread over it evenly.

    What rounding leaves over goes to the last band, so that the bands sum to the day.
    """
    if unit is ExposureUnit.RESIDENT_DAYS:
        return {band: census.data["residents"] * length for band, length in day.items()}
    total, length_of_day = minutes(census.data["care_hours"]), sum(day.values())
    shares: dict[Band, int] = {}
    given = elapsed = 0
    for band, length in day.items():
        elapsed += length
        upto = total * elapsed // length_of_day
        shares[band] = upto - given
        given = upto
    return shares


def sum_care_time(times: Iterable[CareTime]) -> dict[CellKey, Sums]:
    """Cells of exposure, named by their unit."""
    cells: dict[CellKey, Sums] = {}
    for time in times:
        sums = cells.setdefault((time.unit.value, time.team, time.area, time.band), [0, 0, 0, 0])
        sums[0] += time.minutes
        sums[3] += 1
    return cells
