"""API keys: shown once, no stronger than their issuer, ended at once."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from models.vocabulary import ProviderId, Scope
from tests.conftest import Clock, MakeClient
from tests.set_up import refusal


def bearing(answer: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json()['key']}"}


async def test_a_key_is_shown_once_and_works(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, admin: Any, provider: ProviderId
) -> None:
    issued = await client.post("/v1/keys", json={"name": "eMAR", "scopes": ["views:read"]})
    assert issued.status_code == 201
    said = issued.json()
    key = said.pop("key")
    assert key.startswith(f"brd_{said['key_id']}_")
    answer = await anonymous.get("/v1/services", headers=bearing(issued))
    assert answer.status_code == 200
    secret = key.partition("_")[2].partition("_")[2]
    by_pair = await anonymous.get("/v1/services", auth=(said["key_id"], secret))
    assert by_pair.status_code == 200
    listed = (await client.get("/v1/keys")).json()["items"]
    assert said in listed
    assert secret not in (await client.get("/v1/keys")).text
    stored = await admin.fetchval(
        "SELECT k::text FROM api_keys k WHERE provider_id = $1 AND key_id = $2",
        provider,
        said["key_id"],
    )
    assert secret not in stored


async def test_a_key_grants_no_more_than_its_issuer_has(client_with: MakeClient) -> None:
    issuer = await client_with(Scope.ADMIN, Scope.VIEWS_READ)
    for scopes, status in ((["admin", "views:read"], 201), (["admin", "audit:read"], 403)):
        answer = await issuer.post("/v1/keys", json={"name": "a", "scopes": scopes})
        assert answer.status_code == status
    assert "audit:read" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["everything"]}, "/scopes/0"),
        ({"expires_at": "2026-11-15T12:00:00Z"}, "/expires_at"),
        ({"expires_at": "2027-01-01T00:00:00"}, "/expires_at"),
        ({"key": "mine"}, "/key"),
    ],
)
async def test_what_cannot_be_a_key_is_refused(
    client: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    sent = {"name": "a", "scopes": ["views:read"]} | change
    assert await refusal(client, "POST", "/v1/keys", sent) == (422, [pointer])


async def test_an_expired_key_is_refused(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, clock: Clock
) -> None:
    soon = {"name": "a", "scopes": ["views:read"], "expires_at": "2026-11-15T13:00:00+00:00"}
    issued = await client.post("/v1/keys", json=soon)
    clock.advance(timedelta(hours=1))
    answer = await anonymous.get("/v1/services", headers=bearing(issued))
    assert answer.status_code == 401


async def test_an_ended_key_is_refused_at_once(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    issued = await client.post("/v1/keys", json={"name": "a", "scopes": ["views:read"]})
    address = f"/v1/keys/{issued.json()['key_id']}"
    assert (await anonymous.get("/v1/services", headers=bearing(issued))).status_code == 200
    ended = await client.delete(address)
    assert (ended.status_code, ended.content) == (204, b"")
    assert (await anonymous.get("/v1/services", headers=bearing(issued))).status_code == 401
    assert (await client.delete(address)).status_code == 404
    listed = (await client.get("/v1/keys")).json()["items"]
    [row] = [each for each in listed if each["key_id"] == issued.json()["key_id"]]
    assert row["revoked_at"] == "2026-11-15T12:00:00Z"
