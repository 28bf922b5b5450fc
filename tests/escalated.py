"""Looks with made-up triggers, and what became of them: escalations and their trail."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from api.running import Running
from models.calendar import add_months
from models.context import load_context
from models.db import transaction
from models.escalation_states import states_of
from models.escalations import Escalation
from models.scores import Score
from models.vocabulary import ProviderId, Strand
from tests.conftest import NOW
from tests.sent import SERVICE
from worker.escalating import escalate

#: The last month that has ended on the tests' clock.
OCTOBER = date(2026, 10, 1)
NOVEMBER = add_months(OCTOBER, 1)


def signal(code: str, segment: str | None = None, word: str | None = None, **of: Any) -> Any:
    return {
        "code": code,
        "segment": segment,
        "word": word,
        "of": None,
        "state": "open",
        "text": "It is so.",
        "figure": 1.5,
        "threshold": 1.0,
        "since": "2026-08",
    } | of


async def looked(
    running: Running,
    provider: ProviderId,
    *triggers: dict[str, Any],
    strand: Strand = Strand.TEAM_SPREAD,
    as_of: date = OCTOBER,
    now: datetime = NOW,
) -> list[str]:
    """A look at a service that is scored already finds these triggers; what was done about it."""
    strands: dict[str, dict[str, Any]] = {each.value: {"triggers": []} for each in Strand}
    strands[strand.value]["triggers"] = list(triggers)
    async with transaction(running.sessions, provider) as session:
        context = await load_context(session, SERVICE)
        assert context is not None
        snapshot = await session.scalar(
            select(Score.snapshot_id).where(
                Score.service == context.service, Score.as_of == OCTOBER
            )
        )
        assert snapshot is not None
        return await escalate(session, provider, context, as_of, strands, snapshot, now)


async def escalations(running: Running, provider: ProviderId) -> list[dict[str, Any]]:
    async with transaction(running.sessions, provider) as session:
        rows = list(await session.scalars(select(Escalation).order_by(*ORDER)))
        return await states_of(session, rows)


ORDER = (Escalation.strand, Escalation.trigger, Escalation.segment, Escalation.word)


async def done(admin: Any, provider: ProviderId) -> list[str]:
    """What was done to escalations, by whom where it was somebody."""
    rows = await admin.fetch(
        "SELECT action, person FROM trail WHERE provider_id = $1 AND resource = 'escalation'"
        " ORDER BY id",
        provider,
    )
    return [
        row["action"] if row["person"] is None else f"{row['person']}: {row['action']}"
        for row in rows
    ]


async def resolved(
    running: Running, provider: ProviderId, person: str, as_of: date = OCTOBER
) -> None:
    """Every escalation is resolved by somebody, by the table alone."""
    async with transaction(running.sessions, provider) as session:
        for row in await session.scalars(select(Escalation)):
            row.status, row.resolved_by, row.resolved_at = "resolved", person, NOW
            row.resolved_why, row.resolved_as_of = "Seen to.", as_of
