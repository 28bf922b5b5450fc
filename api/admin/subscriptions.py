"""Subscriptions: who is told of what by signed messages, and with which secret they are signed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.after_commit import deliver_after_commit
from api.admin.bodies import Flaw, refuse
from api.admin.subscription_bodies import (
    Administrator,
    CheckedChange,
    CheckedNew,
    SubscriptionAnswer,
    SubscriptionCreated,
    SubscriptionList,
    answer_of,
    refuse_repeated,
)
from api.deps import Now, Running, RunningApp, Session
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from models.deliveries import Attempt, Endpoint, tell
from models.endpoint_secrets import Secret, live, new_secret, opened, rotated, sealed
from models.organisation import Service
from models.people import KeyHolder
from models.settling import cancel_waiting, disable, enable
from models.vocabulary import (
    AttemptStatus,
    DisabledWhy,
    EndpointState,
    MessageType,
    ProviderId,
)

router = APIRouter(prefix="/v1/subscriptions", tags=["hooks out"], route_class=KeptRoute)

SubscriptionId = Annotated[UUID, Path(description="The id of the subscription.")]
#: Every message is inserted once for each of them, where scores are made.
MOST_ACTIVE = 50


class Rotated(BaseModel):
    secret: str = Field(description="The new one; shown here and never again.")
    old_until: datetime = Field(description="Until then messages are signed with the old one too.")


class Tested(BaseModel):
    message_id: UUID = Field(description="The `webhook-id` to expect; see the attempts.")


@router.post("", status_code=201, responses=problems("conflict", "invalid"))
async def create_subscription(
    body: CheckedNew, running: RunningApp, holder: Administrator, session: Session, now: Now
) -> SubscriptionCreated:
    """Have an address told of what comes to be, from now on. `:test` shows whether it listens."""
    refuse_repeated(body.message_types, body.services)
    await _refuse_unknown(session, body.services)
    await _refuse_one_more(session, holder)
    secret, endpoint = new_secret(), uuid4()
    row = Endpoint(
        provider_id=holder.provider,
        id=endpoint,
        url=body.url,
        secrets_sealed=sealed(
            running.keyring.endpoints(holder.provider), endpoint, [Secret(secret, None)]
        ),
        message_types=[each.value for each in body.message_types],
        services=body.services,
        state=EndpointState.ACTIVE.value,
        next_sequence=1,
        created_at=now,
        changed_at=now,
    )
    session.add(row)
    await session.flush()
    said = (await answers(session, running, [row], now))[0]
    return SubscriptionCreated(**said.model_dump(), secret=secret)


@router.get("", responses=problems())
async def list_subscriptions(
    running: RunningApp, _: Administrator, session: Session, now: Now
) -> SubscriptionList:
    """All subscriptions, deleted ones too, in the order in which they were made."""
    rows = await session.scalars(select(Endpoint).order_by(Endpoint.created_at, Endpoint.id))
    return SubscriptionList(items=await answers(session, running, rows.all(), now))


@router.get("/{subscription}", responses=problems("not_found", "invalid"))
async def get_subscription(
    subscription: SubscriptionId,
    running: RunningApp,
    holder: Administrator,
    session: Session,
    now: Now,
) -> SubscriptionAnswer:
    row = await session.get(Endpoint, (holder.provider, subscription))
    if row is None:
        raise Problem("not_found")
    return (await answers(session, running, [row], now))[0]


@router.put("/{subscription}", responses=problems("not_found", "conflict", "invalid"))
async def change_subscription(
    subscription: SubscriptionId,
    body: CheckedChange,
    running: RunningApp,
    holder: Administrator,
    session: Session,
    now: Now,
) -> SubscriptionAnswer:
    """Change what is named, switch it off, or on again after whatever disabled it."""
    row = await locked(session, holder, subscription)
    refuse_repeated(body.message_types, body.services)
    if body.services is not None:
        await _refuse_unknown(session, body.services)
        row.services = body.services
    if body.message_types is not None:
        row.message_types = [each.value for each in body.message_types]
    row.url = body.url or row.url
    row.changed_at = now
    if body.enabled is True and row.state == EndpointState.DISABLED:
        await _refuse_one_more(session, holder)
        enable(row, now)
    if body.enabled is False and row.state == EndpointState.ACTIVE:
        disable(row, DisabledWhy.SWITCHED_OFF, now)
        await cancel_waiting(session, row.id, now)
    await session.flush()
    return (await answers(session, running, [row], now))[0]


@router.delete("/{subscription}", status_code=204, responses=problems("not_found", "invalid"))
async def delete_subscription(
    subscription: SubscriptionId, holder: Administrator, session: Session, now: Now
) -> None:
    """End it for good. Its secret is forgotten; what was sent to it stays readable."""
    row = await locked(session, holder, subscription, even_deleted=True)
    if row.disabled_why == DisabledWhy.DELETED:
        return
    disable(row, DisabledWhy.DELETED, now)
    await cancel_waiting(session, row.id, now)
    await session.flush()


@router.post("/{subscription}:rotate", responses=problems("not_found", "conflict", "invalid"))
async def rotate_secret(
    subscription: SubscriptionId,
    running: RunningApp,
    holder: Administrator,
    session: Session,
    now: Now,
) -> Rotated:
    """Make a new secret. For a day messages carry a signature by the old one as well."""
    row = await locked(session, holder, subscription)
    sealer = running.keyring.endpoints(holder.provider)
    assert row.secrets_sealed is not None, "only what is deleted has none"
    secrets = rotated(opened(sealer, row.id, row.secrets_sealed), new_secret(), now)
    row.secrets_sealed = sealed(sealer, row.id, secrets)
    row.changed_at = now
    await session.flush()
    assert secrets[1].until is not None
    return Rotated(secret=secrets[0].secret, old_until=secrets[1].until)


@router.post(
    "/{subscription}:test",
    status_code=202,
    responses=problems("not_found", "conflict", "invalid"),
)
async def send_test(
    subscription: SubscriptionId,
    running: RunningApp,
    holder: Administrator,
    session: Session,
    now: Now,
) -> Tested:
    """Post a signed `endpoint.test` to it, on the same way as every other message."""
    row = await locked(session, holder, subscription)
    refuse_disabled(row)
    told = {"id": str(row.id), "url": f"/v1/subscriptions/{row.id}"}
    message = await tell(
        session, holder.provider, [row.id], MessageType.ENDPOINT_TEST, "", told, now
    )
    deliver_after_commit(session, running)
    return Tested(message_id=message)


async def locked(
    session: AsyncSession, holder: KeyHolder, subscription: UUID, *, even_deleted: bool = False
) -> Endpoint:
    """A subscription that nobody else changes or settles meanwhile."""
    row = await session.get(
        Endpoint, (holder.provider, subscription), with_for_update={"key_share": True}
    )
    if row is None:
        raise Problem("not_found")
    if row.disabled_why == DisabledWhy.DELETED and not even_deleted:
        raise Problem("conflict", "This subscription was deleted; make a new one.")
    return row


def refuse_disabled(row: Endpoint) -> None:
    if row.state != EndpointState.ACTIVE:
        raise Problem("conflict", "This subscription is disabled; enable it first.")


async def answers(
    session: AsyncSession, running: Running, rows: Sequence[Endpoint], now: datetime
) -> list[SubscriptionAnswer]:
    counted = await session.execute(
        select(Attempt.endpoint_id, Attempt.status, func.count())
        .where(Attempt.endpoint_id.in_([row.id for row in rows]))
        .group_by(Attempt.endpoint_id, Attempt.status)
    )
    attempts: dict[UUID, dict[AttemptStatus, int]] = {
        row.id: dict.fromkeys(AttemptStatus, 0) for row in rows
    }
    for endpoint, status, number in counted:
        attempts[endpoint][AttemptStatus(status)] = number
    return [answer_of(row, _signing(running, row, now), attempts[row.id]) for row in rows]


def _signing(running: Running, row: Endpoint, now: datetime) -> int:
    if row.secrets_sealed is None:
        return 0
    sealer = running.keyring.endpoints(ProviderId(row.provider_id))
    return len(live(opened(sealer, row.id, row.secrets_sealed), now))


async def _refuse_one_more(session: AsyncSession, holder: KeyHolder) -> None:
    active = await session.scalar(
        select(func.count())
        .select_from(Endpoint)
        .where(
            Endpoint.provider_id == holder.provider, Endpoint.state == EndpointState.ACTIVE.value
        )
    )
    if (active or 0) >= MOST_ACTIVE:
        raise Problem("conflict", f"There are {MOST_ACTIVE} active subscriptions already.")


async def _refuse_unknown(session: AsyncSession, services: Iterable[str]) -> None:
    """A service is named by its id or one it had; of a mistyped one nothing would ever be told."""
    rows = (await session.execute(select(Service.code, Service.predecessor))).all()
    known = {name for row in rows for name in row if name is not None}
    said = "There is no such service; set it up first."
    refuse(
        "invalid",
        [
            Flaw(f"/services/{place}", "unknown_service", said)
            for place, service in enumerate(services)
            if service not in known
        ],
    )
