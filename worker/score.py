"""Scoring is one loop over strands: a strand is an axis and a contrast, the rest is the same."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import TypeVar

import numpy as np

from models.axes import CellRow, segment_of
from models.context import ServiceContext
from models.vocabulary import (
    CHECK_CHANNELS,
    AlignmentState,
    Axis,
    Channel,
    Coverage,
    SegmentStatus,
    Strand,
)
from worker.alignment import Alignment, alignment_of, alignment_states, whole_service
from worker.arrays import Layout, lay_out
from worker.course import Course, concerned_channels, course_of
from worker.coverage import coverage_of, share_of_care
from worker.levels import levels_beside, mix_shift, service_level_beside, shrunk_now
from worker.months import CHANNELS
from worker.stats.claims import Claim, claim
from worker.stats.conjunction import least_share
from worker.stats.evidence import Evidence, indicator_evidence
from worker.stats.looks import alpha_of_look, year_of_look
from worker.stats.method import METHODS, Method
from worker.stats.panel import Bools, Floats, Ints
from worker.stats.planning import further_events, planned_power
from worker.stats.rounding import rounded
from worker.stats.segments import Segments, doubled, segments_of
from worker.stats.shrinkage import ShrunkLevels
from worker.stats.standing import Gap, gap_to_benchmark, held_months
from worker.uneven import Unevenness, uneven_of
from worker.windows import Windows

MOVING_ALPHA, MOVING_GAIN = 0.05, 0.5


#: What a provider can do more of, the least effort first: one kind of check, or all of them.
ADVISED: tuple[tuple[Channel, ...], ...] = (
    (Channel.AUDIT,),
    (Channel.OBSERVATION,),
    (Channel.STAFF_KNOWLEDGE,),
    (Channel.FEEDBACK,),
    CHECK_CHANNELS,
    (*CHECK_CHANNELS, Channel.FEEDBACK),
)


@dataclass(frozen=True, slots=True)
class StrandScore:
    """All that was computed of one strand for one `as_of`; arrays are [g] unless shaped."""

    strand: Strand
    axis: Axis
    as_of: date
    codes: tuple[str, ...]
    alpha: float
    status: tuple[SegmentStatus, ...]
    coverage: tuple[Coverage, ...]
    bound: int
    bound_by_change: int
    worsened_bound: int
    #: The look that made the claim; an earlier one where it still stands.
    claimed_in: date | None
    named: Bools
    named_worsened: Bools
    p_improved: Floats
    p_adjusted: Floats
    g: Floats
    g_variance: Floats
    channel_z: Floats
    channel_g: Floats
    channel_variance: Floats
    channel_n: Floats
    at_standard: Bools
    held: Ints
    power: Floats
    gap: Gap
    evidence: Evidence
    share_of_care: Floats
    share_of_checks: Floats
    share_known: bool
    check_sizes: Floats
    #: [g, a], further events of each advice in `ADVISED` that would make a change visible.
    further: Floats
    #: Change of who the segment is made of, 0 to 1: share of its evidence from other teams.
    mix_shift: Floats
    #: [i], share of the current evidence that names a segment, NaN without any.
    attributed: Floats
    #: [g, i], levels of context at baseline and now, in the order of `indicators_beside`.
    beside_baseline: Floats
    beside_now: Floats
    #: [i], the same now over all segments.
    service_beside: Floats
    #: Channels whose control charts are in concern in the month of `as_of`.
    concerns: Ints
    uneven: Unevenness
    course: Course
    shrunk: ShrunkLevels
    alignment: Alignment | None
    #: The service as a whole, [1].
    whole: Alignment | None
    states: tuple[AlignmentState, ...]

    @property
    def counted(self) -> Bools:
        """Segments with care: what the claim is a share of."""
        care = [status is not SegmentStatus.NOT_PROVIDED for status in self.status]
        return np.array(care, dtype=bool)

    def segment_of(self, team: str, area: str, band: str) -> str:
        """The segment that evidence of a team, area and band lies in, '' for none."""
        return segment_of(team, area, band, self.axis)

    @property
    def share_reached(self) -> float:
        """Smallest share of care that the claim can mean."""
        counted = self.counted
        if not counted.any():
            return 0.0
        share = self.share_of_care[counted] / self.share_of_care[counted].sum()
        return least_share(share, self.named[counted], self.bound)


def score_strand(
    strand: Strand,
    context: ServiceContext,
    cells: Sequence[CellRow],
    as_ofs: Sequence[date],
    windows: Sequence[Windows],
) -> list[StrandScore]:
    """Score one strand of one service for several `as_of`, in their order, in one call.

    A claim stands within its year of looks: what is claimed of the last of them depends on those
    of the same year before it.
    """
    method = METHODS[context.choices.method]
    layout = lay_out(strand, context, cells, as_ofs, windows)
    evidence = indicator_evidence(layout.panel)
    required = context.choices.channels_required
    external = layout.panel.indicators.external
    everything = np.ones_like(external)
    whole = segments_of(evidence, layout.members, required, everything, method)
    alignment = whole_alignment = None
    parts = [(everything, required)]
    p_improved, p_stronger = whole.p_improved, whole.p_stronger(method)
    p_change, p_worsened = whole.p_stronger_by_change(method), whole.p_worsened
    p_standard = whole.p_standard
    lacking = (whole.channels_both < required) & (whole.channels_now < required)
    if strand is Strand.EVIDENCE_ALIGNMENT:
        inside = segments_of(evidence, layout.members, required, ~external, method)
        outside = segments_of(evidence, layout.members, 1, external, method)
        p_improved = np.maximum(inside.p_improved, outside.p_improved)
        p_stronger = np.maximum(inside.p_stronger(method), outside.p_stronger(method))
        p_change = np.maximum(
            inside.p_stronger_by_change(method), outside.p_stronger_by_change(method)
        )
        p_standard = np.maximum(inside.p_standard, outside.p_standard)
        p_worsened = doubled(inside.p_worsened, outside.p_worsened)
        lacking = _lacking(inside, required) | _lacking(outside, 1)
        parts = [(~external, required), (external, 1)]
        alignment = alignment_of(layout.panel, layout.members, inside, outside)
        whole_alignment = whole_service(layout.panel, layout.members, required, method)
    mixed = whole.mixed
    p_stronger = np.where(lacking | mixed, 1.0, p_stronger)
    p_change = np.where(lacking | mixed, 1.0, p_change)
    alpha = np.array([alpha_of_look(window.look, window.first_full, method) for window in windows])
    years = [year_of_look(window.look) for window in windows]

    def claimed(p: Floats) -> Claim:
        return claim(np.where(layout.provided, p, np.nan), alpha, years, method)

    reached, by_change, worsened = claimed(p_stronger), claimed(p_change), claimed(p_worsened)
    held = held_months(layout.panel, layout.members)
    gap = gap_to_benchmark(evidence, layout.panel.indicators, layout.provided)
    power = planned_power(evidence, layout.members, required, everything, alpha, method)
    further = np.stack(
        [_further(layout, evidence, parts, alpha, channels, method) for channels in ADVISED],
        axis=-1,
    )
    uneven = uneven_of(evidence, layout.panel, layout.members, whole, layout.provided)
    course = course_of(
        layout.panel, evidence, layout.members, reached.named, context.choices.spc_rules
    )
    shrunk = shrunk_now(layout, evidence)
    before, now = levels_beside(layout.beside)
    service_now = service_level_beside(layout.beside)
    shift = mix_shift(layout.panel)
    concerns = concerned_channels(course, layout.members)
    states = alignment_states(alignment) if alignment is not None else []
    scores = []
    for row, window in enumerate(windows):
        named, named_worsened = reached.named[row], worsened.named[row]
        share, share_known = share_of_care(layout, row, strand, context, window)
        checks, coverage = coverage_of(layout, row, share)
        scores.append(
            StrandScore(
                strand=strand,
                axis=layout.axis,
                as_of=as_ofs[row],
                codes=layout.segments,
                alpha=float(alpha[row]),
                status=_statuses(
                    layout.provided[row],
                    lacking[row],
                    named_worsened,
                    mixed[row],
                    named,
                    (rounded(p_improved[row]) <= MOVING_ALPHA)
                    | (np.nan_to_num(whole.g[row]) >= MOVING_GAIN),
                ),
                coverage=coverage,
                bound=int(reached.bound[row]),
                bound_by_change=int(by_change.bound[row]),
                worsened_bound=int(worsened.bound[row]),
                claimed_in=as_ofs[reached.made_at[row]] if reached.made_at[row] >= 0 else None,
                named=named,
                named_worsened=named_worsened,
                p_improved=p_improved[row],
                p_adjusted=reached.adjusted[row],
                g=whole.g[row],
                g_variance=whole.g_variance[row],
                channel_z=whole.z[row],
                channel_g=whole.channel_g[row],
                channel_variance=whole.channel_variance[row],
                channel_n=layout.channel_events[row],
                at_standard=rounded(p_standard[row]) <= MOVING_ALPHA,
                held=held[row],
                power=power[row],
                gap=at_row(gap, row),
                evidence=at_row(evidence, row),
                share_of_care=share,
                share_of_checks=checks,
                share_known=share_known,
                check_sizes=layout.check_sizes[row],
                further=further[row],
                mix_shift=shift[row],
                attributed=layout.attributed[row],
                beside_baseline=before[row],
                beside_now=now[row],
                service_beside=service_now[row],
                concerns=concerns[row],
                uneven=at_row(uneven, row),
                course=at_row(course, row),
                shrunk=at_row(shrunk, row),
                alignment=None if alignment is None else at_row(alignment, row),
                whole=None if whole_alignment is None else at_row(whole_alignment, row),
                states=tuple(states[row]) if states else (),
            )
        )
    return scores


def _further(
    layout: Layout,
    evidence: Evidence,
    parts: Sequence[tuple[Bools, int]],
    alpha: Floats,
    channels: Sequence[Channel],
    method: Method,
) -> Floats:
    """Further events of each of these channels that would do for every part of the contrast."""
    places = [CHANNELS.index(channel) for channel in channels]
    needed = [
        further_events(
            evidence, layout.members, required, chosen, alpha, layout.check_sizes, places, method
        )
        for chosen, required in parts
        if (layout.members[places] * chosen).any()
    ]
    return np.asarray(np.fmax.reduce(needed)) if needed else np.full(layout.provided.shape, np.nan)


def _lacking(part: Segments, required: int) -> Bools:
    return np.asarray((part.channels_both < required) & (part.channels_now < required))


Arrays = TypeVar("Arrays")


def at_row(of: Arrays, row: int) -> Arrays:
    """One look of a value whose arrays all begin with the axis of looks."""
    values = [getattr(of, field.name) for field in fields(of)]  # type: ignore[arg-type]  # a frozen dataclass
    return type(of)(*(at_row(v, row) if is_dataclass(v) else v[row] for v in values))


def _statuses(
    provided: Bools, lacking: Bools, worsened: Bools, mixed: Bools, named: Bools, moving: Bools
) -> tuple[SegmentStatus, ...]:
    """The first that holds, in the order of the method."""
    order = (
        (~provided, SegmentStatus.NOT_PROVIDED),
        (lacking, SegmentStatus.INSUFFICIENT),
        (worsened, SegmentStatus.WORSENED),
        (mixed, SegmentStatus.MIXED),
        (named, SegmentStatus.REACHED),
        (moving, SegmentStatus.MOVING),
    )
    return tuple(
        next((status for holds, status in order if holds[segment]), SegmentStatus.NOT_SHOWN)
        for segment in range(len(provided))
    )
