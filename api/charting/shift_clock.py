"""The week by band and weekday: when somebody looked, against when there was care."""

from typing import Any

from api.charting.appearance import BETTER, LINE, PAPER, ink_on
from api.charting.figures import Figures
from api.charting.sheet import Spec, nothing, sheet, single, values
from api.charting.words import window_words
from models.vocabulary import Band, Coverage

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKEND = (6, 7)
ROW = 58
#: Share of checks over share of care hours, from so much on.
STEPS = (
    (0.0, "less than half", BETTER[0]),
    (0.5, "half or more", BETTER[1]),
    (1.0, "as much or more", BETTER[2]),
    (1.5, "1.5 times or more", BETTER[3]),
)
NONE, UNKNOWN = "nobody looked", "share of care unknown"


def shift_clock(figures: Figures) -> Spec:
    segments = figures.content["segments"]
    total = sum(each.events for each in figures.checks)
    if not segments or not total:
        title = "Nobody is known to have looked at any time of the week"
        where = window_words(figures.windows["current"])
        return nothing(
            figures, title, f"Audits, observations and knowledge checks: none ({where})."
        )
    cells = week(figures)
    nowhere = sum(each.events for each in figures.checks if each.band == "")
    says = (
        f"{total} audits, observations and knowledge checks in"
        f" {window_words(figures.windows['current'])}, by the day they were made and the time they"
        " speak of; a night belongs to the day on which it starts, bank holidays to the weekend."
        " Shade: share of checks over share of care hours, a band's hours spread evenly over its"
        " days. All checks are counted, so there is no interval."
        f"{f' {nowhere} speak of no time and are not shown.' if nowhere else ''}"
    )
    words = [NONE, *(word for _, word, _ in STEPS), UNKNOWN]
    fills = [PAPER, *(fill for _, _, fill in STEPS), PAPER]
    shown = [word for word in words if any(cell["step"] == word for cell in cells)]
    place = {
        "x": {
            "field": "day", "type": "ordinal", "sort": list(DAYS), "title": None,
            "axis": {"labelAngle": 0, "orient": "top", "ticks": False, "domain": False},
        },
        "y": {
            "field": "row", "type": "nominal", "sort": [cell["row"] for cell in cells],
            "title": None, "axis": {"ticks": False, "domain": False},
        },
    }  # fmt: skip
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "stroke": LINE},
            "encoding": {
                **place,
                "fill": {
                    "field": "step",
                    "type": "nominal",
                    "scale": {"domain": words, "range": fills},
                    "legend": {"title": "Checks for their share of care", "values": shown},
                },
                "tooltip": [
                    {"field": each, "type": "nominal"}
                    for each in ("row", "day", "checks", "share", "ratio")
                ],
            },
        },
        {
            "mark": {"type": "text", "lineBreak": "\n", "fontSize": 12, "dy": -6},
            "encoding": {
                **place,
                "text": {"field": "said", "type": "nominal"},
                "color": {"field": "ink", "type": "nominal", "scale": None},
            },
        },
    ]
    rows = len({cell["row"] for cell in cells})
    body = {"data": values(cells), **single(layers, ROW * rows)}
    return sheet(figures, _finding(figures), says, body)


def week(figures: Figures) -> list[dict[str, Any]]:
    """A cell for each day on which a band has hours, or on which it was looked at all the same."""
    total = sum(each.events for each in figures.checks)
    fill_of = {word: fill for _, word, fill in STEPS}
    found = []
    for segment in figures.content["segments"]:
        band = Band(segment["code"])
        if segment["status"] == "not_provided":
            continue
        weekend = band in {Band.WEEKEND_DAY, Band.WEEKEND_NIGHT}
        own = WEEKEND if weekend else tuple(day for day in range(1, 8) if day not in WEEKEND)
        for day in range(1, 8):
            checks = sum(
                each.events for each in figures.checks if each.band == band and each.weekday == day
            )
            if day not in own and not checks:
                continue
            ratio = None
            if segment["share_of_care"] and day in own:
                ratio = checks / total / (segment["share_of_care"] / len(own))
            step = _step(checks, ratio)
            found.append(
                {
                    "row": segment["name"],
                    "band": band.value,
                    "day": DAYS[day - 1],
                    "checks": checks,
                    "share": round(checks / total, 4),
                    "ratio": None if ratio is None else round(ratio, 2),
                    "step": step,
                    "said": f"{checks}" if ratio is None else f"{checks}\n({ratio:.1f} × even)",
                    "ink": ink_on(fill_of.get(step, PAPER)),
                }
            )
    return found


def _step(checks: int, ratio: float | None) -> str:
    if not checks:
        return NONE
    if ratio is None:
        return UNKNOWN
    return [word for least, word, _ in STEPS if ratio >= least][-1]


def _finding(figures: Figures) -> str:
    """The band that is looked at least for its care, from the shares of the view."""
    cared = [
        each
        for each in figures.content["segments"]
        if each["share_of_care"] and each["share_of_checks"] is not None
    ]
    if not cared:
        return "When somebody looked; how care is spread over the week is not known"
    least = min(cared, key=lambda each: each["share_of_checks"] / each["share_of_care"])
    name, care, checks = least["name"], least["share_of_care"], least["share_of_checks"]
    if least["coverage"] == Coverage.ABSENT:
        return f"Nobody looked at {name.lower()}, which is {care:.0%} of care"
    return (
        f"Looked at least for its care: {name.lower()}, with {checks:.0%} of checks and"
        f" {care:.0%} of care"
    )
