"""The arq worker: a doorbell and a clock. `python -m arq worker.main.WorkerSettings` starts it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import structlog
from arq import cron
from arq.connections import RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from models.base import utc_now
from models.db import Sessions, engine_of, refuse_unsafe_role, sessions_of
from models.logs import configure_logs
from models.queue import deserialize, serialize
from models.settings import Settings
from worker.jobs import MOST_TURNS, mark_due, recompute, rescore, sweep_marks

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

log = structlog.get_logger(__name__)

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
    context["scoring"], context["turns"] = asyncio.Semaphore(1), 0
    context["stopping"] = asyncio.Event()
    await refuse_unsafe_role(engine)
    context["sweeper"] = asyncio.create_task(
        sweep_until(
            context["stopping"],
            context["sessions"],
            context["clock"],
            settings.sweep_every_s,
            context["scoring"],
        )
    )


async def sweep_until(
    stopping: asyncio.Event,
    sessions: Sessions,
    clock: Callable[[], datetime],
    every_s: float,
    scoring: asyncio.Semaphore | None = None,
) -> None:
    """By itself and without Redis, so that a lost queue costs seconds and never a score."""
    while not stopping.is_set():
        try:
            await sweep_marks(sessions, clock(), scoring)
        except Exception:
            log.exception("sweep_failed")
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), every_s)


async def shutdown(context: dict[str, Any]) -> None:
    """Let the sweep under way finish; what is cut off instead is marked still."""
    context["stopping"].set()
    # A start that was refused has no sweeper, and an error here would hide why it was.
    if "sweeper" in context:
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(context["sweeper"], FINISH_WITHIN_S)
    await context["engine"].dispose()


def worker_settings(settings: Settings) -> type:
    """The class that arq reads; it looks at the class itself, so nothing can be inherited."""
    attributes = {
        "functions": [recompute, rescore],
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
        # Most of them wait for their turn to be judged and cost nothing meanwhile.
        "max_jobs": 2 * MOST_TURNS,
        "job_timeout": 300,
        "job_completion_wait": FINISH_WITHIN_S,
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
