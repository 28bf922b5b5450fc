"""Inside against outside: whether people feel what the provider measures, and how much later."""

from dataclasses import dataclass

import numpy as np

from models.vocabulary import AlignmentState
from worker.stats.agreement import Lag, following
from worker.stats.evidence import Evidence, indicator_evidence
from worker.stats.method import Method
from worker.stats.monthly import monthly_change
from worker.stats.panel import Bools, Floats, Panel
from worker.stats.segments import Segments, segments_of
from worker.uneven import Z95

#: People need not feel all of it at once: half of what is measured inside is not slower.
PACE = 0.5
#: Within one meaningful change of no change is flat.
FLAT = 1.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """Inside and outside views of the same segments, [b, g]; the service as a whole as [b, 1].

    internal, external and their variances : mean change in meaningful changes.
    pace, pace_error : external less half of internal, and its standard error.
    lag : months by which what people say follows what is measured.
    """

    internal: Floats
    internal_variance: Floats
    external: Floats
    external_variance: Floats
    lag: Lag

    @property
    def pace(self) -> Floats:
        return self.external - PACE * self.internal

    @property
    def pace_error(self) -> Floats:
        """Taken as if the two moved independently: moving together would make it smaller."""
        return np.sqrt(self.external_variance + PACE**2 * self.internal_variance)

    @property
    def internal_improved(self) -> Bools:
        return _above(self.internal, self.internal_variance, 0.0)

    @property
    def slower(self) -> Bools:
        """Asked only where inside improved: not shown to be at least half as fast outside."""
        with np.errstate(invalid="ignore"):
            kept_up = self.pace - Z95 * self.pace_error > 0
        return np.asarray(self.internal_improved & ~kept_up)


def alignment_of(panel: Panel, members: Floats, inside: Segments, outside: Segments) -> Alignment:
    """The contrast of every segment; `inside` and `outside` are scored over the same evidence."""
    external = panel.indicators.external
    return Alignment(
        inside.g,
        inside.g_variance,
        outside.g,
        outside.g_variance,
        following(
            monthly_change(panel, members * external), monthly_change(panel, members * ~external)
        ),
    )


def whole_service(one: Panel, members: Floats, required: int, method: Method) -> Alignment:
    """The same contrast of the service as a whole: a panel of one segment, with all it was told.

    What people say often names no team; here it counts all the same.
    """
    evidence: Evidence = indicator_evidence(one)
    external = one.indicators.external
    inside = segments_of(evidence, members, required, ~external, method)
    outside = segments_of(evidence, members, 1, external, method)
    return alignment_of(one, members, inside, outside)


def alignment_states(of: Alignment) -> list[list[AlignmentState]]:
    """What each segment's contrast says at each look; the first that holds."""
    improved_in, improved_out = of.internal_improved, _above(of.external, of.external_variance, 0)
    worse_in = _above(-of.internal, of.internal_variance, 0)
    worse_out = _above(-of.external, of.external_variance, 0)
    flat = _within(of.internal, of.internal_variance) & _within(of.external, of.external_variance)
    order = (
        ((improved_in & worse_out) | (worse_in & improved_out), AlignmentState.DIVERGING),
        (improved_in & improved_out & ~of.slower, AlignmentState.ALIGNED),
        (improved_in & of.slower, AlignmentState.INTERNAL_AHEAD),
        (improved_out & ~improved_in, AlignmentState.EXTERNAL_AHEAD),
        (flat, AlignmentState.BOTH_FLAT),
    )
    return [
        [
            next((state for holds, state in order if holds[row, segment]), _OTHERWISE)
            for segment in range(of.internal.shape[1])
        ]
        for row in range(of.internal.shape[0])
    ]


_OTHERWISE = AlignmentState.UNDETERMINED


def _above(value: Floats, variance: Floats, edge: float) -> Bools:
    with np.errstate(invalid="ignore"):
        return np.asarray(value - Z95 * np.sqrt(variance) > edge)


def _within(value: Floats, variance: Floats) -> Bools:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(value) + Z95 * np.sqrt(variance) < FLAT)
