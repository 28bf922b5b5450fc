"""Cells are sums over events; marks say which slices of cells have to be summed again."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.vocabulary import Band, ExposureUnit, Family


class Cell(OfProvider, Base):
    """Sufficient statistics of one indicator in one team, area, band and month.

    All are whole numbers, so that any wider view is an exact sum. Proportion: `x` of `n`. Rate:
    `x` events (their exposure is the `care_time` cell beside it). Mean: `x` is the sum of `n`
    values in hundredths, `sum_squares` in ten-thousandths. `care_time`: `x` minutes in `unit`.
    Team and area are '' where the evidence names none; band is '' where it speaks of no time.
    """

    __tablename__ = "cells"
    __table_args__ = (
        one_of("family", Family),
        CheckConstraint("band = '' OR band IN (" + ", ".join(f"'{b}'" for b in Band) + ")", "band"),
        one_of("unit", ExposureUnit, or_null=True),
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
    unit: Mapped[str | None]


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
