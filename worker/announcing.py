"""What the worker tells endpoints of, in the transaction in which it came to be so.

Escalations tell of themselves, in `models.escalation_states`, whoever changes them.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.context import ServiceContext
from models.deliveries import announce, is_listened_to
from models.silences import Changed
from models.vocabulary import MessageType, ProviderId, Strand

_LEVELS = ", ".join(
    f"s.body #>> '{{strands,{strand},verdict,level}}' AS {strand}" for strand in Strand
)
# Of the month itself as it stood before; of the month before, where this one is judged first.
LEVELS_BEFORE = text(f"""
SELECT s.body #>> '{{story,level}}' AS story, {_LEVELS} FROM snapshots s
WHERE s.service = ANY(:ids) AND s.as_of <= :as_of AND s.id <> :newest
ORDER BY s.as_of DESC, s.computed_at DESC LIMIT 1
""")

Levels = dict[str, str | None]


async def announce_verdict(
    session: AsyncSession,
    provider: ProviderId,
    context: ServiceContext,
    as_of: date,
    content: Mapping[str, Any],
    snapshot: UUID,
    now: datetime,
) -> None:
    """Tell of the last ended month's verdict, where a strand or the story has another level."""
    if not await is_listened_to(session, MessageType.VERDICT_CHANGED):
        return
    before = await _levels_before(session, context, as_of, snapshot)
    levels = {"story": content["story"]["level"]} | {
        strand.value: content["strands"][strand.value]["verdict"]["level"] for strand in Strand
    }
    if before == levels:
        return
    month = f"{as_of:%Y-%m}"
    moved = {name: {"from": before.get(name), "to": level} for name, level in levels.items()}
    told = {
        "id": str(snapshot),
        "service": context.service,
        "as_of": month,
        "snapshot": str(snapshot),
        "story": moved.pop("story"),
        "strands": moved,
        "url": f"/v1/services/{context.service}/breadth?as_of={month}",
    }
    await announce(session, provider, MessageType.VERDICT_CHANGED, context.service, told, now)


async def _levels_before(
    session: AsyncSession, context: ServiceContext, as_of: date, newest: UUID
) -> Levels:
    """By strand, and of the story; empty where nothing was judged before."""
    found = (
        await session.execute(
            LEVELS_BEFORE, {"ids": list(context.known_as), "as_of": as_of, "newest": newest}
        )
    ).one_or_none()
    return {} if found is None else dict(found._asdict())


async def announce_sources(
    session: AsyncSession, provider: ProviderId, changed: Iterable[Changed], now: datetime
) -> None:
    """Tell of sources that have gone silent or come back; they concern all services."""
    for each in changed:
        told = {
            "id": each.connector,
            "since": _instant(each.since),
            "until": None if each.until is None else _instant(each.until),
            "url": f"/v1/connectors/{each.connector}",
        }
        returned = each.until is not None
        kind = MessageType.SOURCE_RETURNED if returned else MessageType.SOURCE_SILENT
        await announce(session, provider, kind, "", told, now)


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
