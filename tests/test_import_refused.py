"""What goes wrong with `breadth import` is said in a line that tells what to do about it."""

import asyncio
import json

import httpx
import pytest

from models.mapping.shipped import document_of
from models.vocabulary import Scope
from tests.breadth_up import free_port
from tests.conftest import MakeClient
from tests.connecting import items, set_up
from tests.importing import CENSUS, RESULT, Command, census, command, served, working

__all__ = ["command", "served", "working"]  # fixtures


async def test_what_can_be_cured_is_said_in_one_line(
    command: Command, client_with: MakeClient
) -> None:
    file = command.write(census(3))
    nowhere = await command.refused(command.folder / "no.csv", "--mapping", CENSUS)
    assert f"there is no file {command.folder / 'no.csv'}" in nowhere
    workbook = command.write("PK\x03\x04", "book.xlsx")
    assert "save the sheet as CSV" in await command.refused(workbook, "--mapping", CENSUS)
    away = await command.refused(file, "--mapping", CENSUS, port=free_port())
    assert "does not answer" in away
    wrong = await command.refused(file, "--mapping", CENSUS, key="brd_wrong")
    assert "BREADTH_API_KEY" in wrong
    assert "no key for" in await command.refused(file, "--mapping", CENSUS, key="")
    for scopes, missing in (
        ([Scope.EVENTS_WRITE], "connectors:admin"),
        ([Scope.CONNECTORS_ADMIN], "events:write"),
    ):
        lesser = await command.key(*scopes)
        lacking = await command.refused(file, "--mapping", CENSUS, key=lesser)
        assert f"does not have the scope '{missing}'" in lacking
    for name in ("csv-no-such-thing", "Not A Code"):
        unknown = await command.refused(file, "--mapping", name)
        assert f"there is no connector '{name}'" in unknown
        assert CENSUS in unknown
    messages = await command.refused(file, "--mapping", "emar-letters")
    assert "reads messages" in messages
    empty = await command.refused(command.write("", "e.csv"), "--mapping", CENSUS)
    assert "nothing in this file" in empty
    assert await items(await client_with(Scope.CONNECTORS_ADMIN)) == []


async def test_problems_of_a_document_are_listed_by_pointer(
    command: Command, client: httpx.AsyncClient
) -> None:
    file = command.write(census(3))
    document = document_of(CENSUS)
    document["fields"]["version"] = {"path": "version", "transforms": [{"as": "no-such"}]}
    mapping = command.write(json.dumps(document), "wards.json")
    done = await command.run(file, "--mapping", mapping)
    assert done.code == 1, done
    heading, *lines = done.err.splitlines()
    assert heading == f"breadth: the mapping has {len(lines)} problems:"
    assert {line.split(":")[0] for line in lines} >= {"  /fields/version/transforms/0/as"}
    assert (await client.get("/v1/connectors")).json()["items"] == []
    for text, reason in (("{", "is not JSON"), ("[]", "has to be a JSON object")):
        mapping.write_text(text)
        assert reason in await command.refused(file, "--mapping", mapping)
    mapping.unlink()
    absent = await command.refused(file, "--mapping", mapping)
    assert f"there is no mapping document {mapping}" in absent


@pytest.mark.usefixtures("working")
async def test_file_that_cannot_be_read_says_why(
    command: Command, client: httpx.AsyncClient
) -> None:
    await set_up(client, "oak")
    file = command.write("service,team\nx,oak\n")
    done = await command.run(file, "--mapping", CENSUS)
    [item] = await items(client)
    assert done.code == 3, done
    assert item["detail"] in done.out
    assert not file.with_name(RESULT).exists()


async def test_something_else_that_answers_is_not_taken_for_the_api(command: Command) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
        await writer.drain()
        writer.close()

    file = command.write(census(3))
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = int(server.sockets[0].getsockname()[1])
        done = await command.refused(file, "--mapping", CENSUS, port=port)
    assert "this is no Breadth API" in done
