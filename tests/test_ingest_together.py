"""Posts at the same time: each is answered, each event is stored once, none takes others along."""

import asyncio
from datetime import date

import httpx
import pytest

from api.inbound.committer import Committer
from api.running import Running
from models.queue import Doorbell, redis_of
from models.settings import Settings
from models.storing import Outcome, Row
from models.vocabulary import ProviderId
from tests.conftest import NOW
from tests.ingested import Connection, stored
from tests.sent import buckets, dose, send

pytestmark = pytest.mark.usefixtures("known_places")


async def test_posts_that_wait_together_are_each_answered(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    async def post(number: int) -> dict[str, int]:
        return buckets((await client.post("/v1/events", json=dose(number % 50))).json())

    answers = await asyncio.gather(*(post(number) for number in range(100)))
    assert answers.count({"accepted": 1}) == answers.count({"duplicates": 1}) == 50
    rows = await stored(admin, provider)
    assert len(rows) == 50
    assert len({row["known_xid"] for row in rows}) < 50


async def test_two_equal_batches_at_once_store_each_event_once(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    events = [dose(number) for number in range(400)]
    first, second = await asyncio.gather(send(client, *events), send(client, *reversed(events)))
    together = {**buckets(first), **buckets(second)}
    assert first["accepted"] + second["accepted"] == 400
    assert set(together) == {"accepted", "duplicates"}
    assert len(await stored(admin, provider)) == 400


async def test_a_post_that_cannot_be_stored_fails_alone(
    running: Running, settings: Settings, provider: ProviderId
) -> None:
    """Validation lets no such row through, so it is made by hand here."""

    def row(name: str, service: str) -> Row:
        return Row(
            source="s",
            event_id=name,
            version=1,
            type="medication.administered",
            service=service,
            team=None,
            area=None,
            month=date(2026, 3, 1),
            occurred_at=NOW,
            recorded_at=None,
            about=None,
            person=None,
            staff=None,
            data="{}",
            text_sealed=None,
            retracted=False,
            content_hash=b"h",
        )

    doorbell = Doorbell(redis_of(settings))
    committer = Committer(running.sessions, doorbell)
    answers = await asyncio.gather(
        committer.store(provider, [row("first", "one")]),
        committer.store(provider, [row("good", "one")]),
        committer.store(provider, [row("bad", "a\x00b")]),
        committer.store(provider, [row("good too", "one")]),
        return_exceptions=True,
    )
    await committer.close()
    await doorbell.close()
    assert answers[1] == answers[3] == [Outcome.QUARANTINED]
    assert isinstance(answers[2], Exception)


async def test_a_sender_that_goes_away_takes_no_neighbour_along(
    running: Running, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    posts = [
        asyncio.create_task(client.post("/v1/events", json=dose(number))) for number in range(20)
    ]
    while not running.committer._tasks:  # noqa: ASYNC110 - nothing tells that it began
        await asyncio.sleep(0.001)
    for post in posts[::2]:
        post.cancel()
    answers = await asyncio.gather(*posts, return_exceptions=True)
    kept = [answer for answer in answers if isinstance(answer, httpx.Response)]
    assert len(kept) >= 10
    assert {answer.status_code for answer in kept} == {202}
    assert len(await stored(admin, provider)) >= 10


async def test_a_full_queue_says_try_later(
    running: Running, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.committer, "_waiting", 1_000_000)
    answer = await client.post("/v1/events", json=dose())
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
