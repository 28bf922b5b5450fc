"""The three services of the demo: the plan of each and the verdicts to expect of it.

The levels to expect are the planner's judgement of what this much evidence can show, as a set where
chance decides between neighbours.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

import numpy as np

from cli.simulate import BANDS, INDICATORS, NO_BAND, PLACES, Array, Plan, Team, Volumes
from cli.simulate_draw import Counts, draw
from models.calendar import add_months, month_of
from models.vocabulary import Channel, Level, Strand

SEED: Final = 2030
HISTORY_MONTHS: Final = 24
PROGRAMME_STARTS: Final = 12
BASELINE_MONTHS: Final = 6
CURRENT_MONTHS: Final = 3
INTERNAL: Final = (Channel.AUDIT, Channel.OBSERVATION, Channel.STAFF_KNOWLEDGE, Channel.TREND)
DAY: Final = tuple(place for place, band in enumerate(BANDS) if "night" not in band)
#: Doses of a resident on a day: about 206 administrations a month.
DOSES: Final = 206 / 30.4


@dataclass(frozen=True, slots=True)
class Expected:
    levels: tuple[Level, ...]
    why: str


@dataclass(frozen=True, slots=True)
class DemoService:
    """A plan, its programme's name, and the verdict to expect of each strand."""

    plan: Plan
    programme: str
    origin_team: str
    story: str
    expected: dict[Strand, Expected]


def services(now: datetime, started_on: date | None = None) -> list[DemoService]:
    """The demo's services for the 24 months up to the month before that of `now`.

    With `started_on`, the start of a programme that is already registered, the months are those
    that were sent then: another month would be other evidence for the same services.
    """
    first_month = add_months(month_of(now), -HISTORY_MONTHS)
    if started_on is not None:
        first_month = add_months(started_on, -PROGRAMME_STARTS)
    return [_everywhere(first_month), _one_team(first_month), _by_day(first_month)]


def drawn(service: DemoService) -> tuple[Counts, np.random.Generator]:
    """The counts of a demo service, and the generator from which its events go on."""
    rng = np.random.default_rng([SEED, int(service.plan.service.rpartition("-")[2]) % 1000])
    return draw(service.plan, rng), rng


def _everywhere(first_month: date) -> DemoService:
    volumes = Volumes(ratings=6.0, fft=3.5, attributed=0.6)
    teams = (
        _team("willow", "Willow", "Residential", 36, "r.okafor", volumes),
        _team("hazel", "Hazel", "Residential", 34, "s.lindqvist", volumes, starts=13),
        _team("rowan", "Rowan", "Dementia", 35, "m.achterberg", volumes, starts=13),
        _team("alder", "Alder", "Dementia", 34, "p.nwosu", volumes, starts=14),
        _team("birch", "Birch", "Nursing", 38, "d.ferreira", volumes, starts=14),
        _team("cedar", "Cedar", "Nursing", 36, "k.whitlock", volumes, starts=15),
    )
    broad = (Level.BROAD, Level.BROAD_WITH_EXCEPTIONS)
    return DemoService(
        _plan("1-100000001", "Willowbrook", first_month, teams, _gain(teams)),
        "Safer medicines, kinder mornings",
        "willow",
        "improved everywhere",
        {
            Strand.TEAM_SPREAD: Expected(
                broad,
                "All six teams improve in all five channels to beyond the standards, and every team"
                " is checked every month; an exception can only be a chance gap in one indicator.",
            ),
            Strand.SHIFT_COVERAGE: Expected(
                broad,
                "All four bands improve alike and checks are made in proportion to hours; weekend"
                " nights have the least evidence and may be the exception.",
            ),
            Strand.EVIDENCE_ALIGNMENT: Expected(
                broad,
                "Feedback improves with the audits in all three areas; with about six answers a"
                " team and month one area may stay short of certainty.",
            ),
        },
    )


def _one_team(first_month: date) -> DemoService:
    volumes = Volumes(audits=(3.0, 25), observations=(2.5, 12), knowledge=(2.5, 10), attributed=0.3)
    teams = (
        _team(
            "meadow",
            "Meadow",
            "Nursing",
            48,
            "a.brennan",
            replace(volumes, ratings=12.0, fft=6.0, shifts_by_day=3),
        ),
        _team("heath", "Heath", "Residential", 26, "j.castellano", volumes),
        _team("fen", "Fen", "Residential", 25, "t.adeyemi", volumes),
        _team("moor", "Moor", "Dementia", 26, "c.hollis", volumes),
        replace(
            _team("dale", "Dale", "Residential", 6, "n.prakash", volumes),
            each_dose=True,
            volumes=replace(volumes, doses_a_day=15.0, ratings=1.5, fft=1.0, shifts_by_day=1),
        ),
    )
    gain = np.zeros((len(teams), PLACES, len(INDICATORS)))
    gain[0] = 1.0
    gain[0, :, of_channels([Channel.FEEDBACK])] = 1.25
    gain[1:, :, _indicators("audit_compliance")] = 0.25
    return DemoService(
        _plan("1-100000002", "Meadowlands", first_month, teams, gain),
        "Every record right first time",
        "meadow",
        "carried by a single team",
        {
            Strand.TEAM_SPREAD: Expected(
                (Level.LOCALISED,),
                "Meadow improves in every channel; the other four do a little better in audits"
                " alone, and one channel never makes an improvement.",
            ),
            Strand.SHIFT_COVERAGE: Expected(
                (
                    Level.INSUFFICIENT_EVIDENCE,
                    Level.NOT_SHOWN,
                    Level.LOCALISED,
                    Level.SPREADING,
                ),
                "A fifth to a third of every band is Meadow, so each improves a little on average:"
                " sometimes enough to show in weekday hours, too little to be sure of at weekends,"
                " where not even one meaningful change in every channel would be seen.",
            ),
            Strand.EVIDENCE_ALIGNMENT: Expected(
                (Level.LOCALISED, Level.NOT_SHOWN, Level.INSUFFICIENT_EVIDENCE),
                "Meadow is an area of its own and the only one in which people say it is better;"
                " a few answers a month may leave even that short of certainty.",
            ),
        },
    )


def _by_day(first_month: date) -> DemoService:
    volumes = Volumes(
        audits=(8.0, 25),
        observations=(8.0, 12),
        knowledge=(8.0, 10),
        records=(6.0, 12),
        checks=(0.60, 0.08, 0.26, 0.06),
    )
    teams = (
        _team("harbour", "Harbour", "Residential", 28, "l.mbeki", volumes),
        _team("quay", "Quay", "Residential", 27, "f.sorensen", volumes, starts=13),
        _team("beacon", "Beacon", "Nursing", 29, "g.thackeray", volumes, starts=13),
        _team("anchor", "Anchor", "Nursing", 28, "b.oyelaran", volumes, starts=14),
    )
    gain = np.zeros((len(teams), PLACES, len(INDICATORS)))
    gain[:, (*DAY, NO_BAND)] = 1.2
    gain[:, :, of_channels([Channel.FEEDBACK])] = 0.0
    return DemoService(
        _plan("1-100000003", "Harbour View", first_month, teams, gain),
        "Steady hands, steady days",
        "harbour",
        "good by day, nights lagging, feedback flat",
        {
            Strand.TEAM_SPREAD: Expected(
                (Level.SPREADING, Level.BROAD_WITH_EXCEPTIONS, Level.BROAD),
                "Every team improves by day, where most of its checks are made; nights and flat"
                " feedback dilute it, so that a team or an indicator may fall short.",
            ),
            Strand.SHIFT_COVERAGE: Expected(
                (Level.LOCALISED, Level.SPREADING),
                "The two day bands improve and the two night bands do not, so at most two of four"
                " can be claimed.",
            ),
            Strand.EVIDENCE_ALIGNMENT: Expected(
                (Level.NOT_SHOWN, Level.INSUFFICIENT_EVIDENCE),
                "What people say stays where it was, below the standard, so no area improves inside"
                " and outside; whether that could have been seen depends on how many answered.",
            ),
        },
    )


def of_channels(channels: Iterable[Channel]) -> list[int]:
    wanted = set(channels)
    return [place for place, indicator in enumerate(INDICATORS) if indicator.channel in wanted]


def _indicators(*codes: str) -> list[int]:
    return [place for place, indicator in enumerate(INDICATORS) if indicator.code in codes]


def _gain(teams: tuple[Team, ...]) -> Array:
    return np.ones((len(teams), PLACES, len(INDICATORS)))


def _team(
    code: str,
    name: str,
    area: str,
    residents: int,
    led_by: str,
    volumes: Volumes,
    starts: int = PROGRAMME_STARTS,
) -> Team:
    dosed = replace(volumes, doses_a_day=residents * DOSES)
    return Team(code, name, area, residents, led_by, starts=starts, volumes=dosed)


def _plan(service: str, name: str, first_month: date, teams: tuple[Team, ...], gain: Array) -> Plan:
    return Plan(
        service=service,
        name=name,
        first_month=first_month,
        teams=teams,
        gain=gain,
        months=HISTORY_MONTHS,
        season=0.05,
    )
