"""What is true of a demo service, read off its plan, and the verdicts its evidence allows."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from cli.demo_services import (
    BASELINE_MONTHS,
    CURRENT_MONTHS,
    INTERNAL,
    PROGRAMME_STARTS,
    DemoService,
    of_channels,
)
from cli.simulate import BANDS, Array, Plan
from models.vocabulary import Channel, Strand

#: A segment has improved when this many of its channels truly have.
CORROBORATED_BY: Final = 2


def known_truth(service: DemoService) -> dict[str, Any]:
    """What was planted and what to expect, per strand, as JSON."""
    plan = service.plan
    months = plan.calendar
    current = months[-CURRENT_MONTHS:]
    baseline = months[PROGRAMME_STARTS - BASELINE_MONTHS : PROGRAMME_STARTS]
    return {
        "service": plan.service,
        "name": plan.name,
        "story": service.story,
        "as_of": f"{months[-1]:%Y-%m}",
        "windows": {
            name: {"from": f"{window[0]:%Y-%m}", "to": f"{window[-1]:%Y-%m}"}
            for name, window in (("baseline", baseline), ("current", current))
        },
        "strands": {
            strand.value: {
                "segments": sorted(improved),
                "improved": sorted(code for code, truly in improved.items() if truly),
                "levels": [level.value for level in service.expected[strand].levels],
                "why": service.expected[strand].why,
            }
            for strand, improved in ((strand, _IMPROVED[strand](plan)) for strand in Strand)
        },
    }


def _improved_teams(plan: Plan) -> dict[str, bool]:
    return {team.code: _corroborated(plan.gain[t]) for t, team in enumerate(plan.teams)}


def _improved_bands(plan: Plan) -> dict[str, bool]:
    """A band improves when its teams do on average, each compared with itself."""
    return {band.value: _corroborated(plan.gain[:, place]) for place, band in enumerate(BANDS)}


def _improved_areas(plan: Plan) -> dict[str, bool]:
    """An area improves when both its own evidence and what people say do."""
    areas: dict[str, list[int]] = {}
    for t, team in enumerate(plan.teams):
        areas.setdefault(team.area or team.code, []).append(t)
    return {
        area: _corroborated(plan.gain[members], INTERNAL)
        and Channel.FEEDBACK in _improving(plan.gain[members], [Channel.FEEDBACK])
        for area, members in areas.items()
    }


_IMPROVED: Final[dict[Strand, Callable[[Plan], dict[str, bool]]]] = {
    Strand.TEAM_SPREAD: _improved_teams,
    Strand.SHIFT_COVERAGE: _improved_bands,
    Strand.EVIDENCE_ALIGNMENT: _improved_areas,
}


def _corroborated(gain: Array, channels: Iterable[Channel] = tuple(Channel)) -> bool:
    return len(_improving(gain, channels)) >= CORROBORATED_BY


def _improving(gain: Array, channels: Iterable[Channel]) -> set[Channel]:
    return {channel for channel in channels if gain[..., of_channels([channel])].max() > 0}
