"""A million rows from the first byte of a file sent to the last of its events, as it is run.

The file goes over HTTP to API processes, and the workers that score services besides read it. The
rate stands beside a superuser's COPY of as many rows into a twin of the table, in the same run.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import httpx
import msgspec
import psutil

from bench.asking import machine
from bench.copying import BATCH, BATCHES, SERVICE, make_twin, raw_copy
from bench.csv_rows import MEBIBYTE, ROWS, Export, mapping
from bench.posting import wait_ready
from bench.servers import Servers, api, durable_servers, migrate
from bench.working import worker
from models.keyring import Keyring
from models.mapping.map_body import map_body
from models.people import issue_key
from models.vocabulary import Scope

BAR = 20_000.0
MOST_MIB = 600
WITHIN_S = 600.0
API_PROCESSES = 2
CONNECTOR = "bench-doses"
CHUNK = 256 << 10
#: A million doses fill eleven months and a half.
DOSES_A_MINUTE = 2


class Uploaded(NamedTuple):
    """Seconds from the first byte to the answer and to the last row; what became of the rows."""

    answered_s: float
    stored_s: float
    item: dict[str, Any]


def write_export(path: Path) -> None:
    """A year of doses that has just ended."""
    start = datetime.now(UTC).replace(hour=0, minute=0) - timedelta(days=360)
    with path.open("wb") as file:
        for chunk in Export(start=start, a_minute=DOSES_A_MINUTE).chunks():
            file.write(chunk)


async def set_up(client: httpx.AsyncClient) -> None:
    wards = [
        {"code": f"w{n}", "name": f"Ward {n}", "aliases": [f"ward {n}"], "opened_on": "2020-01-01"}
        for n in range(8)
    ]
    service = {"name": "Bench", "kind": "care_home", "teams": wards}
    of = mapping(with_ids=True)
    example = {
        "reference": "D-0",
        "ward": "Ward 0",
        "due": "01/09/2026 08:00",
        "given at": "01/09/2026 08:05",
        "code": "G",
    }
    expected = {"input": [example], "expect": map_body(of, [example]).events}
    document = msgspec.to_builtins(of) | {"examples": [expected]}
    connector = {"code": CONNECTOR, "name": "Bench", "source": "emar:bench", "mapping": document}
    for method, address, body in (
        ("PUT", f"/v1/services/{SERVICE}", service),
        ("POST", "/v1/connectors", connector),
        ("POST", f"/v1/mappings/{CONNECTOR}/1:activate", None),
    ):
        answer = await client.request(method, address, json=body)
        assert answer.is_success, answer.text


async def upload(client: httpx.AsyncClient, path: Path) -> Uploaded:
    async def chunks() -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    started = time.perf_counter()
    sent = await client.post(
        "/v1/uploads",
        params={"connector": CONNECTOR},
        content=chunks(),
        headers={"Content-Type": "text/csv"},
    )
    answered = time.perf_counter()
    assert sent.status_code == httpx.codes.ACCEPTED, sent.text
    async with asyncio.timeout(WITHIN_S):
        while True:
            item = (await client.get(f"/v1/inbox/{sent.json()['inbox_id']}")).json()
            if item["status"] != "waiting":
                return Uploaded(answered - started, time.perf_counter() - started, item)
            await asyncio.sleep(0.1)


def peak_mib(pid: int) -> float:
    """The most memory that a process has had, as the kernel counts it (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    [kib] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kib) * 1024 / MEBIBYTE


async def copied(servers: Servers, provider: UUID) -> float:
    """Rows a second of COPY, over as many rows as the file has."""
    connection = await asyncpg.connect(servers.admin_url)
    await make_twin(connection)
    keyring, each = Keyring(servers.secret_key), BATCH * BATCHES
    spent = 0.0
    rounds = -(-ROWS // each)
    for number in range(rounds):
        spent += each / await raw_copy(connection, provider, f"c{number}", keyring)
    await connection.close()
    return rounds * each / spent


async def _run(servers: Servers) -> bool:
    print(f"  {await migrate(servers)}; {API_PROCESSES} API processes, {machine()}")
    scopes = [Scope.ADMIN, Scope.CONNECTORS_ADMIN, Scope.EVENTS_WRITE]
    key = await issue_key(servers.app_url, servers.secret_key, "bench", "bench", scopes)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "doses.csv"
        write_export(path)
        size = path.stat().st_size / MEBIBYTE
        with api(servers, API_PROCESSES) as port, worker(servers) as workers:
            await wait_ready(port)
            headers = {"Authorization": f"Bearer {key}"}
            base = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=120) as client:
                await set_up(client)
                done = await upload(client, path)
                reconciled = (await client.get("/v1/reconcile")).json()
            children = {child.pid for child in psutil.Process().children(recursive=True)}
            serving = {
                pid for pid in children if "api.serve" in " ".join(psutil.Process(pid).cmdline())
            }
            of_worker = max(peak_mib(pid) for pid in workers)
            of_api = max(peak_mib(pid) for pid in serving)
    connection = await asyncpg.connect(servers.admin_url)
    stored = await connection.fetchval("SELECT count(*) FROM events")
    provider = await connection.fetchval("SELECT provider_id FROM events LIMIT 1")
    await connection.close()
    rate = ROWS / done.stored_s
    raw = await copied(servers, provider)
    print(
        f"  {ROWS:,} rows, {size:.0f} MiB: answered after {done.answered_s:.1f} s, all stored after"
        f" {done.stored_s:.1f} s"
    )
    print(
        f"    {rate:,.0f} rows/s (at least {BAR:,.0f}); raw COPY {raw:,.0f} rows/s,"
        f" ratio {rate / raw:.2f}"
    )
    print(f"    peak memory: worker {of_worker:.0f} MiB, API {of_api:.0f} MiB (at most {MOST_MIB})")
    whole = stored == ROWS == done.item["counts"]["accepted"] and reconciled["holds"]
    if not whole:
        print(f"    {stored:,} events; {done.item['status']}: {done.item['counts']}")
    return whole and rate >= BAR and max(of_worker, of_api) <= MOST_MIB


def run() -> bool:
    """True when every row is stored, fast enough and in bounded memory."""
    with durable_servers() as servers:
        return asyncio.run(_run(servers))
