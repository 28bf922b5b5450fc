"""What each event counts as: an event in, x of n by indicator out, by the contract's tables."""

from typing import get_args, get_type_hints

import pytest

from models.counting import StoredEvent, count
from models.event_types import MedicationAdministered
from models.vocabulary import family_of
from tests.text_tables import HOME, NOTHING, Row, at, cases, event, rows, said_by, wanted_in


def said_by_one(one: StoredEvent) -> set[str]:
    return said_by(count([one], HOME), family_of(one.type))


# Medicines.

STATUSES = """
    status               | omitted/due | timely/given | backfilled/due
    given                | 0/1         | 1/1          | 0/1
    prompted             | 0/1         | 1/1          | 0/1
    given_late           | 0/1         | 0/1          | 0/1
    given_early          | 0/1         | 0/1          | 0/1
    backfilled_given     | 0/1         | 0/1          | 1/1
    refused              | 0/1         | .            | 0/1
    asleep               | 0/1         | .            | 0/1
    omitted_clinical     | 0/1         | .            | 0/1
    destroyed            | 0/1         | .            | 0/1
    omitted_error        | 1/1         | .            | 0/1
    missing_entry        | 1/1         | .            | 0/1
    backfilled_not_given | 1/1         | .            | 1/1
    not_available_stock  | 1/1         | .            | 0/1
    self_administered    | .           | .            | .
    absent_hospital      | .           | .            | .
    absent_leave         | .           | .            | .
    not_required         | .           | .            | .
    entered_in_error     | .           | .            | .
"""


@pytest.mark.parametrize("row", cases(STATUSES))
def test_dose_counts_by_its_status(row: Row) -> None:
    dose = event("medication.administered", f"status={row['case']}")
    assert said_by_one(dose) == wanted_in(row)


@pytest.mark.parametrize("row", cases(STATUSES))
def test_dose_when_required_counts_nowhere_whatever_its_status(row: Row) -> None:
    dose = event("medication.administered", f"status={row['case']} prn")
    assert said_by_one(dose) == set()


def test_every_status_has_its_row() -> None:
    statuses = get_args(get_type_hints(MedicationAdministered)["status"])
    assert sorted(statuses) == sorted(row["case"] for row in rows(STATUSES))


#: All of these were written down at 10:00, which never stands in for when they were given.
TIMES = """
    dose                          | says                                                   | timely/given
    an hour after it was due      | status=given due_at=08:00 given_at=09:00               | 1/1
    a second later than that      | status=given due_at=08:00 given_at=09:00:01            | 0/1
    an hour before                | status=given due_at=08:00 given_at=07:00               | 1/1
    more than an hour before      | status=given due_at=08:00 given_at=06:59               | 0/1
    prompted within the hour      | status=prompted due_at=08:00 given_at=08:45            | 1/1
    prompted after it             | status=prompted due_at=08:00 given_at=09:10            | 0/1
    critical, half an hour        | status=given due_at=08:00 given_at=08:30 time_critical | 1/1
    critical, half an hour early  | status=given due_at=08:00 given_at=07:30 time_critical | 1/1
    critical, a minute more       | status=given due_at=08:00 given_at=08:31 time_critical | 0/1
    nobody says when it was given | status=given due_at=06:00                              | 1/1
    nobody says when it was due   | status=given given_at=06:00                            | 1/1
    late by status, not by clock  | status=given_late due_at=08:00 given_at=08:05          | 0/1
    early by status, not by clock | status=given_early due_at=08:00 given_at=07:55         | 0/1
    backfilled, on the minute     | status=backfilled_given due_at=08:00 given_at=08:00    | 0/1
    refused on the minute         | status=refused due_at=08:00 given_at=08:00             | .
    past midnight                 | status=given due_at=23:45 given_at=2026-05-12T00:30    | 1/1
"""  # noqa: E501 - a dose may say four things


@pytest.mark.parametrize("row", cases(TIMES))
def test_dose_is_timely_within_the_hour_or_half_of_it(row: Row) -> None:
    found = said_by_one(event("medication.administered", row["says"]))
    assert {one for one in found if one.startswith("medicine_on_time")} == wanted_in(row)


#: All of these were given at 10:00 of the 11th.
RECORDS = """
    dose                         | says                    | recorded            | backfilled/due
    at once                      | status=given            | 2026-05-11 10:00    | 0/1
    two hours later              | status=given            | 2026-05-11 12:00    | 0/1
    a second more than two hours | status=given            | 2026-05-11 12:00:01 | 1/1
    nobody says when             | status=given            | .                   | 0/1
    an omission, next day        | status=missing_entry    | 2026-05-12 10:00    | 1/1
    backfilled by its status     | status=backfilled_given | 2026-05-11 10:01    | 1/1
    not due, next day            | status=absent_leave     | 2026-05-12 10:00    | .
    when required, next day      | status=given prn        | 2026-05-12 10:00    | .
"""


@pytest.mark.parametrize("row", cases(RECORDS))
def test_due_dose_is_backfilled_when_recorded_more_than_two_hours_later(row: Row) -> None:
    recorded = None if row["recorded"] == NOTHING else at(row["recorded"])
    found = said_by_one(event("medication.administered", row["says"], recorded_at=recorded))
    assert {one for one in found if one.startswith("medicine_backfill")} == wanted_in(row)


ROUNDS = """
    round                       | due | on_time | late | omitted | refused | other | omitted/due | timely/given
    every kind of outcome       | 20  | 12      | 3    | 2       | 2       | 1     | 2/20        | 12/15
    all on time                 | 20  | 20      | 0    | 0       | 0       | 0     | 0/20        | 20/20
    refused is due and no error | 3   | 0       | 0    | 0       | 3       | 0     | 0/3         | .
    so are clinical omissions   | 3   | 0       | 0    | 0       | 0       | 3     | 0/3         | .
    all omitted                 | 3   | 0       | 0    | 3       | 0       | 0     | 3/3         | .
    nobody was due anything     | 0   | 0       | 0    | 0       | 0       | 0     | .           | .
"""  # noqa: E501 - a round has six numbers of its own


@pytest.mark.parametrize("row", cases(ROUNDS))
def test_round_counts_its_doses(row: Row) -> None:
    fields = ("due", "on_time", "late", "omitted", "refused", "other")
    words = " ".join(f"{field}={row[field]}" for field in fields)
    assert said_by_one(event("medication.round", words)) == wanted_in(row)


# Shifts, checks, supervision and incidents.

SHIFTS = """
    shift                         | planned | worked | agency | filled/shifts | agency/worked min
    worked in full                | 12      | 12     | 0      | 1/1           | 0/720
    worked to 95 percent          | 12      | 11.4   | 0      | 1/1           | 0/684
    a little less than 95 percent | 12      | 11.39  | 0      | 0/1           | 0/683
    95 percent of 16.6 hours      | 16.6    | 15.77  | 0      | 1/1           | 0/946
    nobody came                   | 12      | 0      | 0      | 0/1           | .
    longer than planned is one    | 8       | 10     | 0      | 1/1           | 0/600
    partly by agency              | 8       | 8      | 2.5    | 1/1           | 150/480
    wholly by agency, too short   | 8       | 4      | 4      | 0/1           | 240/240
"""


@pytest.mark.parametrize("row", cases(SHIFTS))
def test_shift_is_filled_by_95_percent_of_its_planned_hours(row: Row) -> None:
    hours = " ".join(f"{name}_hours={row[name]}" for name in ("planned", "worked", "agency"))
    shift = event("shift.worked", f"{hours} starts_at=08:00 ends_at=20:00")
    assert said_by_one(shift) == wanted_in(row)


ITEMS = """
    event                    | says                                      | counts
    handover.completed       | items_due=12 items_met=11                 | handover_quality 11/12
    observation.completed    | items_due=12 items_met=9 practice=hoists  | practice_observed 9/12
    knowledge.checked        | items_due=10 items_met=0                  | staff_knowledge 0/10
    care_record.checked      | items_due=8 items_met=8                   | record_quality 8/8
    self_assessment.recorded | items_due=20 items_met=19                 | self_assessment 19/20
    audit.completed          | items_due=25 items_met=23 audit=medicines | audit_compliance 23/25
"""


@pytest.mark.parametrize("row", cases(ITEMS))
def test_check_counts_its_items(row: Row) -> None:
    assert said_by_one(event(row["case"], row["says"])) == {row["counts"]}
    nothing_due = "items_due=0 items_met=0" + (" audit=x" if "audit=" in row["says"] else "")
    assert said_by_one(event(row["case"], nothing_due)) == set()


SUPERVISIONS = """
    supervision       | says                                  | held on time | outcome
    on time           | on_time                               | 1/1          | .
    late              | on_time=false                         | 0/1          | .
    with its outcome  | on_time items_due=4 items_met=3       | 1/1          | 3/4
    late, nothing met | on_time=false items_due=4 items_met=0 | 0/1          | 0/4
"""


@pytest.mark.parametrize("row", cases(SUPERVISIONS))
def test_supervision_counts_once_and_its_outcome_by_items(row: Row) -> None:
    assert said_by_one(event("supervision.completed", row["says"])) == wanted_in(row)


INCIDENTS = """
    incident                  | category | says                                       | harm | falls | escalated | reports | near miss
    without harm              | other    | harm=none                                  | .    | .     | .         | 1       | 0/1
    low harm                  | other    | harm=low                                   | 1    | .     | .         | 1       | 0/1
    moderate harm             | other    | harm=moderate                              | 1    | .     | .         | 1       | 0/1
    severe harm               | other    | harm=severe                                | 1    | .     | .         | 1       | 0/1
    a death                   | other    | harm=death                                 | 1    | .     | .         | 1       | 0/1
    a fall without harm       | fall     | harm=none                                  | .    | 1     | .         | 1       | 0/1
    a fall with harm is both  | fall     | harm=low                                   | 1    | 1     | .         | 1       | 0/1
    a near miss               | other    | harm=none near_miss                        | .    | .     | .         | 1       | 1/1
    escalated as it had to be | other    | harm=none escalation_due escalated_on_time | .    | .     | 1/1       | 1       | 0/1
    not escalated in time     | other    | harm=none escalation_due                   | .    | .     | 0/1       | 1       | 0/1
    escalated without need    | other    | harm=none escalated_on_time                | .    | .     | .         | 1       | 0/1
"""  # noqa: E501 - one incident speaks to five indicators


@pytest.mark.parametrize("row", cases(INCIDENTS))
def test_incident_counts_by_what_it_says(row: Row) -> None:
    said = f"category={row['category']} {row['says']}"
    assert said_by_one(event("incident.reported", said)) == wanted_in(row)


# Voices.

ANSWERS = """
    answer                        | says                                | rating | positive | staff rating
    a person rates                | respondent=person rating=4          | 4/1    | .        | .
    a family rates in halves      | respondent=family rating=3.5        | 3.5/1  | .        | .
    an advocate rates             | respondent=advocate rating=1        | 1/1    | .        | .
    a partner is an outside voice | respondent=partner rating=5         | 5/1    | .        | .
    staff rate for themselves     | respondent=staff rating=2           | .      | .        | 2/1
    very good is positive         | respondent=family fft=very_good     | .      | 1/1      | .
    good is positive              | respondent=family fft=good          | .      | 1/1      | .
    neither is rated              | respondent=family fft=neither       | .      | 0/1      | .
    poor is rated                 | respondent=person fft=poor          | .      | 0/1      | .
    very poor is rated            | respondent=person fft=very_poor     | .      | 0/1      | .
    do not know is not rated      | respondent=person fft=dont_know     | .      | .        | .
    staff are no outside voice    | respondent=staff fft=very_good      | .      | .        | .
    both ways of saying it        | respondent=person rating=5 fft=good | 5/1    | 1/1      | .
"""  # noqa: E501 - an answer may speak to three indicators


@pytest.mark.parametrize("row", cases(ANSWERS))
def test_feedback_counts_by_who_speaks(row: Row) -> None:
    assert said_by_one(event("feedback.received", row["says"])) == wanted_in(row)


VOICES = """
    from     | complaints | repeated | compliments
    person   | 1          | 0/1      | 1
    family   | 1          | 0/1      | 1
    advocate | 1          | 0/1      | 1
    partner  | 1          | 0/1      | 1
    staff    | .          | .        | .
"""


@pytest.mark.parametrize("row", cases(VOICES))
def test_complaint_and_compliment_count_one_unless_from_staff(row: Row) -> None:
    said = f"respondent={row['case']} theme=food upheld=false"
    complaint, compliment = event("complaint.received", said), event("compliment.received", said)
    assert said_by_one(complaint) | said_by_one(compliment) == wanted_in(row)
    assert [one.excluded for one in count([complaint, compliment], HOME)] == [None, None]
