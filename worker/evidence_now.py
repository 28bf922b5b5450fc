"""How much evidence there is of each indicator, and how fresh, over the whole service.

Of the service and not of a segment: evidence that names no team speaks of it all the same.
"""

from datetime import date
from typing import Any

import numpy as np

from models.calendar import add_months
from models.context import ServiceContext
from models.vocabulary import ExposureUnit, Measure
from worker.arrays import evidence_indicators
from worker.columns import CellColumns, month_number
from worker.months import silent_rates
from worker.shown_segments import month_text
from worker.stats.panel import Bools, Floats
from worker.windows import Windows

UNITS = frozenset(unit.value for unit in ExposureUnit)


class EvidenceMonths:
    """Events of each indicator by month, and the months in which it says anything.

    A rate says something in every month of known care in which no source of it was silent, once
    anything of its kind was ever reported: that nothing happened is evidence, and that nothing was
    ever connected is none.
    """

    def __init__(self, context: ServiceContext, columns: CellColumns) -> None:
        self.indicators = evidence_indicators(context)
        self.first = columns.oldest
        last = int(columns.month.max(initial=0))
        length = 0 if self.first is None else last - month_number(self.first) + 1
        self.events = np.zeros((len(self.indicators), length))
        self.spoken: Bools = np.zeros(self.events.shape, dtype=bool)
        if self.first is None:
            return
        teams = {"", *(team.code for team in context.teams)}
        known = np.array([place.team in teams for place in columns.places], dtype=bool)
        kept = known[columns.place]
        month, code = columns.month[kept] - month_number(self.first), columns.code[kept]
        by_code = np.zeros((len(columns.codes), length))
        np.add.at(by_code, (code, month), columns.events[kept])
        care = np.zeros(length, dtype=bool)
        of_care = np.array([each in UNITS for each in columns.codes], dtype=bool)
        care[month[of_care[code] & (columns.x[kept] > 0)]] = True
        rows = dict(zip(columns.codes, by_code, strict=True))
        silent = silent_rates(self.indicators, context.silences, self.first, length)
        families: dict[str, Floats] = {}
        for one in context.indicators:
            if one.code in rows:
                before = families.get(one.family, np.zeros(length))
                families[one.family] = before + rows[one.code]
        for place, one in enumerate(self.indicators):
            self.events[place] = rows.get(one.code, 0.0)
            self.spoken[place] = self.events[place] > 0
            if one.measure is Measure.RATE and one.family in families:
                ever = np.maximum.accumulate(families[one.family] > 0)
                self.spoken[place] |= care & ever & ~silent[place]

    def content(self, as_of: date, windows: Windows) -> dict[str, Any]:
        """By indicator: events of the current window, and the latest month that says anything."""
        return {
            one.code: {"events": self._events(place, windows), "latest": self._latest(place, as_of)}
            for place, one in enumerate(self.indicators)
        }

    def _position(self, month: date) -> int:
        assert self.first is not None, "asked only where there is a month"
        return month_number(month) - month_number(self.first)

    def _events(self, place: int, windows: Windows) -> int:
        if windows.current is None or self.first is None:
            return 0
        start, end = (self._position(month) for month in windows.current)
        return int(self.events[place, max(start, 0) : max(end + 1, 0)].sum())

    def _latest(self, place: int, as_of: date) -> str | None:
        if self.first is None:
            return None
        said = np.flatnonzero(self.spoken[place, : max(self._position(as_of) + 1, 0)])
        return month_text(add_months(self.first, int(said[-1]))) if said.size else None
