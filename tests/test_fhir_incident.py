"""What an AdverseEvent counts as: harm, near misses and falls."""

from typing import Any

import pytest

from models.incoming.fhir_conversion import Standing
from models.incoming.refusals import Refused
from tests.fhir_sent import SNOMED, Resource, adverse_event, read
from tests.text_tables import NOTHING, Row, cases

SEVERITY = "http://terminology.hl7.org/CodeSystem/adverse-event-severity"
SERIOUSNESS = "http://terminology.hl7.org/CodeSystem/adverse-event-seriousness"


def concept(written: str, system: str) -> Resource | None:
    """`.` is nothing, `own:low` a code of ours, all else a code of that system."""
    if written == NOTHING:
        return None
    name, own, code = written.partition(":")
    if own:
        return {"coding": [{"system": f"urn:breadth:{name}", "code": code}]}
    return {"coding": [{"system": system, "code": written}]}


HARM = """
case                                 | severity  | seriousness       | outcome  | harm
mild is low                          | mild      | .                 | .        | low
moderate                             | moderate  | .                 | .        | moderate
severe                               | severe    | .                 | .        | severe
fatal is death whatever the severity | mild      | .                 | fatal    | death
fatal alone is death                 | .         | .                 | fatal    | death
resolved says nothing of harm        | moderate  | .                 | resolved | moderate
our own word                         | harm:none | .                 | .        | none
harm goes before how serious it was  | mild      | Serious           | .        | low
serious alone is severe              | .         | Serious           | .        | severe
serious and deadly                   | .         | InDeath           | .        | death
serious and in hospital              | .         | InHospitalization | .        | moderate
not serious may still have hurt      | .         | Non-serious       | .        | low
"""


@pytest.mark.parametrize("row", cases(HARM))
def test_harm_is_the_worst_that_anything_says(row: Row) -> None:
    reading = read(
        adverse_event(
            severity=concept(row["severity"], SEVERITY),
            seriousness=concept(row["seriousness"].replace("In", "SeriousResultsIn"), SERIOUSNESS),
            outcome=concept(row["outcome"], "http://terminology.hl7.org/CodeSystem/outcome"),
        )
    )
    assert reading.item["data"]["harm"] == row["harm"]
    assert reading.item["data"]["near_miss"] is False


def test_a_near_miss_did_no_harm_however_severe_it_might_have_been() -> None:
    data = read(adverse_event(actuality="potential", severity={"text": "severe"})).item["data"]
    assert (data["near_miss"], data["harm"]) == (True, "none")


def test_harm_taken_from_seriousness_is_warned_about() -> None:
    seriousness = concept("Serious", SERIOUSNESS)
    [remark] = read(adverse_event(severity=None, seriousness=seriousness)).remarks
    assert (remark.severity, remark.code) == ("warning", "harm_from_seriousness")


@pytest.mark.parametrize(
    ("severity", "code"),
    [(None, "missing_field"), ({"text": "quite bad"}, "unknown_value"), ({}, "missing_field")],
)
def test_harm_is_never_guessed(severity: Any, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(adverse_event(severity=severity))
    assert (refused.value.code, refused.value.pointer) == (code, "/severity")


@pytest.mark.parametrize(("actuality", "code"), [(None, "missing_field"), ("x", "unknown_value")])
def test_the_binding_of_actuality_is_enforced(actuality: Any, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(adverse_event(actuality=actuality))
    assert (refused.value.code, refused.value.pointer) == (code, "/actuality")


CATEGORIES: list[tuple[str, Any, str]] = [
    ("a fall by code", {"coding": [{"system": SNOMED, "code": "20902002"}]}, "fall"),
    ("a fall in words", {"text": "Unwitnessed fall"}, "fall"),
    ("a fall by display", {"coding": [{"code": "7", "display": "Slip, trip or fall"}]}, "fall"),
    ("a fall from something", {"text": "Fall from wheelchair"}, "fall"),
    ("no fall", {"text": "At risk of falls"}, "other"),
    ("no fall of a person", {"text": "Fall in blood pressure"}, "other"),
    ("a code", {"coding": [{"system": "urn:x", "code": "medication-mishap"}]}, "medication-mishap"),
    ("our own word first", {"coding": [{"system": SNOMED, "code": "1912002"},
     {"system": "urn:breadth:incident_category", "code": "absconding"}]}, "absconding"),
    ("a text is not kept", {"text": "Mary Smith threw a cup"}, "other"),
    ("a display is not kept", {"coding": [{"code": "9", "display": "Mary Smith"}]}, "9"),
    ("nothing", None, "other"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "category"), [r[1:] for r in CATEGORIES], ids=[r[0] for r in CATEGORIES]
)
def test_a_category_is_a_code_or_a_fall(event: Any, category: str) -> None:
    reading = read(adverse_event(event=event))
    assert reading.item["data"]["category"] == category
    as_category = read(adverse_event(event=None, category=None if event is None else [event]))
    assert as_category.item["data"]["category"] == category


TEAMS: list[tuple[str, Resource, str | None]] = [
    ("its identifier", {"location": {"identifier": {"value": "OAK-1"}, "display": "Oak"}}, "OAK-1"),
    ("its display", {"location": {"display": "Oak Unit"}}, "Oak Unit"),
    ("its address", {"location": {"reference": "Location/7"}}, "Location/7"),
    ("the name of one that came along", {"location": {"reference": "#l"}, "contained": [
        {"resourceType": "Location", "id": "l", "name": "Oak Unit"}]}, "Oak Unit"),
    ("none", {}, None),
    ("none that came along", {"location": {"reference": "#missing"}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "team"), [r[1:] for r in TEAMS], ids=[r[0] for r in TEAMS])
def test_the_team_is_where_it_happened(changes: Resource, team: str | None) -> None:
    assert read(adverse_event(meta=None, **changes)).item.get("team") == team


def test_the_tag_goes_before_the_place() -> None:
    assert read(adverse_event(location={"display": "Ash"})).item["team"] == "oak"


def test_when_it_was_detected_stands_in_for_when_it_happened() -> None:
    detected = read(adverse_event(date=None, detected="2026-09-03T23:40:00Z"))
    assert detected.item["occurred_at"] == "2026-09-03T23:40:00Z"
    assert detected.place_of("/occurred_at") == "/detected"


@pytest.mark.parametrize(
    ("written", "pointer"), [("2026-09-03", "/date"), ("2026", "/date"), (None, "/date")]
)
def test_an_hour_is_never_guessed(written: str | None, pointer: str) -> None:
    with pytest.raises(Refused) as refused:
        read(adverse_event(date=written))
    assert refused.value.pointer == pointer


@pytest.mark.parametrize("subject", ["Patient/17", "https://x.example/fhir/Patient/17"])
def test_a_patient_is_the_person(subject: str) -> None:
    assert read(adverse_event(subject={"reference": subject})).item["person"] == subject


@pytest.mark.parametrize("subject", ["Practitioner/17", "Group/1", "RelatedPerson/2"])
def test_nobody_else_is(subject: str) -> None:
    assert "person" not in read(adverse_event(subject={"reference": subject})).item


def test_escalation_is_said_by_extensions() -> None:
    extension = [
        {"url": "urn:breadth:escalation_due", "valueBoolean": True},
        {"url": "urn:breadth:escalated_on_time", "valueBoolean": False},
    ]
    data = read(adverse_event(extension=extension)).item["data"]
    assert (data["escalation_due"], data["escalated_on_time"]) == (True, False)


def test_an_error_said_as_in_r5_is_taken_back() -> None:
    assert read(adverse_event(status="entered-in-error")).standing is Standing.RETRACTED
    assert read(adverse_event()).standing is Standing.COUNTED
