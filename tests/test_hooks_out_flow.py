"""Evidence in over HTTP, a signed message out: through the real workers, their queue and sweep."""

import asyncio
from typing import Any

import httpx
import pytest
from arq.connections import ArqRedis

from api.running import Running
from models.queue import DELIVER, deserialize, serialize
from models.vocabulary import ProviderId
from tests.hooks_out import Receiver, attempts, local, names, only_ours, receiver, subscribe
from tests.reading import AFTER, BEFORE, checks_of, read, set_up
from tests.sent import send
from tests.test_flow import Work, rung, work
from worker.main import counting, shutdown

__all__ = ["local", "names", "only_ours", "receiver", "work"]  # fixtures

pytestmark = [
    pytest.mark.usefixtures("local", "only_ours"),
    # arq 0.28 still closes its pool by redis-py's older name.
    pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREADTH_HOOKS_OUT_LOOPBACK", "1")
    monkeypatch.setenv("BREADTH_PUBLIC_URL", "https://breadth.example.org")


async def test_evidence_that_changes_a_verdict_is_told_by_the_worker(
    client: httpx.AsyncClient, running: Running, work: Work, receiver: Receiver
) -> None:
    await set_up(client)
    await rung(running)
    await work()
    made = await subscribe(client, receiver.url, message_types=["verdict.changed"])
    before = await read(client, "breadth")
    await send(client, *checks_of(BEFORE, 15), *checks_of(AFTER, 22))
    await rung(running)
    await work()
    # What the judge has announced is posted by the worker that counts, which was rung for.
    assert await work() >= 1
    (got,) = receiver.received
    said = got.verified(made["secret"])
    after = await read(client, "breadth")
    assert said["type"] == "verdict.changed"
    assert said["data"]["story"] == {"from": before["level"], "to": after["level"]}
    moved = said["data"]["strands"]["team_spread"]
    assert moved["from"] == before["strands"]["team_spread"]
    assert moved["to"] == after["strands"]["team_spread"]
    assert moved["from"] != moved["to"]
    assert said["data"]["url"].startswith("https://breadth.example.org/v1/services/")


async def test_request_rings_for_its_message(
    client: httpx.AsyncClient, running: Running, work: Work, receiver: Receiver
) -> None:
    made = await subscribe(client, receiver.url)
    assert (await client.post(f"/v1/subscriptions/{made['id']}:test")).status_code == 202
    await rung(running)
    assert await work() >= 1
    assert [each.verified(made["secret"])["type"] for each in receiver.received] == [
        "endpoint.test"
    ]


@pytest.mark.usefixtures("work")
async def test_sweep_posts_what_nobody_rang_for(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    receiver: Receiver,
    redis_url: str,
    clock: Any,
) -> None:
    """A lost queue costs seconds: the worker that starts looks for itself."""
    made = await subscribe(client, receiver.url)
    assert (await client.post(f"/v1/subscriptions/{made['id']}:test")).status_code == 202
    await rung(running)
    redis = ArqRedis.from_url(redis_url)
    redis.job_serializer, redis.job_deserializer = serialize, deserialize
    await redis.flushall()
    await redis.aclose()
    context: dict[str, Any] = {"clock": clock}
    await counting()["on_startup"](context)
    try:
        await asyncio.wait_for(receiver.has_received.wait(), 10)
    finally:
        await shutdown(context)
    (made_attempt,) = await attempts(running, provider)
    assert made_attempt.status == "delivered"


def test_there_is_a_job_to_ring_for() -> None:
    assert DELIVER in {each.__name__ for each in counting()["functions"]}
