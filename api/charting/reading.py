"""From a question to the figures of a chart: what is asked is checked here, and read."""

from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from api.charting.catalogue import Chart
from api.charting.figures import Figures, MonthLevel, month_date
from api.charting.monthly import (
    UNIT_WORDS,
    cells_of,
    checks_of,
    exposure_unit,
    gaps_of,
    levels_known,
    levels_of,
    looks_of,
)
from api.reading.asked import Asked, refuse
from api.reading.conclusions import Conclusion, context_of
from api.reading.evidence import axis_asked, indicator_called
from models.catalogue import Indicator
from models.context import ServiceContext
from models.vocabulary import ExposureUnit, Strand


class Wanted(NamedTuple):
    """What of a chart is asked for, as it was written."""

    indicator: str | None = None
    strand: str | None = None
    segment: str | None = None


def strand_of(chart: Chart, wanted: Wanted) -> Strand:
    """The strand to draw. 422 for what the chart is not asked, or a strand it is not of."""
    for name, value in wanted._asdict().items():
        if value is not None and name not in chart.parameters:
            raise refuse(name, "not_taken", f"This chart is not asked for by {name}.")
    if wanted.strand is None:
        return chart.strands[0]
    if wanted.strand not in chart.strands:
        known = ", ".join(chart.strands)
        raise refuse("strand", "unknown_strand", f"This chart is drawn of: {known}.")
    return Strand(wanted.strand)


async def figures_of(
    session: AsyncSession, conclusion: Conclusion, chart: Chart, wanted: Wanted, question: Asked
) -> Figures:
    """Everything that the chart is drawn from, in one transaction."""
    strand = strand_of(chart, wanted)
    content: dict[str, Any] = msgspec.json.decode(conclusion.judged.strands[strand])
    context = await context_of(session, conclusion)
    if wanted.segment is not None and all(
        each["code"] != wanted.segment for each in content["segments"]
    ):
        raise refuse("segment", "unknown_segment", f"{strand} has no segment {wanted.segment!r}.")
    indicator = None
    if wanted.indicator is not None:
        indicator = indicator_called(context, wanted.indicator)
    elif chart.of_one:
        indicator = most_told(context, content)
    figures = Figures(
        service=conclusion.service,
        name=context.name,
        strand=strand,
        content=content,
        as_of=conclusion.judged.as_of,
        windows=msgspec.json.decode(conclusion.judged.windows),
        programme=msgspec.json.decode(conclusion.judged.programme),
        known_at=question.known_at,
        segment=wanted.segment,
        indicator=indicator,
    )
    return await _with_more(session, conclusion, chart, question, context, figures)


async def _with_more(
    session: AsyncSession,
    conclusion: Conclusion,
    chart: Chart,
    question: Asked,
    context: ServiceContext,
    figures: Figures,
) -> Figures:
    """With the months, looks and checks that the chart needs beside."""
    more: dict[str, Any] = {}
    as_of, known_at, strand = question.as_of, question.known_at, figures.strand
    if figures.indicator is not None:
        cells = await cells_of(session, conclusion.service, figures.indicator, as_of)
        unit: ExposureUnit = exposure_unit(cells)
        more["exposure"] = UNIT_WORDS[unit]
        if chart.months and known_at is None:
            axis = await axis_asked(session, conclusion, context, strand, None)
            more["months"] = tuple(levels_of(cells, context, axis, figures.indicator))
        elif chart.months:
            looks = await looks_of(session, conclusion, strand, "segments", as_of, known_at)
            levels: list[MonthLevel] = levels_known(looks, figures.indicator)
            more |= {"months": tuple(levels), "months_of_windows": True}
    if chart.looks:
        looks = await looks_of(session, conclusion, strand, "gap", as_of, known_at)
        more["looks"] = gaps_of(looks)
    if chart.checks and (window := _current(figures)) is not None:
        known = None if known_at is None else conclusion.known_snapshot
        more["checks"] = await checks_of(session, conclusion, context, window, known)
    return replace(figures, **more)


def _current(figures: Figures) -> tuple[date, date] | None:
    window = figures.windows["current"]
    return None if window is None else (month_date(window["from"]), month_date(window["to"]))


def most_told(context: ServiceContext, content: dict[str, Any]) -> Indicator | None:
    """The indicator that most segments have evidence of, the first of the catalogue among them."""
    told: dict[str, int] = {}
    for segment in content["segments"]:
        for gap in segment["gaps"]:
            told[gap["indicator"]] = told.get(gap["indicator"], 0) + 1
    known = [one for one in context.indicators if one.code in told]
    return max(known, key=lambda one: told[one.code], default=None)
