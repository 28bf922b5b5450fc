"""The whole story over HTTP: figures and signed records together, now and as they were known."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Stage, Strand
from tests.conftest import NOW, Clock, MakeClient
from tests.reading import read
from tests.recomputing import Admin
from tests.sent import SERVICE
from tests.walking import HELP, JUDGED, MONTH, VISIT, Walk, walk

QUOTED = ("observed", "doing", "judged")


@pytest.fixture
async def walked(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Admin,
) -> Walk:
    return await walk(client, client_with, running, provider, admin)


async def story(client: httpx.AsyncClient, **question: Any) -> dict[str, Any]:
    return await read(client, "breadth", **question)


def codes(of: dict[str, Any], *parts: str) -> list[str]:
    return [each["code"] for each in of["sentences"] if each["part"] in parts]


def not_signed(of: dict[str, Any], strand: Strand = Strand.TEAM_SPREAD) -> dict[str, list[str]]:
    """Stages of a strand that are missing, with the segments that lack them."""
    start = f"route.{strand.value}."
    return {
        each["code"].removeprefix(start): each["figures"]["segments"]
        for each in of["missing"]
        if each["code"].startswith(start)
    }


async def whole_route(on: Walk) -> dict[str, Any]:
    """Team spread from map to judgement, each stage signed; answers with the judgement."""
    await on.compared()
    shown = [one["code"] for one in await on.segments() if one["status"] != "reached"]
    for code in shown:
        note = "Nobody could find the round sheet."
        visit = {"entries": [VISIT | {"at": "2026-11-04T10:00:00+00:00", "note": note}]}
        await on.signed("dan", Stage.OBSERVE, visit, segment=code)
        await on.signed("tom", Stage.SUPPORT, {"entries": [HELP]}, segment=code)
    await on.settle()
    return await on.signed("ruth", Stage.JUDGE, JUDGED)


async def test_before_anybody_signs_the_route_is_missing(walked: Walk) -> None:
    found = await story(walked.client)
    assert not codes(found, *QUOTED)
    assert found["judgements"] == []
    unsettled = [one["code"] for one in await walked.segments() if one["status"] != "reached"]
    assert unsettled
    assert not_signed(found) == {
        "map": [],
        "compare": [],
        "observe": unsettled,
        "support": unsettled,
        "judge": [],
    }
    [judge] = [m for m in found["missing"] if m["code"] == "route.shift_coverage.judge"]
    assert judge["text"] == (
        "No provider assurance report is signed for October 2026 yet; it is for the registered"
        " manager to write."
    )


async def test_signed_records_are_quoted_and_drafts_are_not(walked: Walk) -> None:
    drafted = await walked.draft("quinn", Stage.MAP, {"comment": "Ash began late."})
    assert "Ash began late" not in str(await story(walked.client))
    await walked.sign("quinn", drafted.json())
    found = await story(walked.client)
    [sentence] = [each for each in found["sentences"] if each["code"] == "team_spread.map"]
    assert sentence["part"] == "observed"
    assert "“Ash began late.” Signed by Quinn, quality lead, on" in sentence["text"]
    assert "map" not in not_signed(found)


async def test_the_whole_route_is_told_with_its_judgement(walked: Walk) -> None:
    judgement = await whole_route(walked)
    found = await story(walked.client)
    assert not_signed(found) == {}
    assert set(codes(found, "observed")) == {"team_spread.observe", "team_spread.observe.note"}
    assert set(codes(found, "doing")) == {"team_spread.support"}
    assert codes(found, "judged")[-2:] == ["team_spread.judge", "team_spread.judge.oversight"]
    [given] = found["judgements"]
    assert given | {"signed_at": None} == {
        "strand": "team_spread",
        **JUDGED,
        "why_beyond": None,
        "supports": "not_yet",
        "beyond_the_figures": False,
        "signed_by": "Ruth",
        "signed_role": "registered_manager",
        "signed_at": None,
        "record": judgement["id"],
        "link": f"/v1/services/{SERVICE}/records/{judgement['id']}",
    }


async def test_story_of_a_day_has_what_was_signed_by_then(walked: Walk, clock: Clock) -> None:
    before = clock.now
    clock.now = NOW + timedelta(hours=1)
    record = await walked.signed("quinn", Stage.MAP, {"comment": "Ash began late."})
    after = clock.now
    clock.now = NOW + timedelta(hours=2)
    why = {"why": "It was Elm."}
    answer = await walked.people["quinn"].post(
        f"/v1/services/{SERVICE}/records/{record['id']}:withdraw", json=why
    )
    assert answer.status_code == 200, answer.text
    then, later = [
        await story(walked.client, as_of=MONTH, known_at=at.isoformat()) for at in (before, after)
    ]
    now = await story(walked.client)
    assert [codes(each, "observed") for each in (then, later, now)] == [[], ["team_spread.map"], []]
    assert "map" in not_signed(then)
    assert "map" not in not_signed(later)
    assert "map" in not_signed(now)
    again = await story(walked.client, as_of=MONTH, known_at=after.isoformat())
    assert again == later


async def test_a_signature_changes_the_tag_of_the_story_alone(walked: Walk) -> None:
    addresses = [f"/v1/services/{SERVICE}/{view}" for view in ("breadth", "spread-dashboard")]
    before = [(await walked.client.get(each)).headers["etag"] for each in addresses]
    await walked.signed("quinn", Stage.MAP, {"comment": "Ash began late."})
    answers = [
        await walked.client.get(each, headers={"If-None-Match": tag})
        for each, tag in zip(addresses, before, strict=True)
    ]
    assert [each.status_code for each in answers] == [200, 304]


async def test_every_link_of_the_story_leads_somewhere(walked: Walk, clock: Clock) -> None:
    await whole_route(walked)
    clock.now = NOW + timedelta(days=40)
    await walked.settle()
    for question in ({"as_of": MONTH}, {"as_of": MONTH, "known_at": clock.now.isoformat()}):
        found = await story(walked.client, **question)
        assert {"review_overdue"} <= {each["code"] for each in found["missing"]}
        told = [*found["sentences"], *found["missing"]]
        assert all(each["links"] for each in told)
        links = {link for each in told for link in each["links"]}
        links |= {each["link"] for each in found["judgements"]}
        for link in sorted(links):
            answer = await walked.client.get(link)
            assert answer.status_code == 200, (link, answer.text)
            if "known_at" in question:
                assert "known_at=" in link


async def test_those_from_outside_are_told_what_was_signed(walked: Walk) -> None:
    await whole_route(walked)
    inside, outside = [await story(walked.people[who]) for who in ("ruth", "ines")]
    assert outside["sentences"] == inside["sentences"]
    assert outside["judgements"] == inside["judgements"]


async def test_story_of_a_day_names_who_sees_to_the_help(walked: Walk, clock: Clock) -> None:
    registered = await walked.client.put("/v1/people/olga", json={"name": "Olga Reid"})
    assert registered.status_code == 201
    await walked.compared()
    await walked.signed("dan", Stage.OBSERVE, {"entries": [VISIT]}, segment="ash")
    helped = {"entries": [HELP | {"owner": "olga"}]}
    await walked.signed("tom", Stage.SUPPORT, helped, segment="ash")
    then = clock.now.isoformat()
    clock.advance(timedelta(hours=1))
    await walked.client.put("/v1/people/olga", json={"name": "Olga Reid-Holm"})
    for question, name in (({"known_at": then}, "Olga Reid sees"), ({}, "Olga Reid-Holm sees")):
        told = await story(walked.client, **question)
        doing = [one["text"] for one in told["sentences"] if one["part"] == "doing"]
        assert any(name in text for text in doing), doing
