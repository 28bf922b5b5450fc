"""One indicator month by month, a panel for each segment, with intervals and control limits."""

from collections.abc import Iterator
from typing import Any

from api.charting.appearance import (
    BLUE,
    INK,
    LINE,
    PAPER,
    QUIET_INK,
    SHADE,
    VERMILLION,
    Mark,
    marked,
)
from api.charting.figures import Figures, MonthLevel, months_back
from api.charting.intervals import interval
from api.charting.months_drawn import along, ends, middle, spanning, starts, ticks
from api.charting.sheet import Spec, nothing, sheet
from api.charting.words import (
    ONE_AND_MANY,
    better_words,
    labels,
    level_words,
    month_words,
    unit_words,
)
from models.vocabulary import Better, Measure

MONTHS = 24
PANEL_HEIGHT = 92
#: By columns, so that all of them together are as wide as the other charts.
PANEL_WIDTHS = {1: 640, 2: 308, 3: 196}
IMPROVING, CONCERNING, PLAIN = "improvement flagged", "concern flagged", "nothing flagged"


def team_trajectories(figures: Figures) -> Spec:
    indicator = figures.indicator
    one, _ = ONE_AND_MANY[figures.strand]
    if indicator is None:
        return nothing(figures, "No indicator has evidence yet", "There is nothing to draw.")
    segments = figures.segments
    title, months = _finding(figures), months_back(figures.as_of, MONTHS)
    codes = {each["code"] for each in segments}
    levels = [each for each in figures.months if each.segment in codes and each.month >= months[0]]
    if not levels:
        why = f"No {one} has evidence of '{indicator.name}' in these months."
        return nothing(figures, f"{indicator.name}: no evidence", why)
    panel = dict(
        zip([e["code"] for e in segments], labels([e["name"] for e in segments]), strict=True)
    )
    rows = [row for each in segments for row in _panel(figures, each, levels, months)]
    for row in rows:
        row["panel"] = panel[row["panel"]]
    window = "the window ending with the month" if figures.months_of_windows else "the month"
    spread = (
        "No interval is kept of these."
        if figures.months_of_windows
        else "Bars: 95% interval of the month, events taken as independent."
    )
    says = (
        f"{indicator.name}, {unit_words(indicator, figures.exposure)}, level of {window};"
        f" {better_words(indicator)}."
        f"{_amounts(levels)} {spread} Dotted: control limits of the frozen chart, drawn where it"
        f" has flagged anything{'' if indicator.standard is None else '; dashed: standard'}."
        " Shaded: baseline and current window."
        f" {_source(figures)}"
    )
    columns = {1: 1, 2: 2, 4: 2}.get(len(panel), 3)
    body = {
        "data": {"values": rows},
        "facet": {
            "field": "panel",
            "type": "nominal",
            "sort": list(panel.values()),
            "title": None,
            "header": {"labelAnchor": "start", "labelPadding": 3},
        },
        "columns": columns,
        "resolve": {"axis": {"x": "independent"}},
        "spacing": {"row": 18, "column": 24},
        "spec": {
            "width": PANEL_WIDTHS[columns],
            "height": PANEL_HEIGHT,
            "layer": list(_layers(figures, months)),
        },
    }
    return sheet(figures, title, says, body)


def _finding(figures: Figures) -> str:
    """What the frozen control charts say of the newest month, and of how many segments."""
    assert figures.indicator is not None
    _, many = ONE_AND_MANY[figures.strand]
    found = {"improvement": 0, "concern": 0}
    segments = figures.content["segments"]
    for each in segments:
        held = _held(figures, each, figures.as_of)
        for direction in found:
            found[direction] += direction in held
    n = len(segments)
    said = f"control charts show improvement in {found['improvement']} of {n} {many}"
    if found["concern"]:
        said += f" and concern in {found['concern']}"
    if not any(found.values()):
        said = f"control charts flag nothing in any of {n} {many}"
    return f"{figures.indicator.name}: in {month_words(figures.as_of)} {said}"


def _held(figures: Figures, segment: dict[str, Any], month: str) -> set[str]:
    """Directions that the rules of its chart flag in a month."""
    chart = figures.chart_of(segment)
    return {
        rule["direction"]
        for rule in (chart["flagged"] if chart else ())
        if rule["from"] <= month <= rule["to"]
    }


def _amounts(levels: list[MonthLevel]) -> str:
    """From how little to how much evidence a level is."""
    sizes = [each.n for each in levels if each.n is not None]
    return f" n from {min(sizes):,.0f} to {max(sizes):,.0f}." if sizes else ""


def _source(figures: Figures) -> str:
    if figures.months_of_windows:
        return "Levels are those of frozen conclusions known then, one for each month concluded."
    return "Months are counted from the evidence as it is now."


def _panel(
    figures: Figures, segment: dict[str, Any], levels: list[MonthLevel], months: list[str]
) -> Iterator[dict[str, Any]]:
    indicator, code = figures.indicator, segment["code"]
    assert indicator is not None
    for word in ("baseline", "current"):
        window = figures.windows[word]
        if window is not None and window["to"] >= months[0]:
            first = starts(max(window["from"], months[0]))
            yield {"panel": code, "kind": "window", "start": first, "end": ends(window["to"])}
    if indicator.standard is not None:
        yield {"panel": code, "kind": "standard", "level": indicator.standard}
    if (chart := figures.chart_of(segment)) is not None:
        for end in ("centre", "lower", "upper"):
            if chart[end] is not None:
                yield {"panel": code, "kind": "limit", "level": chart[end], "limit": end}
    for each in levels:
        if each.segment == code:
            yield _point(figures, segment, each)


def _point(figures: Figures, segment: dict[str, Any], of: MonthLevel) -> dict[str, Any]:
    indicator = figures.indicator
    assert indicator is not None
    around = None
    if of.x is not None and of.n is not None:
        around = interval(indicator, of.x, of.n, of.squares or 0.0)
    held = _held(figures, segment, of.month)
    flag = CONCERNING if "concern" in held else IMPROVING if "improvement" in held else PLAIN
    return {
        "panel": segment["code"],
        "kind": "level",
        "name": segment["name"],
        "month": of.month,
        "at": middle(of.month),
        "level": of.level,
        "said": level_words(indicator, of.level),
        "x": of.x,
        "n": of.n,
        "lower": around and around[0],
        "upper": around and around[1],
        "flag": flag,
    }


def _layers(figures: Figures, months: list[str]) -> Iterator[Spec]:
    indicator = figures.indicator
    assert indicator is not None
    share = indicator.measure is Measure.PROPORTION
    y: dict[str, Any] = {
        "field": "level",
        "type": "quantitative",
        "title": None,
        "scale": {"zero": False, "nice": True},
        "axis": {"tickCount": 4, **({"format": "%"} if share else {})},
    }
    x = along("at", months)
    x["axis"] |= {"values": ticks(months, 6)}

    def of(kind: str, mark: dict[str, Any], encoding: dict[str, Any]) -> Spec:
        where = [{"filter": f"datum.kind == '{kind}'"}]
        return {"transform": where, "mark": mark, "encoding": encoding}

    yield of(
        "window",
        {"type": "rect", "color": SHADE, "opacity": 0.7},
        spanning("start", "end"),
    )
    rule = {"type": "rule", "color": QUIET_INK}
    yield of("standard", {**rule, "strokeDash": [6, 3]}, {"y": y})
    yield of("limit", {**rule, "strokeDash": [1, 2]}, {"y": y})
    if not figures.months_of_windows:
        bar = {"type": "rule", "color": LINE, "strokeWidth": 1.5}
        yield of("level", bar, {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}})
    yield of("level", {"type": "line", "color": INK, "strokeWidth": 1}, {"x": x, "y": y})
    better_up = indicator.better is Better.HIGHER
    up, down = ("triangle-up", "triangle-down") if better_up else ("triangle-down", "triangle-up")
    marks = [
        Mark(IMPROVING, BLUE, up),
        Mark(CONCERNING, VERMILLION, down),
        Mark(PLAIN, PAPER, "circle"),
    ]
    yield of(
        "level",
        {"type": "point", "size": 36, "strokeWidth": 0.8, "opacity": 1},
        {
            "x": x,
            "y": y,
            **marked("flag", marks, [{"flag": mark.word} for mark in marks]),
            "tooltip": [
                {"field": each, "type": "nominal"} for each in ("name", "month", "said", "x", "n")
            ],
        },
    )
