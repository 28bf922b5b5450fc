"""A stranger's feed: connected, sent, verified, watched; and nothing is lost on the way."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.running import Running
from models.connectors import Connector, notice
from models.db import transaction
from models.mapping.drift import Shape
from models.vocabulary import ProviderId
from tests.conftest import NOW
from tests.connecting import (
    CONNECTOR,
    MAPPING,
    SERVICE,
    Platform,
    Worker,
    client,
    connect,
    dose,
    items,
    platform,
    reconciled,
    set_up,
    visits,
    worker,
)

__all__ = ["client", "platform", "worker"]  # fixtures


async def test_two_calls_connect_an_unknown_feed(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, worker: Worker
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    answer = await platform.post(visits(dose(1), dose(2, state="lost")))
    assert answer.status_code == 202
    assert answer.json()["duplicate"] is False
    assert answer.headers["location"] == f"/v1/inbox/{answer.json()['inbox_id']}"
    assert (await reconciled(client))["bodies"]["waiting"] == 1
    assert await worker.map() == 1
    assert await worker.doses() == {"oak": (1, 2)}
    body = await reconciled(client)
    assert body["bodies"] == {
        "acknowledged": 1,
        "duplicate": 0,
        "waiting": 0,
        "mapped": 1,
        "quarantined": 0,
        "dismissed": 0,
    }
    assert body["records"]["records"] == body["records"]["accepted"] == 2


async def test_repeated_delivery_is_a_duplicate_and_other_content_is_not_lost(
    client: httpx.AsyncClient, platform: Platform, worker: Worker
) -> None:
    first = await platform.post(visits(dose(1)), "msg_a")
    again = await platform.post(visits(dose(1)), "msg_a")
    assert (again.status_code, again.json()) == (202, first.json() | {"duplicate": True})
    other = await platform.post(visits(dose(2)), "msg_a")
    assert other.status_code == 202
    assert other.json()["inbox_id"] != first.json()["inbox_id"]
    await worker.map()
    [kept] = await items(client, status="quarantined")
    assert kept["reason"] == "other_body_same_id"
    body = await reconciled(client)
    assert body["bodies"]["acknowledged"] == 3
    assert body["bodies"]["duplicate"] == body["bodies"]["quarantined"] == 1
    all_of_them = await client.post("/v1/replays", json={"connector": "rondo"})
    assert all_of_them.json()["bodies"] == 0, "it contradicts another and has to be named"
    replayed = await client.post(
        "/v1/replays", json={"connector": "rondo", "inbox_ids": [kept["id"]]}
    )
    assert replayed.json()["bodies"] == 1
    await worker.map()
    assert [item["status"] for item in await items(client)] == ["mapped", "mapped"]


async def test_what_comes_before_a_mapping_waits_for_it(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, worker: Worker
) -> None:
    await set_up(client, "oak")
    created = (await client.post("/v1/connectors", json=CONNECTOR)).json()
    platform = Platform(anonymous, created["address"], created["secret"])
    assert (await platform.post(visits(dose(1)))).status_code == 202
    assert await worker.map() == 0
    await client.post("/v1/mappings/rondo", json={"mapping": MAPPING})
    await client.post("/v1/mappings/rondo/1:activate")
    assert await worker.map() == 1
    assert [item["status"] for item in await items(client)] == ["mapped"]


async def test_unknown_team_is_released_by_an_alias_without_a_replay(
    client: httpx.AsyncClient, platform: Platform, worker: Worker
) -> None:
    await platform.post(visits(dose(1, wing="Oak Wing 2")))
    await worker.map()
    [item] = await items(client)
    assert (item["status"], item["counts"]["quarantined"]) == ("mapped", 1)
    alias = {"code": "oak", "name": "Oak", "aliases": ["Oak Wing 2"]}
    body = {"name": "Elm House", "kind": "care_home", "teams": [alias]}
    assert (await client.put(f"/v1/services/{SERVICE}", json=body)).status_code == 200
    assert await worker.doses() == {"oak": (0, 1)}
    await reconciled(client)


async def test_dismissed_body_stays_in_the_sum(
    client: httpx.AsyncClient, platform: Platform, worker: Worker
) -> None:
    await platform.post(b"<xml/>")
    await worker.map()
    [item] = await items(client, reason="unreadable_body")
    answer = await client.post(f"/v1/inbox/{item['id']}:dismiss", json={"reason": "A test."})
    assert (answer.status_code, answer.json()["status"]) == (200, "dismissed")
    assert (await reconciled(client))["bodies"]["dismissed"] == 1


async def test_new_keys_and_unknown_codes_are_noticed(
    client: httpx.AsyncClient, platform: Platform, worker: Worker
) -> None:
    first = {key: value for key, value in dose(1).items() if key != "rev"}
    await platform.post(visits(first))
    # A key that the mapping reads is no news, however late it comes.
    await platform.post(visits(dose(2, prn=True)))
    await platform.post(visits(dose(3, wing=None)))
    await worker.map()
    warned = (await client.get("/v1/connectors/rondo")).json()["warnings"]
    assert {(one["kind"], one["path"]) for one in warned} == {
        ("new_key", "visits[].doses[].prn"),
        ("newly_null", "visits[].doses[].wing"),
    }


async def test_two_bodies_at_once_widen_what_is_known_of_their_source_together(
    client: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    await client.post("/v1/connectors", json=CONNECTOR)

    async def see(key: str, seen: asyncio.Event, go_on: asyncio.Event) -> list[str]:
        async with transaction(running.sessions, provider) as session:
            connector = await session.get_one(Connector, (provider, "rondo"))
            seen.set()
            await go_on.wait()
            shape: Shape = {"@": ("object",), key: ("string",)}
            return [
                one.path for one in await notice(session, provider, connector, shape, (), (), NOW)
            ]

    one, other, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
    seeing = asyncio.gather(see("a", one, go_on), see("b", other, go_on))
    await one.wait()
    await other.wait()
    go_on.set()
    told = await seeing
    assert sorted(told) in ([[], ["a"]], [[], ["b"]]), "the second is held against the first"
    async with transaction(running.sessions, provider) as session:
        known = await session.scalar(select(Connector.shape).where(Connector.code == "rondo"))
    assert known is not None
    assert set(known) == {"@", "a", "b"}


@pytest.mark.parametrize(("hours", "silent"), [(None, False), (24, False), (2, True)])
async def test_expected_source_that_sends_nothing_is_silent(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    clock: Any,
    hours: int | None,
    silent: bool,
) -> None:
    platform = await connect(client, anonymous, expected_every_hours=hours)
    await platform.post(visits(dose(1)))
    clock.advance(timedelta(hours=3))
    warned = (await client.get("/v1/connectors/rondo")).json()["warnings"]
    assert [one["kind"] for one in warned] == (["silent"] if silent else [])


@pytest.mark.parametrize("what", ["signature", "address", "secret"])
async def test_every_failure_to_verify_reads_the_same(
    client: httpx.AsyncClient, platform: Platform, anonymous: httpx.AsyncClient, what: str
) -> None:
    if what == "address":
        platform.address += "x"
    elif what == "secret":
        platform.key = b"k" * 32
    body = visits(dose(1))
    answer = (
        await anonymous.post(platform.address, content=body)
        if what == "signature"
        else await platform.post(body)
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "unverified")
    assert answer.json()["detail"].startswith("The signature, or the secret, does not fit")
    assert (await reconciled(client))["bodies"]["acknowledged"] == 0


async def test_switched_off_connector_is_gone(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    await client.put("/v1/connectors/rondo", json={"enabled": False})
    assert (await platform.post(visits(dose(1)))).status_code == 410
    await client.put("/v1/connectors/rondo", json={"enabled": True})
    assert (await platform.post(visits(dose(1)))).status_code == 202
