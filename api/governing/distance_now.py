"""Where a segment stands now, beside what was true when somebody looked or helped.

Live, or as it was known; it is no part of a record, which keeps the distance of its own day.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.governing.figures import Figures, distance_of, figures_in
from api.governing.record_answers import RecordShown
from api.reading.conclusions import conclusion_known, current_conclusion
from models.calendar import add_months, month_of
from models.vocabulary import BY_SEGMENT, SegmentStatus, Strand


class StandsNow(BaseModel):
    month: str = Field(examples=["2026-10"])
    status: SegmentStatus
    distance: list[dict[str, Any]] = Field(
        description="To the benchmark, indicator by indicator, as in `figures` on the day."
    )


class RecordRead(RecordShown):
    now: StandsNow | None = Field(
        description="Where its segment stands in the last month that has ended; of records about"
        " one segment alone."
    )


async def read_records(
    session: AsyncSession,
    ids: Sequence[str],
    states: Sequence[dict[str, Any]],
    now: datetime,
    known_at: datetime | None,
) -> list[RecordRead]:
    """Records with where their segments stand now, or stood at `known_at`."""
    month = add_months(month_of(known_at or now), -1)
    conclusion = None
    if any(state["stage"] in BY_SEGMENT for state in states):
        conclusion = (
            await current_conclusion(session, list(ids), month)
            if known_at is None
            else await conclusion_known(session, list(ids), month, known_at)
        )
    figures: dict[str, Figures] = {}
    read = []
    for state in states:
        stands = None
        if conclusion is not None and state["stage"] in BY_SEGMENT:
            strand = state["strand"]
            if strand not in figures:
                figures[strand] = figures_in(conclusion, Strand(strand), month)
            segment = figures[strand].segments.get(state["segment"])
            if segment is not None:
                stands = StandsNow(
                    month=f"{month:%Y-%m}",
                    status=SegmentStatus(segment["status"]),
                    distance=distance_of(segment),
                )
        read.append(RecordRead.model_validate(state | {"now": stands}))
    return read
