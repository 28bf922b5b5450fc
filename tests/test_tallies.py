"""Which words an event is tallied under: an event in, kinds and words out, row by row."""

from datetime import date, time

import msgspec
import pytest

from models.context import PatternInForce
from models.counting import StoredEvent, count
from models.event_types import SHAPES
from models.tallies import tally
from models.vocabulary import TallyKind
from tests.text_tables import HOME, NOTHING, Row, cases, event, listed

MAPPED = msgspec.structs.replace(
    HOME, theme_aliases={"call_bells": "responsiveness", "meals": "food"}
)


def tallied(*events: StoredEvent, kinds: str = "theme") -> str:
    """`kind word` of one month's events, with their number where it is not one."""
    found = tally(count(events, MAPPED), MAPPED)
    return listed(
        f"{kind.removesuffix('_theme')} {word}" + ("" if number == 1 else f" × {number}")
        for (kind, word, *_), number in found.items()
        if kinds in kind
    )


THEMES = """
    names                           | event               | says                                       | tallied
    an audit its weak themes        | audit.completed     | themes=["records","food"]                  | weak food, weak records
    a theme twice                   | audit.completed     | themes=["food","food"]                     | weak food
    a theme and another word for it | audit.completed     | themes=["food","meals"]                    | weak food
    a word with an alias            | audit.completed     | themes=["call_bells"]                      | weak responsiveness
    a word that nobody mapped       | audit.completed     | themes=["lifts"]                           | weak lifts
    no theme                        | audit.completed     | themes=[]                                  | .
    nothing due and a theme         | audit.completed     | items_due=0 items_met=0 themes=["safety"]  | weak safety
    a person complains              | complaint.received  | respondent=person theme=food               | complaint food
    a partner by a source's word    | complaint.received  | respondent=partner theme=meals             | complaint food
    staff complain                  | complaint.received  | respondent=staff theme=food                | .
    a complaint of no theme         | complaint.received  | respondent=family                          | .
    thanks for a theme              | compliment.received | respondent=family theme=food               | .
    an incident                     | incident.reported   | category=fall harm=low themes=["safety"]   | .
"""  # noqa: E501 - data with themes are long


@pytest.mark.parametrize("row", cases(THEMES))
def test_theme_is_tallied_by_what_naming_it_says(row: Row) -> None:
    given = "" if row["event"] != "audit.completed" else "audit=x items_due=9 items_met=9 "
    assert tallied(event(row["event"], given + row["says"])) == row["tallied"]


FEELINGS = """
    answer                         | says                                     | tallied
    rated 1                        | respondent=person rating=1               | negative
    rated 2                        | respondent=family rating=2               | negative
    a little above 2               | respondent=family rating=2.01            | .
    in the middle                  | respondent=advocate rating=3             | .
    a little below 4               | respondent=person rating=3.99            | .
    rated 4                        | respondent=partner rating=4              | positive
    rated 5                        | respondent=person rating=5               | positive
    very poor                      | respondent=person fft=very_poor          | negative
    poor                           | respondent=advocate fft=poor             | negative
    neither                        | respondent=person fft=neither            | .
    good                           | respondent=family fft=good               | positive
    very good                      | respondent=person fft=very_good          | positive
    cannot say                     | respondent=person fft=dont_know          | .
    cannot say and rates           | respondent=person fft=dont_know rating=5 | positive
    a good rating and a poor one   | respondent=person rating=5 fft=poor      | negative
    the other way round            | respondent=person rating=1 fft=good      | negative
    staff are content              | respondent=staff rating=5                | .
    staff are not                  | respondent=staff fft=poor                | .
"""


@pytest.mark.parametrize("row", cases(FEELINGS))
def test_theme_of_an_outside_answer_is_praised_or_complained_of(row: Row) -> None:
    answer = event("feedback.received", f'{row["says"]} themes=["dignity"]')
    kind = row["tallied"]
    assert tallied(answer) == (kind if kind == NOTHING else f"{kind} dignity")


def test_only_the_latest_answer_of_a_person_is_tallied() -> None:
    def answer(day: int, words: str, **fields: str) -> StoredEvent:
        said = f'respondent=person {words} themes=["food"]'
        return event("feedback.received", said, f"2026-05-{day} 10:00", **fields)

    first, then = answer(11, "rating=1", person="p1"), answer(12, "rating=5", person="p1")
    assert tallied(first) == "negative food"
    assert tallied(first, then) == "positive food"
    elsewhere = answer(12, "rating=5", person="p1", source="survey:elm")
    assert tallied(first, elsewhere) == "negative food, positive food"
    assert tallied(answer(11, "rating=1"), answer(12, "rating=2")) == "negative food × 2"


# Days of checks.

DAYS = """
    an observation                   | when                      | band          | weekday
    on a Monday morning              | 2026-05-11 10:00          | weekday_day   | 1
    at the last minute of a day      | 2026-05-15 19:59          | weekday_day   | 5
    on a Friday night                | 2026-05-15 20:00          | weekday_night | 5
    after midnight is Friday still   | 2026-05-16 02:00          | weekday_night | 5
    as the Saturday begins           | 2026-05-16 08:00          | weekend_day   | 6
    on a Sunday                      | 2026-05-17 12:00          | weekend_day   | 7
    Sunday night before Monday       | 2026-05-18 07:59          | weekend_night | 7
    a bank holiday is a Monday       | 2026-05-04 10:00          | weekend_day   | 1
    and so is the night that follows | 2026-05-05 03:00          | weekend_night | 1
    in May it is one hour later here | 2026-05-11T07:30:00+00:00 | weekday_day   | 1
    an hour that clocks skip         | 2026-03-29T01:30:00+00:00 | weekend_night | 6
    a month begins in its last night | 2026-06-01 01:00          | weekend_night | 7
"""


@pytest.mark.parametrize("row", cases(DAYS))
@pytest.mark.parametrize("kind", ["audit.completed", "observation.completed", "knowledge.checked"])
def test_check_is_tallied_on_the_weekday_on_which_its_day_or_night_started(
    kind: str, row: Row
) -> None:
    audit = "audit=x " if kind == "audit.completed" else ""
    check = event(kind, f"{audit}items_due=9 items_met=9", row["when"])
    found = tally(count([check], HOME), HOME)
    assert found == {(TallyKind.CHECK_DAY, row["weekday"], "oak", "", row["band"]): 1}


def test_night_ends_when_the_service_says() -> None:
    early = msgspec.structs.replace(
        HOME, patterns=(PatternInForce(date(2026, 5, 1), time(7), time(22)),)
    )
    check = event("observation.completed", "items_due=9 items_met=9", "2026-05-11 07:30")
    for home, weekday in ((HOME, "7"), (early, "1")):
        [(_, word, *_)] = tally(count([check], home), home)
        assert word == weekday


def test_day_is_that_of_looking_and_the_band_that_looked_at() -> None:
    audit = event("audit.completed", "audit=x items_due=9 items_met=9", about="weekend_night")
    [(_, weekday, _, _, band)] = tally(count([audit], HOME), HOME)
    assert (weekday, band) == ("1", "weekend_night")


SAYS = {
    "handover.completed": "items_due=9 items_met=9",
    "care_record.checked": "items_due=9 items_met=9",
    "self_assessment.recorded": "items_due=9 items_met=9",
    "supervision.completed": "on_time",
    "medication.administered": "status=given",
    "medication.round": "due=1 on_time=1 late=0 omitted=0 refused=0",
    "shift.worked": "planned_hours=12 worked_hours=12 starts_at=08:00 ends_at=20:00",
    "incident.reported": "category=fall harm=low",
    "feedback.received": "respondent=person rating=5",
    "complaint.received": "respondent=person theme=food",
    "compliment.received": "respondent=person theme=food",
}
CHECKS = {"audit.completed", "observation.completed", "knowledge.checked"}


@pytest.mark.parametrize("kind", sorted(set(SHAPES) - CHECKS - {"census.taken"}))
def test_what_is_no_check_has_no_weekday(kind: str) -> None:
    assert tallied(event(kind, SAYS[kind]), kinds="check_day") == NOTHING


def test_events_of_one_word_are_counted_by_place() -> None:
    says = 'audit=x items_due=9 items_met=9 themes=["food"]'
    places = ("oak", "oak", "elm", NOTHING)
    audits = [
        event("audit.completed", says, team=team, event_id=f"A-{number}", area="Garden")
        for number, team in enumerate(places)
    ]
    found = {
        (team, area): events
        for (kind, _, team, area, _), events in tally(count(audits, HOME), HOME).items()
        if kind == TallyKind.WEAK_THEME
    }
    assert found == {("oak", ""): 2, ("elm", ""): 1, ("", "Garden"): 1}
