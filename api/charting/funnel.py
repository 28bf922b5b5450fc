"""Segments by how much evidence they have: which lie further apart than chance explains."""

from typing import Any, NamedTuple

from api.charting.appearance import BLUE, LINE, PAPER, QUIET_INK, VERMILLION, WIDTH, Mark, marked
from api.charting.figures import Figures
from api.charting.intervals import LEAST_UNITS, between_segments, funnel_limits
from api.charting.label_places import labelled
from api.charting.sheet import Spec, nothing, sheet, single, values
from api.charting.words import (
    ONE_AND_MANY,
    better_words,
    level_words,
    listed,
    spoken,
    trimmed,
    unit_words,
    verb,
    window_words,
)
from models.catalogue import Indicator
from models.vocabulary import Better, Measure

HEIGHT, POINTS_OF_A_CURVE, MOST_LABELLED = 380, 60, 14
BEYOND_BETTER, BEYOND_WORSE, WITHIN = "better, beyond 99.8%", "worse, beyond 99.8%", "within"

BEYOND = (
    Mark(BEYOND_BETTER, BLUE, "triangle-up"),
    Mark(WITHIN, PAPER, "circle"),
    Mark(BEYOND_WORSE, VERMILLION, "triangle-down"),
)


class Funnel(NamedTuple):
    """Segments with evidence, their common level, and limits where there are any."""

    points: list[dict[str, Any]]
    curves: list[dict[str, Any]]
    centre: float
    widened: bool


def funnel(figures: Figures) -> Spec:
    indicator = figures.indicator
    one, many = ONE_AND_MANY[figures.strand]
    if indicator is None:
        return nothing(figures, "No indicator has evidence yet", "There is nothing to draw.")
    drawn = funnel_of(figures, indicator)
    if drawn is None:
        why = f"No {one} has evidence of '{indicator.name}' in the current window."
        return nothing(figures, f"{indicator.name}: no evidence now", why)
    n = len(figures.content["segments"])
    without = n - len(drawn.points)
    unseen = f"; not shown: {without}" if without else ""
    says = (
        f"{indicator.name}, {unit_words(indicator, figures.exposure)}, in"
        f" {window_words(figures.windows['current'])}, by amount of evidence;"
        f" {better_words(indicator)}. {len(drawn.points)} of {n} {many} have evidence"
        f"{unseen}. {_limits(indicator, widened=drawn.widened)}"
    )
    body = single(_layers(figures, indicator, drawn), HEIGHT)
    return sheet(figures, _finding(figures, indicator, drawn), says, body)


def funnel_of(figures: Figures, indicator: Indicator) -> Funnel | None:
    """From levels and amounts of the view; None where no segment has any."""
    seen = [
        (each, gap)
        for each in figures.content["segments"]
        if (gap := figures.gap_of(each)) is not None and gap["level"] is not None
        if gap["n_current"]
    ]
    if not seen:
        return None
    levels, sizes = [gap["level"] for _, gap in seen], [gap["n_current"] for _, gap in seen]
    centre = sum(a * b for a, b in zip(levels, sizes, strict=True)) / sum(sizes)
    apart = between_segments(indicator, levels, sizes, centre)
    limits = funnel_limits(indicator, centre, sizes, apart)
    points = [
        {
            "name": each["name"],
            "label": trimmed(each["name"], 20),
            "level": gap["level"],
            "said": level_words(indicator, gap["level"]),
            "n": gap["n_current"],
            "beyond": _beyond(indicator, gap["level"], limits[place] if limits else None),
        }
        for place, (each, gap) in enumerate(seen)
    ]
    low, high = min(sizes) * 0.7, max(sizes) * 1.1
    steps = [low * (high / low) ** (at / POINTS_OF_A_CURVE) for at in range(POINTS_OF_A_CURVE + 1)]
    curves = [
        {"n": size, "lower": low95, "upper": high95, "lowest": low998, "highest": high998}
        for size, (low95, high95, low998, high998) in zip(
            steps, funnel_limits(indicator, centre, steps, apart) or (), strict=False
        )
    ]
    return Funnel(points, curves, centre, apart > 0)


def _beyond(
    indicator: Indicator, level: float, limits: tuple[float, float, float, float] | None
) -> str:
    if limits is None or limits[2] <= level <= limits[3]:
        return WITHIN
    higher = level > limits[3]
    return BEYOND_BETTER if higher == (indicator.better is Better.HIGHER) else BEYOND_WORSE


def _finding(figures: Figures, indicator: Indicator, drawn: Funnel) -> str:
    _, many = ONE_AND_MANY[figures.strand]
    n = len(drawn.points)
    if not drawn.curves:
        return f"{indicator.name}: levels of {n} {many}; how far chance reaches is not shown"
    worse, better = (
        [spoken(figures.strand, each["name"]) for each in drawn.points if each["beyond"] == word]
        for word in (BEYOND_WORSE, BEYOND_BETTER)
    )
    if not worse and not better:
        reach = "the limits" if drawn.widened else "what chance alone explains"
        return f"{indicator.name}: none of {n} {many} lies beyond {reach}"
    said = [
        f"{listed(names)} {verb(len(names), 'is', 'are')} {word}"
        for names, word in ((worse, "worse"), (better, "better"))
        if names
    ]
    reach = "beyond the limits" if drawn.widened else "beyond chance alone"
    than = f"than all {n} {many} together"
    return f"{indicator.name}: {reach} {' and '.join(said)} {than}"


def _limits(indicator: Indicator, *, widened: bool) -> str:
    if indicator.measure is Measure.MEAN:
        return "Limits of a mean are not shown: the spread of single answers is not in the view."
    if widened:
        return "Limits 95% (dashed) and 99.8%, widened by the variance between segments."
    return (
        f"Limits 95% (dashed) and 99.8% by chance alone: of fewer than {LEAST_UNITS} segments, or"
        " of alike ones, no further variance can be told. They are for looking at, and decide"
        " nothing."
    )


def _layers(figures: Figures, indicator: Indicator, drawn: Funnel) -> list[Spec]:
    share = indicator.measure is Measure.PROPORTION
    amount = {
        Measure.PROPORTION: "n in the current window",
        Measure.RATE: f"{indicator.per:,} {figures.exposure} in the current window",
        Measure.MEAN: "answers in the current window",
    }[indicator.measure]
    x = {
        "field": "n",
        "type": "quantitative",
        "title": amount,
        "scale": {"zero": False, "nice": False, "padding": 24},
        "axis": {"grid": False, "tickCount": 6},
    }
    y = {
        "field": "level",
        "type": "quantitative",
        "title": unit_words(indicator, figures.exposure),
        "scale": {"zero": False},
        "axis": {"tickCount": 6, **({"format": ".2~%"} if share else {})},
    }
    layers: list[Spec] = []
    for low, high, dash in (("lower", "upper", [5, 3]), ("lowest", "highest", [1, 0])):
        layers += [
            {
                "data": values(drawn.curves),
                "mark": {"type": "line", "color": QUIET_INK, "strokeWidth": 1, "strokeDash": dash},
                "encoding": {"x": x, "y": {**y, "field": end}},
            }
            for end in (low, high)
            if drawn.curves
        ]
    layers.append(
        {
            "data": values([{"level": drawn.centre}]),
            "mark": {"type": "rule", "color": LINE, "strokeWidth": 1.5},
            "encoding": {"y": y},
        }
    )
    place = {"x": x, "y": y}
    layers.append(
        {
            "data": values(drawn.points),
            "mark": {"type": "point", "size": 90, "opacity": 1},
            "encoding": {
                **place,
                **marked("beyond", BEYOND, drawn.points),
                "tooltip": [
                    {"field": each, "type": "nominal"} for each in ("name", "said", "n", "beyond")
                ],
            },
        }
    )
    few = len(drawn.points) <= MOST_LABELLED
    named = [each for each in drawn.points if few or each["beyond"] != WITHIN]
    across, up = extent(drawn, "n"), extent(drawn, "level")
    return [*layers, *labelled(named, x, y, across, up, (WIDTH - 80, HEIGHT))]


def extent(drawn: Funnel, field: str) -> tuple[float, float]:
    """About from where to where an axis goes."""
    ends = [each[field] for each in drawn.points]
    for curve in drawn.curves:
        ends += [curve["n"]] if field == "n" else [curve["lowest"], curve["highest"]]
    low, high = min(ends), max(ends)
    return low, high if high > low else low + 1.0
