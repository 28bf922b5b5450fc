"""What a provider chose for all its services: settings and catalogue, version by version."""

from datetime import datetime

import msgspec
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.cells import PROVIDER
from models.context import ProviderChoices
from models.organisation import CatalogueChange, ProviderSettings
from models.vocabulary import ProviderId

# An older id of a service is computed under its newest one.
MARK_EVERY_SERVICE = text(
    f"INSERT INTO marks (provider_id, service) SELECT {PROVIDER}, s.code FROM services s"
    " WHERE NOT EXISTS (SELECT FROM services t"
    " WHERE t.provider_id = s.provider_id AND t.predecessor = s.code) RETURNING service"
)


async def mark_every_service(session: AsyncSession) -> list[str]:
    """Ask for all of the provider's scores anew; answers with the services to ring for."""
    return list(await session.scalars(MARK_EVERY_SERVICE))


async def settings_registered_at(session: AsyncSession, version: int) -> datetime | None:
    return await session.scalar(
        select(ProviderSettings.registered_at).where(ProviderSettings.version == version)
    )


async def add_settings(
    session: AsyncSession,
    provider: ProviderId,
    version: int,
    choices: ProviderChoices,
    now: datetime,
) -> None:
    await session.execute(
        insert(ProviderSettings).values(
            provider_id=provider,
            version=version,
            body=msgspec.to_builtins(choices),
            registered_at=now,
        )
    )


async def catalogue_versions(session: AsyncSession) -> list[CatalogueChange]:
    """Newest first."""
    return list(
        await session.scalars(select(CatalogueChange).order_by(CatalogueChange.version.desc()))
    )


async def add_catalogue(
    session: AsyncSession,
    provider: ProviderId,
    version: int,
    body: dict[str, object],
    now: datetime,
) -> None:
    await session.execute(
        insert(CatalogueChange).values(
            provider_id=provider, version=version, body=body, registered_at=now
        )
    )
