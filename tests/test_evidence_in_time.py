"""The events behind a number as they were known for it: corrected, withdrawn, sent late."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId
from tests.conftest import Clock
from tests.paging import ids, listed
from tests.reading import address, check, read, set_up
from tests.recomputing import cells, settle
from tests.sent import SERVICE, send

OLD, NEW = "1-100000001", "1-100000002"
AT = "2026-09-03T10:00:00+01:00"
AUDITS = {"indicator": "audit_compliance", "month": "2026-09"}
PLAIN = [{"code": "oak", "name": "Oak"}, {"code": "ash", "name": "Ash"}]
Step = Callable[..., Awaitable[str]]


@pytest.fixture
def step(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any, clock: Clock
) -> Step:
    """An hour later something is sent and counted; answers with that moment."""

    async def sent_and_counted(*events: Any) -> str:
        clock.advance(timedelta(hours=1))
        if events:
            await send(client, *events)
        await settle(running, provider, admin, clock.now)
        return clock.now.isoformat()

    return sent_and_counted


def withdrawn(id_: str, version: int, service: str = SERVICE) -> dict[str, Any]:
    identity = {"id": id_, "source": "emar:acme", "version": version}
    return {**identity, "service": service, "retracted": True}


async def test_every_moment_shows_the_version_that_counted_then(
    client: httpx.AsyncClient, step: Step
) -> None:
    await set_up(client)
    first = await step(check("A-1", AT, 20))
    moved = await step(check("A-1", AT, 11, team="ash", version=2))
    gone = await step(withdrawn("A-1", 3))
    back = await step(check("A-1", AT, 12, version=4))
    expected: dict[str, list[tuple[Any, ...]]] = {
        first: [(1, "oak", 20)],
        moved: [(2, "ash", 11)],
        gone: [],
        back: [(4, "oak", 12)],
    }
    for moment, wanted in expected.items():
        known = {"known_at": moment}
        found = await listed(client, **AUDITS, **known)
        assert [(item["version"], item["team"], item["x"]) for item in found] == wanted
        assert len(await listed(client, **known)) == len(wanted), "each event stands once"
        for segment in ("oak", "ash"):
            question = {"strand": "team_spread", "segment": segment, **known}
            [behind] = [[item["team"] for item in await listed(client, **AUDITS, **question)]]
            assert behind == [team for _, team, _ in wanted if team == segment]
            view = await read(client, "spread-dashboard", **known)
            [shown] = [each for each in view["segments"] if each["code"] == segment]
            assert shown["channels"][0]["n_current"] == len(behind)
    assert await listed(client, **AUDITS) == await listed(client, **AUDITS, known_at=back)


async def test_a_higher_version_counts_whatever_came_last(
    client: httpx.AsyncClient, step: Step
) -> None:
    await set_up(client)
    await step(check("A-1", AT, 12, version=3))
    await step(check("A-1", AT, 20, version=2), withdrawn("A-1", 1))
    [item] = await listed(client)
    assert (item["id"], item["version"]) == ("A-1", 3)


async def test_an_event_corrected_into_another_month_leaves_the_one_it_was_in(
    client: httpx.AsyncClient, step: Step
) -> None:
    await set_up(client)
    before = await step(check("A-1", AT, 20))
    await step(check("A-1", "2026-08-03T10:00:00+01:00", 20, version=2))
    assert await ids(client, month="2026-09") == []
    assert await ids(client, month="2026-08") == ["A-1"]
    assert await ids(client, month="2026-09", known_at=before) == ["A-1"]
    assert await ids(client, month="2026-08", known_at=before) == []


async def test_nothing_is_listed_of_a_moment_before_anything_was_known(
    client: httpx.AsyncClient, step: Step
) -> None:
    await set_up(client)
    moment = await step(check("A-1", AT, 20))
    answer = await client.get(address("evidence"), params={"known_at": "2026-11-15T12:00:00Z"})
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_known_then")
    assert await ids(client, known_at=moment) == ["A-1"]


async def test_what_was_sent_is_listed_when_it_is_in_the_number_and_not_before(
    client: httpx.AsyncClient, step: Step
) -> None:
    await set_up(client)
    await step(check("A-1", AT, 20))
    await send(client, check("A-2", AT, 20), withdrawn("A-1", 2))
    assert (await read(client, "spread-dashboard"))["freshness"]["pending"]
    assert await ids(client, **AUDITS) == ["A-1"]
    await step()
    assert await ids(client, **AUDITS) == ["A-2"]


async def test_evidence_that_arrives_between_pages_moves_nobody_elses(
    client: httpx.AsyncClient, step: Step
) -> None:
    await set_up(client)
    await step(
        *(check(f"A-{number}", f"2026-09-{number}T10:00:00Z", 20) for number in (11, 13, 15))
    )
    page = await read(client, "evidence", limit=1)
    found = [item["id"] for item in page["items"]]
    await step(
        *(check(f"A-{number}", f"2026-09-{number}T10:00:00Z", 20) for number in (10, 12, 14))
    )
    while page["next_cursor"] is not None:
        page = await read(client, "evidence", limit=1, cursor=page["next_cursor"])
        found += [item["id"] for item in page["items"]]
    assert found == ["A-11", "A-12", "A-13", "A-14", "A-15"]


async def test_a_team_learnt_later_was_not_known_then(
    client: httpx.AsyncClient, step: Step
) -> None:
    await set_up(client)
    waiting = (check("A-9", AT, 20, team="beech"), check("A-11", "2026-11-03T10:00:00Z", 20))
    before = await step(check("A-1", AT, 20), waiting[0], waiting[1] | {"team": "beech"})
    await set_up(client, teams=[{"code": "elm", "name": "Elm", "aliases": ["beech"]}])
    await step()
    assert await ids(client, month="2026-09", known_at=before) == ["A-1"]
    assert await ids(client, month="2026-11", known_at=before) == []
    assert await ids(client, month="2026-09") == ["A-1", "A-9"]
    assert await ids(client, month="2026-11") == ["A-11"]


async def test_evidence_of_an_older_id_is_evidence_of_the_service(
    client: httpx.AsyncClient, step: Step, provider: ProviderId, admin: Any
) -> None:
    await set_up(client, OLD)
    before = await step(check("A-1", AT, 20, service=OLD))
    await set_up(client, NEW, predecessor=OLD, succeeded_on="2026-09-10")
    await step(
        check("A-2", "2026-09-20T10:00:00+01:00", 15, service=NEW),
        check("A-3", "2026-09-04T10:00:00+01:00", 10, service=OLD, team="ash"),
    )
    for service in (OLD, NEW):
        found = await listed(client, service, **AUDITS)
        assert [(item["id"], item["x"]) for item in found] == [
            ("A-1", 20),
            ("A-3", 10),
            ("A-2", 15),
        ]
        oak = await ids(client, service, **AUDITS, strand="team_spread", segment="oak")
        assert oak == ["A-1", "A-2"]
        assert await ids(client, service, **AUDITS, known_at=before) == ["A-1"]
        assert (await read(client, "breadth", service))["service"] == NEW
    counted = await cells(admin, provider)
    audits = {key[0]: 0 for key in counted}
    for (service, month, _, indicator, *_), (x, *_) in counted.items():
        if (month, indicator) == (date(2026, 9, 1), "audit_compliance"):
            audits[service] += x
    assert audits == {NEW: 45}


async def test_an_area_of_then_still_leads_to_its_events(
    client: httpx.AsyncClient, step: Step
) -> None:
    await set_up(client, OLD, teams=PLAIN)
    garden = check("A-1", AT, 20, service=OLD, team=None, area="Garden")
    before = await step(garden)
    question = {"strand": "evidence_alignment", "segment": "Garden"}
    assert await ids(client, OLD, **question) == ["A-1"]
    await set_up(client, NEW, predecessor=OLD, teams=PLAIN)
    await step()
    assert await ids(client, NEW, **question) == ["A-1"]
    assert await ids(client, NEW, **question, known_at=before) == ["A-1"]
    await step(withdrawn("A-1", 2, service=NEW))
    view = await read(client, "evidence-alignment", NEW, known_at=before)
    assert "Garden" in {segment["code"] for segment in view["segments"]}
    assert await ids(client, NEW, **question, known_at=before) == ["A-1"]
    gone = await client.get(address("evidence", NEW), params=question)
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (422, "unknown_segment")
