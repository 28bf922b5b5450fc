"""What the rules of shift coverage see in one look: other times of the week beside core hours."""

from collections.abc import Iterator

import numpy as np

from models.vocabulary import Band, Channel
from worker.arrays import evidence_indicators
from worker.months import CHANNELS
from worker.sightings import counted, evidence_called, figure_of, measured
from worker.stats.panel import Floats
from worker.triggers import Look, Sighting
from worker.uneven import Z95

CORE = Band.WEEKDAY_DAY
NIGHTS = (Band.WEEKDAY_NIGHT, Band.WEEKEND_NIGHT)
WEEKENDS = (Band.WEEKEND_DAY, Band.WEEKEND_NIGHT)


def office_hours_auditing(look: Look) -> Iterator[Sighting]:
    score, core = look.score, look.score.codes.index(CORE)
    if score.counted[core] and score.share_of_care[core] > 0:
        figure = figure_of(score.share_of_checks[core] / score.share_of_care[core])
        yield Sighting(CORE, figure, figure > 1.5)


def _level(look: Look, code: str) -> Floats:
    """Current level of an indicator by band, in meaningful changes; NaN where switched off."""
    if (found := measured(look, code)) is None:
        return np.full(len(look.score.codes), np.nan)
    return found.in_changes(found.level)


def _behind_core(look: Look, code: str, bands: tuple[Band, ...]) -> Iterator[tuple[str, float]]:
    """By how many meaningful changes a band is worse than weekday daytime."""
    level = _level(look, code)
    core = level[look.score.codes.index(CORE)]
    for place, band in counted(look):
        if band in bands:
            yield band, figure_of(core - level[place])


def weak_weekend_records(look: Look) -> Iterator[Sighting]:
    for word in ("record_quality", "medicine_backfill"):
        for band, figure in _behind_core(look, word, WEEKENDS):
            if np.isfinite(figure):
                yield Sighting(band, figure, figure > 1, word)


def uncertain_night_escalation(look: Look) -> Iterator[Sighting]:
    level = _level(look, "escalation_on_time")
    known = bool(np.isfinite(level[look.score.codes.index(CORE)]))
    for band, figure in _behind_core(look, "escalation_on_time", NIGHTS):
        unknown = known and not np.isfinite(figure)
        yield Sighting(band, None if unknown else figure, unknown or figure > 1)


def families_out_of_hours(look: Look) -> Iterator[Sighting]:
    """Few answers name a time, so that the difference also has to be beyond its error."""
    feedback, core = CHANNELS.index(Channel.FEEDBACK), look.score.codes.index(CORE)
    felt = look.score.channel_g[:, feedback]
    variance = look.score.channel_variance[:, feedback]
    for place, band in counted(look):
        figure = figure_of(felt[core] - felt[place])
        if band != CORE and np.isfinite(figure):
            error = float(np.sqrt(variance[core] + variance[place]))
            yield Sighting(band, figure, figure > 1 and figure > Z95 * error)


def night_or_weekend_gap(look: Look) -> Iterator[Sighting]:
    gap, indicators = look.score.gap, evidence_indicators(look.context)
    for place, band in counted(look):
        material = gap.material[place]
        seen = np.where(material if material.any() else True, gap.estimate[place], np.nan)
        if band != CORE and not np.isnan(seen).all():
            worst = int(np.nanargmin(seen))
            yield Sighting(
                band, figure_of(seen[worst]), bool(material.any()), of=indicators[worst].code
            )


def weaker_handovers(look: Look) -> Iterator[Sighting]:
    found = evidence_called(look, "handover_quality")
    if found is None or found.indicator.standard is None:
        return
    for place, band in counted(look):
        above = found.level[place] - found.indicator.standard
        figure = figure_of(above / found.indicator.meaningful)
        if np.isfinite(figure):
            yield Sighting(band, figure, figure < -1)


def weekday_out_of_line(look: Look) -> Iterator[Sighting]:
    core = bool(look.score.named[look.score.codes.index(CORE)])
    for place, band in counted(look):
        if band != CORE:
            yield Sighting(
                band,
                figure_of(look.score.p_adjusted[place]),
                core and not look.score.named[place],
                threshold=look.score.alpha,
            )
