"""The only arq functions: each opens its transactions and calls one thing. All may run twice."""

import asyncio
from concurrent.futures import Executor
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from models.choices import mark_every_service
from models.db import Sessions, transaction
from models.queue import JUDGING_QUEUE, RESCORE, ring, ring_delivery
from models.silences import find_silences
from models.vocabulary import ProviderId
from worker.announcing import announce_sources
from worker.escalating import escalate_reviews
from worker.mapping import map_waiting
from worker.publishing import publish, publish_due
from worker.recompute import count_open, drain
from worker.windows import last_ended_month

#: A service that never stops sending must not keep the turn of the others.
ROUNDS_A_TURN = 2

log = structlog.get_logger(__name__)

# Months that ended without a score, and provisional ones whose look day is over.
MARK_DUE = """
INSERT INTO marks (provider_id, service, as_of)
SELECT s.provider_id, s.code, :as_of FROM services s
LEFT JOIN scores c ON c.provider_id = s.provider_id AND c.service = s.code AND c.as_of = :as_of
LEFT JOIN snapshots f ON f.provider_id = c.provider_id AND f.id = c.snapshot_id
WHERE NOT EXISTS (
        SELECT FROM services n WHERE n.provider_id = s.provider_id AND n.predecessor = s.code)
  AND NOT EXISTS (
        SELECT FROM marks m WHERE m.provider_id = s.provider_id AND m.service = s.code)
  AND (c.as_of IS NULL OR (f.provisional AND c.computed_at < :today))
"""


async def recompute(context: dict[str, Any], provider: str, service: str) -> None:
    """Answer the doorbell of one service: count at once, and leave judging to its turn."""
    owner, now = ProviderId(UUID(provider)), context["clock"]()
    if await count_open(context["sessions"], owner, service, now):
        await context["redis"].enqueue_job(
            RESCORE,
            provider,
            service,
            _job_id=f"{RESCORE}:{provider}:{service}",
            _queue_name=JUDGING_QUEUE,
        )


async def rescore(context: dict[str, Any], provider: str, service: str) -> int:
    """Judge one service."""
    owner, now = ProviderId(UUID(provider)), context["clock"]()
    arithmetic = context["arithmetic"]
    rounds = await drain(context["sessions"], owner, service, now, arithmetic, ROUNDS_A_TURN)
    if rounds:
        await ring_delivery(context["redis"])
    return rounds


async def deliver(context: dict[str, Any]) -> int:
    """Post what is due, of whichever provider; how many posts that began."""
    posts: int = await context["dispatcher"].deliver()
    return posts


async def map_bodies(context: dict[str, Any], provider: str) -> int:
    """Map the messages that have arrived for one provider."""
    return await _map(context, ProviderId(UUID(provider)), tables=False)


async def map_tables(context: dict[str, Any], provider: str) -> int:
    """Map the tables that have arrived for one provider.

    One at a time: a sweep and a ring would otherwise read the same one beside each other. Small
    ones wait for no large one, of whichever provider; whoever finds a large one under way leaves
    the others to the sweep.
    """
    owner = ProviderId(UUID(provider))
    async with context["small_turn"]:
        done = await _map(context, owner, tables=True, large=False)
    if context["turn"].locked():
        return done
    async with context["turn"]:
        return done + await _map(context, owner, tables=True, large=True)


async def publish_first(context: dict[str, Any], provider: str) -> None:
    """Publish a provider that somebody reads for the first time."""
    await publish(context["sessions"], ProviderId(UUID(provider)), context["clock"]())


async def publish_changed(context: dict[str, Any]) -> int:
    """Publish what has changed of every provider that was not just published."""
    return await publish_due(context["sessions"], context["clock"]())


async def sweep_bodies(context: dict[str, Any]) -> int:
    """Map the messages that wait, so that a lost queue costs seconds and never a body."""
    providers = await _providers_with_bodies(context["sessions"])
    return sum([await map_bodies(context, str(provider)) for provider in providers])


async def sweep_tables(context: dict[str, Any]) -> int:
    providers = await _providers_with_bodies(context["sessions"])
    # Side by side: who has small tables does not wait until a large one of another is read.
    done = await asyncio.gather(*(map_tables(context, str(provider)) for provider in providers))
    return sum(done)


async def _providers_with_bodies(sessions: Sessions) -> list[ProviderId]:
    async with transaction(sessions, None) as session:
        found = await session.execute(text("SELECT provider_id FROM providers_with_bodies()"))
        return [ProviderId(row.provider_id) for row in found]


async def _map(
    context: dict[str, Any], provider: ProviderId, *, tables: bool, large: bool | None = None
) -> int:
    """Services with new evidence are rung for after each commit."""
    return await map_waiting(
        context["sessions"],
        context["keyring"],
        provider,
        context["clock"],
        partial(ring, context["redis"]),
        tables=tables,
        large=large,
    )


async def sweep_judgements(context: dict[str, Any]) -> int:
    return await sweep_marks(context["sessions"], context["clock"](), context["arithmetic"])


async def sweep_marks(sessions: Sessions, now: datetime, arithmetic: Executor) -> int:
    """Recompute every marked service, the longest waiting first; returns how many had marks.

    A service that fails is logged and left to the next sweep; it must not stop its neighbours.
    """
    async with transaction(sessions, None) as session:
        marked = (await session.execute(text("SELECT * FROM marked_services()"))).all()
    for row in marked:
        try:
            owner = ProviderId(row.provider_id)
            await drain(sessions, owner, row.service, now, arithmetic, ROUNDS_A_TURN)
        except Exception:
            log.exception("recompute_failed", provider=str(row.provider_id), service=row.service)
    return len(marked)


async def watch_sources(context: dict[str, Any]) -> None:
    """Note where expected sources have gone silent or come back; scores look at it anew."""
    sessions, now = context["sessions"], context["clock"]()
    for provider in await _providers(sessions):
        async with transaction(sessions, provider) as session:
            if not (changed := await find_silences(session, now)):
                continue
            services = await mark_every_service(session)
            await announce_sources(session, provider, changed, now)
        connectors = sorted({each.connector for each in changed})
        log.info("sources_changed", provider=str(provider), connectors=connectors)
        await ring(context["redis"], provider, services)
        await ring_delivery(context["redis"])


async def watch_reviews(context: dict[str, Any]) -> None:
    """Escalate reviews that nobody has held in time; a provider that fails is left to next time."""
    sessions, now = context["sessions"], context["clock"]()
    for provider in await _providers(sessions):
        try:
            async with transaction(sessions, provider) as session:
                done = await escalate_reviews(session, provider, now)
        except Exception:
            log.exception("reviews_not_watched", provider=str(provider))
            continue
        if done:
            log.info("reviews_escalated", provider=str(provider), services=len(done))
            await ring_delivery(context["redis"])


async def _providers(sessions: Sessions) -> list[ProviderId]:
    async with transaction(sessions, None) as session:
        found = await session.execute(text("SELECT DISTINCT provider_id FROM known_services()"))
        return [ProviderId(row.provider_id) for row in found]


async def mark_due(context: dict[str, Any]) -> None:
    """Ask for the month that has just ended, and for provisional looks that have become final."""
    sessions, now = context["sessions"], context["clock"]()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for provider in await _providers(sessions):
        async with transaction(sessions, provider) as session:
            await session.execute(text(MARK_DUE), {"as_of": last_ended_month(now), "today": today})
