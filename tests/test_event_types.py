"""A provider's own event types: declared, then taken; nothing that is not declared."""

from typing import Any

import httpx
import pytest

from models.incoming.custom_types import declaration_flaw
from tests.sent import event, send
from tests.set_up import put, refusal, team

ADDRESS = "/v1/event-types/custom.mouth_care"
SCHEMA = {
    "type": "object",
    "required": ["done"],
    "properties": {"done": {"type": "boolean"}},
    "additionalProperties": False,
}


async def test_a_type_is_declared_then_unchanged(client: httpx.AsyncClient) -> None:
    first = await client.put(ADDRESS, json=SCHEMA)
    assert (first.status_code, first.json()) == (
        201,
        {
            "type": "custom.mouth_care",
            "json_schema": SCHEMA,
            "registered_at": "2026-11-15T12:00:00Z",
        },
    )
    again = await client.put(ADDRESS, json=SCHEMA)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await client.get(ADDRESS)).json() == first.json()
    assert (await client.get("/v1/event-types")).json() == {"items": [first.json()]}
    changed = await client.put(ADDRESS, json={"type": "object"})
    assert (changed.status_code, changed.json()["json_schema"]) == (200, {"type": "object"})
    assert (await client.get(ADDRESS)).json() == changed.json()


async def test_events_are_taken_once_their_type_is_declared(client: httpx.AsyncClient) -> None:
    await put(client, team("oak"))
    sent = event("custom.mouth_care", {"done": True})
    undeclared = await client.post("/v1/events", json=[sent])
    assert undeclared.status_code == 422
    await client.put(ADDRESS, json=SCHEMA)
    assert (await send(client, sent))["accepted"] == 1
    wrong = await client.post("/v1/events", json=[sent | {"id": "B", "data": {"done": "yes"}}])
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({}, "/type"),
        ({"type": "array"}, "/type"),
        ({"type": "object", "$ref": "http://elsewhere.test/a"}, "/$ref"),
        ({"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}}, "/properties/a/pattern"),
        ({"type": "object", "required": "done"}, "/required"),
    ],
)
async def test_what_cannot_be_a_declaration_is_refused(
    client: httpx.AsyncClient, schema: dict[str, Any], pointer: str
) -> None:
    assert await refusal(client, "PUT", ADDRESS, schema) == (422, [pointer])
    assert (await client.get(ADDRESS)).status_code == 404


@pytest.mark.parametrize("name", ["medication.administered", "custom.", "custom.Big", "custom.a.b"])
async def test_only_names_of_ones_own_can_be_declared(client: httpx.AsyncClient, name: str) -> None:
    status, _ = await refusal(client, "PUT", f"/v1/event-types/{name}", SCHEMA)
    assert status == 422


@pytest.mark.parametrize(
    ("pointer", "schema"),
    [
        ("/type", {"type": "array"}),
        ("/properties/a/pattern", {"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}}),
        ("/allOf/0/$ref", {"type": "object", "allOf": [{"$ref": "https://example.org/x"}]}),
        ("/properties/a/type", {"type": "object", "properties": {"a": {"type": "number?"}}}),
        ("", {"type": "object", "description": "x" * (64 << 10)}),
    ],
)
def test_a_declaration_that_cannot_be_checked_safely_is_refused(
    pointer: str, schema: dict[str, Any]
) -> None:
    flaw = declaration_flaw(schema)
    assert flaw is not None
    assert flaw.pointer == pointer


def test_a_property_may_be_called_like_a_refused_keyword() -> None:
    assert (
        declaration_flaw({"type": "object", "properties": {"pattern": {"type": "string"}}}) is None
    )
