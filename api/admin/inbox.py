"""The inbox: what arrived, what became of it, mapped once more, and the sum that has to hold."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, select

from api.admin.after_commit import after_commit
from api.admin.bodies import Body, Flaw, LongText, StoredId, Text, refuse
from api.deps import Now, RunningApp, Session, require
from api.kept_answers import KeptRoute
from api.paging import Limit, Paged
from api.problems import Problem, problems
from models.connectors import Connector, Replay
from models.db import transaction
from models.inbox import RESULT_HEADINGS, InboxItem, InboxStatus, read_result, result_parts
from models.people import KeyHolder
from models.reconciling import Reconciled, reconcile
from models.replays import NOT_CONTRADICTING, progress_of, replay
from models.vocabulary import Scope

router = APIRouter(prefix="/v1", tags=["connecting platforms"], route_class=KeptRoute)

Integrator = Annotated[KeyHolder, require(Scope.CONNECTORS_ADMIN)]
ItemId = Annotated[int, Path(ge=1, le=2**63 - 1)]
ConnectorCode = Annotated[str | None, Query(max_length=63, description="Of one connector.")]
#: What may be mapped once more. What waits will be anyway.
AGAIN = (InboxStatus.QUARANTINED, InboxStatus.MAPPED, InboxStatus.DISMISSED)


class ItemAnswer(BaseModel):
    id: int
    connector: str
    received_at: datetime
    size: int
    status: InboxStatus
    reason: str | None
    detail: str | None
    mapping_version: int | None
    mapped_at: datetime | None
    counts: dict[str, int] | None = Field(
        description="Records of the body, and the outcomes that they sum from."
    )
    refused: list[dict[str, Any]] | None = Field(description="The first of them, with reasons.")
    dismissed_why: str | None


class ItemList(BaseModel):
    items: list[ItemAnswer]
    next_cursor: str | None


class Dismissal(Body):
    reason: LongText = Field(examples=["A test message of the vendor."])


class ReplayBody(Body):
    connector: Text
    status: list[Literal["quarantined", "mapped", "dismissed"]] = Field(
        default=["quarantined"], min_length=1, max_length=3
    )
    received_from: datetime | None = None
    received_to: datetime | None = None
    inbox_ids: list[StoredId] | None = Field(default=None, min_length=1, max_length=1000)


class ReplayAnswer(BaseModel):
    id: UUID
    connector: str
    asked: dict[str, Any]
    bodies: int = Field(description="How many were set waiting.")
    done: bool
    by_status: dict[str, int] = Field(description="Of those that no later replay took over.")
    requested_by: str
    requested_at: datetime


class ReplayList(BaseModel):
    items: list[ReplayAnswer]


@router.get("/inbox", responses=problems("not_found", "invalid"))
async def list_inbox(
    holder: Integrator,
    session: Session,
    paging: Paged,
    connector: ConnectorCode = None,
    status: InboxStatus | None = None,
    reason: Annotated[str | None, Query(max_length=100)] = None,
) -> ItemList:
    """Bodies in the order of their arrival, by what became of them."""
    await _refuse_unknown(session, holder, connector)
    before = paging.after("inbox", tuple[int])
    query = select(InboxItem).order_by(InboxItem.id).limit(paging.rows)
    for column, value in (
        (InboxItem.connector, connector),
        (InboxItem.status, status),
        (InboxItem.reason, reason),
    ):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(InboxItem.id > before[0])
    rows = list(await session.scalars(query))
    found, next_cursor = paging.page("inbox", rows, lambda row: [row.id])
    return ItemList(items=[answer_of(row) for row in found], next_cursor=next_cursor)


@router.get("/inbox/{item}", responses=problems("not_found"))
async def get_inbox_item(item: ItemId, holder: Integrator, session: Session) -> ItemAnswer:
    row = await session.get(InboxItem, (holder.provider, item))
    if row is None:
        raise Problem("not_found")
    return answer_of(row)


@router.get(
    "/inbox/{item}/result",
    response_class=StreamingResponse,
    responses=problems("not_found")
    | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def get_inbox_result(
    item: ItemId, running: RunningApp, holder: Integrator, session: Session
) -> StreamingResponse:
    """What became of each row of a table, as CSV; as far as it has been read."""
    if await session.get(InboxItem, (holder.provider, item)) is None:
        raise Problem("not_found")
    parts = await result_parts(session, item)
    sealer = running.keyring.bodies(holder.provider)

    async def lines() -> AsyncIterator[bytes]:
        # A piece at a time: the result of a million rows is as large as they are.
        yield RESULT_HEADINGS
        for part in parts:
            async with transaction(running.sessions, holder.provider) as own:
                yield await read_result(own, sealer, item, part)

    headers = {"Content-Disposition": f'attachment; filename="result-{item}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/inbox/{item}:dismiss", responses=problems("not_found", "conflict", "invalid"))
async def dismiss_inbox_item(
    item: ItemId, body: Dismissal, holder: Integrator, session: Session
) -> ItemAnswer:
    """Say that a body in quarantine is nobody's evidence. It stays, and may be replayed."""
    row = await session.get(InboxItem, (holder.provider, item), with_for_update=True)
    if row is None:
        raise Problem("not_found")
    if row.status == InboxStatus.DISMISSED and row.dismissed_why == body.reason:
        return answer_of(row)
    if row.status != InboxStatus.QUARANTINED:
        raise Problem("conflict", f"This body is {row.status}; only quarantine is dismissed from.")
    row.status, row.reason, row.detail = InboxStatus.DISMISSED, None, None
    row.dismissed_why = body.reason
    await session.flush()
    return answer_of(row)


@router.post("/replays", status_code=202, responses=problems("not_found", "invalid"))
async def start_replay(
    body: ReplayBody, running: RunningApp, holder: Integrator, session: Session, now: Now
) -> ReplayAnswer:
    """Map bodies once more by the active mapping. Doing so twice changes nothing.

    What came under the id of another body is mapped only when `inbox_ids` names it. Of bodies that
    say different things under one id and version the first that arrived holds, in every replay; a
    body that `inbox_ids` names holds against all others from then on.
    """
    bounds = (("/received_from", body.received_from), ("/received_to", body.received_to))
    refuse("invalid", [flaw for at, bound in bounds if (flaw := _flaw_of(at, bound))])
    connector = await session.get(Connector, (holder.provider, body.connector))
    if connector is None:
        raise Problem("not_found", f"There is no connector '{body.connector}'.")
    await _refuse_what_is_not_there(session, body)
    conditions: list[ColumnElement[bool]] = [InboxItem.status.in_(body.status)]
    if body.received_from is not None:
        conditions.append(InboxItem.received_at >= body.received_from)
    if body.received_to is not None:
        conditions.append(InboxItem.received_at < body.received_to)
    conditions.append(
        NOT_CONTRADICTING if body.inbox_ids is None else InboxItem.id.in_(body.inbox_ids)
    )
    asked = body.model_dump(mode="json", exclude_none=True)
    row = await replay(session, connector, conditions, asked, holder.key_id, now)
    after_commit(session, lambda: running.doorbell.press_mapping(holder.provider))
    return await _replay_answer(session, row)


@router.get("/replays", responses=problems())
async def list_replays(_: Integrator, session: Session, limit: Limit = 100) -> ReplayList:
    """Who had what mapped once more, the newest first."""
    rows = await session.scalars(select(Replay).order_by(Replay.requested_at.desc()).limit(limit))
    return ReplayList(items=[await _replay_answer(session, row) for row in rows.all()])


def _flaw_of(pointer: str, bound: datetime | None) -> Flaw | None:
    if bound is None:
        return None
    if bound.tzinfo is None:
        return Flaw(pointer, "naive_time", "Give the offset too.")
    try:
        bound.astimezone(UTC)
    except OverflowError:
        return Flaw(pointer, "out_of_range", "In UTC there is no such year.")
    return None


@router.get("/replays/{replay_id}", responses=problems("not_found"))
async def get_replay(replay_id: UUID, holder: Integrator, session: Session) -> ReplayAnswer:
    row = await session.get(Replay, (holder.provider, replay_id))
    if row is None:
        raise Problem("not_found")
    return await _replay_answer(session, row)


@router.get("/reconcile", responses=problems("not_found"))
async def get_reconciliation(
    holder: Integrator, session: Session, connector: ConnectorCode = None
) -> Reconciled:
    """What was acknowledged against what became of it, counted apart. `holds` says they agree."""
    await _refuse_unknown(session, holder, connector)
    return await reconcile(session, connector)


async def _refuse_unknown(session: Session, holder: KeyHolder, connector: str | None) -> None:
    """Of a connector that is not there, nothing would read as nothing being wrong."""
    if connector is None:
        return
    if await session.get(Connector, (holder.provider, connector)) is None:
        raise Problem("not_found", f"There is no connector '{connector}'.")


async def _refuse_what_is_not_there(session: Session, asked: ReplayBody) -> None:
    """Whoever names bodies means each of them."""
    if asked.inbox_ids is None:
        return
    rows = await session.execute(
        select(InboxItem.id, InboxItem.status).where(
            InboxItem.connector == asked.connector, InboxItem.id.in_(asked.inbox_ids)
        )
    )
    found = {row.id: row.status for row in rows}
    flaws = []
    for place, number in enumerate(asked.inbox_ids):
        status = found.get(number)
        at = f"/inbox_ids/{place}"
        if status is None:
            said = f"The connector '{asked.connector}' has no body {number}."
            flaws.append(Flaw(at, "not_found", said))
        elif status not in {*asked.status, InboxStatus.WAITING}:
            said = f"Body {number} is {status}: say so in 'status'."
            flaws.append(Flaw(at, "other_status", said))
    refuse("invalid", flaws)


async def _replay_answer(session: Session, row: Replay) -> ReplayAnswer:
    by_status = await progress_of(session, row.id)
    return ReplayAnswer(
        id=row.id,
        connector=row.connector,
        asked=row.asked,
        bodies=row.bodies,
        done=InboxStatus.WAITING not in by_status,
        by_status=by_status,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
    )


def answer_of(row: InboxItem) -> ItemAnswer:
    return ItemAnswer(
        id=row.id,
        connector=row.connector,
        received_at=row.received_at,
        size=row.size,
        status=InboxStatus(row.status),
        reason=row.reason,
        detail=row.detail,
        mapping_version=row.mapping_version,
        mapped_at=row.mapped_at,
        counts=row.counts,
        refused=row.refused,
        dismissed_why=row.dismissed_why,
    )
