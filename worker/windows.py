"""Which months are compared for an `as_of`, and which look of its programme that is."""

from datetime import date, datetime

import msgspec

from models.calendar import add_months, local_date, month_of
from models.context import ServiceContext
from models.programmes import first_current_month, is_post_hoc

#: Without a programme: the last 3 months against the 6 before.
SLIDING_CURRENT, SLIDING_BASELINE = 3, 6


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """Baseline and current months, both ends included; `current` is None before there are any.

    `look` is the number of this look, and `first_full` that of the first one of the programme
    whose current window had all its months.
    """

    baseline: tuple[date, date]
    current: tuple[date, date] | None
    start: date
    sliding: bool
    post_hoc: bool
    look: int
    first_full: int


def months_apart(first: date, last: date) -> int:
    """Months from `first` to `last`, 0 when they are the same."""
    return (last.year - first.year) * 12 + last.month - first.month


def windows_of(context: ServiceContext, as_of: date, first_evidence: date | None) -> Windows:
    """Windows of the newest programme at `as_of`; `first_evidence` is the first month of any."""
    programme = context.programme
    if programme is None:
        return _sliding(as_of, first_evidence)
    start = programme.started_on.replace(day=1)
    first = first_current_month(programme.started_on)
    current = None
    if as_of >= first:
        current = (max(first, add_months(as_of, 1 - programme.current_months)), as_of)
    return Windows(
        baseline=(add_months(start, -programme.baseline_months), add_months(start, -1)),
        current=current,
        start=start,
        sliding=False,
        post_hoc=is_post_hoc(programme.started_on, programme.registered_at),
        look=looks_of_earlier_versions(context) + months_apart(first, as_of) + 1,
        first_full=context.programmes[0].current_months,
    )


def _sliding(as_of: date, first_evidence: date | None) -> Windows:
    current = add_months(as_of, 1 - SLIDING_CURRENT)
    start = add_months(current, -SLIDING_BASELINE)
    ready = add_months(first_evidence or as_of, SLIDING_BASELINE + SLIDING_CURRENT - 1)
    return Windows(
        baseline=(start, add_months(current, -1)),
        current=(current, as_of),
        start=current,
        sliding=True,
        post_hoc=False,
        look=max(months_apart(ready, as_of) + 1, 1),
        first_full=1,
    )


def looks_of_earlier_versions(context: ServiceContext) -> int:
    """Looks that earlier versions of the programme spent while they were in force.

    A look is spent when its month has ended, read or not; changing the programme buys none back.
    """
    spent = 0
    for version, after in zip(context.programmes, context.programmes[1:], strict=False):
        last_ended = last_ended_month(after.registered_at)
        spent += max(months_apart(first_current_month(version.started_on), last_ended) + 1, 0)
    return spent


def last_ended_month(at: datetime) -> date:
    """The newest month that is over on the local clock."""
    return add_months(month_of(at), -1)


def is_provisional(as_of: date, look_day: int, at: datetime) -> bool:
    """Until the end of `look_day` of the next month late evidence is still expected."""
    return local_date(at) <= add_months(as_of, 1).replace(day=look_day)
