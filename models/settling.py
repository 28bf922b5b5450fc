"""What came of a post: for its message, which is tried again or is not, and for its endpoint."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from models.deliveries import Attempt, Endpoint, Try
from models.outbox import SCHEDULE, Claimed, delay_before
from models.vocabulary import AttemptStatus, DisabledWhy, EndpointState, Failure

LONGEST_PAUSE = timedelta(hours=24)
DISABLED_AFTER = timedelta(hours=120)
#: Longer than the schedule ever waits: failures further apart are not of one series.
SAME_SERIES = timedelta(hours=48)
GONE = 410


class Outcome(NamedTuple):
    """How a post went. `failure` is null for those that arrived."""

    at: datetime
    duration_ms: int
    status: int | None
    failure: Failure | None
    answer: str | None = None
    pause: timedelta | None = None


async def settle(session: AsyncSession, claimed: Claimed, outcome: Outcome, now: datetime) -> None:
    """Write down how a post went, and what follows for the message and its endpoint."""
    endpoint = await session.get_one(
        Endpoint, (claimed.provider, claimed.endpoint), with_for_update={"key_share": True}
    )
    attempt = await session.get_one(
        Attempt, (claimed.provider, claimed.attempt), with_for_update=True
    )
    session.add(
        Try(
            provider_id=claimed.provider,
            attempt_id=claimed.attempt,
            at=outcome.at,
            duration_ms=outcome.duration_ms,
            status=outcome.status,
            failure=outcome.failure,
        )
    )
    is_ours = endpoint.not_before == claimed.lease
    if is_ours:
        endpoint.not_before = None
    if outcome.failure is None:
        _arrived(endpoint, attempt, outcome, now)
    elif is_ours:
        _fail(endpoint, outcome, now)
        # Somebody may have asked for it again, or cancelled it, meanwhile.
        if attempt.status == AttemptStatus.WAITING and attempt.tried == claimed.tried:
            _put_off(attempt, outcome, now)
    # Else our lease had ended, and what has been done since is newer than this failure.
    await session.flush()
    if endpoint.state == EndpointState.DISABLED:
        await cancel_waiting(session, endpoint.id, now)


def _arrived(endpoint: Endpoint, attempt: Attempt, outcome: Outcome, now: datetime) -> None:
    attempt.status, attempt.next_at, attempt.settled_at = AttemptStatus.DELIVERED, None, now
    attempt.tried += 1
    _say_last(attempt, outcome)
    endpoint.failing_since = endpoint.failed_at = None


def _say_last(attempt: Attempt, outcome: Outcome) -> None:
    attempt.last_status, attempt.last_failure = outcome.status, outcome.failure
    attempt.last_answer = outcome.answer


def _put_off(attempt: Attempt, outcome: Outcome, now: datetime) -> None:
    attempt.tried += 1
    _say_last(attempt, outcome)
    if attempt.tried == len(SCHEDULE):
        attempt.status, attempt.next_at, attempt.settled_at = AttemptStatus.DEAD, None, now
        return
    wait = delay_before(attempt.tried, attempt.message_id)
    attempt.next_at = now + max(wait, outcome.pause or wait)


def _fail(endpoint: Endpoint, outcome: Outcome, now: datetime) -> None:
    if endpoint.failed_at is None or now - endpoint.failed_at > SAME_SERIES:
        endpoint.failing_since = now
    endpoint.failed_at = now
    if outcome.pause is not None:
        endpoint.not_before = now + min(outcome.pause, LONGEST_PAUSE)
    if endpoint.state != EndpointState.ACTIVE:
        return
    assert endpoint.failing_since is not None
    if outcome.status == GONE:
        disable(endpoint, DisabledWhy.GONE, now)
    elif now - endpoint.failing_since >= DISABLED_AFTER:
        disable(endpoint, DisabledWhy.FAILING, now)


def disable(endpoint: Endpoint, why: DisabledWhy, now: datetime) -> None:
    """Take no more messages for it; what waits is cancelled by whoever looks next."""
    endpoint.state, endpoint.disabled_why = EndpointState.DISABLED.value, why.value
    endpoint.disabled_at = endpoint.changed_at = now
    endpoint.not_before = None
    if why is DisabledWhy.DELETED:
        endpoint.secrets_sealed = None


def enable(endpoint: Endpoint, now: datetime) -> None:
    """Take messages for it again, with a clean slate."""
    endpoint.state, endpoint.disabled_why, endpoint.disabled_at = (
        EndpointState.ACTIVE.value,
        None,
        None,
    )
    endpoint.failing_since = endpoint.failed_at = endpoint.not_before = None
    endpoint.changed_at = now


async def cancel_waiting(session: AsyncSession, endpoint: UUID, now: datetime) -> None:
    await session.execute(
        update(Attempt)
        .where(Attempt.endpoint_id == endpoint, Attempt.status == AttemptStatus.WAITING.value)
        .values(status=AttemptStatus.CANCELLED.value, next_at=None, settled_at=now)
        .execution_options(synchronize_session=False)
    )
