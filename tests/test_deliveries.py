"""Messages on their way out: at least once, by the schedule, one at a time, dead ones aside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

import worker.delivery
from api.running import Running
from models.db import transaction
from models.deliveries import announce
from models.outbox import LEASE, SCHEDULE, claim, delay_before
from models.settling import Outcome, settle
from models.vocabulary import Failure, MessageType, ProviderId
from tests.conftest import NOW, Clock
from tests.hooks_out import (
    NOWHERE,
    Receiver,
    Worker,
    announced,
    answer,
    attempts,
    dispatching,
    endpoint_of,
    hang,
    listen,
    listening,
    only_ours,
    outgoing,
    receiver,
)

__all__ = ["only_ours", "outgoing", "receiver"]  # fixtures

REFUSED = answer(500, b"Not today.")
TRIES = "SELECT at, status, failure FROM tries WHERE provider_id = $1 ORDER BY id"

WAITS = """
    0 s | 5 s | 5 min | 30 min | 2 h | 5 h | 10 h | 14 h | 20 h | 24 h
"""
SECONDS = {"s": 1, "min": 60, "h": 3600}


def test_schedule_is_that_of_standard_webhooks() -> None:
    written = [wait.split() for wait in WAITS.strip().split("|")]
    assert [timedelta(seconds=int(number) * SECONDS[unit]) for number, unit in written] == list(
        SCHEDULE
    )


def test_each_wait_is_off_by_a_tenth_to_a_fifth_and_always_by_the_same() -> None:
    shares = set()
    for message in (uuid4() for _ in range(200)):
        assert delay_before(0, message) == timedelta(0)
        for tried in range(1, len(SCHEDULE)):
            wait = delay_before(tried, message)
            assert wait == delay_before(tried, message)
            share = wait / SCHEDULE[tried] - 1
            assert 0.0999 < abs(share) < 0.2001
            shares.add(round(share, 2))
    assert min(shares) <= -0.19
    assert max(shares) >= 0.19
    assert len(shares) > 15


async def test_message_is_delivered_signed_and_numbered(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker
) -> None:
    listener = await listen(running, provider, receiver.url)
    first, second = await announced(running, provider, 2)
    assert await outgoing.deliver() == 2
    assert await outgoing.deliver() == 0
    bodies = [each.verified(listener.secret) for each in receiver.received]
    assert bodies[0] == {
        "type": "source.silent",
        "timestamp": "2026-11-15T12:00:00Z",
        "sequence": 1,
        "data": {
            "id": "rondo-0",
            "url": "https://breadth.example.org/v1/connectors/rondo",
        },
    }
    assert [each["sequence"] for each in bodies] == [1, 2]
    assert [each.headers["webhook-id"] for each in receiver.received] == [str(first), str(second)]
    made = await attempts(running, provider)
    assert [(each.status, each.last_status) for each in made] == [("delivered", 204)] * 2


async def test_message_that_was_rolled_back_is_never_sent(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker
) -> None:
    await listen(running, provider, receiver.url)

    async def announce_and_fail() -> None:
        async with transaction(running.sessions, provider) as session:
            told = {"id": "x", "url": "/v1/connectors/x"}
            kind = MessageType.SOURCE_SILENT
            assert await announce(session, provider, kind, "", told, NOW) is not None
            raise RuntimeError("whatever it told of did not come to be")

    with pytest.raises(RuntimeError):
        await announce_and_fail()
    assert await outgoing.deliver() == 0
    assert await attempts(running, provider) == []
    assert receiver.received == []


async def test_receiver_that_fails_at_first_gets_the_same_message_later(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker, admin: Any
) -> None:
    listener = await listen(running, provider, receiver.url)
    (message,) = await announced(running, provider)
    receiver.replies = [REFUSED] * 4
    await outgoing.until_settled()
    (made,) = await attempts(running, provider)
    assert (made.status, made.tried, made.last_status) == ("delivered", 5, 204)
    tried = await admin.fetch(TRIES, provider)
    assert [row["status"] for row in tried] == [500] * 4 + [204]
    waits = [after["at"] - before["at"] for before, after in pairwise(tried)]
    assert waits == [delay_before(number, message) for number in range(1, 5)]
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert len({each.headers["webhook-timestamp"] for each in receiver.received}) == 5
    assert len({each.body for each in receiver.received}) == 1
    assert all(each.verified(listener.secret) for each in receiver.received)
    assert (await endpoint_of(running, provider, listener)).failing_since is None


async def test_message_is_dead_after_the_last_attempt(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker, clock: Clock
) -> None:
    listener = await listen(running, provider, receiver.url)
    await announced(running, provider)
    receiver.replies = [REFUSED] * len(SCHEDULE)
    await outgoing.until_settled()
    (made,) = await attempts(running, provider)
    assert (made.status, made.tried) == ("dead", len(SCHEDULE))
    assert (made.last_failure, made.last_answer) == ("refused", "Not today.")
    assert timedelta(days=2.5) < clock.now - NOW < timedelta(days=3.8)
    assert len(receiver.received) == len(SCHEDULE)
    kept = await endpoint_of(running, provider, listener)
    assert (kept.state, kept.failing_since) == ("active", NOW)


async def test_endpoint_that_fails_for_five_days_is_disabled(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker, clock: Clock
) -> None:
    listener = await listen(running, provider, receiver.url)
    receiver.replies = [REFUSED] * 100
    await announced(running, provider)
    clock.advance(timedelta(hours=0))
    for _ in range(11):
        await outgoing.deliver()
        assert (await endpoint_of(running, provider, listener)).state == "active"
        clock.advance(timedelta(hours=12) - timedelta(minutes=5))
        await announced(running, provider, now=clock.now)
    for _ in range(3):
        await outgoing.deliver()
        clock.advance(timedelta(hours=1))
    failed = await endpoint_of(running, provider, listener)
    assert (failed.state, failed.disabled_why) == ("disabled", "failing")
    assert failed.disabled_at is not None
    assert timedelta(hours=120) <= failed.disabled_at - NOW <= timedelta(hours=133)
    assert {each.status for each in await attempts(running, provider)} <= {"dead", "cancelled"}
    seen = len(receiver.received)
    await outgoing.until_settled()
    assert len(receiver.received) == seen


async def test_one_success_ends_a_series_of_failures_and_so_does_a_long_silence(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker, clock: Clock
) -> None:
    listener = await listen(running, provider, receiver.url)
    await announced(running, provider)
    receiver.replies = [REFUSED]
    await outgoing.deliver()
    assert (await endpoint_of(running, provider, listener)).failing_since == NOW
    await outgoing.until_settled()
    assert (await endpoint_of(running, provider, listener)).failing_since is None
    receiver.replies = [REFUSED] * len(SCHEDULE)
    await announced(running, provider, now=clock.now)
    await outgoing.until_settled()
    clock.advance(timedelta(days=30))
    receiver.replies = [REFUSED]
    await announced(running, provider, now=clock.now)
    await outgoing.deliver()
    later = await endpoint_of(running, provider, listener)
    assert (later.state, later.failing_since) == ("active", clock.now)


async def test_gone_disables_the_endpoint_at_once(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker
) -> None:
    listener = await listen(running, provider, receiver.url)
    await announced(running, provider, 3)
    receiver.replies = [answer(410)]
    assert await outgoing.deliver() == 1
    gone = await endpoint_of(running, provider, listener)
    assert (gone.state, gone.disabled_why) == ("disabled", "gone")
    assert [each.status for each in await attempts(running, provider)] == ["cancelled"] * 3
    async with transaction(running.sessions, provider) as session:
        told = {"id": "x", "url": "/v1/connectors/x"}
        kind = MessageType.SOURCE_SILENT
        assert await announce(session, provider, kind, "", told, NOW) is None


async def test_pause_that_is_asked_for_holds_for_every_message(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker, clock: Clock
) -> None:
    listener = await listen(running, provider, receiver.url)
    await announced(running, provider, 2)
    receiver.replies = [answer(429, retry_after="3600")]
    await outgoing.deliver()
    assert len(receiver.received) == 1
    until = NOW + timedelta(hours=1)
    assert (await endpoint_of(running, provider, listener)).not_before == until
    clock.now = until - timedelta(seconds=1)
    assert await outgoing.deliver() == 0
    clock.now = until
    assert await outgoing.deliver() == 2
    assert [each.status for each in await attempts(running, provider)] == ["delivered"] * 2


async def test_endpoint_is_posted_to_by_one_at_a_time(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker, clock: Clock
) -> None:
    await listen(running, provider, receiver.url)
    await announced(running, provider, 20)
    others = [dispatching(running, clock) for _ in range(3)]
    posts = await asyncio.gather(outgoing.deliver(), *(each.deliver() for each in others))
    while await outgoing.deliver():
        pass
    assert sum(posts) <= 20
    assert receiver.most_at_once == 1
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 20
    assert len(receiver.received) == 20
    made = await attempts(running, provider)
    assert sorted(each.sequence or 0 for each in made) == list(range(1, 21))


@pytest.mark.parametrize("between", ["claim and post", "post and record"])
async def test_worker_that_dies_on_the_way_loses_nothing(
    running: Running,
    provider: ProviderId,
    receiver: Receiver,
    outgoing: Worker,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    between: str,
) -> None:
    listener = await listen(running, provider, receiver.url)
    await announced(running, provider, 2)
    with monkeypatch.context() as patch:
        dying = asyncio.Event()

        async def die(*_: Any) -> None:
            dying.set()
            await asyncio.Event().wait()

        if between == "post and record":
            patch.setattr(worker.delivery, "settle", die)
        else:
            patch.setattr(outgoing.dispatcher, "_post", die)
        round_ = asyncio.create_task(outgoing.deliver())
        await asyncio.wait_for(dying.wait(), 5)
        for task in [round_, *outgoing.dispatcher._posting]:
            task.cancel()
        await asyncio.gather(round_, return_exceptions=True)
    posted = len(receiver.received)
    assert posted == (1 if between == "post and record" else 0)
    fresh = dispatching(running, clock)
    assert await fresh.deliver() == 0, "its lease holds"
    clock.advance(LEASE)
    assert await fresh.deliver() == 2
    assert [each.status for each in await attempts(running, provider)] == ["delivered"] * 2
    ids = [each.headers["webhook-id"] for each in receiver.received]
    assert len(set(ids)) == 2, "nothing is lost"
    assert len(ids) == 2 + posted, "and what was posted comes once more, under the same id"
    assert all(each.verified(listener.secret) for each in receiver.received)


async def test_late_record_of_a_worker_whose_lease_has_ended_spoils_nothing(
    running: Running,
    provider: ProviderId,
    receiver: Receiver,
    clock: Clock,
    outgoing: Worker,
    admin: Any,
) -> None:
    """It had been stopped between post and record; another has delivered the message since."""
    listener = await listen(running, provider, receiver.url)
    await announced(running, provider)
    async with transaction(running.sessions, provider) as session:
        (stopped,) = await claim(session, provider, NOW, 8, 4)
    clock.advance(LEASE)
    assert await outgoing.deliver() == 1
    failed = Outcome(NOW, 15_000, None, Failure.TIMED_OUT)
    async with transaction(running.sessions, provider) as session:
        await settle(session, stopped, failed, clock.now)
    (made,) = await attempts(running, provider)
    assert (made.status, made.tried, made.last_failure) == ("delivered", 1, None)
    assert (await endpoint_of(running, provider, listener)).failing_since is None
    assert [row["failure"] for row in await admin.fetch(TRIES, provider)] == [None, "timed_out"]


@pytest.fixture
async def hanging() -> AsyncIterator[list[Receiver]]:
    """As many receivers that never answer as there are posts at once."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(listening())
            for _ in range(worker.delivery.MOST_AT_ONCE)
        ]
        for each in made:
            each.replies = [hang] * 1000
        yield made


async def test_dead_endpoints_do_not_stand_before_fresh_messages(
    running: Running,
    provider: ProviderId,
    receiver: Receiver,
    outgoing: Worker,
    hanging: list[Receiver],
) -> None:
    """Each has failed once and has much that waits; then somebody else is told of something."""
    for each in hanging:
        await listen(running, provider, each.url, [MessageType.SOURCE_SILENT])
    await announced(running, provider, 2)
    # All of them fail for the first time, which takes the second after which posts end.
    round_ = asyncio.create_task(outgoing.deliver())
    await asyncio.sleep(1.5)
    assert len(outgoing.dispatcher._posting) == worker.delivery.MOST_RETRIES_AT_ONCE
    await listen(running, provider, receiver.url, [MessageType.SOURCE_RETURNED])
    async with transaction(running.sessions, provider) as session:
        told = {"id": "x", "url": "/v1/connectors/x"}
        await announce(session, provider, MessageType.SOURCE_RETURNED, "", told, NOW)
    begun = asyncio.get_running_loop().time()
    await outgoing.deliver()
    while not receiver.received:
        await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() - begun < 0.5
    await round_


@pytest.mark.usefixtures("only_ours")
async def test_several_failing_endpoints_take_turns(
    running: Running, provider: ProviderId, hanging: list[Receiver]
) -> None:
    """One with a thousand messages does not keep the others from what may be their recovery."""
    for each in hanging:
        await listen(running, provider, each.url, [MessageType.SOURCE_SILENT])
    await announced(running, provider, 3)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    ticking = dispatching(running, lambda: NOW + timedelta(seconds=loop.time() - begun))
    round_ = asyncio.create_task(ticking.deliver())
    # They fail for the first time together, then by half of what can be posted at once.
    for _ in range(3):
        counts = [len(each.received) for each in hanging]
        assert max(counts) - min(counts) <= 1
        await asyncio.sleep(1)
    assert sum(counts) > len(hanging)
    await round_
    assert all(len(each.received) >= 3 for each in hanging)


async def test_round_ends_only_when_nothing_is_due(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker
) -> None:
    """What ends between a look and the next must not leave others waiting for the sweep."""
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(listening()) for _ in range(11)]
        for each in (receiver, *others):
            each.replies = [REFUSED] * 100
            await listen(running, provider, each.url)
        await announced(running, provider, 10)
        assert await outgoing.deliver() == 120


async def test_fault_of_ours_is_a_failed_attempt_and_not_an_end(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker, admin: Any
) -> None:
    listener = await listen(running, provider, receiver.url)
    await announced(running, provider)
    await admin.execute(
        "UPDATE endpoints SET secrets_sealed = '\\x00' WHERE provider_id = $1 AND id = $2",
        provider,
        listener.id,
    )
    assert await outgoing.deliver() == 1
    (made,) = await attempts(running, provider)
    assert (made.status, made.tried, made.last_failure) == ("waiting", 1, "fault")
    assert receiver.received == []


async def test_address_that_has_moved_inside_is_not_posted_to(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker
) -> None:
    inside = NOWHERE.replace("http://127.0.0.1:9999", "https://10.1.2.3")
    await listen(running, provider, inside)
    await announced(running, provider)
    await outgoing.deliver()
    (made,) = await attempts(running, provider)
    assert (made.status, made.last_failure) == ("waiting", "forbidden_address")
    assert receiver.received == []


async def test_announcing_does_not_wait_for_who_is_posting(
    running: Running, provider: ProviderId
) -> None:
    """A score must not stand in line behind a receiver, nor behind another score."""
    await listen(running, provider)
    await announced(running, provider)
    told = {"id": "x", "url": "/v1/connectors/x"}
    kind = MessageType.SOURCE_SILENT
    async with asyncio.timeout(5):
        async with (
            transaction(running.sessions, provider) as posting,
            transaction(running.sessions, provider) as scoring,
            transaction(running.sessions, provider) as beside,
        ):
            assert len(await claim(posting, provider, NOW, 8, 4)) == 1
            await announce(scoring, provider, kind, "", told, NOW)
            await announce(beside, provider, kind, "", told, NOW)


async def test_what_is_announced_while_an_endpoint_is_being_disabled_is_cancelled(
    running: Running, provider: ProviderId, receiver: Receiver, outgoing: Worker, admin: Any
) -> None:
    listener = await listen(running, provider, receiver.url)
    await announced(running, provider)
    await admin.execute(
        "UPDATE endpoints SET state = 'disabled', disabled_why = 'gone', disabled_at = now()"
        " WHERE provider_id = $1 AND id = $2",
        provider,
        listener.id,
    )
    assert await outgoing.deliver() == 0
    assert [each.status for each in await attempts(running, provider)] == ["cancelled"]


async def test_payload_that_says_too_much_is_refused(
    running: Running, provider: ProviderId
) -> None:
    await listen(running, provider)
    async with transaction(running.sessions, provider) as session:
        told = {"id": "x" * 20_000, "url": "/v1/connectors/x"}
        with pytest.raises(ValueError, match="more than where to look"):
            await announce(session, provider, MessageType.SOURCE_SILENT, "", told, NOW)
