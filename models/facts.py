"""What one event says, as whole numbers by name; indicators pick from these names.

Values are in hundredths, hours in minutes, so that every sum is exact.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

Facts = dict[str, int]
Data = dict[str, Any]

NOT_DUE = frozenset(
    ("self_administered", "absent_hospital", "absent_leave", "not_required", "entered_in_error")
)
GIVEN_AS_PLANNED = frozenset(("given", "prompted"))
GIVEN = GIVEN_AS_PLANNED | {"given_late", "given_early", "backfilled_given"}
ERRORS = frozenset(
    ("omitted_error", "missing_entry", "backfilled_not_given", "not_available_stock")
)
ON_TIME = timedelta(minutes=60)
ON_TIME_CRITICAL = timedelta(minutes=30)
BACKFILLED_AFTER = timedelta(hours=2)
FILLED_PERCENT = 95
FFT_POSITIVE = frozenset(("very_good", "good"))
FFT_UNRATED = "dont_know"


def hundredths(value: float) -> int:
    return round(value * 100)


def minutes(hours: float) -> int:
    return round(hours * 60)


def is_filled(planned_hours: float, worked_hours: float) -> bool:
    """In whole parts of an hour: 0.95 × 16.6 is more than 15.77 among floats."""
    planned, worked = round(planned_hours * 10_000), round(worked_hours * 10_000)
    return 100 * worked >= FILLED_PERCENT * planned


def administered(data: Data, occurred_at: datetime, recorded_at: datetime | None) -> Facts:
    """One dose. When required (`prn`) it is never due; `occurred_at` never stands in for a time."""
    status = data["status"]
    due = 0 if status in NOT_DUE or data.get("prn") else 1
    given = due if status in GIVEN else 0
    late_record = recorded_at is not None and recorded_at - occurred_at > BACKFILLED_AFTER
    return {
        "due": due,
        "error": due if status in ERRORS else 0,
        "given": given,
        "timely": given if status in GIVEN_AS_PLANNED and _in_time(data) else 0,
        "backfilled": due if status.startswith("backfilled_") or late_record else 0,
    }


def _in_time(data: Data) -> bool:
    due_at, given_at = data.get("due_at"), data.get("given_at")
    if not due_at or not given_at:
        return True
    allowed = ON_TIME_CRITICAL if data.get("time_critical") else ON_TIME
    return abs(datetime.fromisoformat(given_at) - datetime.fromisoformat(due_at)) <= allowed


def medication_round(data: Data, _: datetime, __: datetime | None) -> Facts:
    return {
        "due": data["due"],
        "error": data["omitted"],
        "given": data["on_time"] + data["late"],
        "timely": data["on_time"],
    }


def shift(data: Data, _: datetime, __: datetime | None) -> Facts:
    """A shift nobody came to counts as planned and not filled."""
    planned, worked = data["planned_hours"], data["worked_hours"]
    return {
        "shifts": 1,
        "filled": int(is_filled(planned, worked)),
        "planned_minutes": minutes(planned),
        "worked_minutes": minutes(worked),
        "agency_minutes": minutes(data.get("agency_hours") or 0),
    }


def items(data: Data, _: datetime, __: datetime | None) -> Facts:
    return {"items_due": data.get("items_due") or 0, "items_met": data.get("items_met") or 0}


def supervision(data: Data, at: datetime, recorded_at: datetime | None) -> Facts:
    return {"supervisions": 1, "on_time": int(data["on_time"])} | items(data, at, recorded_at)


def incident(data: Data, _: datetime, __: datetime | None) -> Facts:
    due = int(bool(data.get("escalation_due")))
    return {
        "incidents": 1,
        "harm": int(data["harm"] != "none"),
        "fall": int(data["category"] == "fall"),
        "near_miss": int(bool(data.get("near_miss"))),
        "escalation_due": due,
        "escalated_on_time": due if data.get("escalated_on_time") else 0,
    }


def feedback(data: Data, _: datetime, __: datetime | None) -> Facts:
    """Staff speak of their own experience; everybody else is an outside voice."""
    who = "staff" if data["respondent"] == "staff" else "external"
    facts: Facts = {}
    if data.get("rating") is not None:
        facts |= {f"{who}_rating": hundredths(data["rating"]), f"{who}_rated": 1}
    if data.get("fft") not in {None, FFT_UNRATED}:
        facts |= {f"{who}_positive": int(data["fft"] in FFT_POSITIVE), f"{who}_fft": 1}
    return facts


def complaint(data: Data, _: datetime, __: datetime | None) -> Facts:
    """From staff it is kept and enters no indicator; whether it repeats others decide."""
    return {"complaints": int(data["respondent"] != "staff"), "repeated": 0}


def compliment(data: Data, _: datetime, __: datetime | None) -> Facts:
    return {"compliments": int(data["respondent"] != "staff")}


def census(_: Data, __: datetime, ___: datetime | None) -> Facts:
    """Exposure is laid out by day in `models.exposure`, not summed from single counts."""
    return {}


def own_facts(data: Data, _: datetime, __: datetime | None) -> Facts:
    """Numbers and yes/no of a provider's own type or `x_*` fields, values in hundredths too.

    A count is kept as it is under its name; `<name>_value` has it in hundredths for means.
    """
    facts: Facts = {"events": 1}
    for name, value in data.items():
        if isinstance(value, bool | int):
            facts[name] = int(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            facts[f"{name}_value"] = hundredths(value)
    return facts


FactsOf = Callable[[Data, datetime, datetime | None], Facts]

FACTS_OF: dict[str, FactsOf] = {
    "medication.administered": administered,
    "medication.round": medication_round,
    "shift.worked": shift,
    "handover.completed": items,
    "observation.completed": items,
    "knowledge.checked": items,
    "care_record.checked": items,
    "self_assessment.recorded": items,
    "audit.completed": items,
    "supervision.completed": supervision,
    "incident.reported": incident,
    "feedback.received": feedback,
    "complaint.received": complaint,
    "compliment.received": compliment,
    "census.taken": census,
}
