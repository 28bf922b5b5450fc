"""All months of a service along one axis as arrays, before they are cut at an `as_of`."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from models.axes import CellRow, segment_of
from models.catalogue import HOURS_PLANNED, Indicator
from models.vocabulary import (
    CHECK_CHANNELS,
    MINUTES_PER_UNIT,
    Axis,
    Channel,
    ExposureUnit,
    Measure,
)
from worker.stats.panel import Bools, Floats, safe_divide
from worker.windows import Windows, months_apart

CHANNELS = tuple(Channel)
#: Values lie in cells in hundredths.
_HUNDREDTHS = 100.0
UNITS = tuple(ExposureUnit)
RESIDENTS, CARE_HOURS = (
    UNITS.index(unit) for unit in (ExposureUnit.RESIDENT_DAYS, ExposureUnit.CARE_HOURS)
)


class ServiceMonths:
    """Sums of a service by segment, stratum, indicator and month, [g, k, i, t]."""

    def __init__(
        self,
        chosen: Sequence[Indicator],
        segments: Sequence[str],
        strata: dict[tuple[str, str], int],
        axis: Axis,
        first: date,
        length: int,
    ) -> None:
        self.axis, self.first, self.length = axis, first, length
        self.chosen = list(chosen)
        self.place = {one.code: position for position, one in enumerate(chosen)}
        self.segment = {name: position for position, name in enumerate(segments)}
        self.stratum = strata
        widest = max(strata.values(), default=0) + 1
        shape = (len(segments), widest, len(chosen), length)
        self.x, self.n, self.squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        care = (len(ExposureUnit), len(segments), widest, length)
        self.care, self.care_known = np.zeros(care), np.zeros(care, dtype=bool)
        self.counted_in = np.zeros((len(ExposureUnit), length), dtype=bool)
        self.planned = np.zeros((len(segments), length))
        self.checks, self.seen = np.zeros_like(self.planned), np.zeros_like(self.planned)
        # Evidence of any segment or none, to say what share of it can be attributed.
        self.everywhere = np.zeros((len(chosen), length))
        self.events = np.zeros((len(segments), len(chosen), length))
        self.unit_place = {unit.value: place for place, unit in enumerate(UNITS)}

    def add(self, cell: CellRow) -> None:
        month = months_apart(self.first, cell.month)
        if not 0 <= month < self.length:
            return
        if cell.indicator in self.unit_place:
            # Whatever its segment: care that lies in none is care of the service all the same.
            self.counted_in[self.unit_place[cell.indicator], month] = True
        elif cell.indicator in self.place:
            self.everywhere[self.place[cell.indicator], month] += cell.events
        name = segment_of(cell.team, cell.area, cell.band, self.axis)
        segment = self.segment.get(name)
        stratum = 0 if self.axis is Axis.TEAM else self.stratum.get((name, cell.team))
        if segment is None or stratum is None:
            return
        if cell.indicator == HOURS_PLANNED:
            self.planned[segment, month] += cell.x
        elif cell.indicator in self.unit_place:
            unit = self.unit_place[cell.indicator]
            self.care[unit, segment, stratum, month] += cell.x
            self.care_known[unit, segment, stratum, month] = True
        elif cell.indicator in self.place:
            self._add_indicator(cell, segment, stratum, month)

    def _add_indicator(self, cell: CellRow, segment: int, stratum: int, month: int) -> None:
        position = self.place[cell.indicator]
        indicator = self.chosen[position]
        at = (segment, stratum, position, month)
        scale = _HUNDREDTHS if indicator.measure is Measure.MEAN else 1.0
        self.x[at] += cell.x / scale
        self.n[at] += cell.n
        self.squares[at] += cell.sum_squares / scale**2
        self.events[segment, position, month] += cell.events
        if not indicator.evidence:
            return
        self.seen[segment, month] += cell.events
        if indicator.channel in CHECK_CHANNELS:
            self.checks[segment, month] += cell.events

    def take(self, values: Floats, at: np.ndarray) -> Floats:
        """Months `at` [b, m] of the last axis, with b in front; 0 outside what is known."""
        inside = (at >= 0) & (at < self.length)
        taken = values[..., np.clip(at, 0, self.length - 1)] * inside
        return np.moveaxis(taken, -2, 0)

    def unit_in(self, windows: Windows, first: date) -> int:
        """Resident-days where any census of the windows counts residents, else care hours.

        A census of the service as a whole is one of them, so that all strands have one unit.
        """
        assert windows.current is not None, "a score needs a current window"
        months = [
            month
            for window in (windows.baseline, windows.current)
            for day in windows.months(window)
            if 0 <= (month := months_apart(first, day)) < self.length
        ]
        return RESIDENTS if self.counted_in[RESIDENTS, months].any() else CARE_HOURS

    def sliced(self, at: np.ndarray, unit: Sequence[int]) -> tuple[Floats, Floats, Floats]:
        """x, n and squares [b, g, k, i, m], rates with their exposure and nothing without it."""
        x, n, squares = (self.take(part, at) for part in (self.x, self.n, self.squares))
        rates = [one.measure is Measure.RATE for one in self.chosen]
        if any(rates):
            per = np.array([one.per for one in self.chosen if one.measure is Measure.RATE])
            for row, one in enumerate(unit):
                minutes = self.take(self.care[one], at[row : row + 1])[0]
                known = minutes / MINUTES_PER_UNIT[UNITS[one]]
                n[row][:, :, rates] = known[:, :, None] / per[:, None]
        means = np.array([one.measure is Measure.MEAN for one in self.chosen], dtype=bool)[:, None]
        shares = np.array([one.measure is Measure.PROPORTION for one in self.chosen], dtype=bool)
        # More met than due, or fewer than none, cannot have happened: such a month is no evidence.
        possible = (n > 0) & (means | ((x >= 0) & ~(shares[:, None] & (x > n))))
        x, n, squares = (np.where(possible, part, 0.0) for part in (x, n, squares))
        return x, n, squares

    def care_in(self, at: np.ndarray, current: Bools, unit: Sequence[int]) -> Floats:
        """Minutes of care by segment in the current window, NaN where no census tells."""
        rows = []
        for row, one in enumerate(unit):
            window = current[row]
            minutes = self.take(self.care[one], at[row : row + 1])[0]
            known = self.take(self.care_known[one].astype(float), at[row : row + 1])[0]
            total = (minutes * window).sum((1, 2))
            rows.append(np.where((known * window).sum((1, 2)) > 0, total, np.nan))
        return np.stack(rows)

    def check_sizes(self, at: np.ndarray) -> Floats:
        """Mean number of items in one event of a channel, [b, g, c]."""
        events = self.take(self.events, at).sum(-1)
        items = self.take(self.n.sum(1), at).sum(-1)
        sizes = []
        for channel in CHANNELS:
            mine = [
                one.evidence and one.channel is channel and one.measure is not Measure.RATE
                for one in self.chosen
            ]
            made = events[..., mine].sum(-1)
            sizes.append(np.where(made > 0, items[..., mine].sum(-1) / np.maximum(made, 1), np.nan))
        return np.stack(sizes, axis=-1)

    def attributed(self, at: np.ndarray, window: Bools) -> Floats:
        """Share of an indicator's events in a window that lie in a segment, [b, i]; NaN of none."""
        inside = (self.take(self.events.sum(0), at) * window[:, None]).sum(-1)
        everywhere = (self.take(self.everywhere, at) * window[:, None]).sum(-1)
        return safe_divide(inside, everywhere, np.nan)

    def channel_events(self, at: np.ndarray, window: Bools) -> Floats:
        """Events of a window by channel, [b, g, c]; one that feeds two indicators counts once."""
        events = (self.take(self.events, at) * window[:, None, None]).sum(-1)
        found = np.zeros((*events.shape[:2], len(CHANNELS)))
        for place, channel in enumerate(CHANNELS):
            here = [one for one in self.chosen if one.evidence and one.channel is channel]
            for family in {one.family for one in here}:
                mine = [self.place[one.code] for one in here if one.family is family]
                found[..., place] += events[..., mine].max(-1)
        return found
