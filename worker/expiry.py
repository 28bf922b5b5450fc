"""What is kept for a time and no longer: removed by the worker's clock, provider by provider.

Nothing depends on when this runs. Whoever looks for a kept answer heeds its age himself.
"""

from typing import Any

import structlog

from models.db import Sessions, transaction
from models.idempotency import providers_with_expired, remove_expired
from models.vocabulary import ProviderId

log = structlog.get_logger(__name__)

#: Answers a transaction removes. Some are megabytes, and none may hold up a vacuum for long.
AT_A_TIME = 1_000


async def remove_expired_answers(context: dict[str, Any]) -> int:
    """Remove answers whose days are over; says how many. May run twice, and side by side."""
    sessions: Sessions = context["sessions"]
    now = context["clock"]()
    removed = 0
    async with transaction(sessions, None) as session:
        providers = await providers_with_expired(session, now)
    for provider in map(ProviderId, providers):
        more = True
        while more:
            async with transaction(sessions, provider) as session:
                of_these = await remove_expired(session, now, AT_A_TIME)
            removed += of_these
            more = of_these == AT_A_TIME
    log.info("expired_answers_removed", answers=removed)
    return removed
