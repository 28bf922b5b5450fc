"""Charts of the demo's three services: numbers are those of the views, and titles are true."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.charting.catalogue import CHARTS
from api.charting.shift_clock import DAYS
from models.vocabulary import VIEW_OF, Strand
from tests.charted import rows_with, title
from tests.conftest import Database
from tests.demo_home import HARBOUR_VIEW, MEADOWLANDS, WILLOWBROOK, demo_home
from tests.text_tables import rows

AS_OF = "2026-10"
SERVICES = (WILLOWBROOK, MEADOWLANDS, HARBOUR_VIEW)
every_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(scope="module")
async def home(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with demo_home(app, database, {}) as clients:
        yield clients["platform"]


async def read(home: httpx.AsyncClient, service: str, part: str, **question: str) -> dict[str, Any]:
    answer = await home.get(f"/v1/services/{service}/{part}", params={"as_of": AS_OF, **question})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def chart(
    home: httpx.AsyncClient, service: str, name: str, **question: str
) -> dict[str, Any]:
    return await read(home, service, f"charts/{name}", **question)


#: One improved everywhere, one by a single team, one by day with nights lagging and feedback flat.
TITLES = """
case        | chart             | says
Willowbrook | spread-heat-map   | Improvement reaches at least 6 of 6 teams
Willowbrook | team-trajectories | Medicine doses omitted in error: in Oct 2026 control charts show improvement in 6 of 6 teams
Willowbrook | funnel            | Medicine doses omitted in error: none of 6 teams lies beyond what chance alone explains
Willowbrook | check-coverage    | All 4 time bands are checked enough for their share of care
Willowbrook | inside-outside    | In 3 of 3 service areas inside and outside both improved
Willowbrook | spread-timeline   | A start shows in 6 of 6 teams, first in Alder, Birch, Rowan and Willow (Nov 2025)
Meadowlands | spread-heat-map   | Improvement reaches at least 1 of 5 teams
Meadowlands | gap-over-time     | The gap between teams is widening: 1.8 smallest changes that matter now, 0.0 at baseline
Meadowlands | funnel            | Medicine doses omitted in error: beyond chance alone Fen, Heath and Moor are worse and Meadow is better than all 5 teams together
Meadowlands | spread-timeline   | A start shows in 2 of 5 teams, first in Meadow (Nov 2025)
Harbour     | shift-clock       | Looked at least for its care: weekday night, with 7% of checks and 35% of care
Harbour     | check-coverage    | 2 of 4 time bands lack checks: weekday night and weekend night are checked too little
Harbour     | inside-outside    | In 2 of 2 service areas inside improved and outside is not shown to keep pace
"""  # noqa: E501 - what is said stands on one line
CALLED = {"Willowbrook": WILLOWBROOK, "Meadowlands": MEADOWLANDS, "Harbour": HARBOUR_VIEW}


@pytest.mark.parametrize("row", rows(TITLES), ids=lambda row: f"{row['case']}-{row['chart']}")
async def test_titles_tell_what_was_simulated(home: httpx.AsyncClient, row: dict[str, str]) -> None:
    spec = await chart(home, CALLED[row["case"]], row["chart"])
    assert title(spec) == row["says"]


@every_service
@pytest.mark.parametrize("strand", Strand)
async def test_heat_map_counts_what_the_view_flags(
    home: httpx.AsyncClient, service: str, strand: Strand
) -> None:
    view = await read(home, service, VIEW_OF[strand])
    spec = await chart(home, service, "spread-heat-map", strand=strand)
    last = [row for row in rows_with(spec, "better") if row["month"] == "Oct 2026"]
    assert {row["name"]: (row["better"], row["worse"], row["of"]) for row in last} == {
        each["name"]: (
            *(
                sum(
                    any(
                        rule["direction"] == direction and rule["to"] == AS_OF
                        for rule in control["flagged"]
                    )
                    for control in each["charts"]
                )
                for direction in ("improvement", "concern")
            ),
            len(each["gaps"]),
        )
        for each in view["segments"]
    }


@every_service
@pytest.mark.parametrize(
    "indicator", ["medicine_omissions", "audit_compliance", "falls", "experience_rating"]
)
@pytest.mark.parametrize("strand", [Strand.TEAM_SPREAD, Strand.SHIFT_COVERAGE])
async def test_months_of_the_window_add_up_to_the_level_of_the_view(
    home: httpx.AsyncClient, service: str, indicator: str, strand: Strand
) -> None:
    view = await read(home, service, VIEW_OF[strand])
    spec = await chart(home, service, "team-trajectories", indicator=indicator, strand=strand)
    window = view["windows"]["current"]
    sums: dict[str, list[float]] = {}
    for row in rows_with(spec, "flag"):
        if window["from"] <= row["month"] <= window["to"]:
            of = sums.setdefault(row["name"], [0.0, 0.0])
            of[0] += row["x"]
            of[1] += row["n"]
    levels = {
        each["name"]: gap["level"]
        for each in view["segments"]
        for gap in each["gaps"]
        if gap["indicator"] == indicator
    }
    assert levels
    for name, level in levels.items():
        x, n = sums[name]
        assert x / n == pytest.approx(level), name


@every_service
async def test_funnel_draws_levels_and_amounts_of_the_view(
    home: httpx.AsyncClient, service: str
) -> None:
    view = await read(home, service, "spread-dashboard")
    for indicator in ("medicine_on_time", "harm_incidents", "complaints"):
        spec = await chart(home, service, "funnel", indicator=indicator)
        assert {row["name"]: (row["level"], row["n"]) for row in rows_with(spec, "beyond")} == {
            each["name"]: (gap["level"], gap["n_current"])
            for each in view["segments"]
            for gap in each["gaps"]
            if gap["indicator"] == indicator
        }


@every_service
async def test_gap_ends_with_the_change_and_interval_of_the_view(
    home: httpx.AsyncClient, service: str
) -> None:
    view = await read(home, service, "spread-dashboard")
    points = rows_with(await chart(home, service, "gap-over-time"), "kind")
    newest = points[-1]
    assert newest["month"] == AS_OF
    assert {end: newest[end] for end in ("estimate", "lower", "upper")} == view["gap"]["change"]
    seen = {
        look["as_of"]: look["figure"]
        for each in view["triggers"]
        if each["code"] == "persistent_variation"
        for look in each["history"]
        if look["as_of"] < AS_OF
    }
    assert {row["month"]: row["estimate"] for row in points[:-1]} == seen


@every_service
async def test_shift_clock_adds_up_to_the_weekdays_of_the_view(
    home: httpx.AsyncClient, service: str
) -> None:
    view = await read(home, service, "shift-coverage-review")
    spec = await chart(home, service, "shift-clock")
    cells = rows_with(spec, "checks")
    total = sum(cell["checks"] for cell in cells)
    least = min(view["segments"], key=lambda each: each["share_of_checks"] / each["share_of_care"])
    assert title(spec) == (
        f"Looked at least for its care: {least['name'].lower()}, with"
        f" {least['share_of_checks']:.0%} of checks and {least['share_of_care']:.0%} of care"
    )
    assert {day: sum(c["checks"] for c in cells if c["day"] == day) for day in DAYS} == {
        DAYS[each["weekday"] - 1]: each["checks"] for each in view["weekdays"]
    }
    assert total == sum(each["checks"] for each in view["weekdays"]) > 0


@every_service
async def test_checks_counted_from_events_of_a_day_are_those_of_the_tallies(
    home: httpx.AsyncClient, service: str
) -> None:
    now = await chart(home, service, "shift-clock")
    then = await chart(home, service, "shift-clock", known_at="2026-11-15T12:00:00Z")
    assert rows_with(then, "checks") == rows_with(now, "checks")
    assert "as known on 15 Nov 2026 at 12:00 UTC" in then["description"]


@every_service
async def test_check_coverage_and_quadrant_repeat_the_view(
    home: httpx.AsyncClient, service: str
) -> None:
    view = await read(home, service, "shift-coverage-review")
    shares = rows_with(await chart(home, service, "check-coverage"), "care")
    assert [(row["name"], row["care"], row["checks"]) for row in shares] == [
        (each["name"], each["share_of_care"], each["share_of_checks"])
        for each in view["segments"]
    ]  # fmt: skip
    view = await read(home, service, "evidence-alignment")
    sides = {
        row["name"]: row for row in rows_with(await chart(home, service, "inside-outside"), "x1")
    }
    whole = {**view["whole_service"], "name": "Whole service"}
    for each in (*view["segments"], whole):
        row = sides[each["name"]]
        assert {"estimate": row["inside"], "lower": row["x1"], "upper": row["x2"]} == each[
            "internal"
        ]
        assert {"estimate": row["outside"], "lower": row["y1"], "upper": row["y2"]} == each[
            "external"
        ]


@every_service
async def test_timeline_repeats_starts_and_change_points(
    home: httpx.AsyncClient, service: str
) -> None:
    view = await read(home, service, "spread-dashboard")
    dots = rows_with(await chart(home, service, "spread-timeline"), "kind")
    starts = {row["name"]: row["month"] for row in dots if row["kind"].startswith("start")}
    changes = {row["name"]: row["month"] for row in dots if row["kind"].startswith("change")}
    assert starts == {each["name"]: each["started"] for each in view["segments"] if each["started"]}
    assert changes == {
        each["name"]: each["change_point"]["month"]
        for each in view["segments"]
        if each["change_point"]
    }


@every_service
@pytest.mark.parametrize("name", CHARTS)
async def test_every_chart_is_drawn_of_every_strand_as_known_now_and_then(
    home: httpx.AsyncClient, service: str, name: str
) -> None:
    for strand in CHARTS[name].strands:
        question = {"strand": strand.value} if len(CHARTS[name].strands) > 1 else {}
        for known in ({}, {"known_at": "2026-11-15T12:00:00Z"}):
            answer = await home.get(
                f"/v1/services/{service}/charts/{name}",
                params={"as_of": AS_OF, "format": "svg", **question, **known},
            )
            assert answer.status_code == 200, answer.text
            assert answer.content.startswith(b"<svg ")
