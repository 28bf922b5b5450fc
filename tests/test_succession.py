"""A service that goes on under a new id: what it keeps, and what cannot follow what."""

import asyncio

import httpx

from tests.sent import SERVICE, dose, send
from tests.set_up import WholeMarks, body, put, refusal, team


async def test_a_successor_takes_over_teams_and_ids(
    client: httpx.AsyncClient, whole_marks: WholeMarks
) -> None:
    await put(client, team("oak", area="north", aliases=["O"]), team("elm"), service="1-100000001")
    await whole_marks()
    said = await put(
        client,
        team("oak"),
        service="1-100000002",
        predecessor="1-100000001",
        succeeded_on="2026-04-01",
    )
    assert said["known_as"] == ["1-100000002", "1-100000001"]
    assert [each["code"] for each in said["teams"]] == ["elm", "oak"]
    assert said["teams"][1]["aliases"] == ["O"]
    assert said["teams"][1]["places"] == [{"from": None, "area": "north", "led_by": None}]
    assert await whole_marks() == ["1-100000002"]
    old = (await client.get("/v1/services/1-100000001")).json()
    assert old.pop("warnings")
    said.pop("warnings")
    assert old == said
    listed = (await client.get("/v1/services")).json()["items"]
    assert [each["service"] for each in listed] == ["1-100000002"]


async def test_an_older_id_may_be_one_that_was_never_set_up(client: httpx.AsyncClient) -> None:
    said = await put(client, team("oak"), predecessor="1-100000009")
    assert said["known_as"] == [SERVICE, "1-100000009"]
    receipt = await send(client, dose(1, service="1-100000009"))
    assert receipt["accepted"] == 1
    assert (await client.get("/v1/services/1-100000009")).json()["service"] == SERVICE


async def test_undoing_a_succession_marks_both(
    client: httpx.AsyncClient, whole_marks: WholeMarks
) -> None:
    await put(client, team("oak"), service="1-100000001")
    await put(client, service="1-100000002", predecessor="1-100000001")
    await whole_marks()
    said = await put(client, service="1-100000002", predecessor=None)
    assert said["known_as"] == ["1-100000002"]
    assert await whole_marks() == ["1-100000002", "1-100000001"]


async def test_nobody_comes_before_himself(client: httpx.AsyncClient) -> None:
    await put(client, service="1-100000001")
    await put(client, service="1-100000002", predecessor="1-100000001")
    await put(client, service="1-100000003", predecessor="1-100000002")
    for last in ("1-100000002", "1-100000003"):
        sent = body(predecessor=last)
        refused = await refusal(client, "PUT", "/v1/services/1-100000001", sent)
        assert refused == (422, ["/predecessor"])


async def test_one_service_has_one_successor(client: httpx.AsyncClient) -> None:
    await put(client, service="1-100000001")
    await put(client, service="1-100000002", predecessor="1-100000001")
    sent = body(predecessor="1-100000001")
    refused = await refusal(client, "PUT", "/v1/services/1-100000003", sent)
    assert refused == (409, ["/predecessor"])


async def test_of_two_successors_at_the_same_time_one_is_refused(
    client: httpx.AsyncClient,
) -> None:
    await put(client, service="1-100000001")
    answers = await asyncio.gather(
        *(
            client.put(f"/v1/services/1-10000000{number}", json=body(predecessor="1-100000001"))
            for number in (2, 3)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_of_two_that_would_close_a_ring_one_is_refused(client: httpx.AsyncClient) -> None:
    one, two = "1-100000001", "1-100000002"
    await put(client, service=one)
    await put(client, service=two)
    answers = await asyncio.gather(
        client.put(f"/v1/services/{one}", json=body(predecessor=two)),
        client.put(f"/v1/services/{two}", json=body(predecessor=one)),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_recompute_marks_the_newest_id(
    client: httpx.AsyncClient, whole_marks: WholeMarks
) -> None:
    await put(client, service="1-100000001")
    await put(client, service="1-100000002", predecessor="1-100000001")
    await whole_marks()
    answer = await client.post("/v1/services/1-100000001/recompute")
    assert (answer.status_code, answer.json()) == (
        202,
        {"service": "1-100000002", "pending": True},
    )
    assert await whole_marks() == ["1-100000002"]
