"""Publications: numbered copies of all datasets of a provider, which reads are served from.

A part is one piece of a dataset and service, by hash of its content; publications share those that
did not change. What changed since the newest publication is in `unpublished`, like marks.
"""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider
from models.cells import PROVIDER
from models.datasets import Dataset
from models.vocabulary import ProviderId

#: As the service of what belongs to none, and of a mark that asks for all.
NO_SERVICE = EVERY_SERVICE = ""


class Publication(OfProvider, Base):
    __tablename__ = "publications"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    published_at: Mapped[datetime]


class PublishedPart(OfProvider, Base):
    """Rows as an Arrow stream; `first_day` and `last_day` are those of the dataset's time."""

    __tablename__ = "published_parts"

    dataset: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    rows: Mapped[int]
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    arrow: Mapped[bytes] = mapped_column(LargeBinary)


class PublicationPart(OfProvider, Base):
    __tablename__ = "publication_parts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "number"],
            ["publications.provider_id", "publications.number"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["provider_id", "dataset", "service", "content_hash"],
            [
                "published_parts.provider_id",
                "published_parts.dataset",
                "published_parts.service",
                "published_parts.content_hash",
            ],
        ),
        Index(None, "provider_id", "dataset", "service", "content_hash"),
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    dataset: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)


class Unpublished(OfProvider, Base):
    """Something of a service changed since it was published. Append-only, like marks."""

    __tablename__ = "unpublished"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    service: Mapped[str]
    marked_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("now()")
    )


class Described(OfProvider, Base):
    """Rows that are made by the code and not by events: indicators, and bank holidays."""

    __tablename__ = "described"

    dataset: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[dict[str, object]] = mapped_column(JSONB)
    changed_at: Mapped[datetime]


class PartName(NamedTuple):
    """Where a part of a publication is found, and what is known of it without reading it."""

    service: str
    part: int
    content_hash: bytes
    rows: int
    first_day: date | None
    last_day: date | None


MARK_UNPUBLISHED = f"INSERT INTO unpublished (provider_id, service) VALUES ({PROVIDER}, $1)"

PARTS = """
SELECT l.service, l.part, l.content_hash, p.rows, p.first_day, p.last_day
FROM publication_parts l
JOIN published_parts p ON p.provider_id = l.provider_id AND p.dataset = l.dataset
    AND p.service = l.service AND p.content_hash = l.content_hash
WHERE l.number = :number AND l.dataset = :dataset
  AND (CAST(:service AS text) IS NULL OR l.service = :service)
ORDER BY l.service COLLATE "C", l.part
"""


def unpublished(provider: ProviderId, service: str = EVERY_SERVICE) -> Unpublished:
    """A row to add beside the change that it tells of."""
    return Unpublished(provider_id=provider, service=service)


async def find_publication(session: AsyncSession, number: int | None) -> Publication | None:
    """The publication of this number, or the newest; None where there is none."""
    query = select(Publication).order_by(Publication.number.desc()).limit(1)
    if number is not None:
        query = query.where(Publication.number == number)
    found: Publication | None = await session.scalar(query)
    return found


async def parts_of(
    session: AsyncSession, number: int, dataset: Dataset, service: str | None
) -> list[PartName]:
    """Parts in the order in which rows stand; of one service where it is named."""
    of_service = service if dataset.has("service") else None
    rows = await session.execute(
        text(PARTS), {"number": number, "dataset": dataset.name, "service": of_service}
    )
    return [PartName(*row) for row in rows]


async def read_part(session: AsyncSession, dataset: str, part: PartName) -> bytes | None:
    """The Arrow stream of a part; None when it has been removed since it was named."""
    found: bytes | None = await session.scalar(
        select(PublishedPart.arrow).where(
            PublishedPart.dataset == dataset,
            PublishedPart.service == part.service,
            PublishedPart.content_hash == part.content_hash,
        )
    )
    return found
