"""Records as they stand, with the names of people and the time of their figures; and refusals."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.governing.record_answers import record_state
from api.problems import Problem
from models.records import Record
from models.roles import Person
from models.scores import Snapshot
from models.vocabulary import TITLE_OF, RecordStatus, Stage, Strand


async def states_of(session: AsyncSession, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Each record as JSON, in the order given."""
    people = {
        person
        for one in records
        for person in (one.author, one.signed_by, one.withdrawn_by)
        if person is not None
    }
    named = await session.execute(select(Person.code, Person.name).where(Person.code.in_(people)))
    names = {row.code: row.name for row in named}
    frozen = await session.execute(
        select(Snapshot.id, Snapshot.computed_at).where(
            Snapshot.id.in_({one.snapshot_id for one in records})
        )
    )
    computed_at = {row.id: row.computed_at for row in frozen}
    return [record_state(one, names, computed_at[one.snapshot_id]) for one in records]


async def state_of(session: AsyncSession, record: Record) -> dict[str, Any]:
    return (await states_of(session, [record]))[0]


async def conflict(
    session: AsyncSession, record: Record, what: str, code: str = "conflict"
) -> Problem:
    """409 that names the record in the way: which, by whom, since when."""
    state = await state_of(session, record)
    title = TITLE_OF[Strand(record.strand), Stage(record.stage)]
    of = f" of {record.segment}" if record.segment else ""
    by = state["signed_by"] or state["author"]
    done = "signed" if state["signed_by"] else "drafted"
    at = state["signed_at"] or state["written_at"]
    detail = (
        f"The {title}{of} for {state['month']} ({record.status}; {done} by {by['name']} at {at})"
        f" {what}."
    )
    error = {"code": code, "pointer": "", "detail": detail}
    return Problem("conflict", detail, errors=[error | {"id": str(record.id)}])


async def refuse_change(session: AsyncSession, record: Record, revision: int) -> None:
    """409 unless it is a draft, and the one that was read."""
    if record.status != RecordStatus.DRAFT:
        raise await conflict(session, record, "is no draft any more")
    if record.revision != revision:
        raise await conflict(
            session,
            record,
            f"was changed since revision {revision} was read; it is at {record.revision} now",
            "revision_changed",
        )
