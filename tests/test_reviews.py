"""Holding reviews over HTTP: due, done, overdue and escalated, taken back, and as it was known."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Role, Scope
from tests.conftest import NOW, Clock, MakeClient
from tests.escalated import done, escalations
from tests.reading import VIEWS, read, set_up
from tests.recomputing import settle
from tests.roles import client_as, person
from tests.sent import SERVICE
from worker.jobs import watch_reviews

REVIEWS = f"/v1/services/{SERVICE}/reviews"
HELD = {"role": "registered_manager", "period": "2026-10", "notes": "Looked at nights."}
Watch = Callable[[], Awaitable[None]]


class Home(NamedTuple):
    """A service since July 2026, with its manager and a senior leader."""

    ruth: httpx.AsyncClient
    sue: httpx.AsyncClient


@pytest.fixture
async def home(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> Home:
    await set_up(client)
    await admin.execute(
        "UPDATE services SET created_at = $2 WHERE provider_id = $1",
        provider,
        datetime(2026, 7, 10, tzinfo=UTC),
    )
    await settle(running, provider, admin)
    await person(running, provider, "ruth", Role.REGISTERED_MANAGER, service=SERVICE)
    await person(running, provider, "sue", Role.SENIOR_LEADER)
    return Home(await client_as(client_with, "ruth"), await client_as(client_with, "sue"))


@pytest.fixture
def watch(running: Running, clock: Clock) -> Watch:
    """The worker looks for reviews that are overdue."""

    async def run() -> None:
        redis = running.doorbell._redis
        await watch_reviews({"sessions": running.sessions, "clock": clock, "redis": redis})

    return run


async def listed(client: httpx.AsyncClient, **question: str) -> dict[str, str]:
    """State of each period, as the service is told."""
    answer = await client.get(REVIEWS, params=question)
    assert answer.status_code == 200, answer.text
    return {f"{one['role']} {one['period']}": one["state"] for one in answer.json()["items"]}


async def hold(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post(REVIEWS, json=HELD | changes)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


ASKED = {
    "senior_leader 2026-07": "overdue",
    "registered_manager 2026-10": "due",
    "registered_manager 2026-09": "overdue",
    "registered_manager 2026-08": "overdue",
    "registered_manager 2026-07": "overdue",
}


async def test_a_review_pins_the_figures_it_looked_at(
    home: Home, admin: Any, provider: ProviderId
) -> None:
    assert await listed(home.ruth) == ASKED
    held = await hold(home.ruth, decisions=["More night visits."], attended_by=["Dan"])
    scored = await admin.fetchval(
        "SELECT snapshot_id FROM scores WHERE provider_id = $1 AND as_of = '2026-10-01'", provider
    )
    assert held["snapshots"] == {"2026-10": str(scored)}
    assert held["held_by"] == {"person": "ruth", "name": "Ruth"}
    assert (held["decisions"], held["attended_by"]) == (["More night visits."], ["Dan"])
    assert await listed(home.ruth) == ASKED | {"registered_manager 2026-10": "done"}
    assert (await home.sue.get(f"{REVIEWS}/{held['id']}")).json() == held


async def test_a_quarter_pins_each_of_its_months_and_says_it_was_late(home: Home) -> None:
    held = await hold(home.sue, role="senior_leader", period="2026-07")
    assert held["snapshots"] == dict.fromkeys(("2026-07", "2026-08", "2026-09"))
    items = (await home.sue.get(REVIEWS)).json()["items"]
    late = {item["period"]: item["late"] for item in items if item["review"]}
    assert late == {"2026-07": True}
    await hold(home.ruth)
    items = (await home.sue.get(REVIEWS)).json()["items"]
    assert [item["late"] for item in items if item["period"] == "2026-10"] == [False]


@pytest.mark.parametrize(
    ("who", "sent", "status", "pointer"),
    [
        ("sue", {}, 403, None),
        ("ruth", {"role": "senior_leader", "period": "2026-07"}, 403, None),
        ("ruth", {"role": "quality_lead"}, 422, "/role"),
        ("ruth", {"period": "2026-11"}, 422, "/period"),
        ("ruth", {"period": "2026-06"}, 422, "/period"),
        ("ruth", {"period": "2026-13"}, 422, "/period"),
        ("sue", {"role": "senior_leader", "period": "2026-08"}, 422, "/period"),
        ("sue", {"role": "senior_leader", "period": "2026-10"}, 422, "/period"),
        ("ruth", {"notes": " "}, 422, "/notes"),
        ("ruth", {"notes": "n" * 5001}, 422, "/notes"),
        ("ruth", {"notes": "n" * 1_000_000}, 422, "/notes"),
        ("ruth", {"decisions": ["d"] * 21}, 422, "/decisions"),
        ("ruth", {"colour": "red"}, 422, "/colour"),
    ],
)
async def test_what_cannot_be_held_is_refused_and_leaves_nothing(
    home: Home, who: str, sent: dict[str, Any], status: int, pointer: str | None
) -> None:
    answer = await getattr(home, who).post(REVIEWS, json=HELD | sent)
    assert answer.status_code == status, answer.text
    if pointer is None:
        assert "Only " in answer.json()["detail"]
    else:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert await listed(home.ruth) == ASKED


async def test_a_review_needs_a_person_a_scope_and_a_service(
    home: Home, client: httpx.AsyncClient, client_with: MakeClient, anonymous: httpx.AsyncClient
) -> None:
    for method, address in (("GET", REVIEWS), ("POST", REVIEWS)):
        assert (await anonymous.request(method, address)).status_code == 401
        stranger = await client_with(Scope.EVENTS_WRITE)
        assert (await stranger.request(method, address, json=HELD)).status_code == 403
        absent = address.replace(SERVICE, "absent")
        assert (await home.ruth.request(method, absent, json=HELD)).status_code == 404
    nobody = await client.post(REVIEWS, json=HELD)
    assert (nobody.status_code, "acts for nobody" in nobody.json()["detail"]) == (403, True)
    for method, ending in (("GET", ""), ("POST", ":withdraw")):
        unknown = await home.ruth.request(
            method, f"{REVIEWS}/{uuid4()}{ending}", json={"why": "It was another month."}
        )
        assert unknown.status_code == 404


async def test_of_two_at_once_one_holds_the_review_and_the_other_is_told_who(
    home: Home, client_with: MakeClient, running: Running, provider: ProviderId
) -> None:
    await person(running, provider, "rob", Role.REGISTERED_MANAGER)
    rob = await client_as(client_with, "rob")
    answers = await asyncio.gather(home.ruth.post(REVIEWS, json=HELD), rob.post(REVIEWS, json=HELD))
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (201, 409)
    assert won.json()["held_by"]["name"] in lost.json()["detail"]
    assert [error["id"] for error in lost.json()["errors"]] == [won.json()["id"]]


async def test_a_review_taken_back_is_to_be_held_again(
    home: Home, clock: Clock, admin: Any, provider: ProviderId
) -> None:
    held = await hold(home.ruth)
    address = f"{REVIEWS}/{held['id']}"
    assert (await home.sue.post(f"{address}:withdraw", json={"why": "No."})).status_code == 403
    then = clock.now.isoformat()
    clock.advance(timedelta(hours=1))
    taken = await home.ruth.post(f"{address}:withdraw", json={"why": "It was another home."})
    assert (taken.status_code, taken.json()["withdrawn_why"]) == (200, "It was another home.")
    again = await home.ruth.post(f"{address}:withdraw", json={"why": "Again."})
    assert (again.status_code, "Ruth withdrew" in again.json()["detail"]) == (409, True)
    assert await listed(home.ruth) == ASKED
    assert await listed(home.ruth, known_at=then) == ASKED | {"registered_manager 2026-10": "done"}
    assert (await home.ruth.get(address)).json() == taken.json()
    assert (await home.ruth.get(address, params={"known_at": then})).json() == held
    early = {"known_at": "2026-11-15T11:59:59Z"}
    assert (await home.ruth.get(address, params=early)).status_code == 404
    await hold(home.ruth)
    rows = await admin.fetch(
        "SELECT action, person, role FROM trail WHERE provider_id = $1 AND resource = 'review'"
        " ORDER BY id",
        provider,
    )
    assert [tuple(row) for row in rows] == [
        (action, "ruth", "registered_manager") for action in ("held", "withdrawn", "held")
    ]


@pytest.mark.parametrize("view", VIEWS)
async def test_every_view_says_which_reviews_are_overdue(
    home: Home, clock: Clock, view: str
) -> None:
    overdue = (await read(home.ruth, view))["oversight"]["overdue_reviews"]
    assert [(one["role"], one["period"], one["days"]) for one in overdue] == [
        ("registered_manager", "2026-07", 102),
        ("registered_manager", "2026-08", 71),
        ("registered_manager", "2026-09", 41),
        ("senior_leader", "2026-07", 41),
    ]
    assert (overdue[0]["due_on"], overdue[0]["overdue_since"]) == ("2026-08-05", "2026-08-19")
    then = clock.now.isoformat()
    clock.advance(timedelta(hours=1))
    for period in ("2026-07", "2026-08", "2026-09"):
        await hold(home.ruth, period=period)
    overdue = (await read(home.ruth, view))["oversight"]["overdue_reviews"]
    assert [one["role"] for one in overdue] == ["senior_leader"]
    known = await read(home.ruth, view, known_at=then)
    assert len(known["oversight"]["overdue_reviews"]) == 4


async def test_grace_is_a_choice_and_changes_no_figure(
    home: Home, client: httpx.AsyncClient, clock: Clock
) -> None:
    before = await read(home.ruth, "breadth")
    then = clock.now.isoformat()
    clock.advance(timedelta(hours=1))
    assert (await client.put("/v1/settings", json={"review_grace_days": 60})).is_success
    after = await read(home.ruth, "breadth")
    assert {one["period"] for one in after["oversight"]["overdue_reviews"]} == {
        "2026-07",
        "2026-08",
    }
    assert after["snapshot"] == before["snapshot"]
    known = await read(home.ruth, "breadth", known_at=then)
    assert known["oversight"] == before["oversight"]


@pytest.mark.usefixtures("home")
async def test_overdue_reviews_escalate_once_a_role(
    running: Running, provider: ProviderId, admin: Any, clock: Clock, watch: Watch
) -> None:
    for _ in range(2):
        await watch()
    manager, senior = await escalations(running, provider)
    assert (manager["word"], senior["word"]) == ("registered_manager", "senior_leader")
    assert {one["trigger"] for one in (manager, senior)} == {"review_overdue"}
    assert [one["period"] for one in manager["signal"]["periods"]] == [
        "2026-07",
        "2026-08",
        "2026-09",
    ]
    assert (manager["signal"]["figure"], manager["signal"]["threshold"]) == (102, 14)
    assert manager["signal"]["since"] == "2026-08-19"
    assert (manager["reviewer_role"], manager["next_review_on"]) == ("senior_leader", "2026-11-22")
    assert [one["owner"]["person"] for one in (manager, senior)] == ["ruth", "sue"]
    assert manager["offered"] == ["senior_oversight", "operational_review"]
    assert manager["statements"] == ["saf2023:W5", "asc2026-draft:W4"]
    assert await done(admin, provider) == ["opened", "opened"]
    clock.advance(timedelta(days=1))
    await watch()
    assert await done(admin, provider) == ["opened", "opened"], "another day is no news"
    clock.advance(timedelta(days=7))
    await watch()
    assert (await escalations(running, provider))[0]["next_review_on"] == "2026-11-30"


async def test_an_escalated_review_ceases_when_held_and_opens_for_a_later_one(
    home: Home, running: Running, provider: ProviderId, clock: Clock, watch: Watch
) -> None:
    await watch()
    for period in ("2026-07", "2026-08", "2026-09"):
        await hold(home.ruth, period=period)
    await watch()
    manager, senior = await escalations(running, provider)
    assert (manager["holds"], manager["status"], senior["holds"]) == (False, "open", True)
    for each in (manager, senior):
        address = f"/v1/services/{SERVICE}/escalations/{each['id']}:resolve"
        answer = await home.sue.post(address, json={"why": "Seen to."})
        assert answer.status_code == 200, answer.text
    await watch()
    assert [one["status"] for one in await escalations(running, provider)] == ["resolved"] * 2
    clock.now = NOW.replace(day=19)
    await watch()
    manager, senior = await escalations(running, provider)
    assert (manager["status"], manager["times_opened"]) == ("open", 2)
    assert [one["period"] for one in manager["signal"]["periods"]] == ["2026-10"]
    assert senior["status"] == "resolved", "the same quarter is still open and nobody's news"
