"""Events of ordinary work: medicines, rota, handovers, checks of practice, census.

Expands drawn counts so that adding the events up gives the counts again; never adds to them.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, timedelta
from typing import Any, Final

import numpy as np

from cli.simulate import BANDS, NO_BAND, PLACES
from cli.simulate_envelope import (
    Event,
    TeamMonth,
    clock,
    event,
    moment,
    shared_out,
    spoken_of,
)

PRACTICES: Final = ("moving_and_handling", "medicines", "infection_control", "dignity", "nutrition")
AUDITS: Final = ("medicines", "care_plans", "infection_control", "environment", "dignity")
#: Themes an audit names as weak; the same few come back, as they do.
WEAK_THEMES: Final = ("records", "medicines", "communication", "environment", "safety", "dignity")
#: Minutes of the day at which doses are due, by day and by night.
DUE_BY_DAY: Final = (8 * 60 + 30, 12 * 60 + 30, 17 * 60 + 30)
DUE_BY_NIGHT: Final = (21 * 60 + 30, 22 * 60)
NOT_GIVEN: Final = ("refused", "refused", "refused", "asleep", "omitted_clinical", "destroyed")
ERRORS: Final = ("missing_entry", "omitted_error", "not_available_stock", "backfilled_not_given")
UNCOUNTED: Final = ("absent_leave", "absent_hospital", "self_administered", "not_required")

#: Indicator, event type, sending system, minutes within which it is written down.
ITEMS: Final = (
    ("audit_compliance", "audit.completed", "audits", 2880),
    ("practice_observed", "observation.completed", "practice", 600),
    ("staff_knowledge", "knowledge.checked", "practice", 600),
    ("record_quality", "care_record.checked", "audits", 600),
    ("self_assessment", "self_assessment.recorded", "audits", 1440),
    ("handover_quality", "handover.completed", "rota", 60),
)


def census(here: TeamMonth) -> Iterator[Event]:
    data = {"on": here.month.isoformat(), "residents": here.team.residents}
    yield event(here, "census.taken", "records", clock(here.month, 540), data, within_minutes=240)


def checks(here: TeamMonth) -> Iterator[Event]:
    for code, kind, system, within in ITEMS:
        for place in range(PLACES):
            visits = int(here.visits[code][place])
            met, due = here.drawn(code, place)
            if not visits or not due:
                continue
            each = due // visits
            dealt = shared_out(here, met, np.full(visits, each))
            days = here.dates[place] if code == "handover_quality" else [None] * visits
            for day, items_met in zip(days, dealt.tolist(), strict=True):
                yield _check(here, code, kind, system, place, day, each, items_met, within)


def _check(
    here: TeamMonth,
    code: str,
    kind: str,
    system: str,
    place: int,
    day: date | None,
    items_due: int,
    items_met: int,
    within: int,
) -> Event:
    data: dict[str, Any] = {"items_due": items_due, "items_met": items_met}
    about = None
    at = moment(here, place)
    if code == "handover_quality" and day is not None:
        at = clock(day, (20 * 60 if "night" in BANDS[place] else 8 * 60) + here.dice.randint(2, 20))
    elif code == "record_quality":
        # Records are read at a desk, days later; what is read was written in the band.
        at, about = spoken_of(here, place, span=True)
    elif code == "audit_compliance":
        data["audit"] = here.dice.choice(AUDITS)
        if items_met < 0.85 * items_due:
            data["themes"] = sorted(here.dice.sample(WEAK_THEMES, here.dice.randint(1, 2)))
    else:
        data["practice"] = here.dice.choice(PRACTICES)
    staff = here.dice.choice(here.staff)
    return event(here, kind, system, at, data, within_minutes=within, staff=staff, about=about)


def supervisions(here: TeamMonth) -> Iterator[Event]:
    on_time, held = here.drawn("supervision_on_time", NO_BAND)
    for number in range(held):
        data = {
            "on_time": number < on_time,
            "items_due": 6,
            "items_met": sum(here.dice.random() < 0.85 for _ in range(6)),
        }
        yield event(
            here,
            "supervision.completed",
            "hr",
            moment(here, NO_BAND),
            data,
            within_minutes=2880,
            staff=here.dice.choice(here.staff),
        )


def shifts(here: TeamMonth) -> Iterator[Event]:
    for place in range(NO_BAND):
        filled, planned = here.drawn("shifts_filled", place)
        dates = here.dates[place]
        was_filled = shared_out(here, filled, np.ones(planned, dtype=np.int64)).tolist()
        for number, came in enumerate(was_filled):
            yield _shift(here, place, dates[number % len(dates)], filled=bool(came))


def _shift(here: TeamMonth, place: int, day: date, *, filled: bool) -> Event:
    first = 20 * 60 if "night" in BANDS[place] else 8 * 60
    starts, ends = clock(day, first), clock(day, first + 720)
    hours = (ends.astimezone(UTC) - starts.astimezone(UTC)) / timedelta(hours=1)
    # Half of the unfilled shifts had nobody at all, the others somebody for a part.
    worked = hours if filled else here.dice.choice((0.0, round(hours * 0.6, 1)))
    data = {
        "starts_at": starts.isoformat(),
        "ends_at": ends.isoformat(),
        "planned_hours": hours,
        "worked_hours": worked,
        "agency_hours": worked if worked and here.dice.random() < 0.08 else 0.0,
        "role": here.dice.choice(("care_assistant", "care_assistant", "senior_carer")),
    }
    staff = here.dice.choice(here.staff)
    return event(here, "shift.worked", "rota", starts, data, within_minutes=2160, staff=staff)


def medicines(here: TeamMonth) -> Iterator[Event]:
    send = _doses if here.team.each_dose else _rounds
    for place in range(NO_BAND):
        errors, due = here.drawn("medicine_omissions", place)
        timely, given = here.drawn("medicine_on_time", place)
        if due:
            yield from send(here, place, errors, timely, given - timely, due - errors - given)


def _rounds(
    here: TeamMonth, place: int, omitted: int, on_time: int, late: int, not_given: int
) -> Iterator[Event]:
    dates = here.dates[place]
    room = np.full(len(dates), (omitted + on_time + late + not_given) // len(dates))
    refused = not_given * 3 // 4
    columns: dict[str, Sequence[int]] = {"due": room.tolist()}
    for name, total in (("omitted", omitted), ("refused", refused), ("other", not_given - refused),
                        ("late", late)):  # fmt: skip
        dealt = shared_out(here, total, room)
        columns[name] = dealt.tolist()
        room = room - dealt
    columns["on_time"] = room.tolist()
    slots = DUE_BY_NIGHT if "night" in BANDS[place] else DUE_BY_DAY[:1]
    for number, day in enumerate(dates):
        data = {name: values[number] for name, values in columns.items()}
        at = clock(day, slots[0] + here.dice.randint(0, 50))
        staff = here.dice.choice(here.staff)
        yield event(here, "medication.round", "emar", at, data, within_minutes=90, staff=staff)


def _doses(
    here: TeamMonth, place: int, errors: int, timely: int, late: int, not_given: int
) -> Iterator[Event]:
    outcomes = ["timely"] * timely + ["late"] * late + ["error"] * errors
    outcomes += ["not_given"] * not_given
    outcomes += ["uncounted"] * round(len(outcomes) * 0.06)
    here.dice.shuffle(outcomes)
    slots = DUE_BY_NIGHT if "night" in BANDS[place] else DUE_BY_DAY
    for outcome in outcomes:
        due_at = here.dice.choice(slots)
        yield _dose(here, here.dice.choice(here.dates[place]), due_at, outcome)


def _dose(here: TeamMonth, day: date, due_minute: int, outcome: str) -> Event:
    dice = here.dice
    due, given = clock(day, due_minute), None
    data: dict[str, Any] = {}
    if outcome == "timely":
        data["status"] = dice.choice(("given", "given", "given", "given", "prompted"))
        given = clock(day, due_minute + dice.randint(-10, 55))
    elif outcome == "late":
        data["status"] = dice.choice(("given", "given_late", "given_late", "backfilled_given"))
        given = clock(day, due_minute + dice.randint(65, 110))
    elif outcome == "error":
        data["status"] = dice.choice(ERRORS)
    elif outcome == "not_given":
        data["status"] = dice.choice(NOT_GIVEN)
    elif dice.random() < 0.5:
        data |= {"status": "given", "prn": True, "prn_outcome_recorded": dice.random() < 0.8}
        given = clock(day, due_minute + 5)
    else:
        data["status"] = dice.choice(UNCOUNTED)
    if not data.get("prn"):
        data["due_at"] = due.isoformat()
    if given is not None:
        data["given_at"] = given.isoformat()
    if dice.random() < 0.04:
        data |= {"controlled": True, "witnessed": True}
    return event(
        here,
        "medication.administered",
        "emar",
        given or due,
        data,
        within_minutes=600 if data["status"].startswith("backfilled") else 8,
        person=dice.choice(here.residents),
        staff=dice.choice(here.staff),
    )


ROUTINE: Final[tuple[Callable[[TeamMonth], Iterator[Event]], ...]] = (
    census,
    medicines,
    shifts,
    checks,
    supervisions,
)
