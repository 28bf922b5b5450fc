"""Monthly counts of a simulated service as the events an integrator would have sent.

Adding up the latest versions of these events gives the drawn counts again. Knows nothing of HTTP.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final

import numpy as np

from cli.simulate import Plan, days_by_place, visits
from cli.simulate_draw import Counts
from cli.simulate_envelope import Event, TeamMonth, nhs_number
from cli.simulate_routine import ROUTINE
from cli.simulate_voices import (
    Complained,
    complaints,
    compliments,
    feedback,
    incidents,
    unattributed,
)

INITIALS: Final = "abcdefghjklmnoprst"
STAFF_OF_A_TEAM: Final = 14
#: Share of events of a type whose first version was wrong and was put right later.
CORRECTED: Final = {
    "audit.completed": 0.02,
    "handover.completed": 0.002,
    "incident.reported": 0.03,
    "medication.administered": 0.001,
}
#: Share of incidents that were entered twice; the second entry is retracted.
ENTERED_TWICE: Final = 0.01


def events(plan: Plan, counts: Counts, rng: np.random.Generator, now: datetime) -> Iterator[Event]:
    """Events of every team and month, oldest month first, each wrong version before the right one.

    `now` is the clock of the sender: nothing is written down after it. Ids depend only on the
    service, team, month and type, so that sending the same draw again adds nothing.
    """
    dice = Random(int(rng.integers(2**62)))  # noqa: S311 - made-up evidence, nothing secret
    planned = visits(plan)
    complained: Complained = {}
    first_person = int(plan.service.rpartition("-")[2]) % 1000 * 1000
    for m, month in enumerate(plan.calendar):
        dates = days_by_place(month)
        for t, team in enumerate(plan.teams):
            first = first_person + 100 * t
            here = TeamMonth(
                service=plan.service,
                provider_slug=plan.name.lower().replace(" ", "-"),
                team=team,
                month=month,
                dates=dates,
                x=counts.x[t, :, :, m],
                n=counts.n[t, :, :, m],
                sum_squares=counts.sum_squares[t, :, :, m],
                visits={code: each[t, :, m] for code, each in planned.items()},
                residents=[nhs_number(first + number) for number in range(team.residents)],
                staff=[_initials(first + number) for number in range(STAFF_OF_A_TEAM)],
                rng=rng,
                dice=dice,
                now=now,
                made=Counter(),
            )
            for family in (*ROUTINE, incidents, feedback, compliments):
                for each in family(here):
                    yield from _history(here, each)
            yield from complaints(here, complained)
            if t == 0:
                yield from unattributed(here, month)


def _history(here: TeamMonth, right: Event) -> Iterator[Event]:
    """An event as it reached us: sometimes wrong at first, sometimes entered twice."""
    chance = here.dice.random()
    if chance < CORRECTED.get(right["type"], 0):
        found = datetime.fromisoformat(right["recorded_at"]) + timedelta(
            days=here.dice.randint(1, 12)
        )
        yield right | {"data": right["data"] | _first_thought(right)}
        yield right | {"version": 2, "recorded_at": min(found, here.now).isoformat()}
        return
    yield right
    if right["type"] == "incident.reported" and chance > 1 - ENTERED_TWICE:
        again = f"{right['id']}-again"
        yield right | {"id": again}
        yield {
            "id": again,
            "source": right["source"],
            "service": right["service"],
            "version": 2,
            "retracted": True,
        }


def _first_thought(right: Event) -> dict[str, object]:
    """What the first version said instead."""
    data = right["data"]
    if "harm" in data:
        return {"harm": "none" if data["harm"] != "none" else "low"}
    if "items_met" in data:
        met = data["items_met"]
        return {"items_met": met - 1 if met else met + 1}
    return {"status": "missing_entry" if data["status"] != "missing_entry" else "refused"}


def _initials(number: int) -> str:
    first, second = divmod(number * 7, len(INITIALS))
    return f"{INITIALS[first % len(INITIALS)]}{INITIALS[second]}{number % 1000:03d}"
