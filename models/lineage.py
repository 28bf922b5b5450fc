"""The ids a service has had, and the locks of whoever changes its organisation or scores it.

A re-registered location is a new id that names the old one as its predecessor; whatever is true
of one id then concerns all of them.
"""

from collections.abc import Iterable

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.cells import lock_name
from models.context import successor_of
from models.organisation import Service
from models.vocabulary import ProviderId

#: Predecessor by service, of those that have one.
Links = dict[str, str | None]

LOCK_IN_ORDER = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(name, 0))"
    " FROM unnest(CAST(:names AS text[])) AS name"
)
LOCK_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))")


async def predecessors(session: AsyncSession) -> Links:
    rows = await session.execute(
        select(Service.code, Service.predecessor).where(Service.predecessor.is_not(None))
    )
    return {row.code: row.predecessor for row in rows}


def older_ids(links: Links, code: str) -> list[str]:
    """The id itself and those before it, newest first."""
    ids = [code]
    while (before := links.get(ids[-1])) is not None and before not in ids:
        ids.append(before)
    return ids


def related(links: Links, codes: set[str]) -> set[str]:
    """These ids with all older and newer ones."""
    return {each for code in codes for each in older_ids(links, successor_of(links, code))} | {
        *codes
    }


async def lock_lineages(session: AsyncSession, provider: ProviderId, codes: Iterable[str]) -> None:
    """Wait until nobody else changes or scores these services, under any of their ids.

    Names are locked in order, so that two changes never wait for each other in a ring. Only where
    a lineage grew while it was waited for can they; PostgreSQL then ends one of them, and its
    sender is asked to send again.
    """
    codes, held = set(codes), set[str]()
    while more := related(await predecessors(session), codes) - held:
        names = sorted(lock_name(provider, code) for code in more)
        await session.execute(LOCK_IN_ORDER, {"names": names})
        held |= more


def _choices_name(provider: ProviderId) -> str:
    return f"choices/{provider}"


async def lock_choices(session: AsyncSession, provider: ProviderId) -> None:
    """One change of the provider's settings or catalogue at a time. Taken before any lineage."""
    await session.execute(LOCK_IN_ORDER, {"names": [_choices_name(provider)]})


async def keep_choices(session: AsyncSession, provider: ProviderId) -> None:
    """Let settings stay as they are until the end of this transaction, for as many as ask."""
    await session.execute(LOCK_SHARED, {"name": _choices_name(provider)})
