"""What events say: every type and wrapping is read, and stored without names or free text."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import httpx
import pytest
from sqlalchemy import text

from api.running import Running
from models.db import transaction
from models.event_types import SHAPES
from models.vocabulary import ProviderId
from tests.ingested import Connection, stored
from tests.sent import EXAMPLES, buckets, dose, event, send

pytestmark = pytest.mark.usefixtures("known_places")


async def test_one_event_is_stored_as_sent_with_pseudonyms(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId, running: Running
) -> None:
    sent = dose(
        person="943 476 5919",
        staff="jb17",
        occurred_at="2026-07-01T00:30:00+01:00",
        recorded_at="2026-07-01T00:31:00+01:00",
        about={"from": "2026-06-30T22:00:00+01:00", "to": "2026-07-01T06:00:00+01:00"},
        data={"status": "given", "due_at": "2026-07-01T00:00:00+01:00", "prn": None, "x_lot": "7"},
    )
    answer = await client.post("/v1/events", json=sent)
    assert (answer.status_code, buckets(answer.json())) == (202, {"accepted": 1})
    [row] = await stored(admin, provider)
    assert row["occurred_at"] == datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert row["month"] == date(2026, 7, 1)
    assert json.loads(row["data"]) == {
        "status": "given",
        "due_at": "2026-06-30T23:00:00Z",
        "x_lot": "7",
    }
    assert json.loads(row["about"]) == {
        "from": "2026-06-30T21:00:00Z",
        "to": "2026-07-01T05:00:00Z",
    }
    pseudonyms = running.keyring.pseudonyms(provider)
    assert row["person"] == pseudonyms.of("person", "9434765919")
    assert row["staff"] == pseudonyms.of("staff", "jb17")
    assert "943" not in str(dict(row))


@pytest.mark.parametrize("kind", sorted(SHAPES))
async def test_every_type_of_the_contract_is_taken(kind: str, client: httpx.AsyncClient) -> None:
    data = EXAMPLES.get(kind, {"items_due": 5, "items_met": 4, "practice": "hand hygiene"})
    assert buckets(await send(client, event(kind, data))) == {"accepted": 1}


async def test_free_text_is_dropped_unless_it_was_switched_on(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId, running: Running
) -> None:
    said = {"respondent": "family", "fft": "good", "text": "Kind people."}
    await send(client, event("feedback.received", said, id="1"))
    async with transaction(running.sessions, provider) as session:
        await session.execute(
            text("INSERT INTO provider_settings VALUES (:p, 1, '{\"store_text\": true}', now())"),
            {"p": provider},
        )
    await send(client, event("feedback.received", said, id="2"))
    assert buckets(await send(client, event("feedback.received", said, id="1"))) == {
        "duplicates": 1
    }
    dropped, kept = await stored(admin, provider)
    assert dropped["text_sealed"] is None
    assert "text" not in json.loads(kept["data"])
    sealed = kept["text_sealed"]
    cipher = running.keyring.texts(provider)
    assert cipher.decrypt(sealed[:12], sealed[12:], None) == b"Kind people."


async def test_declared_types_are_checked_by_their_schema(
    client: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    schema = {
        "type": "object",
        "required": ["steps"],
        "properties": {"steps": {"type": "integer", "minimum": 0}},
        "additionalProperties": False,
    }
    async with transaction(running.sessions, provider) as session:
        await session.execute(
            text("INSERT INTO custom_event_types VALUES (:p, 'custom.walk', :schema, now())"),
            {"p": provider, "schema": json.dumps(schema)},
        )
    receipt = await send(
        client,
        event("custom.walk", {"steps": 120}, id="1"),
        event("custom.walk", {"steps": -1}, id="2"),
        event("custom.run", {"steps": 1}, id="3"),
        event("custom.walk", {"steps": 1, "first_name": "Ada"}, id="4"),
    )
    assert receipt["accepted"] == 1
    assert [(item["code"], item["pointer"]) for item in receipt["rejected"]] == [
        ("schema_mismatch", "/data/steps"),
        ("unknown_type", "/type"),
        ("identifier_in_data", "/data/first_name"),
    ]


async def _post(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/v1/events", content=body, headers=named)


@pytest.mark.parametrize(
    "pack",
    [
        lambda events: (json.dumps(events).encode(), "application/json", "identity"),
        lambda events: (b"\xef\xbb\xbf" + json.dumps(events).encode(), "application/json", ""),
        lambda events: (json.dumps(events).encode(), "application/json; charset=UTF-8", "identity"),
        lambda events: (
            b"\r\n\n".join(json.dumps(one).encode() for one in events),
            "application/x-ndjson",
            "identity",
        ),
        lambda events: (gzip.compress(json.dumps(events).encode()), "application/json", "gzip"),
        lambda events: (
            b"".join(gzip.compress(json.dumps(one).encode() + b"\n") for one in events),
            "application/x-ndjson",
            "gzip",
        ),
    ],
)
async def test_every_wrapping_of_the_same_events_is_read(
    pack: Callable[[object], tuple[bytes, str, str]], client: httpx.AsyncClient
) -> None:
    body, kind, encoding = pack([dose(1), dose(2)])
    headers = {"Content_Type": kind} | ({"Content_Encoding": encoding} if encoding else {})
    answer = await _post(client, body, **headers)
    assert (answer.status_code, buckets(answer.json())) == (202, {"accepted": 2})


async def test_an_empty_array_is_a_success(client: httpx.AsyncClient) -> None:
    assert buckets(await send(client)) == {}
