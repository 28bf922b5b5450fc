"""Simulated monthly counts as the arrays that are judged, many runs of one service at a time.

Goes round events, cells and the database, so that thousands of services are scored in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cli.simulate import INDEX, INDICATORS, NO_BAND, RATE, Array, Plan
from cli.simulate_draw import Counts
from models.catalogue import STARTER
from models.context import ProviderChoices
from models.vocabulary import Axis, Strand
from worker.arrays import indicator_arrays
from worker.months import CHANNELS
from worker.stats.conjunction import lower_bound
from worker.stats.evidence import indicator_evidence
from worker.stats.method import DEFAULT, Method
from worker.stats.panel import Bools, Floats, Ints, Panel
from worker.stats.rounding import rounded
from worker.stats.segments import Segments, doubled, segments_of

#: What the simulator draws and the catalogue counts as evidence.
JUDGED = tuple(one.code for one in STARTER if one.evidence and one.code in INDEX)
#: Channels that have to agree where a provider chose nothing else.
REQUIRED = ProviderChoices().channels_required
CATALOGUE = {one.code: one for one in STARTER}
assert set(JUDGED) == {one.code for one in INDICATORS if one.channel is not None}


@dataclass(frozen=True, slots=True)
class Span:
    """Months of a plan, counted from 0: the programme's start month and the last one judged."""

    start: int
    as_of: int
    baseline_months: int = 6
    current_months: int = 3

    def __post_init__(self) -> None:
        if not self.baseline_months <= self.start < self.as_of:
            raise ValueError("the baseline lies before the start, and the start before `as_of`")


def panel_of(
    counts: Counts, plan: Plan, span: Span, axis: Axis = Axis.TEAM, codes: Sequence[str] = JUDGED
) -> Panel:
    """Counts of many runs along an axis; a team is a stratum of bands and areas.

    Evidence that names no band is in none; rates are per as many resident-days as the catalogue
    says.
    """
    return panels_of(counts, plan, [span], axis, codes)[0]


def panels_of(
    counts: Counts, plan: Plan, spans: Sequence[Span], axis: Axis, codes: Sequence[str] = JUDGED
) -> list[Panel]:
    """The same at several looks, which share their months and differ in how many there are."""
    chosen = [INDEX[code] for code in codes]
    per = np.array([CATALOGUE[code].per if RATE[INDEX[code]] else 1 for code in codes])
    indicators = indicator_arrays([CATALOGUE[code] for code in codes])
    longest = max(span.as_of for span in spans) + 1
    x, n, squares = (
        _along(values[..., chosen, :longest].astype(np.float64), plan, axis)
        for values in (counts.x, counts.n, counts.sum_squares)
    )
    n = n / per[:, None]
    panels = []
    for span in spans:
        length = span.as_of + 1
        first = max(span.start + 1, length - span.current_months)
        panels.append(
            Panel(
                x=x[..., :length],
                n=n[..., :length],
                squares=squares[..., :length],
                indicators=indicators,
                baseline=_months(len(x), length, span.start - span.baseline_months, span.start),
                current=_months(len(x), length, first, length),
                before=_months(len(x), length, 0, span.start),
            )
        )
    return panels


def _months(runs: int, length: int, low: int, high: int) -> Bools:
    position = np.arange(length)
    return np.broadcast_to((position >= low) & (position < high), (runs, length))


def _along(values: Array, plan: Plan, axis: Axis) -> Floats:
    """[runs, teams, places, i, m] as [runs, g, k, i, m]."""
    if axis is Axis.TEAM:
        return np.asarray(values.sum(axis=2, keepdims=True))
    if axis is Axis.BAND:
        return np.ascontiguousarray(values[:, :, :NO_BAND].swapaxes(1, 2))
    total = values.sum(axis=2)
    areas = sorted({team.area or team.code for team in plan.teams})
    member = [[(team.area or team.code) == area for team in plan.teams] for area in areas]
    within = np.array(member, dtype=np.float64)
    return np.asarray(total[:, None] * within[:, :, None, None])


def judged(panel: Panel) -> Segments:
    """Every run's segments by the kernel, as a strand without a contrast is scored."""
    return segments_of(
        indicator_evidence(panel),
        members_of(panel),
        REQUIRED,
        np.ones(len(panel.indicators), dtype=bool),
        DEFAULT,
    )


def members_of(panel: Panel) -> Floats:
    """Which indicators belong to which channel, [c, i]."""
    of = panel.indicators.channel == np.arange(len(CHANNELS))[:, None]
    return np.asarray(of, dtype=np.float64)


def strand_p(panel: Panel, strand: Strand, method: Method) -> tuple[Floats, Floats]:
    """p of the stronger position and of having become worse, [runs, g], as a strand is scored.

    Inside and outside have to agree where they are held against each other.
    """
    evidence, members = indicator_evidence(panel), members_of(panel)
    external = panel.indicators.external
    whole = segments_of(evidence, members, REQUIRED, np.ones_like(external), method)
    if strand is not Strand.EVIDENCE_ALIGNMENT:
        return whole.p_stronger(method), whole.p_worsened
    inside = segments_of(evidence, members, REQUIRED, ~external, method)
    outside = segments_of(evidence, members, 1, external, method)
    p = np.maximum(inside.p_stronger(method), outside.p_stronger(method))
    worse = doubled(inside.p_worsened, outside.p_worsened)
    return np.asarray(np.where(whole.mixed, 1.0, p)), worse


def claimed(segments: Segments, alpha: float, method: Method = DEFAULT) -> Ints:
    """`reached_at_least` of every run at one look."""
    return lower_bound(rounded(segments.p_stronger(method)), alpha)


def claimed_worse(segments: Segments, alpha: float) -> Ints:
    """`worsened_at_least` of every run."""
    return lower_bound(rounded(segments.p_worsened), alpha)
