"""Versions of the improvement being judged. A change opens a new series and buys no look back."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.calendar import add_months, month_bounds
from models.context import ProgrammeVersion, successor_of
from models.lineage import Links
from models.organisation import Programme
from models.vocabulary import ProviderId


class ProgrammeTerms(NamedTuple):
    """What a version says, without its number and time."""

    name: str
    started_on: date
    baseline_months: int
    current_months: int
    baseline_reason: str | None
    origin_team: str | None


def terms_of(version: ProgrammeVersion | Programme) -> ProgrammeTerms:
    return ProgrammeTerms(*(getattr(version, field) for field in ProgrammeTerms._fields))


def first_current_month(started_on: date) -> date:
    """The month after the start month; the start month itself for a start on the 1st."""
    month = started_on.replace(day=1)
    return month if started_on.day == 1 else add_months(month, 1)


def is_post_hoc(started_on: date, registered_at: datetime) -> bool:
    """Registered when its first current month had already ended, so results could be seen."""
    return registered_at >= month_bounds(first_current_month(started_on))[1]


async def add_version(
    session: AsyncSession,
    provider: ProviderId,
    service: str,
    version: int,
    terms: ProgrammeTerms,
    registered_at: datetime,
) -> None:
    await session.execute(
        insert(Programme).values(
            provider_id=provider,
            service=service,
            version=version,
            registered_at=registered_at,
            **terms._asdict(),
        )
    )


async def newest_versions(session: AsyncSession, links: Links) -> dict[str, Programme]:
    """The programme in force by the newest id of each service that has one."""
    rows = await session.scalars(
        select(Programme).order_by(Programme.registered_at, Programme.version)
    )
    return {successor_of(links, row.service): row for row in rows}


async def reopen_all(
    session: AsyncSession, provider: ProviderId, links: Links, now: datetime
) -> None:
    """The rules of judging changed, so each programme starts a series of its own under them."""
    for service, newest in (await newest_versions(session, links)).items():
        # A clock that is behind must not put the new version before the one it follows.
        at = max(now, newest.registered_at)
        await add_version(session, provider, service, newest.version + 1, terms_of(newest), at)
