"""Messages on their way out: when each is tried again, and who may post now.

Claiming is one transaction and settling (`models.settling`) another; between them somebody posts.
An endpoint is posted to by one at a time. Who dies while posting leaves a lease that ends, and the
same message is posted again: at least once, and in no certain order.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.deliveries import Attempt, Endpoint, Message
from models.vocabulary import AttemptStatus, EndpointState, ProviderId

#: How long after the post before it each post is, as Standard Webhooks proposes; 3.15 days in all.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: So that what failed together does not come back together.
LEAST_JITTER, MOST_JITTER = 0.1, 0.2
#: Much longer than a post may take, so that it ends only for those who died.
LEASE = timedelta(seconds=60)


class Claimed(NamedTuple):
    """An attempt that may be posted, by us alone until `lease`."""

    provider: ProviderId
    endpoint: UUID
    url: str
    secrets_sealed: bytes
    attempt: int
    message: UUID
    payload: dict[str, Any]
    sequence: int
    tried: int
    is_fresh: bool
    lease: datetime


def delay_before(tried: int, message: UUID) -> timedelta:
    """How long to wait before the post after `tried` of them; the same for whoever asks."""
    drawn = hashlib.sha256(f"{message}/{tried}".encode()).digest()
    size = LEAST_JITTER + (MOST_JITTER - LEAST_JITTER) * drawn[0] / 255
    return SCHEDULE[tried] * (1 + size if drawn[1] % 2 else 1 - size)


def body_of(payload: dict[str, Any], sequence: int | None, public_url: str) -> dict[str, Any]:
    """What is posted: the message, its place among those of the endpoint, and whole addresses."""
    data = payload["data"]
    return {
        "type": payload["type"],
        "timestamp": payload["timestamp"],
        "sequence": sequence,
        "data": data | {"url": public_url.rstrip("/") + data["url"]},
    }


async def providers_with_attempts(session: AsyncSession, now: datetime) -> list[ProviderId]:
    """Whose messages are due; the one question that is asked for no provider."""
    found = await session.scalars(
        text("SELECT provider_id FROM providers_with_attempts(:now)"), {"now": now}
    )
    return [ProviderId(provider) for provider in found]


async def claim(
    session: AsyncSession, provider: ProviderId, now: datetime, most: int, most_retries: int
) -> list[Claimed]:
    """Take what is due, of each endpoint one attempt: `most` in all.

    Of these `most_retries` may be second posts, or go to endpoints that are failing, so that what
    is dead never stands before what is fresh. Of those that fail, who failed longest ago is next.
    """
    await _cancel_of_disabled(session, now)
    due = select(Attempt.id).where(
        Attempt.endpoint_id == Endpoint.id,
        Attempt.status == AttemptStatus.WAITING.value,
        Attempt.next_at <= now,
    )
    # A statement of its own: what is due is read once nobody else can be at these endpoints.
    rows = await session.scalars(
        select(Endpoint)
        .where(
            Endpoint.state == EndpointState.ACTIVE.value,
            (Endpoint.not_before.is_(None)) | (Endpoint.not_before <= now),
            due.exists(),
        )
        .order_by(Endpoint.failed_at.nulls_first(), Endpoint.id)
        # Not FOR UPDATE, which whoever announces would have to wait for.
        .with_for_update(key_share=True, skip_locked=True)
    )
    claimed: list[Claimed] = []
    for endpoint in rows.all():
        if len(claimed) == most:
            break
        attempt, payload = await _next_of(session, endpoint, now)
        if attempt is None:
            continue
        retries = sum(not each.is_fresh for each in claimed)
        is_fresh = attempt.tried == 0 and endpoint.failing_since is None
        if is_fresh or retries < most_retries:
            claimed.append(_taken(provider, endpoint, attempt, payload, is_fresh, now + LEASE))
    await session.flush()
    return claimed


async def _next_of(
    session: AsyncSession, endpoint: Endpoint, now: datetime
) -> tuple[Attempt | None, dict[str, Any]]:
    """The attempt to make next: one never made before one made already."""
    found = (
        await session.execute(
            select(Attempt, Message.payload)
            .join(Message, Message.id == Attempt.message_id)
            .where(
                Attempt.endpoint_id == endpoint.id,
                Attempt.status == AttemptStatus.WAITING.value,
                Attempt.next_at <= now,
            )
            .order_by(Attempt.tried > 0, Attempt.next_at, Attempt.id)
            .limit(1)
        )
    ).one_or_none()
    return (None, {}) if found is None else (found.Attempt, found.payload)


def _taken(
    provider: ProviderId,
    endpoint: Endpoint,
    attempt: Attempt,
    payload: dict[str, Any],
    is_fresh: bool,
    lease: datetime,
) -> Claimed:
    endpoint.not_before = lease
    if attempt.sequence is None:
        # Only now: a number given when it was announced would make scorers wait for each other.
        attempt.sequence = endpoint.next_sequence
        endpoint.next_sequence += 1
    assert endpoint.secrets_sealed is not None, "what is active has a secret"
    return Claimed(
        provider,
        endpoint.id,
        endpoint.url,
        endpoint.secrets_sealed,
        attempt.id,
        attempt.message_id,
        payload,
        attempt.sequence,
        attempt.tried,
        is_fresh,
        lease,
    )


async def _cancel_of_disabled(session: AsyncSession, now: datetime) -> None:
    """Also what was announced by somebody who had still seen the endpoint active."""
    left = (
        select(Attempt.id)
        .join(Endpoint, Endpoint.id == Attempt.endpoint_id)
        .where(
            Attempt.status == AttemptStatus.WAITING.value,
            Endpoint.state == EndpointState.DISABLED.value,
        )
        # Two who do this at once would otherwise wait for each other.
        .with_for_update(of=Attempt, skip_locked=True)
    )
    await session.execute(
        update(Attempt)
        .where(Attempt.id.in_(left))
        .values(status=AttemptStatus.CANCELLED.value, next_at=None, settled_at=now)
        .execution_options(synchronize_session=False)
    )


async def redeliver(
    session: AsyncSession,
    endpoint: UUID,
    now: datetime,
    statuses: Sequence[AttemptStatus],
    *conditions: Any,
) -> int:
    """Have attempts made again, from the beginning of the schedule; how many they are."""
    found = await session.execute(
        update(Attempt)
        .where(
            Attempt.endpoint_id == endpoint,
            Attempt.status.in_([status.value for status in statuses]),
            *conditions,
        )
        .values(status=AttemptStatus.WAITING.value, tried=0, next_at=now, settled_at=None)
        .returning(Attempt.id)
        .execution_options(synchronize_session=False)
    )
    return len(found.all())
