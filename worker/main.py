"""The arq worker: a doorbell and a clock. `python -m arq worker.main.WorkerSettings` starts it."""

import asyncio
from contextlib import suppress
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
from models.queue import deserialize, serialize
from models.settings import Settings
from worker.jobs import mark_due, recompute, sweep_marks

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

log = structlog.get_logger(__name__)

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
    engine = engine_of(settings)
    await refuse_unsafe_role(engine)
    context.setdefault("clock", utc_now)
    context["engine"], context["sessions"] = engine, sessions_of(engine)
    context["sweeper"] = asyncio.create_task(sweep_for_ever(context, settings.sweep_every_s))


async def sweep_for_ever(context: dict[str, Any], every_s: float) -> None:
    """By itself and without Redis, so that a lost queue costs seconds and never a score."""
    while True:
        try:
            await sweep_marks(context["sessions"], context["clock"]())
        except Exception:
            log.exception("sweep_failed")
        await asyncio.sleep(every_s)


async def shutdown(context: dict[str, Any]) -> None:
    context["sweeper"].cancel()
    with suppress(asyncio.CancelledError):
        await context["sweeper"]
    await context["engine"].dispose()


def worker_settings(settings: Settings) -> type:
    """The class that arq reads; it looks at the class itself, so nothing can be inherited."""
    attributes = {
        "functions": [recompute],
        "cron_jobs": [
            cron(cast("WorkerCoroutine", mark_due), minute={3, 23, 43}, run_at_startup=True)
        ],
        "on_startup": startup,
        "on_shutdown": shutdown,
        "redis_settings": redis_settings(settings),
        "job_serializer": serialize,
        "job_deserializer": deserialize,
        "poll_delay": 0.05,
        # A stored result would block the next ring of the same service.
        "keep_result": 0,
        "max_tries": 1,
        "max_jobs": 4,
        "job_timeout": 300,
        "job_completion_wait": 30,
        "health_check_interval": 15,
    }
    return type("WorkerSettings", (), attributes)


def __getattr__(name: str) -> type:
    """`worker.main.WorkerSettings` for arq's command line, made when it is asked for.

    The environment is read then and not when somebody imports this module.
    """
    if name != "WorkerSettings":
        raise AttributeError(name)
    return worker_settings(Settings())  # type: ignore[call-arg]  # read from the environment
