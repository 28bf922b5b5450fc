"""The whole path: set-up and evidence in over HTTP, the real arq worker, views and events out."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest
from arq.worker import Worker

from api.running import Running
from cli.demo import evidence, setting_up, truth
from cli.demo_services import services
from models.settings import Settings
from models.vocabulary import ProviderId
from tests.conftest import NOW, Clock
from tests.recomputing import settle
from tests.sent import SERVICE, event, send
from worker.main import counting, judging, reading_tables, startup, worker_settings

VIEWS = {
    "team_spread": "spread-dashboard",
    "shift_coverage": "shift-coverage-review",
    "evidence_alignment": "evidence-alignment",
}
TEAMS = [{"code": "oak", "name": "Oak", "area": "Nursing"}, {"code": "ash", "name": "Ash"}]
Work = Callable[[], Awaitable[int]]


@pytest.fixture
async def work(
    settings: Settings, clock: Clock, running: Running, monkeypatch: pytest.MonkeyPatch
) -> Work:
    """Run the real workers until their queues are empty; answers how many jobs they finished.

    What other tests have rung for is forgotten first: it is not this test's to do.
    """
    await running.doorbell._redis.flushdb()
    for name in ("database_url", "redis_url", "secret_key"):
        monkeypatch.setenv(f"BREADTH_{name.upper()}", getattr(settings, name).get_secret_value())

    async def finish(kind: Callable[[], dict[str, Any]]) -> int:
        chosen = {
            name: value
            for name, value in vars(worker_settings(settings, kind())).items()
            if not name.startswith("__") and name != "cron_jobs"
        }
        # Without the sweep, which has a test of its own: here the doorbell alone has to do.
        chosen["on_startup"] = startup
        worker = Worker(
            **chosen, burst=True, handle_signals=False, ctx={"clock": clock}, max_burst_jobs=-1
        )
        try:
            await worker.async_run()
        finally:
            await worker.close()
        assert not worker.jobs_failed
        return worker.jobs_complete

    async def run() -> int:
        return sum([await finish(kind) for kind in (counting, judging, reading_tables)])

    return run


async def set_up(client: httpx.AsyncClient, service: str = SERVICE) -> None:
    body = {"name": "Elm House", "kind": "care_home", "teams": TEAMS}
    assert (await client.put(f"/v1/services/{service}", json=body)).status_code == 201
    programme = {"name": "Safer rounds", "started_on": "2026-04-01"}
    answer = await client.put(f"/v1/services/{service}/programme", json=programme)
    assert answer.status_code == 201


async def read(client: httpx.AsyncClient, view: str, service: str = SERVICE) -> dict[str, Any]:
    answer = await client.get(f"/v1/services/{service}/{view}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def rung(running: Running) -> None:
    """Wait until the doorbell has been rung; it rings behind the answers."""
    if running.doorbell._task is not None:
        await running.doorbell._task


def audit(number: int, team: str, at: str, met: int) -> dict[str, Any]:
    data = {"audit": "medicines", "items_due": 25, "items_met": met}
    return event("audit.completed", data, id=f"Q-{number}", team=team, occurred_at=at)


# arq 0.28 still closes its pool by redis-py's older name.
@pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")
async def test_event_reaches_the_view_through_the_worker_and_leads_back(
    client: httpx.AsyncClient, running: Running, work: Work
) -> None:
    await set_up(client)
    await send(client, audit(1, "oak", "2026-09-03T10:00:00+01:00", 23))
    await rung(running)
    assert await work() >= 1
    view = await read(client, "spread-dashboard")
    assert not view["freshness"]["pending"]
    oak = next(segment for segment in view["segments"] if segment["code"] == "oak")
    assert oak["channels"][0] | {"estimate": None} == {
        "channel": "audit",
        "n_baseline": 0,
        "n_current": 1,
        "estimate": None,
        "lower": None,
        "upper": None,
        "state": "no_evidence",
    }
    question = "strand=team_spread&segment=oak&indicator=audit_compliance&month=2026-09"
    behind = await read(client, f"evidence?{question}")
    assert [(item["id"], item["x"], item["n"]) for item in behind["items"]] == [("Q-1", 23, 25)]


async def test_open_month_is_counted_and_not_judged(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    await set_up(client)
    await settle(running, provider, admin)
    before = await read(client, "spread-dashboard")
    await send(client, audit(1, "oak", "2026-11-03T10:00:00+00:00", 20))
    await settle(running, provider, admin)
    after = await read(client, "spread-dashboard")
    counted = after["current_month"]["segments"]["oak"]["audit_compliance"]
    assert counted == {"x": 20, "n": 25, "events": 1}
    assert after["snapshot"] == before["snapshot"]
    assert after["verdict"] == before["verdict"]


async def test_view_of_a_day_stays_as_it_was_known(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    clock: Clock,
) -> None:
    await set_up(client)
    await send(client, audit(1, "oak", "2026-09-03T10:00:00+01:00", 23))
    await settle(running, provider, admin, clock.now)
    then = clock.now.isoformat()
    clock.now = NOW.replace(hour=14)
    late = audit(2, "oak", "2026-09-04T10:00:00+01:00", 5)
    await send(client, late)
    await settle(running, provider, admin, clock.now)
    address = f"/v1/services/{SERVICE}"
    question = {"indicator": "audit_compliance", "month": "2026-09"}
    known = await client.get(f"{address}/evidence", params=question | {"known_at": then})
    now = await client.get(f"{address}/evidence", params=question)
    assert [item["id"] for item in known.json()["items"]] == ["Q-1"]
    assert [item["id"] for item in now.json()["items"]] == ["Q-1", "Q-2"]
    old = await client.get(f"{address}/spread-dashboard", params={"known_at": then})
    assert old.json()["segments"][1]["channels"][0]["n_current"] == 1
    early = await client.get(
        f"{address}/spread-dashboard", params={"known_at": "2026-11-01T00:00:00Z"}
    )
    assert (early.status_code, early.json()["code"]) == (404, "nothing_known_then")


async def test_unchanged_view_is_not_sent_again(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any, clock: Clock
) -> None:
    await set_up(client)
    await settle(running, provider, admin)
    address = f"/v1/services/{SERVICE}/shift-coverage-review"
    tag = (await client.get(address)).headers["etag"]
    clock.now = NOW.replace(hour=15)
    await client.post(f"/v1/services/{SERVICE}/recompute")
    await settle(running, provider, admin, clock.now)
    again = await client.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_demo_verdicts_agree_with_the_planted_truth(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    encode = msgspec.json.Encoder().encode_lines
    for service in services(NOW):
        body, programme = setting_up(service)
        address = f"/v1/services/{service.plan.service}"
        assert (await client.put(address, json=body)).is_success
        assert (await client.put(f"{address}/programme", json=programme)).is_success
        sent = list(evidence(service, NOW))
        for start in range(0, len(sent), 20_000):
            lines = encode(sent[start : start + 20_000])
            headers = {"Content-Type": "application/x-ndjson"}
            answer = await client.post("/v1/events", content=lines, headers=headers)
            assert answer.status_code == 202, answer.text
            assert not answer.json()["rejected"]
    await settle(running, provider, admin)
    for code, planted in truth(NOW)["services"].items():
        for strand, view in VIEWS.items():
            seen = await read(client, view, code)
            expected = planted["strands"][strand]
            assert seen["verdict"]["level"] in expected["levels"], (code, strand)
