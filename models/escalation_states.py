"""An escalation as it is answered and as the trail keeps it: one JSON for both.

Names of people, evidence and quality statements are looked up here, so that what is noted of a
day needs nothing else to be read.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalogue import effective
from models.context import provider_catalogue
from models.deliveries import announce
from models.escalations import LEADERS_JUDGEMENT, REVIEW_OVERDUE, Escalation
from models.roles import Person
from models.scores import Snapshot
from models.statements import statements_of_indicator, statements_of_strand
from models.trail import By, Resource, Trail, note
from models.vocabulary import VIEW_OF, EscalationAction, MessageType, ProviderId, Strand

State = dict[str, Any]

#: What leaders usually do about a strand that stays uneven; any other action may be chosen too.
OFFERED = {
    Strand.TEAM_SPREAD: (
        EscalationAction.INTENSIVE_TEAM_SUPPORT,
        EscalationAction.SENIOR_OVERSIGHT,
        EscalationAction.OPERATIONAL_REVIEW,
    ),
    Strand.SHIFT_COVERAGE: (
        EscalationAction.ROTA_CHANGE,
        EscalationAction.OUT_OF_HOURS_SUPPORT,
        EscalationAction.EXTRA_SAMPLING,
    ),
    # Senior oversight is how enhanced monitoring is continued.
    Strand.EVIDENCE_ALIGNMENT: (
        EscalationAction.STAKEHOLDER_ENGAGEMENT,
        EscalationAction.LOCAL_REDESIGN,
        EscalationAction.SENIOR_OVERSIGHT,
    ),
    None: (EscalationAction.SENIOR_OVERSIGHT, EscalationAction.OPERATIONAL_REVIEW),
}

#: What a trigger is always about; others say at each look what their figure is of.
INDICATOR_OF = {"weaker_handovers": "handover_quality", "repeated_dissatisfaction": "complaints"}


async def states_of(session: AsyncSession, rows: Sequence[Escalation]) -> list[State]:
    """Each escalation as JSON, in the order given; by three statements at most."""
    named = await session.execute(
        select(Person.code, Person.name).where(Person.code.in_(_people_in(rows)))
    )
    names = {row.code: row.name for row in named}
    frozen = await session.execute(
        select(Snapshot.id, Snapshot.computed_at).where(
            Snapshot.id.in_({row.snapshot_id for row in rows if row.snapshot_id is not None})
        )
    )
    computed_at = {row.id: row.computed_at for row in frozen}
    statements: dict[str, tuple[str, ...]] = {}
    if any(_indicator(row) for row in rows):
        changes, _ = await provider_catalogue(session)
        statements = {
            each.code: statements_of_indicator(each.statements) for each in effective(changes)
        }
    return [_state(row, names, computed_at, statements) for row in rows]


async def note_states(
    session: AsyncSession,
    provider: ProviderId,
    done: Iterable[tuple[Escalation, str, By]],
    now: datetime,
) -> list[State]:
    """Add to the trail what was done to each, with all of it after that; answers with these.

    Who listens is told of those that were opened or resolved.
    """
    done = list(done)
    if not done:
        return []
    await session.flush()
    rows = [row for row, _, _ in done]
    states = await states_of(session, rows)
    # What is known at a moment is the newest line up to it, and the clock of another host may be
    # behind: a line never stands before the one that it follows.
    newest = await session.execute(
        select(Trail.resource_id, func.max(Trail.at))
        .where(
            Trail.resource == Resource.ESCALATION.value,
            Trail.service.in_({row.service for row in rows}),
            Trail.resource_id.in_({str(row.id) for row in rows}),
        )
        .group_by(Trail.resource_id)
    )
    before: dict[str, datetime] = {row[0]: row[1] for row in newest}
    for (row, action, by), state in zip(done, states, strict=True):
        of = str(row.id)
        at = max(now, before.get(of, now))
        note(session, provider, at, row.service, Resource.ESCALATION, of, action, by, state)
    await session.flush()
    for row, action, _ in done:
        if (kind := _message_of(row, action)) is not None:
            await announce(session, provider, kind, row.service, _told(row), now)
    return states


def _message_of(row: Escalation, action: str) -> MessageType | None:
    if action == "resolved":
        return MessageType.TRIGGER_RESOLVED
    if action not in {"opened", "reopened"}:
        return None
    is_review = row.trigger == REVIEW_OVERDUE
    return MessageType.REVIEW_OVERDUE if is_review else MessageType.TRIGGER_OPENED


def _told(row: Escalation) -> State:
    """Where to look. A word may be a theme as somebody typed it, so it is not told."""
    told = {
        "id": str(row.id),
        "service": row.service,
        "strand": row.strand or None,
        "trigger": row.trigger,
        "as_of": f"{row.as_of:%Y-%m}",
        "times_opened": row.times_opened,
        "url": f"/v1/services/{row.service}/escalations/{row.id}",
    }
    return told | ({"role": row.word} if row.trigger == REVIEW_OVERDUE else {})


def _indicator(row: Escalation) -> str | None:
    return row.signal.get("of") or INDICATOR_OF.get(row.trigger)


def _people_in(rows: Sequence[Escalation]) -> set[str]:
    named = {
        person
        for row in rows
        for person in (row.owner, row.acknowledged_by, row.resolved_by)
        if person is not None
    }
    return named | {taken["person"] for row in rows for taken in row.actions}


def _state(
    row: Escalation,
    names: dict[str, str],
    computed_at: dict[UUID, datetime],
    statements: dict[str, tuple[str, ...]],
) -> State:
    strand = Strand(row.strand) if row.strand else None

    def person(code: str | None) -> dict[str, str] | None:
        return None if code is None else {"person": code, "name": names[code]}

    return {
        "id": str(row.id),
        "service": row.service,
        "strand": strand,
        "trigger": row.trigger,
        "segment": row.segment or None,
        "word": row.word or None,
        "status": row.status,
        "holds": row.holds,
        "signal": row.signal,
        "as_of": f"{row.as_of:%Y-%m}",
        "snapshot": None if row.snapshot_id is None else str(row.snapshot_id),
        "opened_at": _instant(row.opened_at),
        "times_opened": row.times_opened,
        "reviewer_role": row.reviewer_role,
        "next_review_on": row.next_review_on.isoformat(),
        "owner": person(row.owner),
        "acknowledged_by": person(row.acknowledged_by),
        "acknowledged_at": _instant(row.acknowledged_at),
        "actions": [{**taken, "name": names[taken["person"]]} for taken in row.actions],
        "resolved_by": person(row.resolved_by),
        "resolved_at": _instant(row.resolved_at),
        "resolved_why": row.resolved_why,
        "resolved_as_of": None if row.resolved_as_of is None else f"{row.resolved_as_of:%Y-%m}",
        "offered": [each.value for each in OFFERED[strand]],
        "statements": list(statements.get(_indicator(row) or "") or statements_of_strand(strand)),
        "links": _links(row, strand, computed_at),
    }


def _links(
    row: Escalation, strand: Strand | None, computed_at: dict[UUID, datetime]
) -> dict[str, str]:
    """What it rests on: figures and the events behind them as known then, or what people did."""
    base = f"/v1/services/{row.service}"
    links = {}
    if row.trigger == REVIEW_OVERDUE:
        links["reviews"] = f"{base}/reviews"
    if row.trigger == LEADERS_JUDGEMENT and "record" in row.signal:
        links["record"] = f"{base}/records/{row.signal['record']}"
    if strand is None or row.snapshot_id is None:
        return links
    known = {"as_of": f"{row.as_of:%Y-%m}", "known_at": _instant(computed_at[row.snapshot_id])}
    about = {
        "strand": strand.value,
        "segment": row.segment,
        "indicator": _indicator(row),
        "theme": row.word,
    }
    told = {name: value for name, value in about.items() if value}
    links["view"] = f"{base}/{VIEW_OF[strand]}?{urlencode(known)}"
    links["evidence"] = f"{base}/evidence?{urlencode(told | known)}"
    return links


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
