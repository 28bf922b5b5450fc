"""Where an improvement started, and how it spread from there."""

import math
from collections.abc import Iterator

import numpy as np

from models.vocabulary import StoryPart, Strand
from worker.numbers import interval_of, number, plain
from worker.shown_segments import month_text, start_content
from worker.stats.control_charts import LEAST_MONTHS
from worker.stats.segments import DESCRIPTIVE_ALPHA
from worker.story_words import (
    BY,
    Sentence,
    Told,
    capital,
    changes,
    listed,
    month_words,
    months_later,
    places_in,
)
from worker.windows import months_apart

STARTED, SPREAD = StoryPart.STARTED, StoryPart.SPREAD

NO_START = {
    f"fewer_than_{LEAST_MONTHS}_months_before_the_start": (
        f"a control chart needs {LEAST_MONTHS} months of evidence from before the programme"
    ),
    "taken_back": "what began did not last",
    "no_signal": "no control chart shows a beginning",
}


def started(told: Told) -> Iterator[Sentence]:
    """Where and when it began, or why that cannot be told."""
    order, named = told.score.course.order, told.score.named
    if order.origin >= 0:
        first = np.asarray(order.rank == 1)
        month = told.month(told.score.course.start[order.origin])
        early = np.asarray(order.indistinguishable & ~first)
        among = f"of the {told.many} claimed by name, " if named.sum() < told.n else ""
        text = f"{told.names(first)} first {told.verb(first, 'shows', 'show')} improvement, from"
        text += f" {month_words(month)}."
        if first.sum() > 1:
            text += " Which of them began cannot be told."
        if named.sum() == 1:
            among = ""
            text = (
                f"{told.names(first)} is the only {told.one} that can be claimed by name; its"
                f" improvement shows from {month_words(month)}."
            )
        if early.any():
            text += f" {capital(told.names(early))} may have begun as early."
        figures = {
            "origin": told.codes(first),
            "month": month_text(month),
            "as_early": told.codes(early),
        }
        said = f"{BY[told.strand]}, {among}{text}"
        yield told.sentence(STARTED, "started", said, figures, _behind(told, first))
    else:
        yield told.sentence(
            STARTED,
            "start_unknown",
            f"{BY[told.strand]}, where it started cannot be told: {_why_unknown(told)}.",
            {"named": told.codes(named)},
        )
    yield from _said_by_programme(told)
    yield from _changed_before(told)


def _behind(told: Told, chosen: np.ndarray) -> Iterator[tuple[str, None]]:
    return ((code, None) for code in told.codes(chosen))


def _why_unknown(told: Told) -> str:
    named = places_in(told.score.named)
    if not named:
        return f"no {told.one} can be claimed by name"
    reasons = {str(start_content(told.score, place)["started_reason"]) for place in named}
    return "; ".join(words for reason, words in NO_START.items() if reason in reasons)


def _said_by_programme(told: Told) -> Iterator[Sentence]:
    """What was registered, beside what is seen; the one need not be the other."""
    programme = told.context.programme
    if told.strand is not Strand.TEAM_SPREAD or programme is None or not programme.origin_team:
        return
    order = told.score.course.order
    seen = told.codes(np.asarray(order.rank == 1)) if order.origin >= 0 else []
    origin = programme.origin_team
    name = next((each.name for each in told.context.teams if each.code == origin), origin)
    text = f"The programme names {name} as the team in which it began."
    if seen and origin not in seen:
        text = f"The programme names {name} as the team in which it began; others show first."
    yield told.sentence(STARTED, "origin_in_programme", text, {"origin_team": origin})


def _changed_before(told: Told) -> Iterator[Sentence]:
    """What changed before the programme began is not its doing."""
    if told.windows.sliding:
        return
    change = told.score.course.change
    last = told.score.course.charts.value.shape[-1] - 1
    start = last - months_apart(told.windows.start, told.score.as_of)
    for place in places_in(told.score.named):
        sure = change.first[place] >= 0 and change.p[place] <= DESCRIPTIVE_ALPHA
        if not sure or change.upper[place] >= start:
            continue
        month, lower, upper = (
            told.month(each[place]) for each in (change.first, change.lower, change.upper)
        )
        text = (
            f"{told.score.spoken[place]} changed most in {month_words(month)}, before the programme"
            f" began (95% interval {month_words(lower)} to {month_words(upper)})."
        )
        figures = {
            "segment": told.score.codes[place],
            "month": month_text(month),
            "from": month_text(lower),
            "to": month_text(upper),
            "programme_from": month_text(told.windows.start),
        }
        behind = [(told.score.codes[place], None)]
        yield told.sentence(STARTED, "changed_before", text, figures, behind)


def spread(told: Told) -> Iterator[Sentence]:
    """In what order it went on, and how far it can be said to reach."""
    yield from _order(told)
    score = told.score
    known = score.share_known and 0 < score.bound < told.n
    yield told.sentence(
        SPREAD,
        told.verdict.level.value,
        told.verdict.statement,
        {"reached_at_least": score.bound, "segments": told.n},
    )
    if known:
        share = number(score.share_reached)
        # Rounded down: what is claimed is the least that it can be.
        text = f"That is at least {math.floor(score.share_reached * 100)}% of the care given."
        yield told.sentence(SPREAD, "share_of_care", text, {"share_of_care_at_least": share})
    if score.whole is not None:
        yield from _inside_and_outside(told)


def _order(told: Told) -> Iterator[Sentence]:
    order, named = told.score.course.order, told.score.named
    if order.origin < 0:
        return
    later: dict[int, list[int]] = {}
    for place in np.argsort(order.rank, kind="stable"):
        if order.lag[place] > 0:
            later.setdefault(int(order.lag[place]), []).append(int(place))
    unknown = np.asarray(named & (order.rank <= 0))
    if not later and not unknown.any():
        return
    text = ""
    if later:
        said = [(told.names(at), months_later(lag)) for lag, at in later.items()]
        steps = [
            f"{names} {'' if step else 'followed '}{when}"
            for step, (names, when) in enumerate(said)
        ]
        text = f"On the control charts, {listed(steps, len(steps))}."
    if unknown.any():
        text += f" When it reached {told.names(unknown)} cannot be told."
    figures = {
        "months_after": {
            told.score.codes[place]: lag for lag, places in later.items() for place in places
        },
        "unknown": told.codes(unknown),
    }
    yield told.sentence(SPREAD, "order", text.strip(), figures)


def _inside_and_outside(told: Told) -> Iterator[Sentence]:
    """The service as a whole, with all that people said of it wherever they said it."""
    whole = told.score.whole
    assert whole is not None, "asked only of the strand that compares the two"
    inside, outside = float(whole.internal[0]), float(whole.external[0])
    if np.isnan(inside) or np.isnan(outside):
        return
    figures = {
        "internal": interval_of(whole.internal[0], whole.internal_variance[0]),
        "external": interval_of(whole.external[0], whole.external_variance[0]),
    }
    low, high = figures["external"]["lower"], figures["external"]["upper"]
    text = (
        f"Over the whole service, what the provider measures changed by {changes(inside)}, and"
        f" what people say by {outside:.1f} (95% interval {low:.1f} to {high:.1f}; above 0 is"
        " better)."
    )
    yield told.sentence(SPREAD, "whole_service", text, plain(figures))
