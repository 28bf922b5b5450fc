"""A million cells as a file over HTTP, beside what COPY of the same rows takes, and in what memory.

The rows are made in the database, published as the worker publishes them, and read by one client
from one API process. Memory is that of this process: at rest, the most while it answers, after.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import httpx
import psutil
from pydantic import SecretStr

from bench.asking import machine
from bench.posting import wait_ready
from bench.servers import Servers, api, durable_servers, migrate
from models.base import utc_now
from models.db import engine_of, sessions_of
from models.people import issue_key
from models.settings import Settings
from models.vocabulary import ProviderId, Scope
from worker.publishing import publish

ROWS = 1_000_000
SERVICES = 44
ROUNDS = 3
#: Parquet leaves at least at this part of the rate of COPY to CSV.
BAR = 0.30
FORMATS = ("parquet", "csv", "arrow", "ndjson")
MIB = 1 << 20

# Two years of 24 indicators in 8 teams at all times of the week: the counts are of the size that
# the simulator's are.
MAKE_SERVICES = """
INSERT INTO services (provider_id, code, name, kind, created_at)
SELECT $1, '1-' || 300000000 + s, 'Home ' || s, 'care_home', now() FROM generate_series(1, $2) AS s
"""
MAKE_CELLS = """
INSERT INTO cells (provider_id, service, month, family, indicator, team, area, band,
                   x, n, sum_squares, events)
SELECT $1, '1-' || 300000000 + s, (DATE '2024-10-01' + make_interval(months => m))::date, 'audit',
       'indicator_' || i, 'team' || t, 'Area ' || t % 3,
       (ARRAY['', 'weekday_day', 'weekday_night', 'weekend_day', 'weekend_night'])[b],
       (random() * 180)::int, 180 + (random() * 300)::int, 0, 1 + (random() * 12)::int
FROM generate_series(1, $2) AS s, generate_series(0, 23) AS m, generate_series(1, 24) AS i,
     generate_series(1, 8) AS t, generate_series(1, 5) AS b
LIMIT $3
"""


class Read(NamedTuple):
    """Seconds to the first byte and to the last, and how many bytes there were."""

    first_s: float
    taken_s: float
    size: int

    @property
    def rate(self) -> float:
        return ROWS / self.taken_s


async def copied(connection: "asyncpg.Connection[Any]", query: str) -> Read:
    """COPY to CSV, over the socket and thrown away."""
    size, first = 0, 0.0
    started = time.perf_counter()

    async def take(data: bytes) -> None:
        nonlocal size, first
        first = first or time.perf_counter() - started
        size += len(data)

    await connection.copy_from_query(query, output=take, format="csv")
    return Read(first, time.perf_counter() - started, size)


async def over_http(port: int, key: str, form: str) -> Read:
    size, first = 0, 0.0
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(timeout=300, headers=headers) as client:
        started = time.perf_counter()
        address = f"http://127.0.0.1:{port}/v1/datasets/cells?format={form}"
        async with client.stream("GET", address) as answer:
            assert answer.status_code == 200, answer
            assert answer.headers["row-count"] == str(ROWS), answer.headers
            async for data in answer.aiter_raw():
                first = first or time.perf_counter() - started
                size += len(data)
        return Read(first, time.perf_counter() - started, size)


async def watched(process: psutil.Process, work: Any) -> tuple[Read, int]:
    """What came of it, and the most memory the process had meanwhile."""
    most = process.memory_info().rss
    ended = asyncio.Event()

    async def look() -> None:
        nonlocal most
        while not ended.is_set():
            most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        return await work, most
    finally:
        ended.set()
        await looking


def said(name: str, read: Read, note: str = "") -> None:
    print(
        f"  {name:26} {read.rate:11,.0f} rows/s  {read.taken_s:6.2f} s, first byte"
        f" {read.first_s:5.2f} s  {read.size / MIB:7.1f} MiB  {note}"
    )


async def provide(servers: Servers, provider: UUID) -> None:
    connection = await asyncpg.connect(servers.admin_url)
    try:
        await connection.execute(MAKE_SERVICES, provider, SERVICES)
        await connection.execute(MAKE_CELLS, provider, SERVICES, ROWS)
        await connection.execute("INSERT INTO unpublished (provider_id, service) VALUES ($1, '')",
                                 provider)  # fmt: skip
        await connection.execute("VACUUM ANALYZE cells")
    finally:
        await connection.close()


async def publish_all(servers: Servers, provider: UUID) -> None:
    """As the worker does: all of it, then one service of all that changed."""
    settings = Settings(
        database_url=SecretStr(servers.app_url),
        redis_url=SecretStr(servers.redis_url),
        secret_key=SecretStr(servers.secret_key),
    )
    engine = engine_of(settings)
    try:
        sessions = sessions_of(engine)
        admin = await asyncpg.connect(servers.admin_url)
        for what, mark in (("all services", ""), ("one service of all", "1-300000001")):
            await admin.execute(
                "INSERT INTO unpublished (provider_id, service) VALUES ($1, $2)", provider, mark
            )
            started = time.perf_counter()
            assert await publish(sessions, ProviderId(provider), utc_now())
            print(f"  publishing {what}: {time.perf_counter() - started:.2f} s")
        size = await admin.fetchval("SELECT sum(length(arrow)) FROM published_parts")
        print(f"  published parts: {size / MIB:.1f} MiB")
        await admin.close()
    finally:
        await engine.dispose()


async def best(make: Callable[[], Any]) -> Read:
    reads = [await make() for _ in range(ROUNDS)]
    found: Read = min(reads, key=lambda read: read.taken_s)
    return found


async def measure(servers: Servers, port: int, key: str) -> bool:
    serving = next(
        process
        for process in psutil.Process().children(recursive=True)
        if "api.serve" in process.cmdline()
    )
    connection = await asyncpg.connect(servers.admin_url)
    try:
        copy = await best(lambda: copied(connection, "SELECT * FROM cells"))
        said("COPY cells TO … CSV", copy, f"best of {ROUNDS}, as is all below")
    finally:
        await connection.close()
    rates = {}
    print(f"  API process at rest: {serving.memory_info().rss / MIB:.0f} MiB")
    for form in FORMATS:
        reads = [await watched(serving, over_http(port, key, form)) for _ in range(ROUNDS)]
        read = min((each for each, _ in reads), key=lambda one: one.taken_s)
        most = max(memory for _, memory in reads)
        rates[form] = read.rate / copy.rate
        after = serving.memory_info().rss
        said(
            f"GET as {form}",
            read,
            f"{rates[form]:4.0%} of COPY; memory at most {most / MIB:.0f},"
            f" after {after / MIB:.0f} MiB",
        )
    return rates["parquet"] >= BAR


async def _run(servers: Servers) -> bool:
    print(f"  {await migrate(servers)}")
    scopes = [Scope.DATASETS_READ, Scope.ADMIN]
    key = await issue_key(servers.app_url, servers.secret_key, "bench", "bench", scopes)
    connection = await asyncpg.connect(servers.admin_url)
    provider: UUID = await connection.fetchval("SELECT provider_id FROM providers")
    await connection.close()
    await provide(servers, provider)
    print(f"  {ROWS:,} cells of {SERVICES} services; {machine()}")
    await publish_all(servers, provider)
    with api(servers, 1) as port:
        await wait_ready(port)
        return await measure(servers, port, key)


def run() -> bool:
    """True when Parquet leaves at the rate that was promised."""
    with durable_servers() as servers:
        return asyncio.run(_run(servers))
