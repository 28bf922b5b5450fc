"""Time of care by the censuses, counted day by day and minute by minute.

Shares nothing with the code under test.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from tests.place_oracle import (
    Place,
    Placed,
    Sent,
    Teams,
    minutes_of_day,
    order,
)


def exposure(
    events: list[Placed], teams: Teams, months: Iterable[date]
) -> dict[tuple[date, str, str, str, str], int]:
    """Minutes of care: latest census at most 45 days back, else the first later of the month.

    A month in which an open day has neither has none at all.
    """
    found: dict[tuple[date, str, str, str, str], int] = defaultdict(int)
    series: dict[tuple[str, str, str], dict[date, Sent]] = defaultdict(dict)
    censuses = [pair for pair in events if pair[0]["type"] == "census.taken"]
    for event, (team, area, _, _) in sorted(censuses, key=lambda pair: order(pair[0])):
        unit = "resident_days" if event["data"].get("residents") is not None else "care_hours"
        own_area = "" if team else area
        series[team, own_area, unit][date.fromisoformat(event["data"]["on"])] = event
    for (team, own_area, unit), by_day in series.items():
        for month in months:
            days = [month + timedelta(days=passed) for passed in range(31)]
            days = [day for day in days if day.month == month.month]
            if team:
                days = [day for day in days if open_on(teams[team], day)]
            if None in [spoken_for(day, by_day) for day in days]:
                continue
            for day in days:
                counted = spoken_for(day, by_day) or {}
                area = teams[team].area(day) if team else own_area
                for band, minutes in shares(counted["data"], unit, day).items():
                    found[month, unit, team, area, band] += minutes
    return found


def open_on(team: Place, day: date) -> bool:
    return team.opened <= day <= team.closed


def spoken_for(day: date, by_day: dict[date, Sent]) -> Sent | None:
    back = [on for on in by_day if 0 <= (day - on).days <= 45]
    if back:
        return by_day[max(back)]
    ahead = [on for on in by_day if on > day and (on.year, on.month) == (day.year, day.month)]
    return by_day[min(ahead)] if ahead else None


def shares(data: dict[str, Any], unit: str, day: date) -> dict[str, int]:
    """Residents live in every minute; hours of care are spread, whole minutes, none lost."""
    lengths = minutes_of_day(day)
    if unit == "resident_days":
        return {band: data["residents"] * length for band, length in lengths.items()}
    total, whole = round(data["care_hours"] * 60), sum(lengths.values())
    result, passed = {}, 0
    for band, length in lengths.items():
        result[band] = total * (passed + length) // whole - total * passed // whole
        passed += length
    return result
