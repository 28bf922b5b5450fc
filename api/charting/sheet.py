"""What every chart shares: head, description, and a sheet that says so where there is nothing."""

from typing import Any

from api.charting.appearance import CONFIG, QUIET_INK, WIDTH
from api.charting.figures import Figures
from api.charting.words import (
    SUBTITLE_CHARACTERS,
    TITLE_CHARACTERS,
    lines,
    month_words,
    qualified,
    trimmed,
    window_words,
)
from models.vocabulary import Level

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
#: Nothing that is used here has changed since.
SCHEMA_5 = "https://vega.github.io/schema/vega-lite/v5.json"


def sheet(figures: Figures, title: str, says: str, body: Spec) -> Spec:
    """A whole specification.

    title : the finding, never above what the figures say.
    says : what is drawn and how to read it, with its denominators.
    """
    if figures.provisional:
        title = f"Provisional: {title[:1].lower()}{title[1:]}"
    subtitle = [
        part
        for text in (says, qualified(figures.content), _when(figures))
        for part in (lines(text, SUBTITLE_CHARACTERS) if text else [])
    ]
    return {
        "$schema": SCHEMA,
        "description": f"{title}. {says} {_when(figures)}",
        "title": {"text": lines(title, TITLE_CHARACTERS), "subtitle": subtitle},
        "config": CONFIG,
        **body,
    }


def _when(figures: Figures) -> str:
    windows = figures.windows
    known = figures.known_at and f", as known on {figures.known_at:%d %b %Y at %H:%M %Z}"
    level = figures.level
    sure = "" if level is Level.NOT_APPLICABLE else f" Verdict: {level.replace('_', ' ')}."
    return (
        f"{trimmed(figures.name, 60)} ({figures.service}), as of {month_words(figures.as_of)}"
        f"{known or ''}.{sure} Baseline {window_words(windows['baseline'])},"
        f" current {window_words(windows['current'])}."
    )


def single(layers: list[Spec], height: int, **more: Any) -> Spec:
    """One picture of the full width.

    A layer without a row is left out: a legend of nothing has no height that is a number.
    """
    drawn = [each for each in layers if "data" not in each or each["data"]["values"]]
    return {
        "width": WIDTH,
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": drawn,
        **more,
    }


def nothing(figures: Figures, title: str, why: str) -> Spec:
    """A sheet that says that there is nothing to draw, and why."""
    words = {
        "data": {"values": [{"words": why}]},
        "mark": {"type": "text", "fontSize": 13, "color": QUIET_INK, "align": "center"},
        "encoding": {"text": {"field": "words", "type": "nominal"}},
    }
    return sheet(figures, title, why, single([words], 90))


def values(rows: list[dict[str, Any]]) -> Spec:
    return {"values": rows}
