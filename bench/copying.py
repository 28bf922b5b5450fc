"""What PostgreSQL can take at all: COPY by a superuser into a twin of the events table.

The measure that other rates stand beside, so that a slow machine is not taken for a slow service.
"""

import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from bench.servers import Servers
from models.incoming.content import Terms
from models.incoming.validation import read_item
from models.keyring import Keyring
from models.storing import COLUMNS, Row

BATCH = 5_000
BATCHES = 16
COPY_ROUNDS = 3
SERVICE = "1-545611283"
TEAMS = ("oak", "elm", "ash", "yew")
STARTS = datetime(2026, 1, 1, tzinfo=UTC)
LATEST = datetime(2027, 1, 1, tzinfo=UTC)


def event(series: str, number: int) -> dict[str, object]:
    """A dose as a medicines system writes it: ordered ids, a few dozen people, two months."""
    at = STARTS + timedelta(seconds=37 * number)
    return {
        "id": f"{series}-{number:08d}",
        "source": "emar:acme",
        "type": "medication.administered",
        "service": SERVICE,
        "team": TEAMS[number % len(TEAMS)],
        "area": None,
        "occurred_at": at.isoformat(),
        "recorded_at": (at + timedelta(seconds=70)).isoformat(),
        "about": None,
        "version": 1,
        "retracted": False,
        "person": f"99900{number % 40:05d}",
        "staff": f"jb{number % 14}",
        "data": {"status": "given", "due_at": at.isoformat(), "given_at": at.isoformat()},
    }


def rows_of(series: str, keyring: Keyring, provider: UUID) -> list[list[Row]]:
    """What those bodies become, made beforehand: only the database is measured with them."""
    pseudonyms = keyring.pseudonyms(provider)
    return [
        [
            read_item(json.dumps(event(f"{series}-{b}", n)).encode(), Terms(), pseudonyms, LATEST)
            for n in range(BATCH)
        ]
        for b in range(BATCHES)
    ]


async def make_twin(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.execute("CREATE TABLE events_twin (LIKE events INCLUDING ALL)")


async def raw_copy(
    connection: "asyncpg.Connection[asyncpg.Record]", provider: UUID, series: str, keyring: Keyring
) -> float:
    """Rows a second of COPY into the twin, one transaction a batch."""
    prepared = [[(provider, *row) for row in rows] for rows in rows_of(series, keyring, provider)]
    started = time.perf_counter()
    for rows in prepared:
        await connection.copy_records_to_table(
            "events_twin", records=rows, columns=["provider_id", *COLUMNS]
        )
    return BATCH * BATCHES / (time.perf_counter() - started)


async def copy_rate(servers: Servers) -> float:
    """The median of some rounds of `raw_copy`; leaves no twin behind."""
    connection = await asyncpg.connect(servers.admin_url)
    try:
        await make_twin(connection)
        keyring, provider = Keyring(servers.secret_key), uuid4()
        rates = [
            await raw_copy(connection, provider, f"c{number}", keyring)
            for number in range(COPY_ROUNDS)
        ]
        await connection.execute("DROP TABLE events_twin")
    finally:
        await connection.close()
    return statistics.median(rates)
