"""What became of evidence that was sent: rows as they are stored, and what is marked."""

from typing import Any

import asyncpg

from models.vocabulary import ProviderId

Connection = Any
#: What may differ between two rows that say the same.
OF_A_ROW = {"event_id", "content_hash", "received_at", "known_xid"}


async def stored(admin: Connection, provider: ProviderId) -> list[asyncpg.Record]:
    return list(
        await admin.fetch(
            "SELECT * FROM events WHERE provider_id = $1 ORDER BY event_id, version", provider
        )
    )


async def marks(admin: Connection, provider: ProviderId) -> list[tuple[Any, ...]]:
    rows = await admin.fetch(
        "SELECT service, month, family, event_id FROM marks WHERE provider_id = $1 ORDER BY id",
        provider,
    )
    return [tuple(row) for row in rows]


async def row_of(admin: Connection, provider: ProviderId, name: str = "A-000001") -> dict[str, Any]:
    """The newest version of an event as it is stored."""
    row: asyncpg.Record | None = await admin.fetchrow(
        "SELECT * FROM events WHERE provider_id = $1 AND event_id = $2 ORDER BY version DESC",
        provider,
        name,
    )
    assert row is not None, f"{name} was not stored"
    return dict(row)
