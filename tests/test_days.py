"""What an event adds to its day: an event in, sums out, row by row."""

from datetime import date

import pytest

from models.counting import StoredEvent, count
from models.days import sum_days
from tests.text_tables import HOME, Row, cases, event

NAMES = ("events", "near", "due", "escalated", "rated", "rating", "fft", "positive")


def added(*events: StoredEvent) -> str:
    """`day category harm: sums that are not 0`, one line a day."""
    found = sum_days(count(events, HOME))
    lines = []
    for (day, _, _, _, category, harm), sums in sorted(found.items()):
        said = [f"{name} {value}" for name, value in zip(NAMES, sums, strict=True) if value]
        lines.append(f"{day.day} {category} {harm}".strip() + ": " + ", ".join(said))
    return "; ".join(lines) or "."


SUMS = """
    an event                          | kind                | says                                                            | adds
    a fall                            | incident.reported   | category=fall harm=low                                          | 11 fall low: events 1
    a near miss                       | incident.reported   | category=medicines harm=none near_miss                          | 11 medicines none: events 1, near 1
    escalated in time                 | incident.reported   | category=fall harm=severe escalation_due escalated_on_time      | 11 fall severe: events 1, due 1, escalated 1
    escalated too late                | incident.reported   | category=fall harm=severe escalation_due                        | 11 fall severe: events 1, due 1
    a rating of a person              | feedback.received   | respondent=person rating=4.5                                    | 11 person: events 1, rated 1, rating 450
    a rating of staff                 | feedback.received   | respondent=staff rating=3                                       | 11 staff: events 1, rated 1, rating 300
    friends and family are content    | feedback.received   | respondent=family fft=very_good                                 | 11 family: events 1, fft 1, positive 1
    they are not                      | feedback.received   | respondent=family fft=poor                                      | 11 family: events 1, fft 1
    they cannot say                   | feedback.received   | respondent=family fft=dont_know                                 | 11 family: events 1
    a complaint                       | complaint.received  | respondent=family theme=food                                    | 11 family: events 1
    a complaint of staff              | complaint.received  | respondent=staff                                                | 11 staff: events 1
    thanks                            | compliment.received | respondent=advocate                                             | 11 advocate: events 1
    a dose                            | medication.administered | status=given                                                | .
    an audit                          | audit.completed     | audit=x items_due=9 items_met=9                                 | .
"""  # noqa: E501 - a row is a case


@pytest.mark.parametrize("row", cases(SUMS))
def test_event_adds_to_its_day(row: Row) -> None:
    assert added(event(row["kind"], row["says"])) == row["adds"]


def test_days_are_those_of_the_local_clock() -> None:
    late = event("incident.reported", "category=fall harm=low", "2026-05-11T23:30:00+00:00")
    assert added(late) == "12 fall low: events 1"


def test_only_the_latest_answer_of_a_person_is_in_a_day() -> None:
    first = event("feedback.received", "respondent=person rating=1", "2026-05-04 10:00", person="p")
    then = event("feedback.received", "respondent=person rating=5", "2026-05-12 10:00", person="p")
    assert added(first, then) == "12 person: events 1, rated 1, rating 500"


def test_events_of_one_day_add_up_by_what_they_are() -> None:
    falls = [event("incident.reported", "category=fall harm=low", source=f"s{n}") for n in range(3)]
    other = event("incident.reported", "category=fall harm=none near_miss")
    assert added(*falls, other) == "11 fall low: events 3; 11 fall none: events 1, near 1"
    (day, team, *_), *_ = sum_days(count(falls, HOME))
    assert (day, team) == (date(2026, 5, 11), "oak")
