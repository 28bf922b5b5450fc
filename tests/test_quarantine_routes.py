"""The worklist of evidence without a home: listed, filtered, dismissed with a reason."""

from typing import Any

import httpx
import pytest

from models.vocabulary import ProviderId
from tests.conftest import Clock
from tests.sent import SERVICE, dose, send
from tests.set_up import put, refusal, team


async def rows(client: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/quarantine", params=filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def one_waiting(client: httpx.AsyncClient) -> dict[str, Any]:
    await put(client, team("oak"))
    await send(client, dose(1, team="elm"))
    [row] = await rows(client)
    return row


async def test_a_row_says_what_was_sent_and_why_it_waits(client: httpx.AsyncClient) -> None:
    row = await one_waiting(client)
    del row["id"], row["received_at"]
    assert row == {
        "reason": "unknown_team",
        "service": SERVICE,
        "team": "elm",
        "source": "emar:acme",
        "event_id": "A-000001",
        "version": 1,
        "type": "medication.administered",
        "detail": "No team has the code or alias 'elm'. Known are: oak.",
        "released_at": None,
        "dismissed_at": None,
        "dismissed_why": None,
    }


async def test_a_row_says_which_words_there_are_for_teams_the_closest_first(
    client: httpx.AsyncClient,
) -> None:
    await put(client, team("loft", aliases=["The Attic"]), team("oak"))
    await send(client, dose(1, team="Loft"), dose(2, service="1-300000002"))
    [by_team] = await rows(client, reason="unknown_team")
    [by_service] = await rows(client, reason="unknown_service")
    assert by_team["detail"] == (
        "No team has the code or alias 'Loft'. Known are: loft, oak, The Attic."
    )
    assert by_service["detail"] == f"No service '1-300000002' is set up. Known are: {SERVICE}."
    await client.post(f"/v1/quarantine/{by_team['id']}:dismiss", json={"reason": "x"})
    assert [row["detail"] for row in await rows(client, state="dismissed")] == [None]


async def test_filters_by_reason_and_service(client: httpx.AsyncClient) -> None:
    await put(client, team("oak"))
    await send(client, dose(1, team="elm"), dose(2, service="1-900000001"))
    assert [row["event_id"] for row in await rows(client, reason="unknown_team")] == ["A-000001"]
    assert [row["event_id"] for row in await rows(client, reason="unknown_service")] == ["A-000002"]
    assert [row["event_id"] for row in await rows(client, service="1-900000001")] == ["A-000002"]
    assert await rows(client, service=SERVICE, reason="unknown_service") == []


async def test_pages_follow_each_other_to_the_end(client: httpx.AsyncClient) -> None:
    await send(client, *(dose(number) for number in range(3)))
    await send(client, *(dose(number) for number in range(3, 5)))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    sizes = []
    while True:
        answer = await client.get("/v1/quarantine", params={"limit": "2"} | cursor)
        page = answer.json()
        seen += [row["event_id"] for row in page["items"]]
        sizes.append(len(page["items"]))
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sizes == [2, 2, 1]
    assert sorted(seen) == [f"A-{number:06d}" for number in range(5)]
    assert set(seen[3:]) == {"A-000003", "A-000004"}


@pytest.mark.parametrize(
    "query", ["reason=lost", "state=asleep", "limit=0", "cursor=abc", "service=" + "x" * 201]
)
async def test_a_filter_that_cannot_be_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/v1/quarantine?{query}")).status_code == 422


async def test_a_dismissed_event_waits_no_more_and_never_counts(
    client: httpx.AsyncClient, clock: Clock, admin: Any, provider: ProviderId
) -> None:
    row = await one_waiting(client)
    address = f"/v1/quarantine/{row['id']}:dismiss"
    answer = await client.post(address, json={"reason": "a trial"})
    assert answer.status_code == 200
    assert answer.json() == row | {
        "dismissed_at": clock.now.isoformat().replace("+00:00", "Z"),
        "dismissed_why": "a trial",
        "detail": None,
    }
    assert await rows(client) == []
    assert await rows(client, state="dismissed") == [answer.json()]
    assert await admin.fetchval(
        "SELECT dismissed_xid IS NOT NULL FROM quarantine WHERE provider_id = $1", provider
    )
    await put(client, team("elm"))
    assert await rows(client, state="released") == []


async def test_dismissing_twice_says_the_same_or_conflicts(client: httpx.AsyncClient) -> None:
    address = f"/v1/quarantine/{(await one_waiting(client))['id']}:dismiss"
    first = await client.post(address, json={"reason": "a trial"})
    again = await client.post(address, json={"reason": "a trial"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert await refusal(client, "POST", address, {"reason": "another"}) == (409, [])


async def test_what_was_released_cannot_be_dismissed(client: httpx.AsyncClient) -> None:
    address = f"/v1/quarantine/{(await one_waiting(client))['id']}:dismiss"
    await put(client, team("elm"))
    assert await refusal(client, "POST", address, {"reason": "a trial"}) == (409, [])


@pytest.mark.parametrize(
    ("sent", "pointer"), [({}, "/reason"), ({"reason": " "}, "/reason"), ({"why": "x"}, "/reason")]
)
async def test_a_dismissal_needs_a_reason(
    client: httpx.AsyncClient, sent: dict[str, str], pointer: str
) -> None:
    address = f"/v1/quarantine/{(await one_waiting(client))['id']}:dismiss"
    status, pointers = await refusal(client, "POST", address, sent)
    assert (status, pointers[0]) == (422, pointer)
    assert len(await rows(client)) == 1
