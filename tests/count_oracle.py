"""The contract's tables counted slowly and separately, as what cells are compared with.

Shares nothing with the code under test: no bands, no facts and no sums of ours.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
Cells = dict[tuple[str, date, str, str, str, str], tuple[int, int, int]]


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


def counting_versions(sent: Iterable[Sent]) -> list[Sent]:
    """The highest version of each event, unless it is a retraction; the first content stands."""
    first: dict[tuple[str, str, int], Sent] = {}
    for event in sent:
        first.setdefault((event["source"], event["id"], event.get("version", 1)), event)
    highest: dict[tuple[str, str], int] = {}
    for source, id_, version in first:
        highest[source, id_] = max(version, highest.get((source, id_), 0))
    chosen = [first[source, id_, version] for (source, id_), version in highest.items()]
    return [event for event in chosen if not event.get("retracted")]


DOSE = {
    **dict.fromkeys(("given", "prompted"), "ok"),
    **dict.fromkeys(("given_late", "given_early", "backfilled_given"), "late"),
    **dict.fromkeys(("refused", "asleep", "omitted_clinical", "destroyed"), "not given"),
    **dict.fromkeys(
        ("omitted_error", "missing_entry", "backfilled_not_given", "not_available_stock"), "error"
    ),
}
ITEMS = {
    "handover.completed": "handover_quality",
    "observation.completed": "practice_observed",
    "knowledge.checked": "staff_knowledge",
    "care_record.checked": "record_quality",
    "self_assessment.recorded": "self_assessment",
    "audit.completed": "audit_compliance",
}
ABOUT_ONLY = ("complaint.received", "compliment.received", "feedback.received")


def due(event: Sent) -> bool:
    return event["data"]["status"] in DOSE and not event["data"].get("prn")


def in_time(data: dict[str, Any]) -> bool:
    if DOSE.get(data["status"]) != "ok":
        return False
    if not (data.get("due_at") and data.get("given_at")):
        return True
    apart = abs((instant(data["given_at"]) - instant(data["due_at"])).total_seconds())
    return bool(apart <= (1800 if data.get("time_critical") else 3600))


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


def counts(event: Sent) -> list[tuple[str, int, int, int]]:
    """Indicator, x, n and sum of squares by one event alone; what others decide comes after."""
    data, kind = event["data"], event["type"]
    if kind == "medication.administered":
        if not due(event):
            return []
        state = DOSE[data["status"]]
        late_record = event.get("recorded_at") and (
            instant(event["recorded_at"]) - instant(event["occurred_at"]) > timedelta(hours=2)
        )
        behind = data["status"].startswith("backfilled") or late_record
        found = [
            ("medicine_omissions", int(state == "error"), 1, 0),
            ("medicine_backfill", int(bool(behind)), 1, 0),
        ]
        if state in ("ok", "late"):
            found.append(("medicine_on_time", int(in_time(data)), 1, 0))
        return found
    if kind == "medication.round":
        given = data["on_time"] + data["late"]
        return [
            ("medicine_omissions", data["omitted"], data["due"], 0),
            ("medicine_on_time", data["on_time"], given, 0),
        ]
    if kind == "shift.worked":
        planned, worked = round(data["planned_hours"] * 60), round(data["worked_hours"] * 60)
        filled = (
            round(data["worked_hours"] * 10000) * 100 >= round(data["planned_hours"] * 10000) * 95
        )
        agency = round((data.get("agency_hours") or 0) * 60)
        return [
            ("shifts_filled", int(filled), 1, 0),
            ("agency_share", agency, worked, 0),
            ("hours_planned", planned, 0, 0),
            ("hours_worked", worked, 0, 0),
        ]
    if kind in ITEMS:
        return [(ITEMS[kind], data["items_met"], data["items_due"], 0)]
    if kind == "supervision.completed":
        return [
            ("supervision_on_time", int(data["on_time"]), 1, 0),
            ("supervision_outcome", data.get("items_met") or 0, data.get("items_due") or 0, 0),
        ]
    if kind == "incident.reported":
        owed = bool(data.get("escalation_due"))
        return [
            ("harm_incidents", int(data["harm"] in ("low", "moderate", "severe", "death")), 0, 0),
            ("falls", int(data["category"] == "fall"), 0, 0),
            ("escalation_on_time", int(owed and bool(data.get("escalated_on_time"))), int(owed), 0),
            ("incident_reports", 1, 0, 0),
            ("near_miss_ratio", int(bool(data.get("near_miss"))), 1, 0),
        ]
    outside = data.get("respondent") != "staff"
    if kind == "feedback.received":
        found = []
        if data.get("rating") is not None:
            value = round(data["rating"] * 100)
            code = "experience_rating" if outside else "staff_experience"
            found.append((code, value, 1, value * value))
        if outside and data.get("fft") not in (None, "dont_know"):
            found.append(("experience_positive", int(data["fft"] in ("very_good", "good")), 1, 0))
        return found
    if kind == "complaint.received" and outside:
        return [("complaints", 1, 0, 0), ("complaints_repeated", 0, 1, 0)]
    if kind == "compliment.received" and outside:
        return [("compliments", 1, 0, 0)]
    return []


def known_events(sent: Iterable[Sent], service: str, teams: Teams) -> list[Placed]:
    """What is known of a service at last, each event with its team, area, band and month."""
    return [
        (event, where)
        for event in counting_versions(sent)
        if event["service"] == service and (where := placed(event, teams)) is not None
    ]


def not_excluded(events: list[Placed]) -> list[Placed]:
    """Without rounds beside single doses, and without answers that the same person overtook."""
    detailed = {
        (where[0], where[3])
        for event, where in events
        if event["type"] == "medication.administered" and due(event)
    }
    latest: dict[tuple[str, str, date], Sent] = {}
    for event, where in sorted(events, key=lambda pair: order(pair[0])):
        if event["type"] == "feedback.received" and event.get("person"):
            latest[event["source"], event["person"], where[3]] = event
    left = []
    for event, where in events:
        kind, month = event["type"], where[3]
        if kind == "medication.round" and (where[0], month) in detailed:
            continue
        spoke = kind == "feedback.received" and event.get("person")
        if spoke and latest[event["source"], event["person"], month] is not event:
            continue
        left.append((event, where))
    return left


def oracle(
    sent: Iterable[Sent],
    service: str,
    teams: Teams,
    months: Iterable[date],
    aliases: Mapping[str, str],
) -> Cells:
    """Cells of a service: (family, month, indicator, team, area, band) → x, n, sum of squares."""
    events = known_events(sent, service, teams)
    cells: dict[tuple[str, date, str, str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for event, (team, area, band, month) in not_excluded(events):
        kind = event["type"]
        for code, counted, n, squares in counts(event):
            x = counted
            if code == "complaints_repeated":
                x = int(repeats(event, (team, area), events, aliases))
            if x or n:
                sums = cells[kind.split(".")[0], month, code, team, area, band]
                for place, value in enumerate((x, n, squares)):
                    sums[place] += value
    for key, value in exposure(events, teams, months).items():
        cells["census", *key] = [value, 0, 0]
    return {key: (x, n, squares) for key, (x, n, squares) in cells.items()}


def meant(word: Any, aliases: Mapping[str, str]) -> Any:
    """The theme by which a source's word is known."""
    return aliases.get(word, word)


def order(event: Sent) -> tuple[datetime, str, str]:
    return instant(event["occurred_at"]), event["source"], event["id"]


def repeats(
    event: Sent, place: tuple[str, str], events: list[Placed], aliases: Mapping[str, str]
) -> bool:
    """Another one of the same team and theme lies before it and at most 90 days back."""
    theme = meant(event["data"].get("theme"), aliases)
    day = instant(event["occurred_at"]).astimezone(LONDON).date()
    for other, where in events:
        if other["type"] != "complaint.received" or other["data"]["respondent"] == "staff":
            continue
        same = meant(other["data"].get("theme"), aliases) == theme and theme is not None
        same &= where[0] == place[0] and (where[0] != "" or where[1] == place[1])
        before = order(other) < order(event)
        back = (day - instant(other["occurred_at"]).astimezone(LONDON).date()).days
        if same and before and back <= 90:
            return True
    return False


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
