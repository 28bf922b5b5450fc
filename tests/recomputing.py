"""Recomputing in a test: until nothing is marked, from nothing, or killed on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError

import models.db
import worker.recompute
import worker.snapshots
from api.running import Running
from models.cells import mark_as_of, mark_service
from models.db import transaction
from models.vocabulary import ProviderId
from tests.conftest import NOW
from worker.recompute import drain

Admin = Any
CellName = tuple[str, date, str, str, str, str, str]
CellSums = tuple[int, int, int, int]
TallyName = tuple[str, date, str, str, str, str, str, str]

CELLS = """
SELECT service, month, family, indicator, team, area, band, x, n, sum_squares, events
FROM cells WHERE provider_id = $1
"""
TALLIES = """
SELECT service, month, family, kind, word, team, area, band, events
FROM tallies WHERE provider_id = $1
"""
DAYS = """
SELECT service, month, family, day, team, area, band, category, harm, events, near_misses,
       escalations_due, escalated_on_time, rated, rating_sum, fft_answers, fft_positive
FROM days WHERE provider_id = $1
"""
JUDGED = """
SELECT c.service, c.as_of, s.content_hash FROM scores c
JOIN snapshots s ON s.provider_id = c.provider_id AND s.id = c.snapshot_id
WHERE c.provider_id = $1
"""


async def settle(running: Running, provider: ProviderId, admin: Admin, at: datetime = NOW) -> None:
    """Recompute whatever of this provider is marked, and what that marks in turn."""
    for _ in range(10):
        marked = await admin.fetch(
            "SELECT DISTINCT service FROM marks WHERE provider_id = $1 ORDER BY 1", provider
        )
        if not marked:
            return
        for row in marked:
            await drain(running.sessions, provider, row["service"], at)
    raise AssertionError("marks beget marks without end")


async def cells(admin: Admin, provider: ProviderId) -> dict[CellName, CellSums]:
    rows = await admin.fetch(CELLS, provider)
    return {tuple(row)[:7]: tuple(row)[7:] for row in rows}


async def tallies(admin: Admin, provider: ProviderId) -> dict[TallyName, int]:
    rows = await admin.fetch(TALLIES, provider)
    return {tuple(row)[:8]: row["events"] for row in rows}


async def days(admin: Admin, provider: ProviderId) -> dict[tuple[Any, ...], tuple[int, ...]]:
    rows = await admin.fetch(DAYS, provider)
    return {tuple(row)[:9]: tuple(row)[9:] for row in rows}


async def judged(admin: Admin, provider: ProviderId) -> dict[tuple[str, date], str]:
    """Hash of what stands concluded, by service and month."""
    rows = await admin.fetch(JUDGED, provider)
    return {(row["service"], row["as_of"]): row["content_hash"].hex() for row in rows}


async def snapshots(admin: Admin, provider: ProviderId) -> int:
    found = await admin.fetchval("SELECT count(*) FROM snapshots WHERE provider_id = $1", provider)
    return int(found)


async def rebuild(running: Running, provider: ProviderId, admin: Admin, *services: str) -> None:
    """Forget every cell, tally and day and count again from the events alone."""
    for table in ("cells", "tallies", "days"):
        await admin.execute(f"DELETE FROM {table} WHERE provider_id = $1", provider)
    async with transaction(running.sessions, provider) as session:
        for service in services:
            await mark_service(session, service)
    await settle(running, provider, admin)


async def ask_for(running: Running, provider: ProviderId, service: str, *months: date) -> None:
    async with transaction(running.sessions, provider) as session:
        for month in months:
            await mark_as_of(session, service, month)


class Killed(RuntimeError):
    """What a recompute dies of in a test."""


class Failing(NamedTuple):
    """A recompute dies at so many statements, by an error or by losing its connection."""

    at_statement: int
    by_lost_connection: bool


class Dying:
    """The driver's connection, until its time has come."""

    def __init__(self, connection: Any, admin: Admin, failing: Failing) -> None:
        self.connection, self.admin, self.failing = connection, admin, failing
        self.left = failing.at_statement

    async def _count(self) -> None:
        self.left -= 1
        if self.left != 0:
            return
        if not self.failing.by_lost_connection:
            raise Killed
        pid = self.connection.get_server_pid()
        await self.admin.execute("SELECT pg_terminate_backend($1, 5000)", pid)

    async def fetch(self, *args: Any) -> Any:
        await self._count()
        return await self.connection.fetch(*args)

    async def fetchval(self, *args: Any) -> Any:
        await self._count()
        return await self.connection.fetchval(*args)

    async def execute(self, *args: Any) -> Any:
        await self._count()
        return await self.connection.execute(*args)


#: How a lost connection shows itself, by where it is met.
LOST = (Killed, DBAPIError, InvalidRequestError, asyncpg.PostgresError, asyncpg.InterfaceError)


@contextmanager
def dying(admin: Admin, failing: Failing) -> Iterator[None]:
    """Within this, the next recompute loses its life at the given statement."""
    real_driver, real_freeze = models.db.driver, worker.snapshots.freeze
    dying_one: list[Dying] = []

    async def driver(session: Any) -> Any:
        dying_one.append(Dying(await real_driver(session), admin, failing))
        return dying_one[-1]

    async def freeze(*args: Any) -> Any:
        # Past the last statement of its own: everything is written and nothing committed.
        changed = await real_freeze(*args)
        if dying_one[-1].left > 0:
            dying_one[-1].left = 1
            await dying_one[-1].fetchval("SELECT 1")
        return changed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker.recompute, "driver", driver)
        patch.setattr(worker.recompute, "freeze", freeze)
        yield
