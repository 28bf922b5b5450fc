"""Tables: uploaded as they come, read row by row, with a result that says what became of each."""

import asyncio
import csv
import gzip
import io
from typing import Any

import httpx
import pytest

import worker.jobs
import worker.tables
from api.running import Running
from models.mapping.table_files import MOST_REFUSED, ROWS_AT_ONCE
from models.vocabulary import ProviderId, Scope
from tests.conftest import Clock, MakeClient
from tests.connecting import CONNECTOR, SERVICE, connect, items, map_all, reconciled, set_up
from tests.recomputing import cells, settle
from worker.mapping import SMALL_BYTES

SCOPES = (Scope.ADMIN, Scope.CONNECTORS_ADMIN, Scope.VIEWS_READ, Scope.EVENTS_WRITE)
MAPPING: dict[str, Any] = {
    "schema": "mapping/1",
    "name": "A medicine round as a table",
    "input": "csv",
    "columns": {"given": ["Date given"], "unit": ["Team"]},
    "type": "medication.administered",
    "codes": {"code": {"words": {"G": "given", "O": "omitted_error"}}},
    "fields": {
        "service": {"constant": SERVICE},
        "team": {"path": "unit"},
        "occurred_at": {
            "path": "given",
            "transforms": [{"as": "datetime", "order": "dmy", "zone": "Europe/London"}],
        },
        "data.status": {"path": "code", "transforms": [{"as": "lookup", "table": "code"}]},
    },
    "examples": [
        {
            "input": [{"unit": "oak", "given": "01/03/2026 08:05", "code": "G"}],
            "expect": [],
        }
    ],
}
GOOD = ["01/03/2026 08:05;oak;G", "02/03/2026 08:05;oak;O", "02/03/2026 08:05;oak;O"]
BAD = ["31/02/2026 08:00;oak;G", "03/03/2026 08:00;oak;X"]


def table(*rows: str, ending: str = "\n") -> bytes:
    return ending.join(["Date Given;TEAM;Code", *rows, ""]).encode()


@pytest.fixture
async def client(client_with: MakeClient) -> httpx.AsyncClient:
    return await client_with(*SCOPES)


@pytest.fixture
async def connected(client: httpx.AsyncClient) -> httpx.AsyncClient:
    await set_up(client, "oak")
    body = CONNECTOR | {"signature": None, "mapping": MAPPING}
    created = await client.post("/v1/connectors", json=body)
    assert created.status_code == 201, created.text
    shown = await client.post(
        "/v1/mappings/rondo/1:preview", json={"body": MAPPING["examples"][0]["input"]}
    )
    event = shown.json()["bodies"][0]["records"][0]["event"]
    right = MAPPING | {"examples": [{"input": MAPPING["examples"][0]["input"], "expect": [event]}]}
    await client.post("/v1/mappings/rondo", json={"mapping": right})
    activated = await client.post("/v1/mappings/rondo/2:activate")
    assert activated.status_code == 200, activated.text
    return client


async def upload(client: httpx.AsyncClient, file: bytes, **query: Any) -> dict[str, Any]:
    answer = await client.post(
        "/v1/uploads",
        params={"connector": "rondo"} | query,
        content=file,
        headers={"content-type": "text/csv"} | query.pop("headers", {}),
    )
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def result(client: httpx.AsyncClient, inbox_id: int) -> list[dict[str, str]]:
    answer = await client.get(f"/v1/inbox/{inbox_id}/result")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


async def omissions(admin: Any, provider: ProviderId) -> tuple[int, int]:
    found = [
        sums
        for key, sums in (await cells(admin, provider)).items()
        if key[3] == "medicine_omissions"
    ]
    return sum(sums[0] for sums in found), sum(sums[1] for sums in found)


async def test_rows_become_events_and_equal_rows_stay_two(
    connected: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    sent = await upload(connected, table(*GOOD))
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await omissions(admin, provider) == (2, 3)
    assert [
        (line["row"], line["outcome"]) for line in await result(connected, sent["inbox_id"])
    ] == [
        ("2", "accepted"),
        ("3", "accepted"),
        ("4", "accepted"),
    ]
    await reconciled(connected)


async def test_uploading_again_changes_nothing(
    connected: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    first = await upload(connected, table(*GOOD))
    await map_all(running, provider)
    again = await upload(connected, table(*GOOD))
    assert again == first | {"duplicate": True}
    # The same rows as another program writes them, and one more.
    grown = await upload(connected, table(*GOOD, "04/03/2026 08:05;oak;G", ending="\r\n"))
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await omissions(admin, provider) == (2, 4)
    outcomes = [line["outcome"] for line in await result(connected, grown["inbox_id"])]
    assert outcomes == ["duplicate"] * 3 + ["accepted"]
    await reconciled(connected)


async def test_refused_rows_are_told_by_row_and_column(
    connected: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    sent = await upload(connected, table(*GOOD, *BAD))
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await omissions(admin, provider) == (2, 3), "the good ones count"
    lines = await result(connected, sent["inbox_id"])
    assert [(line["row"], line["outcome"], line["column"]) for line in lines[3:]] == [
        ("5", "rejected", "given"),
        ("6", "rejected", "code"),
    ]
    assert all(line["detail"] for line in lines[3:])
    assert all(line["id"] for line in lines), "whoever sent it finds the row by its id"
    [item] = await items(connected, status="quarantined")
    assert item["reason"] == "records_refused"
    await reconciled(connected)


async def test_all_or_nothing_stores_nothing_when_a_row_is_refused(
    connected: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    await upload(connected, table(*GOOD, *BAD), all_or_nothing=True)
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await omissions(admin, provider) == (0, 0)
    [item] = await items(connected, status="quarantined")
    assert (item["reason"], item["counts"]["withheld"]) == ("all_or_nothing", 3)
    lines = await result(connected, item["id"])
    assert [(line["row"], line["outcome"]) for line in lines] == [
        *((row, "withheld") for row in ("2", "3", "4")),
        *((row, "rejected") for row in ("5", "6")),
    ]
    assert all(line["id"] for line in lines)
    await reconciled(connected)
    await upload(connected, table(*GOOD), all_or_nothing=True)
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await omissions(admin, provider) == (2, 3)
    await reconciled(connected)


async def test_mended_mapping_reads_the_file_again(
    connected: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    await upload(connected, table(*GOOD, BAD[1]))
    await map_all(running, provider)
    versions = (await connected.get("/v1/mappings/rondo")).json()["items"]
    mended = versions[0]["document"]
    mended["codes"]["code"]["words"]["X"] = "refused"
    await connected.post("/v1/mappings/rondo", json={"mapping": mended})
    await connected.post("/v1/mappings/rondo/3:activate")
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await omissions(admin, provider) == (2, 4)
    [item] = await items(connected)
    assert item["status"] == "mapped"
    await reconciled(connected)


async def test_compressed_file_of_several_parts_is_read_whole(
    connected: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    rows = [f"{1 + number % 28:02}/03/2026 08:{number % 60:02};oak;G" for number in range(60_000)]
    answer = await connected.post(
        "/v1/uploads",
        params={"connector": "rondo"},
        content=gzip.compress(table(*rows), 1),
        headers={"content-type": "text/csv", "content-encoding": "gzip"},
    )
    assert answer.status_code == 202
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await omissions(admin, provider) == (0, 60_000)
    assert len(await result(connected, answer.json()["inbox_id"])) == 60_000


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"\n\n", "empty_file"),
        (b"a;b\n1;2\n", "no_header"),
        (b"TEAM;Code\noak;G\n", "missing_columns"),
    ],
)
async def test_file_that_cannot_be_read_says_why(
    connected: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    file: bytes,
    reason: str,
) -> None:
    await upload(connected, file)
    await map_all(running, provider)
    [item] = await items(connected)
    assert (item["status"], item["reason"]) == ("quarantined", reason)
    await reconciled(connected)


async def test_row_that_contradicts_another_withholds_all_and_says_so(
    connected: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    by_id = MAPPING | {
        "row_key": [],
        "fields": MAPPING["fields"] | {"id": {"path": "Ref"}},
        "examples": [{"input": [], "expect": []}],
    }
    added = await connected.post("/v1/mappings/rondo", json={"mapping": by_id})
    assert added.status_code == 201, added.text
    version = added.json()["version"]
    assert (await connected.post(f"/v1/mappings/rondo/{version}:activate")).status_code == 200
    heading, *rows = table(*GOOD).decode().splitlines()
    stored = [f"{heading};Ref", *(f"{row};{place}" for place, row in enumerate(rows))]
    first = await upload(connected, "\n".join(stored).encode())
    await map_all(running, provider)
    other = [stored[0], stored[1].replace(";0", ";9"), stored[2].replace(";1", ";0")]
    sent = await upload(connected, "\n".join(other).encode(), all_or_nothing=True)
    await map_all(running, provider)
    lines = await result(connected, sent["inbox_id"])
    assert [(line["id"], line["outcome"]) for line in lines] == [
        ("9", "withheld"),
        ("0", "conflict"),
    ]
    assert f"Body {first['inbox_id']} says otherwise" in lines[1]["detail"]
    await reconciled(connected)


async def test_table_of_another_kind_costs_little_and_says_why(
    connected: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    sent = await upload(connected, table(*GOOD, *[";;x"] * 30_000))
    await map_all(running, provider)
    [item] = await items(connected)
    assert (item["status"], item["reason"]) == ("quarantined", "too_many_refused")
    assert item["counts"]["accepted"] == len(GOOD)
    assert item["counts"]["rejected"] <= MOST_REFUSED + ROWS_AT_ONCE
    lines = await result(connected, sent["inbox_id"])
    assert len({line["row"] for line in lines}) == item["counts"]["records"]
    await reconciled(connected)


async def test_small_table_does_not_wait_for_a_large_one(
    connected: httpx.AsyncClient, running: Running, provider: ProviderId, clock: Clock
) -> None:
    large = await upload(connected, table(*GOOD) + b"\n" * SMALL_BYTES)
    small = await upload(connected, table("04/03/2026 08:05;oak;G"))
    turn = asyncio.Lock()
    context = {
        "sessions": running.sessions,
        "keyring": running.keyring,
        "clock": clock,
        "redis": None,
        "turn": turn,
        "small_turn": asyncio.Lock(),
    }

    async def states() -> dict[int, str]:
        return {item["id"]: item["status"] for item in await items(connected)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker.jobs, "ring", _nobody)
        async with turn:
            assert await worker.jobs.map_tables(context, str(provider)) == 1
            assert await states() == {large["inbox_id"]: "waiting", small["inbox_id"]: "mapped"}
        await worker.jobs.sweep_tables(context)
    assert set((await states()).values()) == {"mapped"}
    await reconciled(connected)


async def _nobody(*_: Any) -> None:
    """Counting has its own tests."""


async def test_table_for_a_mapping_that_reads_json_is_refused_at_once(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    await connect(client, anonymous)
    answer = await client.post("/v1/uploads", params={"connector": "rondo"}, content=b"a\n1\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert "reads JSON" in answer.json()["detail"]
    assert (await client.get("/v1/inbox")).json()["items"] == []


async def test_unknown_connector_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/uploads", params={"connector": "x"}, content=b"a\n")
    assert answer.status_code == 404


async def test_uploaded_table_is_previewed_by_its_first_lines(
    connected: httpx.AsyncClient,
) -> None:
    await upload(connected, table(*GOOD, BAD[1]))
    answer = await connected.post("/v1/mappings/rondo/2:preview", json={"last": 1})
    assert answer.status_code == 200, answer.text
    [body] = answer.json()["bodies"]
    assert [record["event"] is not None for record in body["records"]] == [True, True, True, False]


async def test_mapping_activated_while_a_table_is_read_reads_all_of_it(
    connected: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [f"{1 + number % 28:02}/03/2026 08:{number % 60:02};oak;O" for number in range(60_000)]
    take = worker.tables._take
    done = 0

    async def take_and_mend(reading: Any, part: Any, number: int) -> None:
        nonlocal done
        await take(reading, part, number)
        done += 1
        if done == 1:
            right = (await connected.get("/v1/mappings/rondo")).json()["items"][0]["document"]
            right["codes"]["code"]["words"]["O"] = "refused"
            await connected.post("/v1/mappings/rondo", json={"mapping": right})
            answer = await connected.post("/v1/mappings/rondo/3:activate")
            assert answer.status_code == 200, answer.text

    monkeypatch.setattr(worker.tables, "_take", take_and_mend)
    await upload(connected, table(*rows))
    await map_all(running, provider)
    [item] = await items(connected)
    assert (item["status"], done) == ("waiting", 1), "the rest is not read by the old mapping"
    await map_all(running, provider)
    await settle(running, provider, admin)
    assert await omissions(admin, provider) == (0, 60_000)
    [item] = await items(connected)
    assert (item["status"], item["mapping_version"]) == ("mapped", 3)
    await reconciled(connected)
