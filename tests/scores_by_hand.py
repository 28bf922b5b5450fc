"""Strands written by hand: one letter a segment, and whatever else a verdict looks at."""

from dataclasses import fields, replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from models.vocabulary import Axis, Coverage, SegmentStatus, Strand
from tests.evidence_by_hand import cells, context
from worker.advised import ADVISED
from worker.columns import columns_of
from worker.months import CHANNELS
from worker.score import StrandScore, score_strand
from worker.stats.evidence import Evidence
from worker.stats.standing import Gap
from worker.windows import windows_of

STATUS = {
    "R": SegmentStatus.REACHED,
    "m": SegmentStatus.MOVING,
    "n": SegmentStatus.NOT_SHOWN,
    "i": SegmentStatus.INSUFFICIENT,
    "x": SegmentStatus.MIXED,
    "w": SegmentStatus.WORSENED,
    "-": SegmentStatus.NOT_PROVIDED,
}
COVERAGE = {"a": Coverage.ADEQUATE, "t": Coverage.THIN, "0": Coverage.ABSENT}
AXIS = {
    Strand.TEAM_SPREAD: Axis.TEAM,
    Strand.SHIFT_COVERAGE: Axis.BAND,
    Strand.EVIDENCE_ALIGNMENT: Axis.AREA,
}
AS_OF = date(2026, 9, 1)
WINDOWS = windows_of(context(), AS_OF, None)


def no_evidence(g: int) -> Evidence:
    """One indicator, seen everywhere, its season known."""
    by_segment = dict.fromkeys((one.name for one in fields(Evidence)), np.ones((g, 1)))
    by_service: dict[str, Any] = {
        "correlation": np.ones((1, 1)),
        "df": np.array([20.0]),
        "autocorrelation": np.zeros(1),
        "season_known": np.array([True]),
    }
    return Evidence(**{**by_segment, **by_service})


@cache
def scored(g: int) -> StrandScore:
    """A strand of so many teams that never changed; what a test is about is put in its place."""
    names = tuple(f"s{place}" for place in range(g))
    rows = cells(names, first=date(2024, 12, 1))
    found = score_strand(Strand.TEAM_SPREAD, context(names), columns_of(rows), [AS_OF], [WINDOWS])
    return found[0]


def score(
    segments: str,
    bound: int,
    *,
    strand: Strand = Strand.TEAM_SPREAD,
    worsened: int = 0,
    power: float = 0.9,
    held: int = 6,
    material: str = "",
    coverage: str = "",
    share: list[float] | None = None,
    by_change: int | None = None,
) -> StrandScore:
    """A strand by one letter a segment; `material` marks gaps and `coverage` a, t or 0 likewise."""
    status = tuple(STATUS[letter] for letter in segments)
    g, c = len(status), len(CHANNELS)
    care = np.array([one is not SegmentStatus.NOT_PROVIDED for one in status], dtype=float)
    nothing = np.full((g, 1), np.nan)
    gaps = np.array([mark == "!" for mark in material.ljust(g, ".")])[:, None]
    return replace(
        scored(g),
        strand=strand,
        axis=AXIS[strand],
        codes=tuple(f"s{place}" for place in range(g)),
        spoken=tuple(f"S{place}" for place in range(g)),
        alpha=0.03,
        status=status,
        coverage=tuple(COVERAGE[mark] for mark in coverage.ljust(g, "a")),
        bound=bound,
        bound_by_change=bound if by_change is None else by_change,
        worsened_bound=worsened,
        claimed_in=None,
        named=np.array([one is SegmentStatus.REACHED for one in status]),
        named_worsened=np.array([one is SegmentStatus.WORSENED for one in status]),
        p_improved=np.ones(g),
        p_adjusted=np.ones(g),
        g=np.ones(g),
        g_variance=np.ones(g),
        channel_z=np.zeros((g, c)),
        channel_g=np.zeros((g, c)),
        channel_variance=np.ones((g, c)),
        channel_n=np.ones((g, c, 2)),
        at_standard=np.ones(g, dtype=bool),
        held=np.full(g, held),
        power=np.full(g, power),
        gap=Gap(nothing, nothing, nothing, nothing, gaps, ~gaps),
        evidence=no_evidence(g),
        share_of_care=care / max(care.sum(), 1) if share is None else np.array(share),
        share_of_checks=care / max(care.sum(), 1),
        share_known=True,
        check_sizes=np.ones((g, c)),
        further=np.full((g, len(ADVISED)), np.nan),
    )
