"""Coverage of statements over HTTP: which evidence, how fresh, from whose perspective."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from api.running import Running
from models.frameworks import ASC_2026_DRAFT, SAF_2023, framework_in_force
from models.vocabulary import ProviderId, Stage
from tests.conftest import NOW, Clock, MakeClient
from tests.reading import address, check, read, set_up
from tests.recomputing import Admin, settle
from tests.sent import event, send
from tests.walking import walk


def feedback(id_: str, at: str) -> dict[str, Any]:
    data = {"respondent": "family", "rating": 4}
    sent: dict[str, Any] = event("feedback.received", data, id=id_, occurred_at=at, team="oak")
    return sent


def audit_at(month: str) -> Any:
    return check(f"audit/{month}", f"{month}-09T10:00:00+00:00", 22)


def visit_at(month: str) -> Any:
    return check(f"visit/{month}", f"{month}-09T10:00:00+00:00", 22, "observation.completed")


async def states(client: httpx.AsyncClient, **question: Any) -> dict[str, Any]:
    view = await read(client, "statements", **question)
    return {each["code"]: each for each in view["statements"]}


def brief(statement: dict[str, Any]) -> tuple[str, str | None, list[str]]:
    return statement["state"], statement["latest_month"], statement["perspectives"]["present"]


async def test_each_statement_says_what_there_is_and_how_fresh(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Admin
) -> None:
    await set_up(client)
    sent = [audit_at("2026-10"), visit_at("2026-06"), feedback("F-1", "2026-08-03T10:00:00+00:00")]
    await send(client, *sent)
    await settle(running, provider, admin)
    found = await states(client)
    assert list(found) == [f"saf2023:{code}" for code in SAF_2023.titles]
    # Audits alone, of this month; visits four months ago; families in the window; nothing at all.
    assert brief(found["saf2023:W5"]) == ("one_perspective", "2026-10", ["internal"])
    assert brief(found["saf2023:E2"]) == ("stale", "2026-06", [])
    assert brief(found["saf2023:C1"]) == ("one_perspective", "2026-08", ["external"])
    assert brief(found["saf2023:W8"]) == ("no_evidence", None, [])
    visits = found["saf2023:E2"]
    assert (visits["months_old"], visits["perspectives"]["absent"]) == (4, ["internal", "external"])
    assert visits["key_question"] == "Effective"
    [one] = visits["evidence"]
    assert one["indicator"] == "practice_observed"
    assert (one["events"], one["latest_month"], one["through"]) == (0, "2026-06", [])
    behind = (await client.get(one["links"][0])).json()["items"]
    assert [each["id"] for each in behind] == ["visit/2026-06"]


@pytest.mark.parametrize(
    ("as_of", "state", "months_old"),
    [
        ("2026-05", "no_evidence", None),
        ("2026-06", "one_perspective", 0),
        ("2026-08", "one_perspective", 2),
        ("2026-09", "stale", 3),
        ("2026-10", "stale", 4),
    ],
)
async def test_evidence_is_stale_after_three_months_without(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Admin,
    as_of: str,
    state: str,
    months_old: int | None,
) -> None:
    await set_up(client)
    await send(client, visit_at("2026-06"))
    await client.get(address("statements"), params={"as_of": as_of})
    await settle(running, provider, admin)
    found = (await states(client, as_of=as_of))["saf2023:E2"]
    assert (found["state"], found["months_old"]) == (state, months_old)


async def test_both_perspectives_cover_what_one_indicator_of_ones_own_speaks_to(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Admin
) -> None:
    await set_up(client)
    schema = {"type": "object", "properties": {"done": {"type": "integer"}}}
    put = await client.put("/v1/event-types/custom.oral_care", json=schema)
    assert put.is_success, put.text
    own = {
        "code": "oral_care",
        "name": "Oral care given",
        "events": ["custom.oral_care"],
        "x": "done",
        "measure": "rate",
        "channel": "observation",
        "category": "staff_practice",
        "meaningful": 1.0,
        "statements": ["saf2023:C1", "saf2023:E4"],
    }
    put = await client.put("/v1/catalogue", json={"own": [own]})
    assert put.is_success, put.text
    done = event("custom.oral_care", {"done": 1}, id="O-1", team="oak")
    await send(
        client,
        done | {"occurred_at": "2026-10-05T09:00:00+00:00"},
        feedback("F-1", "2026-10-03T10:00:00+00:00"),
    )
    await settle(running, provider, admin)
    found = await states(client)
    assert brief(found["saf2023:C1"]) == ("covered", "2026-10", ["internal", "external"])
    assert found["saf2023:C1"]["channels"] == ["observation", "feedback"]
    assert brief(found["saf2023:E4"]) == ("one_perspective", "2026-10", ["internal"])
    # The draft asks about the same as E4 in its E3; the indicator names only the one in use.
    draft = await states(client, framework="asc2026-draft")
    [one] = draft["asc2026-draft:E3"]["evidence"]
    assert (one["indicator"], one["through"]) == ("oral_care", ["saf2023:E4"])
    [segment] = [
        one for one in (await read(client, "spread-dashboard"))["segments"] if one["code"] == "oak"
    ]
    assert {"saf2023:C1", "saf2023:R4", "asc2026-draft:R2"} <= set(segment["statements"])


async def test_coverage_is_as_it_was_known(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Admin,
    clock: Clock,
) -> None:
    on = await walk(client, client_with, running, provider, admin)
    before = clock.now
    clock.now = NOW + timedelta(hours=1)
    record = await on.signed("quinn", Stage.MAP, {"comment": None})
    await send(client, feedback("F-1", "2026-10-03T10:00:00+00:00"))
    await settle(running, provider, admin, clock.now)
    now, then = await states(client), await states(client, known_at=before.isoformat())
    [shown] = now["saf2023:W5"]["records"]
    assert (shown["id"], shown["signed_by"]["name"]) == (record["id"], "Quinn")
    assert (await client.get(shown["link"])).status_code == 200
    assert then["saf2023:W5"]["records"] == []
    assert now["saf2023:R4"]["state"] == "one_perspective"
    assert then["saf2023:R4"]["state"] == "no_evidence"
    links = [link for one in then["saf2023:W5"]["evidence"] for link in one["links"]]
    assert links
    for link in links:
        assert (await client.get(link)).status_code == 200
        assert "known_at=" in link


async def test_figures_frozen_before_freshness_was_kept_are_worked_out_anew(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Admin, clock: Clock
) -> None:
    await set_up(client)
    await settle(running, provider, admin)
    await admin.execute("UPDATE snapshots SET body = (body::jsonb - 'evidence')::json")
    then = await client.get(address("statements"), params={"known_at": NOW.isoformat()})
    assert (then.status_code, then.json()["code"]) == (404, "nothing_known_then")
    clock.now = NOW + timedelta(minutes=5)
    waiting = await client.get(address("statements"))
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "2")
    await admin.execute("UPDATE snapshots SET content_hash = ''")
    await settle(running, provider, admin, clock.now)
    assert (await client.get(address("statements"))).status_code == 200


async def test_a_framework_that_is_not_known_is_refused(client: httpx.AsyncClient) -> None:
    await set_up(client)
    answer = await client.get(address("statements"), params={"framework": "saf2099"})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/framework", "unknown_framework")
    early = await client.get(address("statements"), params={"as_of": "2023-10"})
    assert early.json()["errors"][0]["code"] == "no_framework_in_force"


def test_the_framework_in_use_is_in_force_from_its_day_and_a_draft_never() -> None:
    assert framework_in_force(date(2023, 11, 20)) is None
    assert framework_in_force(date(2023, 11, 21)) is SAF_2023
    assert framework_in_force(date(2030, 1, 1)) is SAF_2023
    assert ASC_2026_DRAFT.effective_from is None
