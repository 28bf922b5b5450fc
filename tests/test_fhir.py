"""FHIR over HTTP: what is stored, what a resend or a correction does, and who may send."""

import json
import re
from datetime import datetime

import httpx
import pytest

from models.vocabulary import ProviderId, Scope
from tests.conftest import MakeClient
from tests.fhir_sent import (
    BASE,
    FHIR,
    Connection,
    Resource,
    administration,
    adverse_event,
    codes,
    post,
    questionnaire,
    said,
    stored,
)
from tests.sent import SERVICE, dose, send

pytestmark = pytest.mark.usefixtures("known_places")


KINDS: list[tuple[Resource, str, Resource]] = [
    (administration(), "medication.administered", {"status": "given"}),
    (questionnaire(), "feedback.received", {"rating": 4, "respondent": "family"}),
    (
        adverse_event(),
        "incident.reported",
        {"category": "fall", "harm": "low", "near_miss": False},
    ),
]


@pytest.mark.parametrize(("resource", "kind", "data"), KINDS)
async def test_a_resource_is_stored_once_as_an_event(
    resource: Resource,
    kind: str,
    data: Resource,
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
) -> None:
    first = await post(client, resource)
    assert (first.status_code, codes(first)) == (201, ["accepted"])
    assert first.headers["etag"] == 'W/"1"'
    base = f"/v1/fhir/{SERVICE}/{resource['resourceType']}"
    assert re.fullmatch(rf"{base}/[A-Za-z0-9.-]{{1,64}}/_history/1", first.headers["location"])
    again = await post(client, resource)
    assert (again.status_code, codes(again)) == (200, ["duplicate"])
    assert "location" not in again.headers, "nothing was created"
    [row] = await stored(admin, provider)
    assert (row["type"], row["service"], row["team"]) == (kind, SERVICE, "oak")
    assert json.loads(row["data"]) == data
    assert row["source"].startswith("fhir:https://")


async def test_a_dose_says_the_same_as_one_sent_as_an_event_of_ours(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await post(client, administration())
    [row] = await stored(admin, provider)
    ours = dose(
        id=row["event_id"],
        source=row["source"],
        occurred_at="2026-09-01T08:05:00+01:00",
        person="9434765919",
    )
    receipt = await send(client, ours)
    assert receipt["duplicates"] == 1


async def test_a_correction_is_a_higher_version_and_needs_one(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    wrong, right = "not-done", "completed"
    assert await said(client, administration(status=wrong, version="3")) == (201, "accepted")
    assert await said(client, administration(status=right, version="4")) == (201, "accepted")
    assert await said(client, administration(status=right, version="2")) == (201, "superseded")
    assert await said(client, administration(status=wrong, version="4")) == (409, "conflict")
    assert [row["version"] for row in await stored(admin, provider)] == [2, 3, 4]


async def test_what_waits_for_its_team_or_service_is_stored_with_a_warning(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    elm = administration(meta={"tag": [{"system": "urn:breadth:team", "code": "elm"}]})
    for answer in (
        await post(client, elm),
        await post(client, administration(2), base="/v1/fhir/1-999"),
    ):
        assert (answer.status_code, codes(answer)) == (201, ["quarantined"])
        assert answer.json()["issue"][0]["severity"] == "warning"
    assert len(await stored(admin, provider)) == 2


NOT_COUNTED = [
    *(administration(status=word) for word in ("in-progress", "on-hold", "stopped", "unknown")),
    *(questionnaire(status=word) for word in ("in-progress", "stopped")),
]


@pytest.mark.parametrize("resource", NOT_COUNTED)
async def test_what_is_neither_done_nor_omitted_is_answered_and_not_stored(
    resource: Resource, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    answer = await post(client, resource)
    assert (answer.status_code, codes(answer)) == (200, ["not_counted"])
    [issue] = answer.json()["issue"]
    assert issue["severity"] == "information"
    assert issue["expression"] == [f"{resource['resourceType']}.status"]
    assert await stored(admin, provider) == []


async def test_a_dose_that_is_put_on_hold_later_no_longer_counts(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await post(client, administration(version="1"))
    answer = await post(client, administration(version="2", status="on-hold"))
    assert (answer.status_code, codes(answer)) == (200, ["accepted", "not_counted"])
    assert [row["retracted"] for row in await stored(admin, provider)] == [False, True]


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("?fft=q1&rating=q2", {"fft": "poor", "rating": 2, "respondent": "family"}),
        ("?rating=q2", {"rating": 2, "respondent": "family"}),
    ],
)
async def test_link_ids_of_a_form_are_named_in_the_address(
    query: str,
    data: Resource,
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
) -> None:
    items = [
        {"linkId": "q1", "answer": [{"valueString": "Poor"}]},
        {"linkId": "q2", "answer": [{"valueInteger": 2}]},
    ]
    answer = await client.post(
        f"{BASE}/QuestionnaireResponse{query}", json=questionnaire(item=items), headers=FHIR
    )
    assert answer.status_code == 201, answer.text
    [row] = await stored(admin, provider)
    assert json.loads(row["data"]) == data


async def test_five_answers_of_each_route(
    anonymous: httpx.AsyncClient, client_with: MakeClient
) -> None:
    reader = await client_with(*(set(Scope) - {Scope.EVENTS_WRITE}))
    writer = await client_with(Scope.EVENTS_WRITE)
    for resource, _, _ in KINDS:
        assert await said(anonymous, resource) == (401, "unauthenticated")
        assert await said(reader, resource) == (403, "forbidden")
        assert (await said(writer, resource | {"resourceType": "Patient"}))[0] == 404
        assert (await said(writer, resource | {"meta": 5}))[0] == 422
        assert (await said(writer, resource))[0] == 201


async def test_refusals_before_the_route_are_outcomes_too(client: httpx.AsyncClient) -> None:
    for method, path, status in (
        ("GET", f"{BASE}/MedicationAdministration", 405),
        ("DELETE", BASE, 405),
        ("GET", f"{BASE}/Patient/1", 404),
        ("POST", f"/v1/fhir/{'x' * 201}/AdverseEvent", 422),
        ("POST", f"/v1/fhir/{'x' * 201}", 422),
    ):
        answer = await client.request(method, path, headers=FHIR, content="{}")
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/fhir+json"
        [first, *_] = answer.json()["issue"]
        assert first["diagnostics"].endswith(answer.headers["x-request-id"])


async def test_a_base_says_what_it_can_do(
    client: httpx.AsyncClient, client_with: MakeClient
) -> None:
    answer = await client.get(f"{BASE}/metadata")
    assert answer.headers["content-type"] == "application/fhir+json"
    said_of = answer.json()
    assert (said_of["resourceType"], said_of["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    datetime.fromisoformat(said_of["date"])
    [rest] = said_of["rest"]
    assert {one["type"] for one in rest["resource"]} == {kind["resourceType"] for kind, *_ in KINDS}
    assert all(one["conditionalCreate"] for one in rest["resource"])
    assert {one["code"] for one in rest["interaction"]} == {"batch", "transaction"}
    reader = await client_with(Scope.VIEWS_READ)
    assert (await reader.get(f"{BASE}/metadata")).status_code == 403
