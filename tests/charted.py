"""Figures of a chart made by hand, and what a specification draws, read back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from api.charting.catalogue import CHARTS
from api.charting.figures import Figures
from api.charting.sheet import Spec
from models.catalogue import STARTER, Indicator
from models.vocabulary import Strand

AS_OF = "2026-09"
WINDOWS: dict[str, Any] = {
    "baseline": {"from": "2025-10", "to": "2026-03"},
    "current": {"from": "2026-07", "to": "2026-09"},
}


def indicator(code: str = "audit_compliance") -> Indicator:
    return next(each for each in STARTER if each.code == code)


def around(estimate: float | None, half: float = 0.5) -> dict[str, float | None]:
    if estimate is None:
        return dict.fromkeys(("estimate", "lower", "upper"))
    return {"estimate": estimate, "lower": estimate - half, "upper": estimate + half}


def gap(code: str = "audit_compliance", level: float = 0.9, n: float = 100) -> dict[str, Any]:
    return {"indicator": code, "level": level, "n_current": n, **around(0.0)}


def flagged(
    first: str, last: str, direction: str = "improvement", code: str = "audit_compliance"
) -> dict[str, Any]:
    """A control chart with one rule that holds from a month to a month."""
    rule = {"rule": "shift", "direction": direction, "from": first, "to": last}
    return {"indicator": code, "centre": 0.8, "lower": 0.7, "upper": 0.9, "flagged": [rule]}


def segment(code: str, **changes: Any) -> dict[str, Any]:
    """A segment about which nothing much is to be said."""
    return {
        "code": code,
        "name": code.title(),
        "status": "not_shown",
        "improvement": {**around(0.2), "p": 0.3, "p_adjusted": 0.6},
        "gaps": [gap()],
        "charts": [],
        "coverage": "adequate",
        "share_of_care": 0.25,
        "share_of_checks": 0.25,
        "started": None,
        "started_reason": "no_signal",
        "change_point": None,
        "held_months": 0,
    } | changes


def area(code: str, state: str, inside: float | None, outside: float | None) -> dict[str, Any]:
    sides = {"internal": around(inside), "external": around(outside)}
    return segment(code, state=state, **sides)


def between(change: float | None = 0.4, state: str = "undetermined") -> dict[str, Any]:
    return {
        "state": state,
        "between_segments_now": around(1.0),
        "between_segments_at_baseline": around(0.6),
        "change": around(change),
        "best": None,
        "weakest": None,
    }


def content(segments: Sequence[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A strand in which at least two segments improved, of as many as there are."""
    bound = {"reached_at_least": 2, "of_which_improved_at_least": 2, "worsened_at_least": 0}
    breadth = {"segments": len(segments), **bound, "provisional": False}
    return {
        "verdict": {"level": "spreading", "qualifiers": [], "statement": "As it is."},
        "breadth": breadth | changes.pop("bound", {}),
        "segments": list(segments),
        "gap": between(),
        "triggers": [],
    } | changes


def figures(
    segments: Sequence[dict[str, Any]], strand: Strand = Strand.TEAM_SPREAD, **changes: Any
) -> Figures:
    own = {key: changes.pop(key) for key in list(changes) if key in Figures.__dataclass_fields__}
    made = Figures(
        service="1-545611283",
        name="Elm House",
        strand=strand,
        content=content(segments, **changes),
        as_of=AS_OF,
        windows=WINDOWS,
        programme=None,
        indicator=indicator(),
    )
    return replace(made, **own)


def drawn(name: str, of: Figures) -> Spec:
    return CHARTS[name].draw(of)


def title(spec: Spec) -> str:
    return " ".join(spec["title"]["text"])


def subtitle(spec: Spec) -> str:
    return " ".join(spec["title"]["subtitle"])


def layers(spec: Spec) -> list[Spec]:
    found: list[Spec] = spec["spec"]["layer"] if "spec" in spec else spec["layer"]
    return found


def data(spec: Spec) -> Iterator[dict[str, Any]]:
    """All rows of all layers, those of the whole first."""
    for part in (spec, *layers(spec)):
        yield from part.get("data", {}).get("values", [])


def rows_with(spec: Spec, *fields: str) -> list[dict[str, Any]]:
    """The rows that have all of these fields, each once."""
    found: list[dict[str, Any]] = []
    for row in data(spec):
        if all(field in row for field in fields) and row not in found:
            found.append(row)
    return found
