"""A sender that costs little: requests written out beforehand, over connections that stay open.

On two cores a client library would be measured instead of the service.
"""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple


class Answer(NamedTuple):
    status: int
    body: bytes


def request(path: str, key: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def post_all(port: int, requests: Iterator[bytes], connections: int) -> list[Answer]:
    """Send all, each over the next free connection; answers in order of arrival."""
    answers: list[Answer] = []

    async def sender() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        for sent in requests:
            writer.write(sent)
            await writer.drain()
            answers.append(await _answer(reader))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(sender() for _ in range(connections)))
    return answers


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return Answer(int(head[9:12]), await reader.readexactly(length))


async def wait_ready(port: int) -> None:
    """Alive is enough: nobody scores here, so the marks grow old and `/readyz` would say so.

    Several in a row, because processes that share a port do not start at once.
    """
    in_a_row = 0
    while in_a_row < 20:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            line = await reader.readline()
            writer.close()
            in_a_row = in_a_row + 1 if b" 200 " in line else 0
        except OSError:
            in_a_row = 0
        await asyncio.sleep(0.05)
