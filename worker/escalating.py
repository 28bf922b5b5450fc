"""Triggers of the newest look and reviews that nobody has held open escalations by themselves.

What people have done about one is never touched here, but for a resolution that did not hold.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.calendar import local_date, month_of
from models.context import ProviderChoices, ServiceContext, provider_choices
from models.escalation_states import note_states
from models.escalations import (
    LEADERS_JUDGEMENT,
    REVIEW_OVERDUE,
    Escalation,
    Key,
    Raised,
    cease,
    keep_open,
    locked_escalations,
    move_review,
    open_escalation,
)
from models.lineage import older_ids
from models.organisation import Service
from models.reviews import CADENCE, Period, Review, overdue, periods_due
from models.trail import By
from models.vocabulary import ProviderId, Role
from worker.shown_spread import next_review_on
from worker.triggers import State

#: How long an overdue review may stand before somebody looks at it again.
REVIEW_EVERY = timedelta(days=7)

Done = list[tuple[Escalation, str, By]]


async def escalate(
    session: AsyncSession,
    provider: ProviderId,
    context: ServiceContext,
    as_of: date,
    strands: Mapping[str, Mapping[str, Any]],
    snapshot_id: UUID,
    now: datetime,
) -> list[str]:
    """Bring the escalations of a service in line with a newly frozen look of the last month.

    `strands` are those of the frozen content. Answers with what was done, one word each.
    """
    review_on = next_review_on(context, as_of)
    raised = {
        one.key: one
        for strand, content in sorted(strands.items())
        for one in _raised(strand, content["triggers"], as_of, snapshot_id, review_on)
    }
    ids = list(context.known_as)
    rows = await locked_escalations(session, ids, Escalation.strand != "")
    return await _settle(session, provider, ids, raised, rows, review_on, now)


def _raised(
    strand: str, triggers: Iterable[dict[str, Any]], as_of: date, snapshot: UUID, review_on: date
) -> Iterable[Raised]:
    for signal in triggers:
        if signal["state"] == State.OPEN:
            segment, word = signal["segment"] or "", signal["word"] or ""
            code = signal["code"]
            yield Raised(strand, code, segment, word, signal, as_of, snapshot, review_on)


async def _settle(
    session: AsyncSession,
    provider: ProviderId,
    ids: list[str],
    raised: Mapping[Key, Raised],
    rows: Iterable[Escalation],
    review_on: date,
    now: datetime,
) -> list[str]:
    """Keep what is raised, let the others cease, open what is not there yet; in one order."""
    done: Done = []
    kept: set[Key] = set()
    for row in rows:
        # Of an id that a service had before, a row of the same key may be left beside the newer.
        if row.key in raised and row.key not in kept:
            kept.add(row.key)
            action = await keep_open(session, ids, row, raised[row.key], now)
        elif row.trigger == LEADERS_JUDGEMENT:
            # No look can say that what leaders asked for is done.
            action = move_review(row, review_on, now)
        else:
            action = cease(row, review_on, now)
        if action is not None:
            done.append((row, action, By()))
    for key in sorted(raised.keys() - kept):
        row, action = await open_escalation(session, provider, ids, raised[key], now)
        if action is not None:
            done.append((row, action, By()))
    await note_states(session, provider, done, now)
    return [action for _, action, _ in done]


async def escalate_reviews(
    session: AsyncSession, provider: ProviderId, now: datetime
) -> dict[str, list[str]]:
    """Escalate the reviews of all services of a provider that are overdue; what was done, by id."""
    choices, _ = await provider_choices(session)
    services = {row.code: row for row in await session.scalars(select(Service))}
    before = {code: row.predecessor for code, row in services.items()}
    standing = await session.execute(
        select(Review.service, Review.role, Review.period).where(Review.withdrawn_at.is_(None))
    )
    held: dict[str, set[tuple[str, date]]] = {}
    for service, role, period in standing:
        held.setdefault(service, set()).add((role, period))
    known = set(
        await session.scalars(
            select(Escalation.service).where(Escalation.trigger == REVIEW_OVERDUE).distinct()
        )
    )
    done = {}
    for code in sorted(services.keys() - set(before.values())):
        ids = [each for each in older_ids(before, code) if each in services]
        since = month_of(services[ids[-1]].created_at)
        held_here = set().union(*(held.get(each, set()) for each in ids))
        raised = overdue_reviews(choices, since, held_here, now)
        if not raised and known.isdisjoint(ids):
            continue
        rows = await locked_escalations(session, ids, Escalation.trigger == REVIEW_OVERDUE)
        raised |= {
            row.key: _as_said(raised[row.key], row, now) for row in rows if row.key in raised
        }
        review_on = local_date(now) + REVIEW_EVERY
        if actions := await _settle(session, provider, ids, raised, rows, review_on, now):
            done[code] = actions
    return done


def _as_said(raised: Raised, row: Escalation, now: datetime) -> Raised:
    """Another day is no news: the days are counted anew when its own review comes round."""
    counted = {"figure": None, "counted_on": None}
    same = {**raised.signal, **counted} == {**row.signal, **counted}
    if same and row.holds and row.next_review_on >= local_date(now):
        return raised._replace(signal=row.signal)
    return raised


def overdue_reviews(
    choices: ProviderChoices, since: date, held: set[tuple[str, date]], now: datetime
) -> dict[Key, Raised]:
    """One for each role that has left a period unreviewed, about the one that waits longest."""
    periods = periods_due(since, now, choices.look_day, choices.review_grace_days)
    late = overdue(periods, held, now)
    found = {}
    for role in CADENCE:
        if of_role := [period for period in late if period.role is role]:
            one = _of_reviews(role, of_role, choices.review_grace_days, local_date(now))
            found[one.key] = one
    return found


def _of_reviews(role: Role, late: list[Period], grace_days: int, today: date) -> Raised:
    oldest, newest = late[0], late[-1]
    signal = {
        "code": REVIEW_OVERDUE,
        "segment": None,
        "word": role.value,
        "state": State.OPEN.value,
        "text": "So many days ago a review was due; nobody has held it within the days of grace.",
        "figure": (today - oldest.due_on).days,
        "counted_on": today.isoformat(),
        "threshold": grace_days,
        "since": oldest.overdue_on.isoformat(),
        "periods": [
            {
                "period": f"{period.first:%Y-%m}",
                "due_on": period.due_on.isoformat(),
                "overdue_since": period.overdue_on.isoformat(),
            }
            for period in late
        ],
    }
    return Raised(
        "", REVIEW_OVERDUE, "", role.value, signal, newest.first, None,
        next_review_on=today + REVIEW_EVERY,
        reviewer_role=Role.SENIOR_LEADER,
        owned_by=role,
    )  # fmt: skip
