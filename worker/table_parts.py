"""A table that has arrived, out of the inbox again: decrypted, inflated, read some at a time."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime
from typing import NamedTuple

from models.db import Sessions, transaction
from models.inbox import InboxPart
from models.incoming.refusals import Refused
from models.keyring import Sealer
from models.mapping.table_files import Part, TableFile
from models.vocabulary import ProviderId

#: Of what was compressed; a table of a million rows is some hundred megabytes.
LARGEST_INFLATED = 2 << 30
INFLATED_AT_ONCE = 4 << 20


class StoredBody(NamedTuple):
    """Where a body lies."""

    sessions: Sessions
    sealer: Sealer
    provider: ProviderId
    inbox_id: int
    parts: int
    compressed: bool


async def parts_of(
    stored: StoredBody, file: TableFile, clock: Callable[[], datetime]
) -> AsyncIterator[Part]:
    """The rows of the body, some at a time; what comes of them is worked out in a thread."""
    async for chunk in _chunks(stored):
        yield await asyncio.to_thread(file.feed, chunk, clock())
    yield await asyncio.to_thread(file.finish, clock())


async def one_ahead(parts: AsyncIterator[Part]) -> AsyncGenerator[Part, None]:
    """The same parts; while one is stored, which is PostgreSQL's work, the next is worked out."""

    async def following() -> Part | None:
        return await anext(parts, None)

    ahead = asyncio.create_task(following())
    try:
        while (part := await ahead) is not None:
            ahead = asyncio.create_task(following())
            yield part
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


async def _chunks(stored: StoredBody) -> AsyncIterator[bytes]:
    """The body in the order in which it came, decompressed."""
    inflate = zlib.decompressobj(31) if stored.compressed else None
    inflated = 0
    for number in range(stored.parts):
        async with transaction(stored.sessions, stored.provider) as session:
            part = await session.get_one(InboxPart, (stored.provider, stored.inbox_id, number))
        chunk = stored.sealer.open(part.sealed, f"{stored.inbox_id}/{number}")
        if inflate is None:
            yield chunk
            continue
        while chunk:
            try:
                plain = inflate.decompress(chunk, INFLATED_AT_ONCE)
            except zlib.error:
                raise Refused("unreadable_body", "", "The file is not valid gzip.") from None
            inflated += len(plain)
            if inflated > LARGEST_INFLATED:
                raise Refused("body_too_large", "", "Decompressed, the file is too large.")
            yield plain
            chunk = inflate.unconsumed_tail
    if inflate is not None and not inflate.eof:
        raise Refused("unreadable_body", "", "The gzip stream ends too early.")
