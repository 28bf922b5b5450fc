"""Escalations that open, go on, cease and reopen by themselves, look by look."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from api.running import Running
from models.db import transaction
from models.escalation_states import note_states
from models.escalations import Raised, open_escalation
from models.trail import By
from models.vocabulary import ProviderId, Role, Strand
from tests.conftest import NOW, make_provider
from tests.escalated import NOVEMBER, OCTOBER, done, escalations, looked, resolved, signal
from tests.reading import set_up
from tests.recomputing import settle
from tests.roles import person
from tests.sent import SERVICE
from worker.triggers import Kind
from worker.watched import RULES

TRIGGERS = [rule for rule in RULES if rule.kind is Kind.TRIGGER]
DECEMBER_6 = datetime(2026, 12, 6, 12, tzinfo=UTC)


@pytest.fixture
async def home(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    """A service that has been scored and shows no trigger."""
    await set_up(client)
    await settle(running, provider, admin)


def test_there_are_nine_triggers() -> None:
    assert len({(rule.strand, rule.code) for rule in TRIGGERS}) == 9


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("rule", TRIGGERS, ids=lambda rule: rule.code)
async def test_each_trigger_opens_an_escalation(
    running: Running, provider: ProviderId, rule: Any
) -> None:
    found = signal(rule.code, "oak", text=rule.says, threshold=rule.threshold)
    assert await looked(running, provider, found, strand=rule.strand) == ["opened"]
    (one,) = await escalations(running, provider)
    assert one["signal"] == found
    assert (one["strand"], one["trigger"], one["segment"]) == (rule.strand, rule.code, "oak")
    assert (one["status"], one["holds"], one["times_opened"]) == ("open", True, 1)
    assert (one["reviewer_role"], one["next_review_on"]) == ("registered_manager", "2026-12-05")
    assert f"strand={rule.strand}&segment=oak" in one["links"]["evidence"]
    assert one["offered"]
    assert one["statements"]


@pytest.mark.usefixtures("home")
async def test_one_is_open_for_each_trigger_segment_and_word(
    running: Running, provider: ProviderId, admin: Any
) -> None:
    found = [
        signal("repeated_dissatisfaction", segment, word)
        for segment in ("Nursing", "Residential")
        for word in ("dignity", "food")
    ]
    alignment = Strand.EVIDENCE_ALIGNMENT
    for actions in (["opened"] * 4, []):
        assert await looked(running, provider, *found, strand=alignment) == actions
    assert len(await escalations(running, provider)) == 4
    assert await done(admin, provider) == ["opened"] * 4


@pytest.mark.usefixtures("home")
async def test_only_open_triggers_escalate(running: Running, provider: ProviderId) -> None:
    found = [signal("persistent_variation", state=state) for state in ("watching", "cleared")]
    assert await looked(running, provider, *found) == []
    assert await escalations(running, provider) == []


@pytest.mark.usefixtures("home")
async def test_what_is_said_anew_is_taken_over(
    running: Running, provider: ProviderId, admin: Any
) -> None:
    await looked(running, provider, signal("weaker_local_trends", "oak", figure=2.0))
    again = signal("weaker_local_trends", "oak", figure=3.0)
    assert await looked(running, provider, again) == ["refreshed"]
    (one,) = await escalations(running, provider)
    assert one["signal"]["figure"] == 3.0
    assert await looked(running, provider) == ["ceased"]
    assert await looked(running, provider) == []
    (one,) = await escalations(running, provider)
    assert (one["status"], one["holds"], one["signal"]["figure"]) == ("open", False, 3.0)
    assert await looked(running, provider, again) == ["held_again"]
    assert await done(admin, provider) == ["opened", "refreshed", "ceased", "held_again"]


RESOLVED = """
    a resolution stands for the look it was made at | Oct open | Oct open                | resolved
    a later look that still says so opens it again  | Oct open | Nov open                | open
    a later look that says nothing leaves it        | Oct open | Nov gone                | resolved
    it opens again after it had ceased              | Oct open | Oct gone, Oct open      | open
    resolved after it ceased, it opens when it is back | Oct gone | Oct open             | open
    it opens once, however often it is looked at    | Oct open | Nov open, Nov open      | open
"""
LOOKS = {"Oct": OCTOBER, "Nov": NOVEMBER}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        pytest.param(*cells[1:], id=cells[0])
        for cells in (
            [cell.strip() for cell in line.split("|")] for line in RESOLVED.strip().splitlines()
        )
    ],
)
async def test_a_resolved_one_opens_again_by_itself(
    running: Running, provider: ProviderId, before: str, after: str, status: str
) -> None:
    await person(running, provider, "ann", Role.REGISTERED_MANAGER)
    found = signal("stuck_in_first_team")
    await looked(running, provider, found)
    for each in (before, "resolved", *after.split(", ")):
        if each == "resolved":
            await resolved(running, provider, "ann")
            continue
        month, state = each.split()
        shown = [found] if state == "open" else []
        await looked(running, provider, *shown, as_of=LOOKS[month])
    (one,) = await escalations(running, provider)
    opened = 2 if status == "open" else 1
    assert (one["status"], one["times_opened"]) == (status, opened)
    assert (one["resolved_why"] is None) == (status == "open")
    assert one["owner"] == {"person": "ann", "name": "Ann"}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("holders", "owner"), [([], None), (["ann"], "ann"), (["ann", "bea"], None)]
)
async def test_the_one_registered_manager_is_asked_to_own_it(
    running: Running, provider: ProviderId, holders: list[str], owner: str | None
) -> None:
    for code in holders:
        await person(running, provider, code, Role.REGISTERED_MANAGER, service=SERVICE)
    await person(running, provider, "left", Role.REGISTERED_MANAGER, until=date(2026, 11, 14))
    await looked(running, provider, signal("persistent_variation"))
    (one,) = await escalations(running, provider)
    assert (one["owner"] and one["owner"]["person"]) == owner


@pytest.mark.usefixtures("home")
async def test_a_review_date_that_passed_goes_on_with_the_new_look(
    running: Running, provider: ProviderId
) -> None:
    """On 1 December the date of the October look has not passed; on the 6th it has."""
    found = signal("persistent_variation")
    await looked(running, provider, found)
    days = []
    for now in (DECEMBER_6 - timedelta(days=5), DECEMBER_6):
        await looked(running, provider, found, as_of=NOVEMBER, now=now)
        days.append((await escalations(running, provider))[0]["next_review_on"])
    assert days == ["2026-12-05", "2027-01-05"]


@pytest.mark.usefixtures("home")
async def test_what_leaders_ask_for_is_none_of_a_looks_business(
    running: Running, provider: ProviderId
) -> None:
    raised = Raised(
        "team_spread", "leaders_judgement", "", "", {"record": "a"}, OCTOBER, None, NOVEMBER
    )
    for record, anew, expected in (
        ("a", True, "opened"), ("a", False, None), ("b", True, "refreshed")
    ):  # fmt: skip
        async with transaction(running.sessions, provider) as session:
            _, action = await open_escalation(
                session,
                provider,
                [SERVICE],
                raised._replace(signal={"record": record}),
                NOW,
                anew=anew,
            )
            assert action == expected
    assert await looked(running, provider) == ["review_moved"]
    (one,) = await escalations(running, provider)
    assert (one["holds"], one["links"]) == (True, {"record": f"/v1/services/{SERVICE}/records/b"})
    assert one["next_review_on"] == "2026-12-05"


@pytest.mark.usefixtures("home")
async def test_of_two_who_open_it_at_once_one_does(
    running: Running, provider: ProviderId, admin: Any
) -> None:
    raised = Raised("team_spread", "leaders_judgement", "", "", {}, OCTOBER, None, NOVEMBER)

    async def raise_it() -> str | None:
        async with transaction(running.sessions, provider) as session:
            row, action = await open_escalation(session, provider, [SERVICE], raised, NOW)
            await asyncio.sleep(0.05)
            await note_states(session, provider, [(row, action or "kept", By())], NOW)
            return action

    assert sorted(await asyncio.gather(*(raise_it() for _ in range(4))), key=str) == [
        None, None, None, "opened"
    ]  # fmt: skip
    assert len(await escalations(running, provider)) == 1
    assert await done(admin, provider) == ["opened", "kept", "kept", "kept"]


@pytest.mark.usefixtures("home")
async def test_a_service_keeps_its_escalations_under_its_new_id(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    found = signal("persistent_variation")
    await looked(running, provider, found)
    body = {"name": "Elm House", "kind": "care_home", "teams": [], "predecessor": SERVICE}
    assert (await client.put("/v1/services/1-999", json=body)).is_success
    await settle(running, provider, admin)
    assert await looked(running, provider, found) == ["held_again"], "no look saw it meanwhile"
    assert len(await escalations(running, provider)) == 1


@pytest.mark.usefixtures("home")
async def test_the_trail_cannot_be_changed_and_shows_nothing_to_others(
    running: Running, provider: ProviderId, admin: Any, database_url: str
) -> None:
    await looked(running, provider, signal("persistent_variation"))
    other = await make_provider(running)
    connection = await asyncpg.connect(database_url)
    try:
        for owner, lines in ((provider, 1), (other, 0)):
            await connection.execute("SELECT set_config('app.provider', $1, false)", str(owner))
            assert await connection.fetchval("SELECT count(*) FROM trail") == lines
        for change in (
            "UPDATE trail SET action = 'nothing'",
            "DELETE FROM trail",
            "TRUNCATE trail",
            "DELETE FROM escalations",
            "DELETE FROM reviews",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)
    finally:
        await connection.close()
    assert await done(admin, provider) == ["opened"]
