"""Times in which an expected source sent nothing: what is missing must not read as improvement.

Where fewer events are better, no events look best. So the rates that a silent source feeds have
no evidence in the months of its silence, until somebody says that what was missed has been sent.
"""

from datetime import date, datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import ForeignKeyConstraint, Text, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider
from models.calendar import month_of
from models.cells import PROVIDER


class SourceSilence(OfProvider, Base):
    """From one arrival to the next, where that took longer than was expected; open without one."""

    __tablename__ = "silences"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "connector"], ["connectors.provider_id", "connectors.code"]
        ),
    )

    connector: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime | None]
    #: Event types that the source sends; empty where its mapping chooses them record by record.
    types: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    filled_at: Mapped[datetime | None]
    filled_why: Mapped[str | None]


class Silence(msgspec.Struct, frozen=True):
    """As a score looks at it: whole months, first to last; `last` is null while it goes on."""

    connector: str
    types: tuple[str, ...]
    first: date
    last: date | None

    def reaches(self, month: date) -> bool:
        return self.first <= month and (self.last is None or month <= self.last)


# Arrivals of the last days, the newest one, when the mapping was put to work, and where silences
# that are open began; what lies between two of them for too long is one.
FIND = text(f"""
WITH due AS (
    SELECT c.code, make_interval(hours => c.expected_every_hours) AS every,
           CASE WHEN jsonb_typeof(m.document -> 'type') = 'string'
                THEN ARRAY[m.document ->> 'type'] ELSE ARRAY[]::text[] END AS types
    FROM connectors c
    JOIN mappings m ON m.connector = c.code AND m.version = c.active_version
    WHERE c.state = 'active' AND c.expected_every_hours IS NOT NULL
), moments AS (
    SELECT d.code, d.every, d.types, m.at FROM due d CROSS JOIN LATERAL (
        SELECT a.received_at AS at FROM arrivals a
        WHERE a.connector = d.code
          AND a.received_at > CAST(:now AS timestamptz) - greatest(interval '3 days', 3 * d.every)
        UNION
        (SELECT a.received_at FROM arrivals a WHERE a.connector = d.code
         ORDER BY a.received_at DESC LIMIT 1)
        UNION
        SELECT min(v.activated_at) FROM mappings v WHERE v.connector = d.code
        UNION
        SELECT s.since FROM silences s WHERE s.connector = d.code AND s.until IS NULL
    ) AS m WHERE m.at IS NOT NULL
), gaps AS (
    SELECT code, every, types, at AS since,
           lead(at) OVER (PARTITION BY code ORDER BY at) AS until
    FROM moments
)
INSERT INTO silences (provider_id, connector, since, until, types)
SELECT {PROVIDER}, code, since, until, types FROM gaps
WHERE coalesce(until, CAST(:now AS timestamptz)) - since > every
ON CONFLICT (provider_id, connector, since) DO UPDATE SET until = excluded.until
WHERE silences.until IS DISTINCT FROM excluded.until
RETURNING connector, since, until
""")

FILL = text("""
UPDATE silences SET filled_at = :now, filled_why = :why
WHERE connector = :connector AND since < :until AND filled_at IS NULL
RETURNING since
""")


class Changed(NamedTuple):
    """A silence that has begun, or that has ended with `until`."""

    connector: str
    since: datetime
    until: datetime | None


async def find_silences(session: AsyncSession, now: datetime) -> list[Changed]:
    """Silences of the current provider's sources that have begun or ended since the last look."""
    found = await session.execute(FIND, {"now": now})
    return sorted(Changed(*row) for row in found)


async def fill(
    session: AsyncSession, connector: str, until: datetime, why: str, now: datetime
) -> int:
    """Say that what was missed before `until` has been sent since; how many silences that ends."""
    asked = {"connector": connector, "until": until, "why": why, "now": now}
    return len((await session.execute(FILL, asked)).all())


async def unfilled(session: AsyncSession, connector: str | None = None) -> list[SourceSilence]:
    """Silences in which evidence may be missing, the oldest first."""
    query = select(SourceSilence).where(SourceSilence.filled_at.is_(None))
    if connector is not None:
        query = query.where(SourceSilence.connector == connector)
    ordered = query.order_by(SourceSilence.since, SourceSilence.connector)
    return list(await session.scalars(ordered))


async def silences(session: AsyncSession) -> tuple[Silence, ...]:
    """As scores look at them."""
    return tuple(
        Silence(
            row.connector,
            tuple(row.types),
            month_of(row.since),
            None if row.until is None else month_of(row.until),
        )
        for row in await unfilled(session)
    )
