"""`breadth import` whose connection breaks or that is stopped goes on, and nothing counts twice."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from tests.connecting import SERVICE, items, map_all, reconciled, set_up
from tests.importing import CENSUS, HEADINGS, Command, census, command, served, working

__all__ = ["command", "served", "working"]  # fixtures


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
    return "\n".join([HEADINGS, *lines, ""])


@pytest.mark.usefixtures("working")
async def test_broken_connections_are_tried_again_and_nothing_counts_twice(
    command: Command, client: httpx.AsyncClient, served: int
) -> None:
    await set_up(client, "oak")
    text = large_table()
    assert len(text) > 1 << 20, "otherwise it is not compressed on the way"
    file = command.write(text)
    proxy = Proxy(served, [100_000, 300_000])
    async with proxy.listening() as port:
        done = await command.run(file, "--mapping", CENSUS, port=port)
    assert proxy.broken == 2
    assert (done.code, done.said()["accepted"]) == (0, 16_000), done
    assert done.out.count("The connection broke") == 2
    [item] = await items(client)
    assert item["size"] < len(text) / 2
    again = await command.run(file, "--mapping", CENSUS)
    assert "was here before" in again.out
    await reconciled(client)


async def test_command_stopped_while_rows_are_read_goes_on_when_repeated(
    command: Command, client: httpx.AsyncClient
) -> None:
    await set_up(client, "oak")
    file = command.write(census(9))
    # Nobody reads yet, so the first run waits until it is ended.
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await command.run(file, "--mapping", CENSUS)
    [item] = await items(client)
    assert item["status"] == "waiting"
    second = asyncio.create_task(command.run(file, "--mapping", CENSUS))
    await asyncio.sleep(1.5)
    await map_all(command.running, command.provider)
    done = await second
    assert (done.code, done.said()["accepted"]) == (0, 9), done
    assert len(await items(client)) == 1
    await reconciled(client)
