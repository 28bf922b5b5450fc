"""Contexts and cells written by hand, for what is concluded without a database."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from models.axes import CellRow
from models.calendar import add_months, months_between
from models.catalogue import STARTER, Indicator
from models.context import (
    PlaceOfTeam,
    ProgrammeVersion,
    ProviderChoices,
    ServiceContext,
    TeamOfService,
)
from models.vocabulary import Band

#: A programme from the middle of June 2025: baseline from December, current from July.
START = date(2025, 6, 10)
AS_OF = date(2026, 9, 1)
NOW = datetime(2026, 10, 20, 9, tzinfo=UTC)


def programme(
    started_on: date = START,
    *,
    version: int = 1,
    baseline_months: int = 6,
    current_months: int = 3,
    registered_at: datetime | None = None,
) -> ProgrammeVersion:
    return ProgrammeVersion(
        version=version,
        name="Better nights",
        started_on=started_on,
        baseline_months=baseline_months,
        current_months=current_months,
        baseline_reason=None,
        origin_team=None,
        registered_at=registered_at
        or datetime(started_on.year, started_on.month, started_on.day, 9, tzinfo=UTC),
    )


def team(
    code: str,
    area: str | None = None,
    *,
    opened_on: date | None = None,
    closed_on: date | None = None,
) -> TeamOfService:
    return TeamOfService(
        code=code,
        name=code.capitalize(),
        aliases=(),
        opened_on=opened_on,
        closed_on=closed_on,
        places=() if area is None else (PlaceOfTeam(date(2015, 4, 1), area, None),),
    )


def context(
    teams: Sequence[TeamOfService | str] = ("oak", "elm", "ash"),
    programmes: Sequence[ProgrammeVersion] = (programme(),),
    indicators: tuple[Indicator, ...] = STARTER,
    **choices: Any,
) -> ServiceContext:
    return ServiceContext(
        service="1-545611283",
        name="Elm House",
        kind="care_home",
        known_as=("1-545611283",),
        teams=tuple(team(each) if isinstance(each, str) else each for each in teams),
        patterns=(),
        programmes=tuple(programmes),
        choices=ProviderChoices(**choices),
        catalogue="2026.1",
        indicators=indicators,
    )


def cell(month: date, indicator: str, team: str, x: int, n: int = 0, **fields: Any) -> CellRow:
    known: dict[str, Any] = {"area": "", "band": Band.WEEKDAY_DAY.value, "sum_squares": 0}
    known |= {"events": max(n, x, 1)}
    return CellRow(month=month, indicator=indicator, team=team, x=x, n=n, **(known | fields))


#: Monthly evidence of a team: code, n (or resident-days), level before and after.
EVIDENCE = (
    ("medicine_omissions", 1500, 0.030, 0.004),
    ("harm_incidents", 480, 0.006, 0.002),
    ("audit_compliance", 100, 0.80, 0.96),
    ("practice_observed", 36, 0.75, 0.96),
    ("staff_knowledge", 40, 0.75, 0.96),
    ("experience_positive", 12, 0.60, 0.97),
)
RESIDENTS = 16
MINUTES_A_DAY = 1440


def cells(
    teams: Sequence[str] = ("oak", "elm", "ash"),
    improved: Sequence[str] = (),
    *,
    first: date = date(2024, 12, 1),
    last: date = AS_OF,
    since: date = date(2025, 7, 1),
    bands: Sequence[str] = tuple(Band),
    areas: dict[str, str] | None = None,
    seed: int = 1,
) -> list[CellRow]:
    """Plain draws of six indicators by team, band and month; the improved are so in every band."""
    rng = np.random.default_rng(seed)
    rows = []
    for month in months_between(first, last):
        days = add_months(month, 1).toordinal() - month.toordinal()
        for code in teams:
            place: dict[str, Any] = {"area": (areas or {}).get(code, "")}
            for band in bands:
                minutes = RESIDENTS * days * MINUTES_A_DAY // len(bands)
                rows.append(cell(month, "resident_days", code, minutes, band=band, **place))
                for indicator, size, before, after in EVIDENCE:
                    n = max(size // len(bands), 1)
                    level = after if code in improved and month >= since else before
                    x = int(rng.binomial(n, level))
                    rate = indicator == "harm_incidents"
                    rows.append(
                        cell(month, indicator, code, x, 0 if rate else n, band=band, **place)
                    )
    return rows
