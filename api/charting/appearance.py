"""How all charts look: colours for every eye and for grey print, one font, one width.

Colours are Okabe and Ito's and steps between them; what a colour says is also said by a shape, a
sign or a word.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from models.vocabulary import AlignmentState, Coverage, SegmentStatus

WIDTH = 720
#: The first is what the renderer brings; the others are cut to the same measures.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
PAPER, INK, QUIET_INK, LINE, SHADE = "#FFFFFF", "#1A1A1A", "#4D4D4D", "#8C8C8C", "#E6E6E6"
BLUE, SKY, ORANGE, VERMILLION, GREY = "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#999999"

#: From nothing to much: paper, sky and blue, then darker than the palette has it.
BETTER = ("#D6EBF8", "#A3D2F1", "#56B4E9", "#0072B2", "#004C77")
WORSE = ("#FBE8C5", "#F5CD7F", "#E69F00", "#B05000", "#7A3600")


class Mark(NamedTuple):
    """One kind of thing: how it is drawn and what it is called in the legend."""

    word: str
    fill: str
    shape: str


#: In the order of the legend; neighbours differ in grey.
STATUS = {
    SegmentStatus.REACHED: Mark("reached", BLUE, "circle"),
    SegmentStatus.MOVING: Mark("moving", SKY, "triangle-up"),
    SegmentStatus.NOT_SHOWN: Mark("not shown", PAPER, "circle"),
    SegmentStatus.MIXED: Mark("mixed", ORANGE, "diamond"),
    SegmentStatus.INSUFFICIENT: Mark("too little evidence", GREY, "cross"),
    SegmentStatus.WORSENED: Mark("worsened", VERMILLION, "triangle-down"),
    SegmentStatus.NOT_PROVIDED: Mark("no care given", PAPER, "stroke"),
}
ALIGNMENT = {
    AlignmentState.ALIGNED: Mark("aligned", BLUE, "circle"),
    AlignmentState.EXTERNAL_AHEAD: Mark("outside ahead", SKY, "triangle-up"),
    AlignmentState.BOTH_FLAT: Mark("both flat", PAPER, "circle"),
    AlignmentState.INTERNAL_AHEAD: Mark("inside ahead", ORANGE, "diamond"),
    AlignmentState.UNDETERMINED: Mark("undetermined", PAPER, "square"),
    AlignmentState.DIVERGING: Mark("diverging", VERMILLION, "triangle-down"),
}
COVERAGE = {
    Coverage.ADEQUATE: Mark("enough", BLUE, "circle"),
    Coverage.THIN: Mark("thin", ORANGE, "diamond"),
    Coverage.ABSENT: Mark("none", PAPER, "square"),
}

CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": PAPER,
    "padding": 12,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "bounds",
        "fontSize": 15,
        "fontWeight": "bold",
        "color": INK,
        "subtitleFontSize": 11,
        "subtitleColor": QUIET_INK,
        "subtitlePadding": 4,
        "lineHeight": 19,
        "subtitleLineHeight": 15,
        "offset": 14,
    },
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelLimit": 220,
        "domainColor": LINE,
        "tickColor": LINE,
        "gridColor": SHADE,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "orient": "bottom",
        "symbolStrokeColor": INK,
        "symbolStrokeWidth": 1,
        "labelLimit": 220,
    },
    "header": {"labelColor": INK, "labelFontSize": 12, "labelFontWeight": "bold", "title": None},
    "text": {"color": INK, "fontSize": 11},
    "point": {"strokeWidth": 1.2},
}


def luminance(colour: str) -> float:
    """Relative luminance of a colour (WCAG 2.1), 0 for black and 1 for white."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.1), from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def ink_on(fill: str) -> str:
    """The colour of text that is read best on a fill."""
    return max((INK, PAPER), key=lambda ink: contrast(ink, fill))


def marked(
    field: str, marks: Iterable[Mark], rows: list[dict[str, Any]], title: str | None = None
) -> dict[str, dict[str, Any]]:
    """Fill and shape of a field of words, with one legend of those that occur in the rows.

    The stroke is the same for all; as a scale of its own it is drawn in the legend too, where
    white would else be invisible.
    """
    words = {row[field] for row in rows}
    used = [mark for mark in marks if mark.word in words]
    ranges = {
        "fill": [mark.fill for mark in used],
        "shape": [mark.shape for mark in used],
        "stroke": [INK for _ in used],
    }
    return {
        channel: {
            "field": field,
            "type": "nominal",
            "scale": {"domain": [mark.word for mark in used], "range": values},
            "legend": {"title": title, "columns": 8},
        }
        for channel, values in ranges.items()
    }
