"""What a PUT of a service changes, what it leaves, and what it refuses."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from models.cells import LOCK, lock_name
from models.queue import Doorbell
from models.vocabulary import ProviderId
from tests.conftest import Clock
from tests.sent import SERVICE, dose, send
from tests.set_up import WholeMarks, body, put, refusal, team

ADDRESS = f"/v1/services/{SERVICE}"
Connection = Any


async def test_a_service_is_created_then_unchanged(
    client: httpx.AsyncClient, whole_marks: WholeMarks
) -> None:
    sent = body(
        team("oak", area="north", led_by="jb17", aliases=["Oak Unit"], opened_on="2020-01-01"),
        shift_patterns=[{"from": "2025-01-01", "day_starts": "07:30", "night_starts": "21:00"}],
    )
    created = await client.put(ADDRESS, json=sent)
    assert created.status_code == 201
    assert await whole_marks() == [SERVICE]
    again = await client.put(ADDRESS, json=sent)
    assert (again.status_code, again.json()) == (200, created.json())
    assert await whole_marks() == []
    assert (await client.get(ADDRESS)).json() == created.json()
    assert created.json() == {
        "service": SERVICE,
        "name": "Elm House",
        "kind": "care_home",
        "predecessor": None,
        "succeeded_on": None,
        "known_as": [SERVICE],
        "teams": [
            {
                "code": "oak",
                "name": "Oak",
                "area": "north",
                "led_by": "jb17",
                "aliases": ["Oak Unit"],
                "opened_on": "2020-01-01",
                "closed_on": None,
                "places": [{"from": None, "area": "north", "led_by": "jb17"}],
            }
        ],
        "shift_patterns": [{"from": "2025-01-01", "day_starts": "07:30", "night_starts": "21:00"}],
        "programme": None,
        "programmes": [],
        "warnings": [],
    }


async def test_what_is_left_out_stays_and_null_empties(client: httpx.AsyncClient) -> None:
    full = team("oak", area="north", aliases=["Oak Unit"], opened_on="2020-01-01")
    pattern = {"from": "2025-01-01", "day_starts": "07:30", "night_starts": "21:00"}
    first = await put(client, full, team("elm"), shift_patterns=[pattern])
    assert await put(client, team("oak")) == first
    emptied = await put(client, team("oak", opened_on=None, aliases=[]), shift_patterns=[])
    oak = next(each for each in emptied["teams"] if each["code"] == "oak")
    assert (oak["opened_on"], oak["aliases"], emptied["shift_patterns"]) == (None, [], [])


@pytest.mark.parametrize(
    ("change", "marked"),
    [
        ({"name": "Elm Lodge"}, 1),
        ({"kind": "homecare"}, 1),
        ({"teams": [team("oak", name="Great Oak")]}, 1),
        ({"teams": [team("oak", closed_on="2026-06-30")]}, 1),
        ({"teams": [team("oak", led_by="k2")]}, 1),
        ({"teams": [team("oak", aliases=["O"])]}, 1),
        ({"teams": [team("elm")]}, 1),
        ({"shift_patterns": [{"from": "2025-01-01", "day_starts": "07:00",
                              "night_starts": "19:00"}]}, 1),
        ({"teams": []}, 0),
        ({"teams": [team("oak", aliases=[])], "shift_patterns": []}, 0),
    ],
)  # fmt: skip
async def test_only_a_change_marks_the_service(
    client: httpx.AsyncClient, whole_marks: WholeMarks, change: dict[str, Any], marked: int
) -> None:
    await put(client, team("oak"))
    await whole_marks()
    await put(client, **({"teams": [team("oak")]} | change))
    assert len(await whole_marks()) == marked


async def test_a_change_of_area_holds_from_today_on(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    await put(client, team("oak", area="north", led_by="a"))
    changed = await put(client, team("oak", area="south"))
    assert changed["teams"][0]["places"] == [
        {"from": None, "area": "north", "led_by": "a"},
        {"from": "2026-11-15", "area": "south", "led_by": "a"},
    ]
    again_that_day = await put(client, team("oak", area="east"))
    assert again_that_day["teams"][0]["places"][1:] == [
        {"from": "2026-11-15", "area": "east", "led_by": "a"}
    ]
    clock.advance(timedelta(days=2))
    later = await put(client, team("oak", area="east", led_by="b"))
    assert later["teams"][0]["places"][2:] == [
        {"from": "2026-11-17", "area": "east", "led_by": "b"}
    ]


async def test_today_is_the_local_day(client: httpx.AsyncClient, clock: Clock) -> None:
    await put(client, team("oak", area="north"))
    clock.now = clock.now.replace(month=6, day=30, hour=23, minute=30)
    changed = await put(client, team("oak", area="south"))
    assert changed["teams"][0]["places"][1]["from"] == "2026-07-01"


async def test_area_from_says_since_when(client: httpx.AsyncClient) -> None:
    await put(client, team("oak", area="north"))
    moved = team("oak", area="south", area_from="2026-03-01")
    first = await put(client, moved)
    assert first["teams"][0]["places"][1:] == [
        {"from": "2026-03-01", "area": "south", "led_by": None}
    ]
    assert await put(client, moved) == first
    earlier = await put(client, team("oak", area="west", area_from="2026-02-01"))
    assert earlier["teams"][0]["places"][1:] == [
        {"from": "2026-02-01", "area": "west", "led_by": None}
    ]


async def test_a_planned_move_survives_todays_put(client: httpx.AsyncClient) -> None:
    await put(client, team("oak", area="north"))
    planned = await put(client, team("oak", area="south", area_from="2027-01-01"))
    assert planned["teams"][0]["area"] == "north"
    assert await put(client, team("oak", area="north")) == planned


async def test_another_shape_of_id_is_taken_with_a_warning(client: httpx.AsyncClient) -> None:
    said = await put(client, service="oak-house")
    assert len(said["warnings"]) == 1
    assert "oak-house" in said["warnings"][0]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"colour": "red"}, "/colour"),
        ({"teams": [team("oak"), team("oak")]}, "/teams/1/code"),
        ({"teams": [team("oak"), team("elm", aliases=["oak"])]}, "/teams/1/aliases/0"),
        ({"teams": [team("oak", aliases=["x"]), team("elm", aliases=["x"])]}, "/teams/1/aliases/0"),
        ({"teams": [team("oak", leader="x")]}, "/teams/0/leader"),
        ({"teams": [team("oak", opened_on="2026-02-01", closed_on="2026-01-01")]},
         "/teams/0/closed_on"),
        ({"shift_patterns": [{"from": "2025-01-01", "day_starts": "20:00",
                              "night_starts": "08:00"}]}, "/shift_patterns/0/night_starts"),
        ({"shift_patterns": [{"from": "2025-01-01", "day_starts": "08:00:30",
                              "night_starts": "20:00"}]}, "/shift_patterns/0/day_starts"),
        ({"shift_patterns": [{"from": "2025-01-01", "day_starts": "08:00",
                              "night_starts": "20:00"}] * 2}, "/shift_patterns/1/from"),
        ({"succeeded_on": "2026-01-01"}, "/succeeded_on"),
        ({"predecessor": SERVICE}, "/predecessor"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_with_a_pointer(
    client: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    assert await refusal(client, "PUT", ADDRESS, body(**change)) == (422, [pointer])
    assert (await client.get(ADDRESS)).status_code == 404


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        (team("elm", aliases=["Oak Unit"]), "/teams/0/aliases/0"),
        (team("elm", aliases=["oak"]), "/teams/0/aliases/0"),
        (team("Oak Unit"), "/teams/0/code"),
    ],
)
async def test_a_name_of_a_stored_team_is_a_conflict(
    client: httpx.AsyncClient, sent: dict[str, Any], pointer: str
) -> None:
    before = await put(client, team("oak", aliases=["Oak Unit"]))
    assert await refusal(client, "PUT", ADDRESS, body(sent)) == (409, [pointer])
    assert (await client.get(ADDRESS)).json() == before


async def test_an_alias_moves_between_teams_of_one_body(client: httpx.AsyncClient) -> None:
    await put(client, team("oak", aliases=["Unit 1"]), team("elm"))
    moved = await put(client, team("oak", aliases=[]), team("elm", aliases=["Unit 1"]))
    assert {each["code"]: each["aliases"] for each in moved["teams"]} == {
        "oak": [],
        "elm": ["Unit 1"],
    }


async def waiting(client: httpx.AsyncClient) -> dict[str, str]:
    listed = (await client.get("/v1/quarantine")).json()["items"]
    return {row["event_id"]: row["reason"] for row in listed}


async def test_what_waited_is_released_when_it_is_known(
    client: httpx.AsyncClient, whole_marks: WholeMarks
) -> None:
    await send(client, dose(1), dose(2, team="Oak Unit"), dose(3, team=None))
    assert set((await waiting(client)).values()) == {"unknown_service"}
    await put(client, team("oak"))
    assert await waiting(client) == {"A-000002": "unknown_team"}
    await whole_marks()
    await put(client, team("oak", aliases=["Oak Unit"]))
    assert await waiting(client) == {}
    assert await whole_marks() == [SERVICE]
    released = await client.get("/v1/quarantine", params={"state": "released"})
    assert len(released.json()["items"]) == 3


async def test_what_a_removed_alias_named_waits_again(client: httpx.AsyncClient) -> None:
    await send(client, dose(1, team="Oak Unit"))
    await put(client, team("oak", aliases=["Oak Unit"]))
    await send(client, dose(2, team="Oak Unit"), dose(3))
    assert await waiting(client) == {}
    await put(client, team("oak", aliases=[]))
    assert await waiting(client) == {"A-000001": "unknown_team", "A-000002": "unknown_team"}
    await put(client, team("elm", aliases=["Oak Unit"]))
    assert await waiting(client) == {}


async def test_puts_at_the_same_time_lose_nothing(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(
            client.put(ADDRESS, json=body(team(f"t{number}", aliases=[f"a{number}"])))
            for number in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    teams = (await client.get(ADDRESS)).json()["teams"]
    assert [each["code"] for each in teams] == [f"t{number}" for number in range(6)]
    assert [each["aliases"] for each in teams] == [[f"a{number}"] for number in range(6)]


async def test_a_change_waits_for_the_recompute_under_way(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await put(client, team("oak"), service="1-100000001")
    await put(client, service="1-100000002", predecessor="1-100000001")
    async with admin.transaction():
        await admin.execute(LOCK, lock_name(provider, "1-100000002"))
        waiting = asyncio.create_task(put(client, team("elm"), service="1-100000001"))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done
    assert len((await waiting)["teams"]) == 2


async def test_the_worker_is_rung_for_what_is_stored_and_nothing_else(
    client: httpx.AsyncClient, provider: ProviderId, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[ProviderId, list[str]]] = []

    def press(_: Doorbell, provider: ProviderId, services: list[str]) -> None:
        rung.append((provider, services))

    monkeypatch.setattr(Doorbell, "press", press)
    await put(client, team("oak"))
    assert rung == [(provider, [SERVICE])]
    await refusal(client, "PUT", ADDRESS, body(team("elm", aliases=["oak"])))
    await put(client, team("oak"))
    assert len(rung) == 1
