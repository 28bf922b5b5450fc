"""An expected source that sends nothing never reads as improvement."""

from datetime import date, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from api.running import Running
from models.calendar import add_months, months_between
from models.context import ServiceContext
from models.db import transaction
from models.silences import Silence, find_silences
from models.vocabulary import ProviderId, Scope
from tests.cells_by_month import FIRST, SINCE
from tests.conftest import NOW, Clock, MakeClient
from tests.connecting import connect, dose, set_up, visits
from tests.evidence_by_hand import AS_OF, cell, context
from worker.scoring import conclude

TEAMS = ("oak", "elm")
MONTHS = months_between(FIRST, AS_OF)
LATER = add_months(AS_OF, 1)
REPORTS = ("incident.reported",)
FALLS = "falls"


def falling(quiet_from: date) -> list[Any]:
    """Falls as ever until a month, and from then on none that anybody reported."""
    rows = []
    for month in MONTHS:
        for team in TEAMS:
            rows.append(cell(month, "resident_days", team, 30 * 40 * 1440))
            if month < quiet_from:
                rows.append(cell(month, FALLS, team, 24))
    return rows


def improved(of: ServiceContext) -> dict[str, str]:
    """What is said of the falls of each team, by the channel they are in."""
    rows = falling(SINCE)
    content = conclude(of, rows, [AS_OF], NOW, FIRST)[AS_OF].content
    strand = content["strands"]["team_spread"]
    assert bool([one for one in strand["warnings"] if one["code"] == "silent_source"]) == bool(
        of.silences
    )
    return {
        segment["code"]: channel["state"]
        for segment in strand["segments"]
        for channel in segment["channels"]
        if channel["channel"] == "trend"
    }


@pytest.mark.parametrize(
    ("silence", "says"),
    [
        (None, "improved"),
        (Silence("datix", REPORTS, SINCE, None), "no_evidence"),
        (Silence("datix", (), SINCE, None), "no_evidence"),
        (Silence("datix", REPORTS, SINCE, AS_OF), "no_evidence"),
        (Silence("roster", ("shift.worked",), SINCE, None), "improved"),
    ],
)
def test_no_reports_of_a_silent_source_are_no_evidence(silence: Silence | None, says: str) -> None:
    of = context(TEAMS)
    if silence is not None:
        of = msgspec.structs.replace(of, silences=(silence,))
    assert improved(of) == dict.fromkeys(TEAMS, says)


def test_silence_after_the_look_changes_nothing() -> None:
    later = msgspec.structs.replace(
        context(TEAMS), silences=(Silence("datix", REPORTS, LATER, None),)
    )
    rows = falling(SINCE)
    assert conclude(later, rows, [AS_OF], NOW, FIRST) == conclude(
        context(TEAMS), rows, [AS_OF], NOW, FIRST
    )


async def noticed(running: Running, provider: ProviderId, clock: Clock) -> list[str]:
    async with transaction(running.sessions, provider) as session:
        return [each.connector for each in await find_silences(session, clock())]


async def test_silence_is_found_ends_and_is_filled(
    client_with: MakeClient,
    anonymous: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    clock: Clock,
    admin: Any,
) -> None:
    client = await client_with(Scope.ADMIN, Scope.CONNECTORS_ADMIN)
    await set_up(client, "oak")
    platform = await connect(client, anonymous, expected_every_hours=24)
    await platform.post(visits(dose(1)))
    assert await noticed(running, provider, clock) == []
    clock.advance(timedelta(hours=25))
    assert await noticed(running, provider, clock) == ["rondo"]
    assert await noticed(running, provider, clock) == [], "said once"
    platform.now = clock()
    await platform.post(visits(dose(2)))
    assert await noticed(running, provider, clock) == ["rondo"], "it has ended"
    [missed] = (await client.get("/v1/connectors/rondo")).json()["warnings"]
    assert missed["kind"] == "missed"
    later = (clock() + timedelta(days=1)).isoformat()
    refused = await client.post("/v1/connectors/rondo:fill", json={"until": later, "reason": "x"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/until")
    body = {"until": clock().isoformat(), "reason": "Sent again."}
    filled = await client.post("/v1/connectors/rondo:fill", json=body)
    assert (filled.status_code, filled.json()["warnings"]) == (200, [])
    marked = await admin.fetchval("SELECT count(*) FROM marks WHERE provider_id = $1", provider)
    assert marked, "scores look at it anew"
    clock.advance(timedelta(days=30))
    assert await noticed(running, provider, clock) == ["rondo"], "a new one, however long"
