"""A table that has arrived, as a file or in a hook, becomes events: part by part, each committed.

A crash leaves what is done and goes on after it; with `all_or_nothing` there is one transaction
and nothing in between. Every row ends in a line of the result that people download.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.connectors import Connector, StoredMapping, notice
from models.db import Sessions, driver, transaction
from models.inbox import MOST_KEPT, InboxItem, InboxPart, InboxResult, InboxStatus, settle
from models.incoming.mapped import numbered
from models.incoming.refusals import Refused
from models.incoming.terms import load_terms
from models.keyring import Keyring, Pseudonyms
from models.mapping.columns import keys_read
from models.mapping.drift import Shape
from models.mapping.mappings import mapping_of
from models.mapping.table_files import Part, Remark, TableFile
from models.readings import MEANT, revision_of
from models.storing import Outcome, store
from models.vocabulary import ProviderId
from worker.result_lines import CONFLICT, result_lines, withheld_lines, written
from worker.said_before import no_longer_said
from worker.table_parts import StoredBody, one_ahead, parts_of

Ring = Callable[[ProviderId, set[str]], Awaitable[object]]

#: What is counted of a table that has been read.
COUNTED = ("records", *Outcome, "skipped", "rejected", "retracted")
READ_BEFORE = text("SELECT EXISTS (SELECT FROM events WHERE inbox_id = :id AND revision < :of)")


class Overtaken(Exception):
    """Somebody else is at this body, has dealt with it, or has another mapping read it."""


class Withheld(Exception):
    """Something of a body that is all or nothing was refused."""


@dataclass(slots=True)
class TableReading:
    """One table on its way: where it lies, what was counted of it, what is said of its rows."""

    sessions: Sessions
    keyring: Keyring
    provider: ProviderId
    clock: Callable[[], datetime]
    ring: Ring
    inbox_id: int
    connector: Connector
    version: int
    file: TableFile
    stored: StoredBody
    all_or_nothing: bool
    counts: Counter[str]
    #: Identities that were read, where an earlier mapping may have read others.
    said: set[tuple[str, str, int]] | None
    #: The line up to which everything is stored.
    done: int = 0
    refused: list[Remark] = field(default_factory=list)
    #: Of a table that is all or nothing: lines that contradict what is stored, and why.
    conflicts: dict[int, str] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)
    #: The one transaction of a table that is all or nothing.
    whole: AsyncSession | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        if self.whole is not None:
            yield self.whole
        else:
            async with transaction(self.sessions, self.provider) as session:
                yield session

    def parts_of(self, file: TableFile) -> AsyncGenerator[Part, None]:
        """The rows of the body as this reads them, some at a time."""
        return one_ahead(parts_of(self.stored, file, self.clock))

    async def item(self, session: AsyncSession) -> InboxItem:
        """The body's row, locked, as long as it is ours to map and by this version.

        No other version is activated until the part is stored, and none was since the last one.
        """
        active = await session.scalar(
            select(Connector.active_version)
            .where(Connector.code == self.connector.code)
            .with_for_update(read=True, key_share=True)
        )
        row = await session.get_one(
            InboxItem,
            (self.provider, self.inbox_id),
            with_for_update=True,
            populate_existing=True,
        )
        lines = (row.counts or {}).get("lines", 0)
        moved_on = self.whole is None and lines != self.done
        if active != self.version or row.status != InboxStatus.WAITING or moved_on:
            raise Overtaken
        return row


async def map_table(
    sessions: Sessions,
    keyring: Keyring,
    pseudonyms: Pseudonyms,
    provider: ProviderId,
    inbox_id: int,
    clock: Callable[[], datetime],
    ring: Ring,
) -> None:
    """Map one table; `ring` is told of services with new evidence after each commit."""
    async with transaction(sessions, provider) as session:
        row = await session.get(
            InboxItem, (provider, inbox_id), with_for_update={"skip_locked": True}
        )
        if row is None or row.status != InboxStatus.WAITING:
            return
        reading = await _begin(session, row, sessions, keyring, pseudonyms, provider, clock, ring)
    try:
        if reading.all_or_nothing:
            async with transaction(sessions, provider) as session:
                reading.whole = session
                await _read(reading)
            await ring(provider, reading.services)
        else:
            await _read(reading)
    except Overtaken:
        return
    except Withheld:
        reading.whole, reading.done = None, 0
        await _withhold(reading)


async def _begin(
    session: AsyncSession,
    row: InboxItem,
    sessions: Sessions,
    keyring: Keyring,
    pseudonyms: Pseudonyms,
    provider: ProviderId,
    clock: Callable[[], datetime],
    ring: Ring,
) -> TableReading:
    connector = await session.get_one(Connector, (provider, row.connector))
    stored = await session.get_one(
        StoredMapping, (provider, connector.code, connector.active_version)
    )
    if row.mapping_version != stored.version or "lines" not in (row.counts or {}):
        # Nothing of this reading is there yet; of another one the result is void.
        await session.execute(delete(InboxResult).where(InboxResult.inbox_id == row.id))
        row.mapping_version, row.counts = stored.version, {"lines": 0}
    counts = Counter(row.counts)
    parts = await session.scalar(
        select(func.count()).select_from(InboxPart).where(InboxPart.inbox_id == row.id)
    )
    before = await session.scalar(READ_BEFORE, {"id": row.id, "of": revision_of(stored.version)})
    terms = await load_terms(session, keyring, provider)
    return TableReading(
        sessions=sessions,
        keyring=keyring,
        provider=provider,
        clock=clock,
        ring=ring,
        inbox_id=row.id,
        connector=connector,
        version=stored.version,
        file=TableFile(mapping_of(stored.document), connector.source, terms, pseudonyms),
        stored=StoredBody(
            sessions,
            keyring.bodies(provider),
            provider,
            row.id,
            parts or 0,
            row.content_encoding in {"gzip", "x-gzip"},
        ),
        all_or_nothing=row.all_or_nothing,
        counts=counts,
        said=set() if before else None,
        done=counts["lines"],
    )


async def _read(reading: TableReading) -> None:
    """All parts in order, then what became of the whole."""
    number, stopped = 0, None
    try:
        async with aclosing(reading.parts_of(reading.file)) as parts:
            async for part in parts:
                await _take(reading, part, number)
                number += 1
    except Refused as refused:
        stopped = refused
        reading.refused.append(Remark(0, "rejected", None, None, refused.code, refused.detail))
    counts = reading.counts
    if reading.all_or_nothing and (stopped or counts["rejected"] or counts["conflicts"]):
        raise Withheld
    async with reading.transaction() as session:
        row = await reading.item(session)
        if not (stopped or counts["rejected"]) and reading.said is not None:
            gone = await no_longer_said(session, reading.said, reading.version, reading.inbox_id)
            reading.services |= (await store(await driver(session), gone)).services
            counts["retracted"] = len(gone)
        header = reading.file.header
        if header is not None:
            shape: Shape = {name: ("string",) for name in header.names if name}
            await notice(
                session,
                reading.provider,
                reading.connector,
                shape,
                reading.file.unmapped,
                keys_read(reading.file.mapping),
                reading.clock(),
            )
        _settle(row, reading, _why(counts, stopped), {name: counts[name] for name in COUNTED})
    if reading.whole is None and reading.services:
        await reading.ring(reading.provider, reading.services)


async def _take(reading: TableReading, part: Part, number: int) -> None:
    """Store a part with its result and the count of what is done, unless that was done before."""
    rejected = [one for one in part.remarks if one.outcome == "rejected"]
    reading.refused += rejected[: max(MOST_KEPT - len(reading.refused), 0)]
    if reading.said is not None:
        reading.said.update(MEANT(row) for _, row in part.rows)
    rows = [(line, row) for line, row in part.rows if line > reading.done]
    remarks = [one for one in part.remarks if one.line > reading.done]
    last = max([line for line, _ in rows[-1:]] + [one.line for one in remarks[-1:]], default=0)
    if not last:
        # Read before, perhaps by somebody who goes on while we catch up with nothing but work.
        async with reading.transaction() as session:
            await reading.item(session)
        return
    async with reading.transaction() as session:
        item = await reading.item(session)
        kept = await store(
            await driver(session),
            numbered([row for _, row in rows], reading.version, reading.inbox_id),
        )
        lines = result_lines(rows, kept, remarks, reading.inbox_id)
        _keep_result(session, reading, number, written(lines))
        if reading.all_or_nothing:
            reading.conflicts |= {line[0]: line[5] for line in lines if line[1] == CONFLICT}
        counts = reading.counts
        for outcome, number_of in Counter(kept.outcomes).items():
            counts[outcome.value] += number_of
        for kind in ("rejected", "skipped"):
            # A row may be rejected for several reasons and is one row all the same.
            counts[kind] += len({one.line for one in remarks if one.outcome == kind})
        counts["records"] = sum(counts[name] for name in (*Outcome, "rejected", "skipped"))
        counts["lines"] = last
        item.counts = dict(counts)
        await session.flush()
    reading.done = last
    # A ring for each part would have the same months counted again and again. What is committed
    # has its marks, which the sweep finds every few seconds; the ring comes with the last row.
    reading.services |= kept.services


def _keep_result(session: AsyncSession, reading: TableReading, number: int, lines: bytes) -> None:
    place = f"{reading.inbox_id}/result/{number}"
    session.add(
        InboxResult(
            provider_id=reading.provider,
            inbox_id=reading.inbox_id,
            part=number,
            sealed=reading.keyring.bodies(reading.provider).seal(lines, place),
        )
    )


def _settle(
    row: InboxItem, reading: TableReading, why: tuple[str, str] | None, counts: dict[str, int]
) -> None:
    refused = (one._asdict() for one in reading.refused)
    settle(row, reading.version, reading.clock(), why, counts, refused)


def _why(counts: Counter[str], stopped: Refused | None) -> tuple[str, str] | None:
    refused, records = counts["rejected"] + counts["conflicts"], counts["records"]
    if stopped is not None:
        return stopped.code, stopped.detail
    if refused:
        said = f"{refused:,} of {records:,} rows were refused; the result says which."
        return "records_refused", said
    return None


async def _withhold(reading: TableReading) -> None:
    """Nothing was stored; the result says of every row whether it was refused or held back."""
    records, rejected = reading.counts["records"], reading.counts["rejected"]
    refused = max(rejected + reading.counts["conflicts"], 1)
    said = (
        f"Nothing was stored, because {refused:,} of the rows were refused. Correct them and upload"
        " the file again, or upload it without all_or_nothing."
    )
    counts = {"records": records, "rejected": rejected, "withheld": records - rejected}
    async with reading.transaction() as session:
        row = await reading.item(session)
        _settle(row, reading, ("all_or_nothing", said), dict.fromkeys(COUNTED, 0) | counts)
        # What was written of it went with what was stored, so the file is read once more.
        number = 0
        try:
            async with aclosing(reading.parts_of(reading.file.again())) as parts:
                async for part in parts:
                    lines = withheld_lines(part, reading.conflicts)
                    _keep_result(session, reading, number, written(lines))
                    await session.flush()
                    number += 1
        except Refused as stopped:
            last = Remark(0, "rejected", None, None, stopped.code, stopped.detail)
            _keep_result(session, reading, number, written(withheld_lines(Part([], [last]), {})))
