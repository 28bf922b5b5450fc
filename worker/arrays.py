"""From cells to arrays: a strand is an axis, and this lays a service's cells out along it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from models.axes import axis_of, segment_of, segments_along
from models.calendar import add_months
from models.catalogue import Indicator
from models.context import ServiceContext
from models.vocabulary import Axis, Better, ExposureUnit, Measure, Perspective, Strand
from worker.columns import CellColumns, Place
from worker.months import CHANNELS, RESIDENTS, UNITS, ServiceMonths
from worker.stats.panel import MEAN, PROPORTION, RATE, Bools, Floats, Indicators, Ints, Panel
from worker.windows import Windows, months_apart

#: Months up to `as_of` that a score looks at, or more where its windows lie further back.
HISTORY_MONTHS = 48
_MEASURES = {Measure.PROPORTION: PROPORTION, Measure.RATE: RATE, Measure.MEAN: MEAN}
#: A standard or a smallest change beyond this is a slip; its square must not overflow a score.
LARGEST = 1e9
#: Where a row of months does not reach; in no window.
NO_MONTH = -(10**6)


@dataclass(frozen=True, slots=True)
class Layout:
    """A service's cells along one strand's axis, for several `as_of` at once.

    care : [b, g] minutes of care in the current window, NaN where no census tells.
    planned : [b, g] minutes of planned shifts in it.
    checks : [b, g, m] audits, observations and knowledge checks made.
    check_sizes : [b, g, c] mean items of one event in a channel, NaN without any.
    channel_events : [b, g, c, 2] events that count in baseline and current window.
    attributed : [b, i] share of the current evidence that lies in a segment.
    provided : [b, g] False: no care there in the current window, so nothing to reach.
    """

    axis: Axis
    segments: tuple[str, ...]
    #: What rates are per a thousand of, by look.
    units: tuple[ExposureUnit, ...]
    panel: Panel
    #: What is shown and watched beside the evidence and never judged.
    beside: Panel
    members: Floats
    care: Floats
    planned: Floats
    checks: Floats
    check_sizes: Floats
    channel_events: Floats
    attributed: Floats
    provided: Bools


def evidence_indicators(context: ServiceContext) -> tuple[Indicator, ...]:
    return tuple(indicator for indicator in context.indicators if indicator.evidence)


def indicators_beside(context: ServiceContext) -> tuple[Indicator, ...]:
    """Context that warnings look at: what staff say of themselves, what was recorded late."""
    return tuple(indicator for indicator in context.indicators if not indicator.evidence)


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
    cells: CellColumns,
    as_ofs: Sequence[date],
    windows: Sequence[Windows],
) -> Layout:
    """Arrays of one strand for several `as_of`, each with its own windows.

    Every window needs a current one; the months axis of each ends with its own `as_of`.
    """
    areas = {place.area for place in cells.places}
    axis = axis_of(strand, context, areas)
    segments = segments_along(axis, context, areas)
    placed = placed_along(axis, context, segments, cells.places)
    cut = cut_months(context, cells, placed, len(segments), as_ofs, windows)
    whole, at, unit, panel = cut.whole, cut.at, cut.unit, cut.judged
    care = whole.care_in(at, panel.current, unit)
    planned = (whole.take(whole.planned, at) * panel.current[:, None]).sum(-1)
    seen = (whole.take(whole.seen, at) * panel.current[:, None]).sum(-1) > 0
    return Layout(
        axis=axis,
        segments=segments,
        units=tuple(UNITS[one] for one in unit),
        panel=panel,
        beside=cut.beside,
        members=(panel.indicators.channel == np.arange(len(CHANNELS))[:, None]).astype(float),
        care=care,
        planned=planned,
        checks=whole.take(whole.checks, at),
        check_sizes=whole.check_sizes(at),
        channel_events=np.stack(
            [whole.channel_events(at, window) for window in (panel.baseline, panel.current)],
            axis=-1,
        ),
        attributed=whole.attributed(at, panel.current)[:, : len(panel.indicators)],
        provided=_provided(
            axis, context, segments, windows, care, np.array(unit) == RESIDENTS, planned, seen
        ),
    )


def service_panel(
    context: ServiceContext,
    cells: CellColumns,
    as_ofs: Sequence[date],
    windows: Sequence[Windows],
) -> Panel:
    """All evidence of a service as one segment; its strata are teams and areas, and neither."""
    teams = {"", *(team.code for team in context.teams)}
    pairs = sorted({(place.team, place.area) for place in cells.places if place.team in teams})
    number = {pair: position for position, pair in enumerate(pairs)}
    stratum = np.array(
        [number.get((place.team, place.area), -1) for place in cells.places], dtype=np.int64
    )
    placed = (np.asarray(stratum >= 0), np.zeros_like(stratum), stratum)
    return cut_months(context, cells, placed, 1, as_ofs, windows).judged


class Cut(NamedTuple):
    """The months of a service cut at each `as_of`: positions [b, m] and units of care beside."""

    whole: ServiceMonths
    at: Ints
    unit: list[int]
    judged: Panel
    beside: Panel


def cut_months(
    context: ServiceContext,
    cells: CellColumns,
    placed: tuple[Bools, Ints, Ints],
    segments: int,
    as_ofs: Sequence[date],
    windows: Sequence[Windows],
) -> Cut:
    """Panels of the evidence and of the context beside it; `placed` as of `placed_along`."""
    judged, beside = evidence_indicators(context), indicators_beside(context)
    oldest = cells.oldest or min(as_ofs)
    # Of a programme of long ago only the months that hold anything are laid out.
    reach = [
        min(months_needed(as_of, window), max(HISTORY_MONTHS, months_apart(oldest, as_of) + 1))
        for as_of, window in zip(as_ofs, windows, strict=True)
    ]
    first = max(oldest, add_months(min(as_ofs), 1 - max(reach)))
    length = max(months_apart(first, max(as_ofs)) + 1, 1)
    whole = ServiceMonths(
        [*judged, *beside], cells, *placed, segments, first, length, context.silences
    )
    ends = np.array([months_apart(first, as_of) for as_of in as_ofs])
    back = np.arange(max(reach))[::-1]
    # Each row sees as far back as it would alone, so that a batch changes no score.
    at = np.where(back < np.array(reach)[:, None], ends[:, None] - back, NO_MONTH)
    unit = [whole.unit_in(window, first) for window in windows]
    x, n, squares = whole.sliced(at, unit)
    baseline, current = (
        np.stack([_window_mask(row, first, window) for row, window in zip(at, those, strict=True)])
        for those in ([w.baseline for w in windows], [w.current for w in windows])
    )
    before = np.stack(
        [row < months_apart(first, w.start) for row, w in zip(at, windows, strict=True)]
    ) & (at >= 0)

    def panel_of(indicators: Sequence[Indicator], part: slice) -> Panel:
        return Panel(
            x=x[:, :, :, part],
            n=n[:, :, :, part],
            squares=squares[:, :, :, part],
            indicators=indicator_arrays(indicators),
            baseline=baseline,
            current=current,
            before=before,
        )

    parts = slice(len(judged)), slice(len(judged), None)
    return Cut(whole, at, unit, panel_of(judged, parts[0]), panel_of(beside, parts[1]))


def months_needed(as_of: date, windows: Windows) -> int:
    """How far back a score looks: to the baseline and the year before the start, or further."""
    earliest = min(windows.baseline[0], add_months(windows.start, -12))
    return max(HISTORY_MONTHS, months_apart(earliest, as_of) + 1)


def placed_along(
    axis: Axis, context: ServiceContext, segments: Sequence[str], places: Sequence[Place]
) -> tuple[Bools, Ints, Ints]:
    """Of each place whether its team is known, and its segment and stratum or -1.

    Strata are the teams within a segment, '' for no team; one for all along the team axis. They
    are counted segment by segment: two hundred areas of one team each are two hundred strata,
    not forty thousand.
    """
    teams = {"", *(team.code for team in context.teams)}
    at = {name: position for position, name in enumerate(segments)}
    names = [segment_of(place.team, place.area, place.band, axis) for place in places]
    known = [place.team in teams for place in places]
    within: dict[str, set[str]] = {}
    for name, place, is_known in zip(names, places, known, strict=True):
        if is_known:
            within.setdefault(name, set()).add(place.team)
    order = {name: {team: n for n, team in enumerate(sorted(of))} for name, of in within.items()}
    stratum = [
        0 if axis is Axis.TEAM else order.get(name, {}).get(place.team, -1)
        for name, place in zip(names, places, strict=True)
    ]
    return (
        np.array(known, dtype=bool),
        np.array([at.get(name, -1) for name in names], dtype=np.int64),
        np.array(stratum, dtype=np.int64),
    )


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
