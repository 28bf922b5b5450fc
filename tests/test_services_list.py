"""The list of services: the newest verdicts of each, page by page."""

from datetime import date

import httpx
import pytest

from api.running import Running
from models.cells import mark_as_of
from models.db import transaction
from models.vocabulary import ProviderId
from tests.conftest import NOW
from tests.set_up import put, team
from worker.recompute import recompute


async def test_the_list_shows_the_newest_verdicts(
    client: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    for number in range(3):
        await put(client, team("oak"), team("elm"), service=f"1-20000000{number}")
    scored = "1-200000001"
    async with transaction(running.sessions, provider) as session:
        await mark_as_of(session, scored, date(2026, 8, 1))
    assert await recompute(running.sessions, provider, scored, NOW)
    listed = (await client.get("/v1/services")).json()
    assert listed["next_cursor"] is None
    nothing = {"team_spread": None, "shift_coverage": None, "evidence_alignment": None}
    told = [(each["as_of"], each["level"], each["verdicts"]) for each in listed["items"]]
    story = (await client.get(f"/v1/services/{scored}/breadth")).json()
    assert told == [
        (None, None, nothing),
        ("2026-10", story["level"], story["strands"]),
        (None, None, nothing),
    ]
    assert story["level"] is not None


async def test_pages_follow_each_other_to_the_end(client: httpx.AsyncClient) -> None:
    codes = [f"1-20000000{number}" for number in range(5)]
    for code in codes:
        await put(client, service=code)
    address, seen = "/v1/services?limit=2", []
    pages = 0
    while address:
        answer = await client.get(address)
        seen += [each["service"] for each in answer.json()["items"]]
        pages += 1
        link = answer.links.get("next")
        assert bool(link) == bool(answer.json()["next_cursor"])
        address = link["url"].partition("8000")[2] if link else ""
    assert (seen, pages) == (codes, 3)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "cursor=abc", "cursor=%C3%A9", "cursor="]
)
async def test_a_page_that_cannot_be_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/services?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["in"] == "query"


async def test_a_cursor_of_another_listing_is_refused(client: httpx.AsyncClient) -> None:
    await put(client, service="1-200000001")
    await put(client, service="1-200000002")
    cursor = (await client.get("/v1/services?limit=1")).json()["next_cursor"]
    assert (await client.get(f"/v1/services?cursor={cursor}")).status_code == 200
    assert (await client.get(f"/v1/quarantine?cursor={cursor}")).status_code == 422
