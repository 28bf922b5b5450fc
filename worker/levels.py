"""Levels to show and to watch: shrunk ones of the evidence, plain ones of the context beside it."""

import numpy as np

from worker.arrays import Layout
from worker.stats.evidence import Evidence
from worker.stats.panel import Floats, Panel, safe_divide, window_sums
from worker.stats.shrinkage import ShrunkLevels, shrunk_levels


def shrunk_now(layout: Layout, evidence: Evidence) -> ShrunkLevels:
    """Current levels of every indicator and segment, drawn towards what the segments share."""
    now = window_sums(layout.panel, layout.panel.current)
    x, n, squares = (part.sum(2) for part in (now.x, now.n, now.squares))
    provided = layout.provided[..., None]
    return shrunk_levels(
        x, np.where(provided, n, 0.0), squares, layout.panel.indicators.measure, evidence.phi
    )


def levels_beside(beside: Panel) -> tuple[Floats, Floats]:
    """Levels of context at baseline and now, [b, g, i] each; NaN without any."""
    before, now = (window_sums(beside, each) for each in (beside.baseline, beside.current))
    return (
        safe_divide(before.x.sum(2), before.n.sum(2), np.nan),
        safe_divide(now.x.sum(2), now.n.sum(2), np.nan),
    )


def service_level_beside(beside: Panel) -> Floats:
    """Current level of context over all segments, [b, i]."""
    now = window_sums(beside, beside.current)
    return safe_divide(now.x.sum((1, 2)), now.n.sum((1, 2)), np.nan)


def mix_shift(panel: Panel) -> Floats:
    """How much a segment is made of other teams than at baseline, [b, g], from 0 to 1.

    Total variation distance between the shares of its strata in the two windows, mean over the
    indicators it has in both. The scores are stratified, so that this explains and never counts.
    """
    before, now = window_sums(panel, panel.baseline).n, window_sums(panel, panel.current).n
    first, last = (safe_divide(each, each.sum(2, keepdims=True)) for each in (before, now))
    both = (before.sum(2) > 0) & (now.sum(2) > 0)
    moved = np.where(both, np.abs(last - first).sum(2) / 2, 0.0)
    return safe_divide(moved.sum(-1), both.sum(-1).astype(np.float64))
