"""Cells of steady levels, month by month, and the score of one strand over them: no chance in it.

A level is written `0.6>0.9`: before the programme and from the month after its start.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from models.axes import CellRow
from models.calendar import add_months, months_between
from models.context import ServiceContext
from models.vocabulary import Strand
from tests.evidence_by_hand import AS_OF, cell, context
from worker.columns import columns_of
from worker.score import StrandScore, score_strand
from worker.windows import windows_of

FIRST, SINCE = date(2024, 12, 1), date(2025, 7, 1)
#: Two kinds of check, the fewest that can carry a segment.
CHECKS = ("audit_compliance", "practice_observed")


def steady(
    levels: dict[str, str],
    indicators: Iterable[str] = CHECKS,
    n: int = 400,
    *,
    first: date = FIRST,
    last: date = AS_OF,
    since: date = SINCE,
    **place: Any,
) -> list[CellRow]:
    """Of each team at its level; `.` on a side of `>` is silence then, `0.8` alone never changes.

    place : fields of every cell, such as its band or area.
    """
    rows = []
    for month in months_between(first, last):
        for team, written in levels.items():
            level = written.split(">")[-1 if month >= since else 0]
            if level != ".":
                x = round(n * float(level))
                rows += [cell(month, code, team, x, n, **place) for code in indicators]
    return rows


def by_month(
    team: str, values: Sequence[str], indicators: Iterable[str] = CHECKS, n: int = 400, **place: Any
) -> list[CellRow]:
    """Of one team, a level a month, the last that of `AS_OF`; `.` is a month without evidence."""
    months = months_between(add_months(AS_OF, 1 - len(values)), AS_OF)
    return [
        cell(month, code, team, round(n * float(level)), n, **place)
        for month, level in zip(months, values, strict=True)
        if level != "."
        for code in indicators
    ]


def score_of(
    strand: Strand,
    rows: Sequence[CellRow],
    of: ServiceContext | None = None,
    as_of: date = AS_OF,
) -> StrandScore:
    """One look alone; the teams are those of the cells unless a context names others."""
    known = of or context(tuple(dict.fromkeys(row.team for row in rows if row.team)))
    first = min((row.month for row in rows), default=None)
    windows = windows_of(known, as_of, first)
    return score_strand(strand, known, columns_of(rows), [as_of], [windows])[0]
