"""The people of the demo walk every strand, and leave no key behind."""

import asyncio
from functools import partial
from typing import Any

import httpx

from api.running import Running
from cli.calls import client_of
from cli.demo_route import walk_all
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, MakeClient, make_key
from tests.importing import served  # noqa: F401 - a fixture
from tests.sent import SERVICE
from tests.walking import MONTH, walk


async def test_demo_walks_the_route_once(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    served: int,  # noqa: F811 - the fixture
) -> None:
    await walk(client, client_with, running, provider, admin)
    url = f"http://127.0.0.1:{served}"
    key = await make_key(running, provider, *Scope)

    def run() -> None:
        with client_of(url, key) as asking:
            walk_all(partial(client_of, url), asking, lambda _: None, [SERVICE], MONTH, NOW)

    await asyncio.to_thread(run)
    route = (await client.get(f"/v1/services/{SERVICE}/route")).json()["route"]
    signed = {(place["strand"], place["stage"]): len(place["records"]) for place in route}
    assert set(signed.values()) == {1, 2}
    judged = [place["records"][0]["body"] for place in route if place["stage"] == "judge"]
    assert {one["judgement"] for one in judged} == {"not_yet"}
    keys = (await client.get("/v1/keys")).json()["items"]
    assert all(one["revoked_at"] for one in keys if one["name"].startswith("demo of"))
    await asyncio.to_thread(run)
    assert (await client.get(f"/v1/services/{SERVICE}/route")).json()["route"] == route
