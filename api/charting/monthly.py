"""Levels by month and checks by weekday: from the cells of now, or as they were known then.

Cells cannot say what was known on an earlier day. Then levels are those of the conclusions known by
then, and checks are counted from the events that were.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from api.charting.figures import ChecksOn, Look, MonthLevel
from api.reading.conclusions import Conclusion
from models.axes import CellRow, segment_of
from models.calendar import add_months, months_between
from models.catalogue import Indicator
from models.context import ServiceContext
from models.db import driver
from models.slices import read_slice
from models.vocabulary import (
    MINUTES_PER_UNIT,
    Axis,
    ExposureUnit,
    Family,
    Measure,
    Strand,
    TallyKind,
)

MONTHS = 24
CHECKED = (Family.AUDIT, Family.OBSERVATION, Family.KNOWLEDGE)
UNIT_WORDS = {
    ExposureUnit.RESIDENT_DAYS: "resident-days",
    ExposureUnit.CARE_HOURS: "care hours",
}

CELLS = """
SELECT month, indicator, team, area, band, x, n, sum_squares, events FROM cells
WHERE service = $1 AND month BETWEEN $2 AND $3 AND indicator = ANY($4)
"""
WEEKDAYS = """
SELECT word, band, sum(events)::bigint AS events FROM tallies
WHERE service = $1 AND month BETWEEN $2 AND $3 AND kind = $4
GROUP BY word, band ORDER BY word, band
"""
#: Live, what a score points to; of a day, the newest snapshot computed by then.
LOOKS_NOW = """
SELECT c.as_of, s.provisional, (s.body -> 'programme')::text AS programme,
       (s.body #> ARRAY['strands', $4, $5])::text AS part
FROM scores c JOIN snapshots s ON s.provider_id = c.provider_id AND s.id = c.snapshot_id
WHERE c.service = ANY($1) AND c.as_of BETWEEN $2 AND $3
ORDER BY c.as_of
"""
LOOKS_THEN = """
SELECT DISTINCT ON (as_of) as_of, provisional, (body -> 'programme')::text AS programme,
       (body #> ARRAY['strands', $4, $5])::text AS part
FROM snapshots
WHERE service = ANY($1) AND as_of BETWEEN $2 AND $3 AND computed_at <= $6
ORDER BY as_of, computed_at DESC
"""


def exposure_unit(cells: Iterable[CellRow]) -> ExposureUnit:
    """Resident-days where any census counts residents, as the service is scored."""
    residents = any(cell.indicator == ExposureUnit.RESIDENT_DAYS for cell in cells)
    return ExposureUnit.RESIDENT_DAYS if residents else ExposureUnit.CARE_HOURS


async def cells_of(
    session: AsyncSession, service: str, indicator: Indicator, as_of: date
) -> list[CellRow]:
    """The indicator's cells of the last months, and of care where it is a rate."""
    codes = [indicator.code]
    if indicator.measure is Measure.RATE:
        codes += [unit.value for unit in ExposureUnit]
    first = add_months(as_of, 1 - MONTHS)
    rows = await (await driver(session)).fetch(CELLS, service, first, as_of, codes)
    return [CellRow(*row) for row in rows]


def levels_of(
    cells: list[CellRow], context: ServiceContext, axis: Axis, indicator: Indicator
) -> list[MonthLevel]:
    """Level of each segment and month that has one, oldest first."""
    teams = {"", *(team.code for team in context.teams)}
    unit = exposure_unit(cells)
    sums: dict[tuple[str, date], list[float]] = {}
    for cell in cells:
        segment = segment_of(cell.team, cell.area, cell.band, axis)
        if not segment or cell.team not in teams:
            continue
        of = sums.setdefault((segment, cell.month), [0.0, 0.0, 0.0])
        if cell.indicator == indicator.code:
            of[0] += cell.x
            of[2] += cell.sum_squares
            if indicator.measure is not Measure.RATE:
                of[1] += cell.n
        elif cell.indicator == unit:
            of[1] += cell.x / MINUTES_PER_UNIT[unit] / indicator.per
    # Of what was never reported, silence says nothing; after that, nothing reported is evidence.
    if not any(cell.indicator == indicator.code for cell in cells):
        return []
    scale = 100 if indicator.measure is Measure.MEAN else 1
    found = []
    for (segment, month), (x, n, squares) in sorted(sums.items()):
        share = indicator.measure is Measure.PROPORTION
        if n <= 0 or (share and not 0 <= x <= n) or is_silent(context, indicator, month):
            continue
        value = x / scale
        found.append(MonthLevel(segment, f"{month:%Y-%m}", value / n, value, n, squares / scale**2))
    return found


def is_silent(context: ServiceContext, indicator: Indicator, month: date) -> bool:
    """Whether a source that feeds a rate sent nothing then: no events look best."""
    if indicator.measure is not Measure.RATE:
        return False
    return any(
        silence.reaches(month)
        for silence in context.silences
        if not silence.types or set(silence.types) & set(indicator.events)
    )


async def looks_of(
    session: AsyncSession,
    conclusion: Conclusion,
    strand: Strand,
    part: str,
    as_of: date,
    known_at: datetime | None,
) -> list[tuple[str, bool, Any]]:
    """One part of the strand's newest conclusion of each month, of this programme's version."""
    first = add_months(as_of, 1 - MONTHS)
    asked = [conclusion.ids, first, as_of, strand.value, part]
    connection = await driver(session)
    if known_at is None:
        rows = await connection.fetch(LOOKS_NOW, *asked)
    else:
        rows = await connection.fetch(LOOKS_THEN, *asked, known_at)
    decode = msgspec.json.decode
    programme = decode(conclusion.judged.programme)
    return [
        (f"{row['as_of']:%Y-%m}", row["provisional"], decode(row["part"]))
        for row in rows
        if decode(row["programme"]) == programme
    ]


def gaps_of(looks: list[tuple[str, bool, Any]]) -> tuple[Look, ...]:
    return tuple(Look(as_of, gap, provisional) for as_of, provisional, gap in looks)


def levels_known(looks: list[tuple[str, bool, Any]], indicator: Indicator) -> list[MonthLevel]:
    """Levels of each conclusion's current window."""
    return [
        MonthLevel(segment["code"], as_of, gap["level"], None, gap["n_current"], None)
        for as_of, _, segments in looks
        for segment in segments
        for gap in segment["gaps"]
        if gap["indicator"] == indicator.code and gap["level"] is not None
    ]


async def checks_of(
    session: AsyncSession,
    conclusion: Conclusion,
    context: ServiceContext,
    window: tuple[date, date],
    known: str | None,
) -> tuple[ChecksOn, ...]:
    """Checks of the current window by weekday and band; `known`: of events visible in it."""
    connection = await driver(session)
    if known is None:
        rows = await connection.fetch(
            WEEKDAYS, conclusion.service, *window, TallyKind.CHECK_DAY.value
        )
        return tuple(ChecksOn(int(row["word"]), row["band"], row["events"]) for row in rows)
    found: dict[tuple[int, str], int] = {}
    for month in months_between(*window):
        for family in CHECKED:
            sliced = await read_slice(connection, context, month, family, known)
            for (kind, word, _, _, band), events in sliced.tallies.items():
                if kind == TallyKind.CHECK_DAY:
                    found[int(word), band] = found.get((int(word), band), 0) + events
    return tuple(ChecksOn(*key, events) for key, events in sorted(found.items()))
