"""Answers kept for requests with an `Idempotency-Key`: the table and its statements.

Knows nothing of HTTP: what is kept of an answer comes sealed, and a request is known by hashes.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider


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
