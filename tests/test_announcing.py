"""What endpoints are told of: each type from what really happens, and as the contract says."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import select, update

from api.described_messages import SCHEMAS, schema_name
from api.running import Running
from models.db import transaction
from models.deliveries import Attempt, announce
from models.organisation import Service
from models.outbox import body_of
from models.vocabulary import MessageType, ProviderId, Role, Scope, Stage
from tests.conftest import NOW, Clock, MakeClient
from tests.connecting import connect, dose, visits
from tests.connecting import set_up as set_up_connected
from tests.escalated import NOVEMBER, looked, signal
from tests.hooks_out import listen, told
from tests.reading import AFTER, BEFORE, checks_of, read, set_up
from tests.recomputing import Admin, ask_for, settle
from tests.roles import client_as, person
from tests.sent import SERVICE, send
from tests.walking import RECORDS, walk
from worker.escalating import escalate_reviews
from worker.jobs import watch_sources

DECEMBER = datetime(2026, 12, 10, 12, tzinfo=UTC)


def valid(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload, once it is what the contract describes when it is posted."""
    said = json.loads(json.dumps(body_of(payload, 1, "https://breadth.example.org")))
    schema = SCHEMAS[schema_name(MessageType(said["type"]))]
    Draft202012Validator(schema).validate(said)
    named = schema["properties"]["data"]["properties"]
    assert set(said["data"]) == set(named), "and nothing beside"
    assert len(json.dumps(said)) < 2_000, "thin"
    return payload


async def heard(running: Running, provider: ProviderId) -> list[tuple[str, Any]]:
    return [(each["type"], valid(each)["data"]) for each in await told(running, provider)]


async def verdicts(running: Running, provider: ProviderId) -> list[Any]:
    return [data for kind, data in await heard(running, provider) if kind == "verdict.changed"]


async def test_verdict_of_the_last_month_is_told_when_a_level_changes(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Admin
) -> None:
    await listen(running, provider)
    await set_up(client)
    await settle(running, provider, admin)
    (first,) = await verdicts(running, provider)
    assert first["as_of"] == "2026-10"
    assert first["story"] == {"from": None, "to": "insufficient_evidence"}
    await send(client, *checks_of(BEFORE, 15), *checks_of(AFTER, 22))
    await settle(running, provider, admin)
    _, second = await verdicts(running, provider)
    story = await read(client, "breadth")
    levels = story["strands"]
    assert {strand: moved["to"] for strand, moved in second["strands"].items()} == levels
    before = {strand: moved["to"] for strand, moved in first["strands"].items()}
    assert {strand: moved["from"] for strand, moved in second["strands"].items()} == before
    assert before != levels
    assert second["story"]["to"] == story["level"]
    assert second["snapshot"] == story["snapshot"]
    shown = await client.get(second["url"])
    assert shown.json()["level"] == story["level"]


async def test_other_figures_with_the_same_levels_are_no_news(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Admin
) -> None:
    await listen(running, provider)
    await set_up(client)
    await send(client, *checks_of(BEFORE, 15), *checks_of(AFTER, 22))
    await settle(running, provider, admin)
    before = await read(client, "breadth")
    await send(client, *checks_of(["2026-10"], 22, ["oak"])[:1])
    more = checks_of(["2026-09"], 23, ["oak"])[0] | {"id": "one-more"}
    await send(client, more)
    await settle(running, provider, admin)
    after = await read(client, "breadth")
    assert before["snapshot"] != after["snapshot"]
    assert before["level"] == after["level"]
    assert len(await verdicts(running, provider)) == 1


async def test_month_that_is_judged_first_is_compared_with_the_one_before(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Admin
) -> None:
    await set_up(client)
    await send(client, *checks_of(BEFORE, 15), *checks_of(AFTER, 22))
    await settle(running, provider, admin)
    october = await read(client, "breadth")
    await listen(running, provider)
    worse = checks_of(["2026-11"], 9)
    clocked = {"occurred_at": "2026-11-14T10:00:00+00:00"}
    await send(client, *[each | clocked for each in worse if each["occurred_at"] < "2026-11-15"])
    await ask_for(running, provider, SERVICE, NOVEMBER)
    await settle(running, provider, admin, DECEMBER)
    found = await verdicts(running, provider)
    for each in found:
        assert each["as_of"] == "2026-11"
        assert each["story"]["from"] == october["level"]
    assert [each["as_of"] for each in found] == ["2026-11"]


async def test_earlier_months_are_no_news(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Admin
) -> None:
    await set_up(client)
    await settle(running, provider, admin)
    await listen(running, provider)
    await ask_for(running, provider, SERVICE, date(2026, 8, 1), date(2026, 9, 1))
    await send(client, *checks_of(["2026-08"], 22))
    await settle(running, provider, admin)
    assert {each["as_of"] for each in await verdicts(running, provider)} <= {"2026-10"}


async def test_recompute_that_is_undone_has_announced_nothing(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Admin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await listen(running, provider)
    await set_up(client)

    async def fail(*_: Any) -> None:
        raise RuntimeError("the last step of a recompute")

    with monkeypatch.context() as patch:
        patch.setattr("worker.recompute.escalate", fail)
        with pytest.raises(RuntimeError, match="last step"):
            await settle(running, provider, admin)
    assert await told(running, provider) == []
    await settle(running, provider, admin)
    assert len(await verdicts(running, provider)) == 1


async def test_triggers_are_told_when_they_open_again_and_when_they_are_resolved(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Admin,
) -> None:
    await set_up(client)
    await settle(running, provider, admin)
    await listen(
        running, provider, types=[MessageType.TRIGGER_OPENED, MessageType.TRIGGER_RESOLVED]
    )
    await person(running, provider, "ruth", Role.REGISTERED_MANAGER)
    ruth = await client_as(client_with, "ruth")
    found = signal("repeated_dissatisfaction", "oak", "Mrs Smith's room")
    assert await looked(running, provider, found) == ["opened"]
    (opened,) = await heard(running, provider)
    kind, data = opened
    assert (kind, data["trigger"], data["times_opened"]) == (
        "trigger.opened",
        "repeated_dissatisfaction",
        1,
    )
    assert (await client.get(data["url"])).json()["id"] == data["id"]
    resolved = await ruth.post(f"{data['url']}:resolve", json={"why": "Seen to by Jo Brown."})
    assert resolved.status_code == 200, resolved.text
    assert await looked(running, provider, found, as_of=NOVEMBER) == ["reopened"]
    assert [kind for kind, _ in await heard(running, provider)] == [
        "trigger.opened",
        "trigger.resolved",
        "trigger.opened",
    ]
    whole = json.dumps(await told(running, provider))
    for word in ("ruth", "Ruth", "Smith", "Brown", "Seen to"):
        assert word not in whole, "no persons and no free text"


async def test_overdue_review_is_told(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, clock: Clock
) -> None:
    await set_up(client)
    async with transaction(running.sessions, provider) as session:
        await session.execute(update(Service).values(created_at=NOW - timedelta(days=150)))
    await listen(running, provider, types=[MessageType.REVIEW_OVERDUE])
    async with transaction(running.sessions, provider) as session:
        done = await escalate_reviews(session, provider, clock())
    assert done
    found = await heard(running, provider)
    assert {kind for kind, _ in found} == {"review.overdue"}
    assert {data["role"] for _, data in found} <= {"registered_manager", "senior_leader"}
    assert (await client.get(found[0][1]["url"])).json()["trigger"] == "review_overdue"


async def test_signed_records_are_told_and_drafts_are_not(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Admin,
) -> None:
    at = await walk(client, client_with, running, provider, admin)
    await listen(running, provider, types=[MessageType.RECORD_SIGNED])
    drafted = (await at.draft("quinn", Stage.MAP, {"comment": "Said by Quinn."})).json()
    assert await told(running, provider) == []
    refused = await at.people["quinn"].post(f"{RECORDS}/{drafted['id']}:sign", json={"revision": 9})
    assert refused.status_code == 409
    assert await told(running, provider) == []
    assert (await at.sign("quinn", drafted)).status_code == 200
    ((kind, data),) = await heard(running, provider)
    assert (kind, data["id"], data["stage"]) == ("record.signed", drafted["id"], "map")
    assert (await client.get(data["url"])).json()["status"] == "signed"
    assert "quinn" not in json.dumps(data).lower()


async def test_silent_source_and_its_return_are_told(
    client_with: MakeClient,
    anonymous: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = await client_with(Scope.ADMIN, Scope.CONNECTORS_ADMIN)
    await set_up_connected(client, "oak")
    platform = await connect(client, anonymous, expected_every_hours=24)
    # It concerns all services, so that whoever listens to one of them hears of it too.
    types = [MessageType.SOURCE_SILENT, MessageType.SOURCE_RETURNED]
    await listen(running, provider, types=types, services=["1-300000001"])
    await platform.post(visits(dose(1)))

    async def ours(_: Any) -> list[ProviderId]:
        return [provider]

    monkeypatch.setattr("worker.jobs._providers", ours)
    context = {"sessions": running.sessions, "clock": clock, "redis": running.doorbell._redis}
    clock.advance(timedelta(hours=25))
    for _ in range(2):
        await watch_sources(context)
    ((kind, data),) = await heard(running, provider)
    assert (kind, data["id"], data["until"]) == ("source.silent", "rondo", None)
    assert datetime.fromisoformat(data["since"]) == NOW
    platform.now = clock()
    await platform.post(visits(dose(2)))
    await watch_sources(context)
    _, (kind, data) = await heard(running, provider)
    assert kind == "source.returned"
    assert datetime.fromisoformat(data["until"]) == clock()
    assert (await client.get(data["url"])).json()["code"] == "rondo"


@pytest.mark.usefixtures("known_places")
async def test_endpoint_of_one_service_hears_of_it_under_any_of_its_ids(
    running: Running, provider: ProviderId
) -> None:
    by_old = await listen(running, provider, services=["old-id"])
    by_new = await listen(running, provider, services=[SERVICE])
    of_all = await listen(running, provider)
    other = await listen(running, provider, services=["1-999"])
    deaf = await listen(running, provider, types=[MessageType.RECORD_SIGNED])
    data = {"id": "x", "url": "/v1/x"}
    heard_by = {}
    for service in ("old-id", SERVICE, ""):
        async with transaction(running.sessions, provider) as session:
            message = await announce(
                session, provider, MessageType.TRIGGER_OPENED, service, data, NOW
            )
        async with transaction(running.sessions, provider) as session:
            found = await session.scalars(
                select(Attempt.endpoint_id).where(Attempt.message_id == message)
            )
            heard_by[service] = set(found)
    named = {by_old.id, by_new.id, of_all.id}
    assert heard_by == {"old-id": named, SERVICE: named, "": named | {other.id}}
    assert deaf.id not in set().union(*heard_by.values())


async def test_nothing_is_written_where_nobody_listens(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Admin
) -> None:
    await set_up(client)
    await settle(running, provider, admin)
    await looked(running, provider, signal("persistent_variation"))
    for table in ("messages", "attempts"):
        found = await admin.fetchval(
            f"SELECT count(*) FROM {table} WHERE provider_id = $1", provider
        )
        assert found == 0
