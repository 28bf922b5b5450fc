"""What a MedicationAdministration counts as, in tables."""

from datetime import datetime
from typing import Any

import pytest

from models.facts import administered
from models.incoming.fhir_conversion import Standing
from models.incoming.refusals import Refused
from tests.fhir_sent import NOT_GIVEN, SNOMED, Resource, administration, read
from tests.text_tables import Row, cases

SYSTEMS = {
    "hl7": NOT_GIVEN,
    "old hl7": "http://hl7.org/fhir/reason-medication-not-given",
    "snomed": SNOMED,
    "own": "urn:breadth:medication_status",
    "vendor": "https://emar.example/reasons",
}


def reason(written: str) -> dict[str, Any]:
    """`hl7:b` is a code, all else a text."""
    system, divided, code = written.partition(":")
    if divided:
        return {"coding": [{"system": SYSTEMS[system], "code": code}]}
    return {"text": written}


REASONS = """
case                               | reasons                | becomes             | error/due
nobody says why                    | .                      | omitted_error       | 1/1
no reason is known                 | hl7:a                  | omitted_error       | 1/1
away by code                       | hl7:b                  | absent_leave        | 0/0
asleep by code                     | hl7:c                  | asleep              | 0/1
vomited by code                    | hl7:d                  | omitted_clinical    | 0/1
asleep by the older system         | old hl7:c              | asleep              | 0/1
declined by SNOMED CT              | snomed:182895007       | refused             | 0/1
declined for its taste             | snomed:182896008       | refused             | 0/1
not available by SNOMED CT         | snomed:242990004       | not_available_stock | 1/1
unavailable person by SNOMED CT    | snomed:398090008       | absent_leave        | 0/0
refused in words                   | Resident REFUSED x 3   | refused             | 0/1
asleep in words                    | Asleep at night        | asleep              | 0/1
in hospital                        | In hospital            | absent_hospital     | 0/0
on leave                           | Home leave             | absent_leave        | 0/0
out of stock                       | Out of stock           | not_available_stock | 1/1
a person who is not available      | Resident not available | absent_leave        | 0/0
a medicine that is not available   | Not available          | not_available_stock | 1/1
not required                       | Not required today     | not_required        | 0/0
withheld                           | Withheld on GP advice  | omitted_clinical    | 0/1
dropped                            | Dropped on floor       | destroyed           | 0/1
missed                             | Missed dose            | omitted_error       | 1/1
a vendor's code that is a word     | vendor:refused         | refused             | 0/1
our own word for it                | own:missing_entry      | missing_entry       | 1/1
a code goes before a text          | hl7:c, Refused         | asleep              | 0/1
our own word goes before a code    | hl7:c, own:refused     | refused             | 0/1
two reasons are as good as none    | hl7:b, hl7:c           | omitted_error       | 1/1
an unknown word is as good as none | Because of the weather | omitted_error       | 1/1
an unknown code is as good as none | snomed:1               | omitted_error       | 1/1
"""


@pytest.mark.parametrize("row", cases(REASONS))
def test_a_reason_becomes_a_status_of_ours(row: Row) -> None:
    reasons = [reason(one) for one in row["reasons"].split(", ") if one != "."]
    reading = read(administration(status="not-done", statusReason=reasons or None))
    data = reading.item["data"]
    assert data["status"] == row["becomes"]
    facts = administered(data, datetime.fromisoformat(reading.item["occurred_at"]), None)
    assert f"{facts['error']}/{facts['due']}" == row["error/due"]


@pytest.mark.parametrize(
    ("reason_given", "becomes"),
    [(None, "given"), ("Refused at first", "given"), ("own:given_late", "given_late")],
)
def test_only_our_own_word_changes_what_a_given_dose_is(
    reason_given: str | None, becomes: str
) -> None:
    reasons = None if reason_given is None else [reason(reason_given)]
    assert read(administration(statusReason=reasons)).item["data"] == {"status": becomes}


UNEXPLAINED = [None, [{"text": "Because of the weather"}], [reason("hl7:b"), reason("hl7:c")]]


@pytest.mark.parametrize("reasons", UNEXPLAINED)
def test_an_omission_nobody_explains_is_warned_about(reasons: Any) -> None:
    [remark] = read(administration(status="not-done", statusReason=reasons)).remarks
    assert (remark.severity, remark.pointer) == ("warning", "/statusReason")


def test_a_known_reason_needs_no_warning() -> None:
    assert not read(administration(status="not-done", statusReason=[reason("hl7:a")])).remarks


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("completed", Standing.COUNTED),
        ("not-done", Standing.COUNTED),
        ("in-progress", Standing.NOT_COUNTED),
        ("on-hold", Standing.NOT_COUNTED),
        ("stopped", Standing.NOT_COUNTED),
        ("unknown", Standing.NOT_COUNTED),
        ("entered-in-error", Standing.RETRACTED),
    ],
)
def test_all_seven_statuses_of_the_binding_are_known(status: str, standing: Standing) -> None:
    assert read(administration(status=status)).standing is standing


LATENESS = """
case                         | due_at                    | given                     | timely
nothing says when it was due | .                         | 2026-09-01T10:00:00+01:00 | 1
within the hour              | 2026-09-01T08:00:00+01:00 | 2026-09-01T09:00:00+01:00 | 1
after the hour               | 2026-09-01T08:00:00+01:00 | 2026-09-01T09:00:01+01:00 | 0
"""


@pytest.mark.parametrize("row", cases(LATENESS))
def test_a_dose_is_late_only_when_an_extension_says_it_was_due(row: Row) -> None:
    due = [{"url": "urn:breadth:due_at", "valueDateTime": row["due_at"]}]
    reading = read(
        administration(
            effectiveDateTime=row["given"], extension=None if row["due_at"] == "." else due
        )
    )
    facts = administered(reading.item["data"], datetime.fromisoformat(row["given"]), None)
    assert facts["timely"] == int(row["timely"])


def test_a_period_happened_when_it_began() -> None:
    period = {"start": "2026-09-01T08:00:00Z", "end": "2026-09-01T09:00:00Z"}
    reading = read(administration(effectiveDateTime=None, effectivePeriod=period))
    assert reading.item["occurred_at"] == period["start"]
    assert reading.place_of("/occurred_at") == "/effectivePeriod/start"


@pytest.mark.parametrize("day", ["2026", "2026-09", "2026-09-01"])
def test_a_bare_date_of_a_dose_is_refused_because_bands_go_by_the_hour(day: str) -> None:
    with pytest.raises(Refused) as refused:
        read(administration(effectiveDateTime=day))
    assert (refused.value.code, refused.value.pointer) == ("naive_time", "/effectiveDateTime")


def order(**dosage: Any) -> Resource:
    return {"resourceType": "MedicationRequest", "id": "order", "dosageInstruction": [dosage]}


@pytest.mark.parametrize(
    ("dosage", "prn"),
    [
        ({"asNeededBoolean": True}, True),
        ({"asNeededCodeableConcept": {"text": "for pain"}}, True),
        ({"asNeededBoolean": False}, None),
        ({"text": "one at night"}, None),
    ],
)
def test_an_order_that_came_along_says_whether_it_was_as_required(
    dosage: dict[str, Any], prn: bool | None
) -> None:
    reading = read(administration(contained=[order(**dosage)], request={"reference": "#order"}))
    assert reading.item["data"].get("prn") is prn


def test_an_order_elsewhere_says_nothing() -> None:
    reading = read(administration(request={"reference": "MedicationRequest/order"}))
    assert "prn" not in reading.item["data"]


PERFORMERS = """
case                      | actor              | becomes           | staff
a member of staff         | Practitioner/9     | given             | Practitioner/9
somebody in a role        | PractitionerRole/9 | given             | PractitionerRole/9
somebody of no known type | urn:oid:1.2.3      | given             | urn:oid:1.2.3
a relative                | RelatedPerson/9    | given             | .
the person themselves     | Patient/9          | self_administered | .
"""


@pytest.mark.parametrize("row", cases(PERFORMERS))
def test_who_gave_it_is_staff_or_the_person_themselves(row: Row) -> None:
    reading = read(administration(performer=[{"actor": {"reference": row["actor"]}}]))
    assert reading.item["data"]["status"] == row["becomes"]
    assert reading.item.get("staff", ".") == row["staff"]
