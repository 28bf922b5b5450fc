"""Views in time: which month, as known when, how fresh, and when nothing has changed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.running import Running
from models.cells import is_marked
from models.vocabulary import ProviderId
from tests.conftest import NOW, Clock
from tests.reading import ROUTES, VIEWS, address, check, read, set_up
from tests.recomputing import settle, snapshots
from tests.sent import SERVICE, send

every_view = pytest.mark.parametrize("view", VIEWS)
every_route = pytest.mark.parametrize("route", ROUTES)
Settle = Callable[[], Awaitable[None]]


@pytest.fixture
def settled(running: Running, provider: ProviderId, admin: Any, clock: Clock) -> Settle:
    async def until_nothing_is_marked() -> None:
        await settle(running, provider, admin, clock.now)

    return until_nothing_is_marked


@pytest.fixture
async def marks(provider: ProviderId, admin: Any) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        counted = await admin.fetchval(
            "SELECT count(*) FROM marks WHERE provider_id = $1", provider
        )
        return int(counted)

    return count


def audits(view: dict[str, Any], team: str = "oak") -> int:
    """How many audits a spread dashboard counts of a team in its current window."""
    [segment] = [segment for segment in view["segments"] if segment["code"] == team]
    [channel] = [each for each in segment["channels"] if each["channel"] == "audit"]
    return int(channel["n_current"])


@every_view
async def test_default_month_is_the_last_one_that_has_ended_evidence_or_not(
    client: httpx.AsyncClient, settled: Settle, view: str
) -> None:
    await set_up(client)
    await settled()
    silent = await read(client, view)
    assert silent["as_of"] == "2026-10"
    assert silent == await read(client, view, as_of="2026-10")
    assert silent["current_month"] == {"month": "2026-11", "segments": {}}


@every_view
async def test_another_month_has_its_own_windows_and_no_open_month(
    client: httpx.AsyncClient, settled: Settle, clock: Clock, view: str
) -> None:
    await set_up(client)
    await send(client, check("A-1", "2026-06-03T10:00:00+01:00", 20))
    clock.now = datetime(2026, 7, 3, tzinfo=UTC)
    await settled()
    clock.now = NOW
    await client.post(f"/v1/services/{SERVICE}/recompute")
    await settled()
    june, october = await read(client, view, as_of="2026-06"), await read(client, view)
    assert (june["as_of"], october["as_of"]) == ("2026-06", "2026-10")
    assert june["windows"]["current"] == {"from": "2026-04", "to": "2026-06"}
    assert june["snapshot"] != october["snapshot"]
    assert june["current_month"] is None
    assert october["current_month"] is not None
    for evidence_to in (june["freshness"]["evidence_to"], october["freshness"]["evidence_to"]):
        assert evidence_to == "2026-06-03T09:00:00Z"


async def test_month_never_scored_is_answered_within_two_seconds_when_it_can_be(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client)
    await settled()
    for number, route in enumerate(ROUTES, 1):
        asking = asyncio.create_task(
            client.get(address(route), params={"as_of": f"2026-0{number}"})
        )
        await asyncio.sleep(0.3)
        await settled()
        answer = await asking
        assert answer.status_code == 200, route
        if route in VIEWS:
            assert answer.json()["as_of"] == f"2026-0{number}"


async def test_month_never_scored_is_promised_when_it_takes_longer(
    client: httpx.AsyncClient, settled: Settle, marks: Callable[[], Awaitable[int]]
) -> None:
    await set_up(client)
    await settled()
    started = asyncio.get_running_loop().time()
    answers = await asyncio.gather(
        *(client.get(address(route), params={"as_of": "2026-05"}) for route in ROUTES)
    )
    assert 1.9 < asyncio.get_running_loop().time() - started < 10
    for route, answer in zip(ROUTES, answers, strict=True):
        assert answer.status_code == 202, route
        assert answer.json() == {"service": SERVICE, "pending": True}
        assert int(answer.headers["retry-after"]) >= 1
        assert "etag" not in answer.headers
    assert await marks() > 0
    await settled()
    for route in ROUTES:
        assert await read(client, route, as_of="2026-05")


def unlinked(view: dict[str, Any]) -> dict[str, Any]:
    """Without the instant that the links of a story lead to, which is the one asked for."""
    told = {
        name: [each | {"links": len(each["links"])} for each in view[name]]
        for name in ("sentences", "missing")
        if name in view
    }
    return view | told


async def test_what_was_known_is_the_newest_snapshot_computed_by_then(
    client: httpx.AsyncClient,
    settled: Settle,
    provider: ProviderId,
    admin: Any,
    clock: Clock,
    marks: Callable[[], Awaitable[int]],
) -> None:
    await set_up(client)
    moments = [NOW - timedelta(hours=9 - 3 * number) for number in range(3)]
    seen = []
    for number, moment in enumerate(moments, 1):
        clock.now = moment
        await send(client, check(f"A-{number}", "2026-09-03T10:00:00+01:00", 20))
        await settled()
        seen.append(await read(client, "spread-dashboard"))
    assert [audits(view) for view in seen] == [1, 2, 3]
    clock.now = NOW
    await send(client, check("A-4", "2026-09-03T10:00:00+01:00", 20))
    waiting, frozen = await marks(), await snapshots(admin, provider)
    just_before = timedelta(microseconds=1)
    for view in VIEWS:
        for number, moment in enumerate(moments):
            known = await read(client, view, known_at=moment.isoformat())
            assert known["snapshot"] == seen[number]["snapshot"]
            assert known["freshness"]["pending"] is False
            assert known["freshness"]["computed_at"] == moment.isoformat().replace("+00:00", "Z")
            assert known["current_month"] is None
            later = moment + timedelta(hours=1)
            again = await read(client, view, known_at=later.isoformat(), as_of="2026-10")
            assert unlinked(again) == unlinked(known)
        early = await client.get(
            address(view), params={"known_at": (moments[0] - just_before).isoformat()}
        )
        assert (early.status_code, early.json()["code"]) == (404, "nothing_known_then")
    for number, moment in enumerate(moments):
        known = await read(client, "spread-dashboard", known_at=moment.isoformat())
        assert audits(known) == number + 1
    assert (await marks(), await snapshots(admin, provider)) == (waiting, frozen)


@every_route
async def test_month_nobody_asked_for_then_is_not_computed_now(
    client: httpx.AsyncClient,
    settled: Settle,
    marks: Callable[[], Awaitable[int]],
    route: str,
) -> None:
    await set_up(client)
    await settled()
    question = {"as_of": "2026-05", "known_at": NOW.isoformat()}
    answer = await client.get(address(route), params=question)
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_known_then")
    assert await marks() == 0


@every_view
async def test_a_day_known_has_its_own_last_month(
    client: httpx.AsyncClient, settled: Settle, clock: Clock, view: str
) -> None:
    await set_up(client)
    clock.now = datetime(2026, 8, 31, 23, 30, tzinfo=UTC)  # half past midnight in London
    await settled()
    then, clock.now = clock.now, NOW
    await settled()
    assert (await read(client, view, known_at=then.isoformat()))["as_of"] == "2026-08"
    unescaped = await client.get(f"{address(view)}?known_at=2026-09-01T00:30:00+01:00")
    assert unescaped.json()["as_of"] == "2026-08"


@every_view
async def test_pending_until_all_that_was_sent_is_in_the_numbers(
    client: httpx.AsyncClient, settled: Settle, view: str
) -> None:
    await set_up(client)
    await settled()
    assert (await read(client, view))["freshness"]["pending"] is False
    await send(client, check("A-1", "2026-09-03T10:00:00+01:00", 20))
    waiting = await read(client, view)
    assert waiting["freshness"]["pending"] is True
    known = await read(client, view, known_at=NOW.isoformat())
    assert known["freshness"]["pending"] is False
    await settled()
    done = await read(client, view)
    assert done["freshness"]["pending"] is False
    assert done["snapshot"] != waiting["snapshot"]


async def test_score_of_before_is_pending_however_the_recompute_falls(
    client: httpx.AsyncClient, settled: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(client)
    await settled()
    await send(client, check("A-1", "2026-09-03T10:00:00+01:00", 20))

    async def after_a_recompute(*asked: Any) -> bool:
        await settled()
        return await is_marked(*asked)

    monkeypatch.setattr("api.reading.conclusions.is_marked", after_a_recompute)
    view = await read(client, "spread-dashboard")
    assert (audits(view), view["freshness"]["pending"]) == (1, False)
