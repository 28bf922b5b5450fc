"""The events behind a number sum to the number: every indicator, every strand's segments."""

from collections import defaultdict
from datetime import date
from typing import Any, NamedTuple

import httpx
import pytest

from api.running import Running
from models.catalogue import STARTER, Indicator
from models.vocabulary import Measure, ProviderId
from tests.every_kind import every_kind
from tests.paging import listed, pages
from tests.reading import STRANDS, read, set_up
from tests.recomputing import cells, settle
from tests.sent import event, send

BANDS = ("weekday_day", "weekday_night", "weekend_day", "weekend_night")
SEGMENTS = {
    "team_spread": ("oak", "elm", "ash"),
    "shift_coverage": BANDS,
    "evidence_alignment": ("Nursing", "Residential", "Garden"),
}
SEPTEMBER = date(2026, 9, 1)
#: The open month is counted and belongs to no number that has been judged.
LAST = date(2026, 10, 1)
MINUTES_OF_A_DAY, MINUTES_OF_AN_HOUR = 1440, 60


MONTH = {"month": "2026-09"}
RATES = [each for each in STARTER if each.measure is Measure.RATE]


class Sums(NamedTuple):
    x: int = 0
    n: int = 0
    squares: int = 0
    events: int = 0

    def plus(self, other: "Sums") -> "Sums":
        return Sums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


#: By strand, segment ('' for all evidence that has one), indicator and month.
Table = dict[tuple[str, str, str, date], Sums]


async def table(admin: Any, provider: ProviderId) -> Table:
    """The cells as the strands cut them."""
    found: Table = defaultdict(Sums)
    for (_, month, _, indicator, team, area, band), sums in (await cells(admin, provider)).items():
        places = {"team_spread": team, "shift_coverage": band, "evidence_alignment": area or team}
        for strand, place in places.items():
            for segment in {place, ""} if place else ():
                key = (strand, segment, indicator, month)
                found[key] = found[key].plus(Sums(*sums))
    return found


@pytest.fixture
async def counted(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> Table:
    await set_up(client)
    receipt = await send(client, *every_kind())
    assert receipt["accepted"] == len(every_kind())
    await settle(running, provider, admin)
    return await table(admin, provider)


def summed(items: list[dict[str, Any]], indicator: Indicator) -> Sums:
    """What the items say together, in the units of a cell."""
    total = Sums()
    for item in items:
        x, n = item["x"], item["n"]
        assert item["indicator"] == indicator.code
        assert (n is None) == (indicator.measure is Measure.RATE)
        if item["counts_as"] == "excluded":
            assert item["reason"]
            assert not x
            assert not n
            continue
        assert item["reason"] is None
        assert item["counts_as"] == ("numerator" if x else "denominator")
        squares = 0
        if indicator.measure is Measure.MEAN:
            assert n == 1
            x = round(x * 100)
            squares = x * x
        total = total.plus(Sums(x, n or 0, squares, 1))
    return total


def up_to_date(counted: Table, strand: str, segment: str, indicator: str) -> Sums:
    total = Sums()
    for key, sums in counted.items():
        if key[:3] == (strand, segment, indicator) and key[3] <= LAST:
            total = total.plus(sums)
    return total


def questions(strand: str) -> list[tuple[str, dict[str, str]]]:
    """Each segment's question, and that for all evidence which has one."""
    return [("", {"strand": strand})] + [
        (segment, {"strand": strand, "segment": segment}) for segment in SEGMENTS[strand]
    ]


@pytest.mark.parametrize("strand", STRANDS)
async def test_listed_events_sum_to_the_cell(
    client: httpx.AsyncClient, counted: Table, strand: str
) -> None:
    for indicator in STARTER:
        code, spoken = indicator.code, 0
        for segment, question in questions(strand):
            month = await listed(client, **question, indicator=code, month="2026-09", limit=7)
            total = summed(month, indicator)
            assert total == counted.get((strand, segment, code, SEPTEMBER), Sums()), code
            spoken += total.events
            whole = await listed(client, **question, indicator=code, limit=1000)
            assert summed(whole, indicator) == up_to_date(counted, strand, segment, code), code
        assert spoken, "an indicator that nothing speaks of proves nothing"


@pytest.mark.parametrize("strand", STRANDS)
async def test_exposure_of_a_rate_is_the_care_of_all_months_asked_for(
    client: httpx.AsyncClient, counted: Table, strand: str
) -> None:
    told = {"oak": {"oak"}, "ash": {"ash"}, "Nursing": {"oak"}, "Residential": {"ash"}}
    team_of = {item["id"]: item["team"] for item in every_kind()}
    for segment, question in questions(strand):
        whole = up_to_date(counted, strand, segment, "resident_days")
        of_month = counted.get((strand, segment, "resident_days", SEPTEMBER), Sums())
        teams = told.get(segment, {"oak", "ash"})
        # Oak was counted in May alone, and nobody knows how many live there in September.
        for month, minutes, by in (({}, whole.x, teams), (MONTH, of_month.x, teams - {"oak"})):
            for indicator in RATES:
                asked = question | month | {"indicator": indicator.code}
                exposure = (await read(client, "evidence", **asked))["exposure"]
                if not minutes:
                    assert exposure is None, "elm counts hours, and a service has one unit"
                    continue
                assert exposure["unit"] == "resident_days"
                assert exposure["value"] == pytest.approx(minutes / MINUTES_OF_A_DAY, rel=1e-12)
                assert {team_of[census] for census in exposure["census_ids"]} == by


async def test_care_hours_are_the_exposure_where_nobody_resides(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    await set_up(client)
    census = event("census.taken", {"on": "2026-09-01", "care_hours": 30}, id="C-1")
    fall = event("incident.reported", {"category": "fall", "harm": "low"}, id="F-1")
    await send(
        client,
        census | {"occurred_at": "2026-09-01T12:00:00+01:00"},
        fall | {"occurred_at": "2026-09-03T10:00:00+01:00"},
    )
    await settle(running, provider, admin)
    question = {"indicator": "falls", "month": "2026-09"}
    [page] = await pages(client, **question)
    assert page["exposure"] == {"value": 900, "unit": "care_hours", "census_ids": ["C-1"]}
    found = await table(admin, provider)
    for band in BANDS:
        [page] = await pages(client, **question, strand="shift_coverage", segment=band)
        minutes = found["shift_coverage", band, "care_hours", SEPTEMBER].x
        assert page["exposure"]["value"] == pytest.approx(minutes / MINUTES_OF_AN_HOUR, rel=1e-12)


async def test_only_a_rate_has_an_exposure(client: httpx.AsyncClient, counted: Table) -> None:
    assert counted
    for indicator in STARTER:
        page = await read(client, "evidence", indicator=indicator.code, limit=1)
        assert (page["exposure"] is not None) == (indicator.measure is Measure.RATE)
    assert (await read(client, "evidence"))["exposure"] is None
