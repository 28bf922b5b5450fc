"""Everything but events that a service's score depends on, loaded as one frozen value.

Kept by hash with each snapshot, so that an old number is counted again by the teams, bands and
indicators of its day.
"""

import hashlib
from bisect import bisect_right
from datetime import date, datetime, time

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.calendar import CALENDAR_VERSION, ShiftPattern
from models.catalogue import STARTER_VERSION, CatalogueChanges, Indicator, effective
from models.organisation import (
    CatalogueChange,
    Programme,
    ProviderSettings,
    Service,
    ServiceShiftPattern,
    Team,
    TeamAlias,
    TeamPlace,
)
from models.silences import Silence, silences


class ProviderChoices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a provider may set for itself."""

    channels_required: int = 2
    look_day: int = 5
    spc_rules: str = "mdc-2023"
    method: str = "breadth-2"
    store_text: bool = False
    review_grace_days: int = 14


class PlaceOfTeam(msgspec.Struct, frozen=True):
    effective_from: date
    area: str | None
    led_by: str | None


class TeamOfService(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: str
    aliases: tuple[str, ...]
    opened_on: date | None
    closed_on: date | None
    places: tuple[PlaceOfTeam, ...]

    def place_on(self, day: date) -> PlaceOfTeam | None:
        """Area and leader in force on a day; before the first one, the first."""
        if not self.places:
            return None
        position = bisect_right(self.places, day, key=lambda place: place.effective_from)
        return self.places[max(position - 1, 0)]


class ProgrammeVersion(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    name: str
    started_on: date
    baseline_months: int
    current_months: int
    baseline_reason: str | None
    origin_team: str | None
    registered_at: datetime


class PatternInForce(msgspec.Struct, frozen=True):
    effective_from: date
    day_starts: time
    night_starts: time


class ServiceContext(msgspec.Struct, frozen=True, kw_only=True):
    """One service with its predecessors' ids, teams, bands, programme and indicators."""

    service: str
    name: str
    kind: str
    known_as: tuple[str, ...]
    teams: tuple[TeamOfService, ...]
    patterns: tuple[PatternInForce, ...]
    programmes: tuple[ProgrammeVersion, ...]
    choices: ProviderChoices
    catalogue: str
    indicators: tuple[Indicator, ...]
    theme_aliases: dict[str, str] = {}
    silences: tuple[Silence, ...] = ()
    calendar: str = CALENDAR_VERSION

    def digest(self) -> bytes:
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).digest()

    def shift_patterns(self) -> tuple[ShiftPattern, ...]:
        return tuple(
            ShiftPattern(pattern.effective_from, pattern.day_starts, pattern.night_starts)
            for pattern in self.patterns
        )

    def teams_by_name(self) -> dict[str, TeamOfService]:
        """Every code and alias; a code wins over an alias of the same spelling."""
        named = {alias: team for team in self.teams for alias in team.aliases}
        return named | {team.code: team for team in self.teams}

    @property
    def programme(self) -> ProgrammeVersion | None:
        return self.programmes[-1] if self.programmes else None


async def provider_choices(session: AsyncSession) -> tuple[ProviderChoices, int]:
    """The settings in force and their version; version 0 is the default."""
    row = await session.scalar(
        select(ProviderSettings).order_by(ProviderSettings.version.desc()).limit(1)
    )
    if row is None:
        return ProviderChoices(), 0
    return msgspec.convert(row.body, ProviderChoices), row.version


async def provider_catalogue(session: AsyncSession) -> tuple[CatalogueChanges, str]:
    """The provider's changes to the starter catalogue and the name of the version in force."""
    row = await session.scalar(
        select(CatalogueChange).order_by(CatalogueChange.version.desc()).limit(1)
    )
    if row is None:
        return CatalogueChanges(), STARTER_VERSION
    return msgspec.convert(row.body, CatalogueChanges), f"{STARTER_VERSION}+{row.version}"


async def service_ids(session: AsyncSession, service: str) -> list[str]:
    """The present id of a service, then its older ones; the id itself where it is unknown."""
    rows = (await session.execute(select(Service.code, Service.predecessor))).all()
    predecessor = {row.code: row.predecessor for row in rows}
    ids = [successor_of(predecessor, service)]
    while (before := predecessor.get(ids[-1])) is not None and before not in ids:
        ids.append(before)
    return ids


async def is_known(session: AsyncSession, ids: list[str]) -> bool:
    """Whether the service has been set up under its present id."""
    found = await session.scalar(select(Service.code).where(Service.code == ids[0]))
    return found is not None


def successor_of(predecessor: dict[str, str | None], service: str) -> str:
    """Follow re-registrations to the id a location has today; `predecessor` is by code."""
    after = {before: code for code, before in predecessor.items() if before is not None}
    seen = {service}
    while service in after and after[service] not in seen:
        service = after[service]
        seen.add(service)
    return service


async def load_context(
    session: AsyncSession, service: str, known_as: list[str] | None = None
) -> ServiceContext | None:
    """The context of a service by its present id or an older one; None where it is unknown.

    `known_as` are its ids where they have just been read.
    """
    known_as = known_as or await service_ids(session, service)
    row = await session.scalar(select(Service).where(Service.code == known_as[0]))
    if row is None:
        return None
    choices, _ = await provider_choices(session)
    changes, catalogue = await provider_catalogue(session)
    return ServiceContext(
        service=row.code,
        name=row.name,
        kind=row.kind,
        known_as=tuple(known_as),
        teams=await _teams(session, known_as),
        patterns=await _patterns(session, known_as),
        programmes=await _programmes(session, known_as),
        choices=choices,
        catalogue=catalogue,
        indicators=effective(changes),
        theme_aliases=changes.theme_aliases,
        silences=await silences(session),
    )


async def _teams(session: AsyncSession, known_as: list[str]) -> tuple[TeamOfService, ...]:
    """Teams of the service and of its predecessors, joined by code; the newest id wins."""
    order = {service: position for position, service in enumerate(known_as)}
    teams: dict[str, Team] = {}
    for team in await session.scalars(select(Team).where(Team.service.in_(known_as))):
        held = teams.get(team.code)
        if held is None or order[team.service] < order[held.service]:
            teams[team.code] = team
    aliases = list(
        await session.scalars(
            select(TeamAlias).where(TeamAlias.service.in_(known_as)).order_by(TeamAlias.alias)
        )
    )
    places = list(
        await session.scalars(
            select(TeamPlace)
            .where(TeamPlace.service.in_(known_as))
            .order_by(TeamPlace.effective_from)
        )
    )
    return tuple(
        TeamOfService(
            code=team.code,
            name=team.name,
            aliases=tuple(sorted({alias.alias for alias in aliases if alias.team == team.code})),
            opened_on=team.opened_on,
            closed_on=team.closed_on,
            places=tuple(
                PlaceOfTeam(place.effective_from, place.area, place.led_by)
                for place in sorted(
                    (place for place in places if place.team == team.code),
                    key=lambda place: (place.effective_from, -order[place.service]),
                )
            ),
        )
        for team in sorted(teams.values(), key=lambda team: team.code)
    )


async def _patterns(session: AsyncSession, known_as: list[str]) -> tuple[PatternInForce, ...]:
    rows = await session.scalars(
        select(ServiceShiftPattern)
        .where(ServiceShiftPattern.service == known_as[0])
        .order_by(ServiceShiftPattern.effective_from)
    )
    found = tuple(
        PatternInForce(row.effective_from, row.day_starts, row.night_starts) for row in rows
    )
    if found or len(known_as) == 1:
        return found
    return await _patterns(session, known_as[1:])


async def _programmes(session: AsyncSession, known_as: list[str]) -> tuple[ProgrammeVersion, ...]:
    """All versions, oldest first; a predecessor's programme goes on until the service has one."""
    rows = list(
        await session.scalars(
            select(Programme)
            .where(Programme.service.in_(known_as))
            .order_by(Programme.registered_at, Programme.version)
        )
    )
    return tuple(
        ProgrammeVersion(
            version=row.version,
            name=row.name,
            started_on=row.started_on,
            baseline_months=row.baseline_months,
            current_months=row.current_months,
            baseline_reason=row.baseline_reason,
            origin_team=row.origin_team,
            registered_at=row.registered_at,
        )
        for row in rows
    )
