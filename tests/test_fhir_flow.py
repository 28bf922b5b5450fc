"""The whole path of FHIR: bundles in over HTTP, the real worker, the view and its evidence out."""

from typing import Any

import httpx
import pytest

from api.running import Running
from tests.fhir_sent import (
    Resource,
    administration,
    adverse_event,
    bundle,
    entries,
    post,
    questionnaire,
)
from tests.test_flow import Work, read, rung, set_up, work

__all__ = ["work"]  # a fixture

BEHIND = "strand=team_spread&segment=oak&month=2026-09&indicator="
#: Everything that a September of Oak says, with what is not counted and what was an error.
SENT: list[Resource] = [
    administration(1),
    administration(2, status="not-done", statusReason=[{"text": "Asleep"}]),
    administration(3, status="not-done"),
    administration(4, status="unknown"),
    administration(5),
    administration(5, status="entered-in-error"),
    questionnaire(1),
    questionnaire(2, status="in-progress"),
    adverse_event(1),
    adverse_event(2, actuality="potential"),
]


async def behind(client: httpx.AsyncClient, indicator: str) -> list[tuple[int, Any, str]]:
    listed = await read(client, f"evidence?{BEHIND}{indicator}")
    return [
        (item["x"], item["n"], item["id"].partition("|")[2])
        for item in listed["items"]
        if item["counts_as"] != "excluded"
    ]


# arq 0.28 still closes its pool by redis-py's older name.
@pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")
@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_a_bundle_reaches_the_view_through_the_worker_and_leads_back(
    kind: str, client: httpx.AsyncClient, running: Running, work: Work
) -> None:
    await set_up(client)
    answer = await post(client, bundle(*SENT, kind=kind))
    assert answer.status_code == 200, answer.text
    assert [status for status, _ in entries(answer)] == [
        *("201", "201", "201", "200", "201", "200"),
        *("201", "200", "201", "201"),
    ]
    await rung(running)
    assert await work() >= 1
    view = await read(client, "spread-dashboard")
    assert not view["freshness"]["pending"]
    oak = next(segment for segment in view["segments"] if segment["code"] == "oak")
    now = {channel["channel"]: channel["n_current"] for channel in oak["channels"]}
    # Three doses and two incidents, and the one voice that was heard to the end.
    assert (now["trend"], now["feedback"]) == (5, 1)
    assert sorted(await behind(client, "medicine_omissions")) == [
        (0, 1, "D-1"),
        (0, 1, "D-2"),
        (1, 1, "D-3"),
    ]
    assert await behind(client, "experience_rating") == [(4, 1, "V-1")]
    assert sorted(await behind(client, "near_miss_ratio")) == [(0, 1, "I-1"), (1, 1, "I-2")]
