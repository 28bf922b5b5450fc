"""Alive, ready, measured: for supervisors, load balancers and Prometheus; no key is needed.

Each process answers for itself, so Prometheus asks each port; nothing here names a provider.
"""

from functools import cache

import structlog
from alembic.config import Config
from alembic.script import ScriptDirectory
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

import migrations
from api.deps import Running, RunningApp
from models.db import transaction

router = APIRouter(tags=["health"])
log = structlog.get_logger(__name__)


@cache
def newest_migration() -> str | None:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    return ScriptDirectory.from_config(config).get_current_head()


async def oldest_mark_age_s(session: AsyncSession) -> float:
    """By the database's own clock, which is the one that marks are stamped with."""
    age = await session.scalar(
        text("SELECT extract(epoch FROM clock_timestamp() - min(oldest)) FROM marked_services()")
    )
    return max(float(age or 0), 0.0)


async def checks(running: Running) -> dict[str, str]:
    """What is wrong, by check; empty when this process may be sent requests."""
    wrong = {}
    try:
        async with transaction(running.sessions, None) as session:
            revision = await session.scalar(text("SELECT version_num FROM alembic_version"))
            age = await oldest_mark_age_s(session)
    except (SQLAlchemyError, OSError) as error:
        log.warning("database_away", error=type(error).__name__)
        return {"database": "does not answer"}
    if revision != newest_migration():
        wrong["migrations"] = f"at {revision}, this code needs {newest_migration()}"
    if age > running.settings.ready_mark_age_s:
        wrong["marks"] = f"the oldest has waited {age:.0f} s for the worker"
    return wrong


@router.get("/healthz", operation_id="get_health")
async def get_health() -> dict[str, str]:
    """Answer while this process lives, whatever else is away."""
    return {"status": "alive"}


@router.get("/readyz", operation_id="get_readiness", responses={503: {"description": "Not ready"}})
async def get_readiness(running: RunningApp) -> JSONResponse:
    """Database, migrations, and changes scored within the promised time."""
    wrong = await checks(running)
    status = "ready" if not wrong else "not_ready"
    headers = {"Retry-After": "5"} if wrong else {}
    return JSONResponse({"status": status, "wrong": wrong}, 503 if wrong else 200, headers)


@router.get("/metrics", operation_id="get_metrics", response_class=Response)
async def get_metrics(running: RunningApp) -> Response:
    metrics = running.metrics
    metrics.pool.set(float(getattr(running.engine.pool, "checkedout", lambda: 0)()))
    try:
        async with transaction(running.sessions, None) as session:
            metrics.mark_age.set(await oldest_mark_age_s(session))
    except (SQLAlchemyError, OSError):
        metrics.mark_age.set(float("nan"))
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
