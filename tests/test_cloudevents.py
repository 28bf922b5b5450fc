"""CloudEvents in structured, batched and binary mode: the same evidence as an event of our own."""

import base64
import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator
from sqlalchemy import text

from api.inbound.described_cloudevents import HEADERS
from api.running import Running
from models.db import transaction
from models.vocabulary import ProviderId
from tests.cloudevents_sent import (
    BATCHED,
    STRUCTURED,
    WAYS,
    Message,
    batched,
    binary,
    cloudevent,
    header,
    structured,
)
from tests.sent import SERVICE, buckets, dose, event, retraction
from tests.set_up import put, team
from tests.test_contract import DESCRIBED

Connection = Any
#: What may differ between two rows that say the same.
OF_A_ROW = {"event_id", "content_hash", "received_at", "known_xid"}

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


@pytest.fixture(autouse=True)
async def known_places(client: httpx.AsyncClient) -> None:
    await put(client, team("oak"))


async def row_of(admin: Connection, provider: ProviderId, name: str = "A-000001") -> dict[str, Any]:
    """The newest version of an event as it is stored."""
    row: asyncpg.Record | None = await admin.fetchrow(
        "SELECT * FROM events WHERE provider_id = $1 AND event_id = $2 ORDER BY version DESC",
        provider,
        name,
    )
    assert row is not None, f"{name} was not stored"
    return dict(row)


async def taken(client: httpx.AsyncClient, message: Message) -> dict[str, int]:
    answer = await message.by(client)
    assert answer.status_code == 202, answer.text
    return buckets(answer.json())


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


HEADER_VALUES = [
    # header value, what it stands for
    ("oak", "oak"),
    ("Oak Unit", "Oak Unit"),
    ("Oak%20Unit", "Oak Unit"),
    ('"Oak Unit"', "Oak Unit"),
    ('"Oak" Unit', "Oak Unit"),
    (r'"Oak \"Old\" \\ Unit"', r'Oak "Old" \ Unit'),
    (r"Oak\Unit", r"Oak\Unit"),
    ("%6F%61%6B", "oak"),
    ("caf%C3%A9", "café"),
    ("caf%c3%a9", "café"),
    ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
    ('"Euro%20%E2%82%AC"', "Euro €"),
    ("50%25", "50%"),
    ("%2541", "%41"),
    ("a+b", "a+b"),
]


@pytest.mark.parametrize(("written", "meant"), HEADER_VALUES)
async def test_header_values_are_unquoted_then_decoded_once(
    written: str, meant: str, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    headers = [(n, v) for n, v in binary(dose()).headers if n != "ce-area"] + [("ce-area", written)]
    await taken(client, Message(headers, binary(dose()).body))
    assert (await row_of(admin, provider))["area"] == meant


CONTENT_TYPES = [
    (STRUCTURED, structured),
    ("Application/CloudEvents+JSON", structured),
    (f"{STRUCTURED}; charset=UTF-8", structured),
    (f'{STRUCTURED};charset="utf-8"', structured),
    (BATCHED, lambda sent: batched(cloudevent(sent))),
    ("APPLICATION/CLOUDEVENTS-BATCH+JSON ; charset=utf-8", lambda sent: batched(cloudevent(sent))),
    ("application/json", binary),
    ("application/json; charset=utf-8", binary),
    ("text/json", binary),
    ("application/vnd.acme.dose+json", binary),
]


@pytest.mark.parametrize(("kind", "mode"), CONTENT_TYPES, ids=[kind for kind, _ in CONTENT_TYPES])
async def test_the_content_type_chooses_the_mode(
    kind: str, mode: Any, client: httpx.AsyncClient
) -> None:
    message = mode(dose())
    headers = [("Content-Type", kind), *message.headers[1:]]
    assert await taken(client, Message(headers, message.body)) == {"accepted": 1}


async def test_binary_mode_without_a_content_type_is_json(client: httpx.AsyncClient) -> None:
    message = binary(dose())
    assert await taken(client, Message(message.headers[1:], message.body)) == {"accepted": 1}


async def test_the_body_wins_over_headers_that_repeat_it(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    repeated = [*binary(dose(id="other", team="elm")).headers[1:], ("ce-time", "%")]
    for message in (structured(dose(1)), batched(cloudevent(dose(2)))):
        sent = Message([*message.headers, *repeated], message.body)
        assert await taken(client, sent) == {"accepted": 1}
    assert (await row_of(admin, provider, "A-000002"))["team"] == "oak"


async def test_one_stray_header_makes_no_cloudevent(client: httpx.AsyncClient) -> None:
    message = WAYS["native"](dose())
    sent = Message([*message.headers, ("ce-id", "of a gateway")], message.body)
    assert await taken(client, sent) == {"accepted": 1}


@pytest.mark.parametrize("kind", [None, "application/json", "Text/JSON; charset=utf-8", "a/b+json"])
async def test_data_is_json_unless_it_says_otherwise(
    kind: str | None, client: httpx.AsyncClient
) -> None:
    assert await taken(client, structured(dose(), datacontenttype=kind)) == {"accepted": 1}
    coded = base64.b64encode(b'{"status": "given"}').decode()
    again = structured(dose(), datacontenttype=kind, data=..., data_base64=coded)
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


LIBRARY_ATTRIBUTES: Mapping[str, Any] = {
    "id": "A-000001",
    "source": "emar:acme",
    "type": "uk.care.medication.administered.v1",
    "subject": f"{SERVICE}/oak",
    "time": datetime(2026, 3, 1, 8, 5, tzinfo=UTC),
    "area": 'Café "Nord" 50% 😀',
    "eventversion": 2,
}


def by_library(message: HTTPMessage) -> Message:
    return Message(list(message.headers.items()), message.body)


@pytest.mark.parametrize("kind", [{}, {"datacontenttype": "application/json"}])
async def test_what_the_library_sends_is_read_as_it_was_meant(
    kind: dict[str, str], client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    made = CloudEvent({**LIBRARY_ATTRIBUTES, **kind}, {"status": "given", "x_lot": "Ü7"})
    assert await taken(client, by_library(to_binary(made, JSONFormat()))) == {"accepted": 1}
    row = await row_of(admin, provider)
    assert (row["area"], row["version"], row["team"]) == (LIBRARY_ATTRIBUTES["area"], 2, "oak")
    assert row["occurred_at"] == LIBRARY_ATTRIBUTES["time"]
    assert json.loads(row["data"]) == {"status": "given", "x_lot": "Ü7"}
    assert await taken(client, by_library(to_structured(made, JSONFormat()))) == {"duplicates": 1}


async def test_bytes_of_the_library_travel_in_base64(client: httpx.AsyncClient) -> None:
    made = CloudEvent(dict(LIBRARY_ATTRIBUTES), b'{"status": "given"}')
    message = to_structured(made, JSONFormat())
    assert b"data_base64" in message.body
    assert await taken(client, by_library(message)) == {"accepted": 1}


@pytest.mark.parametrize("value", ['say "hi"', "100%", "Zürich €", "a\\b", "tab\there", " x "])
def test_the_library_encodes_headers_as_these_tests_do(value: str) -> None:
    made = CloudEvent({**LIBRARY_ATTRIBUTES, "area": value})
    assert to_binary(made, JSONFormat()).headers["ce-area"] == header(value)


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
