"""All months of a service along one axis as arrays, before they are cut at an `as_of`."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from models.calendar import months_between
from models.catalogue import HOURS_PLANNED, Indicator
from models.silences import Silence
from models.vocabulary import (
    CHECK_CHANNELS,
    MINUTES_PER_UNIT,
    Channel,
    ExposureUnit,
    Measure,
    SourceCategory,
)
from worker.columns import CellColumns, month_number
from worker.stats.panel import Bools, Floats, Ints, safe_divide
from worker.windows import Windows, months_apart

CHANNELS = tuple(Channel)
#: Values lie in cells in hundredths.
_HUNDREDTHS = 100.0
UNITS = tuple(ExposureUnit)
RESIDENTS, CARE_HOURS = (
    UNITS.index(unit) for unit in (ExposureUnit.RESIDENT_DAYS, ExposureUnit.CARE_HOURS)
)
_UNIT_PLACE = {unit.value: place for place, unit in enumerate(UNITS)}


def silent_rates(
    chosen: Sequence[Indicator], silences: Sequence[Silence], first: date, length: int
) -> Bools:
    """Rates and months in which a source that feeds them sent nothing, [i, t]."""
    found = np.zeros((len(chosen), length), dtype=bool)
    for position, one in enumerate(chosen):
        if one.measure is not Measure.RATE:
            continue
        for silence in silences:
            if silence.types and not set(silence.types) & set(one.events):
                continue
            start = months_apart(first, silence.first)
            end = length if silence.last is None else months_apart(first, silence.last) + 1
            found[position, max(start, 0) : max(end, 0)] = True
    return found


def is_check(indicator: Indicator) -> bool:
    """Whether its events are of looking on purpose; reading records at a desk is not that."""
    of_records = indicator.category == SourceCategory.CARE_RECORDS
    return indicator.channel in CHECK_CHANNELS and not of_records


class ServiceMonths:
    """Sums of a service by segment, stratum, indicator and month, [g, k, i, t].

    segment, stratum : by place of the columns, -1 where its evidence is in none. Evidence of a
        place that is not `known` does not exist for the service.
    """

    def __init__(
        self,
        chosen: Sequence[Indicator],
        columns: CellColumns,
        known: Bools,
        segment: Ints,
        stratum: Ints,
        segments: int,
        first: date,
        length: int,
        silences: Sequence[Silence] = (),
    ) -> None:
        self.first, self.length = first, length
        self.chosen = list(chosen)
        self.place = {one.code: position for position, one in enumerate(chosen)}
        widest = int(stratum.max(initial=0)) + 1
        month = columns.month - month_number(first)
        within = known[columns.place] & (month >= 0) & (month < length)
        of_segment, of_stratum = segment[columns.place], stratum[columns.place]
        placed = within & (of_segment >= 0) & (of_stratum >= 0)

        units = np.array([_UNIT_PLACE.get(code, -1) for code in columns.codes], dtype=np.int64)
        unit = units[columns.code]
        self.counted_in = np.zeros((len(UNITS), length), dtype=bool)
        # Whatever its segment: care that lies in none is care of the service all the same.
        counted = within & (unit >= 0)
        self.counted_in[unit[counted], month[counted]] = True
        self.care = np.zeros((len(UNITS), segments, widest, length))
        care = counted & placed
        at = (unit[care], of_segment[care], of_stratum[care], month[care])
        np.add.at(self.care, at, columns.x[care])
        self.care_known = np.zeros(self.care.shape, dtype=bool)
        self.care_known[at] = True

        hours = np.array([code == HOURS_PLANNED for code in columns.codes], dtype=bool)
        rostered = placed & hours[columns.code]
        self.planned = np.zeros((segments, length))
        np.add.at(self.planned, (of_segment[rostered], month[rostered]), columns.x[rostered])

        positions = np.array([self.place.get(code, -1) for code in columns.codes], dtype=np.int64)
        indicator = positions[columns.code]
        spoken = within & (indicator >= 0)
        # Evidence of any segment or none, to say what share of it can be attributed.
        self.everywhere = np.zeros((len(chosen), length))
        np.add.at(self.everywhere, (indicator[spoken], month[spoken]), columns.events[spoken])
        here = spoken & placed
        at = (of_segment[here], of_stratum[here], indicator[here], month[here])
        self.x, self.n, self.squares = (
            np.zeros((segments, widest, len(chosen), length)) for _ in range(3)
        )
        for sums, values in (
            (self.x, columns.x),
            (self.n, columns.n),
            (self.squares, columns.squares),
        ):
            np.add.at(sums, at, values[here])
        # Whole numbers until here, so that sums are exact in any order.
        scale = np.array([_HUNDREDTHS if one.measure is Measure.MEAN else 1.0 for one in chosen])
        self.x /= scale[:, None]
        self.squares /= scale[:, None] ** 2
        self.silent = silent_rates(chosen, silences, first, length)
        self.events = np.zeros((segments, len(chosen), length))
        np.add.at(self.events, (at[0], at[2], at[3]), columns.events[here])
        judged = np.array([one.evidence for one in chosen], dtype=bool)
        check = np.array([is_check(one) for one in chosen], dtype=bool) & judged
        self.seen = self.events[:, judged].sum(1)
        self.checks = self.events[:, check].sum(1)

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
            for day in months_between(*window)
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
        # Where a source was silent, that nothing was reported is not known to be good.
        possible &= self.take(self.silent.astype(float), at)[:, None, None] == 0
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
