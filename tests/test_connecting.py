"""A stranger's feed: connected, sent, broken, mended, replayed; and nothing is lost on the way."""

import copy
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.conftest import MakeClient
from tests.connecting import (
    CONNECTOR,
    MAPPING,
    SERVICE,
    Platform,
    connect,
    dose,
    items,
    map_all,
    reconciled,
    set_up,
    visits,
)
from tests.recomputing import cells, settle

SCOPES = (Scope.ADMIN, Scope.CONNECTORS_ADMIN, Scope.VIEWS_READ)


@pytest.fixture
async def client(client_with: MakeClient) -> httpx.AsyncClient:
    return await client_with(*SCOPES)


def changed(path: list[str], value: Any) -> dict[str, Any]:
    mapping = copy.deepcopy(MAPPING)
    place = mapping
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return mapping


async def doses(admin: Any, provider: ProviderId) -> dict[str, tuple[int, int]]:
    """Omissions and doses due, by team."""
    found: dict[str, tuple[int, int]] = {}
    for key, sums in (await cells(admin, provider)).items():
        if key[3] == "medicine_omissions":
            x, n = found.get(key[4], (0, 0))
            found[key[4]] = (x + sums[0], n + sums[1])
    return found


async def test_two_calls_connect_an_unknown_feed(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    answer = await platform.post(visits(dose(1), dose(2, state="lost")))
    assert answer.status_code == 202
    assert answer.json()["duplicate"] is False
    assert answer.headers["location"] == f"/v1/inbox/{answer.json()['inbox_id']}"
    assert (await reconciled(client))["bodies"]["waiting"] == 1
    assert await map_all(running, provider) == 1
    await settle(running, provider, admin)
    assert await doses(admin, provider) == {"oak": (1, 2)}
    body = await reconciled(client)
    assert body["bodies"] == {
        "acknowledged": 1,
        "duplicate": 0,
        "waiting": 0,
        "mapped": 1,
        "quarantined": 0,
        "dismissed": 0,
    }
    assert body["records"]["records"] == body["records"]["accepted"] == 2


async def test_breaking_mending_and_replaying(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    await platform.post(visits(dose(1), dose(2, state="spat out")))
    await map_all(running, provider)
    [item] = await items(client, status="quarantined")
    assert item["reason"] == "records_refused"
    assert item["counts"]["accepted"] == item["counts"]["rejected"] == 1
    assert item["refused"][0]["index"] == 1
    assert "spat out" in item["refused"][0]["detail"]
    await settle(running, provider, admin)
    assert await doses(admin, provider) == {"oak": (0, 1)}, "the good one counts meanwhile"
    await reconciled(client)
    mended = changed(
        ["codes", "state", "words"], MAPPING["codes"]["state"]["words"] | {"spat out": "refused"}
    )
    added = await client.post("/v1/mappings/rondo", json={"mapping": mended})
    assert (added.status_code, added.json()["state"]) == (201, "draft")
    await client.post("/v1/mappings/rondo/2:activate")
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await doses(admin, provider) == {"oak": (0, 2)}
    [item] = await items(client)
    assert (item["status"], item["mapping_version"]) == ("mapped", 2)
    assert item["counts"]["accepted"] == item["counts"]["duplicates"] == 1
    await reconciled(client)


async def test_mapping_anew_corrects_and_takes_back_what_it_no_longer_reads(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> None:
    """The first mapping took refusals for omissions and counted a test wing."""
    await set_up(client, "oak", "trial")
    wrong = changed(["codes", "state", "words", "no"], "omitted_error")
    platform = await connect(client, anonymous, wrong)
    await platform.post(visits(dose(1), dose(2, state="no"), dose(3, wing="trial")))
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await doses(admin, provider) == {"oak": (1, 2), "trial": (0, 1)}
    right = copy.deepcopy(MAPPING)
    right["when"] = [{"path": "wing != 'trial'", "reason": "is of the trial wing"}]
    await client.post("/v1/mappings/rondo", json={"mapping": right})
    await client.post("/v1/mappings/rondo/2:activate")
    assert await map_all(running, provider) == 0, "what was mapped waits for somebody to ask"
    again = await client.post("/v1/replays", json={"connector": "rondo", "status": ["mapped"]})
    assert (again.status_code, again.json()["bodies"]) == (202, 1)
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await doses(admin, provider) == {"oak": (0, 2)}
    done = await client.get(f"/v1/replays/{again.json()['id']}")
    assert done.json()["done"] is True
    listed = (await client.get("/v1/replays")).json()["items"]
    assert [one["id"] for one in listed] == [again.json()["id"]]
    [item] = await items(client)
    assert item["counts"]["skipped"] == item["counts"]["retracted"] == 1
    await reconciled(client)


async def test_repeated_delivery_is_a_duplicate_and_other_content_is_not_lost(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    first = await platform.post(visits(dose(1)), "msg_a")
    again = await platform.post(visits(dose(1)), "msg_a")
    assert (again.status_code, again.json()) == (202, first.json() | {"duplicate": True})
    other = await platform.post(visits(dose(2)), "msg_a")
    assert other.status_code == 202
    assert other.json()["inbox_id"] != first.json()["inbox_id"]
    await map_all(running, provider)
    [kept] = await items(client, status="quarantined")
    assert kept["reason"] == "other_body_same_id"
    body = await reconciled(client)
    assert body["bodies"]["acknowledged"] == 3
    assert body["bodies"]["duplicate"] == body["bodies"]["quarantined"] == 1
    replayed = await client.post(
        "/v1/replays", json={"connector": "rondo", "inbox_ids": [kept["id"]]}
    )
    assert replayed.json()["bodies"] == 1
    await map_all(running, provider)
    assert [item["status"] for item in await items(client)] == ["mapped", "mapped"]


async def test_what_comes_before_a_mapping_waits_for_it(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    await set_up(client, "oak")
    created = (await client.post("/v1/connectors", json=CONNECTOR)).json()
    platform = Platform(anonymous, created["address"], created["secret"])
    assert (await platform.post(visits(dose(1)))).status_code == 202
    assert await map_all(running, provider) == 0
    await client.post("/v1/mappings/rondo", json={"mapping": MAPPING})
    await client.post("/v1/mappings/rondo/1:activate")
    assert await map_all(running, provider) == 1
    assert [item["status"] for item in await items(client)] == ["mapped"]


async def test_unknown_team_is_released_by_an_alias_without_a_replay(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    await platform.post(visits(dose(1, wing="Oak Wing 2")))
    await map_all(running, provider)
    [item] = await items(client)
    assert (item["status"], item["counts"]["quarantined"]) == ("mapped", 1)
    alias = {"code": "oak", "name": "Oak", "aliases": ["Oak Wing 2"]}
    body = {"name": "Elm House", "kind": "care_home", "teams": [alias]}
    assert (await client.put(f"/v1/services/{SERVICE}", json=body)).status_code == 200
    await settle(running, provider, admin)
    assert await doses(admin, provider) == {"oak": (0, 1)}
    await reconciled(client)


async def test_dismissed_body_stays_in_the_sum(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    platform = await connect(client, anonymous)
    await platform.post(b"<xml/>")
    await map_all(running, provider)
    [item] = await items(client, reason="unreadable_body")
    answer = await client.post(f"/v1/inbox/{item['id']}:dismiss", json={"reason": "A test."})
    assert (answer.status_code, answer.json()["status"]) == (200, "dismissed")
    assert (await reconciled(client))["bodies"]["dismissed"] == 1


async def test_new_keys_and_unknown_codes_are_noticed(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    await platform.post(visits(dose(1)))
    await platform.post(visits(dose(2, prn=True)))
    await platform.post(visits(dose(3, wing=None)))
    await map_all(running, provider)
    warned = (await client.get("/v1/connectors/rondo")).json()["warnings"]
    assert {(one["kind"], one["path"]) for one in warned} == {
        ("new_key", "visits[].doses[].prn"),
        ("newly_null", "visits[].doses[].wing"),
    }


@pytest.mark.parametrize(("hours", "silent"), [(None, False), (24, False), (2, True)])
async def test_expected_source_that_sends_nothing_is_silent(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    clock: Any,
    hours: int | None,
    silent: bool,
) -> None:
    platform = await connect(client, anonymous, expected_every_hours=hours)
    await platform.post(visits(dose(1)))
    clock.advance(timedelta(hours=3))
    warned = (await client.get("/v1/connectors/rondo")).json()["warnings"]
    assert [one["kind"] for one in warned] == (["silent"] if silent else [])


@pytest.mark.parametrize("what", ["signature", "address", "secret"])
async def test_every_failure_to_verify_reads_the_same(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, what: str
) -> None:
    platform = await connect(client, anonymous)
    if what == "address":
        platform.address += "x"
    elif what == "secret":
        platform.key = b"k" * 32
    body = visits(dose(1))
    answer = (
        await anonymous.post(platform.address, content=body)
        if what == "signature"
        else await platform.post(body)
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "unverified")
    assert answer.json()["detail"].startswith("The signature, or the secret, does not fit")
    assert (await reconciled(client))["bodies"]["acknowledged"] == 0


async def test_switched_off_connector_is_gone(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    platform = await connect(client, anonymous)
    await client.put("/v1/connectors/rondo", json={"enabled": False})
    assert (await platform.post(visits(dose(1)))).status_code == 410
    await client.put("/v1/connectors/rondo", json={"enabled": True})
    assert (await platform.post(visits(dose(1)))).status_code == 202


async def test_mapping_whose_example_fails_is_not_activated(client: httpx.AsyncClient) -> None:
    wrong = changed(["codes", "state", "words", "taken"], "refused")
    await client.post("/v1/connectors", json=CONNECTOR | {"mapping": wrong})
    answer = await client.post("/v1/mappings/rondo/1:activate")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/examples/0")
    assert (await client.get("/v1/connectors/rondo")).json()["state"] == "draft"


async def test_shipped_mapping_is_connected_by_its_name(client: httpx.AsyncClient) -> None:
    created = await client.post("/v1/connectors", json=CONNECTOR | {"mapping": "emar-letters"})
    assert created.status_code == 201, created.text
    answer = await client.post("/v1/mappings/rondo/1:activate")
    assert (answer.status_code, answer.json()["state"]) == (200, "active")


async def test_preview_shows_what_a_run_would_do_and_what_is_new(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    await platform.post(visits(dose(1), dose(2, state="no"), dose(3, state="spat out")))
    changed_words = changed(["codes", "state", "words", "no"], "omitted_error")
    await client.post("/v1/mappings/rondo", json={"mapping": changed_words})
    answer = await client.post("/v1/mappings/rondo/2:preview", json={"last": 5})
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["against"] == 1
    [body] = shown["bodies"]
    events = [record["event"] for record in body["records"]]
    assert [event and event["data"]["status"] for event in events] == [
        "given",
        "omitted_error",
        None,
    ]
    assert events[0]["person"].startswith("p1_"), "people are shown by pseudonym"
    assert body["records"][2]["refused"][0]["code"] == "unmapped_code"
    status = next(one for one in body["records"][1]["trace"] if one["field"] == "data.status")
    assert (status["selected"], status["result"]) == ("no", "omitted_error")
    [differs] = shown["difference"]
    assert differs["changes"] == [
        {"pointer": "/data/status", "before": "refused", "after": "omitted_error"}
    ]
    assert '"12"' not in answer.text, "the platform's own number of the person"
    assert [item["status"] for item in await items(client)] == ["waiting"], "nothing was written"


async def test_preview_of_a_body_that_has_not_been_sent(client: httpx.AsyncClient) -> None:
    await client.post("/v1/connectors", json=CONNECTOR | {"mapping": MAPPING})
    sent = {"body": {"visits": [{"doses": [dose(1)]}]}}
    answer = await client.post("/v1/mappings/rondo/1:preview", json=sent)
    assert answer.json()["bodies"][0]["total"] == 1
    both = await client.post("/v1/mappings/rondo/1:preview", json=sent | {"last": 1})
    assert both.status_code == 422
