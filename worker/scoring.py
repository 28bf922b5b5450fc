"""From cells to judged content for several months of one service at once; pure, no database."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from models.axes import CellRow
from models.context import ServiceContext
from models.vocabulary import Strand
from worker.content import content_of
from worker.score import StrandScore, score_strand
from worker.windows import is_provisional, windows_of


class Concluded(NamedTuple):
    content: dict[str, Any]
    provisional: bool


def conclude(
    context: ServiceContext, cells: Sequence[CellRow], as_ofs: Sequence[date], now: datetime
) -> dict[date, Concluded]:
    """Judge a service for each `as_of`, all strands through one loop."""
    first = min((cell.month for cell in cells), default=None)
    windows = {as_of: windows_of(context, as_of, first) for as_of in as_ofs}
    ready = [as_of for as_of in as_ofs if windows[as_of].current is not None]
    scores: dict[date, dict[Strand, StrandScore]] = {as_of: {} for as_of in as_ofs}
    if ready:
        for strand in Strand:
            found = score_strand(strand, context, cells, ready, [windows[m] for m in ready])
            for as_of, score in zip(ready, found, strict=True):
                scores[as_of][strand] = score
    concluded = {}
    for as_of in as_ofs:
        provisional = is_provisional(as_of, context.choices.look_day, now)
        content = content_of(context, as_of, windows[as_of], scores[as_of], provisional=provisional)
        concluded[as_of] = Concluded(content, provisional)
    return concluded
