"""Scoring is one loop over strands: a strand is an axis and a contrast, the rest is the same."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import TypeVar

import numpy as np

from models.axes import segment_of, spoken_name
from models.context import ServiceContext
from models.vocabulary import (
    AlignmentState,
    Axis,
    Coverage,
    ExposureUnit,
    SegmentStatus,
    Strand,
)
from worker.advised import ADVISED, further_of
from worker.alignment import Alignment, alignment_states
from worker.arrays import lay_out, service_panel
from worker.columns import CellColumns
from worker.contrast import contrast_of
from worker.course import Course, concerned_channels, course_of
from worker.coverage import coverage_of, share_of_care
from worker.levels import levels_beside, mix_shift, service_level_beside, shrunk_now
from worker.stats.claims import Claim, claim
from worker.stats.conjunction import least_share
from worker.stats.evidence import Evidence, indicator_evidence
from worker.stats.looks import alpha_of_look, year_of_look
from worker.stats.method import METHODS
from worker.stats.panel import Bools, Floats, Ints
from worker.stats.planning import planned_power
from worker.stats.rounding import rounded
from worker.stats.shrinkage import ShrunkLevels
from worker.stats.standing import Gap, gap_to_benchmark, held_months
from worker.uneven import Unevenness, uneven_of
from worker.windows import Windows

MOVING_ALPHA, MOVING_GAIN = 0.05, 0.5


@dataclass(frozen=True, slots=True)
class StrandScore:
    """All that was computed of one strand for one `as_of`; arrays are [g] unless shaped."""

    strand: Strand
    axis: Axis
    as_of: date
    codes: tuple[str, ...]
    #: How segments are called within a sentence.
    spoken: tuple[str, ...]
    #: What rates are per a thousand of.
    unit: ExposureUnit
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
    cells: CellColumns,
    as_ofs: Sequence[date],
    windows: Sequence[Windows],
    asked: Container[date] | None = None,
) -> list[StrandScore]:
    """Score one strand of one service for several `as_of`, in their order, in one call.

    A claim stands within its year of looks: what is claimed of the last of them depends on those
    of the same year before it. Advice is worked out for the `asked` ones alone, or for all.
    """
    method = METHODS[context.choices.method]
    layout = lay_out(strand, context, cells, as_ofs, windows)
    evidence = indicator_evidence(layout.panel)
    required = context.choices.channels_required
    aligned = strand is Strand.EVIDENCE_ALIGNMENT
    service = service_panel(context, cells, as_ofs, windows) if aligned else None
    asks = contrast_of(strand, layout, evidence, service, required, method)
    alpha = np.array([alpha_of_look(window.look, window.first_full, method) for window in windows])
    years = [year_of_look(window.look) for window in windows]

    def claimed(p: Floats) -> Claim:
        return claim(np.where(layout.provided, p, np.nan), alpha, years, method)

    reached, by_change, worsened = (
        claimed(p) for p in (asks.p_stronger, asks.p_change, asks.p_worsened)
    )
    held = held_months(layout.panel, layout.members)
    gap = gap_to_benchmark(evidence, layout.panel.indicators, layout.provided)
    power = np.minimum.reduce(
        [
            planned_power(
                evidence, layout.members, least, chosen, alpha * method.share_of_change, method
            )
            for chosen, least in asks.parts
        ]
    )
    wanted = np.array([asked is None or as_of in asked for as_of in as_ofs])
    further = np.full((*layout.provided.shape, len(ADVISED)), np.nan)
    further[wanted] = further_of(
        at_row(evidence, wanted),
        layout.members,
        layout.check_sizes[wanted],
        asks.parts,
        alpha[wanted] * method.share_of_change,
        method,
    )
    uneven = uneven_of(evidence, layout.panel, layout.members, asks.whole, layout.provided)
    course = course_of(
        layout.panel, evidence, layout.members, reached.named, context.choices.spc_rules
    )
    shrunk = shrunk_now(layout, evidence)
    before, now = levels_beside(layout.beside)
    service_now = service_level_beside(layout.beside)
    shift = mix_shift(layout.panel)
    concerns = concerned_channels(course, layout.members)
    states = [] if asks.alignment is None else alignment_states(asks.alignment)
    spoken = tuple(spoken_name(context, layout.axis, code) for code in layout.segments)
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
                spoken=spoken,
                unit=layout.units[row],
                alpha=float(alpha[row]),
                status=_statuses(
                    layout.provided[row],
                    asks.lacking[row],
                    named_worsened,
                    asks.mixed[row],
                    named,
                    (rounded(asks.p_improved[row]) <= MOVING_ALPHA)
                    | (np.nan_to_num(asks.whole.g[row]) >= MOVING_GAIN),
                ),
                coverage=coverage,
                bound=int(reached.bound[row]),
                bound_by_change=int(by_change.bound[row]),
                worsened_bound=int(worsened.bound[row]),
                claimed_in=as_ofs[reached.made_at[row]] if reached.made_at[row] >= 0 else None,
                named=named,
                named_worsened=named_worsened,
                p_improved=asks.p_improved[row],
                p_adjusted=reached.adjusted[row],
                g=asks.whole.g[row],
                g_variance=asks.whole.g_variance[row],
                channel_z=asks.whole.z[row],
                channel_g=asks.whole.channel_g[row],
                channel_variance=asks.whole.channel_variance[row],
                channel_n=layout.channel_events[row],
                at_standard=rounded(asks.p_standard[row]) <= MOVING_ALPHA,
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
                alignment=None if asks.alignment is None else at_row(asks.alignment, row),
                whole=None if asks.service is None else at_row(asks.service, row),
                states=tuple(states[row]) if states else (),
            )
        )
    return scores


Arrays = TypeVar("Arrays")


def at_row(of: Arrays, row: int | Bools) -> Arrays:
    """One look, or some looks, of a value whose arrays all begin with the axis of looks."""
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
