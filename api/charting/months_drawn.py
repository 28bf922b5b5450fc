"""What charts along time share: the axis of months, and the two windows shaded behind it."""

from datetime import date
from typing import Any

from api.charting.appearance import QUIET_INK, SHADE
from api.charting.figures import Figures, month_date
from api.charting.sheet import Spec, values
from models.calendar import add_months


def starts(month: str) -> str:
    return month_date(month).isoformat()


def ends(month: str) -> str:
    """The first day after it."""
    return add_months(month_date(month), 1).isoformat()


def middle(month: str) -> str:
    first: date = month_date(month)
    return first.replace(day=15).isoformat()


def along(field: str, months: list[str], **more: Any) -> dict[str, Any]:
    """An axis from the start of the first of these months to the end of the last.

    In UTC, so that months are the same wherever they are drawn.
    """
    first, last = month_date(months[0]), month_date(months[-1])
    return {
        "field": field,
        "type": "temporal",
        "title": None,
        "scale": {"type": "utc", "domain": [instant(first), instant(add_months(last, 1))]},
        "axis": {"format": "%b %y", "grid": False, "values": ticks(months, 3)},
        **more,
    }


def spanning(start: str, end: str) -> dict[str, Any]:
    """From a field to a field on that axis, whose ends are said by the layer of a point."""
    x = {"field": start, "type": "temporal", "title": None, "scale": {"type": "utc"}}
    return {"x": x, "x2": {"field": end}}


def ticks(months: list[str], every: int) -> list[dict[str, Any]]:
    """Firsts of months, every so many months of the year."""
    days = [month_date(month) for month in months]
    return [instant(day) for day in days if (day.month - 1) % every == 0]


def instant(day: date) -> dict[str, Any]:
    return {"year": day.year, "month": day.month, "date": day.day, "utc": True}


def shaded(figures: Figures, months: list[str], *, worded: bool = True) -> list[Spec]:
    """Both windows, behind everything else."""
    rows = []
    for word in ("baseline", "current"):
        window = figures.windows[word]
        if window is not None and window["to"] >= months[0]:
            rows.append(
                {
                    "word": word,
                    "start": starts(max(window["from"], months[0])),
                    "end": ends(window["to"]),
                }
            )
    if not rows:
        return []
    layers: list[Spec] = [
        {
            "data": values(rows),
            "mark": {"type": "rect", "color": SHADE, "opacity": 0.6},
            "encoding": spanning("start", "end"),
        }
    ]
    if worded:
        text = {"type": "text", "align": "left", "baseline": "bottom", "dy": -3, "fontSize": 10}
        layers.append(
            {
                "data": values(rows),
                "mark": {**text, "color": QUIET_INK},
                "encoding": {
                    "x": spanning("start", "end")["x"],
                    "y": {"value": 0},
                    "text": {"field": "word", "type": "nominal"},
                },
            }
        )
    return layers
