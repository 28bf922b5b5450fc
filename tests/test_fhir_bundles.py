"""Bundles: a batch answers entry by entry, a transaction is stored as a whole or not at all."""

import gzip
import json
from typing import Any

import httpx
import pytest

from api.inbound.fhir_bundles import MOST_ENTRIES
from api.running import Running
from models.incoming.fhir_references import NHS_NUMBER
from models.vocabulary import ProviderId
from tests.fhir_sent import (
    BASE,
    FHIR,
    Connection,
    Resource,
    administration,
    adverse_event,
    bundle,
    codes,
    entries,
    post,
    questionnaire,
)

pytestmark = pytest.mark.usefixtures("known_places")

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"text": "Mary Smith"}],
    "identifier": [{"system": NHS_NUMBER, "value": "9434765919"}],
}


async def count(admin: Connection, provider: ProviderId) -> int:
    found = await admin.fetchval("SELECT count(*) FROM events WHERE provider_id = $1", provider)
    return int(found)


async def test_a_batch_answers_each_entry_for_itself(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    sent = [
        administration(1),
        administration(2, status="wibble"),
        administration(1),
        administration(1, status="not-done"),
        administration(3, effectiveDateTime="2027-01-01T00:00:00Z"),
        administration(4, status="on-hold"),
        {"resourceType": "MedicationAdministration", "status": 5},
        questionnaire(),
        adverse_event(),
        PATIENT,
    ]
    answer = await post(client, bundle(*sent))
    assert (answer.status_code, answer.json()["type"]) == (200, "batch-response")
    assert entries(answer) == [
        ("201", "accepted"),
        ("422", "unknown_value"),
        ("200", "duplicate"),
        ("409", "conflict"),
        ("422", "occurred_in_future"),
        ("200", "not_counted"),
        ("422", "wrong_type"),
        ("201", "accepted"),
        ("201", "accepted"),
        ("200", "not_stored"),
    ]
    assert await count(admin, provider) == 3
    pointed = [
        entry["response"]["outcome"]["issue"][0]["expression"] for entry in answer.json()["entry"]
    ]
    assert pointed[1] == ["Bundle.entry[1].resource.status"]
    assert pointed[4] == ["Bundle.entry[4].resource.effective"]
    assert pointed[6] == ["Bundle.entry[6].resource.status"]


@pytest.mark.parametrize("number", [1, 10, MOST_ENTRIES])
async def test_a_transaction_is_stored_and_sent_again_changes_nothing(
    number: int, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    sent = bundle(*(administration(n) for n in range(number)), kind="transaction")
    answer = await post(client, sent)
    assert (answer.status_code, answer.json()["type"]) == (200, "transaction-response")
    assert entries(answer) == [("201", "accepted")] * number
    assert entries(await post(client, sent)) == [("200", "duplicate")] * number
    assert await count(admin, provider) == number


SPOILERS: list[tuple[str, Resource, int, str, str]] = [
    ("no such status", administration(9, status="wibble"), 422, "unknown_value", "status"),
    ("no time", administration(9, effectiveDateTime=None), 422, "missing_field", "effective"),
    (
        "the future",
        administration(9, effectiveDateTime="2027-01-01T00:00:00Z"),
        422,
        "occurred_in_future",
        "effective",
    ),
    ("a contradiction", administration(0, status="not-done"), 409, "conflict", ""),
]


@pytest.mark.parametrize("others", [1, 40])
@pytest.mark.parametrize(
    ("spoiler", "status", "code", "element"),
    [row[1:] for row in SPOILERS],
    ids=[row[0] for row in SPOILERS],
)
async def test_one_error_undoes_a_transaction(
    spoiler: Resource,
    status: int,
    code: str,
    element: str,
    others: int,
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
) -> None:
    await post(client, administration(0))
    good = [administration(number + 1) for number in range(others)]
    answer = await post(client, bundle(*good, spoiler, kind="transaction"))
    assert (answer.status_code, codes(answer)) == (status, ["transaction_undone", code])
    expression = answer.json()["issue"][1]["expression"]
    assert expression == [f"Bundle.entry[{others}].resource" + (f".{element}" if element else "")]
    assert await count(admin, provider) == 1
    marked = await admin.fetchval(
        "SELECT count(*) FROM marks WHERE provider_id = $1 AND month IS NOT NULL", provider
    )
    assert marked == 1


async def test_a_transaction_is_answered_with_all_that_stood_in_its_way(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    sent = [administration(1, status="x"), administration(2), adverse_event(severity=None)]
    answer = await post(client, bundle(*sent, kind="transaction"))
    assert answer.status_code == 422
    assert codes(answer) == ["transaction_undone", "unknown_value", "missing_field"]
    assert await count(admin, provider) == 0


async def test_two_entries_that_contradict_each_other_undo_their_transaction(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    sent = bundle(administration(1), administration(1, status="not-done"), kind="transaction")
    assert (await post(client, sent)).status_code == 409
    assert await count(admin, provider) == 0


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_a_record_and_its_error_in_one_bundle_end_taken_back(
    kind: str, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    error = administration(1, status="entered-in-error")
    answer = await post(client, bundle(administration(1), error, error, kind=kind))
    assert entries(answer) == [("201", "accepted"), ("200", "accepted"), ("200", "duplicate")]
    rows = await admin.fetch(
        "SELECT version, retracted FROM events WHERE provider_id = $1 ORDER BY version", provider
    )
    assert [tuple(row) for row in rows] == [(1, False), (2, True)]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_entries_may_be_conditional(kind: str, client: httpx.AsyncClient) -> None:
    await post(client, administration(1))
    sent = bundle(administration(1, status="not-done"), administration(2), kind=kind)
    for number, entry in enumerate(sent["entry"], 1):
        asks = f"identifier=https://emar.example/id|D-{number}"
        entry["request"]["ifNoneExist"] = asks
    answer = await post(client, sent)
    assert entries(answer) == [("200", "exists"), ("201", "accepted")]


async def test_several_matches_undo_a_transaction(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await post(client, bundle(administration(1), administration(2)))
    sent = bundle(administration(3), ifNoneExist="identifier=D-1,D-2", kind="transaction")
    answer = await post(client, sent)
    assert (answer.status_code, codes(answer)) == (412, ["transaction_undone", "several_match"])
    assert await count(admin, provider) == 2


@pytest.mark.parametrize(
    "reference",
    ["urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", "Patient/p1"],
)
async def test_people_who_come_along_are_known_by_their_identifiers(
    reference: str,
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
    running: Running,
) -> None:
    sent = bundle(PATIENT, administration(subject={"reference": reference}), kind="transaction")
    sent["entry"][0]["fullUrl"] = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    assert entries(await post(client, sent)) == [("200", "not_stored"), ("201", "accepted")]
    row = await admin.fetchrow("SELECT * FROM events WHERE provider_id = $1", provider)
    assert row["person"] == running.keyring.pseudonyms(provider).of("person", "9434765919")
    assert "Mary" not in str(dict(row))


async def test_link_ids_hold_for_all_entries(client: httpx.AsyncClient) -> None:
    items = [{"linkId": "q7", "answer": [{"valueInteger": 3}]}]
    sent = bundle(questionnaire(1, item=items), questionnaire(2, item=items))
    answer = await client.post(f"{BASE}?rating=q7", json=sent, headers=FHIR)
    assert entries(answer) == [("201", "accepted")] * 2


async def test_an_empty_bundle_is_answered_with_an_empty_one(client: httpx.AsyncClient) -> None:
    for kind in ("batch", "transaction"):
        answer = await post(client, {"resourceType": "Bundle", "type": kind})
        assert answer.json() == {"resourceType": "Bundle", "type": f"{kind}-response"}


async def test_a_bundle_may_be_compressed(client: httpx.AsyncClient) -> None:
    body = gzip.compress(json.dumps(bundle(administration())).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert entries(await client.post(BASE, content=body, headers=headers)) == [("201", "accepted")]


REFUSED_BUNDLES: list[tuple[str, Any, int, str, str]] = [
    ("another type", {"type": "collection"}, 422, "not_supported", "Bundle.type"),
    ("no type", {"type": None}, 422, "missing_field", "Bundle.type"),
    ("another resource", {"resourceType": "Patient"}, 422, "unknown_value", "Bundle.resourceType"),
    ("entries that are no list", {"entry": {}}, 422, "wrong_type", "Bundle.entry"),
]


@pytest.mark.parametrize(
    ("changes", "status", "code", "expression"),
    [row[1:] for row in REFUSED_BUNDLES],
    ids=[row[0] for row in REFUSED_BUNDLES],
)
async def test_what_is_no_bundle_to_take_is_refused_as_a_whole(
    changes: Any, status: int, code: str, expression: str, client: httpx.AsyncClient
) -> None:
    answer = await client.post(BASE, json=bundle(administration()) | changes, headers=FHIR)
    assert answer.status_code == status
    assert codes(answer) == [code]
    assert answer.json()["issue"][0]["expression"] == [expression]


@pytest.mark.parametrize(
    ("entry", "expression"),
    [
        (5, ""),
        (None, ""),
        ({}, ".resource"),
        ({"resource": {}}, ".resource.resourceType"),
        ({"resource": []}, ".resource"),
        ({"resource": administration()}, ".request.method"),
        ({"resource": administration(), "request": {"method": "POST"}}, ".request.url"),
        (
            {"resource": administration(), "request": {"method": "PUT", "url": "x"}},
            ".request.method",
        ),
        (
            {"resource": administration(), "request": {"method": "POST", "url": "AdverseEvent"}},
            ".request.url",
        ),
        (
            {
                "resource": administration(),
                "request": {
                    "method": "POST",
                    "url": "MedicationAdministration",
                    "ifNoneExist": "status=completed",
                },
            },
            ".request.ifNoneExist",
        ),
    ],
)
async def test_an_entry_that_asks_for_something_else_is_pointed_at(
    entry: Any, expression: str, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    good = bundle(administration(2))
    good["entry"].append(entry)
    answer = await client.post(BASE, json=good, headers=FHIR)
    assert entries(answer)[0] == ("201", "accepted")
    [issue] = answer.json()["entry"][1]["response"]["outcome"]["issue"]
    assert issue["expression"] == [f"Bundle.entry[1]{expression}"]
    undone = await client.post(BASE, json=good | {"type": "transaction"}, headers=FHIR)
    assert undone.status_code == 422
    assert await count(admin, provider) == 1


async def test_more_entries_than_are_taken_is_413(client: httpx.AsyncClient) -> None:
    answer = await post(client, bundle(*[administration()] * (MOST_ENTRIES + 1)))
    assert (answer.status_code, codes(answer)) == (413, ["body_too_large"])
