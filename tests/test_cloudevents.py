"""CloudEvents in structured, batched and binary mode: the same evidence as an event of our own."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import text

from api.inbound.described_cloudevents import HEADERS
from api.running import Running
from models.db import transaction
from models.vocabulary import ProviderId
from tests.cloudevents_sent import (
    NOTHING,
    WAYS,
    Message,
    batched,
    binary,
    cloudevent,
    header,
    structured,
    taken,
)
from tests.ingested import OF_A_ROW, Connection, row_of
from tests.sent import SERVICE, buckets, dose, event, retraction
from tests.test_contract import DESCRIBED

pytestmark = pytest.mark.usefixtures("known_places")

FULL = dose(
    team='Café 50% / "Oak" 😀',
    area="Nursing wing",
    person="943 476 5919",
    staff="jb17",
    recorded_at="2026-03-01T08:06:10+00:00",
    about={"from": "2026-02-28T22:00:00+00:00", "to": "2026-03-01T06:00:00+00:00"},
    version=3,
    data={"status": "given", "due_at": "2026-03-01T08:00:00+00:00", "x_lot": "Ü \u2028\t7"},
)
every_way = pytest.mark.parametrize("way", WAYS)


async def test_all_fields_are_stored_alike_in_every_way(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    rows = []
    for number, way in enumerate(WAYS.values()):
        await taken(client, way(FULL | {"id": f"W-{number}"}))
        row = await row_of(admin, provider, f"W-{number}")
        rows.append({name: value for name, value in row.items() if name not in OF_A_ROW})
    assert all(row == rows[0] for row in rows)
    assert rows[0]["team"] == FULL["team"]
    assert rows[0]["recorded_at"] == datetime(2026, 3, 1, 8, 6, 10, tzinfo=UTC)


@every_way
async def test_resending_in_another_way_is_a_duplicate(way: str, client: httpx.AsyncClient) -> None:
    await taken(client, WAYS[way](dose()))
    for other in WAYS.values():
        assert await taken(client, other(dose())) == {"duplicates": 1}


@every_way
async def test_a_retraction_needs_no_time_and_no_data(
    way: str, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await taken(client, structured(dose()))
    if way == "base64":
        message = structured(retraction(), retracted="true", eventversion="2")
    else:
        message = WAYS[way](retraction())
    assert await taken(client, message) == {"accepted": 1}
    row = await row_of(admin, provider)
    assert (row["version"], row["retracted"], row["data"]) == (2, True, None)


ATTRIBUTES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "subject names service and team": ({"subject": f"{SERVICE}/oak"}, {"team": "oak"}),
    "subject names a service alone": ({"subject": SERVICE}, {"team": None, "service": SERVICE}),
    "only the first slash divides": ({"subject": f"{SERVICE}/a/b"}, {"team": "a/b"}),
    "a type of ours stays": (
        {"type": "medication.administered"},
        {"type": "medication.administered"},
    ),
    "a type of ours in full": (
        {"type": "uk.care.medication.administered.v1"},
        {"type": "medication.administered"},
    ),
    "version is a number": ({"eventversion": 4}, {"version": 4}),
    "version is a text": ({"eventversion": "4"}, {"version": 4}),
    "retracted is a truth": ({"retracted": True}, {"retracted": True}),
    "retracted is a text": ({"retracted": "true"}, {"retracted": True}),
    "not retracted is a text": ({"retracted": "false"}, {"retracted": False}),
    "about names a band": (
        {"about": "weekend_night"},
        {"about": '{"band": "weekend_night"}'},
    ),
    "about is JSON": (
        {"about": ' {"band": "weekend_night"}'},
        {"about": '{"band": "weekend_night"}'},
    ),
    "area is called alike": ({"area": "Garden wing"}, {"area": "Garden wing"}),
    "what is null was not sent": (
        dict.fromkeys(("about", "recordedtime", "eventversion", "retracted", "dataschema")),
        {"about": None, "version": 1, "retracted": False},
    ),
    "extensions of others pass": (
        {"traceparent": "00-ab-cd-01", "comexampleothervalue": 5, "sampled": True},
        {"team": "oak"},
    ),
    "a long name of an extension passes": ({"x" * 60: "y"}, {"team": "oak"}),
}


@pytest.mark.parametrize(("attributes", "stored"), ATTRIBUTES.values(), ids=ATTRIBUTES)
@pytest.mark.parametrize("mode", [structured, binary])
async def test_attributes_become_what_they_mean(
    mode: Any,
    attributes: dict[str, Any],
    stored: dict[str, Any],
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
) -> None:
    await taken(client, mode(dose(), **attributes))
    row = await row_of(admin, provider)
    assert {name: row[name] for name in stored} == stored


@pytest.mark.parametrize("kind", [None, "application/json", "Text/JSON; charset=utf-8", "a/b+json"])
async def test_data_is_json_unless_it_says_otherwise(
    kind: str | None, client: httpx.AsyncClient
) -> None:
    assert await taken(client, structured(dose(), datacontenttype=kind)) == {"accepted": 1}
    coded = base64.b64encode(b'{"status": "given"}').decode()
    again = structured(dose(), datacontenttype=kind, data=NOTHING, data_base64=coded)
    assert await taken(client, again) == {"duplicates": 1}


async def test_base64_that_is_null_was_not_sent(client: httpx.AsyncClient) -> None:
    assert await taken(client, structured(dose(), data_base64=None)) == {"accepted": 1}


async def test_an_empty_batch_is_a_success(client: httpx.AsyncClient) -> None:
    assert await taken(client, batched()) == {}


async def test_in_a_batch_one_bad_item_loses_no_other(client: httpx.AsyncClient) -> None:
    sent: list[Any] = [cloudevent(dose(number)) for number in range(700)]
    sent[3] = cloudevent(dose(3), time="yesterday")
    sent[256] = 7
    sent[511] = cloudevent(dose(511), specversion="0.3")
    answer = await batched(*sent).by(client)
    assert answer.status_code == 202
    assert buckets(answer.json()) == {"accepted": 697, "rejected": 3}
    assert [(item["index"], item["pointer"]) for item in answer.json()["rejected"]] == [
        (3, "/time"),
        (256, ""),
        (511, "/specversion"),
    ]
    assert answer.json()["rejected"][2]["id"] == "A-000511"


@every_way
async def test_every_way_may_be_compressed(way: str, client: httpx.AsyncClient) -> None:
    message = WAYS[way](dose())
    sent = Message([*message.headers, ("Content-Encoding", "gzip")], gzip.compress(message.body))
    assert await taken(client, sent) == {"accepted": 1}


@every_way
async def test_what_a_provider_has_settled_holds_in_every_way(
    way: str, client: httpx.AsyncClient, admin: Connection, running: Running, provider: ProviderId
) -> None:
    schema = {"type": "object", "properties": {"steps": {"type": "integer"}}}
    await client.put("/v1/event-types/custom.walk", json=schema)
    async with transaction(running.sessions, provider) as session:
        await session.execute(
            text("INSERT INTO provider_settings VALUES (:p, 1, '{\"store_text\": true}', now())"),
            {"p": provider},
        )
    kind = "custom.walk" if way == "native" else "uk.care.custom.walk.v1"
    assert await taken(client, WAYS[way](event(kind, {"steps": 9}))) == {"accepted": 1}
    assert (await row_of(admin, provider))["type"] == "custom.walk"
    said = {"respondent": "family", "rating": 4, "text": "Kind people."}
    await taken(client, WAYS[way](event("feedback.received", said, id="F")))
    sealed = (await row_of(admin, provider, "F"))["text_sealed"]
    cipher = running.keyring.texts(provider)
    assert cipher.decrypt(sealed[:12], sealed[12:], None) == b"Kind people."


async def test_every_example_of_the_contract_is_taken(client: httpx.AsyncClient) -> None:
    operation = DESCRIBED["paths"]["/v1/events"]["post"]
    for kind, content in operation["requestBody"]["content"].items():
        shown = content.get("examples") or {"only": {"value": content["example"]}}
        for name, example in shown.items():
            headers = [("Content-Type", kind)]
            if name == "binary_mode":
                headers += [(one["name"], header(one["example"])) for one in HEADERS]
            value = example["value"]
            body = value if isinstance(value, str) else json.dumps(value)
            assert "rejected" not in await taken(client, Message(headers, body.encode())), name
    schema = DESCRIBED["components"]["schemas"]["CloudEvent"]
    Draft202012Validator(schema).validate(cloudevent(FULL))
    assert not Draft202012Validator(schema).is_valid(cloudevent(FULL, occurred_at="x"))
