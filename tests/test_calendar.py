from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calendar import (
    CALENDAR_VERSION,
    DEFAULT_PATTERN,
    LONDON,
    ShiftPattern,
    add_months,
    band_minutes,
    band_of,
    band_of_span,
    bank_holidays,
    local_date,
    month_bounds,
    month_of,
    months_between,
)
from models.vocabulary import Band

# What a Registered Manager can check with a calendar at hand: local clock, band.
BY_THE_DEFAULT_PATTERN = """
    ordinary Monday morning            2026-03-02 08:00   weekday_day
    one minute before the day starts   2026-03-02 07:59   weekend_night
    last minute of the day             2026-03-02 19:59   weekday_day
    the night starts                   2026-03-02 20:00   weekday_night
    small hours of Saturday            2026-03-07 02:00   weekday_night
    Saturday after the night           2026-03-07 08:00   weekend_day
    Sunday night                       2026-03-08 23:00   weekend_night
    Sunday's night on Monday           2026-03-09 05:00   weekend_night
    Maundy Thursday's night            2026-04-03 03:00   weekday_night
    Good Friday                        2026-04-03 12:00   weekend_day
    Good Friday night                  2026-04-03 22:00   weekend_night
    Easter Monday night on Tuesday     2026-04-07 04:00   weekend_night
    Easter Tuesday                     2026-04-07 09:00   weekday_day
    New Year's Eve, evening            2025-12-31 21:00   weekday_night
    New Year's Eve, after midnight     2026-01-01 02:00   weekday_night
    New Year's Day                     2026-01-01 09:00   weekend_day
    New Year's Day, night              2026-01-01 23:30   weekend_night
    and its small hours                2026-01-02 06:00   weekend_night
    Boxing Day's substitute            2026-12-28 10:00   weekend_day
    Scotland's holiday is none here    2026-01-02 10:00   weekday_day
    clocks go forward, before          2026-03-29 00:30   weekend_night
    clocks go forward, after           2026-03-29 02:30   weekend_night
    clocks go back                     2026-10-25 01:30   weekend_night
"""

FROM_APRIL_A_LATER_NIGHT = (
    ShiftPattern(date(2026, 4, 7), time(8), time(22)),
    ShiftPattern(date(2026, 6, 1), time(7, 30), time(19, 30)),
)
BY_CHANGING_PATTERNS = """
    before the first pattern           2026-03-31 21:00   weekday_night
    the evening before the change      2026-04-06 21:00   weekend_night
    that night still runs              2026-04-07 07:59   weekend_night
    21:00 is day from the change       2026-04-07 21:00   weekday_day
    22:00 is night from the change     2026-04-07 22:00   weekday_night
    22 to 08, Friday night             2026-04-11 07:59   weekday_night
    22 to 08, Saturday                 2026-04-11 08:00   weekend_day
    the last day of the second         2026-05-31 21:59   weekend_day
    an earlier day ends that night     2026-06-01 07:29   weekend_night
    the third is in force              2026-06-01 07:30   weekday_day
    and its night                      2026-06-01 19:30   weekday_night
"""


def rows(table: str) -> list[tuple[str, datetime, Band]]:
    found = []
    for line in table.strip().splitlines():
        what, day, clock, band = line.rsplit(maxsplit=3)
        at = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=LONDON)
        found.append((what.strip(), at, Band(band)))
    return found


@pytest.mark.parametrize(("what", "at", "band"), rows(BY_THE_DEFAULT_PATTERN))
def test_band_by_the_default_pattern(what: str, at: datetime, band: Band) -> None:
    assert band_of(at, ()) == band, what
    assert band_of(at.astimezone(UTC), (DEFAULT_PATTERN,)) == band, what


@pytest.mark.parametrize(("what", "at", "band"), rows(BY_CHANGING_PATTERNS))
def test_band_by_the_pattern_in_force_on_that_date(what: str, at: datetime, band: Band) -> None:
    assert band_of(at, FROM_APRIL_A_LATER_NIGHT) == band, what
    assert band_of(at, FROM_APRIL_A_LATER_NIGHT[::-1]) == band, "order of patterns is no matter"


@pytest.mark.parametrize(
    ("day", "minutes"),
    [
        (date(2026, 3, 4), {Band.WEEKDAY_DAY: 720, Band.WEEKDAY_NIGHT: 720}),
        (
            date(2026, 4, 3),
            {Band.WEEKDAY_NIGHT: 480, Band.WEEKEND_DAY: 720, Band.WEEKEND_NIGHT: 240},
        ),
        (date(2026, 3, 29), {Band.WEEKEND_DAY: 720, Band.WEEKEND_NIGHT: 660}),
        (date(2026, 10, 25), {Band.WEEKEND_DAY: 720, Band.WEEKEND_NIGHT: 780}),
    ],
)
def test_minutes_of_a_day(day: date, minutes: dict[Band, int]) -> None:
    assert band_minutes(day, ()) == minutes


@pytest.mark.parametrize(("evening", "hours"), [("2026-03-28", 11), ("2026-10-24", 13)])
def test_the_night_of_the_clock_change_has_its_own_hours(evening: str, hours: int) -> None:
    start = datetime.fromisoformat(f"{evening}T20:00").replace(tzinfo=LONDON)
    until = start.astimezone(UTC) + timedelta(hours=hours)
    assert band_of(until - timedelta(minutes=1), ()) == Band.WEEKEND_NIGHT
    assert band_of(until, ()) == Band.WEEKEND_DAY
    assert until.astimezone(LONDON).time() == time(8)


@pytest.mark.parametrize(
    ("start", "end", "band"),
    [
        ("2026-03-06T20:00+00:00", "2026-03-07T08:00+00:00", Band.WEEKDAY_NIGHT),
        ("2026-03-06T14:00+00:00", "2026-03-07T02:00+00:00", Band.WEEKDAY_DAY),  # 6 h each
        ("2026-03-06T15:00+00:00", "2026-03-07T02:00+00:00", Band.WEEKDAY_NIGHT),
        ("2026-03-06T06:00+00:00", "2026-03-07T06:00+00:00", Band.WEEKDAY_NIGHT),  # 2 + 10 to 12
        # A minute of night more than the 12 hours of day; then two nights and Saturday between.
        ("2026-03-06T06:00+00:00", "2026-03-07T06:01+00:00", Band.WEEKDAY_NIGHT),
        ("2026-03-06T20:00+00:00", "2026-03-08T07:00+00:00", Band.WEEKDAY_NIGHT),
        ("2026-03-06T21:00+00:00", "2026-03-08T08:00+00:00", Band.WEEKEND_DAY),
        ("2026-03-06T09:00+00:00", "2026-03-06T09:00+00:00", Band.WEEKDAY_DAY),
        # March's night has 11 h, so the 11 h and a minute of day after it are more.
        ("2026-03-28T20:00+00:00", "2026-03-29T18:01+00:00", Band.WEEKEND_DAY),
        # Three in the afternoon to one o'clock: the first or the second time October has it.
        ("2026-10-24T15:00+01:00", "2026-10-25T01:00+01:00", Band.WEEKEND_DAY),
        ("2026-10-24T15:00+01:00", "2026-10-25T01:00+00:00", Band.WEEKEND_NIGHT),
    ],
)
def test_band_of_a_span(start: str, end: str, band: Band) -> None:
    assert band_of_span(datetime.fromisoformat(start), datetime.fromisoformat(end), ()) == band


def test_span_tied_between_later_bands_takes_the_earlier_of_them() -> None:
    late_nights = (ShiftPattern(date(2026, 1, 1), time(8), time(22)),)
    start = datetime(2026, 3, 6, 21, tzinfo=UTC)  # 1 h weekday day, 10 h night, 10 h Saturday
    assert band_of_span(start, start + timedelta(hours=21), late_nights) == Band.WEEKDAY_NIGHT


def test_span_lasts_as_long_as_really_passed() -> None:
    start = datetime(2026, 10, 24, 8, tzinfo=LONDON)  # 12 h by day, then a night of 13 h
    until = datetime(2026, 10, 25, 7, 30, tzinfo=LONDON)
    assert band_of_span(start, until, ()) == Band.WEEKEND_NIGHT
    a_week_before = timedelta(days=7)
    assert band_of_span(start - a_week_before, until - a_week_before, ()) == Band.WEEKEND_DAY


def test_span_that_ends_before_it_starts_is_refused() -> None:
    start = datetime(2026, 3, 6, 9, tzinfo=UTC)
    with pytest.raises(ValueError, match="before it starts"):
        band_of_span(start, start - timedelta(seconds=1), ())


@pytest.mark.parametrize("reads", [local_date, month_of, lambda at: band_of(at, ())])
def test_instant_without_offset_is_refused(reads: Callable[[datetime], object]) -> None:
    with pytest.raises(ValueError, match="offset"):
        reads(datetime(2026, 3, 6, 9))  # noqa: DTZ001 - the instant that must be refused


@pytest.mark.parametrize(
    ("day_starts", "night_starts", "why"),
    [
        (time(20), time(8), "earlier"),
        (time(8), time(8), "earlier"),
        (time(8, 0, 30), time(20), "whole minute"),
        (time(8, tzinfo=UTC), time(20, tzinfo=UTC), "local clock"),
    ],
)
def test_pattern_that_is_none_is_refused(day_starts: time, night_starts: time, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ShiftPattern(date(2026, 1, 1), day_starts, night_starts)


def test_calendar_is_that_of_england_and_wales_and_says_how_far_it_goes() -> None:
    division, _, last = CALENDAR_VERSION.split("/")
    assert division == "england-and-wales"
    assert date.fromisoformat(last) == max(bank_holidays()) > date(2027, 12, 1)
    assert date(2022, 9, 19) in bank_holidays()  # the State Funeral
    assert date(2026, 11, 30) not in bank_holidays()  # St Andrew's Day


def test_month_is_that_of_the_local_date_even_when_the_night_began_before() -> None:
    assert month_of(datetime(2026, 5, 1, 2, tzinfo=LONDON)) == date(2026, 5, 1)
    assert month_of(datetime(2026, 5, 31, 23, 30, tzinfo=UTC)) == date(2026, 6, 1)
    assert local_date(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == date(2026, 12, 31)


def test_months_are_counted_across_years() -> None:
    assert add_months(date(2026, 1, 31), -2) == date(2025, 11, 1)
    assert months_between(date(2025, 11, 20), date(2026, 2, 3)) == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
    ]
    assert months_between(date(2026, 2, 1), date(2026, 1, 1)) == []


# Laws. Around the clock changes and holidays as often as anywhere else.

PECULIAR_DAYS = (date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25))
days = st.sampled_from(PECULIAR_DAYS) | st.dates(date(2024, 1, 1), date(2028, 12, 31))
instants = st.builds(
    lambda day, second: datetime.combine(day, time(), UTC) + timedelta(seconds=second),
    days,
    st.integers(0, 86_399),
)


@st.composite
def shift_patterns(draw: st.DrawFn) -> Sequence[ShiftPattern]:
    changes = draw(st.lists(days, max_size=3, unique=True))
    found = []
    for effective_from in changes:
        day_starts = draw(st.integers(60, 120) | st.integers(0, 1438))  # the hour that changes
        night_starts = draw(st.integers(day_starts + 1, 1439))
        found.append(ShiftPattern(effective_from, clock(day_starts), clock(night_starts)))
    return found


def clock(minute: int) -> time:
    return time(minute // 60, minute % 60)


@settings(max_examples=60, deadline=None)
@given(days, shift_patterns())
def test_minutes_of_a_day_are_those_counted_one_by_one(
    day: date, patterns: Sequence[ShiftPattern]
) -> None:
    counted: Counter[Band] = Counter()
    at = datetime.combine(day, time(), LONDON).astimezone(UTC)
    while local_date(at) == day:
        counted[band_of(at, patterns)] += 1
        at += timedelta(minutes=1)
    assert band_minutes(day, patterns) == counted


@settings(max_examples=100, deadline=None)
@given(instants, st.integers(0, 2880), shift_patterns())
def test_span_takes_the_band_of_most_minutes(
    start: datetime, minutes: int, patterns: Sequence[ShiftPattern]
) -> None:
    start = start.replace(second=0)
    each = [band_of(start + timedelta(minutes=passed), patterns) for passed in range(minutes)]
    band = band_of_span(start, start + timedelta(minutes=minutes), patterns)
    if not each:
        assert band == band_of(start, patterns)
        return
    counted = Counter(each)
    tied = [held for held, count in counted.items() if count == max(counted.values())]
    assert band == min(tied, key=each.index)


@given(instants)
def test_months_partition_time(at: datetime) -> None:
    starts, ends = month_bounds(month_of(at))
    assert starts <= at < ends
    assert ends == month_bounds(add_months(month_of(at), 1))[0]
    assert month_of(starts) == month_of(ends - timedelta(microseconds=1)) == month_of(at)


@given(days)
def test_minutes_of_a_month_add_up_to_its_bounds(day: date) -> None:
    starts, ends = month_bounds(day)
    passed, each = 0, day.replace(day=1)
    while each < add_months(day, 1):
        passed += sum(band_minutes(each, ()).values())
        each += timedelta(days=1)
    assert passed == (ends - starts) // timedelta(minutes=1)


@given(instants, st.integers(-14, 14))
def test_zone_in_which_an_instant_is_written_is_no_matter(at: datetime, hours: int) -> None:
    elsewhere = at.astimezone(timezone(timedelta(hours=hours)))
    assert band_of(elsewhere, ()) == band_of(at, ())
    assert month_of(elsewhere) == month_of(at)
