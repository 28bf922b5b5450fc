"""The starter catalogue against the contract's table, indicator by indicator."""

from datetime import date

import pytest

from models.catalogue import STARTER, THEMES, Indicator
from models.slices import months_reached
from models.vocabulary import Family
from tests.text_tables import NOTHING, Row, cases, rows

#: Evidence. `x of n` in the names of facts; `1000 days` is per 1,000 resident-days or care hours.
EVIDENCE = """
    indicator           | x                 | of             | measure    | better | channel         | category       | who      | standard | meaningful
    medicine_omissions  | error             | due            | proportion | lower  | trend           | care_records   | internal | 0.01     | 0.01
    medicine_on_time    | timely            | given          | proportion | higher | trend           | care_records   | internal | 0.95     | 0.03
    harm_incidents      | harm              | 1000 days      | rate       | lower  | trend           | care_records   | internal | .        | 1.0
    falls               | fall              | 1000 days      | rate       | lower  | trend           | care_records   | internal | .        | 1.0
    escalation_on_time  | escalated_on_time | escalation_due | proportion | higher | trend           | staff_practice | internal | 0.95     | 0.05
    shifts_filled       | filled            | shifts         | proportion | higher | trend           | staff_practice | internal | 0.95     | 0.05
    handover_quality    | items_met         | items_due      | proportion | higher | trend           | staff_practice | internal | 0.95     | 0.05
    supervision_on_time | on_time           | supervisions   | proportion | higher | trend           | staff_practice | internal | 0.90     | 0.05
    audit_compliance    | items_met         | items_due      | proportion | higher | audit           | audits         | internal | 0.90     | 0.05
    record_quality      | items_met         | items_due      | proportion | higher | audit           | care_records   | internal | 0.90     | 0.05
    practice_observed   | items_met         | items_due      | proportion | higher | observation     | staff_practice | internal | 0.90     | 0.05
    staff_knowledge     | items_met         | items_due      | proportion | higher | staff_knowledge | staff_practice | internal | 0.90     | 0.05
    experience_rating   | external_rating   | external_rated | mean       | higher | feedback        | feedback       | external | 4.0      | 0.25
    experience_positive | external_positive | external_fft   | proportion | higher | feedback        | feedback       | external | 0.90     | 0.05
    complaints          | complaints        | 1000 days      | rate       | lower  | feedback        | feedback       | external | .        | 0.5
    complaints_repeated | repeated          | complaints     | proportion | lower  | feedback        | feedback       | external | 0.10     | 0.10
    compliments         | compliments       | 1000 days      | rate       | higher | feedback        | feedback       | external | .        | 0.5
"""  # noqa: E501 - the contract's table has ten columns

#: Context: shown and used by warnings, never evidence of improvement.
CONTEXT = """
    indicator           | x              | of             | measure
    incident_reports    | incidents      | 1000 days      | rate
    near_miss_ratio     | near_miss      | incidents      | proportion
    agency_share        | agency_minutes | worked_minutes | proportion
    medicine_backfill   | backfilled     | due            | proportion
    staff_experience    | staff_rating   | staff_rated    | mean
    self_assessment     | items_met      | items_due      | proportion
    supervision_outcome | items_met      | items_due      | proportion
"""

EVENTS = """
    indicator           | counts
    medicine_omissions  | medication.administered medication.round
    medicine_on_time    | medication.administered medication.round
    medicine_backfill   | medication.administered
    harm_incidents      | incident.reported
    falls               | incident.reported
    escalation_on_time  | incident.reported
    incident_reports    | incident.reported
    near_miss_ratio     | incident.reported
    shifts_filled       | shift.worked
    agency_share        | shift.worked
    handover_quality    | handover.completed
    supervision_on_time | supervision.completed
    supervision_outcome | supervision.completed
    audit_compliance    | audit.completed
    record_quality      | care_record.checked
    practice_observed   | observation.completed
    staff_knowledge     | knowledge.checked
    self_assessment     | self_assessment.recorded
    experience_rating   | feedback.received
    experience_positive | feedback.received
    staff_experience    | feedback.received
    complaints          | complaint.received
    complaints_repeated | complaint.received
    compliments         | compliment.received
"""
BY_CODE = {one.code: one for one in STARTER}


def of(one: Indicator) -> str:
    return one.n or f"{one.per} days"


@pytest.mark.parametrize("row", cases(EVIDENCE))
def test_indicator_is_evidence_as_the_contract_says(row: Row) -> None:
    one = BY_CODE[row["case"]]
    assert one.evidence
    assert one.active
    assert (one.x, of(one), one.measure, one.better) == (
        *(row["x"], row["of"], row["measure"], row["better"]),
    )
    assert (one.channel, one.category, one.perspective) == (
        *(row["channel"], row["category"], row["who"]),
    )
    assert one.standard == (None if row["standard"] == NOTHING else float(row["standard"]))
    assert one.meaningful == float(row["meaningful"])


@pytest.mark.parametrize("row", cases(CONTEXT))
def test_indicator_is_context_and_never_evidence(row: Row) -> None:
    one = BY_CODE[row["case"]]
    assert not one.evidence
    assert (one.x, of(one), one.measure) == (row["x"], row["of"], row["measure"])


@pytest.mark.parametrize("row", cases(EVENTS))
def test_indicator_counts_these_events(row: Row) -> None:
    assert " ".join(BY_CODE[row["case"]].events) == row["counts"]


def test_there_are_no_other_starter_indicators() -> None:
    listed = [row["case"] for table in (EVIDENCE, CONTEXT) for row in rows(table)]
    assert [one.code for one in STARTER] == listed
    assert sorted(listed) == sorted(row["case"] for row in rows(EVENTS))


#: Months that a complaint of any day of the month can change.
REACH = """
    month   | changes
    2026-01 | 2026-01 2026-02 2026-03 2026-04 2026-05
    2026-03 | 2026-03 2026-04 2026-05 2026-06
    2026-12 | 2026-12 2027-01 2027-02 2027-03
"""


@pytest.mark.parametrize("row", cases(REACH))
def test_complaint_changes_the_months_up_to_90_days_on(row: Row) -> None:
    reached = months_reached(date.fromisoformat(f"{row['case']}-01"), Family.COMPLAINT)
    assert " ".join(f"{month:%Y-%m}" for month in reached) == row["changes"]
    looking_back = [one.code for one in STARTER if one.look_back_days]
    assert (looking_back, BY_CODE["complaints_repeated"].look_back_days) == (
        ["complaints_repeated"],
        90,
    )


def test_themes_are_those_of_the_contract() -> None:
    assert " ".join(THEMES) == (
        "responsiveness communication consistency dignity safety medicines staffing food "
        "environment records activities other"
    )
