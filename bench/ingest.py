"""Evidence through the real HTTP stack against what PostgreSQL can take at all, in the same run.

Batches are compared with a superuser's COPY of the same rows into a twin of the table; single
posts with the same posts at one transaction each. Both on a cluster with ordinary durability.
"""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from uuid import UUID

import asyncpg
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from api.main import create_app
from bench.copying import BATCH, BATCHES, SERVICE, TEAMS, event, make_twin, raw_copy
from bench.posting import post_all, request, wait_ready
from bench.servers import Servers, api, durable_servers, migrate
from models.db import async_url, sessions_of, transaction
from models.keyring import Keyring
from models.people import issue_key, provider_called
from models.vocabulary import Scope

SINGLES = 6_000
CONNECTIONS = 64
ROUNDS = 3
PROCESSES = 2
BATCH_BAR = 0.4
SINGLES_BAR = 1.5


def app_of_single_commits() -> FastAPI:
    return create_app(group_commits=False)


def batches(series: str, key: str) -> list[bytes]:
    return [
        request(
            "/v1/events",
            key,
            json.dumps([event(f"{series}-{b}", n) for n in range(BATCH)]).encode(),
        )
        for b in range(BATCHES)
    ]


async def prepare(servers: Servers) -> tuple[str, UUID]:
    key = await issue_key(
        servers.app_url, servers.secret_key, "bench", "bench", [Scope.EVENTS_WRITE]
    )
    engine = create_async_engine(async_url(servers.app_url))
    sessions = sessions_of(engine)
    async with transaction(sessions, None) as session:
        provider = await provider_called(session, "bench")
    assert provider is not None
    async with transaction(sessions, provider) as session:
        await session.execute(
            text("INSERT INTO services VALUES (:p, :s, 'Bench', 'residential', NULL, NULL, now())"),
            {"p": provider, "s": SERVICE},
        )
        await session.execute(
            text("INSERT INTO teams (provider_id, service, code, name) VALUES (:p, :s, :t, :t)"),
            [{"p": provider, "s": SERVICE, "t": team} for team in TEAMS],
        )
    await engine.dispose()
    return key, provider


async def over_http(port: int, requests: list[bytes], connections: int, accepted: int) -> float:
    """Events a second, all of them new and answered with 202."""
    started = time.perf_counter()
    answers = await post_all(port, iter(requests), connections)
    taken = time.perf_counter() - started
    assert {answer.status for answer in answers} == {202}, answers[0]
    assert sum(json.loads(answer.body)["accepted"] for answer in answers) == accepted
    return accepted / taken


async def measure_batches(servers: Servers, key: str, provider: UUID) -> tuple[float, float]:
    connection = await asyncpg.connect(servers.admin_url)
    await make_twin(connection)
    keyring = Keyring(servers.secret_key)
    copied, sent = [], []
    with api(servers, PROCESSES) as port:
        await wait_ready(port)
        await over_http(port, batches("warm", key)[:4], 4, 4 * BATCH)
        for number in range(ROUNDS):
            bodies = batches(f"b{number}", key)
            copied.append(await raw_copy(connection, provider, f"c{number}", keyring))
            sent.append(await over_http(port, bodies, 4, BATCH * BATCHES))
    await connection.close()
    return statistics.median(copied), statistics.median(sent)


async def measure_singles(servers: Servers, key: str) -> tuple[float, float]:
    series = (f"s{number}" for number in itertools.count())
    rates: dict[str, list[float]] = {"alone": [], "together": []}
    factories = {"alone": "bench.ingest:app_of_single_commits", "together": "api.main:create_app"}
    for _ in range(ROUNDS - 1):
        for name, factory in factories.items():
            with api(servers, PROCESSES, factory) as port:
                await wait_ready(port)
                for count in (1_000, SINGLES):
                    posts = list(singles(next(series), key, count))
                    rate = await over_http(port, posts, CONNECTIONS, count)
                rates[name].append(rate)
    return max(rates["alone"]), max(rates["together"])


def singles(series: str, key: str, count: int) -> Iterator[bytes]:
    for number in range(count):
        yield request("/v1/events", key, json.dumps(event(series, number)).encode())


async def _run(servers: Servers) -> bool:
    print(f"  {await migrate(servers)}; {PROCESSES} API processes")
    key, provider = await prepare(servers)
    copied, sent = await measure_batches(servers, key, provider)
    print(f"  batches of {BATCH:,}: {sent:,.0f} events/s over HTTP, raw COPY {copied:,.0f} rows/s")
    print(f"    ratio {sent / copied:.2f} (at least {BATCH_BAR})")
    alone, together = await measure_singles(servers, key)
    print(
        f"  singles over {CONNECTIONS} connections: {together:,.0f}/s in shared commits,"
        f" {alone:,.0f}/s at one transaction each"
    )
    print(f"    ratio {together / alone:.2f} (at least {SINGLES_BAR})")
    return sent / copied >= BATCH_BAR and together / alone >= SINGLES_BAR


def run() -> bool:
    """True when both bars hold."""
    with durable_servers() as servers:
        return asyncio.run(_run(servers))
