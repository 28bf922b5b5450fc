"""CloudEvents as the library of the specification writes them are read as they were meant."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from models.vocabulary import ProviderId
from tests.cloudevents_sent import (
    Message,
    header,
    taken,
)
from tests.ingested import Connection, row_of
from tests.sent import SERVICE

pytestmark = pytest.mark.usefixtures("known_places")

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
