"""When improvement started in each segment, how sure that is, and how long it has held."""

from typing import Any

from api.charting.appearance import BLUE, INK, ORANGE, PAPER, QUIET_INK, SKY, STATUS, Mark, marked
from api.charting.figures import Figures, months_back
from api.charting.months_drawn import along, ends, middle, shaded, spanning, starts
from api.charting.sheet import Spec, nothing, sheet, single, values
from api.charting.words import ONE_AND_MANY, labels, listed, month_words, spoken

MONTHS, ROW, LIFT = 24, 38, -12
STARTED, CHANGED = "start on the control chart", "change point with 95% interval"
UNCLEAR, ALPHA = "change point, not beyond chance", 0.05
REASONS = {
    "no_signal": "no start: no improvement is flagged",
    "taken_back": "no start: an improvement was flagged and taken back",
    "fewer_than_12_months_before_the_start": "no start can be told: under 12 months before it",
}


def spread_timeline(figures: Figures) -> Spec:
    one, many = ONE_AND_MANY[figures.strand]
    segments = in_order(figures.segments)
    if not segments:
        return nothing(figures, f"No {one} to follow yet", "There is nothing to compare yet.")
    months = months_back(figures.as_of, MONTHS)
    says = (
        "Dot: first month of the first improvement run still in force on the control chart."
        " Diamond and line: where the level changes most by least squares, with its 95% interval."
        " Bar: latest months in a row better than at baseline or at standard. Order is by start;"
        " claimed by name are those marked reached."
    )
    rows: list[dict[str, Any]] = [
        {"row": f"{label}, {STATUS[each['status']].word}", "of": each}
        for label, each in zip(labels([e["name"] for e in segments]), segments, strict=True)
    ]
    order = [row["row"] for row in rows]
    y = {"field": "row", "type": "nominal", "sort": order, "title": None}
    held, changes, dots, reasons = _parts(rows, months)
    everywhere = values(
        [{"row": row["row"], "name": row["of"]["name"], "at": starts(months[0])} for row in rows]
    )
    x = along("at", months)
    layers: list[Spec] = [
        *shaded(figures, months),
        {
            "data": everywhere,
            "mark": {"type": "point", "opacity": 0},
            "encoding": {"y": y, "x": x, "tooltip": [{"field": "name", "type": "nominal"}]},
        },
        {
            "data": values(held),
            "mark": {"type": "bar", "height": 12, "color": SKY, "opacity": 0.7, "stroke": INK},
            "encoding": {
                "y": y,
                **spanning("start", "end"),
                "tooltip": [{"field": each, "type": "nominal"} for each in ("name", "held")],
            },
        },
        {
            "data": values(changes),
            "mark": {"type": "rule", "color": INK, "strokeWidth": 2, "yOffset": LIFT},
            "encoding": {
                "y": y,
                **spanning("start", "end"),
            },
        },
        *(
            {
                "data": values([dot for dot in dots if dot["kind"] == kind]),
                "mark": {
                    "type": "point",
                    "size": 110,
                    "opacity": 1,
                    "yOffset": lift,
                },
                "encoding": {
                    "y": y,
                    "x": x,
                    **marked("kind", KINDS, dots),
                    "tooltip": [
                        {"field": each, "type": "nominal"} for each in ("name", "kind", "month")
                    ],
                },
            }
            for kind, lift in ((STARTED, 0), (CHANGED, LIFT), (UNCLEAR, LIFT))
        ),
        {
            "data": values(reasons),
            "mark": {"type": "text", "align": "left", "dx": 4, "color": QUIET_INK, "dy": 10},
            "encoding": {"y": y, "x": x, "text": {"field": "why", "type": "nominal"}},
        },
    ]
    return sheet(figures, _finding(figures, many), says, single(layers, ROW * len(rows)))


KINDS = (
    Mark(STARTED, BLUE, "circle"),
    Mark(CHANGED, ORANGE, "diamond"),
    Mark(UNCLEAR, PAPER, "diamond"),
)


def in_order(segments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By start, then by change; those without a start last."""
    return sorted(segments, key=lambda each: (each["started"] or "9999-99", each["name"]))


def _parts(rows: list[dict[str, Any]], months: list[str]) -> tuple[list[dict[str, Any]], ...]:
    held, changes, dots, reasons = [], [], [], []
    for row in rows:
        of, place = row["of"], {"row": row["row"], "name": row["of"]["name"]}
        if of["held_months"]:
            first = months[-min(of["held_months"], len(months))]
            kept = {"start": starts(first), "end": ends(months[-1]), "held": of["held_months"]}
            held.append({**place, **kept})
        if of["started"] is not None and of["started"] >= months[0]:
            month = of["started"]
            dots.append({**place, "kind": STARTED, "month": month, "at": middle(month)})
        elif of["started"] is None:
            why = REASONS.get(of["started_reason"] or "", "no start can be told")
            reasons.append({**place, "at": starts(months[0]), "why": why})
        change = of["change_point"]
        if change is not None and change["to"] >= months[0] and change["month"] >= months[0]:
            first, last, at = change["from"], change["to"], change["month"]
            changes.append({**place, "start": middle(max(first, months[0])), "end": middle(last)})
            sure = change["p"] is not None and change["p"] < ALPHA
            dots.append(
                {**place, "kind": CHANGED if sure else UNCLEAR, "month": at, "at": middle(at)}
            )
    return held, changes, dots, reasons


def _finding(figures: Figures, many: str) -> str:
    segments = figures.content["segments"]
    began = sorted(each["started"] for each in segments if each["started"] is not None)
    n = len(segments)
    if not began:
        return f"When improvement started cannot be told for any of {n} {many}"
    first = [spoken(figures.strand, e["name"]) for e in segments if e["started"] == began[0]]
    return (
        f"A start shows in {len(began)} of {n} {many}, first in {listed(first)}"
        f" ({month_words(began[0])})"
    )
