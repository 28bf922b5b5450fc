"""Which reviews are asked for when: a row a day, as a Registered Manager would say it."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calendar import LONDON, add_months, local_date, months_between
from models.reviews import CADENCE, ReviewState, first_of_period, overdue, periods_due
from models.vocabulary import Role
from tests.text_tables import NOTHING, Row, cases

#: The look day is the 5th and there are 14 days of grace.
DAYS = """
    case                                 | role               | set up  | on         | held    | says
    a month that is not over             | registered_manager | 2026-09 | 2026-09-30 |         | .
    a month has ended                    | registered_manager | 2026-09 | 2026-10-01 |         | 2026-09 upcoming
    the day before its figures are final | registered_manager | 2026-09 | 2026-10-04 |         | 2026-09 upcoming
    its figures are final                | registered_manager | 2026-09 | 2026-10-05 |         | 2026-09 due
    the last day of grace                | registered_manager | 2026-09 | 2026-10-18 |         | 2026-09 due
    after the days of grace              | registered_manager | 2026-09 | 2026-10-19 |         | 2026-09 overdue
    it was held                          | registered_manager | 2026-09 | 2026-10-19 | 2026-09 | 2026-09 done
    it was held early                    | registered_manager | 2026-09 | 2026-10-02 | 2026-09 | 2026-09 done
    the next month becomes due           | registered_manager | 2026-09 | 2026-11-10 |         | 2026-09 overdue, 2026-10 due
    the later one was held               | registered_manager | 2026-09 | 2026-11-10 | 2026-10 | 2026-09 overdue, 2026-10 done
    months before the set-up             | registered_manager | 2026-10 | 2026-11-10 |         | 2026-10 due
    a quarter that is not over           | senior_leader      | 2026-07 | 2026-09-30 |         | .
    a quarter has ended                  | senior_leader      | 2026-07 | 2026-10-01 |         | 2026-07 upcoming
    its last figures are final           | senior_leader      | 2026-07 | 2026-10-05 |         | 2026-07 due
    its days of grace are over           | senior_leader      | 2026-07 | 2026-10-19 |         | 2026-07 overdue
    it stays overdue                     | senior_leader      | 2026-07 | 2026-12-31 |         | 2026-07 overdue
    the next quarter becomes due         | senior_leader      | 2026-07 | 2027-01-05 | 2026-07 | 2026-07 done, 2026-10 due
    set up in its last month             | senior_leader      | 2026-09 | 2026-10-06 |         | 2026-07 due
    set up after it                      | senior_leader      | 2026-10 | 2026-10-06 |         | .
    a quarter at the turn of the year    | senior_leader      | 2025-12 | 2026-01-20 |         | 2025-10 overdue
"""  # noqa: E501  # a row is read as one line


def at(day: str | date) -> datetime:
    return datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=LONDON)


def month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


@pytest.mark.parametrize("row", cases(DAYS))
def test_a_review_becomes_due_overdue_and_done(row: Row) -> None:
    now = at(row["on"])
    held = {month(each): local_date(now) for each in row["held"].split()}
    periods = periods_due(month(row["set up"]), now, 5, 14)[Role(row["role"])]
    said = [
        f"{period.first:%Y-%m} {period.state(local_date(now), held.get(period.first))}"
        for period in periods
    ]
    assert (", ".join(said) or NOTHING) == row["says"]


def test_the_day_turns_on_the_local_clock() -> None:
    """In June a day of London begins at 23:00 UTC."""
    for moment, state in (
        ("2026-06-18T22:59:59+00:00", ReviewState.DUE),
        ("2026-06-18T23:00:00+00:00", ReviewState.OVERDUE),
    ):
        now = datetime.fromisoformat(moment)
        (period,) = periods_due(date(2026, 5, 1), now, 5, 14)[Role.REGISTERED_MANAGER]
        assert period.state(local_date(now), None) is state


def test_without_grace_it_is_overdue_on_the_day_it_is_due() -> None:
    (period,) = periods_due(date(2026, 9, 1), at("2026-10-05"), 5, 0)[Role.REGISTERED_MANAGER]
    assert period.state(date(2026, 10, 4), None) is ReviewState.UPCOMING
    assert period.state(date(2026, 10, 5), None) is ReviewState.OVERDUE
    assert [period.late(date(2026, 10, day)) for day in (4, 5)] == [False, True]


def test_nothing_older_than_two_years_is_asked_for() -> None:
    periods = periods_due(date(2001, 1, 1), at("2026-11-15"), 5, 14)
    assert periods[Role.REGISTERED_MANAGER][0].first == date(2024, 11, 1)
    assert len(periods[Role.REGISTERED_MANAGER]) == 24
    assert periods[Role.SENIOR_LEADER][0].first == date(2024, 10, 1)


def test_overdue_leaves_out_what_was_held_and_what_has_time() -> None:
    now = at("2026-11-15")
    periods = periods_due(date(2026, 8, 1), now, 5, 14)
    held = {("registered_manager", date(2026, 8, 1))}
    assert [(one.role, one.first) for one in overdue(periods, held, now)] == [
        ("registered_manager", date(2026, 9, 1)),
        ("senior_leader", date(2026, 7, 1)),
    ]


DAYS_OF_YEARS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@given(DAYS_OF_YEARS, st.integers(0, 40), st.integers(1, 28), st.integers(0, 60))
def test_every_month_since_the_service_is_covered_once(
    day: date, months_ago: int, look_day: int, grace_days: int
) -> None:
    since = add_months(day.replace(day=1), -min(months_ago, 24))
    periods = periods_due(since, at(day), look_day, grace_days)
    for role, months in CADENCE.items():
        covered = [
            each for period in periods[role] for each in months_between(period.first, period.last)
        ]
        assert covered == sorted(set(covered))
        assert all(first_of_period(each, role) in {p.first for p in periods[role]}
                   for each in covered)  # fmt: skip
        ended = [each for each in months_between(since, day) if each < day.replace(day=1)]
        open_from = first_of_period(day, role)
        assert {each for each in ended if each < open_from} <= set(covered)
        for period in periods[role]:
            assert period.due_on + timedelta(days=grace_days) == period.overdue_on
            assert period.last < period.due_on
            assert len(months_between(period.first, period.last)) == months
