"""Bodies that are to be mapped once more: who asked, for which, and how far it has come.

A replay sets bodies waiting again and remembers them; the worker maps them as any other. So it
goes on after whatever interrupts it, and doing it twice changes nothing. Whoever names bodies by
number says that they hold against others (`models.readings`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.connectors import Connector, Replay
from models.inbox import OTHER_BODY, InboxItem, InboxStatus

#: A body that contradicts another is only read when somebody names it.
NOT_CONTRADICTING = InboxItem.reason.is_distinct_from(OTHER_BODY)


async def replay(
    session: AsyncSession,
    connector: Connector,
    conditions: Sequence[ColumnElement[bool]],
    asked: dict[str, Any],
    requested_by: str,
    now: datetime,
) -> Replay:
    """Set the bodies that meet the conditions waiting again, in one transaction with its record."""
    replay_id = uuid4()
    renewed = await session.execute(
        update(InboxItem)
        .where(InboxItem.connector == connector.code, *conditions)
        .values(
            status=InboxStatus.WAITING,
            reason=None,
            detail=None,
            refused=None,
            dismissed_why=None,
            replay_id=replay_id,
        )
        .returning(InboxItem.id)
    )
    row = Replay(
        provider_id=connector.provider_id,
        id=replay_id,
        connector=connector.code,
        asked=asked,
        bodies=len(renewed.all()),
        requested_by=requested_by,
        requested_at=now,
    )
    session.add(row)
    await session.flush()
    return row


async def replay_quarantined(
    session: AsyncSession, connector: Connector, requested_by: str, now: datetime
) -> None:
    """What a new mapping may read: all that is in quarantine and does not contradict another."""
    waiting = (InboxItem.status == InboxStatus.QUARANTINED, NOT_CONTRADICTING)
    number = await session.scalar(
        select(func.count())
        .select_from(InboxItem)
        .where(InboxItem.connector == connector.code, *waiting)
    )
    if number:
        asked = {"mapping_version": connector.active_version, "status": ["quarantined"]}
        await replay(session, connector, waiting, asked, requested_by, now)


async def progress_of(session: AsyncSession, replay_id: UUID) -> dict[str, int]:
    """Bodies by what became of them, of those that no later replay has taken over."""
    found = await session.execute(
        select(InboxItem.status, func.count())
        .where(InboxItem.replay_id == replay_id)
        .group_by(InboxItem.status)
    )
    return {row[0]: row[1] for row in found}
