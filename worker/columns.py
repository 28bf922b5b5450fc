"""A service's cells as columns, made once and laid out along each axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from models.axes import CellRow
from worker.stats.panel import Floats, Ints


class Place(NamedTuple):
    """Where evidence lies, '' where it names none."""

    team: str
    area: str
    band: str


@dataclass(frozen=True, slots=True)
class CellColumns:
    """One entry a cell, [c].

    place, code : positions in `places` and `codes`. month : months since the year 0.
    """

    places: tuple[Place, ...]
    codes: tuple[str, ...]
    place: Ints
    code: Ints
    month: Ints
    x: Floats
    n: Floats
    squares: Floats
    events: Floats
    oldest: date | None


def month_number(month: date) -> int:
    return month.year * 12 + month.month - 1


def columns_of(cells: Sequence[CellRow]) -> CellColumns:
    places: dict[Place, int] = {}
    codes: dict[str, int] = {}
    place = [
        places.setdefault(Place(cell.team, cell.area, cell.band), len(places)) for cell in cells
    ]
    code = [codes.setdefault(cell.indicator, len(codes)) for cell in cells]
    months = {month: month_number(month) for month in {cell.month for cell in cells}}
    return CellColumns(
        places=tuple(places),
        codes=tuple(codes),
        place=np.array(place, dtype=np.int64),
        code=np.array(code, dtype=np.int64),
        month=np.array([months[cell.month] for cell in cells], dtype=np.int64),
        x=np.array([cell.x for cell in cells], dtype=np.float64),
        n=np.array([cell.n for cell in cells], dtype=np.float64),
        squares=np.array([cell.sum_squares for cell in cells], dtype=np.float64),
        events=np.array([cell.events for cell in cells], dtype=np.float64),
        oldest=min(months, default=None),
    )
