"""From cells to arrays: a strand is an axis, and this lays a service's cells out along it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from models.axes import CellRow, axis_of, segment_of, segments_along
from models.calendar import add_months
from models.catalogue import HOURS_PLANNED, Indicator
from models.context import ServiceContext
from models.vocabulary import (
    CHECK_CHANNELS,
    MINUTES_PER_UNIT,
    Axis,
    Better,
    Channel,
    ExposureUnit,
    Measure,
    Perspective,
    Strand,
)
from worker.stats.panel import MEAN, PROPORTION, RATE, Bools, Floats, Indicators, Panel
from worker.windows import Windows, months_apart

#: Months up to `as_of` that a score looks at, or more where its windows lie further back.
HISTORY_MONTHS = 48
CHANNELS = tuple(Channel)
_MEASURES = {Measure.PROPORTION: PROPORTION, Measure.RATE: RATE, Measure.MEAN: MEAN}
#: Values lie in cells in hundredths.
_HUNDREDTHS = 100.0
#: A standard or a smallest change beyond this is a slip; its square must not overflow a score.
LARGEST = 1e9
#: Where a row of months does not reach; in no window.
NO_MONTH = -(10**6)
UNITS = tuple(ExposureUnit)
RESIDENTS, CARE_HOURS = (
    UNITS.index(unit) for unit in (ExposureUnit.RESIDENT_DAYS, ExposureUnit.CARE_HOURS)
)


@dataclass(frozen=True, slots=True)
class Layout:
    """A service's cells along one strand's axis, for several `as_of` at once.

    care : [b, g] minutes of care in the current window, NaN where no census tells.
    planned : [b, g] minutes of planned shifts in it.
    checks : [b, g, m] audits, observations and knowledge checks made.
    check_sizes : [b, g, c] mean items of one event in a channel, NaN without any.
    channel_events : [b, g, c, 2] events that count in baseline and current window.
    provided : [b, g] False: no care there in the current window, so nothing to reach.
    """

    axis: Axis
    segments: tuple[str, ...]
    panel: Panel
    members: Floats
    care: Floats
    planned: Floats
    checks: Floats
    check_sizes: Floats
    channel_events: Floats
    provided: Bools


def evidence_indicators(context: ServiceContext) -> tuple[Indicator, ...]:
    return tuple(indicator for indicator in context.indicators if indicator.evidence)


def indicator_arrays(chosen: Sequence[Indicator]) -> Indicators:
    return Indicators(
        measure=np.array([_MEASURES[one.measure] for one in chosen], dtype=np.int64),
        sign=np.array([1 if one.better is Better.HIGHER else -1 for one in chosen], dtype=float),
        standard=np.clip(
            np.array([np.nan if one.standard is None else one.standard for one in chosen], float),
            -LARGEST,
            LARGEST,
        ),
        meaningful=np.clip(
            np.array([one.meaningful for one in chosen], dtype=float), 1 / LARGEST, LARGEST
        ),
        channel=np.array([CHANNELS.index(one.channel) for one in chosen], dtype=np.int64),
        external=np.array([one.perspective is Perspective.EXTERNAL for one in chosen], dtype=bool),
    )


def lay_out(
    strand: Strand,
    context: ServiceContext,
    cells: Sequence[CellRow],
    as_ofs: Sequence[date],
    windows: Sequence[Windows],
) -> Layout:
    """Arrays of one strand for several `as_of`, each with its own windows.

    Every window needs a current one; the months axis of each ends with its own `as_of`.
    """
    chosen = evidence_indicators(context)
    axis = axis_of(strand, context, (cell.area for cell in cells))
    segments = segments_along(axis, context, cells)
    oldest = min([cell.month for cell in cells], default=min(as_ofs))
    reach = [
        months_needed(as_of, window, oldest) for as_of, window in zip(as_ofs, windows, strict=True)
    ]
    first = max(oldest, add_months(min(as_ofs), 1 - max(reach)))
    length = months_apart(first, max(as_ofs)) + 1
    whole = _Whole(
        chosen, segments, strata_within(axis, context, cells), axis, first, max(length, 1)
    )
    for cell in cells:
        whole.add(cell)
    ends = np.array([months_apart(first, as_of) for as_of in as_ofs])
    back = np.arange(max(reach))[::-1]
    # Each row sees as far back as it would alone, so that a batch changes no score.
    at = np.where(back < np.array(reach)[:, None], ends[:, None] - back, NO_MONTH)
    unit = [whole.unit_in(window, first) for window in windows]
    x, n, squares = whole.sliced(at, unit)
    current = np.stack(
        [_window_mask(at_row, first, w.current) for at_row, w in zip(at, windows, strict=True)]
    )
    panel = Panel(
        x=x,
        n=n,
        squares=squares,
        indicators=indicator_arrays(chosen),
        baseline=np.stack(
            [_window_mask(row, first, w.baseline) for row, w in zip(at, windows, strict=True)]
        ),
        current=current,
        before=np.stack(
            [row < months_apart(first, w.start) for row, w in zip(at, windows, strict=True)]
        )
        & (at >= 0),
    )
    care = whole.care_in(at, current, unit)
    planned = (whole.take(whole.planned, at) * current[:, None]).sum(-1)
    seen = (whole.take(whole.seen, at) * current[:, None]).sum(-1) > 0
    return Layout(
        axis=axis,
        segments=segments,
        panel=panel,
        members=(panel.indicators.channel == np.arange(len(CHANNELS))[:, None]).astype(float),
        care=care,
        planned=planned,
        checks=whole.take(whole.checks, at),
        check_sizes=whole.check_sizes(at),
        channel_events=np.stack(
            [whole.channel_events(at, window) for window in (panel.baseline, current)], axis=-1
        ),
        provided=_provided(
            axis, context, segments, windows, care, np.array(unit) == RESIDENTS, planned, seen
        ),
    )


def months_needed(as_of: date, windows: Windows, oldest: date) -> int:
    """How far back a score looks: to the baseline and the year before the start, or further."""
    earliest = min(windows.baseline[0], add_months(windows.start, -12))
    wanted = max(HISTORY_MONTHS, months_apart(earliest, as_of) + 1)
    return min(wanted, max(HISTORY_MONTHS, months_apart(oldest, as_of) + 1))


def strata_within(
    axis: Axis, context: ServiceContext, cells: Sequence[CellRow]
) -> dict[tuple[str, str], int]:
    """Places of the known teams in each segment, '' for no team; none along the team axis.

    Counted segment by segment: two hundred areas of one team each are two hundred strata, not
    forty thousand.
    """
    if axis is Axis.TEAM:
        return {}
    known = {"", *(team.code for team in context.teams)}
    found: dict[str, set[str]] = {}
    for cell in cells:
        if cell.team in known:
            segment = segment_of(cell.team, cell.area, cell.band, axis)
            found.setdefault(segment, set()).add(cell.team)
    return {
        (segment, team): place
        for segment, teams in found.items()
        for place, team in enumerate(sorted(teams))
    }


def _window_mask(at: np.ndarray, first: date, window: tuple[date, date] | None) -> Bools:
    assert window is not None, "a score needs a current window"
    return np.asarray(
        (at >= months_apart(first, window[0])) & (at <= months_apart(first, window[1]))
    )


def _provided(
    axis: Axis,
    context: ServiceContext,
    segments: Sequence[str],
    windows: Sequence[Windows],
    care: Floats,
    residential: Bools,
    planned: Floats,
    seen: Bools,
) -> Bools:
    """Where there is care: open teams, the areas they are in, and bands with hours or residents."""
    if axis is Axis.BAND:
        # Residents are there at night whatever the rosters say; only rosters without residents
        # can show that a band has no care, and what nobody tells counts as care.
        rostered = planned.sum(1, keepdims=True) > 0
        return np.asarray((residential[:, None] & (care > 0)) | ~rostered | (planned > 0) | seen)
    result = np.zeros(care.shape, dtype=bool)
    for row, window in enumerate(windows):
        assert window.current is not None, "a score needs a current window"
        start, end = window.current
        for team in context.teams:
            closed = team.closed_on is not None and team.closed_on < start
            opens_later = team.opened_on is not None and team.opened_on.replace(day=1) > end
            if closed or opens_later:
                continue
            place = team.place_on(end)
            name = team.code if axis is Axis.TEAM else (place and place.area) or team.code
            result[row, segments.index(name)] = True
    return result | (seen if axis is Axis.AREA else False)


class _Whole:
    """All months of a service along one axis, [g, k, i, t], before they are cut at an `as_of`."""

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
        self.events = np.zeros((len(segments), len(chosen), length))
        self.unit_place = {unit.value: place for place, unit in enumerate(UNITS)}

    def add(self, cell: CellRow) -> None:
        month = months_apart(self.first, cell.month)
        if not 0 <= month < self.length:
            return
        if cell.indicator in self.unit_place:
            # Whatever its segment: care that lies in none is care of the service all the same.
            self.counted_in[self.unit_place[cell.indicator], month] = True
        name = segment_of(cell.team, cell.area, cell.band, self.axis)
        segment = self.segment.get(name)
        if segment is None:
            return
        stratum = 0 if self.axis is Axis.TEAM else self.stratum.get((name, cell.team))
        if stratum is None:
            return
        if cell.indicator == HOURS_PLANNED:
            self.planned[segment, month] += cell.x
            return
        if cell.indicator in self.unit_place:
            unit = self.unit_place[cell.indicator]
            self.care[unit, segment, stratum, month] += cell.x
            self.care_known[unit, segment, stratum, month] = True
            return
        position = self.place.get(cell.indicator)
        if position is None:
            return
        indicator = self.chosen[position]
        at = (segment, stratum, position, month)
        scale = _HUNDREDTHS if indicator.measure is Measure.MEAN else 1.0
        self.x[at] += cell.x / scale
        self.n[at] += cell.n
        self.squares[at] += cell.sum_squares / scale**2
        self.seen[segment, month] += cell.events
        self.events[segment, position, month] += cell.events
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
                one.channel is channel and one.measure is not Measure.RATE for one in self.chosen
            ]
            made = events[..., mine].sum(-1)
            sizes.append(np.where(made > 0, items[..., mine].sum(-1) / np.maximum(made, 1), np.nan))
        return np.stack(sizes, axis=-1)

    def channel_events(self, at: np.ndarray, window: Bools) -> Floats:
        """Events of a window by channel, [b, g, c]; one that feeds two indicators counts once."""
        events = (self.take(self.events, at) * window[:, None, None]).sum(-1)
        found = np.zeros((*events.shape[:2], len(CHANNELS)))
        for place, channel in enumerate(CHANNELS):
            for family in {one.family for one in self.chosen if one.channel is channel}:
                mine = [one.channel is channel and one.family is family for one in self.chosen]
                found[..., place] += events[..., mine].max(-1)
        return found
