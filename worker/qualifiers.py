"""What a reader has to know beside a level: how recent, how thin, whose, and from what source."""

from collections.abc import Sequence

import msgspec
import numpy as np

from models.vocabulary import Band, Coverage, GapState, Level, SourceCategory
from worker.score import StrandScore
from worker.shown_spread import gap_state
from worker.stats.combination import upper_tail
from worker.stats.panel import Bools
from worker.stats.rounding import rounded
from worker.stats.segments import DESCRIPTIVE_ALPHA
from worker.windows import Windows

HELD_MONTHS = 3
#: Share of a segment's evidence that comes from other teams than at baseline; more is a shift.
SHIFTED_MIX = 0.2
#: Share of due doses recorded late; what was written down afterwards is not what was seen.
BACKFILLED_SHARE = 0.1


class Beside(msgspec.Struct, frozen=True):
    """What qualifies a verdict and is told by more than its own strand's evidence.

    categories : kind of source of each indicator. backfilled : share of due doses recorded late.
    """

    categories: tuple[SourceCategory, ...] = ()
    uneven_by_time: bool = False
    one_manager: bool = False
    backfilled: float = 0.0


def qualifiers(
    score: StrandScore, windows: Windows, level: Level, beside: Beside
) -> tuple[str, ...]:
    """What a reader has to know beside the level; in the order of the method."""
    if level is Level.NOT_APPLICABLE:
        return ()
    seen = ~np.isnan(score.evidence.z).all(0)
    thin = any(
        coverage is not Coverage.ADEQUATE
        for coverage, counted in zip(score.coverage, score.counted, strict=True)
        if counted
    )
    below = bool((score.named & ~score.at_standard).any())
    found = (
        ("recent", bool(recent(score))),
        ("levelling_down", gap_state(score) is GapState.LEVELLING_DOWN),
        ("uneven_by_time", beside.uneven_by_time),
        ("internal_ahead", internal_ahead(score)),
        ("thin_evidence", thin),
        ("one_source", one_source(score, beside.categories)),
        ("one_manager", beside.one_manager),
        ("composition_shift", bool((rounded(score.mix_shift) > SHIFTED_MIX).any())),
        ("backfilled", beside.backfilled > BACKFILLED_SHARE),
        ("season_not_controlled", bool((seen & ~score.evidence.season_known).any())),
        ("sliding_baseline", windows.sliding),
        ("post_hoc", windows.post_hoc),
        ("share_unknown", not score.share_known),
        ("below_standard", below),
    )
    return tuple(code for code, holds in found if holds)


def uneven_by_time(shifts: StrandScore) -> bool:
    """Weekday daytime is reached by name and another band with care is not."""
    core = shifts.codes.index(Band.WEEKDAY_DAY)
    return bool(shifts.named[core] and (shifts.counted & ~shifts.named).any())


def one_source(score: StrandScore, categories: Sequence[SourceCategory]) -> bool:
    """All improvement of the named segments comes out of one kind of source."""
    with np.errstate(invalid="ignore"):
        better = upper_tail(score.evidence.z[score.named]) <= DESCRIPTIVE_ALPHA
    speaking: Bools = np.asarray(better.any(0), dtype=bool)
    return len({one for one, says in zip(categories, speaking, strict=False) if says}) == 1


def internal_ahead(score: StrandScore) -> bool:
    """Inside improved in some counted segment while people's experience is not half as fast."""
    return score.alignment is not None and bool((score.alignment.slower & score.counted).any())


def recent(score: StrandScore) -> list[str]:
    """Named segments that have not held long enough yet."""
    return [
        code
        for code, named, held in zip(score.codes, score.named, score.held, strict=True)
        if named and held < HELD_MONTHS
    ]
