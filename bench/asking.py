"""A reader that costs little: requests written out beforehand, one at a time over a connection."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np

from bench.posting import Answer


class Line:
    """One connection that stays open and asks one thing at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.etag = ""

    async def ask(self, request: bytes) -> Answer:
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        # 304 has no body and need not say so.
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        body = await self._reader.readexactly(length)
        self.etag = head.partition(b"etag: ")[2].partition(b"\r\n")[0].decode()
        return Answer(int(head[9:12]), body)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def lines(port: int, count: int) -> AsyncIterator[list[Line]]:
    opened = [
        Line(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)) for _ in range(count)
    ]
    try:
        yield opened
    finally:
        for line in opened:
            await line.close()


def get(path: str, key: str, if_none_match: str = "") -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    if if_none_match:
        head += f"If-None-Match: {if_none_match}\r\n"
    return f"{head}\r\n".encode()


def spread(seconds: Sequence[float]) -> str:
    """Percentiles that were really measured, none of them between two measurements."""
    p50, p95, p99 = np.quantile(seconds, (0.5, 0.95, 0.99), method="higher") * 1000
    return f"p50 {p50:,.0f}, p95 {p95:,.0f}, p99 {p99:,.0f}, max {max(seconds) * 1000:,.0f} ms"


def machine() -> str:
    """What else may have been running: others measure and test on the same cores."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
