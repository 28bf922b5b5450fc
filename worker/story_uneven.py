"""Where an improvement is uneven: who is not reached, what lies apart, when and for whom."""

from collections.abc import Iterator

import numpy as np

from models.axes import BAND_WORDS
from models.vocabulary import (
    AlignmentState,
    Band,
    Coverage,
    GapState,
    SegmentStatus,
    StoryPart,
    Strand,
)
from worker.arrays import evidence_indicators
from worker.numbers import number
from worker.qualifiers import HELD_MONTHS, recent, uneven_by_time
from worker.shown_spread import gap_state
from worker.shown_strand import core_against_rest
from worker.story_words import (
    Sentence,
    Told,
    amount_words,
    capital,
    changes,
    level_words,
    listed,
    places_in,
    within,
)

UNEVEN = StoryPart.UNEVEN
#: Of a segment's material gaps the worst are said; all stand in the figures.
MOST_GAPS = 3

#: What is said of the segments of each status, one and many of them.
NOT_REACHED = {
    SegmentStatus.WORSENED: ("has become worse", "have become worse"),
    SegmentStatus.MIXED: (
        "got worse in some kind of check",
        "each got worse in some kind of check",
    ),
    SegmentStatus.MOVING: (
        "moves the right way and cannot be claimed by name yet",
        "move the right way and cannot be claimed by name yet",
    ),
    SegmentStatus.NOT_SHOWN: (
        "cannot be said to have improved",
        "cannot be said to have improved",
    ),
    SegmentStatus.INSUFFICIENT: (
        "has too few kinds of evidence to judge",
        "have too few kinds of evidence to judge",
    ),
}
GAP = {
    GapState.NARROWING: "The gap between {many} is narrowing, and the weaker ones rose.",
    GapState.LEVELLING_DOWN: "The {many} come closer because the best fell; that is not spread.",
    GapState.WIDENING: "The gap between {many} is widening.",
    GapState.UNDETERMINED: "Whether the gap between {many} is closing cannot be told yet.",
}
APART = {
    AlignmentState.INTERNAL_AHEAD: (
        "what the provider measures improved, and people are not shown to feel half as much"
    ),
    AlignmentState.DIVERGING: "what the provider measures and what people say go opposite ways",
    AlignmentState.EXTERNAL_AHEAD: (
        "people say it is better, and what the provider measures does not show it"
    ),
    AlignmentState.BOTH_FLAT: "neither what the provider measures nor what people say has changed",
}
CHECKED = {
    Coverage.ABSENT: "No audit, observation or knowledge check was made for {names}.",
    Coverage.THIN: "Checks for {names} missed a month, or were few for the care given.",
}


def uneven(told: Told) -> list[Sentence]:
    """All that is uneven; where nothing is, that is said."""
    found = [
        *_not_reached(told),
        *_by_time(told),
        *_inside_outside(told),
        *_material(told),
        *_apart(told),
        *_unchecked(told),
        *_recent(told),
    ]
    weak = [one for one in found if not one["code"].endswith((".gap", ".coverage"))]
    if not weak and told.score.named[told.score.counted].all():
        text = f"All {told.n} {told.many} are reached, and no gap between them is material."
        found.insert(0, told.sentence(UNEVEN, "even", text, {"segments": told.n}))
    return found


def _not_reached(told: Told) -> Iterator[Sentence]:
    for status, (one, many) in NOT_REACHED.items():
        places = [place for place, each in enumerate(told.score.status) if each is status]
        if places:
            text = f"{told.names(places)} {told.verb(places, one, many)}."
            codes = told.codes(places)
            figures = {"segments": codes, "status": status.value}
            behind = [(code, None) for code in codes]
            yield told.sentence(UNEVEN, f"not_reached.{status.value}", text, figures, behind)


def _by_time(told: Told) -> Iterator[Sentence]:
    if told.strand is not Strand.SHIFT_COVERAGE or not uneven_by_time(told.score):
        return
    behind = told.score.counted & ~told.score.named
    core = BAND_WORDS[Band.WEEKDAY_DAY]
    text = f"It is uneven by time: {core} is reached, and {told.names(behind)}"
    text += f" {told.verb(behind, 'is', 'are')} not."
    contrast = core_against_rest(told.score)
    if contrast is not None and (contrast["lower"] or 0.0) > 0:
        ahead = changes(contrast["estimate"])
        text += f" {core.capitalize()} gained {ahead} more than the rest."
    figures = {"segments": told.codes(behind), "core_against_rest": contrast}
    yield told.sentence(UNEVEN, "uneven_by_time", text, figures)


def _inside_outside(told: Told) -> Iterator[Sentence]:
    for state, words in APART.items():
        places = [
            place
            for place, each in enumerate(told.score.states)
            if each is state and told.score.counted[place]
        ]
        if places:
            codes = told.codes(places)
            text = f"{told.names(places)}: {words}."
            figures = {"segments": codes, "state": state.value}
            behind = [(code, None) for code in codes]
            yield told.sentence(UNEVEN, f"state.{state.value}", text, figures, behind)


def _material(told: Told) -> Iterator[Sentence]:
    """Indicators that are surely worse than their benchmark by more than matters."""
    score = told.score
    indicators = evidence_indicators(told.context)
    for place in places_in(score.counted & score.gap.material.any(-1)):
        far = places_in(score.gap.material[place])
        far.sort(key=lambda at: float(score.gap.estimate[place, at]))
        said = []
        for at in far[:MOST_GAPS]:
            one = indicators[at]
            level = level_words(one, float(score.evidence.level[place, at]), score.unit)
            benchmark = level_words(one, float(score.gap.benchmark[place, at]), score.unit)
            against = f"{benchmark} elsewhere"
            if one.standard is not None:
                against = f"a standard of {benchmark}"
            of = amount_words(one, float(score.evidence.n_current[place, at]), score.unit)
            said.append(f"{within(one.name)} at {level} {of} against {against}")
        more = f"; {len(far) - MOST_GAPS} more" if len(far) > MOST_GAPS else ""
        text = f"Material gap in {score.spoken[place]}: {'; '.join(said)}{more}."
        figures = {
            "segment": score.codes[place],
            "gaps": {
                indicators[at].code: {
                    "level": number(score.evidence.level[place, at]),
                    "n": number(score.evidence.n_current[place, at]),
                    "benchmark": number(score.gap.benchmark[place, at]),
                }
                for at in far
            },
        }
        behind = [(score.codes[place], indicators[at].code) for at in far[:MOST_GAPS]]
        yield told.sentence(UNEVEN, "material_gap", text, figures, behind)


def _apart(told: Told) -> Iterator[Sentence]:
    """How far segments lie apart, whether they come closer, and by whose move."""
    score, ends = told.score, told.score.uneven.extremes
    if not np.isfinite(score.uneven.tau.change.estimate) or told.n < 2:
        return
    state = gap_state(score)
    leads = ends.best >= 0 and ends.lead_lower > 0
    if state is GapState.UNDETERMINED and not leads and score.named[score.counted].all():
        return
    text = GAP[state].format(many=told.many)
    if leads:
        best = [int(ends.best)]
        text += f" {capital(told.names(best))} {told.verb(best, 'is', 'are')} ahead of the others"
        text += f" by {changes(float(ends.lead))}."
    yield told.sentence(
        UNEVEN,
        "gap",
        text,
        {
            "state": state.value,
            "best": score.codes[int(ends.best)] if ends.best >= 0 else None,
            "ahead_of_the_others": number(ends.lead),
        },
    )


def _unchecked(told: Told) -> Iterator[Sentence]:
    for coverage, words in CHECKED.items():
        places = [
            place
            for place, each in enumerate(told.score.coverage)
            if each is coverage and told.score.counted[place]
        ]
        if places:
            text = words.format(names=told.names(places))
            codes = told.codes(places)
            figures = {
                "segments": codes,
                "share_of_checks": {
                    told.score.codes[place]: number(told.score.share_of_checks[place])
                    for place in places
                },
                "share_of_care": {
                    told.score.codes[place]: number(told.score.share_of_care[place])
                    for place in places
                },
            }
            yield told.sentence(UNEVEN, "coverage", text, figures)


def _recent(told: Told) -> Iterator[Sentence]:
    if codes := recent(told.score):
        names = listed([told.score.spoken[told.score.codes.index(code)] for code in codes])
        text = f"{names}: held for less than {HELD_MONTHS} months so far."
        held = {code: int(told.score.held[told.score.codes.index(code)]) for code in codes}
        yield told.sentence(UNEVEN, "recent", text, {"held_months": held})
