"""How much further apart segments lie than at baseline, look by look."""

from typing import Any

from api.charting.appearance import BLUE, INK, LINE, PAPER, QUIET_INK, Mark, marked
from api.charting.figures import Figures, months_back
from api.charting.months_drawn import along, middle, shaded
from api.charting.sheet import Spec, nothing, sheet, single, values
from api.charting.words import ONE_AND_MANY, amount, month_words, trimmed
from models.vocabulary import GapState

MONTHS, HEIGHT = 24, 260
NOW, A_LOOK, SEEN = "now", "an earlier look", "an earlier look, no interval kept"
#: Its frozen history has the same figure, the change of the gap since baseline, at each look.
TRIGGER = "persistent_variation"


def gap_over_time(figures: Figures) -> Spec:
    gap = figures.content["gap"]
    _, many = ONE_AND_MANY[figures.strand]
    if not gap or gap["change"]["estimate"] is None:
        title = f"How far {many} lie apart cannot be told"
        return nothing(figures, title, "Fewer than two segments can be compared yet.")
    months = months_back(figures.as_of, MONTHS)
    rows = points(figures, months)
    n = len(figures.content["segments"])
    says = (
        f"Change since baseline of the standard deviation between {n} {many}, in smallest changes"
        " that matter; below 0 they have come closer. Bars: 95% interval."
        f" {_now_and_then(gap)} {_ends(figures)}"
    )
    x = along("at", months)
    y = {
        "field": "estimate",
        "type": "quantitative",
        "title": "further apart than at baseline, by",
        "scale": {"nice": True},
        "axis": {"tickCount": 5},
    }
    layers: list[Spec] = [
        *shaded(figures, months),
        {
            "data": values([{"estimate": 0}]),
            "mark": {"type": "rule", "color": QUIET_INK, "strokeDash": [5, 3]},
            "encoding": {"y": y},
        },
        {
            "data": values(rows),
            "mark": {"type": "line", "color": LINE, "strokeWidth": 1},
            "encoding": {"x": x, "y": y},
        },
        {
            "data": values([row for row in rows if row["lower"] is not None]),
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
            "encoding": {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
        },
        {
            "data": values(rows),
            "mark": {"type": "point", "opacity": 1},
            "encoding": {
                "x": x,
                "y": y,
                "size": {
                    "field": "size",
                    "type": "quantitative",
                    "scale": None,
                    "legend": None,
                },
                **marked("kind", LOOKS, rows),
                "tooltip": [
                    {"field": each, "type": "nominal"}
                    for each in ("kind", "month", "estimate", "lower", "upper")
                ],
            },
        },
        {
            "data": values([row for row in rows if row["kind"] == NOW]),
            "mark": {
                "type": "text", "dx": -6, "dy": 5, "align": "right", "color": QUIET_INK
            },
            "encoding": {
                "x": x,
                "y": {**y, "field": "top"},
                "text": {"field": "said", "type": "nominal"},
            },
        },
    ]  # fmt: skip
    return sheet(figures, _finding(figures), says, single(layers, HEIGHT))


LOOKS = (
    Mark(SEEN, PAPER, "circle"),
    Mark(A_LOOK, PAPER, "diamond"),
    Mark(NOW, BLUE, "circle"),
)


def points(figures: Figures, months: list[str]) -> list[dict[str, Any]]:
    """The change at each look that is known, and now; one point a month."""
    found: dict[str, dict[str, Any]] = {}
    for trigger in figures.content["triggers"]:
        if trigger["code"] == TRIGGER:
            for seen in trigger["history"]:
                if seen["figure"] is not None and seen["as_of"] >= months[0]:
                    found[seen["as_of"]] = _point(SEEN, seen["as_of"], {"estimate": seen["figure"]})
    for look in figures.looks:
        change = look.gap.get("change") if look.gap else None
        if change and change["estimate"] is not None and months[0] <= look.as_of < figures.as_of:
            found[look.as_of] = _point(A_LOOK, look.as_of, change)
    found[figures.as_of] = _point(NOW, figures.as_of, figures.content["gap"]["change"])
    return [found[month] for month in sorted(found)]


def _point(kind: str, month: str, of: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": kind,
        "month": month,
        "at": middle(month),
        "estimate": of["estimate"],
        "lower": of.get("lower"),
        "upper": of.get("upper"),
        "top": of["estimate"] if of.get("upper") is None else of["upper"],
        "said": f"{kind} {amount(of['estimate'], signed=True)}",
        "size": 30 if kind == SEEN else 90,
    }


def _finding(figures: Figures) -> str:
    gap = figures.content["gap"]
    _, many = ONE_AND_MANY[figures.strand]
    now, before = (
        gap[part]["estimate"] for part in ("between_segments_now", "between_segments_at_baseline")
    )
    then = "" if before is None else f", {amount(before)} at baseline"
    figures_said = f"{amount(now)} smallest changes that matter now{then}"
    match GapState(gap["state"]):
        case GapState.NARROWING:
            return f"The gap between {many} is narrowing: {figures_said}"
        case GapState.LEVELLING_DOWN:
            return f"{many.capitalize()} come closer because the best fell: {figures_said}"
        case GapState.WIDENING:
            return f"The gap between {many} is widening: {figures_said}"
    return f"Whether the gap between {many} is closing cannot be told: {figures_said}"


def within(of: dict[str, Any]) -> str:
    """An estimate with its interval."""
    return f"{amount(of['estimate'])} ({amount(of['lower'])} to {amount(of['upper'])})"


def _now_and_then(gap: dict[str, Any]) -> str:
    """Both gaps with their intervals."""
    said = []
    for word, part in (("now", "between_segments_now"), ("then", "between_segments_at_baseline")):
        of = gap[part]
        if None not in of.values():
            said.append(f"{within(of)} {word}")
    return f"Standard deviation {', '.join(said)}." if said else ""


def _ends(figures: Figures) -> str:
    """The two ends by name, and how sure their distance is."""
    names = {each["code"]: each["name"] for each in figures.content["segments"]}
    best, weakest = figures.content["gap"]["best"], figures.content["gap"]["weakest"]
    if best is None or weakest is None:
        return ""
    behind = weakest["behind_the_best"]
    if behind["lower"] is None:
        return ""
    return (
        f"In {month_words(figures.as_of)} {trimmed(names[weakest['segment']])} is {within(behind)}"
        f" behind {trimmed(names[best['segment']])}."
    )
