"""Who may call: keys, scopes, and what an answer tells those who may not."""

import base64
import time
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.known_keys import KnownKeys
from api.running import Running
from models.db import transaction
from models.people import revoke_key, split_key
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, Clock, make_key

EMPTY = "[]"
JSON = {"Content-Type": "application/json"}


async def status(client: httpx.AsyncClient, **headers: str) -> int:
    answer = await client.post("/v1/events", content=EMPTY, headers=JSON | headers)
    return answer.status_code


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.fixture
async def key(running: Running, provider: ProviderId) -> str:
    return await make_key(running, provider, Scope.EVENTS_WRITE)


async def test_a_key_works_as_bearer_and_as_basic(anonymous: httpx.AsyncClient, key: str) -> None:
    parts = split_key(key)
    assert parts is not None
    assert await status(anonymous, Authorization=f"Bearer {key}") == 202
    assert await status(anonymous, Authorization=f"bearer {key}") == 202
    assert await status(anonymous, Authorization=basic(*parts)) == 202


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer nonsense",
        "Bearer brd_x_y",
        "Bearer brd_\x00_y",
        "Bearer brd_" + "a" * 5_000 + "_y",
        "Bearer brd_é_y",
        "Basic !!!",
        basic("a", "b"),
        basic("", ""),
        "Digest username=a",
    ],
)
async def test_no_key_or_a_bad_one_is_401(header: str | None, anonymous: httpx.AsyncClient) -> None:
    headers = JSON if header is None else JSON | {"Authorization": header}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = await anonymous.post("/v1/events", content=EMPTY, headers=raw)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert "Bearer" in answer.headers["www-authenticate"]


async def test_a_right_id_with_a_wrong_secret_is_401(
    anonymous: httpx.AsyncClient, key: str
) -> None:
    assert await status(anonymous, Authorization=f"Bearer {key}x") == 401


async def test_a_missing_scope_is_named(
    anonymous: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    key = await make_key(running, provider, Scope.VIEWS_READ)
    answer = await anonymous.post(
        "/v1/events", content=EMPTY, headers=JSON | {"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 403
    assert "events:write" in answer.json()["detail"]


async def test_an_ended_key_stops_within_half_a_minute(
    anonymous: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await status(anonymous, Authorization=f"Bearer {key}") == 202
    parts = split_key(key)
    assert parts is not None
    async with transaction(running.sessions, provider) as session:
        assert await revoke_key(session, parts[0], NOW)
    later = time.monotonic() + KnownKeys.REMEMBERED_S
    monkeypatch.setattr("api.known_keys.time.monotonic", lambda: later)
    assert await status(anonymous, Authorization=f"Bearer {key}") == 401


async def test_the_process_that_ends_a_key_stops_at_once(
    anonymous: httpx.AsyncClient, running: Running, provider: ProviderId, key: str
) -> None:
    assert await status(anonymous, Authorization=f"Bearer {key}") == 202
    parts = split_key(key)
    assert parts is not None
    async with transaction(running.sessions, provider) as session:
        await revoke_key(session, parts[0], NOW)
    running.known_keys.forget(parts[0])
    assert await status(anonymous, Authorization=f"Bearer {key}") == 401


async def test_a_key_ends_on_its_date(
    anonymous: httpx.AsyncClient, running: Running, provider: ProviderId, key: str, clock: Clock
) -> None:
    async with transaction(running.sessions, provider) as session:
        await session.execute(
            text("UPDATE api_keys SET expires_at = :at"), {"at": NOW + timedelta(hours=1)}
        )
    clock.advance(timedelta(hours=1))
    assert await status(anonymous, Authorization=f"Bearer {key}") == 401


def test_remembered_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KnownKeys, "MOST", 3)
    known = KnownKeys()
    holder = object()
    for number in range(5):
        known.remember(KnownKeys.digest(str(number), "s"), holder)  # type: ignore[arg-type]  # opaque
    found = [known.find(KnownKeys.digest(str(number), "s")) is holder for number in range(5)]
    assert found == [False, False, True, True, True]


async def test_absent_addresses_read_alike_with_and_without_a_key(
    anonymous: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    bodies = []
    for who in (anonymous, client):
        answer = await who.get("/v1/nothing/here", headers={"X-Request-Id": "same"})
        assert answer.status_code == 404
        bodies.append(answer.json())
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("job-7/a:b", True), ("x" * 101, False), ("a b", False), ("<script>", False), ("", False)],
)
async def test_a_sane_request_id_is_kept(
    sent: str, kept: bool, anonymous: httpx.AsyncClient
) -> None:
    answer = await anonymous.get("/v1/nothing", headers={"X-Request-Id": sent})
    assert (answer.headers["x-request-id"] == sent) is kept
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/v1/events?a=%00", "/v1/%00"])
async def test_an_address_that_nothing_can_have_is_400(
    path: str, anonymous: httpx.AsyncClient
) -> None:
    assert (await anonymous.get(path)).status_code == 400


async def test_a_wrong_method_is_405_and_names_the_right_one(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.delete("/v1/events")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["code"] == "method_not_allowed"


async def test_health_needs_no_key_and_says_what_is_wrong(
    anonymous: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    assert (await anonymous.get("/healthz")).json() == {"status": "alive"}
    async with transaction(running.sessions, provider) as session:
        await session.execute(
            text("INSERT INTO marks (provider_id, service, marked_at) VALUES (:p, 's', :at)"),
            {"p": provider, "at": NOW - timedelta(days=1000)},
        )
    late = await anonymous.get("/readyz")
    measured = await anonymous.get("/metrics")
    async with transaction(running.sessions, provider) as session:
        await session.execute(text("DELETE FROM marks"))
    assert (late.status_code, set(late.json()["wrong"])) == (503, {"marks"})
    assert "breadth_oldest_mark_age_seconds" in measured.text
    assert "breadth_events_total" in measured.text


async def test_every_v1_route_asks_for_a_key(app: FastAPI, anonymous: httpx.AsyncClient) -> None:
    described = (await anonymous.get("/openapi.json")).json()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/v1/"):
                # A hook brings a signature instead, and what is wrong with it reads the same.
                hook = path.startswith("/v1/webhooks/")
                assert bool(operation["security"]) is not hook, (method, path)
                answer = await anonymous.request(method, path)
                assert answer.status_code == 401, (method, path)
    assert app.openapi()["components"]["schemas"]["Problem"]
