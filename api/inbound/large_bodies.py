"""How many large bodies one process takes at a time: each becomes some hundred megabytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from api.problems import Problem

#: A body that says it is smaller than this asks nobody.
LARGE_BYTES = 512 << 10
MOST_AT_ONCE = 4
MOST_WAITING = 16


class LargeBodies:
    """Room for some, a bounded wait for more, and 503 with Retry-After for the rest."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._waiting = 0

    @asynccontextmanager
    async def room_for(self, request: Request) -> AsyncIterator[None]:
        length = request.headers.get("content-length", "")
        small = length.isdecimal() and int(length[:20]) < LARGE_BYTES
        if small and "content-encoding" not in request.headers:
            yield
            return
        if self._room.locked() and self._waiting >= MOST_WAITING:
            raise Problem("unavailable", "Several large bodies are being read. Send this later.")
        self._waiting += 1
        try:
            await self._room.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._room.release()
