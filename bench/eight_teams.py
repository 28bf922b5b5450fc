"""Services of eight teams with three years of evidence of twenty indicators.

The simulator draws them; they are laid out as arrays, many services at once, or as the cells of
one, as the database would hold them.
"""

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime

import msgspec
import numpy as np

from bench.panels import JUDGED, Span, panel_of
from cli.simulate import INDEX, INDICATORS, PLACES, RATE, Array, Plan, Team
from cli.simulate_draw import Counts, draw
from models.axes import CellRow
from models.catalogue import STARTER, Indicator
from models.context import (
    PlaceOfTeam,
    ProgrammeVersion,
    ProviderChoices,
    ServiceContext,
    TeamOfService,
)
from models.vocabulary import MINUTES_PER_UNIT, Axis, Band, ExposureUnit
from worker.stats.panel import Floats, Indicators, Panel

TEAMS, TEAMS_AN_AREA, MONTHS = 8, 2, 36
#: Month in which improvement starts, counted from 0: two years lie before it.
STARTS = 26
#: Month of the programme of the service that is scored whole: all of the last 24 have a look.
PROGRAMME_STARTS = 12
SPAN = Span(start=STARTS, as_of=MONTHS - 1)
FIRST_MONTH = date(2023, 11, 1)
#: Indicators of the provider's own, drawn like these three of the catalogue.
OWN_LIKE = ("audit_compliance", "practice_observed", "falls")


#: Part of the way to improved that a team goes: some fall back, some stay, some arrive.
WAYS = (-0.4, 0.0, 0.5, 1.0)
#: Teams that send nothing of an indicator.
SILENT = 0.05


def plan(seed: int) -> Plan:
    """Every team goes its own way, one indicator in five another."""
    rng = np.random.default_rng(seed)
    own, other = rng.choice(WAYS, (TEAMS, 1, 1)), rng.choice(WAYS, (TEAMS, 1, len(INDICATORS)))
    another = rng.random(other.shape) < 0.2
    gain = np.where(another, other, own) * np.ones((1, PLACES, 1))
    teams = tuple(
        Team(
            code=f"team{number}",
            name=f"Team {number}",
            area=f"area{number // TEAMS_AN_AREA}",
            residents=20,
            led_by=f"leader{number}",
            starts=STARTS,
        )
        for number in range(TEAMS)
    )
    return Plan(
        service="1-100000099",
        name="Eight teams",
        first_month=FIRST_MONTH,
        teams=teams,
        gain=gain,
        months=MONTHS,
        season=0.1,
    )


@dataclass(frozen=True, eq=False)
class Drawn:
    """Counts of some services: of the catalogue's indicators and, apart, of the provider's own."""

    plan: Plan
    counts: Counts
    own: Counts


def drawn(services: int, seed: int) -> Drawn:
    rng, of = np.random.default_rng(seed), plan(seed)
    return Drawn(of, _heard(of, rng, services), _heard(of, rng, services))


def _heard(of: Plan, rng: np.random.Generator, services: int) -> Counts:
    """A draw without what silent teams did not send; care time is known all the same."""
    counts = draw(of, rng, services)
    silent = rng.random((services, TEAMS, 1, len(INDICATORS), 1)) < SILENT
    heard = ~(silent & ~RATE[:, None])
    return Counts(counts.x * heard, counts.n * heard, counts.sum_squares * heard)


def panel(of: Drawn, axis: Axis) -> Panel:
    """Twenty indicators along an axis, with no more strata in an area than it has teams."""
    catalogue = panel_of(of.counts, of.plan, SPAN, axis)
    own = panel_of(of.own, of.plan, SPAN, axis, OWN_LIKE)

    def joined(name: str) -> Floats:
        values = np.concatenate([getattr(catalogue, name), getattr(own, name)], axis=3)
        return _own_teams(values) if axis is Axis.AREA else values

    parts = (catalogue.indicators, own.indicators)
    return Panel(
        x=joined("x"),
        n=joined("n"),
        squares=joined("squares"),
        indicators=Indicators(
            *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Indicators))
        ),
        baseline=catalogue.baseline,
        current=catalogue.current,
        before=catalogue.before,
    )


def _own_teams(values: Floats) -> Floats:
    areas = np.arange(TEAMS // TEAMS_AN_AREA)[:, None]
    return values[:, areas, areas * TEAMS_AN_AREA + np.arange(TEAMS_AN_AREA)]


def stacked(panels: list[Panel]) -> Panel:
    """Services of several draws in one panel."""
    return Panel(
        **{
            name: np.concatenate([getattr(each, name) for each in panels])
            for name in ("x", "n", "squares", "baseline", "current", "before")
        },
        indicators=panels[0].indicators,
    )


def context(of: Plan) -> ServiceContext:
    """The service as it would have been set up, its programme registered on its first day."""
    start = of.calendar[PROGRAMME_STARTS]
    by_code = {one.code: one for one in STARTER}
    own = tuple(msgspec.structs.replace(by_code[code], code=f"own_{code}") for code in OWN_LIKE)
    return ServiceContext(
        service=of.service,
        name=of.name,
        kind="care_home",
        known_as=(of.service,),
        teams=tuple(
            TeamOfService(
                code=team.code,
                name=team.name,
                aliases=(),
                opened_on=None,
                closed_on=None,
                places=(PlaceOfTeam(FIRST_MONTH, team.area, team.led_by),),
            )
            for team in of.teams
        ),
        patterns=(),
        programmes=(
            ProgrammeVersion(
                version=1,
                name="Safer rounds",
                started_on=start,
                baseline_months=SPAN.baseline_months,
                current_months=SPAN.current_months,
                baseline_reason=None,
                origin_team=None,
                registered_at=datetime(start.year, start.month, 1, 9, tzinfo=UTC),
            ),
        ),
        choices=ProviderChoices(),
        catalogue="",
        indicators=(*_drawn_of(STARTER), *own),
    )


def _drawn_of(indicators: tuple[Indicator, ...]) -> tuple[Indicator, ...]:
    return tuple(one for one in indicators if one.code in JUDGED)


def cells(of: Drawn) -> list[CellRow]:
    """All cells of the first service drawn."""
    rows = []
    for counts, codes, prefix in ((of.counts, JUDGED, ""), (of.own, OWN_LIKE, "own_")):
        for code in codes:
            rows += _cells_of(of, counts, code, f"{prefix}{code}")
    exposure = of.counts.n[0, :, :, int(np.argmax(RATE))] * MINUTES_PER_UNIT[_UNIT]
    return rows + _rows(of.plan, _UNIT.value, exposure, exposure, np.zeros_like(exposure))


_UNIT = ExposureUnit.RESIDENT_DAYS


def _cells_of(of: Drawn, counts: Counts, code: str, name: str) -> list[CellRow]:
    x, n, squares = (
        each[0, :, :, INDEX[code]].astype(np.float64)
        for each in (counts.x, counts.n, counts.sum_squares)
    )
    kind = INDICATORS[INDEX[code]].kind
    if kind == "rate":
        n = x
    elif kind == "mean":
        x, squares = x * 100, squares * 100**2
    return _rows(of.plan, name, x, n, squares)


def _rows(of: Plan, indicator: str, x: Array, n: Array, squares: Array) -> list[CellRow]:
    places = [*(band.value for band in Band), ""]
    months = of.calendar
    return [
        CellRow(
            month=months[month],
            indicator=indicator,
            team=of.teams[team].code,
            area=of.teams[team].area or "",
            band=places[place],
            x=round(x[team, place, month]),
            n=round(n[team, place, month]),
            sum_squares=round(squares[team, place, month]),
            events=max(round(n[team, place, month]) // 10, 1),
        )
        for team, place, month in zip(*np.nonzero(n), strict=True)
    ]
