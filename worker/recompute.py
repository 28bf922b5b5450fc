"""The recompute transaction of one service: lock, claim marks, roll up, score, freeze, escalate.

A crash anywhere puts the marks back. What the claim did not see belongs to evidence that commits
later and brings marks of its own; hence READ COMMITTED, and the claim before every read.
"""

import asyncio
from collections.abc import Iterable
from concurrent.futures import Executor
from datetime import date, datetime
from typing import NamedTuple

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.axes import CellRow
from models.cells import ANY_TO_JUDGE, CLAIM, CLAIM_OPEN, LOCK, lock_name
from models.context import ServiceContext, load_context, service_ids
from models.db import Sessions, driver, transaction
from models.quarantine import release
from models.scores import Score
from models.tallies import TALLIES_OF_SERVICE, TallyRow
from models.vocabulary import Family, ProviderId
from worker.announcing import announce_verdict
from worker.escalating import escalate
from worker.rollup import Slice, every_slice, roll_up, slices_of_versions
from worker.scoring import conclude, months_read_from
from worker.snapshots import freeze
from worker.windows import last_ended_month

log = structlog.get_logger(__name__)

MOST_ROUNDS = 20

CELLS_OF_SERVICE = """
SELECT month, indicator, team, area, band, x, n, sum_squares, events FROM cells
WHERE service = $1 AND month BETWEEN $2 AND $3
"""

FIRST_MONTH = "SELECT min(month) FROM cells WHERE service = $1"


class Claimed(NamedTuple):
    """What the marks of a service ask for, and the database snapshot they were claimed in."""

    slices: set[Slice]
    identities: list[tuple[str, str]]
    as_ofs: set[date]
    everything: bool
    known: str


class Outcome(NamedTuple):
    slices: int
    scored: list[date]
    changed: list[date]


async def recompute(
    sessions: Sessions,
    provider: ProviderId,
    service: str,
    now: datetime,
    arithmetic: Executor | None = None,
) -> Outcome | None:
    """Bring a service up to date in one transaction; None when there is nothing to do.

    Who else is at the service is waited for: what has come in since is left to nobody but us.
    `arithmetic` is where the conclusions are worked out, off the event loop.
    """
    async with transaction(sessions, provider) as session:
        connection = await driver(session)
        ids = await service_ids(session, service)
        await connection.execute(LOCK, lock_name(provider, ids[0]))
        if await service_ids(session, service) != ids:
            return None
        claimed = _claimed(await connection.fetch(CLAIM, ids))
        if claimed is None:
            return None
        context = await load_context(session, service, ids)
        if context is None:
            # Nobody has set the service up. Doing so takes this lock and marks all it finds; what
            # its corrections took away from other services is recomputed there all the same.
            await slices_of_versions(connection, ids, claimed.identities)
            return Outcome(0, [], [])
        # What an ingest listed while the team was being set up beside it.
        await release(session, context.known_as, context.teams_by_name(), now)
        slices = set(claimed.slices)
        if claimed.everything:
            slices |= await every_slice(connection, context)
        if claimed.identities:
            slices |= await slices_of_versions(connection, ids, claimed.identities)
        if slices:
            await roll_up(connection, context, slices, claimed.known)
        as_ofs = await months_to_score(session, context, claimed, slices, now)
        if not as_ofs:
            return Outcome(len(slices), [], [])
        first = await connection.fetchval(FIRST_MONTH, context.service)
        since = months_read_from(context, as_ofs, first)
        rows = await connection.fetch(CELLS_OF_SERVICE, context.service, since, max(as_ofs))
        cells = [CellRow(*row) for row in rows]
        tallied = await connection.fetch(TALLIES_OF_SERVICE, context.service, since, max(as_ofs))
        tallies = [TallyRow(*row) for row in tallied]
        concluded = await asyncio.get_running_loop().run_in_executor(
            arithmetic, conclude, context, cells, as_ofs, now, first, tallies
        )
        changed = await freeze(session, provider, context, concluded, claimed.known, now)
        newest = last_ended_month(now)
        if newest in changed:
            content = concluded[newest].content
            strands = content["strands"]
            await announce_verdict(
                session, provider, context, newest, content, changed[newest], now
            )
            await escalate(session, provider, context, newest, strands, changed[newest], now)
    return Outcome(len(slices), as_ofs, sorted(changed))


async def count_open(sessions: Sessions, provider: ProviderId, service: str, now: datetime) -> bool:
    """Count what lies in months that are not judged yet; True when there is more to judge.

    Most evidence is of the open month and changes no conclusion. Counted ahead, it need not wait
    until the conclusions of another service have been worked out.
    """
    async with transaction(sessions, provider) as session:
        connection = await driver(session)
        ids = await service_ids(session, service)
        await connection.execute(LOCK, lock_name(provider, ids[0]))
        if await service_ids(session, service) != ids:
            return True
        rows = await connection.fetch(CLAIM_OPEN, ids, last_ended_month(now))
        if rows and (context := await load_context(session, service, ids)) is not None:
            slices = {(row["month"], Family(row["family"])) for row in rows}
            await roll_up(connection, context, slices, str(rows[0]["known"]))
        return bool(await connection.fetchval(ANY_TO_JUDGE, ids, last_ended_month(now)))


def _claimed(rows: Iterable[dict[str, object]]) -> Claimed | None:
    slices: set[Slice] = set()
    identities: list[tuple[str, str]] = []
    as_ofs: set[date] = set()
    everything, known = False, None
    for row in rows:
        known = str(row["known"])
        if isinstance(row["month"], date):
            slices.add((row["month"], Family(str(row["family"]))))
        elif row["event_id"] is not None:
            identities.append((str(row["source"]), str(row["event_id"])))
        elif isinstance(row["as_of"], date):
            as_ofs.add(row["as_of"])
        else:
            everything = True
    if known is None:
        return None
    return Claimed(slices, sorted(identities), as_ofs, everything, known)


async def months_to_score(
    session: AsyncSession,
    context: ServiceContext,
    claimed: Claimed,
    slices: set[Slice],
    now: datetime,
) -> list[date]:
    """Every already scored month that a change reaches, those asked for, and the last ended one."""
    scored = set(await session.scalars(select(Score.as_of).where(Score.service == context.service)))
    earliest = min((month for month, _ in slices), default=None)
    wanted = set(claimed.as_ofs)
    if claimed.everything:
        wanted |= scored
    elif earliest is not None:
        wanted |= {as_of for as_of in scored if as_of >= earliest}
    last_ended = last_ended_month(now)
    if last_ended not in scored:
        wanted.add(last_ended)
    return sorted(as_of for as_of in wanted if as_of <= last_ended)


async def drain(
    sessions: Sessions,
    provider: ProviderId,
    service: str,
    now: datetime,
    arithmetic: Executor | None = None,
    most_rounds: int = MOST_ROUNDS,
) -> int:
    """Recompute until no marks are left; a ring during the last round may have been dropped.

    A service that never stops sending is left to the next ring after a while, so that no job
    runs into its time limit in the middle of a transaction.
    """
    rounds = 0
    while rounds < most_rounds:
        outcome = await recompute(sessions, provider, service, now, arithmetic)
        if outcome is None:
            break
        rounds += 1
        log.info(
            "recomputed",
            provider=str(provider),
            service=service,
            slices=outcome.slices,
            scored=len(outcome.scored),
            changed=len(outcome.changed),
        )
    return rounds
