"""Looks written by hand: a strand in which nothing is known but what a line of text says of it.

Values stand in the order of the segments, `.` where there is no evidence, as of those not named.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import msgspec
import numpy as np

from models.calendar import add_months
from models.context import PlaceOfTeam, ServiceContext
from models.tallies import TallyRow
from models.vocabulary import Band, Channel, SegmentStatus, Strand, TallyKind
from tests.evidence_by_hand import AS_OF, cells, context
from worker.alignment import Alignment
from worker.arrays import evidence_indicators, indicators_beside
from worker.columns import columns_of
from worker.months import CHANNELS
from worker.score import StrandScore, score_strand
from worker.stats.agreement import following
from worker.stats.panel import Floats
from worker.triggers import Look
from worker.uneven import Z95
from worker.windows import windows_of

TEAMS = ("oak", "elm", "ash")
HOME = context(TEAMS)
SHORT = {
    Band.WEEKDAY_DAY: "day",
    Band.WEEKDAY_NIGHT: "night",
    Band.WEEKEND_DAY: "we-day",
    Band.WEEKEND_NIGHT: "we-night",
}
STATUS = {
    "R": SegmentStatus.REACHED,
    "n": SegmentStatus.NOT_SHOWN,
    "-": SegmentStatus.NOT_PROVIDED,
}
THEMES = {
    "weak": TallyKind.WEAK_THEME,
    "complaint": TallyKind.COMPLAINT_THEME,
    "negative": TallyKind.NEGATIVE_THEME,
    "positive": TallyKind.POSITIVE_THEME,
}


def unknown(of: Any) -> Any:
    """The same value with every number unknown, every position -1 and nothing said to be so."""
    if is_dataclass(of) and not isinstance(of, type):
        return replace(of, **{one.name: unknown(getattr(of, one.name)) for one in fields(of)})
    if not isinstance(of, np.ndarray | np.generic):
        return of
    values = np.asarray(of)
    if values.dtype == bool:
        return np.zeros_like(values)
    return np.full_like(values, -1 if np.issubdtype(values.dtype, np.integer) else np.nan)


@cache
def silent(strand: Strand) -> StrandScore:
    """A strand of three teams of which only the shape is known; claims nothing."""
    found = score_strand(
        strand, HOME, columns_of(cells(TEAMS)), [AS_OF], [windows_of(HOME, AS_OF, None)]
    )[0]
    nothing: StrandScore = unknown(found)
    return replace(
        nothing,
        status=(SegmentStatus.NOT_SHOWN,) * len(found.codes),
        concerns=np.zeros(len(found.codes), dtype=np.int64),
        share_of_care=np.zeros(len(found.codes)),
        share_of_checks=np.zeros(len(found.codes)),
        bound=0,
        bound_by_change=0,
        alpha=0.03,
    )


def by_segment(written: str, segments: int) -> list[str]:
    found = written.split()
    return found + ["."] * (segments - len(found))


def numbers(written: str, segments: int) -> Floats:
    return np.array([np.nan if one == "." else float(one) for one in by_segment(written, segments)])


def intervals(written: str, segments: int) -> tuple[Floats, Floats]:
    """`1.2±0.3 .` as estimates and the variances of their 95% intervals."""
    pairs = [
        one.split("±") if one != "." else ("nan", "nan") for one in by_segment(written, segments)
    ]
    value, width = (np.array([float(pair[side]) for pair in pairs]) for side in (0, 1))
    return value, (width / Z95) ** 2


def look(strand: Strand, said: dict[str, str], as_of: date = AS_OF) -> Look:
    """One look by what is said of it under the headings of `SAYS`, or of an indicator's code."""
    at = Look(replace(silent(strand), as_of=as_of), HOME, ())
    for heading, written in said.items():
        if heading in SAYS:
            at = SAYS[heading](at, written)
        elif heading in THEMES:
            at = replace(at, tallies=(*at.tallies, *_tallies(THEMES[heading], written, as_of)))
        else:
            at = _levels(at, heading, written)
    return at


def looks(strand: Strand, column: str, months: Sequence[str]) -> list[Look]:
    """One look a month, the newest that of `AS_OF`."""
    back = range(1 - len(months), 1)
    return [
        look(strand, {column: written}, add_months(AS_OF, place))
        for place, written in zip(back, months, strict=True)
    ]


def _score(at: Look, **put: Any) -> Look:
    return replace(at, score=replace(at.score, **put))


def _levels(at: Look, code: str, written: str) -> Look:
    """`0.8 .` are levels now; `0.7>0.8 .` are those at baseline and now, of context alone."""
    g = len(at.score.codes)
    first, now = (
        numbers(" ".join(one.split(">")[side] for one in written.split()), g) for side in (0, -1)
    )
    beside = [one.code for one in indicators_beside(HOME)]
    if code not in beside:
        place = [one.code for one in evidence_indicators(HOME)].index(code)
        level = at.score.evidence.level.copy()
        level[:, place] = now
        return _score(at, evidence=replace(at.score.evidence, level=level))
    before, after = at.score.beside_baseline.copy(), at.score.beside_now.copy()
    before[:, beside.index(code)], after[:, beside.index(code)] = first, now
    return _score(at, beside_baseline=before, beside_now=after)


def _harm(at: Look, written: str) -> Look:
    place = [one.code for one in evidence_indicators(HOME)].index("harm_incidents")
    g, variance = at.score.evidence.g.copy(), at.score.evidence.g_variance.copy()
    g[:, place], variance[:, place] = intervals(written, len(g))
    return _score(at, evidence=replace(at.score.evidence, g=g, g_variance=variance))


def _gaps(at: Look, written: str) -> Look:
    """Of one indicator; `!` is material."""
    gap = at.score.gap
    estimate, material = gap.estimate.copy(), gap.material.copy()
    estimate[:, 0] = numbers(written.replace("!", ""), len(estimate))
    material[:, 0] = ["!" in one for one in by_segment(written, len(estimate))]
    return _score(at, gap=replace(gap, estimate=estimate, material=material))


def _apart(at: Look, written: str) -> Look:
    """`0.5>0.7`: spread between segments at baseline and now."""
    then, now = (np.array(float(one)) for one in written.split(">"))
    tau = at.score.uneven.tau
    tau = replace(
        tau,
        now=replace(tau.now, estimate=now),
        baseline=replace(tau.baseline, estimate=then),
        change=replace(tau.change, estimate=now - then),
    )
    return _score(at, uneven=replace(at.score.uneven, tau=tau))


def _felt(at: Look, written: str) -> Look:
    """What people say by band, and after a ± the error that all of it is known by (0.1)."""
    values, _, error = written.partition("±")
    g, variance = at.score.channel_g.copy(), at.score.channel_variance.copy()
    feedback = CHANNELS.index(Channel.FEEDBACK)
    g[:, feedback] = numbers(values, len(g))
    variance[:, feedback] = float(error or 0.1) ** 2
    return _score(at, channel_g=g, channel_variance=variance)


def _status(at: Look, written: str) -> Look:
    status = tuple(STATUS[letter] for letter in written)
    return _score(
        at, status=status, named=np.array([one is SegmentStatus.REACHED for one in status])
    )


def _origin(at: Look, written: str) -> Look:
    order = replace(at.score.course.order, origin=np.array(TEAMS.index(written)))
    return _score(at, course=replace(at.score.course, order=order))


def _leaders(at: Look, written: str) -> Look:
    """Who leads each team."""
    teams = tuple(
        msgspec.structs.replace(
            team, places=() if who == "." else (PlaceOfTeam(date(2020, 1, 1), None, who),)
        )
        for team, who in zip(at.context.teams, written.split(), strict=True)
    )
    led: ServiceContext = msgspec.structs.replace(at.context, teams=teams)
    return replace(at, context=led)


def aligned(written: str, segments: int) -> Alignment:
    """`1.2±0.3 . / 0.1±0.4 .`: change inside before the stroke, outside after it; no lag known."""
    nothing = np.full((segments, 3), np.nan)
    inside, outside = (intervals(part, segments) for part in written.split("/"))
    return Alignment(*inside, *outside, following(nothing, nothing))


def _tallies(kind: TallyKind, written: str, as_of: date) -> list[TallyRow]:
    """`elm medicines 3, oak food 2 2026-06`: of the month of the look if none is named."""
    found = []
    for one in [] if written == "." else written.split(","):
        segment, word, times, *month = one.split()
        when = date.fromisoformat(f"{month[0]}-01") if month else as_of
        found.append(TallyRow(when, kind.value, word, segment, "", "", int(times)))
    return found


def _numbers(at: Look, written: str) -> Floats:
    return numbers(written, len(at.score.codes))


SAYS: dict[str, Callable[[Look, str], Look]] = {
    "level": lambda at, text: _score(at, uneven=replace(at.score.uneven, level=_numbers(at, text))),
    "change": lambda at, text: _score(at, g=_numbers(at, text)),
    "claimed": lambda at, text: _score(at, bound=int(text), bound_by_change=int(text)),
    "in concern": lambda at, text: _score(at, concerns=np.array(text.split(), dtype=np.int64)),
    "care": lambda at, text: _score(at, share_of_care=_numbers(at, text)),
    "checks": lambda at, text: _score(at, share_of_checks=_numbers(at, text)),
    "p": lambda at, text: _score(at, p_adjusted=_numbers(at, text)),
    "status": _status,
    "origin": _origin,
    "gap": _gaps,
    "apart": _apart,
    "felt": _felt,
    "harm": _harm,
    "led by": _leaders,
    "inside / outside": lambda at, text: _score(at, alignment=aligned(text, len(at.score.codes))),
}
