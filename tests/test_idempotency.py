"""What an Idempotency-Key promises: which answers are kept, for whom, how long and how safely."""

import asyncio
from datetime import timedelta
from pkgutil import resolve_name
from typing import Any

import httpx
import pytest

from api import idempotency
from api.idempotency import worth_keeping
from api.main import create_app
from api.running import Running
from models.db import driver, transaction
from models.idempotency import KEPT_DAYS, is_kept
from models.settings import Settings
from models.vocabulary import ProviderId, Scope
from tests.conftest import Clock, MakeClient, make_provider
from tests.ingested import Connection, stored
from tests.sent import SERVICE, buckets, dose
from tests.set_up import put, team
from worker.expiry import AT_A_TIME, remove_expired_answers
from worker.main import counting

KEY = {"Idempotency-Key": '"k"'}
NEW_KEY = {"name": "one", "scopes": ["views:read"]}
REPLAYED = "idempotency-replayed"


async def kept(admin: Connection, provider: ProviderId) -> list[dict[str, Any]]:
    rows = await admin.fetch(
        "SELECT * FROM kept_answers WHERE provider_id = $1 ORDER BY created_at", provider
    )
    return [dict(row) for row in rows]


async def test_an_answer_is_kept_with_whose_and_which_it_is(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    issued = await client.post("/v1/keys", json=NEW_KEY, headers=KEY)
    [row] = await kept(admin, provider)
    assert (row["method"], row["path"], row["status"]) == ("POST", "/v1/keys", 201)
    assert client.headers["authorization"].startswith(f"Bearer brd_{row['principal']}_")
    assert len(row["request_hash"]) == len(row["fingerprint"]) == 32
    # A secret that is shown once is not for whoever reads the table.
    secret = issued.json()["key"].encode()
    for value in row.values():
        assert secret not in (value if isinstance(value, bytes) else str(value).encode())
    again = await client.post("/v1/keys", json=NEW_KEY, headers=KEY)
    assert again.json()["key"].encode() == secret


async def test_without_a_key_nothing_is_kept(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    names = {(await client.post("/v1/keys", json=NEW_KEY)).json()["key_id"] for _ in range(2)}
    assert len(names) == 2
    assert await kept(admin, provider) == []


async def test_a_key_means_something_to_its_own_holder_and_address_alone(
    client_with: MakeClient, running: Running
) -> None:
    mine, colleague = await client_with(*Scope), await client_with(*Scope)
    stranger = await client_with(*Scope, of=await make_provider(running))
    body = [dose(1)]
    receipts = [
        (await each.post("/v1/events", json=body, headers=KEY)) for each in (mine, colleague)
    ]
    assert [buckets(one.json()) for one in receipts] == [{"quarantined": 1}, {"duplicates": 1}]
    other = await stranger.post("/v1/events", json=body, headers=KEY)
    assert buckets(other.json()) == {"quarantined": 1}
    elsewhere = await mine.post("/v1/keys", json=NEW_KEY, headers=KEY)
    assert elsewhere.status_code == 201
    assert not any(REPLAYED in one.headers for one in (*receipts, other, elsewhere))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/keys", {"name": ""}, 422),
        (
            "/v1/keys",
            {"name": "a", "scopes": ["views:read"], "expires_at": "2020-01-01T00:00Z"},
            422,
        ),
        ("/v1/quarantine/00000000-0000-0000-0000-000000000000:dismiss", {"reason": "a"}, 404),
        (f"/v1/services/{SERVICE}/recompute", {}, 404),
        ("/v1/events", [{}], 422),
    ],
)
async def test_a_refusal_is_repeated_word_for_word(
    path: str, body: Any, status: int, client: httpx.AsyncClient
) -> None:
    first = await client.post(path, json=body, headers=KEY)
    assert first.status_code == status
    again = await client.post(path, json=body, headers=KEY)
    assert (again.status_code, again.content) == (status, first.content)
    assert again.headers["content-type"] == "application/problem+json"
    assert again.headers[REPLAYED] == "true"
    assert again.json()["request_id"] == first.headers["x-request-id"]
    other = await client.post(path, json=[dose(1)], headers=KEY)
    assert other.json()["code"] == "idempotency_key_reused"


async def test_a_refusal_that_has_no_cause_any_more_stays_that_of_its_key(
    client: httpx.AsyncClient,
) -> None:
    path = f"/v1/services/{SERVICE}/recompute"
    assert (await client.post(path, headers=KEY)).status_code == 404
    await put(client, team("oak"))
    assert (await client.post(path, headers=KEY)).status_code == 404
    assert (await client.post(path, headers={"Idempotency-Key": "new"})).status_code == 202


async def test_events_that_all_waited_are_repeated_as_they_were(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/events", json=[], headers=KEY)
    again = await client.post("/v1/events", json=[], headers=KEY)
    assert first.status_code == again.status_code == 202
    assert again.headers[REPLAYED] == "true"


async def test_trouble_that_passes_is_not_kept(
    client: httpx.AsyncClient,
    running: Running,
    admin: Connection,
    provider: ProviderId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(running.committer, "_waiting", 1_000_000)
        assert (await client.post("/v1/events", json=dose(), headers=KEY)).status_code == 503
    assert await kept(admin, provider) == []
    retry = await client.post("/v1/events", json=dose(), headers=KEY)
    assert buckets(retry.json()) == {"quarantined": 1}
    assert REPLAYED not in retry.headers


def test_only_what_stands_is_worth_keeping() -> None:
    statuses = (200, 201, 202, 204, 404, 409, 422, 428, 429, 430, 500, 503)
    assert [s for s in statuses if not worth_keeping(s)] == [429, 500, 503]


async def test_a_stranger_keeps_nothing(anonymous: httpx.AsyncClient, admin: Connection) -> None:
    before = await admin.fetchval("SELECT count(*) FROM kept_answers")
    answer = await anonymous.post("/v1/keys", json=NEW_KEY, headers=KEY)
    assert answer.status_code == 401
    assert await admin.fetchval("SELECT count(*) FROM kept_answers") == before


async def test_other_methods_do_not_look_at_the_header(client: httpx.AsyncClient) -> None:
    nonsense = {"Idempotency-Key": "a b c"}
    assert (await client.get("/v1/keys", headers=nonsense)).status_code == 200
    body = {"name": "Elm House", "kind": "care_home", "teams": []}
    put_it = await client.put(f"/v1/services/{SERVICE}", json=body, headers=nonsense)
    assert put_it.status_code == 201


async def test_two_cloudevents_with_equal_data_are_two_requests(client: httpx.AsyncClient) -> None:
    """In binary mode all but the data is in headers."""

    def event(name: str) -> dict[str, str]:
        return KEY | {
            "ce-specversion": "1.0",
            "ce-id": name,
            "ce-source": "emar:acme",
            "ce-type": "medication.administered",
            "ce-subject": f"{SERVICE}/oak",
            "ce-time": "2026-03-01T08:05:00Z",
        }

    data = {"status": "given"}
    assert (await client.post("/v1/events", json=data, headers=event("A-1"))).status_code == 202
    other = await client.post("/v1/events", json=data, headers=event("A-2"))
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


async def test_a_key_is_as_good_as_new_after_its_days(
    client: httpx.AsyncClient, clock: Clock, admin: Connection, provider: ProviderId
) -> None:
    first = await client.post("/v1/keys", json=NEW_KEY, headers=KEY)
    clock.advance(timedelta(days=KEPT_DAYS) - timedelta(seconds=1))
    again = await client.post("/v1/keys", json=NEW_KEY, headers=KEY)
    assert again.json() == first.json()
    clock.advance(timedelta(seconds=1))
    later = await client.post("/v1/keys", json=NEW_KEY | {"name": "two"}, headers=KEY)
    assert later.status_code == 201
    assert later.json()["key_id"] != first.json()["key_id"]
    assert REPLAYED not in later.headers
    assert len(await kept(admin, provider)) == 1
    repeat = await client.post("/v1/keys", json=NEW_KEY | {"name": "two"}, headers=KEY)
    assert repeat.json() == later.json()


async def test_the_clock_removes_what_has_outlived_its_days_and_nothing_else(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    clock: Clock,
    running: Running,
    admin: Connection,
    provider: ProviderId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of all providers, those without a service too, and in more than one go."""
    other = await make_provider(running)
    theirs = await client_with(*Scope, of=other)
    for number in range(5):
        await client.post("/v1/events", json=[], headers={"Idempotency-Key": f"old-{number}"})
    await theirs.post("/v1/events", json=[], headers=KEY)
    clock.advance(timedelta(days=KEPT_DAYS))
    await client.post("/v1/events", json=[], headers={"Idempotency-Key": "young"})
    clock.advance(timedelta(microseconds=1))
    monkeypatch.setattr("worker.expiry.AT_A_TIME", 2)
    assert AT_A_TIME > 2
    context = {"sessions": running.sessions, "clock": clock}
    assert await remove_expired_answers(context) >= 6
    assert len(await kept(admin, provider)) == 1
    assert await kept(admin, other) == []
    assert await remove_expired_answers(context) == 0


def test_the_clock_of_the_worker_strikes_for_it() -> None:
    assert remove_expired_answers in {job.coroutine for job in counting()["cron_jobs"]}


async def test_an_answer_too_large_to_keep_is_said_to_have_been_given(
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idempotency, "LARGEST_KEPT", 20)
    first = await client.post("/v1/events", json=[dose(1), {}], headers=KEY)
    assert first.status_code == 202
    again = await client.post("/v1/events", json=[dose(1), {}], headers=KEY)
    assert again.status_code == 409
    assert again.json()["code"] == "answer_not_kept"
    assert "202" in again.json()["detail"]
    assert len(await stored(admin, provider)) == 1
    # A refusal did nothing, so it can be worked out anew.
    for _ in range(2):
        refused = await client.post("/v1/events", json=[{}], headers={"Idempotency-Key": "r"})
        assert refused.json()["code"] == "all_rejected"
        assert REPLAYED not in refused.headers


async def test_the_largest_receipt_is_kept_whole(client: httpx.AsyncClient) -> None:
    """Fifty thousand events, of which all but one are rejected."""
    body = [dose(1), *(dose(number, service=None) for number in range(2, 50_001))]
    first = await client.post("/v1/events", json=body, headers=KEY, timeout=60)
    assert len(first.json()["rejected"]) == 49_999
    again = await client.post("/v1/events", json=body, headers=KEY, timeout=60)
    assert again.content == first.content
    assert again.headers[REPLAYED] == "true"


@pytest.mark.parametrize("rows", [1, 25])
async def test_a_mixed_group_answers_each_of_its_posts(
    rows: int, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    """New keys, used keys, one key for two bodies, and posts without any, all at the same time."""

    def events(start: int) -> list[dict[str, Any]]:
        return [dose(number) for number in range(start, start + rows)]

    old = await client.post("/v1/events", json=events(0), headers={"Idempotency-Key": "old"})

    async def post(start: int, key: str | None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await client.post("/v1/events", json=events(start), headers=headers)

    new, repeated, reused, plain, *more = await asyncio.gather(
        post(100, "new"),
        post(0, "old"),
        post(200, "old"),
        post(300, None),
        *(post(1000 + 100 * number, f"more-{number}") for number in range(20)),
    )
    assert {buckets(each.json())["quarantined"] for each in (new, plain, *more)} == {rows}
    assert repeated.content == old.content
    assert reused.json()["code"] == "idempotency_key_reused"
    ids = {row["event_id"] for row in await stored(admin, provider)}
    assert len(ids) == 23 * rows
    assert "A-000200" not in ids


@pytest.mark.parametrize(
    ("path", "body", "inside"),
    [
        (f"/v1/services/{SERVICE}/recompute", {}, "api.admin.services.mark_service"),
        ("/v1/events", [dose(number) for number in range(25)], "api.inbound.committer.store"),
    ],
)
async def test_the_same_request_meanwhile_is_told_to_wait(
    path: str,
    body: Any,
    inside: str,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await put(client, team("oak"))
    work = resolve_name(inside)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(*arguments: Any) -> Any:
        entered.set()
        await asyncio.wait_for(leave.wait(), 20)
        return await work(*arguments)

    monkeypatch.setattr(inside, slow)
    under_way = asyncio.create_task(client.post(path, json=body, headers=KEY))
    await asyncio.wait_for(entered.wait(), 20)
    meanwhile = await client.post(path, json=body, headers=KEY)
    assert meanwhile.status_code == 409
    assert meanwhile.json()["code"] == "idempotency_key_in_use"
    assert int(meanwhile.headers["retry-after"]) >= 1
    leave.set()
    first = await under_way
    assert first.status_code == 202
    after = await client.post(path, json=body, headers=KEY)
    assert (after.status_code, after.content) == (202, first.content)
    assert after.headers[REPLAYED] == "true"


@pytest.mark.parametrize(
    ("path", "body", "table", "rows"),
    [
        ("/v1/keys", NEW_KEY, "api_keys", 1),
        ("/v1/events", [dose(1), dose(2)], "events", 2),
        ("/v1/events", [dose(number) for number in range(30)], "events", 30),
    ],
)
async def test_two_processes_carry_one_request_out_once(
    path: str,
    body: Any,
    table: str,
    rows: int,
    client: httpx.AsyncClient,
    settings: Settings,
    clock: Clock,
    admin: Connection,
    provider: ProviderId,
) -> None:
    count = f"SELECT count(*) FROM {table} WHERE provider_id = $1"
    before = await admin.fetchval(count, provider)
    second = create_app(settings, clock)
    async with second.router.lifespan_context(second):
        transport = httpx.ASGITransport(second)
        headers = client.headers
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers=headers
        ) as other:
            answers = await asyncio.gather(
                *(each.post(path, json=body, headers=KEY) for each in (client, other) * 16)
            )
    done = {(one.status_code, one.content) for one in answers if one.status_code != 409}
    assert len(done) == 1
    assert done.pop()[0] in {201, 202}
    for one in answers:
        assert one.status_code != 409 or one.headers["retry-after"]
    assert sum(one.is_success and REPLAYED not in one.headers for one in answers) == 1
    assert await admin.fetchval(count, provider) == before + rows


async def test_nobody_sees_answers_of_another_provider(
    client: httpx.AsyncClient, running: Running, admin: Connection, provider: ProviderId
) -> None:
    await client.post("/v1/keys", json=NEW_KEY, headers=KEY)
    [row] = await kept(admin, provider)
    for who, seen in ((provider, True), (await make_provider(running), False)):
        async with transaction(running.sessions, who) as session:
            connection = await driver(session)
            assert await is_kept(connection, row["request_hash"], running.clock()) == seen
