"""Who provides care where: providers, services, teams with areas, shift patterns, programmes."""

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider

#: Effective from before any evidence.
ALWAYS = date(1900, 1, 1)


class Provider(Base):
    __tablename__ = "providers"

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    created_at: Mapped[datetime]


class Service(OfProvider, Base):
    """A CQC location. With a predecessor, the old id becomes an alias and its history follows."""

    __tablename__ = "services"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["providers.provider_id"]),)

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    predecessor: Mapped[str | None]
    succeeded_on: Mapped[date | None]
    created_at: Mapped[datetime]


def _of_service() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["provider_id", "service"], ["services.provider_id", "services.code"]
    )


class Team(OfProvider, Base):
    __tablename__ = "teams"
    __table_args__ = (
        _of_service(),
        CheckConstraint("closed_on IS NULL OR opened_on IS NULL OR closed_on >= opened_on", "open"),
    )

    service: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    opened_on: Mapped[date | None]
    closed_on: Mapped[date | None]


class TeamAlias(OfProvider, Base):
    """What a source calls a team; unique within the service."""

    __tablename__ = "team_aliases"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "service", "team"],
            ["teams.provider_id", "teams.service", "teams.code"],
        ),
    )

    service: Mapped[str] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str]


class TeamPlace(OfProvider, Base):
    """Area and leader of a team from a date on."""

    __tablename__ = "team_places"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "service", "team"],
            ["teams.provider_id", "teams.service", "teams.code"],
        ),
    )

    service: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    area: Mapped[str | None]
    led_by: Mapped[str | None]


class ServiceShiftPattern(OfProvider, Base):
    __tablename__ = "shift_patterns"
    __table_args__ = (_of_service(), CheckConstraint("day_starts < night_starts", "order"))

    service: Mapped[str] = mapped_column(primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    day_starts: Mapped[time]
    night_starts: Mapped[time]


class Programme(OfProvider, Base):
    """The improvement being judged; a change is a new version and opens a new series of looks."""

    __tablename__ = "programmes"
    __table_args__ = (
        _of_service(),
        CheckConstraint("baseline_months BETWEEN 1 AND 24", "baseline_months"),
        CheckConstraint("current_months BETWEEN 1 AND 12", "current_months"),
    )

    service: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    started_on: Mapped[date]
    baseline_months: Mapped[int]
    current_months: Mapped[int]
    baseline_reason: Mapped[str | None]
    origin_team: Mapped[str | None]
    registered_at: Mapped[datetime]


class ProviderSettings(OfProvider, Base):
    """What a provider chose, by version; the newest is in force."""

    __tablename__ = "provider_settings"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["providers.provider_id"]),)

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[dict[str, object]] = mapped_column(JSONB)
    registered_at: Mapped[datetime]


class CatalogueChange(OfProvider, Base):
    """A provider's changes to the starter catalogue, by version; the newest is in force."""

    __tablename__ = "catalogue_changes"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["providers.provider_id"]),)

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[dict[str, object]] = mapped_column(JSONB)
    registered_at: Mapped[datetime]


class CustomEventType(OfProvider, Base):
    """A type `custom.<name>` whose data a provider describes by JSON Schema."""

    __tablename__ = "custom_event_types"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["providers.provider_id"]),)

    type: Mapped[str] = mapped_column(primary_key=True)
    json_schema: Mapped[dict[str, object]] = mapped_column(JSONB)
    registered_at: Mapped[datetime]
