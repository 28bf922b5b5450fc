"""Which month, and as known when: the two questions that every view takes."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Query

from api.problems import Problem
from models.calendar import add_months, month_of

AsOf = Annotated[
    str | None,
    Query(
        description="Month `YYYY-MM` to judge; by default the last one that has ended.",
        examples=["2026-09"],
    ),
]
KnownAt = Annotated[
    str | None,
    Query(
        description="Instant with an offset: answer as it was known then, never recomputed.",
        examples=["2026-10-06T09:00:00+01:00"],
    ),
]
#: No event can be older; a month asked for is scored and kept up to date from then on.
EARLIEST_MONTH = "2000-01"
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """A month that has ended at `known_at`, or by now."""

    as_of: date
    known_at: datetime | None
    explicit: bool


def refuse(parameter: str, code: str, detail: str) -> Problem:
    error = {"code": code, "pointer": f"/{parameter}", "detail": detail, "in": "query"}
    return Problem("invalid", errors=[error])


def month_asked(parameter: str, value: str) -> date:
    if not MONTH.fullmatch(value):
        raise refuse(parameter, "not_a_month", "Write a month as YYYY-MM, such as 2026-09.")
    if value < EARLIEST_MONTH:
        raise refuse(
            parameter, "too_early", f"Evidence starts in {EARLIEST_MONTH} at the earliest."
        )
    return date(int(value[:4]), int(value[5:]), 1)


def known_in(known_at: str, now: datetime) -> datetime:
    """The instant as of which is asked what was known. 422 for one that nobody can answer."""
    # A '+' that was not percent-encoded arrives as a space.
    written = known_at.replace(" ", "+") if re.search(r" \d\d:?\d\d$", known_at) else known_at
    try:
        known = datetime.fromisoformat(written)
    except ValueError:
        raise refuse(
            "known_at", "not_an_instant", "Write it as 2026-10-06T09:00:00+01:00."
        ) from None
    if known.tzinfo is None:
        raise refuse("known_at", "naive_time", "Add an offset, such as Z or +01:00.")
    if known > now:
        raise refuse("known_at", "in_future", "Nobody knows yet what will be known then.")
    if known.year < 2001:
        raise refuse("known_at", "too_early", "Nothing was known before 2001.")
    return known


def asked(as_of: str | None, known_at: str | None, now: datetime) -> Asked:
    """Check `as_of` and `known_at`; an open or a future month cannot be judged."""
    known = None if known_at is None else known_in(known_at, now)
    at = known or now
    last_ended = add_months(month_of(at), -1)
    if as_of is None:
        return Asked(last_ended, known, explicit=False)
    month = month_asked("as_of", as_of)
    if month > last_ended:
        ended = f"{last_ended:%Y-%m}"
        raise refuse("as_of", "month_not_ended", f"The last month that has ended is {ended}.")
    return Asked(month, known, explicit=month != last_ended)
