"""What every simulated event shares: its envelope, its stable id, its moment on the local clock.

Knows the shape of the contract's envelope and made-up people; nothing of any one event type.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, Final

import numpy as np

from cli.simulate import BANDS, INDEX, NO_BAND, Array, Counted, Team
from models.calendar import LONDON
from models.vocabulary import Band

Event = dict[str, Any]

#: Half an hour inside a band, so that no clock change or late minute moves an event out of it.
DAY_MINUTES: Final = (8 * 60 + 30, 19 * 60 + 30)
NIGHT_MINUTES: Final = (20 * 60 + 30, 31 * 60 + 30)
MIDNIGHT: Final = 24 * 60 - 1
OFFICE_MINUTES: Final = (9 * 60, 17 * 60)
#: Numbers that begin like this are never issued to a patient.
NEVER_ISSUED: Final = 999_000_000


@dataclass(frozen=True, slots=True)
class TeamMonth:
    """A team in a month: what was drawn for it, when things may happen, who is there."""

    service: str
    provider_slug: str
    team: Team
    month: date
    #: Dates whose day or night lies in each band.
    dates: list[list[date]]
    x: Counted
    n: Array
    sum_squares: Counted
    visits: Mapping[str, Counted]
    residents: Sequence[str]
    staff: Sequence[str]
    rng: np.random.Generator
    dice: Random
    now: datetime
    #: Events made so far of each type; what ids are counted from.
    made: Counter[str]

    def drawn(self, code: str, place: int) -> tuple[int, int]:
        return int(self.x[place, INDEX[code]]), int(self.n[place, INDEX[code]])


def event(
    here: TeamMonth,
    kind: str,
    system: str,
    at: datetime,
    data: dict[str, Any],
    *,
    within_minutes: int,
    person: str | None = None,
    staff: str | None = None,
    about: dict[str, str] | None = None,
) -> Event:
    """One event in the contract's shape, written down within so many minutes after it happened."""
    here.made[kind] += 1
    number = here.made[kind]
    return {
        "id": f"{here.service}/{here.team.code}/{here.month:%Y-%m}/{kind}/{number:05d}",
        "source": f"{system}:{here.provider_slug}",
        "type": kind,
        "service": here.service,
        "team": here.team.code,
        "occurred_at": at.isoformat(),
        "recorded_at": recorded(here, at, within_minutes).isoformat(),
        "about": about,
        "version": 1,
        "person": person,
        "staff": staff,
        "data": data,
    }


def recorded(here: TeamMonth, at: datetime, within_minutes: int) -> datetime:
    """Mostly soon, one in fifty several days later, never after the injected now."""
    minutes = 1 + int(here.dice.random() ** 2 * within_minutes)
    if here.dice.random() < 0.02:
        minutes += here.dice.randint(1, 9) * 1440
    return min(at + timedelta(minutes=minutes), here.now)


def clock(day: date, minute: int) -> datetime:
    """A minute of the local clock counted from that day's midnight; past 24:00 is the next day."""
    later, of_day = divmod(minute, 1440)
    moment = datetime.combine(day, time(of_day // 60, of_day % 60), LONDON)
    return moment + timedelta(days=later)


def moment(here: TeamMonth, place: int, day: date | None = None) -> datetime:
    """A moment in a band of this month; office hours of a working day when no band is meant."""
    if place == NO_BAND:
        return office_hour(here, 1)
    chosen = day or here.dice.choice(here.dates[place])
    return clock(chosen, here.dice.randint(*_minutes(here, place, chosen)))


def office_hour(here: TeamMonth, earliest_day: int) -> datetime:
    working = here.dates[BANDS.index(Band.WEEKDAY_DAY)]
    day = here.dice.choice([day for day in working if day.day >= earliest_day])
    return clock(day, here.dice.randint(*OFFICE_MINUTES))


def spoken_of(here: TeamMonth, place: int, *, span: bool) -> tuple[datetime, dict[str, str] | None]:
    """When something was said, in office hours, and the earlier time of which it speaks."""
    if place == NO_BAND:
        return office_hour(here, 1), None
    if not span:
        return office_hour(here, 1), {"band": BANDS[place].value}
    earlier = [day for day in here.dates[place] if day.day <= 16]
    begins = moment(here, place, here.dice.choice(earlier))
    about = {
        "from": (begins - timedelta(minutes=15)).isoformat(),
        "to": (begins + timedelta(minutes=15)).isoformat(),
    }
    return office_hour(here, 18), about


def shared_out(here: TeamMonth, total: int, room: Counted) -> Counted:
    """Deal `total` at random over places that each have so much room."""
    dealt: Counted = here.rng.multivariate_hypergeometric(room, total, method="marginals")
    return dealt


def nhs_number(number: int) -> str:
    """A made-up NHS number with a right check digit, from the range that is never issued."""
    for base in (NEVER_ISSUED + 2 * number, NEVER_ISSUED + 2 * number + 1):
        weighted = sum(
            weight * int(digit) for weight, digit in zip(range(10, 1, -1), str(base), strict=True)
        )
        check = (11 - weighted % 11) % 11
        if check < 10:
            return f"{base}{check}"
    raise ValueError(f"no check digit for {number}: two neighbours cannot both lack one")


def _minutes(here: TeamMonth, place: int, day: date) -> tuple[int, int]:
    if "night" not in BANDS[place]:
        return DAY_MINUTES
    last_of_month = (day + timedelta(days=1)).month != here.month.month
    return (NIGHT_MINUTES[0], MIDNIGHT) if last_of_month else NIGHT_MINUTES
