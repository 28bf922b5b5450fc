"""What cannot be read or believed as FHIR: a 4xx with the element meant, and never a 500."""

import gzip
import json
import time

import httpx
import pytest

from api.envelope import LARGER_BELOW
from api.inbound.bodies import LARGEST_DECOMPRESSED
from tests.fhir_sent import (
    BASE,
    FHIR,
    Resource,
    administration,
    adverse_event,
    codes,
    post,
    questionnaire,
)

MEDICATION = f"{BASE}/MedicationAdministration"
GZIP = FHIR | {"Content-Encoding": "gzip"}
DOSE, FORM, EVENT = "MedicationAdministration", "QuestionnaireResponse", "AdverseEvent"
TAG = {"system": "urn:breadth:team", "code": "a\x00b"}
RATED = {"linkId": "rating", "answer": [{"valueInteger": 6}]}

REFUSED: list[tuple[str, str, Resource]] = [
    (f"{DOSE}.resourceType", "unknown_value", administration(resourceType="Patient")),
    (f"{DOSE}.resourceType", "wrong_type", administration(resourceType=5)),
    (f"{DOSE}.status", "missing_field", administration(status=None)),
    (f"{DOSE}.status", "unknown_value", administration(status="wibble")),
    (f"{DOSE}.status", "unknown_value", administration(status="Completed")),
    (f"{DOSE}.status", "unknown_value", administration(status="amended")),
    (f"{DOSE}.status", "wrong_type", administration(status=["completed"])),
    (f"{FORM}.status", "unknown_value", questionnaire(status="not-done")),
    (f"{FORM}.status", "missing_field", questionnaire(status=None)),
    (f"{EVENT}.status", "unknown_value", adverse_event(status="wibble")),
    (f"{EVENT}.actuality", "unknown_value", adverse_event(actuality="Actual")),
    (f"{DOSE}.identifier", "missing_field", administration(identifier=None)),
    (f"{DOSE}.identifier", "missing_field", administration(identifier=[])),
    (f"{DOSE}.identifier", "wrong_type", administration(identifier="D-1")),
    (f"{DOSE}.identifier[0]", "wrong_type", administration(identifier=["D-1"])),
    (f"{DOSE}.identifier[0].value", "wrong_type", administration(identifier=[{"value": 1}])),
    (f"{DOSE}.identifier[1]", "too_long",
     administration(identifier=[{"system": "urn:x"}, {"value": "x" * 201}])),
    (f"{DOSE}.identifier[0]", "too_long",
     administration(identifier=[{"system": "urn:" + "x" * 200, "value": "1"}])),
    (f"{DOSE}.id", "too_long", administration(identifier=None, id="x" * 201)),
    (f"{DOSE}.effective", "missing_field", administration(effectiveDateTime=None)),
    (f"{DOSE}.effective", "naive_time", administration(effectiveDateTime="2026-09-01")),
    (f"{DOSE}.effective", "naive_time", administration(effectiveDateTime="2026-09-01T08:00:00")),
    (f"{DOSE}.effective", "invalid_time", administration(effectiveDateTime="yesterday")),
    (f"{DOSE}.effective", "invalid_time", administration(effectiveDateTime="2026-02-30T08:00:00Z")),
    (f"{DOSE}.effective", "implausible_time",
     administration(effectiveDateTime="1999-12-31T08:00:00Z")),
    (f"{DOSE}.effective", "occurred_in_future",
     administration(effectiveDateTime="2027-01-01T00:00:00Z")),
    (f"{DOSE}.effective.start", "naive_time",
     administration(effectiveDateTime=None, effectivePeriod={"start": "2026"})),
    (f"{DOSE}.effective.start", "missing_field",
     administration(effectiveDateTime=None, effectivePeriod={})),
    (f"{DOSE}.statusReason[0].coding[0].code", "wrong_type",
     administration(statusReason=[{"coding": [{"code": 5}]}])),
    (f"{DOSE}.statusReason", "unknown_value", administration(statusReason=[
        {"coding": [{"system": "urn:breadth:medication_status", "code": "gven"}]}])),
    (f"{DOSE}.extension[0]", "invalid_time", administration(extension=[
        {"url": "urn:breadth:due_at", "valueDateTime": "soon"}])),
    (f"{DOSE}.extension[1]", "wrong_type", administration(extension=[
        {"url": "urn:x"}, {"url": "urn:breadth:prn", "valueString": "yes"}])),
    (f"{DOSE}.extension[0]", "unknown_field", administration(extension=[
        {"url": "urn:breadth:due", "valueDateTime": "2026-09-01T08:00:00Z"}])),
    (f"{DOSE}.extension[0]", "missing_field", administration(extension=[
        {"url": "urn:breadth:due_at"}])),
    (f"{DOSE}.modifierExtension", "not_supported", administration(modifierExtension=[
        {"url": "urn:x:not", "valueBoolean": True}])),
    (f"{DOSE}.implicitRules", "not_supported", administration(implicitRules="urn:x:rules")),
    (f"{DOSE}.meta.tag[0]", "empty", administration(meta={"tag": [TAG | {"code": ""}]})),
    (f"{DOSE}.meta.tag[0]", "too_long", administration(meta={"tag": [TAG | {"code": "x" * 201}]})),
    (f"{DOSE}.meta.tag[0].code", "nul_character", administration(meta={"tag": [TAG]})),
    (f"{DOSE}.note[0].text", "nul_character", administration(note=[{"text": "\x00"}])),
    (f"{DOSE}.meta", "wrong_type", administration(meta=[])),
    (f"{DOSE}.contained[0].identifier", "wrong_type", administration(
        contained=[{"resourceType": "Patient", "id": "p", "identifier": "9"}],
        subject={"reference": "#p"})),
    (f"{DOSE}.contained[0]", "wrong_type",
     administration(contained=[5], subject={"reference": "#p"})),
    (f"{DOSE}.subject", "too_long", administration(subject={"reference": "Patient/" + "x" * 200})),
    (f"{DOSE}.subject.reference", "wrong_type", administration(subject={"reference": 5})),
    (f"{FORM}.item", "missing_field", questionnaire(item=None)),
    (f"{FORM}.item[0].answer[0]", "out_of_range", questionnaire(item=[RATED])),
    (f"{FORM}.item[0].answer[0].value", "out_of_range", questionnaire(item=[
        {"linkId": "rating", "answer": [{"valueInteger": 10**400}]}])),
    (f"{FORM}.authored", "missing_field", questionnaire(authored=None)),
    (f"{FORM}.source", "missing_field", questionnaire(source=None)),
    (f"{FORM}.extension[0]", "unknown_value", questionnaire(extension=[
        {"url": "urn:breadth:band", "valueCode": "night"}])),
    (f"{EVENT}.severity", "missing_field", adverse_event(severity=None)),
    (f"{EVENT}.severity", "unknown_value", adverse_event(severity={
        "coding": [{"system": "urn:breadth:harm", "code": "awful"}]})),
    (f"{EVENT}.recordedDate", "naive_time", adverse_event(recordedDate="2026-09-01T08:00:00")),
    (f"{EVENT}.event", "too_long", adverse_event(event={"coding": [{"code": "x" * 201}]})),
    (f"{EVENT}.location", "too_long",
     adverse_event(meta=None, location={"display": "x" * 201})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "code", "resource"), REFUSED, ids=[f"{code} {at}" for at, code, _ in REFUSED]
)
async def test_the_element_that_is_wrong_is_named(
    expression: str, code: str, resource: Resource, client: httpx.AsyncClient
) -> None:
    kind = expression.partition(".")[0]
    answer = await client.post(f"{BASE}/{kind}", json=resource, headers=FHIR)
    assert (answer.status_code, codes(answer)) == (422, [code]), answer.text
    [issue] = answer.json()["issue"]
    assert (issue["severity"], issue["expression"]) == ("error", [expression])
    assert issue["details"]["text"].endswith((".", "?"))


@pytest.mark.parametrize("asks", ["", "identifier=", "status=completed", "identifier=a&_id=b"])
async def test_conditions_that_are_not_known_are_refused(
    asks: str, client: httpx.AsyncClient
) -> None:
    answer = await post(client, administration(), **{"If-None-Exist": asks})
    assert answer.status_code == 422
    many = ",".join(f"v{number}" for number in range(21))
    answer = await post(client, administration(), **{"If-None-Exist": f"identifier={many}"})
    assert (answer.status_code, codes(answer)) == (422, ["too_long"])


SOUND = json.dumps(administration()).encode()
DEEP = b'{"resourceType":"MedicationAdministration","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
UNREADABLE: list[tuple[int, dict[str, str], bytes]] = [
    (400, FHIR, b""),
    (400, FHIR, b"{"),
    (400, FHIR, b'{"resourceType": NaN}'),
    (400, FHIR, SOUND.replace(b'"2026', b'NaN, "x": "2026')),
    (400, FHIR, SOUND + b"{}"),
    (400, FHIR, SOUND.replace(b"urn", b"\xff\xfe")),
    (400, FHIR, SOUND.replace(b"urn", b"\\ud800")),
    (400, FHIR, SOUND.replace(b"urn", b"\x00")),
    (400, FHIR, DEEP),
    (400, GZIP, b"not gzip"),
    (400, GZIP, gzip.compress(SOUND)[:-4]),
    (413, GZIP, gzip.compress(b" " * (LARGEST_DECOMPRESSED + 1))),
    (413, FHIR, b" " * (LARGER_BELOW["/v1/fhir/"] + 1)),
    (415, {"Content-Type": "application/fhir+xml"}, b"<MedicationAdministration/>"),
    (415, {"Content-Type": "text/csv"}, b"a,b"),
    (415, {}, SOUND),
    (415, {"Content-Type": "application/fhir+json; charset=latin-1"}, SOUND),
    (415, {"Content-Type": "application/fhir+json; fhirVersion=5.0"}, SOUND),
    (415, FHIR | {"Content-Encoding": "br"}, SOUND),
    (422, FHIR, b"[" * 2_000_000),
    (422, FHIR, b"[]"),
    (422, FHIR, b"5"),
    (422, FHIR, b"null"),
    (422, FHIR, b"{}"),
]


@pytest.mark.parametrize("address", [MEDICATION, BASE])
@pytest.mark.parametrize(
    ("status", "headers", "body"), UNREADABLE, ids=[str(n) for n in range(len(UNREADABLE))]
)
async def test_a_body_that_cannot_be_read_is_an_outcome(
    status: int, headers: dict[str, str], body: bytes, address: str, client: httpx.AsyncClient
) -> None:
    answer = await client.post(address, content=body, headers=headers)
    unread_by_a_bundle = address == BASE and body.startswith(b'{"resourceType": "Med')
    assert answer.status_code == status or (unread_by_a_bundle and answer.status_code == 422)
    assert answer.headers["content-type"] == "application/fhir+json"
    assert codes(answer)
    assert len(answer.content) < 2_000


@pytest.mark.parametrize(
    "kind",
    [
        "application/fhir+json",
        "application/json",
        "Application/FHIR+JSON; charset=UTF-8",
        'application/fhir+json; fhirVersion=4.0; charset="utf-8"',
        "application/fhir+json;fhirVersion=4.0.1",
    ],
)
async def test_content_types_of_clients_are_taken(kind: str, client: httpx.AsyncClient) -> None:
    answer = await client.post(MEDICATION, content=SOUND, headers={"Content-Type": kind})
    assert answer.status_code == 201


async def test_what_is_not_looked_at_may_be_anything(client: httpx.AsyncClient) -> None:
    odd = {
        "contained": [{"resourceType": "Thing", "identifier": 5}],
        "dosage": 5,
        "medicationReference": [None],
        "_status": {"extension": [{"url": 5}]},
        "note": None,
        "x" * 10_000: [[[[[{}]]]]],
    }
    sent = json.dumps(administration() | odd)
    answer = await client.post(MEDICATION, content=sent, headers=FHIR)
    assert answer.status_code == 201, answer.text


async def test_ten_megabytes_of_text_cost_a_short_answer(client: httpx.AsyncClient) -> None:
    long = "y" * 10_000_000
    for changes in (
        {"status": long},
        {"identifier": [{"value": long}]},
        {"effectiveDateTime": long},
        {"statusReason": [{"coding": [{"system": "urn:breadth:medication_status", "code": long}]}]},
        {"extension": [{"url": f"urn:breadth:{long}"}]},
        {"note": [{long: "\x00"}]},
    ):
        answer = await post(client, administration(**changes))
        assert answer.status_code == 422
        assert len(answer.content) < 3_000


async def test_a_form_of_many_items_is_read_in_its_turn(client: httpx.AsyncClient) -> None:
    nested: Resource = {"linkId": "rating", "answer": [{"valueInteger": 4}]}
    for _ in range(150):
        nested = {"linkId": "g", "item": [nested]}
    many = [{"linkId": str(n), "text": "?", "answer": []} for n in range(20_000)]
    started = time.perf_counter()
    answer = await post(client, questionnaire(item=[*many, nested]))
    assert answer.status_code == 201, answer.text
    assert time.perf_counter() - started < 5
