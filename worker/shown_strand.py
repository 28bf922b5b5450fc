"""What a strand shows that the others have no question for: times of the week, voices, themes."""

from typing import Any

import numpy as np

from models.calendar import months_between
from models.vocabulary import Band, Strand, TallyKind
from worker.numbers import interval_of, number
from worker.score import StrandScore
from worker.shown_segments import alignment_content
from worker.stats.panel import Floats
from worker.triggers import Look
from worker.windows import Windows

DAYS_A_WEEK = 7
THEMES = (TallyKind.COMPLAINT_THEME, TallyKind.NEGATIVE_THEME, TallyKind.POSITIVE_THEME)


def own_content(look: Look, windows: Windows) -> dict[str, Any]:
    """Fields of one strand alone; an empty one for teams, which are asked nothing more."""
    if look.score.strand is Strand.SHIFT_COVERAGE:
        return {
            "core_against_rest": core_against_rest(look.score),
            "weekdays": weekdays(look, windows),
        }
    if look.score.strand is Strand.EVIDENCE_ALIGNMENT and look.score.whole is not None:
        return {
            "whole_service": alignment_content(look.score.whole, 0),
            "themes": themes(look, windows),
        }
    return {}


def core_against_rest(score: StrandScore) -> dict[str, Any] | None:
    """Weekday daytime less the mean of the other bands: change since the baseline.

    In meaningful changes; above 0: core hours gained more. None where either says nothing.
    """
    core = score.codes.index(Band.WEEKDAY_DAY)
    counted = score.counted & ~np.isnan(score.g)
    rest = counted & (np.arange(len(counted)) != core)
    if not counted[core] or not rest.any():
        return None

    def less(value: Floats, variance: Floats) -> dict[str, float | None]:
        mean, error = value[rest].mean(), variance[rest].sum() / rest.sum() ** 2
        return interval_of(float(value[core] - mean), float(variance[core] + error))

    return {"rest": [score.codes[place] for place in np.flatnonzero(rest)]} | less(
        score.g, score.g_variance
    )


def weekdays(look: Look, windows: Windows) -> list[dict[str, Any]]:
    """Checks made on each day of the week in the current window, Monday first, and their share.

    Care goes on for a seventh of the week on each; days that are never looked at show a zero.
    """
    made = _counted(look, (TallyKind.CHECK_DAY,), windows.current)
    by_day = [0] * DAYS_A_WEEK
    for (_, day, _), events in made.items():
        by_day[int(day) - 1] += events
    total = sum(by_day)
    return [
        {"weekday": day + 1, "checks": checks, "share": number(checks / total) if total else None}
        for day, checks in enumerate(by_day)
    ]


def themes(look: Look, windows: Windows) -> list[dict[str, Any]]:
    """What people complain of and praise, by area: per month now and at baseline."""
    now, before = (_counted(look, THEMES, window) for window in (windows.current, windows.baseline))
    lengths = [
        len(months_between(*window)) if window else 1
        for window in (windows.current, windows.baseline)
    ]
    return [
        {
            "kind": kind,
            "theme": word,
            "segment": segment or None,
            "now": now.get((kind, word, segment), 0),
            "a_month_now": number(now.get((kind, word, segment), 0) / lengths[0]),
            "a_month_at_baseline": number(before.get((kind, word, segment), 0) / lengths[1]),
        }
        for kind, word, segment in sorted(now.keys() | before.keys())
    ]


def _counted(
    look: Look, kinds: tuple[TallyKind, ...], window: Any
) -> dict[tuple[str, str, str], int]:
    """Tallies of these kinds in a window, by kind, word and segment ('' for none)."""
    found: dict[tuple[str, str, str], int] = {}
    if window is None:
        return found
    for row in look.tallies:
        if row.kind in kinds and window[0] <= row.month <= window[1]:
            key = (str(row.kind), row.word, look.score.segment_of(row.team, row.area, row.band))
            found[key] = found.get(key, 0) + row.events
    return found
