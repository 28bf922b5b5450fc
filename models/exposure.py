"""Care time by day, team and band, laid out from censuses: what rates are rates of."""

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from models.calendar import add_months, band_minutes
from models.context import ServiceContext
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
    same month, else there is none and rates of that day have no denominator. A service's own
    figure (no team) is never split among its teams.
    """
    placing = Placing(context)
    patterns = context.shift_patterns()
    teams = {team.code: team for team in context.teams}
    # Without a team an area's own figure stands beside those of other areas.
    counts: dict[tuple[str, str, ExposureUnit], dict[date, StoredEvent]] = {}
    for census in sorted(censuses, key=lambda event: event.key):
        if placing.known(census):
            team, area = placing.team_and_area(census)
            taken = date.fromisoformat(census.data["on"])
            series = team, "" if team else area, _unit(census)
            counts.setdefault(series, {})[taken] = census
    found = []
    after = add_months(month, 1)
    days = [month + timedelta(days=n) for n in range((after - month).days)]
    by_day = {day: band_minutes(day, patterns) for day in days}
    for (code, own_area, unit), by_date in sorted(counts.items()):
        team_of_service = teams.get(code)
        taken_on = sorted(by_date)
        for day in days:
            if (on := _census_day(taken_on, day, month)) is None:
                continue
            area = own_area
            if team_of_service is not None:
                opened, closed = team_of_service.opened_on, team_of_service.closed_on
                if (opened and day < opened) or (closed and day > closed):
                    continue
                place = team_of_service.place_on(day)
                area = place.area if place and place.area else ""
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
