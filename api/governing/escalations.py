"""Escalations: read as they stand or stood, and what people do about them: one table of verbs."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import func, select

from api.admin.after_commit import deliver_after_commit
from api.admin.bodies import Flaw, refuse
from api.deps import Now, Session, require
from api.governing.at_service import AtService, ServiceId, Writing, known_ids
from api.governing.escalation_answers import (
    Acknowledging,
    Acting,
    AnyVerb,
    Assigning,
    EscalationList,
    EscalationShown,
    Resolving,
    State,
    escalations_then,
    place_of,
)
from api.kept_answers import KeptRoute
from api.paging import Paged
from api.problems import Problem, problems
from api.reading.asked import KnownAt, known_in
from models.escalation_states import note_states, states_of
from models.escalations import Escalation, locked_escalations
from models.people import KeyHolder
from models.roles import Person, roles_at
from models.scores import Score
from models.vocabulary import READ_ONLY_ROLES, EscalationStatus, Role, Scope, Strand

router = APIRouter(
    prefix="/v1/services/{service}/escalations", tags=["route"], route_class=KeptRoute
)
PROBLEMS = problems("not_found", "conflict", "invalid")

Reader = Annotated[KeyHolder, require(Scope.VIEWS_READ)]

ANSWERS = (
    Role.REGISTERED_MANAGER,
    Role.SENIOR_LEADER,
    Role.QUALITY_LEAD,
    Role.DEPUTY_MANAGER,
)
RESOLVES = (Role.REGISTERED_MANAGER, Role.SENIOR_LEADER)


@router.get("", responses=problems("not_found", "invalid"))
async def list_escalations(
    service: ServiceId,
    _: Reader,
    session: Session,
    now: Now,
    paging: Paged,
    status: EscalationStatus | None = None,
    strand: Strand | None = None,
    known_at: KnownAt = None,
) -> EscalationList:
    """Escalations of a service, now or as they were known then, resolved ones too."""
    ids = await known_ids(session, service)
    at = None if known_at is None else known_in(known_at, now)
    listing = f"escalations/{ids[0]}/{status}/{strand}/{known_at}"
    after = paging.after(listing, tuple[datetime, str])
    rows = [
        state
        for state in await escalations_then(session, ids, at)
        if (after is None or place_of(state) > after)
        and (status is None or state["status"] == status)
        and (strand is None or state["strand"] == strand)
    ]
    shown, next_cursor = paging.page(listing, rows, place_of)
    items = [EscalationShown.model_validate(state) for state in shown]
    return EscalationList(items=items, next_cursor=next_cursor)


@router.get("/{escalation_id}", responses=problems("not_found", "invalid"))
async def get_escalation(
    service: ServiceId,
    escalation_id: UUID,
    _: Reader,
    session: Session,
    now: Now,
    known_at: KnownAt = None,
) -> EscalationShown:
    """One escalation with its figure, threshold and evidence, now or as it was known then."""
    ids = await known_ids(session, service)
    at = None if known_at is None else known_in(known_at, now)
    states = await escalations_then(session, ids, at, escalation_id)
    if not states:
        raise Problem("not_found")
    return EscalationShown.model_validate(states[0])


@router.post("/{escalation_id}:acknowledge", responses=PROBLEMS)
async def acknowledge_escalation(
    escalation_id: UUID, body: Acknowledging, at: Writing
) -> EscalationShown:
    """Say that it was seen, and who takes it on."""
    return await carry_out(at, escalation_id, "acknowledge", body)


@router.post("/{escalation_id}:assign", responses=PROBLEMS)
async def assign_escalation(escalation_id: UUID, body: Assigning, at: Writing) -> EscalationShown:
    """Give it to somebody who works here."""
    return await carry_out(at, escalation_id, "assign", body)


@router.post("/{escalation_id}:act", responses=PROBLEMS)
async def act_on_escalation(escalation_id: UUID, body: Acting, at: Writing) -> EscalationShown:
    """Note what is done about it. Its owner may always do so."""
    return await carry_out(at, escalation_id, "act", body)


@router.post("/{escalation_id}:resolve", responses=PROBLEMS)
async def resolve_escalation(escalation_id: UUID, body: Resolving, at: Writing) -> EscalationShown:
    """Close it, with the reason. It opens again by itself when a later look still says so."""
    return await carry_out(at, escalation_id, "resolve", body)


#: Changes the row; what it answers with is added to the actions, by whom and when.
Change = Callable[[AtService, Escalation, AnyVerb], Awaitable[State | None]]


class Verb(NamedTuple):
    """Who may do it, from which states, what it changes, and how the trail calls it."""

    roles: tuple[Role, ...]
    states: tuple[EscalationStatus, ...]
    change: Change
    done: str


async def carry_out(
    at: AtService, escalation_id: UUID, name: str, body: AnyVerb
) -> EscalationShown:
    """Do one thing to an escalation that nobody else touches meanwhile, and note it."""
    verb = VERBS[name]
    rows = await locked_escalations(at.session, at.ids, Escalation.id == escalation_id)
    if not rows:
        raise Problem("not_found")
    row = rows[0]
    role = _role(at, row, name, verb)
    if EscalationStatus(row.status) not in verb.states:
        raise await _conflict(at, row)
    owner = getattr(body, "owner", None)
    if owner is not None:
        await _refuse_owner(at, owner)
        row.owner = owner
    taken = await verb.change(at, row, body)
    if taken is not None:
        by = {"person": at.actor.person, "role": role, "at": at.now.isoformat()}
        # A new list: a change inside the old one would not be seen.
        row.actions = [*row.actions, taken | by]
    done = [(row, verb.done, at.actor.by(role))]
    (state,) = await note_states(at.session, at.provider, done, at.now)
    deliver_after_commit(at.session, at.running)
    return EscalationShown.model_validate(state)


def _role(at: AtService, row: Escalation, name: str, verb: Verb) -> Role | None:
    """The role in which this is done; an owner may act in whatever role they hold, if any."""
    if name in OWNER_MAY and row.owner == at.actor.person:
        held = [role for role in (*verb.roles, *Role) if role in at.actor.roles]
        return held[0] if held else None
    return at.actor.must_be(*verb.roles, what=f"{name} escalations")


async def _acknowledge(at: AtService, row: Escalation, body: AnyVerb) -> State | None:
    row.status = EscalationStatus.ACKNOWLEDGED.value
    row.acknowledged_by, row.acknowledged_at = at.actor.person, at.now
    if isinstance(body, Acknowledging) and body.note is not None:
        return {"action": None, "note": body.note, "due_on": None}
    return None


async def _assign(_: AtService, __: Escalation, ___: AnyVerb) -> State | None:
    """The owner is set for every verb that names one."""
    return None


async def _act(at: AtService, row: Escalation, body: AnyVerb) -> State | None:
    if row.acknowledged_at is None:
        row.acknowledged_by, row.acknowledged_at = at.actor.person, at.now
    row.status = EscalationStatus.ACTING.value
    return body.model_dump(mode="json")


async def _resolve(at: AtService, row: Escalation, body: AnyVerb) -> State | None:
    assert isinstance(body, Resolving)
    row.status = EscalationStatus.RESOLVED.value
    row.resolved_by, row.resolved_at = at.actor.person, at.now
    row.resolved_why, row.resolved_as_of = body.why, await _newest_look(at, row)
    return None


OPEN = EscalationStatus.OPEN
UNRESOLVED = (OPEN, EscalationStatus.ACKNOWLEDGED, EscalationStatus.ACTING)
VERBS = {
    "acknowledge": Verb(ANSWERS, (OPEN,), _acknowledge, "acknowledged"),
    "assign": Verb(ANSWERS, UNRESOLVED, _assign, "assigned"),
    "act": Verb(ANSWERS, UNRESOLVED, _act, "acted"),
    "resolve": Verb(RESOLVES, UNRESOLVED, _resolve, "resolved"),
}
#: What owners may do, whatever they are here.
OWNER_MAY = frozenset({"acknowledge", "act"})


async def _conflict(at: AtService, row: Escalation) -> Problem:
    """409 that names who was first, and when."""
    (state,) = await states_of(at.session, [row])
    how = "resolved" if row.status == EscalationStatus.RESOLVED else "acknowledged"
    who, when = state[f"{how}_by"]["name"], state[f"{how}_at"]
    detail = f"{who} {how} this escalation at {when} already; it is {row.status}."
    error = {"code": f"{how}_already", "pointer": "", "detail": detail, "id": state["id"]}
    return Problem("conflict", detail, errors=[error])


async def _refuse_owner(at: AtService, owner: str) -> None:
    """422 for somebody who is not registered, or who does not work here today."""
    if await at.session.get(Person, (at.provider, owner)) is None:
        detail = f"There is no person {owner!r}; register them with PUT /v1/people."
        refuse("invalid", [Flaw("/owner", "unknown_person", detail)])
    roles = await roles_at(at.session, owner, at.ids, at.today)
    if not roles - READ_ONLY_ROLES:
        detail = f"{owner!r} has no role here today in which an escalation could be owned."
        refuse("invalid", [Flaw("/owner", "no_role_here", detail)])


async def _newest_look(at: AtService, row: Escalation) -> date:
    """What a resolution is made in sight of; of reviews and judgements, what they were about."""
    if not row.strand:
        return row.as_of
    newest = await at.session.scalar(
        select(func.max(Score.as_of)).where(Score.service == at.service)
    )
    return max(row.as_of, newest or row.as_of)
