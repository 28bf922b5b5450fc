"""Reviews: what leaders have looked at when, what is due, and what nobody has looked at in time."""

from datetime import date
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from api.admin.bodies import Body, Flaw, LongText, Text, refuse
from api.deps import Now, Session, require
from api.governing.at_service import AtService, ServiceId, Writing, known_ids
from api.governing.record_bodies import Prose
from api.governing.review_states import (
    Cadence,
    ReviewList,
    ReviewShown,
    State,
    periods_shown,
    review_states,
    reviews_then,
)
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from api.reading.asked import KnownAt, known_in
from models.calendar import months_between
from models.people import KeyHolder
from models.reviews import CADENCE, Period, Review, asked_of
from models.scores import Score
from models.trail import Resource
from models.vocabulary import Role, Scope

router = APIRouter(prefix="/v1/services/{service}/reviews", tags=["route"], route_class=KeptRoute)

Reader = Annotated[KeyHolder, require(Scope.VIEWS_READ)]


class ReviewHeld(Body):
    role: Role = Field(description="registered_manager or senior_leader; the role you hold today.")
    period: str = Field(
        pattern=r"^\d{4}-(0[1-9]|1[0-2])$",
        description="First month of the period: any month, or that of a quarter of the year.",
        examples=["2026-07"],
    )
    notes: Prose
    decisions: list[LongText] = Field(default=[], max_length=20)
    attended_by: list[Text] = Field(default=[], max_length=50)


class ReviewWithdrawn(Body):
    why: LongText


@router.get("", responses=problems("not_found", "invalid"))
async def list_reviews(
    service: ServiceId, _: Reader, session: Session, now: Now, known_at: KnownAt = None
) -> ReviewList:
    """Every period that has ended, of at most two years: due, done or overdue, with its review."""
    ids = await known_ids(session, service)
    at = None if known_at is None else known_in(known_at, now)
    asked = await asked_of(session, ids, at or now)
    return ReviewList(
        cadence=[Cadence(role=role, every_months=months) for role, months in CADENCE.items()],
        grace_days=asked.grace_days,
        items=periods_shown(
            [period for of_role in asked.periods.values() for period in of_role],
            await reviews_then(session, ids, at),
            at or now,
        ),
    )


@router.get("/{review_id}", responses=problems("not_found", "invalid"))
async def get_review(
    service: ServiceId,
    review_id: UUID,
    _: Reader,
    session: Session,
    now: Now,
    known_at: KnownAt = None,
) -> ReviewShown:
    """One review, now or as it was known then."""
    ids = await known_ids(session, service)
    at = None if known_at is None else known_in(known_at, now)
    states = await reviews_then(session, ids, at, review_id)
    if not states:
        raise Problem("not_found")
    return ReviewShown.model_validate(states[0])


@router.post("", status_code=201, responses=problems("not_found", "conflict", "invalid"))
async def hold_review(body: ReviewHeld, at: Writing) -> ReviewShown:
    """Note that a review was held. The figures of its months, as they are now, are pinned to it."""
    role = reviewer(at, body.role)
    period = await period_asked(at, body)
    there = await at.session.scalar(
        select(Review).where(
            Review.service.in_(at.ids),
            Review.role == role.value,
            Review.period == period.first,
            Review.withdrawn_at.is_(None),
        )
    )
    if there is not None:
        raise held_already((await review_states(at.session, [there]))[0])
    months = months_between(period.first, period.last)
    scored = await at.session.execute(
        select(Score.as_of, Score.snapshot_id).where(
            Score.service == at.service, Score.as_of.in_(months)
        )
    )
    pinned = {row.as_of: str(row.snapshot_id) for row in scored}
    review = Review(
        id=uuid4(),
        provider_id=at.provider,
        service=at.service,
        role=role.value,
        period=period.first,
        held_by=at.actor.person,
        held_at=at.now,
        snapshots={f"{month:%Y-%m}": pinned.get(month) for month in months},
        body=body.model_dump(mode="json", include={"notes", "decisions", "attended_by"}),
    )
    at.session.add(review)
    return await noted(at, review, "held", role)


@router.post("/{review_id}:withdraw", responses=problems("not_found", "conflict", "invalid"))
async def withdraw_review(review_id: UUID, body: ReviewWithdrawn, at: Writing) -> ReviewShown:
    """Take a review back; its period is to be reviewed again. It stays readable."""
    review = await at.session.get(Review, (at.provider, review_id))
    if review is None or review.service not in at.ids:
        raise Problem("not_found")
    role = reviewer(at, Role(review.role))
    if review.withdrawn_at is not None:
        (state,) = await review_states(at.session, [review])
        by = state["withdrawn_by"]["name"]
        raise conflict(state, f"{by} withdrew this review at {state['withdrawn_at']} already.")
    review.withdrawn_by, review.withdrawn_at = at.actor.person, at.now
    review.withdrawn_why = body.why
    return await noted(at, review, "withdrawn", role)


def reviewer(at: AtService, role: Role) -> Role:
    """403 for who is not in that role; 422 for a role that reviews nothing."""
    if role not in CADENCE:
        detail = f"Reviews are held by {' and '.join(CADENCE)}."
        refuse("invalid", [Flaw("/role", "no_reviewer", detail)])
    return at.actor.must_be(role, what=f"hold or withdraw reviews of a {role}")


async def period_asked(at: AtService, body: ReviewHeld) -> Period:
    """The period that is named; 422 where it has not ended, or is not asked for."""
    asked = await asked_of(at.session, at.ids, at.now)
    first = date(int(body.period[:4]), int(body.period[5:]), 1)
    for period in asked.periods[body.role]:
        if period.first == first:
            return period
    asked_for = ", ".join(f"{each.first:%Y-%m}" for each in asked.periods[body.role])
    detail = (
        "Name the first month of a period that has ended and is asked for:"
        f" {asked_for or 'there is none yet'}."
    )
    refuse("invalid", [Flaw("/period", "period_not_asked_for", detail)])
    raise AssertionError(detail)


def held_already(state: State) -> Problem:
    by, at = state["held_by"]["name"], state["held_at"]
    return conflict(state, f"{by} held this review at {at} already, as review {state['id']}.")


def conflict(state: State, detail: str) -> Problem:
    error = {"code": "conflict", "pointer": "", "detail": detail, "id": state["id"]}
    return Problem("conflict", detail, errors=[error])


async def noted(at: AtService, review: Review, action: str, role: Role) -> ReviewShown:
    """The review as it is now, with a line in the trail that says so."""
    await at.session.flush()
    (state,) = await review_states(at.session, [review])
    at.note(Resource.REVIEW, review.id, action, role, state)
    return ReviewShown.model_validate(state)
