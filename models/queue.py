"""The doorbell: tells the worker that a service has marks. Lost rings cost seconds, never a score.

What has to be computed stands in `marks`; nothing here carries data or has to be believed.
"""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.constants import default_queue_name
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from models.settings import Settings
from models.vocabulary import ProviderId

RECOMPUTE = "recompute"
#: What has arrived for one provider waits to be mapped: messages, and tables of any length.
MAP_BODIES, MAP_TABLES = "map_bodies", "map_tables"
#: Messages wait to be posted, of whichever provider.
DELIVER = "deliver"
#: Somebody waits for the first publication of a provider.
PUBLISH = "publish_first"
#: What a recompute leaves to be judged. What takes seconds has a queue and a process of its own,
#: so that it does not stand before what takes milliseconds.
RESCORE = "rescore"
#: Named wherever something is put there: a worker's own client would else put it in its own queue.
COUNTING_QUEUE = default_queue_name
JUDGING_QUEUE = "breadth:judging"
TABLES_QUEUE = "breadth:tables"
#: A ring is not worth waiting for; the worker looks for marks by itself every few seconds.
RING_TIMEOUT_S = 0.5
BACK_OFF_S = 2.0
MOST_WAITING = 10_000

log = structlog.get_logger(__name__)


def serialize(job: dict[str, Any]) -> bytes:
    """JSON and never pickle: whoever can write to Redis must not be able to run code here."""
    return json.dumps(job, default=str).encode()


def deserialize(raw: bytes) -> dict[str, Any]:
    job: dict[str, Any] = json.loads(raw)
    return job


def redis_of(settings: Settings) -> ArqRedis:
    """A client that connects when it is first used, so a missing Redis stops nobody's start."""
    pool: ConnectionPool = ConnectionPool.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=RING_TIMEOUT_S,
        socket_connect_timeout=RING_TIMEOUT_S,
        max_connections=4,
    )
    redis = ArqRedis(pool, job_serializer=serialize, job_deserializer=deserialize)
    redis.auto_close_connection_pool = True  # closing the client closes its sockets too
    return redis


async def ring(redis: ArqRedis, provider: ProviderId, services: Iterable[str]) -> bool:
    """Ask for a recompute of each service once; False when Redis could not be asked."""
    try:
        async with asyncio.timeout(RING_TIMEOUT_S):
            for service in sorted(set(services)):
                # The same job id while one is queued or running is dropped by arq: one is enough.
                await redis.enqueue_job(
                    RECOMPUTE,
                    str(provider),
                    service,
                    _job_id=f"{RECOMPUTE}:{provider}:{service}",
                    _queue_name=COUNTING_QUEUE,
                )
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("doorbell_unanswered", error=type(error).__name__)
        return False
    return True


async def ring_mapping(redis: ArqRedis, provider: ProviderId) -> bool:
    """Ask for the bodies of a provider to be mapped; False when Redis could not be asked."""
    try:
        async with asyncio.timeout(RING_TIMEOUT_S):
            for kind, queue in ((MAP_BODIES, COUNTING_QUEUE), (MAP_TABLES, TABLES_QUEUE)):
                await redis.enqueue_job(
                    kind, str(provider), _job_id=f"{kind}:{provider}", _queue_name=queue
                )
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("doorbell_unanswered", error=type(error).__name__)
        return False
    return True


async def ring_delivery(redis: ArqRedis) -> bool:
    """Ask for what is due to be posted; False when Redis could not be asked."""
    try:
        async with asyncio.timeout(RING_TIMEOUT_S):
            await redis.enqueue_job(DELIVER, _job_id=DELIVER, _queue_name=COUNTING_QUEUE)
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("doorbell_unanswered", error=type(error).__name__)
        return False
    return True


async def ring_publishing(redis: ArqRedis, provider: ProviderId) -> bool:
    """Ask for a provider to be published; False when Redis could not be asked."""
    try:
        async with asyncio.timeout(RING_TIMEOUT_S):
            await redis.enqueue_job(
                PUBLISH,
                str(provider),
                _job_id=f"{PUBLISH}:{provider}",
                _queue_name=TABLES_QUEUE,
            )
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("doorbell_unanswered", error=type(error).__name__)
        return False
    return True


class Doorbell:
    """Rings behind the answers, so that a slow or missing Redis never delays a sender."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        self._waiting: set[tuple[ProviderId, str]] = set()
        self._bodies: set[ProviderId] = set()
        self._messages = False
        self._task: asyncio.Task[None] | None = None

    def press(self, provider: ProviderId, services: Iterable[str]) -> None:
        """Called after the commit. Rings that pile up while one is under way are merged."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.update((provider, service) for service in services)
        self._start()

    def press_mapping(self, provider: ProviderId) -> None:
        """Called after the commit of a body that waits to be mapped."""
        self._bodies.add(provider)
        self._start()

    def press_delivery(self) -> None:
        """Called after the commit of a message, or of a wish to have one posted again."""
        self._messages = True
        self._start()

    async def ask_to_publish(self, provider: ProviderId) -> bool:
        """For a reader who waits for it anyway; the worker's clock comes by each minute."""
        return await ring_publishing(self._redis, provider)

    def _start(self) -> None:
        if (self._waiting or self._bodies or self._messages) and (
            self._task is None or self._task.done()
        ):
            self._task = asyncio.create_task(self._ring_all())

    async def _ring_all(self) -> None:
        while self._waiting or self._bodies or self._messages:
            waiting, self._waiting = self._waiting, set()
            bodies, self._bodies = self._bodies, set()
            messages, self._messages = self._messages, False
            if messages and not await ring_delivery(self._redis):
                await self._back_off()
                return
            for provider in bodies:
                if not await ring_mapping(self._redis, provider):
                    await self._back_off()
                    return
            for provider in {provider for provider, _ in waiting}:
                services = [service for owner, service in waiting if owner == provider]
                if not await ring(self._redis, provider, services):
                    await self._back_off()
                    return

    async def _back_off(self) -> None:
        """The sweeps find what is not rung for."""
        await asyncio.sleep(BACK_OFF_S)
        self._waiting.clear()
        self._bodies.clear()
        self._messages = False

    async def close(self) -> None:
        """Let the last rings out, briefly, then let go of the connections."""
        if self._task is not None and not self._task.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._task, RING_TIMEOUT_S)
        await self._redis.aclose()
