"""The plan of a simulated care service: who truly improves, and how much evidence there is of it.

Serves the demo and the calibration study; knows nothing of HTTP, of events or of how a service is
judged, so that a known truth cannot lean on the method it tests.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from models.calendar import LONDON, add_months, band_minutes, band_of, days_of, months_between
from models.vocabulary import Band, Channel

Array = npt.NDArray[np.float64]
Counted = npt.NDArray[np.int64]

BANDS: Final = tuple(Band)
#: Fifth place on the band axis: evidence that says nothing of the time it speaks of.
NO_BAND: Final = len(BANDS)
PLACES: Final = len(BANDS) + 1

RATING_STEPS: Final = 4
#: Share of all hours in each band, in the order of Band, bank holidays included.
CARE_HOURS: Final = (0.35, 0.35, 0.15, 0.15)


@dataclass(frozen=True, slots=True)
class Indicator:
    """How an indicator is drawn; `channel` is None for context that never shows improvement."""

    code: str
    kind: Literal["proportion", "rate", "mean"]
    channel: Channel | None
    baseline: float
    improved: float


#: Levels before and after, in the catalogue's units (rates per 1,000 resident-days).
INDICATORS: Final = (
    Indicator("medicine_omissions", "proportion", Channel.TREND, 0.030, 0.006),
    Indicator("medicine_on_time", "proportion", Channel.TREND, 0.90, 0.975),
    Indicator("harm_incidents", "rate", Channel.TREND, 6.0, 3.0),
    Indicator("falls", "rate", Channel.TREND, 8.0, 5.0),
    Indicator("escalation_on_time", "proportion", Channel.TREND, 0.84, 0.98),
    Indicator("shifts_filled", "proportion", Channel.TREND, 0.90, 0.98),
    Indicator("handover_quality", "proportion", Channel.TREND, 0.86, 0.975),
    Indicator("supervision_on_time", "proportion", Channel.TREND, 0.76, 0.96),
    Indicator("audit_compliance", "proportion", Channel.AUDIT, 0.82, 0.95),
    Indicator("record_quality", "proportion", Channel.AUDIT, 0.80, 0.95),
    Indicator("practice_observed", "proportion", Channel.OBSERVATION, 0.75, 0.95),
    Indicator("staff_knowledge", "proportion", Channel.STAFF_KNOWLEDGE, 0.75, 0.95),
    Indicator("experience_rating", "mean", Channel.FEEDBACK, 3.4, 4.6),
    Indicator("experience_positive", "proportion", Channel.FEEDBACK, 0.72, 0.97),
    Indicator("complaints", "rate", Channel.FEEDBACK, 1.5, 0.3),
    Indicator("complaints_repeated", "proportion", Channel.FEEDBACK, 0.35, 0.05),
    Indicator("compliments", "rate", Channel.FEEDBACK, 1.5, 4.5),
    Indicator("other_incidents", "rate", None, 5.0, 5.0),
    Indicator("staff_experience", "mean", None, 3.6, 3.9),
    Indicator("self_assessment", "proportion", None, 0.85, 0.93),
)
INDEX: Final = {indicator.code: place for place, indicator in enumerate(INDICATORS)}
BASELINE: Final = np.array([indicator.baseline for indicator in INDICATORS])
IMPROVED: Final = np.array([indicator.improved for indicator in INDICATORS])
#: One where more is better, else minus one; what is level counts as better when higher.
BETTER: Final = np.where(BASELINE <= IMPROVED, 1.0, -1.0)
RATE: Final = np.array([indicator.kind == "rate" for indicator in INDICATORS])
MEAN: Final = np.array([indicator.kind == "mean" for indicator in INDICATORS])


@dataclass(frozen=True, slots=True)
class Volumes:
    """Evidence of a team in a month; pairs are (visits a month, items a visit), zero for none."""

    #: Scheduled doses of the whole team on a day; three fifths of them fall in the day band.
    doses_a_day: float = 150.0
    shifts_by_day: int = 2
    shifts_by_night: int = 1
    handover_items: int = 8
    audits: tuple[float, int] = (5.0, 25)
    observations: tuple[float, int] = (4.5, 12)
    knowledge: tuple[float, int] = (5.0, 10)
    records: tuple[float, int] = (4.5, 12)
    supervisions: tuple[float, int] = (3.0, 1)
    self_assessments: tuple[float, int] = (1.0, 20)
    ratings: float = 3.5
    fft: float = 2.5
    staff_ratings: float = 1.0
    #: Share of feedback, complaints and compliments that says which time it speaks of.
    attributed: float = 0.5
    #: Where in the week audits, observations and knowledge checks are made, in the order of Band.
    checks: tuple[float, float, float, float] = CARE_HOURS


#: Which activity of `Volumes` an indicator's items come from.
CHECKS: Final = {
    "audit_compliance": "audits",
    "practice_observed": "observations",
    "staff_knowledge": "knowledge",
    "record_quality": "records",
    "supervision_on_time": "supervisions",
    "self_assessment": "self_assessments",
}


@dataclass(frozen=True, slots=True)
class Team:
    code: str
    name: str
    area: str | None
    residents: int
    led_by: str
    #: Month of the plan in which its improvement begins, and in which it is lost again.
    starts: int = 12
    ends: int | None = None
    #: Sends every dose as an event of its own instead of rounds.
    each_dose: bool = False
    #: Lasting difference from the other teams on the link scale; positive is better.
    offset: float = 0.0
    #: Pearson dispersion of its months where that is not the plan's.
    dispersion: float | None = None
    volumes: Volumes = field(default_factory=Volumes)


@dataclass(frozen=True, eq=False)
class Plan:
    """A service as it truly is: who improves, in what, when and by how much."""

    service: str
    name: str
    first_month: date
    teams: tuple[Team, ...]
    #: Share of the way from baseline to improved, shape (teams, places, indicators).
    gain: Array
    months: int = 24
    baseline: Array = field(default_factory=BASELINE.copy)
    improved: Array = field(default_factory=IMPROVED.copy)
    #: Months from the first effect to the full one.
    ramp: int = 4
    #: The same once a team's improvement has ended; None: all of it is lost.
    kept: Array | None = None
    #: Pearson dispersion of the months of a team.
    dispersion: float = 2.0
    indicator_correlation: float = 0.3
    team_correlation: float = 0.3
    band_correlation: float = 0.3
    month_autocorrelation: float = 0.2
    #: Winter is worse and summer better by this much on the link scale.
    season: float = 0.0
    #: Levels rise by this much on the link scale until that month.
    trend: float = 0.0
    trend_until: int = 0
    #: Larger shocks would bring months of twenty complaints; tiny counts stay below φ instead.
    largest_shock: float = 0.7
    #: Multiplies care and all evidence of it, shape (teams, places, months); None: as it is.
    mix: Array | None = None

    def __post_init__(self) -> None:
        expected = (len(self.teams), PLACES, len(INDICATORS))
        if self.gain.shape != expected:
            raise ValueError(f"gain has shape {self.gain.shape}, not {expected}")

    @property
    def calendar(self) -> list[date]:
        return months_between(self.first_month, add_months(self.first_month, self.months - 1))


def days_by_place(month: date) -> list[list[date]]:
    """Dates of a month whose day, and whose following night, lie in each band."""
    return [[day for day in days_of(month) if band in _bands_of(day)] for band in BANDS]


def band_days(month: date) -> Array:
    """How many days' worth of hours of a month each band holds; nothing for no band."""
    minutes = [band_minutes(day, ()) for day in days_of(month)]
    held = [sum(day.get(band, 0) for day in minutes) / 1440 for band in BANDS]
    return np.array([*held, 0.0])


def visits(plan: Plan) -> dict[str, Counted]:
    """Planned visits of each activity, shape (teams, places, months).

    A plan of checks is spread, not drawn: each band's visits are dealt out evenly over months,
    and teams are staggered, as somebody who plans audits would do it.
    """
    stagger = np.arange(len(plan.teams))[:, None] * 0.618 + np.arange(PLACES) * 0.382
    busy = _busy(plan)
    planned = {}
    for code, activity in CHECKS.items():
        rate = np.array([_visit_rate(team.volumes, activity) for team in plan.teams])
        due = np.insert(np.cumsum(rate[..., None] * busy, axis=-1), 0, 0, axis=-1)
        dealt = np.floor(due + stagger[..., None] % 1 + 1e-9)
        planned[code] = np.diff(dealt, axis=-1).astype(np.int64)
    days = np.array([[len(dates) for dates in days_by_place(month)] for month in plan.calendar])
    every_day = np.zeros((len(plan.teams), PLACES, plan.months), dtype=np.int64)
    every_day[:, :NO_BAND] = np.rint(days.T * busy[:, :NO_BAND])
    planned["handover_quality"] = every_day
    planned["medicine_omissions"] = every_day
    staffed = np.array(
        [_by_place(t.volumes.shifts_by_day, t.volumes.shifts_by_night) for t in plan.teams]
    )
    planned["shifts_filled"] = every_day * staffed[..., None].astype(np.int64)
    return planned


def items_a_visit(team: Team) -> dict[str, Array]:
    """Items counted in one visit of each activity, by place."""
    volumes = team.volumes
    by_day = round(volumes.doses_a_day * 0.6)
    checks = {
        code: np.full(PLACES, getattr(volumes, activity)[1], dtype=np.float64)
        for code, activity in CHECKS.items()
    }
    return checks | {
        "handover_quality": np.full(PLACES, float(volumes.handover_items)),
        "shifts_filled": np.ones(PLACES),
        "medicine_omissions": _by_place(by_day, round(volumes.doses_a_day) - by_day),
    }


def expected_n(plan: Plan) -> Array:
    """Expected n or resident-days, shape (teams, places, indicators, months)."""
    n = np.zeros((len(plan.teams), PLACES, len(INDICATORS), plan.months))
    for code, planned in visits(plan).items():
        items = np.array([items_a_visit(team)[code] for team in plan.teams])
        n[:, :, INDEX[code]] = planned * items[..., None]
    hours = np.array([band_days(month) for month in plan.calendar]).T
    busy = _busy(plan)
    residents = np.array([team.residents for team in plan.teams])
    exposure = residents[:, None, None] * hours * busy
    spoken = np.zeros_like(exposure)
    spoken_of = np.array([team.volumes.attributed for team in plan.teams])[:, None, None]
    spoken[:, :NO_BAND] = spoken_of * (hours / hours.sum(axis=0))[:NO_BAND]
    spoken[:, NO_BAND] = 1 - spoken_of[:, 0]
    for code, rate in (("experience_rating", "ratings"), ("experience_positive", "fft")):
        each_month = np.array([getattr(team.volumes, rate) for team in plan.teams])
        n[:, :, INDEX[code]] = each_month[:, None, None] * spoken * busy
    n[:, NO_BAND, INDEX["staff_experience"]] = np.array(
        [team.volumes.staff_ratings for team in plan.teams]
    )[:, None]
    n[:, :, RATE] = exposure[:, :, None]
    return n


def _busy(plan: Plan) -> Array:
    """How much of the usual care a team gives in each place and month."""
    return np.ones((len(plan.teams), PLACES, plan.months)) if plan.mix is None else plan.mix


def _visit_rate(volumes: Volumes, activity: str) -> Array:
    """Visits a month by place; records are read of all hours alike, whoever is on duty."""
    each_month: float = getattr(volumes, activity)[0]
    if activity == "supervisions":
        shares: tuple[float, ...] = (0, 0, 0, 0, 1)
    elif activity == "self_assessments":
        shares = (1, 0, 0, 0, 0)
    else:
        shares = (*(CARE_HOURS if activity == "records" else volumes.checks), 0)
    return np.array([share * each_month for share in shares])


def _by_place(by_day: float, by_night: float) -> Array:
    return np.array(
        [0 if band is None else by_night if "night" in band else by_day for band in (*BANDS, None)]
    )


@cache
def _bands_of(day: date) -> tuple[Band, Band]:
    noon, night = (datetime.combine(day, time(hour), LONDON) for hour in (12, 22))
    return band_of(noon, ()), band_of(night, ())
