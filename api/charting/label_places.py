"""Where names of points stand, so that they cover neither each other nor another point."""

from collections.abc import Sequence
from typing import Any, NamedTuple

CHARACTER, LINE_HEIGHT, AWAY, POINT = 6.0, 13.0, 9.0, 8.0


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """The area that both cover."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0.0) * max(high, 0.0)


class Corner(NamedTuple):
    """To which side of its point a label stands, and how far above or below."""

    align: str
    dx: float
    dy: float


CORNERS = tuple(
    Corner(align, away, lift)
    for lift in (-AWAY, AWAY, 0.0)
    for align, away in (("left", AWAY), ("right", -AWAY))
)


def corners(
    points: Sequence[tuple[float, float]], labels: Sequence[str], width: float
) -> list[int]:
    """For each point, in pixels, the corner at which its label covers least; first of equals."""
    marks = [Box(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in points]
    taken: list[Box] = []
    chosen = []
    for place, ((x, y), label) in enumerate(zip(points, labels, strict=True)):
        others = [*marks[:place], *marks[place + 1 :], *taken]
        costs = []
        for corner in CORNERS:
            box = _box(x, y, label, corner)
            outside = max(box.right - width, 0.0) + max(-box.left, 0.0)
            costs.append((sum(box.overlap(other) for other in others) + 100 * outside, box))
        best = min(range(len(costs)), key=lambda at: costs[at][0])
        chosen.append(best)
        taken.append(costs[best][1])
    return chosen


def _box(x: float, y: float, label: str, corner: Corner) -> Box:
    wide = CHARACTER * len(label)
    left = x + corner.dx - (wide if corner.align == "right" else 0.0)
    top = y + corner.dy - LINE_HEIGHT / 2
    return Box(left, top, left + wide, top + LINE_HEIGHT)


def labelled(
    rows: list[dict[str, Any]],
    x: dict[str, Any],
    y: dict[str, Any],
    across: Sequence[float],
    up: Sequence[float],
    size: tuple[float, float],
) -> list[dict[str, Any]]:
    """Layers of text, one for each corner that is used.

    across, up : the values at both ends of each axis.
    size : width and height of the picture, in pixels.
    """
    width, height = size
    at = [
        (
            (row[x["field"]] - across[0]) / (across[1] - across[0]) * width,
            (up[1] - row[y["field"]]) / (up[1] - up[0]) * height,
        )
        for row in rows
    ]
    chosen = corners(at, [row["label"] for row in rows], width)
    return [
        {
            "data": {"values": [row for row, of in zip(rows, chosen, strict=True) if of == place]},
            "mark": {"type": "text", **corner._asdict(), "fontSize": 10},
            "encoding": {"x": x, "y": y, "text": {"field": "label", "type": "nominal"}},
        }
        for place, corner in enumerate(CORNERS)
        if place in chosen
    ]
