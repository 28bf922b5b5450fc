"""What the rules of team spread see in one look: who is ahead, who is left behind, who leads."""

from collections.abc import Iterator

import numpy as np

from models.vocabulary import TallyKind
from worker.sightings import REPEATED_MONTHS, REPEATED_TIMES, counted, figure_of, measured
from worker.stats.panel import Floats
from worker.triggers import Look, Sighting, recent_words


def _levels(look: Look) -> Floats:
    return np.where(look.score.counted, look.score.uneven.level, np.nan)


def one_team_ahead(look: Look) -> Iterator[Sighting]:
    level = _levels(look)
    if (~np.isnan(level)).sum() < 2:
        return
    best = int(np.nanargmax(level))
    figure = figure_of(level[best] - np.nanmedian(level))
    yield Sighting(look.score.codes[best], figure, figure > 2)


def weak_themes_elsewhere(look: Look) -> Iterator[Sighting]:
    level = _levels(look)
    best = None if np.isnan(level).all() else look.score.codes[int(np.nanargmax(level))]
    for (team, theme), times in recent_words(look, TallyKind.WEAK_THEME, REPEATED_MONTHS).items():
        if team != best:
            yield Sighting(team, float(times), times >= REPEATED_TIMES, theme)


def confidence_without_results(look: Look) -> Iterator[Sighting]:
    """In meaningful changes of the result: what matters of a self-assessment is another thing."""
    said = measured(look, "self_assessment")
    if said is None:
        return
    above = np.full(len(look.score.codes), np.nan)
    for word in ("audit_compliance", "practice_observed"):
        if (found := measured(look, word)) is not None:
            difference = said.level - found.level
            above = np.fmax(above, difference / found.indicator.meaningful)
    for place, code in counted(look):
        figure = figure_of(above[place])
        if np.isfinite(figure):
            yield Sighting(code, figure, figure > 1)


def one_manager(look: Look) -> Iterator[Sighting]:
    """Share of the improvement in teams led by one person; one leader of all teams is no news.

    Without a claim of improvement the gains are chance, and chance often lies with one person.
    """
    if look.score.bound_by_change == 0:
        return
    led: dict[str, float] = {}
    for place, code in counted(look):
        team = next((each for each in look.context.teams if each.code == code), None)
        at = team.place_on(look.score.as_of) if team is not None else None
        if at is None or at.led_by is None:
            return
        gain = float(np.nan_to_num(look.score.g[place]))
        led[at.led_by] = led.get(at.led_by, 0.0) + max(gain, 0.0)
    total = sum(led.values())
    if len(led) > 1 and total > 0:
        leader = max(led, key=lambda name: led[name])
        figure = figure_of(led[leader] / total)
        yield Sighting("", figure, figure >= 0.8, leader)


def persistent_variation(look: Look) -> Iterator[Sighting]:
    """Teams that lie equally far below a standard are no variation, however far that is."""
    tau = look.score.uneven.tau
    change = figure_of(tau.change.estimate)
    material = bool((look.score.gap.material.any(-1) & look.score.counted).any())
    if np.isfinite(change):
        yield Sighting("", change, change >= 0 and bool(tau.now.estimate > 0) and material)


def weaker_local_trends(look: Look) -> Iterator[Sighting]:
    for place, code in counted(look):
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
