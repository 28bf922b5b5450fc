"""Teams of a service: what sources call them, and their area and leader from which day on.

A statement here names the id under which a row is kept; that a service goes on under another id
is for `models.context` to join.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.context import PatternInForce, PlaceOfTeam
from models.organisation import ServiceShiftPattern, Team, TeamAlias, TeamPlace
from models.vocabulary import ProviderId


async def teams_of(session: AsyncSession, service: str) -> dict[str, Team]:
    """Teams that are kept under this very id, by code."""
    rows = await session.scalars(select(Team).where(Team.service == service))
    return {row.code: row for row in rows}


async def words_for_teams(session: AsyncSession, services: Sequence[str]) -> list[str]:
    """The codes and aliases by which events name teams of these ids; display names do not."""
    codes = await session.scalars(select(Team.code).where(Team.service.in_(services)))
    aliases = await session.scalars(select(TeamAlias.alias).where(TeamAlias.service.in_(services)))
    return sorted({*codes, *aliases})


async def put_team(
    session: AsyncSession,
    provider: ProviderId,
    service: str,
    code: str,
    name: str,
    opened_on: date | None,
    closed_on: date | None,
) -> None:
    said = {"name": name, "opened_on": opened_on, "closed_on": closed_on}
    await session.execute(
        upsert(Team)
        .values(provider_id=provider, service=service, code=code, **said)
        .on_conflict_do_update(index_elements=["provider_id", "service", "code"], set_=said)
    )


async def remove_aliases(
    session: AsyncSession, services: Sequence[str], aliases: Iterable[str]
) -> None:
    await session.execute(
        delete(TeamAlias).where(TeamAlias.service.in_(services), TeamAlias.alias.in_(list(aliases)))
    )


async def add_aliases(
    session: AsyncSession, provider: ProviderId, service: str, team_by_alias: Mapping[str, str]
) -> None:
    rows = [
        {"provider_id": provider, "service": service, "alias": alias, "team": team}
        for alias, team in sorted(team_by_alias.items())
    ]
    if rows:
        await session.execute(insert(TeamAlias), rows)


async def place_team(
    session: AsyncSession, provider: ProviderId, service: str, team: str, place: PlaceOfTeam
) -> None:
    """Area and leader from a day on; a second change on the same day replaces the first."""
    said = {"area": place.area, "led_by": place.led_by}
    await session.execute(
        upsert(TeamPlace)
        .values(
            provider_id=provider,
            service=service,
            team=team,
            effective_from=place.effective_from,
            **said,
        )
        .on_conflict_do_update(
            index_elements=["provider_id", "service", "team", "effective_from"], set_=said
        )
    )


async def forget_later_places(
    session: AsyncSession, services: Sequence[str], team: str, day: date
) -> None:
    """What was said of the days after this one no longer holds."""
    await session.execute(
        delete(TeamPlace).where(
            TeamPlace.service.in_(services), TeamPlace.team == team, TeamPlace.effective_from > day
        )
    )


async def patterns_of(session: AsyncSession, service: str) -> list[PatternInForce]:
    rows = await session.scalars(
        select(ServiceShiftPattern)
        .where(ServiceShiftPattern.service == service)
        .order_by(ServiceShiftPattern.effective_from)
    )
    return [PatternInForce(row.effective_from, row.day_starts, row.night_starts) for row in rows]


async def replace_patterns(
    session: AsyncSession, provider: ProviderId, service: str, patterns: Iterable[PatternInForce]
) -> None:
    await session.execute(delete(ServiceShiftPattern).where(ServiceShiftPattern.service == service))
    rows = [
        {
            "provider_id": provider,
            "service": service,
            "effective_from": pattern.effective_from,
            "day_starts": pattern.day_starts,
            "night_starts": pattern.night_starts,
        }
        for pattern in patterns
    ]
    if rows:
        await session.execute(insert(ServiceShiftPattern), rows)
