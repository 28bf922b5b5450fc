"""Who may subscribe: keys with the scope, each to what is their own provider's."""

from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, MakeClient, make_provider
from tests.hooks_out import announced, listen, local, names, told
from tests.test_setting_up_access import without_instance

__all__ = ["local", "names"]  # fixtures

NOBODYS = "0197a0a0-0000-7000-8000-000000000000"
NEW = {"url": "https://hooks.example.org/", "message_types": ["record.signed"]}
RANGE = {"from": NOW.isoformat(), "to": NOW.isoformat()}
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "", NEW),
    ("GET", "", None),
    ("GET", "/{id}", None),
    ("PUT", "/{id}", {"enabled": False}),
    ("DELETE", "/{id}", None),
    ("POST", "/{id}:rotate", None),
    ("POST", "/{id}:test", None),
    ("POST", "/{id}:redeliver", RANGE),
    ("GET", "/{id}/attempts", None),
    ("POST", "/{id}/attempts/{message}:redeliver", None),
]
NAMING = [call for call in CALLS if "{id}" in call[1]]

pytestmark = pytest.mark.usefixtures("local")


def address(path: str, endpoint: Any = NOBODYS, message: Any = NOBODYS) -> str:
    return f"/v1/subscriptions{path}".format(id=endpoint, message=message)


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_every_call_asks_for_a_key_and_its_scope(
    method: str, path: str, body: Any, anonymous: httpx.AsyncClient, client_with: MakeClient
) -> None:
    nobody = await anonymous.request(method, address(path), json=body)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    others = await client_with(*set(Scope) - {Scope.ADMIN})
    refused = await others.request(method, address(path), json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path", "body"), NAMING)
async def test_what_is_anothers_reads_as_absent_and_stays_as_it_is(
    method: str,
    path: str,
    body: Any,
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
) -> None:
    absent = await client.request(method, address(path), json=body)
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")
    theirs = await make_provider(running)
    other = await client_with(*Scope, of=theirs)
    listener = await listen(running, theirs)
    (message,) = await announced(running, theirs)
    before = (await other.get("/v1/subscriptions")).json()
    crossed = await client.request(method, address(path, listener.id, message), json=body)
    assert without_instance(crossed) == without_instance(absent)
    assert (await other.get("/v1/subscriptions")).json() == before
    assert (await client.get("/v1/subscriptions")).json()["items"] == []


@pytest.mark.parametrize(("method", "path", "body"), NAMING)
async def test_what_is_no_id_is_refused(
    method: str, path: str, body: Any, client: httpx.AsyncClient
) -> None:
    refused = await client.request(method, address(path, "not-an-id", "neither"), json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


async def test_address_is_looked_up_for_nobody_who_may_not_subscribe(
    anonymous: httpx.AsyncClient, client_with: MakeClient, local: Running
) -> None:
    others = await client_with(*set(Scope) - {Scope.ADMIN})
    for each in (anonymous, others):
        await each.post("/v1/subscriptions", json=NEW)
    assert local.resolve.asked == []  # type: ignore[attr-defined]  # the names of this test


async def test_messages_reach_endpoints_of_their_own_provider_alone(
    running: Running, provider: ProviderId
) -> None:
    theirs = await make_provider(running)
    for each in (provider, theirs):
        await listen(running, each)
    await announced(running, provider)
    assert len(await told(running, provider)) == 1
    assert await told(running, theirs) == []
