"""What each rule sees in one look: a figure for every segment it has something to say of.

Figures are in meaningful changes where nothing else is said. How long something has gone on is not
told here but in `worker.triggers`.
"""

from collections.abc import Iterator

import numpy as np

from models.catalogue import Indicator
from models.vocabulary import Band, Better, Channel, TallyKind
from worker.arrays import evidence_indicators, indicators_beside
from worker.months import CHANNELS
from worker.stats.panel import Floats
from worker.stats.rounding import rounded
from worker.triggers import Look, Sighting, recent_words
from worker.uneven import Z95

#: 90 days are three months of tallies.
REPEATED_MONTHS, REPEATED_TIMES = 3, 3
HALVED = 0.5
CORE = Band.WEEKDAY_DAY
NIGHTS = (Band.WEEKDAY_NIGHT, Band.WEEKEND_NIGHT)
WEEKENDS = (Band.WEEKEND_DAY, Band.WEEKEND_NIGHT)


def _counted(look: Look) -> Iterator[tuple[int, str]]:
    score = look.score
    for place, (code, counted) in enumerate(zip(score.codes, score.counted, strict=True)):
        if counted:
            yield place, code


def _evidence(look: Look, code: str) -> int | None:
    """Place of an indicator among the evidence, None where it is switched off."""
    codes = [one.code for one in evidence_indicators(look.context)]
    return codes.index(code) if code in codes else None


def _figure(value: float | Floats) -> float:
    """A figure as it is shown, before it is held against a threshold."""
    return float(rounded(np.asarray(value, dtype=np.float64)))


def _measured(look: Look, code: str) -> tuple[Indicator, Floats] | None:
    """An indicator and its current level by segment; None where it is switched off."""
    for indicators, levels in (
        (evidence_indicators(look.context), look.score.evidence.level),
        (indicators_beside(look.context), look.score.beside_now),
    ):
        for place, one in enumerate(indicators):
            if one.code == code:
                return one, levels[:, place]
    return None


def _level(look: Look, code: str) -> Floats:
    """Current level of an indicator by segment, in meaningful changes and with better upwards."""
    found = _measured(look, code)
    if found is None:
        return np.full(len(look.score.codes), np.nan)
    indicator, level = found
    sign = 1.0 if indicator.better is Better.HIGHER else -1.0
    return np.asarray(sign * level / indicator.meaningful)


def _risen(look: Look, code: str) -> Floats:
    """Change of a context indicator since the baseline, in meaningful changes."""
    for place, one in enumerate(indicators_beside(look.context)):
        if one.code == code:
            sign = 1.0 if one.better is Better.HIGHER else -1.0
            change = look.score.beside_now[:, place] - look.score.beside_baseline[:, place]
            return np.asarray(sign * change / one.meaningful)
    return np.full(len(look.score.codes), np.nan)


def _improved(value: Floats, variance: Floats) -> list[bool]:
    with np.errstate(invalid="ignore"):
        return [bool(each) for each in value - Z95 * np.sqrt(variance) > 0]


def one_team_ahead(look: Look) -> Iterator[Sighting]:
    level = np.where(look.score.counted, look.score.uneven.level, np.nan)
    if (~np.isnan(level)).sum() < 2:
        return
    best = int(np.nanargmax(level))
    figure = _figure(level[best] - np.nanmedian(level))
    yield Sighting(look.score.codes[best], figure, figure > 2)


def weak_themes_elsewhere(look: Look) -> Iterator[Sighting]:
    level = np.where(look.score.counted, look.score.uneven.level, np.nan)
    best = None if np.isnan(level).all() else look.score.codes[int(np.nanargmax(level))]
    for (team, theme), times in recent_words(look, TallyKind.WEAK_THEME, REPEATED_MONTHS).items():
        if team != best:
            yield Sighting(team, float(times), times >= REPEATED_TIMES, theme)


def confidence_without_results(look: Look) -> Iterator[Sighting]:
    """In meaningful changes of the result: what matters of a self-assessment is another thing."""
    said = _measured(look, "self_assessment")
    if said is None:
        return
    above = np.full(len(look.score.codes), np.nan)
    for word in ("audit_compliance", "practice_observed"):
        if (found := _measured(look, word)) is not None:
            result, level = found
            above = np.fmax(above, (said[1] - level) / result.meaningful)
    for place, code in _counted(look):
        figure = _figure(above[place])
        if np.isfinite(figure):
            yield Sighting(code, figure, figure > 1)


def one_manager(look: Look) -> Iterator[Sighting]:
    """Share of the improvement in teams led by one person; one leader of all teams is no news.

    Without a claim of improvement the gains are chance, and chance often lies with one person.
    """
    if look.score.bound_by_change == 0:
        return
    led: dict[str, float] = {}
    for place, code in _counted(look):
        team = next((each for each in look.context.teams if each.code == code), None)
        at = team.place_on(look.score.as_of) if team is not None else None
        if at is None or at.led_by is None:
            return
        gain = float(np.nan_to_num(look.score.g[place]))
        led[at.led_by] = led.get(at.led_by, 0.0) + max(gain, 0.0)
    total = sum(led.values())
    if len(led) > 1 and total > 0:
        leader = max(led, key=lambda name: led[name])
        figure = _figure(led[leader] / total)
        yield Sighting("", figure, figure >= 0.8, leader)


def persistent_variation(look: Look) -> Iterator[Sighting]:
    """Teams that lie equally far below a standard are no variation, however far that is."""
    tau = look.score.uneven.tau
    change = _figure(tau.change.estimate)
    material = bool((look.score.gap.material.any(-1) & look.score.counted).any())
    if np.isfinite(change):
        yield Sighting("", change, change >= 0 and bool(tau.now.estimate > 0) and material)


def weaker_local_trends(look: Look) -> Iterator[Sighting]:
    for place, code in _counted(look):
        channels = int(look.score.concerns[place])
        yield Sighting(code, float(channels), channels >= 2)


def stuck_in_first_team(look: Look) -> Iterator[Sighting]:
    """The origin by the charts, or the team that the programme declared, if it is named."""
    score, programme = look.score, look.context.programme
    origin = int(score.course.order.origin)
    if origin < 0 and programme is not None and programme.origin_team in score.codes:
        declared = score.codes.index(programme.origin_team)
        origin = declared if score.named[declared] else -1
    if origin >= 0:
        yield Sighting(score.codes[origin], float(score.bound), score.bound <= 1)


def office_hours_auditing(look: Look) -> Iterator[Sighting]:
    score, core = look.score, look.score.codes.index(CORE)
    if score.counted[core] and score.share_of_care[core] > 0:
        figure = _figure(score.share_of_checks[core] / score.share_of_care[core])
        yield Sighting(CORE, figure, figure > 1.5)


def _behind_core(look: Look, code: str, bands: tuple[Band, ...]) -> Iterator[tuple[str, float]]:
    """By how many meaningful changes a band is worse than weekday daytime."""
    level = _level(look, code)
    core = level[look.score.codes.index(CORE)]
    for place, band in _counted(look):
        if band in bands:
            yield band, _figure(core - level[place])


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
    for place, band in _counted(look):
        figure = _figure(felt[core] - felt[place])
        if band != CORE and np.isfinite(figure):
            error = float(np.sqrt(variance[core] + variance[place]))
            yield Sighting(band, figure, figure > 1 and figure > Z95 * error)


def night_or_weekend_gap(look: Look) -> Iterator[Sighting]:
    gap, indicators = look.score.gap, evidence_indicators(look.context)
    for place, band in _counted(look):
        material = gap.material[place]
        seen = np.where(material if material.any() else True, gap.estimate[place], np.nan)
        if band != CORE and not np.isnan(seen).all():
            worst = int(np.nanargmin(seen))
            yield Sighting(
                band, _figure(seen[worst]), bool(material.any()), of=indicators[worst].code
            )


def weaker_handovers(look: Look) -> Iterator[Sighting]:
    place_of = _evidence(look, "handover_quality")
    standard = (
        evidence_indicators(look.context)[place_of].standard if place_of is not None else None
    )
    if place_of is None or standard is None:
        return
    meaningful = evidence_indicators(look.context)[place_of].meaningful
    for place, band in _counted(look):
        figure = _figure((look.score.evidence.level[place, place_of] - standard) / meaningful)
        if np.isfinite(figure):
            yield Sighting(band, figure, figure < -1)


def weekday_out_of_line(look: Look) -> Iterator[Sighting]:
    core = bool(look.score.named[look.score.codes.index(CORE)])
    for place, band in _counted(look):
        if band != CORE:
            yield Sighting(
                band,
                _figure(look.score.p_adjusted[place]),
                core and not look.score.named[place],
                threshold=look.score.alpha,
            )


def audits_up_feedback_flat(look: Look) -> Iterator[Sighting]:
    of = look.score.alignment
    if of is None:
        return
    width = Z95 * np.sqrt(of.external_variance)
    for place, code in _counted(look):
        inside, outside = _figure(of.internal[place]), of.external[place]
        if np.isfinite(inside) and np.isfinite(outside):
            flat = bool(abs(outside) + width[place] < 1)
            yield Sighting(code, inside, inside >= 1 and flat)


def incidents_down_themes_same(look: Look) -> Iterator[Sighting]:
    """Fewer incidents while people complain of the same, or while near misses go unreported."""
    harm = _evidence(look, "harm_incidents")
    now = recent_words(look, TallyKind.NEGATIVE_THEME, REPEATED_MONTHS)
    for place, code in _counted(look):
        if harm is None:
            break
        better = _improved(
            look.score.evidence.g[place, [harm]], look.score.evidence.g_variance[place, [harm]]
        )[0]
        for (segment, theme), times in now.items():
            if segment == code:
                yield Sighting(code, float(times), better and times >= REPEATED_TIMES, theme)
    codes = [one.code for one in indicators_beside(look.context)]
    if "near_miss_ratio" in codes:
        place_of = codes.index("near_miss_ratio")
        for place, code in _counted(look):
            first = float(look.score.beside_baseline[place, place_of])
            last = float(look.score.beside_now[place, place_of])
            if first > 0 and np.isfinite(last):
                figure = _figure(last / first)
                yield Sighting(code, figure, figure <= HALVED, "near_miss_ratio", threshold=HALVED)


def management_positive(look: Look) -> Iterator[Sighting]:
    of = look.score.alignment
    if of is None:
        return
    felt = _improved(of.external, of.external_variance)
    for word in ("staff_experience", "self_assessment"):
        risen = _risen(look, word)
        for place, code in _counted(look):
            figure = _figure(risen[place])
            if np.isfinite(figure):
                yield Sighting(code, figure, figure >= 1 and not felt[place], word)


def flat_feedback(look: Look) -> Iterator[Sighting]:
    of = look.score.alignment
    if of is None:
        return
    felt, inside = _improved(of.external, of.external_variance), of.internal_improved
    for place, code in _counted(look):
        figure = _figure(of.external[place])
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
    for place, code in _counted(look):
        figure = _figure(of.pace[place])
        if np.isfinite(figure):
            yield Sighting(code, figure, bool(of.internal_improved[place] and figure < 0))
