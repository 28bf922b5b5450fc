"""`breadth import` against the API as it is served, with the worker reading what has arrived."""

import asyncio
import csv
import json
import os
import random
import shlex
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from api.running import Running
from models.mapping.shipped import document_of
from models.vocabulary import ProviderId, Scope
from tests.breadth_up import free_port
from tests.conftest import MakeClient, make_key
from tests.connecting import SERVICE, items, map_all, reconciled, set_up
from tests.shipped_pages import page, shells

ROW = {"id": "A-1", "service": SERVICE, "team": "oak", "occurred_at": "2026-09-01 08:05"}
SCOPES = (Scope.EVENTS_WRITE, Scope.CONNECTORS_ADMIN, Scope.ADMIN)
CENSUS = "csv-census-taken"


def census(rows: int, team: str = "oak") -> str:
    """One census a day."""
    days = [f"2026-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(rows)]
    lines = [f"{SERVICE},{team},C-{number},{day},12" for number, day in enumerate(days)]
    return "\n".join(["service,team,id,on,residents", *lines, ""])


class Imported(NamedTuple):
    code: int
    out: str
    err: str


RunImport = Callable[..., Coroutine[None, None, Imported]]


@pytest.fixture
async def served(app: FastAPI) -> AsyncIterator[int]:
    """A port on which the app of this test answers as it does in earnest."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http="httptools", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has nothing to wait for
            await asyncio.sleep(0.01)
        yield int(listener.getsockname()[1])
        server.should_exit = True
        await serving


@pytest.fixture
async def working(running: Running, provider: ProviderId) -> AsyncIterator[None]:
    """A worker that looks for what has arrived."""

    async def work() -> None:
        while True:
            await map_all(running, provider)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(work())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def run_import(
    served: int, running: Running, provider: ProviderId, tmp_path: Path
) -> RunImport:
    """The command as a person runs it, with a key of its own unless told otherwise."""
    known = await make_key(running, provider, *SCOPES)

    async def run(*arguments: object, port: int = served, key: str = known) -> Imported:
        kept = {name: each for name, each in os.environ.items() if not name.startswith("BREADTH_")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", "import", *map(str, arguments)),
            env=kept
            | {
                "BREADTH_API_URL": f"http://127.0.0.1:{port}",
                "BREADTH_DATA_DIR": str(tmp_path / "no-stack"),
                "BREADTH_API_KEY": key,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Imported(process.returncode or 0, out.decode(), err.decode())

    return run


def said(imported: Imported) -> dict[str, int]:
    """The numbers of a summary."""
    lines = [line.split() for line in imported.out.splitlines()]
    return {
        words[1]: int(words[0].replace(",", ""))
        for words in lines
        if len(words) > 1 and words[0].replace(",", "").isdecimal()
    }


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.usefixtures("working")
async def test_shipped_mapping_is_set_up_and_the_table_taken(
    run_import: RunImport,
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    tmp_path: Path,
) -> None:
    await set_up(client, "oak")
    file = written(tmp_path / "residents.csv", census(40))
    first = await run_import(file, "--mapping", CENSUS)
    assert first.code == 0, first
    assert f"Made the connector {CENSUS}; its events have the source upload:{CENSUS}." in first.out
    assert said(first)["accepted"] == 40
    connector = (await client.get(f"/v1/connectors/{CENSUS}")).json()
    assert (connector["source"], connector["signature"]) == (f"upload:{CENSUS}", None)
    kept = written(tmp_path / "key", await make_key(running, provider, *SCOPES) + "\n")
    again = await run_import(file, "--mapping", CENSUS, "--key-file", kept, key="")
    assert again.code == 0, again
    assert "was here before" in again.out
    assert "Made" not in again.out
    file.write_text(census(41))
    grown = await run_import(file, "--mapping", CENSUS)
    assert (said(grown)["accepted"], said(grown)["duplicates"]) == (1, 40)
    assert not file.with_name("residents.csv.result.csv").exists()
    await reconciled(client)


@pytest.mark.usefixtures("working")
async def test_refused_rows_are_in_the_result_file_and_in_the_exit_code(
    run_import: RunImport, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await set_up(client, "oak")
    bad = f"{SERVICE},oak,C-90,yesterday,12\n{SERVICE},oak,C-91,2026-09-01,\n"
    file = written(tmp_path / "residents.csv", census(3) + bad)
    done = await run_import(file, "--mapping", CENSUS)
    assert done.code == 3, done
    assert (said(done)["accepted"], said(done)["rejected"]) == (3, 2)
    with (tmp_path / "residents.csv.result.csv").open(encoding="utf-8-sig", newline="") as result:
        lines = list(csv.DictReader(result))
    # The day says both when it was and when it happened, so its row has two reasons.
    assert [(line["row"], line["outcome"]) for line in lines] == [
        ("5", "rejected"),
        ("5", "rejected"),
        ("6", "rejected"),
    ]
    assert {line["column"] for line in lines} == {"on", "residents"}
    assert all(line["detail"] for line in lines)
    elsewhere = tmp_path / "why.csv"
    again = await run_import(file, "--mapping", CENSUS, "--result", elsewhere)
    assert again.code == 3, "what was refused is still refused"
    assert elsewhere.read_bytes() == (tmp_path / "residents.csv.result.csv").read_bytes()


@pytest.mark.usefixtures("working")
async def test_all_or_nothing_takes_nothing_with_a_refused_row(
    run_import: RunImport, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await set_up(client, "oak")
    bad = f"{SERVICE},oak,C-90,yesterday,12\n"
    file = written(tmp_path / "residents.csv", census(3) + bad)
    done = await run_import(file, "--mapping", CENSUS, "--all-or-nothing")
    assert done.code == 3, done
    assert (said(done)["accepted"], said(done)["withheld"]) == (0, 3)
    assert "Nothing was stored" in done.out
    assert (tmp_path / "residents.csv.result.csv").read_text().count("rejected") == 2
    file.write_text(census(3))
    mended = await run_import(file, "--mapping", CENSUS, "--all-or-nothing")
    assert (mended.code, said(mended)["accepted"]) == (0, 3)


@pytest.mark.usefixtures("working")
async def test_unknown_teams_are_named_with_what_releases_their_rows(
    run_import: RunImport,
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    tmp_path: Path,
) -> None:
    await set_up(client, "oak")
    file = written(tmp_path / "residents.csv", census(3, "Elm Unit"))
    done = await run_import(file, "--mapping", CENSUS)
    assert (done.code, said(done)["quarantined"]) == (0, 3), done
    assert f"Not known: team 'Elm Unit' of {SERVICE}." in done.out
    assert "alias" in done.out
    lesser = await make_key(running, provider, Scope.EVENTS_WRITE, Scope.CONNECTORS_ADMIN)
    again = await run_import(file, "--mapping", CENSUS, key=lesser)
    assert "GET /v1/quarantine (scope 'admin')" in again.out


@pytest.mark.usefixtures("working")
async def test_changed_document_reads_the_same_file_again(
    run_import: RunImport, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await set_up(client, "oak")
    document = document_of(CENSUS)
    mapping = written(tmp_path / "Ward counts.json", json.dumps(document))
    file = written(tmp_path / "residents.csv", census(3))
    first = await run_import(file, "--mapping", mapping)
    assert (first.code, said(first)["accepted"]) == (0, 3), first
    assert "Made the connector ward-counts" in first.out
    document["fields"]["team"] = {"constant": "oak"}
    document["examples"] = [
        {
            "input": one["input"],
            "expect": [event | {"team": "oak"} for event in one["expect"]],
        }
        for one in document["examples"]
    ]
    mapping.write_text(json.dumps(document))
    second = await run_import(file, "--mapping", mapping)
    assert second.code == 0, second
    assert "Activated version 2 of the mapping of ward-counts." in second.out
    assert "read by version 1; version 2 reads it again." in second.out
    assert said(second)["duplicates"] == 3
    [item] = await items(client)
    assert (item["status"], item["mapping_version"]) == ("mapped", 2)


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize("name", [CENSUS, "roster-export"])
async def test_pages_say_what_is_to_be_typed(
    run_import: RunImport, client: httpx.AsyncClient, tmp_path: Path, name: str
) -> None:
    _, by_calls, by_command = shells(name)
    file = tmp_path / "table.csv"
    file.write_text(page(name).sent)
    program, command, *arguments = shlex.split(by_command)
    assert (program, command, arguments[0]) == ("breadth", "import", file.name)
    done = await run_import(file, *arguments[1:])
    assert said(done)["accepted"] + said(done)["quarantined"] == len(page(name).becomes), done
    assert (done.code == 3) == any("rejected" in one for one in page(name).not_counted)
    words = shlex.split(" ".join(by_calls.splitlines()[:2]))
    assert words[words.index("--data-binary") + 1] == f"@{file.name}"
    [address] = [word.removeprefix("$API") for word in words if word.startswith("$API")]
    again = await client.post(address, content=file.read_bytes())
    assert (again.status_code, again.json()["duplicate"]) == (202, True)
    for line in by_calls.splitlines()[2:]:
        shown = shlex.split(line)[-1].removeprefix("$API")
        here = shown.replace("/inbox/1", f"/inbox/{again.json()['inbox_id']}")
        assert (await client.get(here)).status_code == 200


class Proxy:
    """Between the command and the API; breaks each of the first connections at so many bytes."""

    def __init__(self, port: int, breaks_at: list[int]) -> None:
        self._port, self._breaks_at, self.broken = port, breaks_at, 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._between, "127.0.0.1", 0)
        async with server:
            yield int(server.sockets[0].getsockname()[1])

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_api, from_api = None, None
        from_api, to_api = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(self._copy(from_api, writer))
        sent = 0
        with suppress(OSError):
            while part := await reader.read(1 << 16):
                sent += len(part)
                if self._breaks_at and sent >= self._breaks_at[0]:
                    self._breaks_at.pop(0)
                    self.broken += 1
                    break
                to_api.write(part)
                await to_api.drain()
        back.cancel()
        for each in (to_api, writer):
            each.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while part := await reader.read(1 << 16):
                writer.write(part)
                await writer.drain()


def large_table() -> str:
    """So much, and so varied, that compressed it is still some hundred kilobytes."""
    drawn = random.Random(8)  # noqa: S311 - no secret
    lines = [
        f"{SERVICE},oak,C-{number}-{drawn.getrandbits(256):x},2026-03-{1 + number % 28:02},12"
        for number in range(16_000)
    ]
    return "\n".join(["service,team,id,on,residents", *lines, ""])


@pytest.mark.usefixtures("working")
async def test_broken_connections_are_tried_again_and_nothing_counts_twice(
    run_import: RunImport, client: httpx.AsyncClient, served: int, tmp_path: Path
) -> None:
    await set_up(client, "oak")
    text = large_table()
    assert len(text) > 1 << 20, "otherwise it is not compressed on the way"
    file = written(tmp_path / "residents.csv", text)
    proxy = Proxy(served, [100_000, 300_000])
    async with proxy.listening() as port:
        done = await run_import(file, "--mapping", CENSUS, port=port)
    assert proxy.broken == 2
    assert (done.code, said(done)["accepted"]) == (0, 16_000), done
    assert done.out.count("The connection broke") == 2
    [item] = await items(client)
    assert item["size"] < len(text) / 2
    again = await run_import(file, "--mapping", CENSUS)
    assert "was here before" in again.out
    await reconciled(client)


async def test_command_stopped_while_rows_are_read_goes_on_when_repeated(
    run_import: RunImport,
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    tmp_path: Path,
) -> None:
    await set_up(client, "oak")
    file = written(tmp_path / "residents.csv", census(9))
    # Nobody reads yet, so the first run waits until it is ended.
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await run_import(file, "--mapping", CENSUS)
    [item] = await items(client)
    assert item["status"] == "waiting"
    second = asyncio.create_task(run_import(file, "--mapping", CENSUS))
    await asyncio.sleep(1.5)
    await map_all(running, provider)
    done = await second
    assert (done.code, said(done)["accepted"]) == (0, 9), done
    assert len(await items(client)) == 1
    await reconciled(client)


def refused(done: Imported) -> str:
    """One clear line and a code that is neither success nor that of refused rows."""
    assert done.code == 1, done
    assert done.err.startswith("breadth: "), done
    assert done.err.count("\n") == 1, done
    return done.err


async def test_what_can_be_cured_is_said_in_one_line(
    run_import: RunImport,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    tmp_path: Path,
) -> None:
    file = written(tmp_path / "residents.csv", census(3))
    nowhere = await run_import(tmp_path / "no.csv", "--mapping", CENSUS)
    assert f"there is no file {tmp_path / 'no.csv'}" in refused(nowhere)
    workbook = written(tmp_path / "book.xlsx", "PK\x03\x04")
    assert "save the sheet as CSV" in refused(await run_import(workbook, "--mapping", CENSUS))
    away = await run_import(file, "--mapping", CENSUS, port=free_port())
    assert "does not answer" in refused(away)
    wrong = await run_import(file, "--mapping", CENSUS, key="brd_wrong")
    assert "BREADTH_API_KEY" in refused(wrong)
    assert "no key for" in refused(await run_import(file, "--mapping", CENSUS, key=""))
    for scopes, missing in (
        ([Scope.EVENTS_WRITE], "connectors:admin"),
        ([Scope.CONNECTORS_ADMIN], "events:write"),
    ):
        lesser = await make_key(running, provider, *scopes)
        lacking = refused(await run_import(file, "--mapping", CENSUS, key=lesser))
        assert f"does not have the scope '{missing}'" in lacking
    for name in ("csv-no-such-thing", "Not A Code"):
        unknown = refused(await run_import(file, "--mapping", name))
        assert f"there is no connector '{name}'" in unknown
        assert CENSUS in unknown
    messages = refused(await run_import(file, "--mapping", "emar-letters"))
    assert "reads messages" in messages
    empty = refused(await run_import(written(tmp_path / "e.csv", ""), "--mapping", CENSUS))
    assert "nothing in this file" in empty
    assert await items(await client_with(Scope.CONNECTORS_ADMIN)) == []


async def test_problems_of_a_document_are_listed_by_pointer(
    run_import: RunImport, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    file = written(tmp_path / "residents.csv", census(3))
    document = document_of(CENSUS)
    document["fields"]["version"] = {"path": "version", "transforms": [{"as": "no-such"}]}
    mapping = written(tmp_path / "wards.json", json.dumps(document))
    done = await run_import(file, "--mapping", mapping)
    assert done.code == 1, done
    heading, *lines = done.err.splitlines()
    assert heading == f"breadth: the mapping has {len(lines)} problems:"
    assert {line.split(":")[0] for line in lines} >= {"  /fields/version/transforms/0/as"}
    assert (await client.get("/v1/connectors")).json()["items"] == []
    for text, reason in (("{", "is not JSON"), ("[]", "has to be a JSON object")):
        mapping.write_text(text)
        assert reason in refused(await run_import(file, "--mapping", mapping))
    mapping.unlink()
    absent = refused(await run_import(file, "--mapping", mapping))
    assert f"there is no mapping document {mapping}" in absent


@pytest.mark.usefixtures("working")
async def test_file_that_cannot_be_read_says_why(
    run_import: RunImport, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await set_up(client, "oak")
    file = written(tmp_path / "residents.csv", "service,team\nx,oak\n")
    done = await run_import(file, "--mapping", CENSUS)
    [item] = await items(client)
    assert done.code == 3, done
    assert item["detail"] in done.out
    assert not file.with_name("residents.csv.result.csv").exists()


async def test_something_else_that_answers_is_not_taken_for_the_api(
    run_import: RunImport, tmp_path: Path
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
        await writer.drain()
        writer.close()

    file = written(tmp_path / "residents.csv", census(3))
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = int(server.sockets[0].getsockname()[1])
        done = await run_import(file, "--mapping", CENSUS, port=port)
    assert "this is no Breadth API" in refused(done)
