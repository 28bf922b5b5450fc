"""The contract's tables counted slowly and separately, as what cells are compared with.

Shares nothing with the code under test: no bands, no facts and no sums of ours.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from tests.exposure_oracle import exposure
from tests.place_oracle import (
    LONDON,
    Placed,
    Sent,
    Teams,
    instant,
    order,
    placed,
)

Cells = dict[tuple[str, date, str, str, str, str], tuple[int, int, int]]


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


def due(event: Sent) -> bool:
    return event["data"]["status"] in DOSE and not event["data"].get("prn")


def in_time(data: dict[str, Any]) -> bool:
    if DOSE.get(data["status"]) != "ok":
        return False
    if not (data.get("due_at") and data.get("given_at")):
        return True
    apart = abs((instant(data["given_at"]) - instant(data["due_at"])).total_seconds())
    return bool(apart <= (1800 if data.get("time_critical") else 3600))


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
