"""A mapping that was wrong is shown to be so, mended, and reads again what it had read."""

import copy
from typing import Any

import httpx

from tests.connecting import (
    CONNECTOR,
    MAPPING,
    Platform,
    Worker,
    client,
    connect,
    dose,
    items,
    platform,
    reconciled,
    set_up,
    visits,
    worker,
)

__all__ = ["client", "platform", "worker"]  # fixtures


def changed(path: list[str], value: Any) -> dict[str, Any]:
    mapping = copy.deepcopy(MAPPING)
    place = mapping
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return mapping


async def test_breaking_mending_and_replaying(
    client: httpx.AsyncClient, platform: Platform, worker: Worker
) -> None:
    await platform.post(visits(dose(1), dose(2, state="spat out")))
    await worker.map()
    [item] = await items(client, status="quarantined")
    assert item["reason"] == "records_refused"
    assert item["counts"]["accepted"] == item["counts"]["rejected"] == 1
    assert (item["refused"][0]["index"], item["refused"][0]["id"]) == (1, "2")
    assert "spat out" in item["refused"][0]["detail"]
    assert await worker.doses() == {"oak": (0, 1)}, "the good one counts meanwhile"
    await reconciled(client)
    mended = changed(
        ["codes", "state", "words"], MAPPING["codes"]["state"]["words"] | {"spat out": "refused"}
    )
    added = await client.post("/v1/mappings/rondo", json={"mapping": mended})
    assert (added.status_code, added.json()["state"]) == (201, "draft")
    await client.post("/v1/mappings/rondo/2:activate")
    await worker.map()
    assert await worker.doses() == {"oak": (0, 2)}
    [item] = await items(client)
    assert (item["status"], item["mapping_version"]) == ("mapped", 2)
    assert item["counts"]["accepted"] == item["counts"]["duplicates"] == 1
    await reconciled(client)


async def test_mapping_anew_corrects_and_takes_back_what_it_no_longer_reads(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, worker: Worker
) -> None:
    """The first mapping took refusals for omissions and counted a test wing."""
    await set_up(client, "oak", "trial")
    wrong = changed(["codes", "state", "words", "no"], "omitted_error")
    platform = await connect(client, anonymous, wrong)
    await platform.post(visits(dose(1), dose(2, state="no"), dose(3, wing="trial")))
    await worker.map()
    assert await worker.doses() == {"oak": (1, 2), "trial": (0, 1)}
    right = copy.deepcopy(MAPPING)
    right["when"] = [{"path": "wing != 'trial'", "reason": "is of the trial wing"}]
    await client.post("/v1/mappings/rondo", json={"mapping": right})
    await client.post("/v1/mappings/rondo/2:activate")
    assert await worker.map() == 0, "what was mapped waits for somebody to ask"
    again = await client.post("/v1/replays", json={"connector": "rondo", "status": ["mapped"]})
    assert (again.status_code, again.json()["bodies"]) == (202, 1)
    await worker.map()
    assert await worker.doses() == {"oak": (0, 2)}
    done = await client.get(f"/v1/replays/{again.json()['id']}")
    assert done.json()["done"] is True
    listed = (await client.get("/v1/replays")).json()["items"]
    assert [one["id"] for one in listed] == [again.json()["id"]]
    [item] = await items(client)
    assert item["counts"]["skipped"] == item["counts"]["retracted"] == 1
    await reconciled(client)


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
    client: httpx.AsyncClient, platform: Platform
) -> None:
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


async def test_contradiction_stays_one_whatever_is_activated_or_replayed(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, worker: Worker
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    await platform.post(visits(dose(1)))
    await platform.post(visits(dose(3), dose(1, state="lost")))
    await worker.map()

    async def first_holds() -> None:
        await worker.map()
        assert await worker.doses() == {"oak": (0, 2)}
        first, second = await items(client)
        assert (first["reason"], second["reason"]) == (None, "conflict")
        [refused] = second["refused"]
        assert f"Body {first['id']} says otherwise" in refused["detail"]
        assert (refused["index"], refused["id"], refused["pointer"]) == (1, "1", "/id")
        await reconciled(client)

    await first_holds()
    unrelated = changed(["codes", "state", "words", "asleep"], "asleep")
    await client.post("/v1/mappings/rondo", json={"mapping": unrelated})
    await client.post("/v1/mappings/rondo/2:activate")
    await first_holds()
    everything = {"connector": "rondo", "status": ["mapped", "quarantined"]}
    assert (await client.post("/v1/replays", json=everything)).json()["bodies"] == 2
    await first_holds()


async def test_contradicting_body_holds_once_somebody_names_it(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, worker: Worker
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    await platform.post(visits(dose(1)))
    await platform.post(visits(dose(1, state="lost")))
    await worker.map()
    first, second = [item["id"] for item in await items(client)]
    await client.post("/v1/replays", json={"connector": "rondo", "inbox_ids": [second]})
    for _ in range(2):
        await worker.map()
        assert await worker.doses() == {"oak": (1, 1)}
        assert [item["reason"] for item in await items(client)] == ["conflict", None]
        await reconciled(client)
        everything = {"connector": "rondo", "status": ["mapped", "quarantined"]}
        await client.post("/v1/replays", json=everything)
    assert first < second


async def test_later_mapping_settles_what_differed_only_by_the_earlier_one(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, worker: Worker
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    await platform.post(visits(dose(1)))
    await platform.post(visits(dose(1, state="no")))
    await worker.map()
    assert [item["reason"] for item in await items(client)] == [None, "conflict"]
    same = changed(["codes", "state", "words", "no"], "given")
    await client.post("/v1/mappings/rondo", json={"mapping": same})
    await client.post("/v1/mappings/rondo/2:activate")
    await worker.map()
    assert [item["reason"] for item in await items(client)] == [None, None]
    assert await worker.doses() == {"oak": (0, 1)}
