"""Where evidence lands: quarantined, or in a month and a slice that is marked and rung for."""

import asyncio
from datetime import date
from typing import Any

import httpx
import pytest
from arq.constants import default_queue_name
from arq.jobs import Job

from api.running import Running
from models.queue import deserialize, redis_of
from models.settings import Settings
from models.vocabulary import ProviderId
from tests.ingested import Connection, marks, stored
from tests.sent import SERVICE, buckets, dose, event, send

pytestmark = pytest.mark.usefixtures("known_places")


@pytest.mark.parametrize("count", [1, 120])
async def test_unknown_places_are_stored_and_listed_with_their_reason(
    count: int, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    events = [dose(number, team="willow") for number in range(count)]
    elsewhere = [dose(number + count, service="1-999") for number in range(count)]
    receipt = await send(client, *events, *elsewhere, dose(9_999))
    assert buckets(receipt) == {"quarantined": 2 * count, "accepted": 1}
    reasons = await admin.fetch(
        "SELECT reason, count(*) FROM quarantine WHERE provider_id = $1 GROUP BY 1 ORDER BY 1",
        provider,
    )
    assert [tuple(row) for row in reasons] == [("unknown_service", count), ("unknown_team", count)]
    assert buckets(await send(client, *events)) == {"duplicates": count}


@pytest.mark.parametrize(
    "place",
    [
        {"team": "oak"},
        {"team": "Oak Wing"},
        {"team": None},
        {"service": "old-id", "team": "oak"},
        {"service": "old-id", "team": "Oak Wing"},
    ],
)
async def test_codes_aliases_and_former_ids_are_known(
    place: dict[str, Any], client: httpx.AsyncClient
) -> None:
    assert buckets(await send(client, dose(**place))) == {"accepted": 1}


async def test_a_slice_is_marked_once_however_many_events_it_gets(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await send(
        client,
        *[dose(number) for number in range(150)],
        dose(200, occurred_at="2026-04-01T00:00:00+01:00"),
        dose(201, occurred_at="2026-03-31T23:59:00+01:00"),
    )
    assert await marks(admin, provider) == [
        (SERVICE, date(2026, 3, 1), "medication", None),
        (SERVICE, date(2026, 4, 1), "medication", None),
    ]


@pytest.mark.parametrize(
    ("kind", "data", "months"),
    [
        ("complaint.received", {"respondent": "family"}, [3, 4, 5, 6]),
        ("census.taken", {"on": "2026-03-01", "residents": 20}, [3, 4, 5]),
        ("compliment.received", {"respondent": "family"}, [3]),
    ],
)
async def test_an_event_marks_every_month_it_reaches(
    kind: str,
    data: dict[str, Any],
    months: list[int],
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
) -> None:
    await send(client, event(kind, data))
    family = kind.partition(".")[0]
    assert await marks(admin, provider) == [
        (SERVICE, date(2026, month, 1), family, None) for month in months
    ]


async def test_a_correction_marks_its_identity_besides_its_slice(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await send(client, dose(version=2))
    assert await marks(admin, provider) == [
        (SERVICE, date(2026, 3, 1), "medication", None),
        (SERVICE, None, None, "A-000001"),
    ]


async def test_the_month_of_a_shift_is_that_of_its_start(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    data = {
        "starts_at": "2026-03-31T20:00:00+01:00",
        "ends_at": "2026-04-01T08:00:00+01:00",
        "planned_hours": 12,
        "worked_hours": 11.5,
    }
    await send(client, event("shift.worked", data, occurred_at="2026-04-01T08:00:00+01:00"))
    [row] = await stored(admin, provider)
    assert row["month"] == date(2026, 3, 1)


async def test_the_doorbell_is_rung_for_each_service(
    client: httpx.AsyncClient, provider: ProviderId, settings: Settings, running: Running
) -> None:
    await send(client, dose(1), dose(2, service="old-id"))
    await asyncio.wait_for(running.doorbell._task, 5)  # type: ignore[arg-type]  # it was pressed
    redis = redis_of(settings)
    # One after the other: all that other tests have left there would not fit the connections.
    queued = [name.decode() for name in await redis.zrange(default_queue_name, 0, -1)]
    jobs = [
        await Job(name, redis, _deserializer=deserialize).info()
        for name in queued
        if str(provider) in name
    ]
    await redis.aclose()
    mine = sorted(job.args for job in jobs if job is not None)
    assert [tuple(args) for args in mine] == [(str(provider), SERVICE), (str(provider), "old-id")]
