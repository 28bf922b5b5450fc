"""The whole path of a platform: a signed body, the worker, the view; without Redis; all at once."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api.running import Running
from models.queue import redis_of
from models.settings import Settings
from models.vocabulary import ProviderId
from tests.connecting import SERVICE, connect, dose, items, map_all, reconciled, visits
from tests.recomputing import cells, settle
from tests.test_flow import Work, read, rung, set_up, work
from worker.jobs import sweep_bodies

__all__ = ["work"]  # a fixture

BEHIND = "evidence?strand=team_spread&segment=oak&indicator=medicine_omissions&month=2026-09"


def september(ref: int, **changes: Any) -> dict[str, Any]:
    return dose(ref, when=f"2026-09-{1 + ref % 28:02}T08:05:00+01:00", **changes)


async def behind(client: httpx.AsyncClient) -> list[tuple[str, int, int]]:
    listed = await read(client, BEHIND, SERVICE)
    return [(item["id"], item["x"], item["n"]) for item in listed["items"]]


# arq 0.28 still closes its pool by redis-py's older name.
@pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")
async def test_hook_reaches_the_view_through_the_worker_and_is_corrected_there(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, running: Running, work: Work
) -> None:
    await set_up(client, SERVICE)
    platform = await connect(client, anonymous)
    await platform.post(visits(september(1), september(2, state="lost")))
    await rung(running)
    assert await work() >= 2, "a mapping and a recompute"
    view = await read(client, "spread-dashboard", SERVICE)
    assert not view["freshness"]["pending"]
    assert await behind(client) == [("1", 0, 1), ("2", 1, 1)]
    await platform.post(visits(september(2, rev=2)))
    await rung(running)
    assert await work() >= 2
    assert await behind(client) == [("1", 0, 1), ("2", 0, 1)]
    assert {item["status"] for item in await items(client)} == {"mapped"}


async def test_body_is_found_without_redis(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    running: Running,
    settings: Settings,
    provider: ProviderId,
    admin: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nowhere = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    dead = redis_of(nowhere)
    monkeypatch.setattr("models.queue.BACK_OFF_S", 0.01)
    monkeypatch.setattr(running.doorbell, "_redis", dead)
    await set_up(client, SERVICE)
    platform = await connect(client, anonymous)
    assert (await platform.post(visits(september(1)))).status_code == 202
    await rung(running)
    assert (await reconciled(client))["bodies"]["waiting"] == 1
    context = {
        "sessions": running.sessions,
        "keyring": running.keyring,
        "clock": running.clock,
        "redis": dead,
    }
    assert await sweep_bodies(context) >= 1
    assert (await reconciled(client))["bodies"]["mapped"] == 1
    await settle(running, provider, admin)
    assert await behind(client) == [("1", 0, 1)]
    await dead.aclose()


SENDERS, SHARED, OWN = 16, 5, 4


async def test_sixteen_senders_at_once_lose_nothing_and_count_nothing_twice(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> None:
    """Of the same messages, of the same records in other messages, and of their own."""
    await set_up(client, SERVICE)
    platform = await connect(client, anonymous)

    async def sender(number: int) -> list[tuple[str, int, bool]]:
        said = []
        for place in range(SHARED + OWN):
            shared = place < SHARED
            ref = place if shared else 100 * (1 + number) + place
            name = f"shared_{place}" if shared else f"own_{ref}"
            body = visits(september(ref), september(place))
            answer = await platform.post(body, name)
            assert answer.status_code == 202, answer.text
            said.append((name, answer.json()["inbox_id"], answer.json()["duplicate"]))
        return said

    async def mapper() -> None:
        for _ in range(6):
            await map_all(running, provider)

    found, *_ = await asyncio.gather(
        asyncio.gather(*map(sender, range(SENDERS))), mapper(), mapper()
    )
    answers = [one for said in found for one in said]
    firsts = Counter(name for name, _, duplicate in answers if not duplicate)
    assert set(firsts.values()) == {1}
    assert len({(name, item) for name, item, _ in answers}) == len(firsts)
    await map_all(running, provider)
    bodies = (await reconciled(client))["bodies"]
    distinct = SHARED + SENDERS * OWN
    assert bodies == {
        "acknowledged": SENDERS * (SHARED + OWN),
        "duplicate": SENDERS * (SHARED + OWN) - distinct,
        "waiting": 0,
        "mapped": distinct,
        "quarantined": 0,
        "dismissed": 0,
    }
    await settle(running, provider, admin)
    counted = [
        sums[1]
        for key, sums in (await cells(admin, provider)).items()
        if key[3] == "medicine_omissions"
    ]
    assert sum(counted) == SHARED + OWN + SENDERS * OWN
