"""What the rules of evidence alignment see in one look: what people feel beside what is found."""

from collections.abc import Iterator

import numpy as np

from models.vocabulary import TallyKind
from worker.sightings import (
    REPEATED_MONTHS,
    REPEATED_TIMES,
    beside_called,
    counted,
    evidence_called,
    figure_of,
)
from worker.stats.panel import Floats
from worker.triggers import Look, Sighting, recent_words
from worker.uneven import Z95

HALVED = 0.5


def _improved(value: Floats, variance: Floats) -> list[bool]:
    with np.errstate(invalid="ignore"):
        return [bool(each) for each in value - Z95 * np.sqrt(variance) > 0]


def audits_up_feedback_flat(look: Look) -> Iterator[Sighting]:
    of = look.score.alignment
    if of is None:
        return
    width = Z95 * np.sqrt(of.external_variance)
    for place, code in counted(look):
        inside, outside = figure_of(of.internal[place]), of.external[place]
        if np.isfinite(inside) and np.isfinite(outside):
            flat = bool(abs(outside) + width[place] < 1)
            yield Sighting(code, inside, inside >= 1 and flat)


def incidents_down_themes_same(look: Look) -> Iterator[Sighting]:
    """Fewer incidents while people complain of the same, or while near misses go unreported."""
    harm = evidence_called(look, "harm_incidents")
    if harm is not None:
        evidence, column = look.score.evidence, harm.column
        better = _improved(evidence.g[:, column], evidence.g_variance[:, column])
        now = recent_words(look, TallyKind.NEGATIVE_THEME, REPEATED_MONTHS)
        for place, code in counted(look):
            for (segment, theme), times in now.items():
                if segment == code:
                    met = better[place] and times >= REPEATED_TIMES
                    yield Sighting(code, float(times), met, theme)
    misses = beside_called(look, "near_miss_ratio")
    if misses is not None:
        for place, code in counted(look):
            first = float(look.score.beside_baseline[place, misses.column])
            last = float(misses.level[place])
            if first > 0 and np.isfinite(last):
                figure = figure_of(last / first)
                yield Sighting(code, figure, figure <= HALVED, "near_miss_ratio", threshold=HALVED)


def management_positive(look: Look) -> Iterator[Sighting]:
    of = look.score.alignment
    if of is None:
        return
    felt = _improved(of.external, of.external_variance)
    for word in ("staff_experience", "self_assessment"):
        said = beside_called(look, word)
        if said is None:
            continue
        risen = said.in_changes(said.level - look.score.beside_baseline[:, said.column])
        for place, code in counted(look):
            figure = figure_of(risen[place])
            if np.isfinite(figure):
                yield Sighting(code, figure, figure >= 1 and not felt[place], word)


def flat_feedback(look: Look) -> Iterator[Sighting]:
    of = look.score.alignment
    if of is None:
        return
    felt, inside = _improved(of.external, of.external_variance), of.internal_improved
    for place, code in counted(look):
        figure = figure_of(of.external[place])
        yield Sighting(
            code, figure if np.isfinite(figure) else None, bool(inside[place] and not felt[place])
        )


def repeated_dissatisfaction(look: Look) -> Iterator[Sighting]:
    found = recent_words(look, TallyKind.COMPLAINT_THEME, REPEATED_MONTHS)
    for (area, theme), times in found.items():
        yield Sighting(area, float(times), times >= REPEATED_TIMES, theme)


def assurance_gap(look: Look) -> Iterator[Sighting]:
    of = look.score.alignment
    if of is None:
        return
    for place, code in counted(look):
        figure = figure_of(of.pace[place])
        if np.isfinite(figure):
            yield Sighting(code, figure, bool(of.internal_improved[place] and figure < 0))
