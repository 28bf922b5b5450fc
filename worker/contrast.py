"""What a strand asks of its segments: all evidence of a team or band, or inside and outside."""

from dataclasses import dataclass

import numpy as np

from models.vocabulary import Strand
from worker.alignment import Alignment, alignment_of, whole_service
from worker.arrays import Layout
from worker.stats.evidence import Evidence
from worker.stats.method import Method
from worker.stats.panel import Bools, Floats, Panel
from worker.stats.segments import Segments, doubled, segments_of


@dataclass(frozen=True, slots=True)
class Contrast:
    """The tests of every segment at every look, [b, g].

    whole : scores over all evidence, whatever the strand asks.
    p_stronger, p_change : 1 where a segment is mixed or lacks evidence for either test.
    lacking : too few channels for either test.
    parts : indicators that each have to show it, with the channels required of them.
    alignment, service : inside against outside of each segment and of the whole service.
    """

    whole: Segments
    p_improved: Floats
    p_standard: Floats
    p_stronger: Floats
    p_change: Floats
    p_worsened: Floats
    lacking: Bools
    parts: list[tuple[Bools, int]]
    alignment: Alignment | None = None
    service: Alignment | None = None

    @property
    def mixed(self) -> Bools:
        return self.whole.mixed


def contrast_of(
    strand: Strand,
    layout: Layout,
    evidence: Evidence,
    service: Panel | None,
    required: int,
    method: Method,
) -> Contrast:
    """`service` is all evidence as one segment, for the strand that asks for it."""
    external = layout.panel.indicators.external
    everything = np.ones_like(external)
    whole = segments_of(evidence, layout.members, required, everything, method)
    if strand is not Strand.EVIDENCE_ALIGNMENT:
        none = _lacking(whole, required)
        return Contrast(
            whole=whole,
            p_improved=whole.p_improved,
            p_standard=whole.p_standard,
            p_stronger=np.where(none, 1.0, whole.p_stronger(method)),
            p_change=np.where(none, 1.0, whole.p_stronger_by_change(method)),
            p_worsened=whole.p_worsened,
            lacking=none,
            parts=[(everything, required)],
        )
    inside = segments_of(evidence, layout.members, required, ~external, method)
    outside = segments_of(evidence, layout.members, 1, external, method)
    none = _lacking(inside, required) | _lacking(outside, 1)
    barred = none | whole.mixed
    stronger = np.maximum(inside.p_stronger(method), outside.p_stronger(method))
    change = np.maximum(inside.p_stronger_by_change(method), outside.p_stronger_by_change(method))
    return Contrast(
        whole=whole,
        p_improved=np.maximum(inside.p_improved, outside.p_improved),
        p_standard=np.maximum(inside.p_standard, outside.p_standard),
        p_stronger=np.where(barred, 1.0, stronger),
        p_change=np.where(barred, 1.0, change),
        p_worsened=doubled(inside.p_worsened, outside.p_worsened),
        lacking=none,
        parts=[(~external, required), (external, 1)],
        alignment=alignment_of(layout.panel, layout.members, inside, outside),
        service=None
        if service is None
        else whole_service(service, layout.members, required, method),
    )


def _lacking(part: Segments, required: int) -> Bools:
    return np.asarray((part.channels_both < required) & (part.channels_now < required))
