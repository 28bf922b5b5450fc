"""Cells are sums over events; marks say which slices of cells have to be summed again."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, Identity, Index, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.vocabulary import Band, Family


class Cell(OfProvider, Base):
    """Sufficient statistics of one indicator in one team, area, band and month.

    All are whole numbers, so that any wider view is an exact sum. Proportion: `x` of `n`. Rate:
    `x` events. Mean: `x` is the sum of `n` values in hundredths, `sum_squares` in
    ten-thousandths. Exposure stands in cells of its own, named by its unit, `x` in minutes.
    Team and area are '' where the evidence names none; band is '' where it speaks of no time.
    """

    __tablename__ = "cells"
    __table_args__ = (
        one_of("family", Family),
        one_of("band", Band, or_empty=True),
    )

    service: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    family: Mapped[str] = mapped_column(primary_key=True)
    indicator: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(primary_key=True)
    area: Mapped[str] = mapped_column(primary_key=True)
    band: Mapped[str] = mapped_column(primary_key=True)
    x: Mapped[int] = mapped_column(BigInteger)
    n: Mapped[int] = mapped_column(BigInteger)
    sum_squares: Mapped[int] = mapped_column(BigInteger)
    events: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("now()")
    )


class Mark(OfProvider, Base):
    """Something changed. Append-only, written with its cause, deleted by the recompute.

    What it names decides what it asks for: a slice (`month`, `family`); the slices that other
    versions of a corrected event lie in (`source`, `event_id`); a score nobody asked for
    before (`as_of`); nothing: the whole service.
    """

    __tablename__ = "marks"
    __table_args__ = (
        Index(None, "provider_id", "service"),
        one_of("family", Family, or_null=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    service: Mapped[str]
    month: Mapped[date | None]
    family: Mapped[str | None]
    source: Mapped[str | None]
    event_id: Mapped[str | None]
    as_of: Mapped[date | None]
    marked_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("now()")
    )


# Each statement is one round trip over the driver's connection; `provider_id` comes from the
# transaction's setting, so that none of them can name another provider.
PROVIDER = "current_setting('app.provider')::uuid"

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

CLAIM = """
WITH claimed AS (
    DELETE FROM marks WHERE service = ANY($1)
    RETURNING month, family, source, event_id, as_of
)
SELECT DISTINCT month, family, source, event_id, as_of, pg_current_snapshot()::text AS known
FROM claimed
"""

# Marks of slices after the last month that can be judged; the others stay.
CLAIM_OPEN = """
WITH claimed AS (
    DELETE FROM marks WHERE service = ANY($1) AND month > $2 AND family IS NOT NULL
    RETURNING month, family
)
SELECT DISTINCT month, family, pg_current_snapshot()::text AS known FROM claimed
"""

# What only a judge can see to. A slice of the open month has a ring of its own on the way.
ANY_TO_JUDGE = """
SELECT EXISTS (
    SELECT FROM marks WHERE service = ANY($1) AND (month IS NULL OR month <= $2)
)
"""

DELETE_SLICES = """
DELETE FROM cells c USING unnest($2::date[], $3::text[]) AS slice (month, family)
WHERE c.service = ANY($1) AND c.month = slice.month AND c.family = slice.family
"""

INSERT_CELLS = f"""
INSERT INTO cells (provider_id, service, month, family, indicator, team, area, band,
                   x, n, sum_squares, events)
SELECT {PROVIDER}, $1, cell.*
FROM unnest($2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[]) AS cell
"""


def lock_name(provider: object, service: str) -> str:
    """One recompute, or one change of the organisation, of a service at a time."""
    return f"service/{provider}/{service}"


async def mark_service(session: AsyncSession, service: str) -> None:
    """Ask for every slice and score of a service anew."""
    await session.execute(
        text(f"INSERT INTO marks (provider_id, service) VALUES ({PROVIDER}, :service)"),
        {"service": service},
    )


async def mark_as_of(session: AsyncSession, service: str, as_of: date) -> None:
    """Ask for the score of a month."""
    await session.execute(
        text(
            f"INSERT INTO marks (provider_id, service, as_of) VALUES ({PROVIDER}, :service, :as_of)"
        ),
        {"service": service, "as_of": as_of},
    )


async def is_marked(session: AsyncSession, services: Sequence[str]) -> bool:
    """True while something of the service waits to be recomputed."""
    found = await session.scalar(select(Mark.id).where(Mark.service.in_(services)).limit(1))
    return found is not None
