"""What was sent to a subscription: every attempt and every post of it, and once more on request."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.after_commit import deliver_after_commit
from api.admin.bodies import Body, Flaw, refuse
from api.admin.subscription_bodies import Administrator
from api.admin.subscriptions import SubscriptionId, locked, refuse_disabled
from api.deps import Now, RunningApp, Session
from api.kept_answers import KeptRoute
from api.paging import Paged
from api.problems import Problem, problems
from models.deliveries import Attempt, Endpoint, Message, Try
from models.outbox import body_of, redeliver
from models.vocabulary import AttemptStatus, Failure, MessageType

router = APIRouter(
    prefix="/v1/subscriptions/{subscription}", tags=["hooks out"], route_class=KeptRoute
)

NO_YEAR = ("out_of_range", "In UTC there is no such year.")
MessageId = Annotated[UUID, Path(description="The id of the message, its `webhook-id`.")]


class Post(BaseModel):
    at: datetime
    duration_ms: int
    status: int | None = Field(description="What it answered; null where it did not.")
    failure: Failure | None = Field(description="Null where the message was accepted.")


class AttemptAnswer(BaseModel):
    message_id: UUID
    type: MessageType
    service: str | None
    created_at: datetime
    sequence: int | None = Field(description="Null until it is posted for the first time.")
    status: AttemptStatus
    tried: int = Field(description="Posts since it was announced, or asked for again.")
    next_at: datetime | None
    settled_at: datetime | None
    last_answer: str | None = Field(description="The first 4 KiB of the last refusal.")
    posts: list[Post]
    body: dict[str, Any] = Field(description="What is posted.")


class AttemptList(BaseModel):
    items: list[AttemptAnswer]
    next_cursor: str | None


class Redelivery(Body):
    announced_from: AwareDatetime = Field(alias="from", description="Messages from this on,")
    announced_to: AwareDatetime = Field(alias="to", description="and before this.")
    status: list[Literal["dead", "cancelled", "delivered"]] = Field(
        default=["dead", "cancelled"], min_length=1, max_length=3
    )


class Redelivered(BaseModel):
    attempts: int = Field(description="How many are made again.")


@router.get("/attempts", responses=problems("not_found", "invalid"))
async def list_attempts(
    subscription: SubscriptionId,
    running: RunningApp,
    holder: Administrator,
    session: Session,
    paging: Paged,
    status: AttemptStatus | None = None,
) -> AttemptList:
    """Attempts, the newest message first, with every post that was made for them."""
    if await session.get(Endpoint, (holder.provider, subscription)) is None:
        raise Problem("not_found")
    listing = f"attempts/{subscription}/{status}"
    before = paging.after(listing, tuple[int])
    query = (
        select(Attempt, Message)
        .join(Message, Message.id == Attempt.message_id)
        .where(Attempt.endpoint_id == subscription)
        .order_by(Attempt.id.desc())
        .limit(paging.rows)
    )
    if status is not None:
        query = query.where(Attempt.status == status.value)
    if before is not None:
        query = query.where(Attempt.id < before[0])
    rows = (await session.execute(query)).all()
    found, next_cursor = paging.page(listing, rows, lambda row: [row.Attempt.id])
    posts = await _posts(session, [row.Attempt.id for row in found])
    public_url = running.settings.public_url
    return AttemptList(
        items=[
            _answer(row.Attempt, row.Message, posts.get(row.Attempt.id, []), public_url)
            for row in found
        ],
        next_cursor=next_cursor,
    )


@router.post(
    "/attempts/{message}:redeliver",
    status_code=202,
    responses=problems("not_found", "conflict", "invalid"),
)
async def redeliver_attempt(
    subscription: SubscriptionId,
    message: MessageId,
    running: RunningApp,
    holder: Administrator,
    session: Session,
    now: Now,
) -> Redelivered:
    """Post one message again, whatever it became, from the beginning of the schedule."""
    row = await locked(session, holder, subscription)
    found = await session.scalar(
        select(Attempt.id).where(Attempt.endpoint_id == subscription, Attempt.message_id == message)
    )
    if found is None:
        raise Problem("not_found")
    refuse_disabled(row)
    made = await redeliver(session, row.id, now, list(AttemptStatus), Attempt.id == found)
    deliver_after_commit(session, running)
    return Redelivered(attempts=made)


@router.post(":redeliver", status_code=202, responses=problems("not_found", "conflict", "invalid"))
async def redeliver_attempts(
    subscription: SubscriptionId,
    body: Redelivery,
    running: RunningApp,
    holder: Administrator,
    session: Session,
    now: Now,
) -> Redelivered:
    """Post again what was announced in a time, such as one in which the receiver was away."""
    bounds = (("/from", body.announced_from), ("/to", body.announced_to))
    refuse("invalid", [Flaw(at, *NO_YEAR) for at, bound in bounds if not _is_sayable(bound)])
    row = await locked(session, holder, subscription)
    refuse_disabled(row)
    announced = select(Message.id).where(
        Message.created_at >= body.announced_from, Message.created_at < body.announced_to
    )
    statuses = [AttemptStatus(each) for each in body.status]
    made = await redeliver(session, row.id, now, statuses, Attempt.message_id.in_(announced))
    deliver_after_commit(session, running)
    return Redelivered(attempts=made)


def _is_sayable(bound: datetime) -> bool:
    try:
        bound.astimezone(UTC)
    except OverflowError:
        return False
    return True


async def _posts(session: AsyncSession, attempts: Sequence[int]) -> dict[int, list[Post]]:
    rows = await session.scalars(select(Try).where(Try.attempt_id.in_(attempts)).order_by(Try.id))
    found: dict[int, list[Post]] = {}
    for row in rows:
        failure = None if row.failure is None else Failure(row.failure)
        shown = Post(at=row.at, duration_ms=row.duration_ms, status=row.status, failure=failure)
        found.setdefault(row.attempt_id, []).append(shown)
    return found


def _answer(row: Attempt, message: Message, posts: list[Post], public_url: str) -> AttemptAnswer:
    return AttemptAnswer(
        message_id=message.id,
        type=MessageType(message.type),
        service=message.service or None,
        created_at=message.created_at,
        sequence=row.sequence,
        status=AttemptStatus(row.status),
        tried=row.tried,
        next_at=row.next_at,
        settled_at=row.settled_at,
        last_answer=row.last_answer,
        posts=posts,
        body=body_of(message.payload, row.sequence, public_url),
    )
