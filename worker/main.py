"""The arq workers: one counts at once and keeps the clock, one judges in turn, one reads tables.

`python -m arq worker.main.CountingSettings`, `…JudgingSettings` and `…TablesSettings` start them,
as many of each as there is work for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import structlog
from arq import cron
from arq.connections import RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from models.base import utc_now
from models.db import engine_of, refuse_unsafe_role, sessions_of
from models.keyring import Keyring
from models.logs import configure_logs
from models.queue import JUDGING_QUEUE, TABLES_QUEUE, deserialize, serialize
from models.settings import Settings
from worker.delivery import Dispatcher
from worker.expiry import remove_expired_answers
from worker.jobs import (
    deliver,
    map_bodies,
    map_tables,
    mark_due,
    publish_changed,
    publish_first,
    recompute,
    rescore,
    sweep_bodies,
    sweep_judgements,
    sweep_tables,
    watch_reviews,
    watch_sources,
)
from worker.posting import Way, post

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

log = structlog.get_logger(__name__)

Start = Callable[[dict[str, Any]], Awaitable[None]]

#: What is under way when the worker has to stop may take this long.
FINISH_WITHIN_S = 30

#: Without OSError here a Redis outage ends the worker process.
SURVIVED = [RedisConnectionError, RedisTimeoutError, OSError]


def redis_settings(settings: Settings) -> RedisSettings:
    """Keeps trying through an outage of any length, at most 5 seconds apart."""
    redis = RedisSettings.from_dsn(settings.redis_url.get_secret_value())
    redis.retry = Retry(ExponentialBackoff(cap=5, base=0.05), retries=1_000_000)
    redis.retry_on_error = SURVIVED
    redis.conn_retries = 1_000_000
    return redis


async def startup(context: dict[str, Any]) -> None:
    settings = Settings()  # type: ignore[call-arg]  # read from the environment
    configure_logs(settings.log_format)
    engine = engine_of(settings)
    context.setdefault("clock", utc_now)
    context["engine"], context["sessions"] = engine, sessions_of(engine)
    context["keyring"] = Keyring(settings.secret_key.get_secret_value())
    context["stopping"], context["sweep_every_s"] = asyncio.Event(), settings.sweep_every_s
    # One thread: two that calculate only slow each other down.
    context["arithmetic"], context["turn"] = ThreadPoolExecutor(1), asyncio.Lock()
    context["small_turn"] = asyncio.Lock()
    context["dispatcher"] = Dispatcher(
        context["sessions"],
        context["keyring"],
        context["clock"],
        partial(post, Way(loopback=settings.hooks_out_loopback)),
        settings.public_url,
    )
    await refuse_unsafe_role(engine)


def starting(*sweeps: Callable[[dict[str, Any]], Awaitable[object]]) -> Start:
    """A worker that looks for its work by itself, too; what one sweep waits for delays no other."""

    async def start(context: dict[str, Any]) -> None:
        await startup(context)
        context["sweepers"] = [
            asyncio.create_task(
                sweep_until(context["stopping"], context["sweep_every_s"], partial(sweep, context))
            )
            for sweep in sweeps
        ]

    return start


async def sweep_until(
    stopping: asyncio.Event, every_s: float, sweep: Callable[[], Awaitable[object]]
) -> None:
    """By itself and without Redis, so that a lost queue costs seconds and never a score."""
    while not stopping.is_set():
        try:
            await sweep()
        except Exception:
            log.exception("sweep_failed")
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), every_s)


async def shutdown(context: dict[str, Any]) -> None:
    """Let the sweep under way finish; what is cut off instead is there for the next one."""
    # A start that was refused has none of them, and an error here would hide why it was.
    if "dispatcher" in context:
        await context["dispatcher"].close()
    if "sweepers" in context:
        context["stopping"].set()
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(asyncio.gather(*context["sweepers"]), FINISH_WITHIN_S)
    if "arithmetic" in context:
        context["arithmetic"].shutdown(wait=False)
    if "engine" in context:
        await context["engine"].dispose()


def counting() -> dict[str, Any]:
    return {
        "functions": [recompute, map_bodies, deliver],
        "cron_jobs": [
            cron(cast("WorkerCoroutine", mark_due), minute={3, 23, 43}, run_at_startup=True),
            cron(
                cast("WorkerCoroutine", watch_sources),
                minute=set(range(0, 60, 5)),
                run_at_startup=True,
            ),
            cron(cast("WorkerCoroutine", watch_reviews), minute={33}, run_at_startup=True),
            cron(cast("WorkerCoroutine", remove_expired_answers), minute={13}),
        ],
        "on_startup": starting(sweep_bodies, deliver),
        "on_shutdown": shutdown,
        "max_jobs": 16,
    }


def judging() -> dict[str, Any]:
    return {
        "functions": [rescore],
        "queue_name": JUDGING_QUEUE,
        # There are few of them, and each look costs a fraction of a millisecond.
        "poll_delay": 0.02,
        "on_startup": starting(sweep_judgements),
        "on_shutdown": shutdown,
        # While one is calculated, the next is read and the one before is written.
        "max_jobs": 4,
    }


def reading_tables() -> dict[str, Any]:
    return {
        "functions": [map_tables, publish_first],
        # A million cells take seconds to publish, for which no message is to wait.
        "cron_jobs": [cron(cast("WorkerCoroutine", publish_changed), second={30})],
        "queue_name": TABLES_QUEUE,
        "on_startup": starting(sweep_tables),
        "on_shutdown": shutdown,
        "max_jobs": 4,
        "job_timeout": 3600,
    }


def worker_settings(settings: Settings, work: dict[str, Any]) -> type:
    """The class that arq reads; it looks at the class itself, so nothing can be inherited."""
    attributes = {
        "redis_settings": redis_settings(settings),
        "job_serializer": serialize,
        "job_deserializer": deserialize,
        "poll_delay": 0.05,
        # A stored result would block the next ring of the same service.
        "keep_result": 0,
        "max_tries": 1,
        "job_timeout": 300,
        "job_completion_wait": FINISH_WITHIN_S,
        "health_check_interval": 15,
    } | work
    return type("WorkerSettings", (), attributes)


WORK = {
    "CountingSettings": counting,
    "JudgingSettings": judging,
    "TablesSettings": reading_tables,
}


def __getattr__(name: str) -> type:
    """`worker.main.CountingSettings` for arq's command line, made when it is asked for.

    The environment is read then and not when somebody imports this module.
    """
    if name not in WORK:
        raise AttributeError(name)
    settings = Settings()  # type: ignore[call-arg]  # read from the environment
    return worker_settings(settings, WORK[name]())
