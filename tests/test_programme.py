"""The programme of a service: its versions, when it is post hoc, and what cannot be one."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.running import Running
from models.context import load_context
from models.db import transaction
from models.programmes import first_current_month
from models.vocabulary import ProviderId
from tests.conftest import Clock
from tests.sent import SERVICE
from tests.set_up import PROGRAMME, put, refusal, team

ADDRESS = f"/v1/services/{SERVICE}/programme"


@pytest.fixture(autouse=True)
async def service(client: httpx.AsyncClient) -> None:
    await put(client, team("oak", aliases=["Oak Unit"]))


async def test_the_first_version_is_created(client: httpx.AsyncClient) -> None:
    answer = await client.put(ADDRESS, json=PROGRAMME)
    assert (answer.status_code, answer.json()) == (
        201,
        PROGRAMME
        | {
            "service": SERVICE,
            "version": 1,
            "baseline_months": 6,
            "current_months": 3,
            "baseline_reason": None,
            "origin_team": None,
            "registered_at": "2026-11-15T12:00:00Z",
            "post_hoc": False,
        },
    )
    detail = (await client.get(f"/v1/services/{SERVICE}")).json()
    assert detail["programme"] == answer.json()
    assert detail["programmes"] == [answer.json()]


async def test_only_a_change_is_a_new_version(
    client: httpx.AsyncClient, clock: Clock, admin: Any, provider: ProviderId
) -> None:
    first = (await client.put(ADDRESS, json=PROGRAMME)).json()
    clock.advance(timedelta(days=1))
    count = "SELECT count(*) FROM marks WHERE provider_id = $1"
    marks = await admin.fetchval(count, provider)
    again = await client.put(ADDRESS, json=PROGRAMME | {"baseline_months": 6})
    assert (again.status_code, again.json()) == (200, first)
    assert await admin.fetchval(count, provider) == marks
    changed = await client.put(ADDRESS, json=PROGRAMME | {"current_months": 4})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert changed.json()["registered_at"] == "2026-11-16T12:00:00Z"
    assert await admin.fetchval(count, provider) == marks + 1
    back = await client.put(ADDRESS, json=PROGRAMME)
    assert back.json()["version"] == 3


async def test_a_slow_clock_keeps_the_order_of_versions(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    await client.put(ADDRESS, json=PROGRAMME)
    clock.advance(timedelta(hours=-1))
    await client.put(ADDRESS, json=PROGRAMME | {"name": "Second"})
    detail = (await client.get(f"/v1/services/{SERVICE}")).json()
    assert detail["programme"]["name"] == "Second"


@pytest.mark.parametrize(
    ("started_on", "post_hoc"),
    [
        ("2026-11-01", False),  # first current month November, not over on the 15th
        ("2026-10-31", False),
        ("2026-10-02", False),
        ("2026-10-01", True),  # first current month October
        ("2026-09-30", True),
        ("2000-01-01", True),
    ],
)
async def test_post_hoc_is_after_the_first_current_month(
    client: httpx.AsyncClient, started_on: str, post_hoc: bool
) -> None:
    answer = await client.put(ADDRESS, json=PROGRAMME | {"started_on": started_on})
    assert answer.json()["post_hoc"] is post_hoc


async def test_the_month_ends_on_the_local_clock(client: httpx.AsyncClient, clock: Clock) -> None:
    clock.now = clock.now.replace(month=6, day=30, hour=22, minute=59)
    before = await client.put(ADDRESS, json=PROGRAMME | {"started_on": "2026-06-01"})
    clock.now = clock.now.replace(hour=23, minute=0)
    after = await client.put(ADDRESS, json=PROGRAMME | {"started_on": "2026-06-01", "name": "B"})
    assert (before.json()["post_hoc"], after.json()["post_hoc"]) == (False, True)


async def test_an_alias_of_the_origin_team_is_stored_as_its_code(
    client: httpx.AsyncClient,
) -> None:
    first = await client.put(ADDRESS, json=PROGRAMME | {"origin_team": "Oak Unit"})
    assert first.json()["origin_team"] == "oak"
    second = await client.put(ADDRESS, json=PROGRAMME | {"origin_team": "oak"})
    assert second.json()["version"] == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"started_on": "1999-12-31"}, "/started_on"),
        ({"started_on": "2027-11-17"}, "/started_on"),
        ({"started_on": "soon"}, "/started_on"),
        ({"baseline_months": 0}, "/baseline_months"),
        ({"baseline_months": 25}, "/baseline_months"),
        ({"current_months": 13}, "/current_months"),
        ({"current_months": "3"}, "/current_months"),
        ({"origin_team": "birch"}, "/origin_team"),
        ({"name": ""}, "/name"),
        ({"goal": "x"}, "/goal"),
    ],
)
async def test_what_cannot_be_a_programme_is_refused(
    client: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    assert await refusal(client, "PUT", ADDRESS, PROGRAMME | change) == (422, [pointer])


async def test_a_programme_of_no_service_is_not_found(client: httpx.AsyncClient) -> None:
    assert await refusal(client, "PUT", "/v1/services/none/programme", PROGRAMME) == (404, [])


async def test_versions_go_on_after_re_registration(client: httpx.AsyncClient) -> None:
    await client.put(ADDRESS, json=PROGRAMME)
    await put(client, service="1-900000001", predecessor=SERVICE)
    changed = await client.put(ADDRESS, json=PROGRAMME | {"name": "Second"})
    assert (changed.json()["service"], changed.json()["version"]) == ("1-900000001", 2)
    detail = (await client.get("/v1/services/1-900000001")).json()
    assert [each["name"] for each in detail["programmes"]] == ["Medicines on time", "Second"]


async def test_changes_at_the_same_time_count_on(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(client.put(ADDRESS, json=PROGRAMME | {"name": f"P{number}"}) for number in range(5))
    )
    assert sorted(answer.json()["version"] for answer in answers) == [1, 2, 3, 4, 5]


async def test_the_worker_reads_the_version_in_force(
    client: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    await client.put(ADDRESS, json=PROGRAMME)
    await client.put(ADDRESS, json=PROGRAMME | {"started_on": "2026-11-01"})
    async with transaction(running.sessions, provider) as session:
        context = await load_context(session, SERVICE)
    assert context is not None
    assert context.programme is not None
    assert context.programme.version == 2
    assert first_current_month(context.programme.started_on).isoformat() == "2026-11-01"
