"""The only arq functions: each opens its transactions and calls one thing. All may run twice."""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from models.db import Sessions, transaction
from models.vocabulary import ProviderId
from worker.recompute import drain
from worker.windows import last_ended_month

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


async def recompute(context: dict[str, Any], provider: str, service: str) -> int:
    """Answer the doorbell of one service."""
    now = context["clock"]()
    return await drain(context["sessions"], ProviderId(UUID(provider)), service, now)


async def sweep_marks(sessions: Sessions, now: datetime) -> int:
    """Recompute every marked service, the longest waiting first; returns how many had marks.

    A service that fails is logged and left to the next sweep; it must not stop its neighbours.
    """
    async with transaction(sessions, None) as session:
        marked = (await session.execute(text("SELECT * FROM marked_services()"))).all()
    for row in marked:
        try:
            await drain(sessions, ProviderId(row.provider_id), row.service, now)
        except Exception:
            log.exception("recompute_failed", provider=str(row.provider_id), service=row.service)
    return len(marked)


async def mark_due(context: dict[str, Any]) -> None:
    """Ask for the month that has just ended, and for provisional looks that have become final."""
    sessions, now = context["sessions"], context["clock"]()
    async with transaction(sessions, None) as session:
        found = await session.execute(text("SELECT DISTINCT provider_id FROM known_services()"))
        providers = [ProviderId(row.provider_id) for row in found]
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for provider in providers:
        async with transaction(sessions, provider) as session:
            await session.execute(text(MARK_DUE), {"as_of": last_ended_month(now), "today": today})
