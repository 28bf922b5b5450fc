"""Share of checks beside share of care, by segment: who is looked at enough."""

from typing import Any

from api.charting.appearance import COVERAGE, INK, QUIET_INK, SHADE, marked
from api.charting.figures import Figures
from api.charting.sheet import Spec, nothing, sheet, single, values
from api.charting.words import ONE_AND_MANY, labels, listed, spoken, verb, window_words
from models.vocabulary import Coverage

ROW = 46
#: Of the method: checked enough from this much of the share of care on.
ENOUGH = 0.5


def check_coverage(figures: Figures) -> Spec:
    one, many = ONE_AND_MANY[figures.strand]
    segments = [each for each in figures.segments if each["status"] != "not_provided"]
    if not segments:
        return nothing(figures, f"No {one} to look at yet", "There is nothing to compare yet.")
    rows = shares(segments)
    says = (
        f"Audits, observations and knowledge checks in {window_words(figures.windows['current'])},"
        f" as shares of all {many}. Enough: a check in every month, and at least half the share of"
        " care (the upright stroke). All checks are counted, so there is no interval."
    )
    y = {"field": "row", "type": "nominal", "sort": None, "title": None}
    x = {
        "field": "share",
        "type": "quantitative",
        "title": "share of care and of checks",
        "scale": {"domainMin": 0},
        "axis": {"format": "%", "tickCount": 6},
    }
    marks = marked("coverage", COVERAGE.values(), rows, "Checks")
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "height": 22, "color": SHADE, "stroke": QUIET_INK},
            "encoding": {"y": y, "x": {**x, "field": "care"}},
        },
        {
            "mark": {"type": "tick", "color": INK, "thickness": 2, "size": 30},
            "encoding": {"y": y, "x": {**x, "field": "enough"}},
        },
        {
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
            "encoding": {"y": y, "x": {**x, "field": "none"}, "x2": {"field": "checks"}},
        },
        {
            "mark": {"type": "point", "size": 130, "opacity": 1},
            "encoding": {
                "y": y,
                "x": {**x, "field": "checks"},
                **marks,
                "tooltip": [
                    {"field": each, "type": "nominal"}
                    for each in ("name", "care", "checks", "coverage")
                ],
            },
        },
        {
            "mark": {"type": "text", "align": "left", "dx": 10, "color": INK},
            "encoding": {
                "y": y,
                "x": {**x, "field": "furthest"},
                "text": {"field": "said", "type": "nominal"},
            },
        },
    ]
    wide = max(row["furthest"] for row in rows) * 1.5 or 1.0
    for layer in layers:
        layer["encoding"]["x"]["scale"] = {"domain": [0, min(wide, 1.6)]}
    body = {"data": values(rows), **single(layers, ROW * len(rows))}
    return sheet(figures, _finding(figures, segments), says, body)


def shares(segments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = labels([each["name"] for each in segments])
    return [
        {
            "row": row,
            "name": each["name"],
            "none": 0,
            "care": each["share_of_care"],
            "checks": each["share_of_checks"],
            "enough": None if each["share_of_care"] is None else ENOUGH * each["share_of_care"],
            "furthest": max(each["share_of_care"] or 0, each["share_of_checks"] or 0),
            "coverage": COVERAGE[Coverage(each["coverage"])].word,
            "said": f"{_percent(each['share_of_checks'])} of checks,"
            f" {_percent(each['share_of_care'])} of care:"
            f" {COVERAGE[Coverage(each['coverage'])].word}",
        }
        for row, each in zip(names, segments, strict=True)
    ]


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"


def _finding(figures: Figures, segments: list[dict[str, Any]]) -> str:
    _, many = ONE_AND_MANY[figures.strand]
    n = len(segments)
    absent = _names(figures, segments, Coverage.ABSENT)
    thin = _names(figures, segments, Coverage.THIN)
    if not absent and not thin:
        return f"All {n} {many} are checked enough for their share of care"
    said = []
    if absent:
        said.append(f"nobody looked at {listed(absent)}")
    if thin:
        said.append(f"{listed(thin)} {verb(len(thin), 'is', 'are')} checked too little")
    short = f"{len(absent) + len(thin)} of {n} {many}"
    return f"{short} {verb(len(absent) + len(thin), 'lacks', 'lack')} checks: {'; '.join(said)}"


def _names(figures: Figures, segments: list[dict[str, Any]], coverage: Coverage) -> list[str]:
    return [
        spoken(figures.strand, each["name"]) for each in segments if each["coverage"] == coverage
    ]
