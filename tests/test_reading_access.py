"""Who may read conclusions and what cannot be asked: 401, 403, 404 and 422 of all five routes."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.conftest import Clock, MakeClient, make_provider
from tests.reading import ROUTES, address, check, checks_of, read, set_up
from tests.recomputing import settle
from tests.sent import send

every_route = pytest.mark.parametrize("route", ROUTES)
SAME = {"X-Request-Id": "same"}


def refused(answer: httpx.Response) -> tuple[int, list[tuple[str, str]]]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    errors = answer.json()["errors"]
    return answer.status_code, [(error["pointer"], error["code"]) for error in errors]


@every_route
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer brd_0123456789abcdef_wrong"}])
async def test_without_a_valid_key_nothing_is_read(
    anonymous: httpx.AsyncClient, client: httpx.AsyncClient, route: str, headers: dict[str, str]
) -> None:
    await set_up(client)
    answer = await anonymous.get(address(route), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert "etag" not in answer.headers


@every_route
async def test_reading_needs_its_scope_and_no_other(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    route: str,
) -> None:
    await set_up(client)
    await settle(running, provider, admin)
    others = await client_with(*(set(Scope) - {Scope.VIEWS_READ}))
    answer = await others.get(address(route))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "views:read" in answer.json()["detail"]
    reader = await client_with(Scope.VIEWS_READ)
    assert await read(reader, route)


@every_route
@pytest.mark.parametrize(
    "question", [{}, {"as_of": "2026-10"}, {"known_at": "2026-11-15T12:00:00Z"}]
)
async def test_absent_and_not_yours_read_alike(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    admin: Any,
    route: str,
    question: dict[str, str],
) -> None:
    absent = await client.get(address(route), params=question, headers=SAME)
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")
    owner = await make_provider(running)
    theirs = await client_with(*Scope, of=owner)
    await set_up(theirs)
    await send(theirs, check("A-1", "2026-09-03T10:00:00+01:00", 20))
    await settle(running, owner, admin)
    assert await read(theirs, route, **question)
    not_yours = await client.get(address(route), params=question, headers=SAME)
    assert (not_yours.status_code, not_yours.json()) == (404, absent.json())


IMPOSSIBLE = [
    *({"as_of": month} for month in ("2026-11", "2026-12", "2099-01")),
    *({"as_of": month} for month in ("", "2026", "2026-9", "2026-13", "2026-00", "202609")),
    *({"as_of": month} for month in ("2026-09-01", "september", "٢٠٢٦-09", "1999-12")),
    *({"known_at": at} for at in ("2026-11-15T12:00:00.000001Z", "2026-11-15T12:00:00-00:01")),
    *({"known_at": at} for at in ("", "yesterday", "2026-10-06", "2026-10-06T09:00:00")),
    *({"known_at": at} for at in ("1999-12-31T00:00:00Z", "0001-01-01T00:00:00+14:00")),
    {"as_of": "2026-10", "known_at": "2026-10-31T23:59:59Z"},
]


@every_route
async def test_what_cannot_be_asked_is_pointed_at(client: httpx.AsyncClient, route: str) -> None:
    await set_up(client)
    for question in IMPOSSIBLE:
        status, errors = refused(await client.get(address(route), params=question))
        assert (status, [pointer for pointer, _ in errors]) == (422, [f"/{next(iter(question))}"])


@pytest.mark.parametrize(
    ("question", "pointer", "code"),
    [
        ({"as_of": "2026-11"}, "/as_of", "month_not_ended"),
        ({"as_of": "2026-9"}, "/as_of", "not_a_month"),
        ({"known_at": "2026-11-15T12:01:00Z"}, "/known_at", "in_future"),
        ({"known_at": "2026-10-06T09:00:00"}, "/known_at", "naive_time"),
        ({"month": "2026-13"}, "/month", "not_a_month"),
        ({"month": ""}, "/month", "not_a_month"),
        ({"indicator": "happiness"}, "/indicator", "unknown_indicator"),
        ({"indicator": ""}, "/indicator", "unknown_indicator"),
        ({"strand": "weather"}, "/strand", "enum"),
        ({"segment": "oak"}, "/segment", "strand_missing"),
        ({"strand": "team_spread", "segment": "beech"}, "/segment", "unknown_segment"),
        ({"strand": "team_spread", "segment": ""}, "/segment", "unknown_segment"),
        ({"strand": "team_spread", "segment": "Nursing"}, "/segment", "unknown_segment"),
        ({"strand": "shift_coverage", "segment": "oak"}, "/segment", "unknown_segment"),
        ({"strand": "evidence_alignment", "segment": "oak"}, "/segment", "unknown_segment"),
        ({"limit": 0}, "/limit", "greater_than_equal"),
        ({"limit": 1001}, "/limit", "less_than_equal"),
        ({"limit": "many"}, "/limit", "int_parsing"),
        ({"cursor": "nonsense"}, "/cursor", "unknown_cursor"),
        ({"cursor": "é"}, "/cursor", "unknown_cursor"),
        ({"cursor": "a" * 2001}, "/cursor", "string_too_long"),
    ],
)
async def test_evidence_that_cannot_be_asked_for_is_pointed_at(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    question: dict[str, str],
    pointer: str,
    code: str,
) -> None:
    await set_up(client)
    await settle(running, provider, admin)
    answer = await client.get(address("evidence"), params=question)
    assert refused(answer) == (422, [(pointer, code)])


async def test_a_cursor_opens_only_the_listing_it_was_made_for(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> None:
    await set_up(client)
    await send(client, *checks_of(["2026-09"], 20))
    await settle(running, provider, admin)
    cursor = (await read(client, "evidence", limit=1))["next_cursor"]
    for other in ({"month": "2026-09"}, {"indicator": "falls"}, {"strand": "team_spread"}):
        answer = await client.get(address("evidence"), params={"cursor": cursor} | other)
        assert refused(answer) == (422, [("/cursor", "unknown_cursor")])
    stranger = await make_provider(running)
    theirs = await client_with(*Scope, of=stranger)
    await set_up(theirs)
    answer = await theirs.get(address("evidence"), params={"cursor": cursor})
    assert refused(answer) == (422, [("/cursor", "unknown_cursor")])


@every_route
async def test_a_month_ends_on_the_local_clock(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    clock: Clock,
    route: str,
) -> None:
    await set_up(client)
    clock.now = datetime(2026, 8, 31, 22, 59, tzinfo=UTC)
    answer = await client.get(address(route), params={"as_of": "2026-08"})
    assert refused(answer) == (422, [("/as_of", "month_not_ended")])
    clock.now = datetime(2026, 8, 31, 23, 0, tzinfo=UTC)
    await settle(running, provider, admin, clock.now)
    assert await read(client, route, as_of="2026-08")
