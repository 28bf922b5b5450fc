"""When nothing has changed: entity tags, 304, snapshots not written, and the month still open."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId
from tests.conftest import NOW, Clock
from tests.reading import VIEWS, address, check, read, set_up
from tests.recomputing import judged, settle, snapshots
from tests.sent import SERVICE, event, retraction, send

every_view = pytest.mark.parametrize("view", VIEWS)
Settle = Callable[[], Awaitable[None]]
RECOMPUTE = f"/v1/services/{SERVICE}/recompute"


@pytest.fixture
def settled(running: Running, provider: ProviderId, admin: Any, clock: Clock) -> Settle:
    async def until_nothing_is_marked() -> None:
        await settle(running, provider, admin, clock.now)

    return until_nothing_is_marked


async def tag(client: httpx.AsyncClient, view: str, **question: str) -> str:
    answer = await client.get(address(view), params=question)
    assert answer.status_code == 200
    return answer.headers["etag"]


async def status(client: httpx.AsyncClient, view: str, if_none_match: str) -> int:
    answer = await client.get(address(view), headers={"If-None-Match": if_none_match})
    if answer.status_code == 304:
        assert answer.content == b""
        assert answer.headers["etag"]
    return answer.status_code


@every_view
async def test_a_tag_spares_its_holder_the_body_in_every_form(
    client: httpx.AsyncClient, settled: Settle, view: str
) -> None:
    await set_up(client)
    await settled()
    held = await tag(client, view)
    assert held.startswith('"')
    for form in ("{}", "W/{}", '"other", {}', 'W/"other",W/{}', '{}, "other"', "*", " {} "):
        assert await status(client, view, form.format(held)) == 304, form
    for form in ('"other"', held.strip('"'), f"w/{held}", "", f'"{held[1:-2]}"', '"*"'):
        assert await status(client, view, form) == 200, form


@every_view
async def test_computing_anew_changes_no_tag_and_new_evidence_does(
    client: httpx.AsyncClient, settled: Settle, clock: Clock, view: str
) -> None:
    await set_up(client)
    await settled()
    before = await read(client, view)
    held = await tag(client, view)
    clock.advance(timedelta(hours=1))
    await client.post(RECOMPUTE)
    assert await status(client, view, held) == 200, "pending is part of the body"
    await settled()
    after = await read(client, view)
    assert after["freshness"].pop("computed_at") != before["freshness"].pop("computed_at")
    assert after == before
    assert await status(client, view, held) == 304
    await send(client, check("A-1", "2026-09-03T10:00:00+01:00", 20))
    await settled()
    assert await status(client, view, held) == 200
    assert await tag(client, view) != held


async def test_tags_tell_views_months_and_days_apart(
    client: httpx.AsyncClient, settled: Settle, clock: Clock
) -> None:
    await set_up(client)
    await settled()
    then = clock.now
    clock.advance(timedelta(hours=1))
    await send(client, check("A-1", "2026-09-03T10:00:00+01:00", 20))
    await settled()
    tags = [await tag(client, view) for view in VIEWS]
    tags += [await tag(client, view, known_at=then.isoformat()) for view in VIEWS]
    tags += [await tag(client, view, known_at=clock.now.isoformat()) for view in VIEWS]
    assert len(set(tags)) == 12


async def test_a_snapshot_is_written_only_when_what_is_judged_changes(
    client: httpx.AsyncClient,
    settled: Settle,
    provider: ProviderId,
    admin: Any,
    clock: Clock,
) -> None:
    async def frozen() -> int:
        return await snapshots(admin, provider)

    await set_up(client)
    await settled()
    assert await frozen() == 1
    first = await judged(admin, provider)
    unjudged = event("complaint.received", {"respondent": "staff"}, id="S-1")
    for change in (None, unjudged | {"occurred_at": "2026-09-03T10:00:00+01:00"}):
        clock.advance(timedelta(minutes=5))
        if change is None:
            await client.post(RECOMPUTE)
        else:
            await send(client, change)
        await settled()
        assert (await frozen(), await judged(admin, provider)) == (1, first)
        seen = await read(client, "breadth")
        assert seen["freshness"]["computed_at"] == clock.now.isoformat().replace("+00:00", "Z")
    assert seen["freshness"]["evidence_to"] == "2026-09-03T09:00:00Z"
    clock.advance(timedelta(minutes=5))
    await send(client, check("A-000001", "2026-09-03T10:00:00+01:00", 20, source="emar:acme"))
    await settled()
    assert await frozen() == 2
    assert await judged(admin, provider) != first
    clock.advance(timedelta(minutes=5))
    await send(client, retraction())
    await settled()
    assert await frozen() == 3, "back to what it was is a change too"
    assert await judged(admin, provider) == first


@every_view
async def test_open_month_is_live_and_beside_the_verdict(
    client: httpx.AsyncClient, settled: Settle, clock: Clock, view: str
) -> None:
    await set_up(client)
    await settled()
    before = await read(client, view)
    clock.advance(timedelta(minutes=5))
    await send(
        client,
        check("A-1", "2026-11-03T10:00:00+00:00", 20, about={"band": "weekend_night"}),
        check("A-2", "2026-11-04T10:00:00+00:00", 21, team="ash"),
        check("A-3", "2026-10-31T23:59:59+00:00", 5),
        check("A-4", "2026-11-14T21:00:00+00:00", 22, team="elm"),
        check("A-5", "2026-11-14T22:00:00+00:00", 23, team=None),
    )
    await settled()
    segments = {
        "shift-coverage-review": {
            "weekend_night": (20 + 22 + 23, 75, 3),
            "weekday_day": (21, 25, 1),
        },
        "evidence-alignment": {"Nursing": (20 + 22, 50, 2), "Residential": (21, 25, 1)},
    }
    teams = {"oak": (20, 25, 1), "elm": (22, 25, 1), "ash": (21, 25, 1)}
    after = await read(client, view)
    assert after["current_month"] == {
        "month": "2026-11",
        "segments": {
            name: {"audit_compliance": dict(zip(("x", "n", "events"), sums, strict=True))}
            for name, sums in segments.get(view, teams).items()
        },
    }
    assert before["current_month"]["segments"] == {}
    assert (await read(client, view, known_at=NOW.isoformat()))["current_month"] is None


@every_view
async def test_evidence_of_the_open_month_alone_moves_no_verdict(
    client: httpx.AsyncClient, settled: Settle, provider: ProviderId, admin: Any, view: str
) -> None:
    await set_up(client)
    await settled()
    before, held = await read(client, view), await tag(client, view)
    await send(client, check("A-1", "2026-11-03T10:00:00+00:00", 1))
    await settled()
    after = await read(client, view)
    assert await tag(client, view) != held, "the open month is part of the body"
    assert {**after, "current_month": None} == {**before, "current_month": None}
    assert await snapshots(admin, provider) == 1


async def test_late_evidence_reaches_every_month_scored_from_its_own_on(
    client: httpx.AsyncClient, settled: Settle, clock: Clock
) -> None:
    await set_up(client)
    await settled()
    months = ("2026-07", "2026-08", "2026-10")
    asking = (client.get(address("breadth"), params={"as_of": month}) for month in months)
    await asyncio.gather(*asking)
    await settled()
    before = {month: await read(client, "breadth", as_of=month) for month in months}
    clock.advance(timedelta(hours=1))
    await send(client, check("A-1", "2026-08-03T10:00:00+01:00", 20))
    for month in months:
        assert (await read(client, "breadth", as_of=month))["freshness"]["pending"]
    await settled()
    after = {month: await read(client, "breadth", as_of=month) for month in months}
    assert after["2026-07"] == before["2026-07"]
    for month in ("2026-08", "2026-10"):
        assert after[month]["freshness"]["computed_at"] == "2026-11-15T13:00:00Z"
        assert after[month]["freshness"]["evidence_to"] == "2026-08-03T09:00:00Z"
        spread = await read(client, "spread-dashboard", as_of=month)
        [oak] = [segment for segment in spread["segments"] if segment["code"] == "oak"]
        assert oak["channels"][0]["n_current"] == 1
        assert after[month]["snapshot"] != before[month]["snapshot"]
