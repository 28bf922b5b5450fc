"""What an event counts as beside others: all rows of one table happened in one home."""

from collections.abc import Callable
from datetime import date

import msgspec
import pytest

from models.calendar import month_of
from models.context import ServiceContext
from models.counting import StoredEvent, count
from models.slices import months_before
from models.vocabulary import family_of
from tests.text_tables import HOME, NOTHING, Row, cases, event, listed, rows, said_by, wanted_in

Said = dict[str, set[str]]


def outcomes(table: str, send: Callable[[Row], StoredEvent], home: ServiceContext = HOME) -> Said:
    """By row, what its event counts as among all the others, month by month as in cells."""
    of_month: dict[date, list[StoredEvent]] = {}
    for row in rows(table):
        sent = msgspec.structs.replace(send(row), event_id=row["case"])
        of_month.setdefault(month_of(sent.occurred_at), []).append(sent)
    found = {}
    for month, events in of_month.items():
        family = family_of(events[0].type)
        before = months_before(month, family)
        earlier = [sent for each in before for sent in of_month.get(each, [])]
        for one in count(events, home, earlier):
            found[one.event.event_id] = {one.excluded} if one.excluded else said_by([one], family)
    return found


DOSES_AND_ROUNDS = """
    event                                   | team     | when             | dose                | counts
    oak's round: its doses are known singly | oak      | 2026-05-03 08:00 | .                   | superseded_by_detail
    oak's only single dose in May           | oak      | 2026-05-20 08:00 | status=given        | 0/1
    oak's round on the last evening of May  | oak      | 2026-05-31 23:30 | .                   | superseded_by_detail
    oak's round under its other name        | Oak Unit | 2026-05-04 08:00 | .                   | superseded_by_detail
    oak's first round of June               | oak      | 2026-06-01 00:30 | .                   | 1/20
    oak's last round of April               | oak      | 2026-04-30 23:30 | .                   | 1/20
    elm's round: elm sends no doses         | elm      | 2026-05-03 08:00 | .                   | 1/20
    ash's dose that was not due             | ash      | 2026-05-05 08:00 | status=absent_leave | .
    ash's dose when required                | ash      | 2026-05-06 08:00 | status=given prn    | .
    ash's round: no single dose was due     | ash      | 2026-05-03 08:00 | .                   | 1/20
    fir's dose: refused, so it was due      | fir      | 2026-05-05 08:00 | status=refused      | 0/1
    fir's round                             | fir      | 2026-05-03 08:00 | .                   | superseded_by_detail
    a round of no team                      | .        | 2026-05-03 08:00 | .                   | 1/20
"""  # noqa: E501 - the reason for leaving a round out is a long word


def dose_or_round(row: Row) -> StoredEvent:
    if row["dose"] != NOTHING:
        return event("medication.administered", row["dose"], row["when"], team=row["team"])
    numbers = "due=20 on_time=18 late=1 omitted=1 refused=0"
    return event("medication.round", numbers, row["when"], team=row["team"])


@pytest.mark.parametrize("row", cases(DOSES_AND_ROUNDS))
def test_rounds_of_a_month_give_way_to_single_doses_of_the_team(row: Row) -> None:
    found = outcomes(DOSES_AND_ROUNDS, dose_or_round)[row["case"]]
    said = {one.removeprefix("medicine_omissions ") for one in found}
    assert listed(one for one in said if not one.startswith("medicine_")) == row["counts"]


VOICES_OF_PERSONS = """
    answer                           | who | source | team | when             | says                            | counts
    Ann's latest answer in May       | ann | survey | oak  | 2026-05-30 10:00 | respondent=person rating=5      | experience_rating 5/1
    Ann's first answer in May        | ann | survey | oak  | 2026-05-02 10:00 | respondent=person rating=2      | later_answer_counts
    Ann's second, at another team    | ann | survey | elm  | 2026-05-09 10:00 | respondent=person rating=3      | later_answer_counts
    Ann to another source            | ann | portal | oak  | 2026-05-03 10:00 | respondent=person rating=4      | experience_rating 4/1
    Ann half an hour into June       | ann | survey | oak  | 2026-06-01 00:30 | respondent=person rating=3      | experience_rating 3/1
    Ann on the last evening of April | ann | survey | oak  | 2026-04-30 23:30 | respondent=person rating=1      | experience_rating 1/1
    Bob's rating, then he said good  | bob | survey | oak  | 2026-05-03 10:00 | respondent=family rating=5      | later_answer_counts
    Bob's latest, in other words     | bob | survey | oak  | 2026-05-04 10:00 | respondent=family fft=good      | experience_positive 1/1
    Cat's good, then she was unsure  | cat | survey | oak  | 2026-05-03 10:00 | respondent=person fft=good      | later_answer_counts
    Cat's latest: she does not know  | cat | survey | oak  | 2026-05-04 10:00 | respondent=person fft=dont_know | .
    a carer's first answer           | dan | survey | oak  | 2026-05-03 10:00 | respondent=staff rating=2       | later_answer_counts
    a carer's latest answer          | dan | survey | oak  | 2026-05-05 10:00 | respondent=staff rating=4       | staff_experience 4/1
    somebody unnamed                 | .   | survey | oak  | 2026-05-03 10:00 | respondent=family rating=4      | experience_rating 4/1
    unnamed, a minute later          | .   | survey | oak  | 2026-05-03 10:01 | respondent=family rating=4      | experience_rating 4/1
"""  # noqa: E501 - who, where and when decide, all in one row


def answer(row: Row) -> StoredEvent:
    who = None if row["who"] == NOTHING else row["who"]
    return event(
        "feedback.received",
        row["says"],
        row["when"],
        team=row["team"],
        source=row["source"],
        person=who,
    )


@pytest.mark.parametrize("row", cases(VOICES_OF_PERSONS))
def test_a_person_has_one_voice_a_source_and_month_the_latest(row: Row) -> None:
    assert listed(outcomes(VOICES_OF_PERSONS, answer)[row["case"]]) == row["counts"]


COMPLAINTS = """
    complaint                               | team | area   | theme    | from   | when             | complaints | repeated
    about food, the first                   | oak  | .      | food     | family | 2026-01-10 23:50 | 1          | 0/1
    about food, 90 days later               | oak  | .      | food     | person | 2026-04-10 00:10 | 1          | 1/1
    about food, 91 days after that          | oak  | .      | food     | family | 2026-07-10 00:00 | 1          | 0/1
    about food, the same day again          | oak  | .      | food     | person | 2026-07-10 09:00 | 1          | 1/1
    about another theme                     | oak  | .      | dignity  | family | 2026-04-11 10:00 | 1          | 0/1
    about food in another team              | elm  | .      | food     | family | 2026-04-11 10:00 | 1          | 0/1
    about food there, 89 days later         | elm  | .      | food     | family | 2026-07-09 10:00 | 1          | 1/1
    without a theme                         | ash  | .      | .        | family | 2026-04-11 10:00 | 1          | 0/1
    without a theme again                   | ash  | .      | .        | family | 2026-04-12 10:00 | 1          | 0/1
    of staff about records                  | ash  | .      | records  | staff  | 2026-05-01 10:00 | .          | .
    of a family that only staff made before | ash  | .      | records  | family | 2026-05-02 10:00 | 1          | 0/1
    of no team, in the garden wing          | .    | Garden | safety   | family | 2026-05-01 10:00 | 1          | 0/1
    of no team, in the garden wing again    | .    | Garden | safety   | family | 2026-05-20 10:00 | 1          | 1/1
    of no team, in the east wing            | .    | East   | safety   | family | 2026-05-21 10:00 | 1          | 0/1
    of no team and no wing                  | .    | .      | safety   | family | 2026-05-22 10:00 | 1          | 0/1
    by winter time                          | fir  | .      | staffing | family | 2026-03-28 23:30 | 1          | 0/1
    90 days on, by the clock of summer      | fir  | .      | staffing | family | 2026-06-26 23:59 | 1          | 1/1
    by winter time, about food              | fir  | .      | food     | family | 2026-03-28 23:30 | 1          | 0/1
    91 days on, by UTC only 90              | fir  | .      | food     | family | 2026-06-27 00:10 | 1          | 0/1
"""  # noqa: E501 - who, where and when decide, all in one row


def complaint(row: Row) -> StoredEvent:
    theme = "" if row["theme"] == NOTHING else f"theme={row['theme']}"
    area = None if row["area"] == NOTHING else row["area"]
    said = f"respondent={row['from']} {theme}"
    return event("complaint.received", said, row["when"], team=row["team"], area=area)


@pytest.mark.parametrize("row", cases(COMPLAINTS))
def test_complaint_repeats_one_of_its_team_and_theme_in_the_90_days_before(row: Row) -> None:
    assert outcomes(COMPLAINTS, complaint)[row["case"]] == wanted_in(row)


#: Where the provider says that call_bells and slow_answers mean responsiveness.
ALIASES = """
    complaint                    | team | area | theme          | from   | when             | complaints | repeated
    about call bells             | oak  | .    | call_bells     | family | 2026-05-01 10:00 | 1          | 0/1
    about the theme they mean    | oak  | .    | responsiveness | family | 2026-05-02 10:00 | 1          | 1/1
    about slow answers, the same | oak  | .    | slow_answers   | family | 2026-06-03 10:00 | 1          | 1/1
    in words that mean no theme  | oak  | .    | lost_socks     | family | 2026-05-04 10:00 | 1          | 0/1
    in those words again         | oak  | .    | lost_socks     | family | 2026-05-05 10:00 | 1          | 1/1
"""  # noqa: E501 - as the table above


@pytest.mark.parametrize("row", cases(ALIASES))
def test_complaint_repeats_a_theme_in_whatever_words_its_source_has_for_it(row: Row) -> None:
    words = {"call_bells": "responsiveness", "slow_answers": "responsiveness"}
    home = msgspec.structs.replace(HOME, theme_aliases=words)
    assert outcomes(ALIASES, complaint, home)[row["case"]] == wanted_in(row)
