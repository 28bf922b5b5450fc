"""When a warning or a trigger opens, goes on and clears: a row a run of looks, the newest last."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calendar import add_months, months_between
from models.tallies import TallyRow
from models.vocabulary import Strand, TallyKind
from tests.evidence_by_hand import AS_OF, cell, cells, context
from tests.looks_by_hand import look
from tests.text_tables import NOTHING, Row, cases
from worker.scoring import conclude, looks_until
from worker.triggers import Kind, Look, Rule, Sighting, recent_words, signals

TEAM = Strand.TEAM_SPREAD

#: 1 it held, 0 it did not, `.` nothing was seen; the newest look is that of September 2026.
RUNS = """
    case                                 | kind    | needs | looks     | newest is   | says
    nothing was ever seen                | trigger | 3     | . . .     | final       | .
    seen, and never held                 | trigger | 3     | 0 0 0     | final       | .
    held once                            | trigger | 3     | . . 1     | final       | watching since 2026-09
    held twice                           | trigger | 3     | 0 1 1     | final       | watching since 2026-08
    three times in a row                 | trigger | 3     | 1 1 1     | final       | open since 2026-07
    as long as is known                  | trigger | 3     | 1 1 1 1 1 | final       | open since 2026-05
    one look without it starts anew      | trigger | 3     | 1 1 0 1 1 | final       | watching since 2026-08
    so does silence                      | trigger | 3     | 1 1 . 1 1 | final       | watching since 2026-08
    ended                                | trigger | 3     | 1 1 1 0   | final       | cleared since 2026-09
    ended in silence                     | trigger | 3     | 1 1 1 .   | final       | cleared since 2026-09
    ended before it was open             | trigger | 3     | . 1 1 0   | final       | .
    ended a look ago                     | trigger | 3     | 1 1 1 0 0 | final       | .
    back at once is not open             | trigger | 3     | 1 1 1 0 1 | final       | watching since 2026-09
    provisional opens no trigger         | trigger | 3     | 0 1 1 1   | provisional | watching since 2026-07
    provisional keeps an open one        | trigger | 3     | 1 1 1 1   | provisional | open since 2026-06
    provisional ends one                 | trigger | 3     | 1 1 1 0   | provisional | cleared since 2026-09
    provisional opens a warning          | warning | 3     | 0 1 1 1   | provisional | open since 2026-07
    a warning waits for its looks        | warning | 3     | 0 0 1 1   | final       | watching since 2026-08
    once is enough                       | trigger | 1     | 0 1       | final       | open since 2026-09
    once is enough at the first look     | trigger | 1     | 1         | final       | open since 2026-09
    once, provisionally                  | trigger | 1     | 0 1       | provisional | watching since 2026-09
    once more, provisionally             | trigger | 1     | 1 1       | provisional | open since 2026-08
    once and no more                     | trigger | 1     | 1 0       | final       | cleared since 2026-09
"""  # noqa: E501  # a row is read as one line


def rule(marks: dict[date, Iterable[Sighting]], kind: Kind = Kind.TRIGGER, needs: int = 3) -> Rule:
    return Rule(TEAM, kind, "made_up", "It is so.", 1.0, needs, lambda at: marks[at.score.as_of])


def watched(
    marks: list[list[Sighting]],
    kind: Kind = Kind.TRIGGER,
    needs: int = 3,
    *,
    provisional: bool = False,
) -> list[dict[str, Any]]:
    months = months_between(add_months(AS_OF, 1 - len(marks)), AS_OF)
    of = rule(dict(zip(months, marks, strict=True)), kind, needs)
    return signals(
        (of,), kind, [look(TEAM, {}, month) for month in months], provisional=provisional
    )


def one(mark: str, segment: str = "oak", word: str = "") -> list[Sighting]:
    return [] if mark == NOTHING else [Sighting(segment, float(mark), mark == "1", word)]


def said(found: list[dict[str, Any]]) -> str:
    return ", ".join(f"{each['state']} since {each['since']}" for each in found) or NOTHING


@pytest.mark.parametrize("row", cases(RUNS))
def test_it_opens_goes_on_and_clears_by_looks_in_a_row(row: Row) -> None:
    marks = [one(mark) for mark in row["looks"].split()]
    found = watched(
        marks, Kind(row["kind"]), int(row["needs"]), provisional=row["newest is"] == "provisional"
    )
    assert said(found) == row["says"]


def test_all_that_was_seen_stands_in_its_history() -> None:
    nothing, low = [Sighting("oak", None, False)], [Sighting("oak", np.nan, False)]
    (found,) = watched([[], nothing, low, one("1"), [Sighting("oak", 1.23456789012, True)]])
    assert found == {
        "code": "made_up", "segment": "oak", "word": None, "of": None, "state": "watching",
        "text": "It is so.", "figure": 1.23456789, "threshold": 1.0, "since": "2026-08",
        "or_before": False, "looks": 2, "looks_needed": 3,
        "history": [
            {"as_of": "2026-05", "figure": None, "met": False},
            {"as_of": "2026-06", "figure": None, "met": False},
            {"as_of": "2026-07", "figure": None, "met": False},
            {"as_of": "2026-08", "figure": 1.0, "met": True},
            {"as_of": "2026-09", "figure": 1.23456789, "met": True},
        ],
    }  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(found)) == found


def test_a_cleared_one_has_no_figure_where_nothing_is_seen_any_more() -> None:
    (found,) = watched([one("1"), one("1"), one("1"), []])
    assert (found["state"], found["figure"], found["looks"]) == ("cleared", None, 0)


def test_each_word_and_segment_is_counted_by_itself() -> None:
    marks = [
        one("1", "oak", "food") + one("1", "elm", "food"),
        one("1", "oak", "food") + one("1", "oak", "safety"),
        one("1", "oak", "food") + one("1", "oak", "safety"),
    ]
    assert [(each["segment"], each["word"], each["state"]) for each in watched(marks)] == [
        ("oak", "food", "open"),
        ("oak", "safety", "watching"),
    ]


def test_the_whole_strand_has_no_segment() -> None:
    (found,) = watched([one("1", "")], needs=1)
    assert found["segment"] is None


def test_a_threshold_of_its_own_goes_before_that_of_the_rule() -> None:
    (found,) = watched([[Sighting("oak", 0.4, True, threshold=0.5)]], needs=1)
    assert found["threshold"] == 0.5


def test_rules_of_other_strands_and_kinds_say_nothing() -> None:
    at = [look(Strand.SHIFT_COVERAGE, {})]
    assert signals((rule({AS_OF: one("1")}),), Kind.TRIGGER, at, provisional=False) == []
    assert signals((rule({AS_OF: one("1")}),), Kind.WARNING, [look(TEAM, {})],
                   provisional=False) == []  # fmt: skip
    assert signals((), Kind.TRIGGER, [], provisional=False) == []


MARKS = st.lists(st.sampled_from("01."), min_size=1, max_size=8)


@given(MARKS, MARKS, st.sampled_from((1, 3)), st.booleans())
def test_what_was_before_a_break_changes_nothing_but_the_history(
    before: list[str], after: list[str], needs: int, provisional: bool
) -> None:
    whole, part = (
        watched([one(mark) for mark in marks], needs=needs, provisional=provisional)
        for marks in ([*before, "0", *after], ["0", *after])
    )
    for each in (*whole, *part):
        del each["history"]
    assert whole == part


@given(MARKS, st.sampled_from((1, 3)))
def test_a_provisional_look_is_never_stricter_than_the_final_one(
    marks: list[str], needs: int
) -> None:
    rank = {NOTHING: 0, "cleared": 0, "watching": 1, "open": 2}
    early, late = (
        said(watched([one(mark) for mark in marks], needs=needs, provisional=each))
        for each in (True, False)
    )
    assert rank[early.split()[0]] <= rank[late.split()[0]]


def test_a_tally_counts_where_its_strand_says_it_lies() -> None:
    rows = [
        TallyRow(AS_OF, TallyKind.WEAK_THEME, "food", "oak", "east", "weekend_day", 2),
        TallyRow(AS_OF, TallyKind.WEAK_THEME, "food", "oak", "east", "", 1),
        TallyRow(AS_OF, TallyKind.WEAK_THEME, "food", "", "", "", 5),
        TallyRow(AS_OF, TallyKind.POSITIVE_THEME, "food", "oak", "east", "weekend_day", 7),
    ]
    for strand, found in (
        (TEAM, {("oak", "food"): 3}),
        (Strand.SHIFT_COVERAGE, {("weekend_day", "food"): 2}),
    ):
        at = Look(look(strand, {}).score, context(), rows)
        assert recent_words(at, TallyKind.WEAK_THEME, 3) == found


def test_a_trigger_stays_open_into_the_next_year_of_looks_while_late_evidence_is_due() -> None:
    """July 2026 is the thirteenth look of a programme that started in June 2025."""
    names = ("oak", "elm", "ash")
    poor = [
        cell(month, "handover_quality", code, 5, 10, band=band)
        for month in months_between(date(2024, 12, 1), AS_OF)
        for code in names
        for band in ("weekday_day", "weekday_night")
    ]
    as_of, of = date(2026, 7, 1), context(names)
    rows = cells(names) + poor
    for now, provisional in ((datetime(2026, 8, 2, tzinfo=UTC), True),
                             (datetime(2026, 8, 20, tzinfo=UTC), False)):  # fmt: skip
        concluded = conclude(of, rows, [as_of], now, date(2024, 12, 1))[as_of]
        found = concluded.content["strands"]["shift_coverage"]["triggers"]
        weak = [each for each in found if each["code"] == "weaker_handovers"]
        assert concluded.provisional is provisional
        assert [each["state"] for each in weak] == ["open", "open"]
        assert {each["figure"] for each in weak} == {-9.0}
        assert {each["since"] for each in weak} == {"2026-04"}


def test_looks_reach_back_over_their_year_and_a_repeated_trigger_before_it() -> None:
    of = context()
    for look_of_year, reached in ((1, 4), (2, 4), (4, 4), (5, 5), (12, 12)):
        as_of = add_months(date(2026, 6, 1), look_of_year)
        assert len(looks_until(of, as_of, None)) == reached
    assert len(looks_until(of, date(2025, 8, 1), None)) == 2
    assert looks_until(of, date(2025, 6, 1), None) == {}
