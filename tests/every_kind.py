"""Something of every kind that counts, in every place that evidence can have."""

from typing import Any

from tests.sent import event

#: A Thursday by day, a Saturday night, and a Thursday of the month before.
TIMES = (
    ("2026-09-03T10:00:00+01:00", "2026-09-03T18:00:00+01:00"),
    ("2026-09-05T23:00:00+01:00", "2026-09-06T07:00:00+01:00"),
    ("2026-08-20T15:00:00+01:00", "2026-08-20T19:00:00+01:00"),
)
PLACES: tuple[dict[str, Any], ...] = (
    {"team": "oak"},
    {"team": "ash"},
    {"team": None, "area": "Garden"},
    {"team": None},
)
ITEMS: dict[str, Any] = {"items_due": 8, "items_met": 7}
ABOUT: dict[str, Any] = {"about": {"band": "weekday_night"}}
SAID: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("medication.round", {"due": 9, "on_time": 5, "late": 1, "omitted": 2, "refused": 1}, {}),
    ("handover.completed", ITEMS, {}),
    ("observation.completed", ITEMS, {}),
    ("knowledge.checked", ITEMS, {}),
    ("care_record.checked", ITEMS, {}),
    ("self_assessment.recorded", ITEMS, {}),
    ("audit.completed", {"audit": "medicines", **ITEMS}, {}),
    ("audit.completed", {"audit": "medicines", **ITEMS}, ABOUT),
    ("supervision.completed", {"on_time": True, **ITEMS}, ABOUT),
    ("supervision.completed", {"on_time": False}, {}),
    ("incident.reported", {"category": "fall", "harm": "low"}, {}),
    ("incident.reported", {"category": "fall", "harm": "none", "near_miss": True}, {}),
    (
        "incident.reported",
        {"category": "other", "harm": "severe", "escalation_due": True, "escalated_on_time": True},
        {},
    ),
    ("incident.reported", {"category": "other", "harm": "none", "escalation_due": True}, {}),
    ("feedback.received", {"respondent": "person", "rating": 2}, {"person": "p1"}),
    ("feedback.received", {"respondent": "person", "rating": 4.5}, {"person": "p1", **ABOUT}),
    ("feedback.received", {"respondent": "family", "fft": "good", "rating": 5}, ABOUT),
    ("feedback.received", {"respondent": "advocate", "fft": "poor"}, {}),
    ("feedback.received", {"respondent": "partner", "fft": "dont_know"}, ABOUT),
    ("feedback.received", {"respondent": "staff", "rating": 3}, ABOUT),
    ("complaint.received", {"respondent": "family", "theme": "food"}, ABOUT),
    ("complaint.received", {"respondent": "person", "theme": "food"}, ABOUT),
    ("complaint.received", {"respondent": "staff", "theme": "food"}, ABOUT),
    ("compliment.received", {"respondent": "family"}, ABOUT),
    ("compliment.received", {"respondent": "staff"}, ABOUT),
)
#: Of oak alone, whose rounds of these months therefore count no more.
DOSES = ("given", "given_late", "omitted_error", "backfilled_given", "absent_leave")
#: Elm sends nothing but these; the months without an event are months of care all the same.
CENSUSES = (
    ("oak", "2026-05-20", {"residents": 7}),
    ("ash", "2026-08-20", {"residents": 9}),
    ("elm", "2026-09-10", {"care_hours": 30}),
)


def shift(starts_at: str, ends_at: str, worked: float) -> dict[str, Any]:
    return {
        "starts_at": starts_at,
        "ends_at": ends_at,
        "planned_hours": 8,
        "worked_hours": worked,
        "agency_hours": worked / 4,
    }


def every_kind() -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    def add(kind: str, data: dict[str, Any], at: str, **where: Any) -> None:
        number = len(sent) + 1
        sent.append(event(kind, data, id=f"E-{number:04}", occurred_at=at, **where))

    for starts, ends in TIMES:
        for place in PLACES:
            for kind, data, more in SAID:
                add(kind, data, starts, **place, **more)
            for worked in (8, 6):
                add("shift.worked", shift(starts, ends, worked), starts, **place)
        for status in DOSES:
            add("medication.administered", {"status": status}, starts, team="oak")
    for team, on, counted in CENSUSES:
        add("census.taken", {"on": on, **counted}, f"{on}T12:00:00+01:00", team=team)
    return sent
