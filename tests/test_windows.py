"""Which months are compared, which look that is, and until when it is provisional."""

from datetime import UTC, date, datetime

import pytest

from models.calendar import LONDON, add_months, months_between
from models.context import ProgrammeVersion
from tests.evidence_by_hand import context, programme
from worker.windows import Windows, is_provisional, looks_of_earlier_versions, windows_of


def month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def windows(as_of: str, *programmes: ProgrammeVersion, first: str | None = None) -> Windows:
    evidence = None if first is None else month(first)
    return windows_of(context(programmes=programmes), month(as_of), evidence)


def span(window: tuple[date, date] | None) -> str:
    return "none" if window is None else f"{window[0]:%Y-%m}..{window[1]:%Y-%m}"


#: started on, baseline and current months, as_of | baseline, current, look.
TABLE = """
    2026-01-10 6 3 2026-09 | 2025-07..2025-12 2026-07..2026-09 8
    2026-01-10 6 3 2026-03 | 2025-07..2025-12 2026-02..2026-03 2
    2026-01-10 6 3 2026-02 | 2025-07..2025-12 2026-02..2026-02 1
    2026-01-10 6 3 2026-01 | 2025-07..2025-12 none 0
    2026-01-01 6 3 2026-01 | 2025-07..2025-12 2026-01..2026-01 1
    2026-01-01 6 3 2026-03 | 2025-07..2025-12 2026-01..2026-03 3
    2026-01-31 6 3 2026-03 | 2025-07..2025-12 2026-02..2026-03 2
    2026-01-10 12 6 2026-12 | 2025-01..2025-12 2026-07..2026-12 11
    2026-01-10 6 1 2026-09 | 2025-07..2025-12 2026-09..2026-09 8
    2024-12-15 6 3 2026-02 | 2024-06..2024-11 2025-12..2026-02 14
"""


@pytest.mark.parametrize("row", [line.strip() for line in TABLE.strip().splitlines()])
def test_windows_and_look_of_a_programme(row: str) -> None:
    given, expected = (part.split() for part in row.split("|"))
    terms = programme(
        date.fromisoformat(given[0]), baseline_months=int(given[1]), current_months=int(given[2])
    )
    found = windows(given[3], terms)
    assert [span(found.baseline), span(found.current), str(found.look)] == expected
    assert found.start == terms.started_on.replace(day=1)
    assert not found.sliding


def test_start_month_is_in_no_window_unless_it_starts_on_the_first() -> None:
    for day, inside in ((1, True), (2, False)):
        start = date(2026, 1, day)
        for as_of in months_between(date(2026, 1, 1), date(2026, 6, 1)):
            found = windows_of(context(programmes=(programme(start),)), as_of, None)
            judged = months_between(*found.baseline)
            if found.current is not None:
                judged += months_between(*found.current)
            assert (date(2026, 1, 1) in judged) == (inside and as_of <= date(2026, 3, 1))


def test_without_a_programme_three_months_slide_against_six() -> None:
    found = windows("2026-09", first="2024-01")
    assert (span(found.baseline), span(found.current)) == ("2026-01..2026-06", "2026-07..2026-09")
    assert found.sliding
    assert not found.post_hoc
    assert found.start == date(2026, 7, 1)


@pytest.mark.parametrize(("as_of", "look"), [("2026-09", 1), ("2026-10", 2), ("2027-09", 13)])
def test_sliding_looks_count_from_the_first_month_with_nine_of_history(
    as_of: str, look: int
) -> None:
    assert windows(as_of, first="2026-01").look == look


def test_sliding_look_is_never_below_one() -> None:
    assert windows("2026-03", first="2026-01").look == 1
    assert windows("2026-03").look == 1


def test_newest_version_answers_and_looks_already_spent_stay_spent() -> None:
    first = programme(date(2026, 1, 10), registered_at=datetime(2026, 1, 5, tzinfo=UTC))
    # Registered in June: February to May had ended under the first version, four looks.
    second = programme(
        date(2026, 6, 10), version=2, registered_at=datetime(2026, 6, 9, 12, tzinfo=UTC)
    )
    found = windows("2026-09", first, second)
    assert span(found.baseline) == "2025-12..2026-05"
    assert looks_of_earlier_versions(context(programmes=(first, second))) == 4
    assert found.look == 4 + 3


def test_version_replaced_before_its_first_month_ended_spent_no_look() -> None:
    first = programme(date(2026, 1, 10), registered_at=datetime(2026, 1, 5, tzinfo=UTC))
    second = programme(
        date(2026, 1, 20), version=2, registered_at=datetime(2026, 2, 27, tzinfo=UTC)
    )
    assert looks_of_earlier_versions(context(programmes=(first, second))) == 0


def test_changing_the_programme_never_buys_a_look_back() -> None:
    versions = [
        programme(
            date(2026, start, 10),
            version=place,
            registered_at=datetime(2026, start, 20, tzinfo=UTC),
        )
        for place, start in enumerate((1, 3, 4, 8), 1)
    ]
    spent = [looks_of_earlier_versions(context(programmes=versions[:n])) for n in range(1, 5)]
    assert spent == sorted(spent)
    assert spent[-1] >= len(months_between(date(2026, 2, 1), date(2026, 7, 1))) - len(versions)


@pytest.mark.parametrize(
    ("registered_at", "post_hoc"),
    [
        (datetime(2026, 2, 27, 12, tzinfo=UTC), False),
        (datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 1, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 8, 1, tzinfo=UTC), True),
    ],
)
def test_registered_after_its_first_current_month_is_post_hoc(
    registered_at: datetime, *, post_hoc: bool
) -> None:
    late = programme(date(2026, 1, 10), registered_at=registered_at)
    assert windows("2026-09", late).post_hoc == post_hoc


def test_end_of_the_first_current_month_is_that_of_the_local_clock() -> None:
    # July ends on the local clock an hour before it ends in UTC.
    for at, post_hoc in (
        (datetime(2026, 7, 31, 22, 59, tzinfo=UTC), False),
        (datetime(2026, 7, 31, 23, 0, tzinfo=UTC), True),
    ):
        late = programme(date(2026, 6, 10), registered_at=at)
        assert windows("2026-09", late).post_hoc == post_hoc


@pytest.mark.parametrize(
    ("at", "provisional"),
    [
        (datetime(2026, 10, 1, 0, 0, tzinfo=LONDON), True),
        (datetime(2026, 10, 5, 23, 59, 59, tzinfo=LONDON), True),
        (datetime(2026, 10, 6, 0, 0, tzinfo=LONDON), False),
        # The local clock is an hour ahead: the day is over before it is in UTC.
        (datetime(2026, 10, 5, 22, 59, tzinfo=UTC), True),
        (datetime(2026, 10, 5, 23, 0, tzinfo=UTC), False),
    ],
)
def test_month_is_provisional_until_the_end_of_look_day_on_the_local_clock(
    at: datetime, *, provisional: bool
) -> None:
    assert is_provisional(month("2026-09"), 5, at) == provisional


def test_in_winter_the_local_day_ends_with_the_day_in_utc() -> None:
    assert is_provisional(month("2026-12"), 5, datetime(2027, 1, 5, 23, 59, tzinfo=UTC))
    assert not is_provisional(month("2026-12"), 5, datetime(2027, 1, 6, 0, 0, tzinfo=UTC))


@pytest.mark.parametrize("look_day", [1, 28])
def test_any_look_day_lies_in_every_month(look_day: int) -> None:
    for as_of in months_between(month("2026-01"), month("2027-12")):
        after = add_months(as_of, 1)
        last = datetime(after.year, after.month, look_day, 23, 59, tzinfo=LONDON)
        assert is_provisional(as_of, look_day, last)
