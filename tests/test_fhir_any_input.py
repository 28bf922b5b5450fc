"""A law: whatever is sent to a FHIR base is answered, and never with a 500."""

import json

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fhir_sent import (
    BASE,
    FHIR,
    Resource,
    administration,
    adverse_event,
    bundle,
    codes,
    post,
    questionnaire,
)

DOSE, FORM, EVENT = "MedicationAdministration", "QuestionnaireResponse", "AdverseEvent"
MEDICATION = f"{BASE}/{DOSE}"
SOUND = json.dumps(administration()).encode()

_words = st.text(max_size=12) | st.sampled_from(
    ["completed", "not-done", "entered-in-error", "2026-09-01T08:00:00Z", "#p", "oak", "\x00", "a"]
)
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _words
_names = st.sampled_from(
    [
        *("system", "code", "display", "text", "value", "coding", "identifier", "reference", "url"),
        *("type", "extension", "valueCode", "valueString", "valueInteger", "valueDateTime"),
        *("valueBoolean", "item", "answer", "linkId", "tag", "versionId", "start", "actor", "id"),
        *("resourceType", "location", "name", "dosageInstruction", "valueCoding"),
    ]
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names | _words, inner, max_size=4),
    max_leaves=12,
)
_elements = st.sampled_from(
    [
        *("id", "meta", "contained", "extension", "modifierExtension", "identifier", "status"),
        *("statusReason", "subject", "context", "effectiveDateTime", "effectivePeriod", "request"),
        *("performer", "authored", "source", "item", "actuality", "event", "category", "date"),
        *("detected", "recordedDate", "location", "severity", "seriousness", "outcome"),
    ]
)
_sound = st.sampled_from([administration(), questionnaire(), adverse_event()])
_resources = st.builds(
    lambda resource, changes: resource | changes,
    _sound,
    st.dictionaries(_elements, _values, max_size=3),
)
_entries = _values | st.builds(
    lambda resource, request: {"resource": resource, "request": request},
    _resources | _values,
    st.fixed_dictionaries(
        {"method": st.just("POST") | _values, "url": st.just(DOSE) | _words},
        optional={"ifNoneExist": st.just("identifier=D-1") | _words},
    )
    | _values,
)
law = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


@law
@given(resource=_resources)
async def test_any_resource_is_an_outcome_and_never_a_500(
    resource: Resource, client: httpx.AsyncClient
) -> None:
    for kind in (DOSE, FORM, EVENT):
        answer = await client.post(f"{BASE}/{kind}", content=dumped(resource), headers=FHIR)
        assert answer.status_code in {200, 201, 400, 409, 422}, answer.text
        assert codes(answer)


@law
@given(
    entries=st.lists(_entries, max_size=4) | _values,
    kind=st.sampled_from(["batch", "transaction"]) | _words,
)
async def test_any_bundle_is_answered_and_never_a_500(
    entries: object, kind: str, client: httpx.AsyncClient
) -> None:
    sent = dumped({"resourceType": "Bundle", "type": kind, "entry": entries})
    answer = await client.post(BASE, content=sent, headers=FHIR)
    assert answer.status_code in {200, 400, 409, 412, 422}, answer.text
    if answer.status_code == 200:
        assert isinstance(entries, list)
        statuses = [one["response"]["status"] for one in answer.json().get("entry", [])]
        assert len(statuses) == len(entries)
        assert not any(status.startswith("5") for status in statuses)
    else:
        assert codes(answer)


@law
@given(start=st.integers(0, 600), cut=st.integers(0, 30), put=st.binary(max_size=6))
async def test_any_damage_to_a_body_is_a_4xx_or_taken(
    start: int, cut: int, put: bytes, client: httpx.AsyncClient
) -> None:
    whole = dumped(bundle(administration(), kind="transaction"))
    for address, body in ((MEDICATION, SOUND), (BASE, whole)):
        damaged = body[:start] + put + body[start + cut :]
        answer = await client.post(address, content=damaged, headers=FHIR)
        assert answer.status_code in {200, 201, 400, 409, 422}, (damaged, answer.text)


@law
@given(asks=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
async def test_any_condition_is_answered(asks: str, client: httpx.AsyncClient) -> None:
    for said in (asks, f"identifier={asks}"):
        answer = await post(client, administration(), **{"If-None-Exist": said})
        assert answer.status_code in {200, 201, 412, 422}, answer.text
