"""What is measured inside against what people say outside, each area with both intervals."""

from typing import Any

from api.charting.appearance import ALIGNMENT, INK, LINE, QUIET_INK, WIDTH, Mark, marked
from api.charting.figures import Figures
from api.charting.label_places import labelled
from api.charting.sheet import Spec, nothing, sheet, single, values
from api.charting.words import trimmed
from models.vocabulary import AlignmentState

HEIGHT, MOST_LABELLED = 460, 14
#: Named even among many.
UNEASY = {
    ALIGNMENT[each].word for each in (AlignmentState.DIVERGING, AlignmentState.INTERNAL_AHEAD)
}
CORNERS = (
    ("left", "top", "felt, not measured"),
    ("right", "top", "measured and felt"),
    ("left", "bottom", "neither"),
    ("right", "bottom", "measured, not felt"),
)
WHOLE = Mark("whole service", INK, "square")


def inside_outside(figures: Figures) -> Spec:
    rows = points(figures)
    drawn = [row for row in rows if row["inside"] is not None and row["outside"] is not None]
    if not drawn:
        title = "What people say cannot be held against what is measured yet"
        return nothing(figures, title, "No area has evidence of both before and now.")
    missing = len(rows) - len(drawn)
    says = (
        "Change since baseline in smallest changes that matter, inside across and outside up; right"
        " and up is better. Crosses: 95% intervals. Dashed: outside half as fast as inside."
        f"{f' Not shown, without evidence on one side: {missing}.' if missing else ''}"
    )
    across, up = (_reach(drawn, *ends) for ends in (("x1", "x2"), ("y1", "y2")))
    x = {
        "field": "inside",
        "type": "quantitative",
        "title": "inside: audits, observations, knowledge, trends",
        "scale": {"domain": across, "nice": False},
    }
    y = {
        "field": "outside",
        "type": "quantitative",
        "title": "outside: people, families, partners",
        "scale": {"domain": up, "nice": False},
    }
    grid = {"axis": {"grid": False, "tickCount": 7}}
    x, y = {**x, **grid}, {**y, **grid}
    few = len(drawn) <= MOST_LABELLED
    named = [row for row in drawn if few or row["state"] in UNEASY]
    edge = min(across[1], 2 * up[1])
    rule = {"type": "rule", "color": LINE}
    marks = marked("state", (*ALIGNMENT.values(), WHOLE), drawn, "State")
    layers: list[Spec] = [
        {"data": values([{"at": 0}]), "mark": rule, "encoding": {"x": {**x, "field": "at"}}},
        {"data": values([{"at": 0}]), "mark": rule, "encoding": {"y": {**y, "field": "at"}}},
        {
            "data": values([{"inside": 0, "outside": 0}, {"inside": edge, "outside": edge / 2}]),
            "mark": {"type": "line", "color": QUIET_INK, "strokeDash": [5, 4], "strokeWidth": 1},
            "encoding": {"x": x, "y": y},
        },
        *_corners(),
        {
            "data": values(drawn),
            "mark": {"type": "rule", "color": QUIET_INK, "strokeWidth": 1.3},
            "encoding": {"x": {**x, "field": "x1"}, "x2": {"field": "x2"}, "y": y},
        },
        {
            "data": values(drawn),
            "mark": {"type": "rule", "color": QUIET_INK, "strokeWidth": 1.3},
            "encoding": {"x": x, "y": {**y, "field": "y1"}, "y2": {"field": "y2"}},
        },
        {
            "data": values(drawn),
            "mark": {"type": "point", "opacity": 1, "size": 130},
            "encoding": {
                "x": x,
                "y": y,
                **marks,
                "tooltip": [
                    {"field": each, "type": "nominal"}
                    for each in ("name", "state", "inside", "x1", "x2", "outside", "y1", "y2")
                ],
            },
        },
        *labelled(named, x, y, across, up, (WIDTH - 60, HEIGHT)),
    ]
    return sheet(figures, _finding(figures), says, single(layers, HEIGHT))


def _reach(rows: list[dict[str, Any]], low: str, high: str) -> list[float]:
    """From where to where an axis goes: past every interval, and past 0 on both sides."""
    ends = [row[end] for row in rows for end in (low, high) if row[end] is not None]
    return [min(-1.0, *ends) - 0.3, max(1.0, *ends) + 0.3]


def points(figures: Figures) -> list[dict[str, Any]]:
    """Each area, and the whole service where all areas are shown; null where a side is unknown."""
    rows = [
        {**_sides(each), "name": each["name"], "state": ALIGNMENT[each["state"]].word}
        for each in figures.segments
        if each.get("internal") is not None
    ]
    whole = figures.content.get("whole_service")
    if whole is not None and figures.segment is None and len(rows) > 1:
        rows.append({**_sides(whole), "name": "Whole service", "state": WHOLE.word})
    return [{**row, "label": trimmed(row["name"], 22)} for row in rows]


def _sides(of: dict[str, Any]) -> dict[str, Any]:
    inside, outside = of["internal"], of["external"]
    return {
        "inside": inside["estimate"], "x1": inside["lower"], "x2": inside["upper"],
        "outside": outside["estimate"], "y1": outside["lower"], "y2": outside["upper"],
    }  # fmt: skip


def _corners() -> list[Spec]:
    return [
        {
            "data": values([{"word": word}]),
            "mark": {
                "type": "text", "align": side, "baseline": end, "color": QUIET_INK,
                "fontStyle": "italic", "dx": 6 if side == "left" else -6,
                "dy": 6 if end == "top" else -6,
            },
            "encoding": {
                "x": {"value": 0 if side == "left" else "width"},
                "y": {"value": 0 if end == "top" else "height"},
                "text": {"field": "word", "type": "nominal"},
            },
        }
        for side, end, word in CORNERS
    ]  # fmt: skip


def _finding(figures: Figures) -> str:
    """How many areas are in the state that matters most, worst news first."""
    states = [each["state"] for each in figures.content["segments"] if "state" in each]
    n = len(states)
    areas = "service area" if n == 1 else "service areas"
    said = {
        AlignmentState.DIVERGING: "inside and outside go opposite ways",
        AlignmentState.INTERNAL_AHEAD: "inside improved and outside is not shown to keep pace",
        AlignmentState.BOTH_FLAT: "neither inside nor outside changed by what matters",
        AlignmentState.EXTERNAL_AHEAD: "outside improved and inside is not shown to",
        AlignmentState.ALIGNED: "inside and outside both improved",
    }
    for state, words in said.items():
        if count := states.count(state):
            unsure = states.count(AlignmentState.UNDETERMINED)
            rest = f"; in {unsure} it cannot be told" if unsure else ""
            return f"In {count} of {n} {areas} {words}{rest}"
    return f"How inside and outside compare cannot be told in any of {n} {areas}"
