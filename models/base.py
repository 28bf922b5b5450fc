"""Declarative base and the column types that every table shares. Knows no table."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, MetaData, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Tables of one provider each: `provider_id` leads every key, so they distribute unchanged."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        str: Text(),
        UUID: Uuid(),
    }


class OfProvider:
    """Every row belongs to one provider; row-level security shows it to nobody else."""

    provider_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)


def one_of(
    column: str, values: Iterable[StrEnum], *, or_null: bool = False, or_empty: bool = False
) -> CheckConstraint:
    """A closed set is stored as text with a CHECK that names its members."""
    members = ", ".join(f"'{value}'" for value in values)
    condition = f"{column} IN ({members})"
    if or_empty:
        condition = f"{column} = '' OR {condition}"
    return CheckConstraint(f"{column} IS NULL OR {condition}" if or_null else condition, column)


def utc_now() -> datetime:
    """The clock that `create_app` and the worker use unless a test passes its own."""
    return datetime.now(UTC)
