"""How a connector is doing: what became of its bodies, and what about it should be looked at."""

from datetime import datetime, timedelta

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.connectors import Connector, ConnectorState, Noticed
from models.inbox import Arrival, InboxItem, InboxStatus
from models.silences import unfilled

MOST_NOTICED = 100


class Warned(BaseModel):
    """One thing to look at, and since when."""

    kind: str
    path: str
    detail: str
    first_seen: datetime
    last_seen: datetime
    bodies: int


class Health(BaseModel):
    last_arrival_at: datetime | None
    bodies: dict[str, int]
    quarantined: dict[str, int]
    warnings: list[Warned]


async def health_of(session: AsyncSession, connector: Connector, now: datetime) -> Health:
    grouped = await session.execute(
        select(InboxItem.status, InboxItem.reason, func.count())
        .where(InboxItem.connector == connector.code)
        .group_by(InboxItem.status, InboxItem.reason)
    )
    bodies = {status.value: 0 for status in InboxStatus}
    quarantined: dict[str, int] = {}
    for status, reason, number in grouped:
        bodies[status] += number
        if reason is not None:
            quarantined[reason] = number
    last = await session.scalar(
        select(func.max(Arrival.received_at)).where(Arrival.connector == connector.code)
    )
    noticed = await session.scalars(
        select(Noticed)
        .where(Noticed.connector == connector.code)
        .order_by(Noticed.last_seen.desc(), Noticed.kind, Noticed.path)
        .limit(MOST_NOTICED)
    )
    warnings = [
        Warned(
            kind=row.kind,
            path=row.path,
            detail=row.detail,
            first_seen=row.first_seen,
            last_seen=row.last_seen,
            bodies=row.bodies,
        )
        for row in noticed
    ]
    missed = [
        Warned(
            kind="missed",
            path="",
            detail="Between these moments nothing came. What is missing does not count as"
            " improvement: replay or upload it, then say so with ':fill'.",
            first_seen=row.since,
            last_seen=row.until,
            bodies=0,
        )
        for row in await unfilled(session, connector.code)
        if row.until is not None
    ]
    silent = silence_of(connector, last, now)
    return Health(
        last_arrival_at=last,
        bodies=bodies,
        quarantined=quarantined,
        warnings=[*([silent] if silent else []), *missed, *warnings],
    )


def silence_of(connector: Connector, last: datetime | None, now: datetime) -> Warned | None:
    """Said while an expected source sends nothing: missing evidence is no improvement."""
    if connector.expected_every_hours is None or connector.state != ConnectorState.ACTIVE:
        return None
    due = (last or connector.created_at) + timedelta(hours=connector.expected_every_hours)
    if now <= due:
        return None
    since = "it was set up" if last is None else f"{last:%Y-%m-%d %H:%M} UTC"
    return Warned(
        kind="silent",
        path="",
        detail=f"Nothing has come since {since}; a body was expected every"
        f" {connector.expected_every_hours} hours. What is missing does not count as improvement:"
        " ask the platform for what was missed.",
        first_seen=due,
        last_seen=now,
        bodies=0,
    )
