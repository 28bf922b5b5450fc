"""Which events stand behind a service: each once, page by page, with what it counts as."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId
from tests.conftest import Clock
from tests.every_kind import every_kind
from tests.paging import follow, ids, listed, pages
from tests.reading import address, check, read, set_up
from tests.recomputing import settle
from tests.sent import SERVICE, dose, event, send
from tests.test_catalogue import OWN

Settle = Callable[[], Awaitable[None]]
ITEM = {
    *("id", "source", "version", "type", "team", "occurred_at", "received_at"),
    *("indicator", "x", "n", "counts_as", "reason"),
}


@pytest.fixture
def settled(running: Running, provider: ProviderId, admin: Any, clock: Clock) -> Settle:
    async def until_nothing_is_marked() -> None:
        await settle(running, provider, admin, clock.now)

    return until_nothing_is_marked


async def test_an_item_says_all_that_is_documented(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client, teams=[{"code": "oak", "name": "Oak", "aliases": ["Oak Unit"]}])
    sent = check("A-1", "2026-09-03T10:00:00+01:00", 20, team="Oak Unit", source="audits:acme")
    await send(client, sent)
    await settled()
    page = await read(client, "evidence", indicator="audit_compliance", month="2026-09")
    assert set(page) == {"items", "next_cursor", "exposure"}
    [item] = page["items"]
    assert item.pop("received_at").endswith("Z")
    assert item == {
        "id": "A-1",
        "source": "audits:acme",
        "version": 1,
        "type": "audit.completed",
        "team": "oak",
        "occurred_at": "2026-09-03T09:00:00Z",
        "indicator": "audit_compliance",
        "x": 20,
        "n": 25,
        "counts_as": "numerator",
        "reason": None,
    }
    [stored] = await listed(client)
    assert set(stored) == ITEM
    assert [stored[name] for name in ("indicator", "x", "n", "counts_as")] == [None] * 4


async def test_without_an_indicator_each_stored_event_stands_once(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client)
    sent = every_kind()
    await send(client, *sent)
    await settled()
    found = await listed(client, limit=1000)
    assert sorted(item["id"] for item in found) == sorted(event["id"] for event in sent)
    for item in found:
        assert (item["indicator"], item["x"], item["n"]) == (None, None, None)
        assert (item["counts_as"] == "excluded") == (item["reason"] is not None)
    reasons = {item["reason"] for item in found if item["reason"]}
    assert reasons == {"superseded_by_detail", "later_answer_counts"}


@pytest.mark.parametrize("limit", [1, 3, 40, 100, 1000])
@pytest.mark.parametrize(
    "question", [{}, {"indicator": "practice_observed"}, {"strand": "shift_coverage"}]
)
async def test_pages_give_each_event_once_and_in_order(
    client: httpx.AsyncClient, settled: Settle, limit: int, question: dict[str, str]
) -> None:
    await set_up(client)
    await send(client, *every_kind()[: 24 if limit < 24 else None])
    await settled()
    whole = await listed(client, **question, limit=1000)
    assert whole
    found = await pages(client, **question, limit=limit)
    assert [item for page in found for item in page["items"]] == whole
    assert all(len(page["items"]) == limit for page in found[:-1])
    assert len(found[-1]["items"]) > 0, "no page is empty because the last one was full"
    order = [(item["occurred_at"], item["source"], item["id"]) for item in whole]
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    assert await follow(client, **question, limit=limit) == whole


async def test_a_page_has_a_hundred_items_unless_told(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client)
    await send(client, *every_kind())
    await settled()
    answer = await client.get(address("evidence"))
    assert len(answer.json()["items"]) == 100
    assert 'rel="next"' in answer.headers["link"]
    last = await client.get(address("evidence"), params={"limit": 1000})
    assert "link" not in last.headers
    assert last.json()["next_cursor"] is None


async def test_events_of_one_instant_are_told_apart_by_source_and_id(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client)
    at = "2026-09-03T10:00:00+01:00"
    await send(
        client,
        *(check(id_, at, 20, source=source) for source in ("a:1", "a:2") for id_ in ("X", "Y")),
        check("X", "2026-09-03T10:00:00.5+01:00", 20, source="a:0"),
    )
    await settled()
    found = [(item["source"], item["id"]) for item in await listed(client, limit=1)]
    assert found == [("a:1", "X"), ("a:1", "Y"), ("a:2", "X"), ("a:2", "Y"), ("a:0", "X")]


async def test_what_does_not_count_says_why(client: httpx.AsyncClient, settled: Settle) -> None:
    await set_up(client)
    at = {"occurred_at": "2026-09-03T10:00:00+01:00"}
    round_ = {"due": 9, "on_time": 9, "late": 0, "omitted": 0, "refused": 0}
    voice = {"person": "p1", "source": "survey"}
    await send(
        client,
        dose(1, **at),
        dose(2, data={"status": "omitted_error"}, **at),
        dose(3, data={"status": "absent_leave"}, **at),
        dose(4, data={"status": "given", "prn": True}, **at),
        event("medication.round", round_, id="R-1", **at),
        event("medication.round", round_, id="R-2", **at, team="elm"),
        event("feedback.received", {"respondent": "person", "rating": 2}, id="V-1", **at, **voice),
        event(
            "feedback.received",
            {"respondent": "person", "rating": 4.5},
            id="V-2",
            occurred_at="2026-09-20T10:00:00+01:00",
            **voice,
        ),
    )
    await settled()

    async def said(indicator: str) -> list[tuple[Any, ...]]:
        found = await listed(client, indicator=indicator, month="2026-09")
        return sorted(
            (item["id"], item["x"], item["n"], item["counts_as"], item["reason"]) for item in found
        )

    assert await said("medicine_omissions") == [
        ("A-000001", 0, 1, "denominator", None),
        ("A-000002", 1, 1, "numerator", None),
        ("A-000003", 0, 0, "excluded", "not_in_denominator"),
        ("A-000004", 0, 0, "excluded", "not_in_denominator"),
        ("R-1", 0, 0, "excluded", "superseded_by_detail"),
        ("R-2", 0, 9, "denominator", None),
    ]
    assert await said("experience_rating") == [
        ("V-1", 0, 0, "excluded", "later_answer_counts"),
        ("V-2", 4.5, 1, "numerator", None),
    ]


async def test_evidence_of_a_team_not_known_yet_is_listed_once_it_is(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client)
    await send(client, check("A-1", "2026-09-03T10:00:00+01:00", 20, team="beech"))
    await settled()
    assert await ids(client) == []
    await set_up(client, teams=[{"code": "elm", "name": "Elm", "aliases": ["beech"]}])
    await settled()
    assert [(item["id"], item["team"]) for item in await listed(client)] == [("A-1", "elm")]


async def test_an_own_event_type_is_listed_with_or_without_an_indicator(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client)
    schema = {"type": "object", "properties": {"done": {"type": "boolean"}}}
    assert (await client.put("/v1/event-types/custom.mouth_care", json=schema)).is_success
    at = "2026-09-03T10:00:00+01:00"
    await send(client, event("custom.mouth_care", {"done": True}, id="M-1", occurred_at=at))
    await settled()
    assert await ids(client) == ["M-1"]
    assert await ids(client, strand="team_spread", segment="oak", month="2026-09") == ["M-1"]
    assert (await client.put("/v1/catalogue", json={"own": [OWN]})).is_success
    await settled()
    [item] = await listed(client, indicator="mouth_care")
    assert (item["x"], item["n"], item["counts_as"]) == (1, 1, "numerator")
    assert await ids(client) == ["M-1"]


async def test_months_up_to_the_one_judged_are_listed_and_any_month_by_name(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client)
    await send(
        client,
        check("A-06", "2026-06-30T23:59:59+01:00", 20),
        check("A-07", "2026-07-01T00:00:00+01:00", 20),
        check("A-10", "2026-10-31T23:59:59+00:00", 20),
        check("A-11", "2026-11-01T00:00:00+00:00", 20),
    )
    await settled()
    assert await ids(client) == ["A-06", "A-07", "A-10"]
    for month in ("06", "07", "10", "11"):
        assert await ids(client, month=f"2026-{month}") == [f"A-{month}"]
    assert await ids(client, month="2026-08") == []
    assert await ids(client, month="2027-01") == []
    await client.get(address("evidence"), params={"as_of": "2026-06"})
    await settled()
    assert await ids(client, as_of="2026-06") == ["A-06"]
    assert await ids(client, as_of="2026-06", month="2026-07") == ["A-07"]


async def test_only_evidence_of_the_segment_is_listed(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client)
    day, night = "2026-09-03T10:00:00+01:00", "2026-09-05T23:00:00+01:00"
    await send(
        client,
        check("oak-day", day, 20),
        check("elm-night", night, 20, team="elm"),
        check("garden", night, 20, team=None, area="Garden"),
        event("complaint.received", {"respondent": "family"}, id="placeless", occurred_at=day)
        | {"team": None},
    )
    await settled()
    expected = {
        ("team_spread", "oak"): ["oak-day"],
        ("team_spread", "ash"): [],
        ("team_spread", None): ["oak-day", "elm-night"],
        ("shift_coverage", "weekday_day"): ["oak-day"],
        ("shift_coverage", "weekend_night"): ["elm-night", "garden"],
        ("shift_coverage", "weekday_night"): [],
        ("shift_coverage", None): ["oak-day", "elm-night", "garden"],
        ("evidence_alignment", "Nursing"): ["oak-day", "elm-night"],
        ("evidence_alignment", "Garden"): ["garden"],
        ("evidence_alignment", None): ["oak-day", "elm-night", "garden"],
    }
    for (strand, segment), wanted in expected.items():
        question = {"strand": strand} | ({} if segment is None else {"segment": segment})
        assert sorted(await ids(client, SERVICE, **question)) == sorted(wanted), question
