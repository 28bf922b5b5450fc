"""Where and when an event counts, told slowly and separately: team, area, band and month.

Shares nothing with the code under test.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
BANK_HOLIDAYS = {date(2025, 8, 25), date(2025, 12, 25), date(2025, 12, 26), date(2027, 1, 1)} | {
    date(2026, month, day)
    for month, day in ((1, 1), (4, 3), (4, 6), (5, 4), (5, 25), (8, 31), (12, 25), (12, 28))
}
Sent = dict[str, Any]


@dataclass
class Place:
    """What the oracle knows of a team: names, areas by first day, days it was open."""

    names: set[str]
    areas: dict[date, str | None] = field(default_factory=dict)
    opened: date = date.min
    closed: date = date.max

    def area(self, day: date) -> str:
        begun = [first for first in self.areas if first <= day]
        return self.areas[max(begun)] or "" if begun else ""


Teams = dict[str, Place]
#: An event with its team, area, band and month.
Placed = tuple[Sent, tuple[str, str, str, date]]


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written)


@cache
def band_at(at: datetime) -> str:
    """08:00 to 20:00 by day; a night belongs to the date on which it started."""
    local = at.astimezone(LONDON)
    is_day = 8 <= local.hour < 20
    belongs_to = local.date() - timedelta(days=1) if local.hour < 8 else local.date()
    weekend = belongs_to.weekday() >= 5 or belongs_to in BANK_HOLIDAYS
    return ("weekend" if weekend else "weekday") + ("_day" if is_day else "_night")


def band_holding_most(start: datetime, end: datetime) -> str:
    held: dict[str, float] = {}
    at = start.astimezone(UTC)
    while at < end:
        edge = min(at.replace(second=0, microsecond=0) + timedelta(minutes=1), end)
        held[band_at(at)] = held.get(band_at(at), 0.0) + (edge - at).total_seconds()
        at = edge
    return max(held, key=lambda band: held[band])


def band_spoken_of(about: dict[str, str]) -> str:
    """A band by name or by from and to, of which more than 24 hours say nothing."""
    if "band" in about:
        return about["band"]
    start, end = instant(about["from"]), instant(about["to"])
    return "" if end - start > timedelta(hours=24) else band_holding_most(start, end)


@cache
def minutes_of_day(day: date) -> dict[str, int]:
    minutes: dict[str, int] = defaultdict(int)
    at = datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
    while at.astimezone(LONDON).date() == day:
        minutes[band_at(at)] += 1
        at += timedelta(minutes=1)
    return dict(minutes)


def month_of(at: datetime) -> date:
    return at.astimezone(LONDON).date().replace(day=1)


ABOUT_ONLY = ("complaint.received", "compliment.received", "feedback.received")


def placed(event: Sent, teams: Teams) -> tuple[str, str, str, date] | None:
    """Team, area, band and month; None while the team is unknown."""
    data, kind = event["data"], event["type"]
    at = instant(data["starts_at"]) if kind == "shift.worked" else instant(event["occurred_at"])
    month = month_of(at)
    if kind == "census.taken":
        month = date.fromisoformat(data["on"]).replace(day=1)
    team, area = "", event.get("area") or ""
    if event.get("team") is not None:
        [team] = [code for code, place in teams.items() if event["team"] in place.names] or [""]
        if not team:
            return None
        area = teams[team].area(at.astimezone(LONDON).date())
    about = event.get("about")
    band = ""
    if kind == "shift.worked":
        band = band_holding_most(instant(data["starts_at"]), instant(data["ends_at"]))
    elif about and kind in (
        *ABOUT_ONLY,
        "supervision.completed",
        "audit.completed",
        "care_record.checked",
    ):
        band = band_spoken_of(about)
    elif kind not in (*ABOUT_ONLY, "supervision.completed"):
        band = band_at(instant(event["occurred_at"]))
    return team, area, band, month


def order(event: Sent) -> tuple[datetime, str, str]:
    return instant(event["occurred_at"]), event["source"], event["id"]
