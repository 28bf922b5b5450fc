"""How soon a reader is answered: each view whole and unchanged, and the events behind a number.

A real stack at rest after two years of evidence. Beside it stand what PostgreSQL takes by COPY in
the same run and, as the floor of every view, the frozen body alone over a kept connection.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import numpy as np

from bench.asking import get, lines, machine
from bench.copying import copy_rate
from bench.many_services import CLOSED_MONTHS, Home, provide, settle
from bench.posting import wait_ready
from bench.servers import Servers, api, durable_servers, migrate
from bench.working import worker
from models.people import issue_key
from models.vocabulary import Scope

SERVICES, TEAMS = 6, 6
API_PROCESSES = 2
CONNECTIONS = (1, 8)
SECONDS = 4.0
VIEWS = ("spread-dashboard", "shift-coverage-review", "evidence-alignment", "breadth")
#: One that few events of a month stand behind, and the one that most do.
INDICATORS = ("practice_observed", "medicine_on_time")
SCOPES = (Scope.EVENTS_WRITE, Scope.VIEWS_READ, Scope.ADMIN)

Ask = Callable[[], Awaitable[int]]


class Read(NamedTuple):
    """What one way of asking took: seconds of each answer, its size, and how long all took."""

    seconds: list[float]
    size: int
    taken_s: float

    def __str__(self) -> str:
        p50, p95, p99 = np.quantile(self.seconds, (0.5, 0.95, 0.99), method="higher") * 1000
        rate = len(self.seconds) / self.taken_s
        return f"{p50:8.1f} {p95:7.1f} {p99:7.1f} {rate:9,.0f}"


async def timed(askers: Sequence[Ask]) -> Read:
    """Ask over and over, every asker as soon as it has its answer; the first answers warm up."""
    seconds: list[float] = []
    sizes = [await ask() for ask in askers]
    started = time.perf_counter()

    async def asking(ask: Ask) -> None:
        while time.perf_counter() - started < SECONDS:
            asked = time.perf_counter()
            await ask()
            seconds.append(time.perf_counter() - asked)

    await asyncio.gather(*(asking(ask) for ask in askers))
    return Read(seconds, max(sizes), time.perf_counter() - started)


async def unchanged_tags(port: int, key: str, paths: Sequence[str]) -> list[str]:
    async with lines(port, 1) as (line,):
        tags = []
        for path in paths:
            answer = await line.ask(get(path, key))
            assert answer.status == 200, answer
            assert not json.loads(answer.body)["freshness"]["pending"], path
            tags.append(line.etag)
    return tags


async def over_http(port: int, requests: Sequence[bytes], status: int, connections: int) -> Read:
    async with lines(port, connections) as opened:
        turns = itertools.cycle(requests)

        def asker(number: int) -> Ask:
            async def ask() -> int:
                answer = await opened[number].ask(next(turns))
                assert answer.status == status, answer
                return len(answer.body)

            return ask

        return await timed([asker(number) for number in range(connections)])


async def floor(servers: Servers, connections: int) -> Read:
    """The bodies that views are cut from, by their keys, and nothing done with them."""
    opened = [await asyncpg.connect(servers.admin_url) for _ in range(connections)]
    keys = await opened[0].fetch("SELECT DISTINCT provider_id, snapshot_id FROM scores")
    turns: Iterator[tuple[UUID, UUID]] = itertools.cycle([(row[0], row[1]) for row in keys])

    def asker(connection: "asyncpg.Connection[asyncpg.Record]") -> Ask:
        async def ask() -> int:
            provider, snapshot = next(turns)
            body = await connection.fetchval(
                "SELECT body FROM snapshots WHERE provider_id = $1 AND id = $2", provider, snapshot
            )
            return len(body)

        return ask

    try:
        return await timed([asker(connection) for connection in opened])
    finally:
        for connection in opened:
            await connection.close()


async def measure(servers: Servers, port: int, key: str, homes: Sequence[Home]) -> None:
    def row(name: str, answer: str, reads: Sequence[Read]) -> None:
        size = max(read.size for read in reads) / 1024
        print(f"  {name:38} {answer:5} {size:6.1f} KiB" + "".join(f"{read}" for read in reads))

    heads = "".join(f"{count:>3} open: p50     p95  p99 ms      /s" for count in CONNECTIONS)
    print(f"  {'':55}{heads}")
    row("floor: SELECT body FROM snapshots", "", [await floor(servers, n) for n in CONNECTIONS])
    for view in VIEWS:
        paths = [f"/v1/services/{home.service}/{view}" for home in homes]
        tags = await unchanged_tags(port, key, paths)
        whole = [get(path, key) for path in paths]
        again = [get(path, key, tag) for path, tag in zip(paths, tags, strict=True)]
        for requests, status in ((whole, 200), (again, 304)):
            reads = [await over_http(port, requests, status, n) for n in CONNECTIONS]
            row(view, str(status), reads)
    for indicator in INDICATORS:
        paths = [
            f"/v1/services/{home.service}/evidence?strand=team_spread&segment={home.teams[0]}"
            f"&indicator={indicator}"
            for home in homes
        ]
        requests = [get(path, key) for path in paths]
        reads = [await over_http(port, requests, 200, n) for n in CONNECTIONS]
        row(f"evidence, {indicator}", "200", reads)


async def _run(servers: Servers) -> None:
    print(f"  {await migrate(servers)}")
    key = await issue_key(servers.app_url, servers.secret_key, "bench", "bench", list(SCOPES))
    with api(servers, API_PROCESSES) as port:
        await wait_ready(port)
        homes = await provide(port, key, SERVICES, TEAMS, datetime.now(UTC))
        with worker(servers):
            await settle(port, key, homes)
            print(
                f"  {SERVICES} services of {TEAMS} teams, {sum(home.sent for home in homes):,}"
                f" events in {CLOSED_MONTHS} closed months and the open one, all scored;"
                f" {API_PROCESSES} API processes, {SECONDS:.0f} s each, {machine()}"
            )
            print(f"  raw COPY {await copy_rate(servers):,.0f} rows/s")
            await measure(servers, port, key, homes)
            print(f"  {machine()}")


def run() -> bool:
    """True unless a reader is refused: no latency is promised, so there is no bar to miss."""
    with durable_servers() as servers:
        asyncio.run(_run(servers))
    return True
