"""Every call of setting up asks for a key, for its scope, and shows nobody another's things."""

from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import Scope
from tests.conftest import MakeClient, make_provider
from tests.sent import SERVICE, dose, send
from tests.set_up import PROGRAMME, body, put, team

ROW = "0197a0a0-0000-7000-8000-000000000000"
CALLS: list[tuple[str, str, object]] = [
    ("PUT", f"/v1/services/{SERVICE}", body()),
    ("GET", f"/v1/services/{SERVICE}", None),
    ("GET", "/v1/services", None),
    ("POST", f"/v1/services/{SERVICE}/recompute", None),
    ("PUT", f"/v1/services/{SERVICE}/programme", PROGRAMME),
    ("POST", "/v1/keys", {"name": "a", "scopes": ["admin"]}),
    ("GET", "/v1/keys", None),
    ("DELETE", "/v1/keys/0123456789abcdef", None),
    ("GET", "/v1/catalogue", None),
    ("PUT", "/v1/catalogue", {}),
    ("GET", "/v1/settings", None),
    ("PUT", "/v1/settings", {}),
    ("GET", "/v1/frameworks", None),
    ("GET", "/v1/event-types", None),
    ("GET", "/v1/event-types/custom.mouth_care", None),
    ("PUT", "/v1/event-types/custom.mouth_care", {"type": "object"}),
    ("GET", "/v1/quarantine", None),
    ("POST", f"/v1/quarantine/{ROW}:dismiss", {"reason": "trial"}),
]
ABSENT = [
    ("GET", f"/v1/services/{SERVICE}", None),
    ("POST", f"/v1/services/{SERVICE}/recompute", None),
    ("PUT", f"/v1/services/{SERVICE}/programme", PROGRAMME),
    ("DELETE", "/v1/keys/0123456789abcdef", None),
    ("GET", "/v1/event-types/custom.mouth_care", None),
    ("POST", f"/v1/quarantine/{ROW}:dismiss", {"reason": "trial"}),
]
OPEN_TO_READERS = {
    ("GET", f"/v1/services/{SERVICE}"),
    ("GET", "/v1/services"),
    ("GET", "/v1/frameworks"),
}


def without_instance(answer: httpx.Response) -> dict[str, Any]:
    said: dict[str, Any] = answer.json()
    return {name: said[name] for name in said.keys() - {"instance", "request_id"}}


@pytest.mark.parametrize(("method", "address", "json"), CALLS)
async def test_without_a_key_nothing_is_answered(
    anonymous: httpx.AsyncClient, method: str, address: str, json: object
) -> None:
    answer = await anonymous.request(method, address, json=json)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(("method", "address", "json"), CALLS)
async def test_a_key_without_the_scope_is_refused(
    client_with: MakeClient, method: str, address: str, json: object
) -> None:
    others = set(Scope) - {Scope.ADMIN}
    if (method, address) in OPEN_TO_READERS:
        others -= {Scope.VIEWS_READ}
    client = await client_with(*others)
    answer = await client.request(method, address, json=json)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("method", "address", "json"), ABSENT)
async def test_absent_and_not_yours_read_alike(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    method: str,
    address: str,
    json: object,
) -> None:
    absent = await client.request(method, address, json=json)
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")
    other = await client_with(*Scope, of=await make_provider(running))
    await put(other, team("oak"))
    await other.put("/v1/event-types/custom.mouth_care", json={"type": "object"})
    not_yours = await client.request(method, address, json=json)
    assert without_instance(not_yours) == without_instance(absent)


async def test_nothing_of_another_provider_is_listed(
    client: httpx.AsyncClient, client_with: MakeClient, running: Running
) -> None:
    other = await client_with(*Scope, of=await make_provider(running))
    await put(other, team("oak"))
    await send(other, dose(team="unheard-of"))
    await other.put("/v1/settings", json={"channels_required": 3})
    await other.put("/v1/catalogue", json={"changes": {"falls": {"active": False}}})
    await other.put("/v1/event-types/custom.mouth_care", json={"type": "object"})
    for listing in ("services", "quarantine", "event-types"):
        assert (await client.get(f"/v1/{listing}")).json()["items"] == []
        assert len((await other.get(f"/v1/{listing}")).json()["items"]) == 1
    assert (await client.get("/v1/settings")).json()["version"] == 0
    assert (await client.get("/v1/catalogue")).json()["version"] == "2026.1"
    own_keys = {key["key_id"] for key in (await client.get("/v1/keys")).json()["items"]}
    other_keys = {key["key_id"] for key in (await other.get("/v1/keys")).json()["items"]}
    assert own_keys
    assert other_keys
    assert not own_keys & other_keys
    [row] = (await other.get("/v1/quarantine")).json()["items"]
    stranger = await client.post(f"/v1/quarantine/{row['id']}:dismiss", json={"reason": "mine"})
    assert stranger.status_code == 404
    victim = next(iter(other_keys))
    assert (await client.delete(f"/v1/keys/{victim}")).status_code == 404


@pytest.mark.parametrize("scope", [Scope.VIEWS_READ, Scope.ADMIN])
async def test_services_can_be_read_with_either_scope(
    client: httpx.AsyncClient, client_with: MakeClient, scope: Scope
) -> None:
    await put(client, team("oak"))
    reader = await client_with(scope)
    for method, address in sorted(OPEN_TO_READERS):
        assert (await reader.request(method, address)).status_code == 200
