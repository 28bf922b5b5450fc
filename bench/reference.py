"""The reference service of the method's promises, as a plan whose truth is known.

Six teams; per team and month 1,500 due doses, 16 residents, 4 audits of 25 items, 3 observations of
12, 4 knowledge checks of 10 and 5 ratings; months twice as variable as counts alone.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np

from bench.panels import CATALOGUE, Span
from cli.simulate import BASELINE, IMPROVED, INDEX, INDICATORS, PLACES, Array, Plan, Team, Volumes
from models.vocabulary import Channel

#: Level before and after, in the catalogue's units.
LEVELS = {
    "medicine_omissions": (0.030, 0.017),
    "harm_incidents": (6.0, 4.2),
    "audit_compliance": (0.82, 0.90),
    "practice_observed": (0.75, 0.87),
    "staff_knowledge": (0.75, 0.87),
    "experience_rating": (3.75, 4.2),
}
CODES = tuple(LEVELS)
RESIDENTS = 16
#: Six months against three, and twelve against six.
SHORT = Span(start=6, as_of=9, baseline_months=6, current_months=3)
LONG = Span(start=12, as_of=18, baseline_months=12, current_months=6)


def volumes(evidence: float = 1.0) -> Volumes:
    """What a team of the reference service sends, or that many times as much."""
    return Volumes(
        doses_a_day=50 * evidence,
        audits=(4.0 * evidence, 25),
        observations=(3.0 * evidence, 12),
        knowledge=(4.0 * evidence, 10),
        ratings=5.0 * evidence,
        records=(0.0, 12),
        supervisions=(0.0, 1),
        self_assessments=(0.0, 20),
        fft=0.0,
        staff_ratings=0.0,
    )


def gains(*teams: float) -> Array:
    """Each team's share of the way to the improved level, the same in all it does."""
    return np.asarray(np.array(teams)[:, None, None] * np.ones((PLACES, len(INDICATORS))))


def in_one_alone(code: str, size: float) -> Array:
    """A gain of this size in one indicator and none elsewhere, [places, indicators]."""
    gain = np.zeros((PLACES, len(INDICATORS)))
    gain[:, INDEX[code]] = size
    return gain


def in_channels(channels: Sequence[Channel], size: float) -> Array:
    """A gain of this size in all the indicators of some channels, [places, indicators]."""
    gain = np.zeros((PLACES, len(INDICATORS)))
    gain[:, [INDEX[code] for code in CODES if CATALOGUE[code].channel in channels]] = size
    return gain


def both(teams: Sequence[float], last: Array) -> Array:
    """Teams that gain alike in all they do, and a last one that does not."""
    return np.concatenate([gains(*teams), last[None]])


def reference_plan(
    gain: Array,
    span: Span,
    *,
    autocorrelation: float = 0.2,
    evidence: float = 1.0,
) -> Plan:
    """A plan of as many teams as `gain` has; what is gained is there in full after the start."""
    baseline, improved = BASELINE.copy(), IMPROVED.copy()
    for code, (before, after) in LEVELS.items():
        baseline[INDEX[code]], improved[INDEX[code]] = before, after
    return Plan(
        service="1-000000006",
        name="Reference service",
        first_month=date(2024, 1, 1),
        teams=tuple(_team(number, span.start, evidence) for number in range(len(gain))),
        gain=gain,
        months=span.as_of + 1,
        baseline=baseline,
        improved=improved,
        ramp=1,
        dispersion=2.0,
        month_autocorrelation=autocorrelation,
    )


def _team(number: int, starts: int, evidence: float) -> Team:
    return Team(
        code=f"team{number + 1}",
        name=f"Team {number + 1}",
        area=None,
        residents=round(RESIDENTS * evidence),
        led_by="nobody",
        starts=starts,
        volumes=volumes(evidence),
    )
