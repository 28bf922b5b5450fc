"""Segment by month: in how many indicators the control charts show improvement, or concern."""

from typing import Any

from api.charting.appearance import BETTER, INK, LINE, PAPER, QUIET_INK, STATUS, WORSE, ink_on
from api.charting.figures import Figures, months_back
from api.charting.sheet import Spec, nothing, sheet, single, values
from api.charting.words import ONE_AND_MANY, headline, labels, month_words
from models.vocabulary import SegmentStatus

MONTHS = 24
ROW = 34
#: Least net number of indicators of a step, and what the legend calls it.
STEPS = ((1, "1"), (2, "2 to 3"), (4, "4 to 6"), (7, "7 to 9"), (10, "10 or more"))
NEITHER, MINUS = "neither", "−"


def spread_heat_map(figures: Figures) -> Spec:
    """A cell is one segment and month; its number, indicators better and worse on their charts."""
    title = headline(figures.strand, figures.content)
    segments = figures.segments
    if not segments:
        return nothing(figures, title, "There is nothing to compare yet.")
    months = months_back(figures.as_of, MONTHS)
    names = [each["name"] for each in segments]
    rows = [
        f"{label}, {STATUS[SegmentStatus(each['status'])].word}"
        for label, each in zip(labels(names), segments, strict=True)
    ]
    cells = [
        _cell(figures, each, row, month)
        for each, row in zip(segments, rows, strict=True)
        for month in months
    ]
    one, _ = ONE_AND_MANY[figures.strand]
    of = "indicators" if figures.indicator is None else f"'{figures.indicator.name}'"
    told = max(len(each["gaps"]) for each in segments)
    says = (
        f"{one.capitalize()} by month: + {of} whose control chart shows improvement,"
        f" {MINUS} concern, of {told} with evidence now. Limits are fixed on the year before the"
        " start. An empty cell: nothing flagged, or too little to chart. A frame: first month of an"
        " improvement still in force."
    )
    in_order = {"domain": [month_words(month) for month in months]}
    scale: dict[str, list[str]] = {
        "domain": [
            *(f"+{word}" for _, word in STEPS[::-1]),
            NEITHER,
            *(f"{MINUS}{word}" for _, word in STEPS),
        ],
        "range": [*BETTER[::-1], PAPER, *WORSE],
    }
    used = {cell["step"] for cell in cells}
    shown = [word for word in scale["domain"] if word in used]
    place: Spec = {
        "x": {
            "field": "month",
            "type": "ordinal",
            "title": None,
            "axis": _MONTHS,
            "scale": in_order,
        },
        "y": {"field": "row", "type": "nominal", "sort": None, "title": None},
    }
    windows = _windows(figures, months)
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "stroke": LINE, "strokeWidth": 0.5},
            "encoding": {
                **place,
                "fill": {
                    "field": "step",
                    "type": "nominal",
                    "scale": scale,
                    "legend": {"title": "Indicators, net", "columns": 11, "values": shown},
                },
                "tooltip": _told("name", "month", "better", "worse", "of"),
            },
        },
        *(
            {
                "transform": [{"filter": "datum.started"}],
                "mark": {"type": "rect", "filled": False, "stroke": ink, "strokeWidth": wide},
                "encoding": place,
            }
            # White within black is seen on any fill.
            for ink, wide in ((INK, 4.5), (PAPER, 1.5))
        ),
        *(_said(place, count, lift) for count, lift in ((1, 0), (2, -5))),
    ]
    body = single([*layers, *windows], ROW * len(segments))
    return sheet(figures, title, says, {"data": values(cells), **body})


_MONTHS = {"labelAngle": -90, "labelLimit": 80, "ticks": False, "domain": False}


def _said(place: Spec, count: int, lift: int) -> Spec:
    """The text of cells that say one thing, or two."""
    return {
        "transform": [{"filter": f"datum.lines == {count}"}],
        "mark": {"type": "text", "lineBreak": "\n", "fontSize": 9, "dy": lift},
        "encoding": {
            **place,
            "text": {"field": "said", "type": "nominal"},
            "color": {"field": "ink", "type": "nominal", "scale": None},
        },
    }


def _cell(figures: Figures, segment: dict[str, Any], row: str, month: str) -> dict[str, Any]:
    better, worse = flagged(figures, segment, month)
    net = better - worse
    sign, ramp = ("+", BETTER) if net > 0 else (MINUS, WORSE)
    reached = [place for place, (least, _) in enumerate(STEPS) if abs(net) >= least]
    fill = ramp[reached[-1]] if reached else PAPER
    said = [f"+{better}"] * (better > 0) + [f"{MINUS}{worse}"] * (worse > 0)
    return {
        "row": row,
        "name": segment["name"],
        "month": month_words(month),
        "better": better,
        "worse": worse,
        "of": len(segment["gaps"]),
        "step": f"{sign}{STEPS[reached[-1]][1]}" if reached else NEITHER,
        "said": "\n".join(said),
        "lines": len(said),
        "ink": ink_on(fill),
        "started": segment["started"] == month,
    }


def flagged(figures: Figures, segment: dict[str, Any], month: str) -> tuple[int, int]:
    """Indicators whose chart shows improvement, and concern, in a month; one may show both."""
    better = worse = 0
    for chart in segment["charts"]:
        if figures.indicator is not None and chart["indicator"] != figures.indicator.code:
            continue
        held = {
            rule["direction"] for rule in chart["flagged"] if rule["from"] <= month <= rule["to"]
        }
        better += "improvement" in held
        worse += "concern" in held
    return better, worse


def _told(*fields: str) -> list[dict[str, str]]:
    return [{"field": field, "type": "nominal"} for field in fields]


def _windows(figures: Figures, months: list[str]) -> list[Spec]:
    """Baseline and current window as brackets over the months."""
    drawn: list[Spec] = []
    for word in ("baseline", "current"):
        window = figures.windows[word]
        if window is None or window["to"] < months[0]:
            continue
        ends = {
            "from": month_words(max(window["from"], months[0])),
            "to": month_words(window["to"]),
            "word": word,
        }
        at = {"field": "from", "type": "ordinal", "bandPosition": 0}
        drawn += [
            {
                "data": values([ends]),
                "mark": {"type": "rule", "strokeWidth": 2, "color": QUIET_INK},
                "encoding": {
                    "x": at,
                    "x2": {"field": "to", "bandPosition": 1},
                    "y": {"value": -4},
                },
            },
            {
                "data": values([ends]),
                "mark": {"type": "text", "align": "left", "baseline": "bottom", "fontSize": 10},
                "encoding": {
                    "x": at,
                    "y": {"value": -6},
                    "text": {"field": "word", "type": "nominal"},
                },
            },
        ]
    return drawn
