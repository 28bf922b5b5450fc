"""Histories of evidence for Hypothesis: every type, corrected, moved, withdrawn and restored.

Days and clocks are few and lie on edges, so that what can collide does.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Sent = dict[str, Any]
HERE, THERE, NOWHERE = "1-200000001", "1-200000002", "1-200000009"
LONDON = ZoneInfo("Europe/London")
#: Ends of months, clocks going forward and back, a bank holiday, 90 and 45 days apart.
DAYS = (
    *("2026-01-15", "2026-03-28", "2026-03-29", "2026-03-31", "2026-04-01", "2026-04-03"),
    *("2026-05-01", "2026-06-29", "2026-06-30", "2026-07-31", "2026-08-14", "2026-09-28"),
    *("2026-10-24", "2026-10-25", "2026-11-01", "2026-11-14"),
)
CLOCKS = ("00:00", "00:30", "01:30", "07:59", "08:00", "19:30", "20:00", "23:59")
TEAMS = ("oak", "Oak Wing", "elm", "ash", None)
#: Call bells are nobody's theme until a catalogue says what they mean.
THEMES = ("responsiveness", "food", "call bells")
RESPONDENTS = ("person", "family", "staff")
STATUSES = (
    *("given", "given", "given_late", "backfilled_given", "refused", "omitted_error"),
    *("backfilled_not_given", "absent_leave"),
)
ITEM_TYPES = (
    *("handover.completed", "observation.completed", "knowledge.checked"),
    *("care_record.checked", "self_assessment.recorded"),
)


def one_of(*values: Any) -> SearchStrategy[Any]:
    return st.sampled_from(values)


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    day, clock = draw(one_of(*DAYS)), draw(one_of(*CLOCKS))
    local = datetime.fromisoformat(f"{day}T{clock}:00").replace(tzinfo=LONDON)
    return local.astimezone(UTC)


def later(at: datetime, **by: float) -> str:
    return (at + timedelta(**by)).isoformat()


@st.composite
def doses(draw: st.DrawFn, at: datetime) -> Sent:
    data: Sent = {"status": draw(one_of(*STATUSES))}
    if draw(st.booleans()):
        data["due_at"] = at.isoformat()
        data["given_at"] = later(at, minutes=draw(one_of(-61, -60, -31, 0, 30, 31, 60, 61)))
    if draw(one_of(False, False, True)):
        data[draw(one_of("prn", "time_critical"))] = True
    recorded = {"recorded_at": later(at, minutes=draw(one_of(1, 120, 121)))}
    return {"type": "medication.administered", "data": data, **recorded}


@st.composite
def rounds(draw: st.DrawFn, at: datetime) -> Sent:
    assert at is not None
    parts = {
        name: draw(st.integers(0, 3)) for name in ("on_time", "late", "omitted", "refused", "other")
    }
    return {"type": "medication.round", "data": {"due": sum(parts.values()), **parts}}


@st.composite
def shifts(draw: st.DrawFn, at: datetime) -> Sent:
    starts = at - timedelta(hours=draw(one_of(0, 6)))
    hours = draw(one_of(6, 8, 12, 24, 25))
    worked = draw(one_of(0, 7.59, 7.6, 8))
    data = {
        "starts_at": starts.isoformat(),
        "ends_at": later(starts, hours=hours),
        "planned_hours": 8,
        "worked_hours": worked,
        "agency_hours": worked / 2,
    }
    return {"type": "shift.worked", "data": data}


@st.composite
def item_checks(draw: st.DrawFn, at: datetime) -> Sent:
    assert at is not None
    due = draw(st.integers(0, 5))
    return {
        "type": draw(one_of(*ITEM_TYPES)),
        "data": {"items_due": due, "items_met": draw(st.integers(0, due))},
    }


@st.composite
def naming_themes(draw: st.DrawFn) -> Sent:
    """None, some, or one of them twice."""
    themes: list[str] | None = draw(st.none() | st.lists(one_of(*THEMES), max_size=3))
    return {} if themes is None else {"themes": themes}


@st.composite
def audits(draw: st.DrawFn, at: datetime) -> Sent:
    assert at is not None
    due = draw(one_of(0, 5, 5))
    data = {"audit": "medicines", "items_due": due, "items_met": draw(st.integers(0, due))}
    data |= draw(naming_themes())
    return {"type": "audit.completed", "data": data}


@st.composite
def supervisions(draw: st.DrawFn, at: datetime) -> Sent:
    assert at is not None
    items = draw(one_of({}, {"items_due": 3, "items_met": 2}))
    return {"type": "supervision.completed", "data": {"on_time": draw(st.booleans()), **items}}


@st.composite
def incidents(draw: st.DrawFn, at: datetime) -> Sent:
    assert at is not None
    data: Sent = {"category": draw(one_of("fall", "other")), "harm": draw(one_of("none", "low"))}
    for name in ("near_miss", "escalation_due", "escalated_on_time"):
        if draw(st.booleans()):
            data[name] = True
    data |= draw(naming_themes())
    return {"type": "incident.reported", "data": data}


@st.composite
def feedback(draw: st.DrawFn, at: datetime) -> Sent:
    assert at is not None
    data: Sent = {"respondent": draw(one_of(*RESPONDENTS))}
    said = draw(one_of("rating", "fft", "both"))
    if said != "fft":
        data["rating"] = draw(one_of(1, 2, 2.01, 3.5, 4, 5))
    if said != "rating":
        data["fft"] = draw(one_of("good", "neither", "poor", "dont_know"))
    data |= draw(naming_themes())
    person = draw(one_of(None, "p1", "p1", "p2"))
    return {"type": "feedback.received", "data": data, **({"person": person} if person else {})}


@st.composite
def complaints(draw: st.DrawFn, at: datetime) -> Sent:
    assert at is not None
    theme = draw(one_of(None, *THEMES))
    data = {"respondent": draw(one_of(*RESPONDENTS)), **({"theme": theme} if theme else {})}
    return {"type": draw(one_of("complaint.received", "compliment.received")), "data": data}


@st.composite
def censuses(draw: st.DrawFn, at: datetime) -> Sent:
    on = at.astimezone(LONDON).date() - timedelta(days=draw(one_of(0, 1, 30)))
    data: Sent = {"on": on.isoformat()}
    data |= draw(one_of({"residents": 7}, {"residents": 0}, {"care_hours": 10.01}))
    return {"type": "census.taken", "data": data}


KINDS = (
    *(doses, rounds, shifts, item_checks, audits, supervisions),
    *(incidents, feedback, complaints, complaints, censuses, censuses),
)


@st.composite
def contents(draw: st.DrawFn) -> Sent:
    """An event without its identity."""
    at = draw(instants())
    event: Sent = {
        "service": draw(one_of(HERE, HERE, HERE, HERE, THERE)),
        "team": draw(one_of(*TEAMS)),
        "occurred_at": at.isoformat(),
        **draw(draw(one_of(*KINDS))(at)),
    }
    if event["team"] is None:
        event["area"] = draw(one_of(None, "Garden", "East"))
    about = draw(one_of(None, None, "band", "span"))
    if about == "band":
        event["about"] = {"band": "weekend_night"}
    elif about == "span":
        event["about"] = {"from": later(at, hours=-9), "to": at.isoformat()}
    return event


@st.composite
def histories(draw: st.DrawFn) -> list[Sent]:
    """All versions of some events, in no particular order, some of them sent again."""
    sent = []
    for number in range(draw(st.integers(1, 12))):
        identity = {"source": draw(one_of("emar:a", "forms:b")), "id": f"E{number}"}
        for version in range(1, draw(one_of(1, 1, 1, 2, 3)) + 1):
            if version > 1 and draw(one_of(False, True)):
                service = draw(one_of(HERE, HERE, THERE, NOWHERE))
                body: Sent = {"service": service, "retracted": True}
            else:
                body = draw(contents())
                if version > 1 and draw(one_of(False, False, False, True)):
                    body["service"] = NOWHERE
            sent.append({**identity, "version": version, **body})
    again = draw(st.lists(st.sampled_from(sent), max_size=3))
    return draw(st.permutations([*sent, *again]))
