"""Answers kept for requests with an `Idempotency-Key`: the table and its statements.

Knows nothing of HTTP: what is kept of an answer comes sealed, and a request is known by hashes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider
from models.cells import PROVIDER

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[Any]

KEPT_DAYS = 7
KEPT_FOR = timedelta(days=KEPT_DAYS)


class KeptAnswer(OfProvider, Base):
    """What the first request with a key was answered.

    `request_hash` stands for principal, method, path and key, `fingerprint` for all of what was
    sent; both are keyed hashes, since a body that names a person could be guessed from a plain
    one. Without `answer_sealed` the answer was too large to be kept.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (
        Index(None, "provider_id", "created_at"),
        CheckConstraint("status BETWEEN 200 AND 499 AND status <> 429", "status"),
    )

    request_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    principal: Mapped[str]
    method: Mapped[str]
    path: Mapped[str]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    answer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class Claim(NamedTuple):
    """A request that wants to be carried out once."""

    request_hash: bytes
    principal: str
    method: str
    path: str
    fingerprint: bytes

    @property
    def lock(self) -> int:
        return int.from_bytes(self.request_hash[:8], "big", signed=True)


class Answer(NamedTuple):
    status: int
    #: None: too large to be kept.
    sealed: bytes | None


class Taken(Enum):
    """Why a request may not be carried out although nothing is there to repeat."""

    IN_USE = auto()
    OTHER_REQUEST = auto()


Earlier = Answer | Taken

LOCK = "SELECT l, pg_try_advisory_xact_lock(l) FROM unnest($1::bigint[]) AS l"

FIND = """
SELECT request_hash, fingerprint, status, answer_sealed FROM kept_answers
WHERE request_hash = ANY($1) AND created_at > $2
"""

IS_KEPT = "SELECT EXISTS (SELECT FROM kept_answers WHERE request_hash = $1 AND created_at > $2)"

# One that has outlived its days is as good as absent, whether it has been removed or not.
KEEP = f"""
INSERT INTO kept_answers AS a (provider_id, request_hash, principal, method, path, fingerprint,
                               status, answer_sealed, created_at)
SELECT {PROVIDER}, s.*, $8 FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[],
                                       $5::bytea[], $6::integer[], $7::bytea[]) AS s
ON CONFLICT (provider_id, request_hash) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status,
    answer_sealed = excluded.answer_sealed, created_at = excluded.created_at
WHERE a.created_at <= $9
"""

REMOVE = text("""
DELETE FROM kept_answers WHERE created_at <= :before AND request_hash IN (
    SELECT request_hash FROM kept_answers WHERE created_at <= :before LIMIT :most)
RETURNING 1
""")


async def is_kept(connection: "Connection", request_hash: bytes, now: datetime) -> bool:
    """Whether a request with this key was answered, with whatever body it came."""
    return bool(await connection.fetchval(IS_KEPT, request_hash, now - KEPT_FOR))


async def take(
    connection: "Connection", claims: Sequence[Claim], now: datetime
) -> dict[bytes, Earlier]:
    """Take these requests until the transaction ends; says which cannot be taken, and why.

    The lock is a statement of its own: one that also read would not see what was committed
    between its start and the lock. No two claims may be the same request, since a transaction
    does not keep itself out.
    """
    if not claims:
        return {}
    locked = dict(await connection.fetch(LOCK, [claim.lock for claim in claims]))
    found = {
        row["request_hash"]: row
        for row in await connection.fetch(
            FIND, [claim.request_hash for claim in claims], now - KEPT_FOR
        )
    }
    earlier: dict[bytes, Earlier] = {}
    for claim in claims:
        row = found.get(claim.request_hash)
        if row is not None and row["fingerprint"] != claim.fingerprint:
            earlier[claim.request_hash] = Taken.OTHER_REQUEST
        elif row is not None:
            earlier[claim.request_hash] = Answer(row["status"], row["answer_sealed"])
        elif not locked[claim.lock]:
            earlier[claim.request_hash] = Taken.IN_USE
    return earlier


async def keep(
    connection: "Connection", answered: Iterable[tuple[Claim, Answer]], now: datetime
) -> None:
    """Keep the answers of requests taken in this transaction."""
    rows = [(*claim, *answer) for claim, answer in answered]
    if not rows:
        return
    status = await connection.execute(KEEP, *zip(*rows, strict=True), now, now - KEPT_FOR)
    if int(status.rpartition(" ")[2]) != len(rows):
        raise RuntimeError("An answer was kept by somebody who had not taken the request.")


async def remove_expired(session: AsyncSession, now: datetime, most: int) -> int:
    """Remove at most so many answers of the current provider that have outlived their days."""
    removed = await session.execute(REMOVE, {"before": now - KEPT_FOR, "most": most})
    return len(removed.all())


async def providers_with_expired(session: AsyncSession, now: datetime) -> list[UUID]:
    found = await session.execute(
        text("SELECT provider_id FROM providers_with_answers(:before)"), {"before": now - KEPT_FOR}
    )
    return list(found.scalars())
