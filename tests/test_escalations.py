"""What people do about an escalation, who may, and what is known of it on a day."""

import asyncio
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from api.running import Running
from models.vocabulary import EscalationAction, ProviderId, Role, Scope, Strand
from tests.conftest import Clock, MakeClient
from tests.escalated import NOVEMBER, done, looked, signal
from tests.reading import VIEWS, read, set_up
from tests.recomputing import settle
from tests.roles import client_as, person
from tests.sent import SERVICE, event, send

ESCALATIONS = f"/v1/services/{SERVICE}/escalations"
PEOPLE = {
    "ruth": Role.REGISTERED_MANAGER,
    "sue": Role.SENIOR_LEADER,
    "quinn": Role.QUALITY_LEAD,
    "dan": Role.DEPUTY_MANAGER,
    "tom": Role.TEAM_LEADER,
    "ines": Role.ASSESSOR,
}
BODIES: dict[str, dict[str, Any]] = {
    "acknowledge": {},
    "assign": {"owner": "dan"},
    "act": {"action": "rota_change", "note": "A senior works weekend nights."},
    "resolve": {"why": "The gap is closed."},
}
VERBS = tuple(BODIES)


class Home(NamedTuple):
    people: dict[str, httpx.AsyncClient]
    id: str

    async def do(self, who: str, verb: str, **changes: Any) -> httpx.Response:
        address = f"{ESCALATIONS}/{self.id}:{verb}"
        return await self.people[who].post(address, json=BODIES[verb] | changes)

    async def read(self, **question: str) -> dict[str, Any]:
        answer = await self.people["ruth"].get(f"{ESCALATIONS}/{self.id}", params=question)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
async def home(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> Home:
    """One escalation is open, of the gap of a night, and six people work there or look on."""
    await set_up(client)
    await settle(running, provider, admin)
    for code, role in PEOPLE.items():
        await person(running, provider, code, role)
    await looked(running, provider, night_gap(), strand=Strand.SHIFT_COVERAGE)
    people = {code: await client_as(client_with, code) for code in PEOPLE}
    (one,) = (await client.get(ESCALATIONS)).json()["items"]
    return Home(people, one["id"])


def night_gap(**of: Any) -> Any:
    return signal("night_or_weekend_gap", "weekday_night", of="audit_compliance", **of)


async def test_it_is_seen_given_acted_on_and_resolved(
    home: Home, admin: Any, provider: ProviderId
) -> None:
    seen = (await home.do("quinn", "acknowledge", note="Seen at handover.")).json()
    assert (seen["status"], seen["acknowledged_by"]["name"]) == ("acknowledged", "Quinn")
    assert seen["owner"]["person"] == "ruth", "the one registered manager was asked"
    given = (await home.do("ruth", "assign", owner="tom")).json()
    assert (given["status"], given["owner"]["person"]) == ("acknowledged", "tom")
    acted = (await home.do("tom", "act", due_on="2026-12-01")).json()
    assert acted["status"] == "acting"
    assert [(one["action"], one["person"], one["role"]) for one in acted["actions"]] == [
        (None, "quinn", "quality_lead"),
        ("rota_change", "tom", "team_leader"),
    ]
    resolved = (await home.do("sue", "resolve")).json()
    assert (resolved["status"], resolved["resolved_as_of"]) == ("resolved", "2026-10")
    assert (resolved["resolved_by"]["name"], resolved["resolved_why"]) == (
        "Sue",
        "The gap is closed.",
    )
    assert await home.read() == resolved
    assert await done(admin, provider) == [
        "opened",
        "quinn: acknowledged",
        "ruth: assigned",
        "tom: acted",
        "sue: resolved",
    ]


async def test_what_it_rests_on_is_named_and_can_be_read(home: Home) -> None:
    one = await home.read()
    assert one["offered"] == ["rota_change", "out_of_hours_support", "extra_sampling"]
    assert one["statements"] == ["saf2023:W5", "asc2026-draft:W4"], "of audits"
    for link, has in (("evidence", "items"), ("view", "verdict")):
        answer = await home.people["ruth"].get(one["links"][link])
        assert answer.status_code == 200, answer.text
        assert has in answer.json()
    assert (await home.people["ruth"].get(one["links"]["view"])).json()["snapshot"] == one[
        "snapshot"
    ]


@pytest.mark.parametrize("action", EscalationAction)
async def test_every_action_may_be_taken_whatever_is_offered(home: Home, action: str) -> None:
    answer = await home.do("dan", "act", action=action)
    assert (answer.status_code, answer.json()["acknowledged_by"]["person"]) == (200, "dan")


MAY = {
    "ruth": VERBS,
    "sue": VERBS,
    "quinn": VERBS[:3],
    "dan": VERBS[:3],
    "tom": (),
    "ines": (),
}


@pytest.mark.parametrize(("who", "verb"), [(who, verb) for who in MAY for verb in VERBS])
async def test_who_may_do_what(home: Home, who: str, verb: str) -> None:
    before = await home.read()
    answer = await home.do(who, verb)
    if verb in MAY[who]:
        assert answer.status_code == 200, answer.text
        return
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert f"may {verb} escalations" in answer.json()["detail"]
    assert PEOPLE[who] in answer.json()["detail"]
    assert await home.read() == before


async def test_a_key_for_one_role_does_no_more_than_that_role(
    home: Home, client_with: MakeClient, running: Running, provider: ProviderId
) -> None:
    await person(running, provider, "both", Role.REGISTERED_MANAGER, Role.QUALITY_LEAD)
    as_lead = await client_as(client_with, "both", Role.QUALITY_LEAD)
    resolve = f"{ESCALATIONS}/{home.id}:resolve"
    assert (await as_lead.post(resolve, json=BODIES["resolve"])).status_code == 403
    as_any = await client_as(client_with, "both")
    assert (await as_any.post(resolve, json=BODIES["resolve"])).status_code == 200


@pytest.mark.parametrize("verb", VERBS)
async def test_nothing_is_done_without_a_key_a_person_and_a_scope(
    home: Home,
    verb: str,
    anonymous: httpx.AsyncClient,
    client: httpx.AsyncClient,
    client_with: MakeClient,
) -> None:
    address = f"{ESCALATIONS}/{home.id}:{verb}"
    reader = await client_as(client_with, "ruth", None, Scope.VIEWS_READ)
    for caller, status in ((anonymous, 401), (client, 403), (reader, 403)):
        assert (await caller.post(address, json=BODIES[verb])).status_code == status
    ruth = home.people["ruth"]
    for absent in (address.replace(home.id, str(uuid4())), address.replace(SERVICE, "absent")):
        answer = await ruth.post(absent, json=BODIES[verb])
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await home.read())["status"] == "open"


async def test_reading_needs_its_scope_and_a_service(
    home: Home, anonymous: httpx.AsyncClient, client_with: MakeClient
) -> None:
    writer = await client_with(Scope.RECORDS_WRITE)
    for address in (ESCALATIONS, f"{ESCALATIONS}/{home.id}"):
        assert (await anonymous.get(address)).status_code == 401
        assert (await writer.get(address)).status_code == 403
        absent = await home.people["ruth"].get(address.replace(SERVICE, "absent"))
        assert absent.status_code == 404
    assert (await home.people["ruth"].get(f"{ESCALATIONS}/{uuid4()}")).status_code == 404


@pytest.mark.parametrize(
    ("verb", "sent", "pointer"),
    [
        ("act", {"action": "pray"}, "/action"),
        ("act", {"note": " "}, "/note"),
        ("act", {"note": "n" * 2001}, "/note"),
        ("act", {"note": "n" * 1_000_000}, "/note"),
        ("act", {"due_on": "soon"}, "/due_on"),
        ("act", {"owner": "dan"}, "/owner"),
        ("assign", {"owner": "nobody"}, "/owner"),
        ("assign", {"owner": "ines"}, "/owner"),
        ("assign", {"owner": None}, "/owner"),
        ("acknowledge", {"owner": "nobody"}, "/owner"),
        ("acknowledge", {"note": ""}, "/note"),
        ("resolve", {"why": ""}, "/why"),
        ("resolve", {"colour": "red"}, "/colour"),
    ],
)
async def test_bad_bodies_are_refused_and_leave_nothing(
    home: Home, verb: str, sent: dict[str, Any], pointer: str
) -> None:
    before = await home.read()
    answer = await home.do("ruth", verb, **sent)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert await home.read() == before


async def test_of_two_at_once_one_acknowledges_and_the_other_is_told_who(
    home: Home, admin: Any, provider: ProviderId
) -> None:
    answers = await asyncio.gather(
        *(home.do(who, "acknowledge", owner=who) for who in ("quinn", "dan"))
    )
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (200, 409)
    winner = won.json()["acknowledged_by"]["name"]
    assert f"{winner} acknowledged this escalation" in lost.json()["detail"]
    assert (await home.read()) == won.json()
    assert len(await done(admin, provider)) == 2


async def test_a_look_and_a_person_at_once_both_have_their_way(
    home: Home, running: Running, provider: ProviderId
) -> None:
    anew = looked(running, provider, night_gap(figure=2.5), strand=Strand.SHIFT_COVERAGE)
    answer, actions = await asyncio.gather(home.do("dan", "act"), anew)
    assert (answer.status_code, actions) == (200, ["refreshed"])
    one = await home.read()
    assert (one["status"], one["signal"]["figure"], len(one["actions"])) == ("acting", 2.5, 1)


@pytest.mark.parametrize("verb", VERBS)
async def test_nothing_more_is_done_to_a_resolved_one(home: Home, verb: str) -> None:
    resolved = (await home.do("ruth", "resolve")).json()
    answer = await home.do("sue", verb)
    assert answer.status_code == 409
    assert f"Ruth resolved this escalation at {resolved['resolved_at']}" in answer.json()["detail"]
    assert await home.read() == resolved


async def test_the_past_stays_as_it_was_known(
    home: Home, running: Running, provider: ProviderId, clock: Clock
) -> None:
    states, moments = [await home.read()], [clock.now.isoformat()]
    for verb in ("acknowledge", "act", "resolve"):
        clock.advance(timedelta(minutes=5))
        states.append((await home.do("ruth", verb)).json())
        moments.append(clock.now.isoformat())
    clock.advance(timedelta(minutes=5))
    await looked(
        running, provider, night_gap(), strand=Strand.SHIFT_COVERAGE, as_of=NOVEMBER, now=clock.now
    )
    again = await home.read()
    assert (again["status"], again["times_opened"], again["acknowledged_by"]) == ("open", 2, None)
    assert again["resolved_why"] is None
    assert len(again["actions"]) == 1, "what was done stays told"
    for state, moment in zip(states, moments, strict=True):
        assert await home.read(known_at=moment) == state
        listed = await home.people["ruth"].get(ESCALATIONS, params={"known_at": moment})
        assert listed.json()["items"] == [state]
    early = {"known_at": "2026-11-15T11:59:59Z"}
    answer = await home.people["ruth"].get(f"{ESCALATIONS}/{home.id}", params=early)
    assert answer.status_code == 404
    assert (await home.people["ruth"].get(ESCALATIONS, params=early)).json()["items"] == []


@pytest.mark.parametrize("view", VIEWS)
async def test_every_view_names_what_is_open_and_its_tag_tells(
    home: Home, clock: Clock, view: str
) -> None:
    ruth = home.people["ruth"]
    tag = (await ruth.get(f"/v1/services/{SERVICE}/{view}")).headers["etag"]
    (one,) = (await read(ruth, view))["oversight"]["open_escalations"]
    assert one == {
        "id": home.id,
        "strand": "shift_coverage",
        "trigger": "night_or_weekend_gap",
        "segment": "weekday_night",
        "status": "open",
        "since": "2026-08",
        "owner": {"person": "ruth", "name": "Ruth"},
        "reviewer_role": "registered_manager",
        "next_review_on": "2026-12-05",
        "link": f"{ESCALATIONS}/{home.id}",
    }
    assert (await ruth.get(one["link"])).json() == await home.read()
    then = clock.now.isoformat()
    clock.advance(timedelta(minutes=5))
    await home.do("ruth", "resolve")
    assert (await read(ruth, view))["oversight"]["open_escalations"] == []
    known = await read(ruth, view, known_at=then)
    assert known["oversight"]["open_escalations"] == [one]
    headers = {"If-None-Match": tag}
    changed = await ruth.get(f"/v1/services/{SERVICE}/{view}", headers=headers)
    assert changed.status_code == 200


async def test_a_list_is_paged_and_filtered(
    home: Home, running: Running, provider: ProviderId
) -> None:
    teams = [signal("weaker_local_trends", team) for team in ("oak", "elm", "ash")]
    await looked(running, provider, *teams)
    await home.do("ruth", "acknowledge")
    ruth = home.people["ruth"]
    for question, number in (
        ({}, 4),
        ({"strand": "team_spread"}, 3),
        ({"strand": "evidence_alignment"}, 0),
        ({"status": "acknowledged"}, 1),
        ({"status": "open", "strand": "team_spread"}, 3),
    ):
        page = await read(ruth, "escalations", limit=2, **question)
        found = page["items"]
        while (cursor := page["next_cursor"]) is not None:
            page = await read(ruth, "escalations", limit=2, cursor=cursor, **question)
            assert page["items"]
            found += page["items"]
        assert len({one["id"] for one in found}) == len(found) == number


COMPLAINTS = [
    event(
        "complaint.received",
        {"respondent": "family", "theme": "dignity"},
        id=f"C-{day}",
        team="oak",
        occurred_at=f"2026-10-{day:02}T10:00:00+01:00",
    )
    for day in (3, 9, 16)
]


async def test_complaints_open_an_escalation_that_leads_back_to_them(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any, clock: Clock
) -> None:
    """From evidence over the worker to the view, and back to the events; one is then retracted."""
    await set_up(client)
    await send(client, *COMPLAINTS)
    await settle(running, provider, admin, clock.now)
    (one,) = (await client.get(ESCALATIONS)).json()["items"]
    assert (one["trigger"], one["segment"], one["word"]) == (
        "repeated_dissatisfaction",
        "Nursing",
        "dignity",
    )
    view = await read(client, "evidence-alignment")
    (shown,) = [each for each in view["triggers"] if each["state"] == "open"]
    assert one["signal"] == shown
    assert (shown["figure"], shown["threshold"], one["snapshot"]) == (3.0, 3.0, view["snapshot"])
    assert "saf2023:R4" in one["statements"]
    behind = (await client.get(one["links"]["evidence"])).json()
    assert [item["id"] for item in behind["items"]] == ["C-3", "C-9", "C-16"]
    clock.advance(timedelta(hours=1))
    gone = {"id": "C-3", "source": "emar:acme", "service": SERVICE, "version": 2}
    await send(client, gone | {"retracted": True})
    await settle(running, provider, admin, clock.now)
    (one,) = (await client.get(ESCALATIONS)).json()["items"]
    assert (one["status"], one["holds"]) == ("open", False)
    behind = (await client.get(one["links"]["evidence"])).json()
    assert len(behind["items"]) == 3, "as it was known when it was said"
