"""Each chart on small figures made by hand: what it says and what it draws."""

from typing import Any

import pytest

from api.charting.catalogue import CHARTS
from api.charting.figures import ChecksOn, Look, MonthLevel
from models.vocabulary import Strand
from tests.charted import (
    AS_OF,
    area,
    around,
    between,
    drawn,
    figures,
    flagged,
    gap,
    indicator,
    rows_with,
    segment,
    subtitle,
    title,
)
from tests.text_tables import rows

TEAMS = [segment(code) for code in ("oak", "elm", "ash", "bay", "fir", "yew")]

#: What the bound allows to be said, and no more.
HEADLINES = """
case | level                 | n | reached | improved | worsened | says
a    | spreading             | 6 | 4       | 4        | 0        | Improvement reaches at least 4 of 6 teams
b    | spreading             | 6 | 4       | 3        | 0        | At least 4 of 6 teams are in a stronger position, 1 of them already at standard
c    | localised             | 6 | 1       | 1        | 0        | Improvement reaches at least 1 of 6 teams
d    | localised             | 6 | 1       | 0        | 0        | At least 1 of 6 teams is in a stronger position, 1 of them already at standard
e    | not_shown             | 6 | 0       | 0        | 0        | Improvement is not shown: no team of 6 can be claimed
f    | insufficient_evidence | 6 | 0       | 0        | 0        | Too little evidence to say how far it reaches: no team of 6 can be claimed
g    | worsening             | 6 | 0       | 0        | 2        | At least 2 of 6 teams have become worse, none is shown to be better
h    | spreading             | 6 | 3       | 3        | 1        | At least 1 of 6 teams has become worse, at least 3 are in a stronger position
i    | not_applicable        | 1 | 0       | 0        | 0        | As it is.
"""  # noqa: E501 - what is said stands on one line


@pytest.mark.parametrize("row", rows(HEADLINES), ids=lambda row: row["says"])
def test_title_is_as_far_as_the_bound_goes(row: dict[str, str]) -> None:
    bound = {
        "segments": int(row["n"]),
        "reached_at_least": int(row["reached"]),
        "of_which_improved_at_least": int(row["improved"]),
        "worsened_at_least": int(row["worsened"]),
    }
    verdict = {"level": row["level"], "qualifiers": [], "statement": "As it is."}
    of = figures(TEAMS, bound=bound, verdict=verdict)
    assert title(drawn("spread-heat-map", of)) == row["says"]


@pytest.mark.parametrize("name", CHARTS)
def test_provisional_figures_are_called_so(name: str) -> None:
    spec = drawn(name, figures(_anything(), CHARTS[name].strands[0], bound={"provisional": True}))
    assert title(spec).startswith("Provisional: ")


@pytest.mark.parametrize("name", CHARTS)
def test_subtitle_has_the_windows_the_verdict_and_its_qualifiers(name: str) -> None:
    verdict = {
        "level": "insufficient_evidence",
        "qualifiers": ["recent", "a_new_one"],
        "statement": "",
    }
    said = subtitle(drawn(name, figures(_anything(), CHARTS[name].strands[0], verdict=verdict)))
    assert "Verdict: insufficient evidence." in said
    assert "Qualified: held for less than 3 months; a new one." in said
    assert "Baseline Oct 2025 to Mar 2026, current Jul 2026 to Sep 2026." in said
    assert "Elm House (1-545611283), as of Sep 2026." in said


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_to_draw_is_a_sheet_that_says_so(name: str) -> None:
    windows = {"baseline": {"from": "2026-03", "to": "2026-08"}, "current": None}
    verdict = {"level": "insufficient_evidence", "qualifiers": [], "statement": "Too early to say."}
    of = figures([], CHARTS[name].strands[0], verdict=verdict, windows=windows, gap={})
    of.content["breadth"] = None
    spec = drawn(name, of)
    [row] = rows_with(spec, "words")
    assert row["words"]
    assert title(spec)
    assert "current none yet" in subtitle(spec)


def _anything() -> list[dict[str, Any]]:
    return [
        {**area("weekday_day", "aligned", 1.0, 1.0), "name": "Weekday day"},
        {**area("weekend_night", "internal_ahead", 1.0, 0.0), "name": "Weekend night"},
    ]


def test_heat_map_counts_indicators_flagged_in_each_month() -> None:
    oak = segment(
        "oak",
        started="2026-05",
        charts=[
            flagged("2026-05", "2026-09"),
            flagged("2026-08", "2026-09", code="falls"),
            flagged("2026-09", "2026-09", "concern", code="complaints"),
        ],
    )
    spec = drawn("spread-heat-map", figures([oak, segment("elm")], indicator=None))
    cells = {(row["name"], row["month"]): row for row in rows_with(spec, "better")}
    assert len(cells) == 2 * 24
    shown = {
        month: (cells["Oak", month]["said"], cells["Oak", month]["step"])
        for month in ("Apr 2026", "May 2026", "Aug 2026", "Sep 2026")
    }
    assert shown == {
        "Apr 2026": ("", "neither"),
        "May 2026": ("+1", "+1"),
        "Aug 2026": ("+2", "+2 to 3"),
        "Sep 2026": ("+2\n−1", "+1"),
    }
    assert [month for (_, month), row in cells.items() if row["started"]] == ["May 2026"]
    assert {row["said"] for (name, _), row in cells.items() if name == "Elm"} == {""}


def test_heat_map_of_one_indicator_counts_that_one() -> None:
    oak = segment(
        "oak", charts=[flagged("2026-05", AS_OF), flagged("2026-05", AS_OF, code="falls")]
    )
    spec = drawn("spread-heat-map", figures([oak], indicator=indicator("falls")))
    assert max(row["better"] for row in rows_with(spec, "better")) == 1
    assert "'Falls'" in subtitle(spec)


def test_trajectories_draw_level_interval_limits_and_what_is_flagged() -> None:
    months = (
        MonthLevel("oak", "2026-08", 0.8, 80, 100, 0),
        MonthLevel("oak", AS_OF, 0.96, 96, 100, 0),
        MonthLevel("elm", AS_OF, 0.8, 8, 10, 0),
    )
    oak = segment("oak", charts=[flagged(AS_OF, AS_OF)])
    spec = drawn("team-trajectories", figures([oak, segment("elm")], months=months))
    assert title(spec) == (
        "Audit items met: in Sep 2026 control charts show improvement in 1 of 2 teams"
    )
    points = rows_with(spec, "flag")
    assert [(row["panel"], row["month"], row["level"], row["flag"]) for row in points] == [
        ("Oak", "2026-08", 0.8, "nothing flagged"),
        ("Oak", AS_OF, 0.96, "improvement flagged"),
        ("Elm", AS_OF, 0.8, "nothing flagged"),
    ]
    # Wilson's interval of 8 of 10, worked out by hand.
    assert (points[2]["lower"], points[2]["upper"]) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    limits = rows_with(spec, "limit")
    assert {(row["panel"], row["level"]) for row in limits} == {
        ("Oak", 0.7),
        ("Oak", 0.8),
        ("Oak", 0.9),
    }
    assert "n from 10 to 100." in subtitle(spec)


def test_trajectories_of_what_was_known_say_that_levels_are_of_windows() -> None:
    months = (MonthLevel("oak", AS_OF, 0.8, None, 10, None),)
    of = figures([segment("oak")], months=months, months_of_windows=True)
    spec = drawn("team-trajectories", of)
    assert "known then" in subtitle(spec)
    assert "known then" in spec["description"]
    assert "No interval is kept" in subtitle(spec)
    [point] = rows_with(spec, "flag")
    assert (point["lower"], point["upper"]) == (None, None)
    now = drawn("team-trajectories", figures([segment("oak")], months=months))
    assert "counted from the evidence as it is now" in now["description"]


def test_funnel_names_who_lies_beyond_the_limits_in_which_direction() -> None:
    levels = {"oak": 0.9, "elm": 0.9, "ash": 0.9, "bay": 0.99, "fir": 0.75}
    teams = [segment(code, gaps=[gap(level=level, n=400)]) for code, level in levels.items()]
    spec = drawn("funnel", figures([*teams, segment("yew", gaps=[])]))
    assert title(spec) == (
        "Audit items met: beyond chance alone Fir is worse and Bay is better than all 5 teams"
        " together"
    )
    assert "5 of 6 teams have evidence; not shown: 1." in subtitle(spec)
    assert {row["name"]: row["level"] for row in rows_with(spec, "beyond")} == {
        code.title(): level for code, level in levels.items()
    }


def test_funnel_of_a_mean_draws_no_limits_and_says_so() -> None:
    teams = [
        segment(code, gaps=[gap("experience_rating", level, 12)])
        for code, level in (("oak", 4.1), ("elm", 3.2))
    ]
    spec = drawn("funnel", figures(teams, indicator=indicator("experience_rating")))
    assert rows_with(spec, "highest") == []
    assert "Limits of a mean are not shown" in subtitle(spec)
    assert "is not shown" in title(spec)


GAPS = """
case | state          | says
a    | narrowing      | The gap between teams is narrowing
b    | widening       | The gap between teams is widening
c    | levelling_down | Teams come closer because the best fell
d    | undetermined   | Whether the gap between teams is closing cannot be told
"""


@pytest.mark.parametrize("row", rows(GAPS), ids=lambda row: row["state"])
def test_gap_is_told_as_its_state_is(row: dict[str, str]) -> None:
    spec = drawn("gap-over-time", figures(TEAMS, gap=between(0.4, row["state"])))
    assert title(spec) == f"{row['says']}: 1.0 smallest changes that matter now, 0.6 at baseline"


def test_gap_has_one_point_for_each_look_and_an_interval_where_one_is_kept() -> None:
    history = [
        {"as_of": "2026-06", "figure": 0.1, "met": False},
        {"as_of": "2026-07", "figure": 0.2, "met": True},
        {"as_of": "2026-08", "figure": None, "met": False},
        {"as_of": AS_OF, "figure": 0.4, "met": True},
    ]
    looks = (
        Look("2026-07", between(0.2), provisional=False),
        Look("2026-08", {}, provisional=False),
        Look(AS_OF, between(0.4), provisional=False),
    )
    triggers = [{"code": "persistent_variation", "history": history}]
    of = figures(TEAMS, gap=between(0.4), triggers=triggers, looks=looks)
    points = rows_with(drawn("gap-over-time", of), "kind")
    assert [(row["month"], row["estimate"], row["lower"]) for row in points] == [
        ("2026-06", 0.1, None),
        ("2026-07", 0.2, pytest.approx(-0.3)),
        (AS_OF, 0.4, pytest.approx(-0.1)),
    ]


WEEK = [
    {**segment("weekday_day", share_of_care=0.5, share_of_checks=0.9), "name": "Weekday day"},
    {
        **segment("weekend_night", share_of_care=0.5, share_of_checks=0.1, coverage="thin"),
        "name": "Weekend night",
    },
]


def test_shift_clock_holds_checks_against_care_on_each_day() -> None:
    checks = (
        ChecksOn(1, "weekday_day", 12),
        ChecksOn(2, "weekday_day", 6),
        ChecksOn(1, "weekend_night", 1),
        ChecksOn(6, "weekend_night", 1),
        ChecksOn(3, "", 4),
    )
    spec = drawn("shift-clock", figures(WEEK, Strand.SHIFT_COVERAGE, checks=checks))
    cells = {(row["band"], row["day"]): row for row in rows_with(spec, "checks")}
    shown = {
        key: (row["checks"], row["ratio"], row["step"])
        for key, row in cells.items()
        if key[1] in {"Monday", "Wednesday", "Saturday"}
    }
    assert shown == {
        ("weekday_day", "Monday"): (12, 5.0, "1.5 times or more"),
        ("weekday_day", "Wednesday"): (0, 0.0, "nobody looked"),
        # A bank holiday: nobody can say how much of the weekend's care is on a Monday.
        ("weekend_night", "Monday"): (1, None, "share of care unknown"),
        ("weekend_night", "Saturday"): (1, 0.17, "less than half"),
    }
    assert (
        title(spec)
        == "Looked at least for its care: weekend night, with 10% of checks and 50% of care"
    )
    assert "24 audits, observations and knowledge checks" in subtitle(spec)
    assert "4 speak of no time and are not shown." in subtitle(spec)


COVERAGES = """
case | oak      | elm      | ash      | says
a    | adequate | adequate | adequate | All 3 teams are checked enough for their share of care
b    | adequate | thin     | adequate | 1 of 3 teams lacks checks: Elm is checked too little
c    | absent   | thin     | thin     | 3 of 3 teams lack checks: nobody looked at Oak; Elm and Ash are checked too little
"""  # noqa: E501 - what is said stands on one line


@pytest.mark.parametrize("row", rows(COVERAGES), ids=lambda row: row["says"])
def test_check_coverage_names_who_is_not_looked_at(row: dict[str, str]) -> None:
    teams = [segment(code, coverage=row[code]) for code in ("oak", "elm", "ash")]
    assert title(drawn("check-coverage", figures(teams))) == row["says"]


def test_check_coverage_draws_shares_as_they_are() -> None:
    teams = [
        segment("oak", share_of_care=0.6, share_of_checks=0.2),
        segment("elm", share_of_care=None, share_of_checks=0.8),
        segment("ash", status="not_provided"),
    ]
    found = rows_with(drawn("check-coverage", figures(teams)), "care")
    assert [(row["name"], row["care"], row["enough"], row["checks"]) for row in found] == [
        ("Oak", 0.6, 0.3, 0.2),
        ("Elm", None, None, 0.8),
    ]
    assert found[1]["said"] == "80% of checks, unknown of care: enough"


STATES = """
case | north         | south          | says
a    | aligned       | aligned        | In 2 of 2 service areas inside and outside both improved
b    | aligned       | internal_ahead | In 1 of 2 service areas inside improved and outside is not shown to keep pace
c    | diverging     | internal_ahead | In 1 of 2 service areas inside and outside go opposite ways
d    | aligned       | undetermined   | In 1 of 2 service areas inside and outside both improved; in 1 it cannot be told
e    | undetermined  | undetermined   | How inside and outside compare cannot be told in any of 2 service areas
f    | both_flat     | external_ahead | In 1 of 2 service areas neither inside nor outside changed by what matters
"""  # noqa: E501 - what is said stands on one line


@pytest.mark.parametrize("row", rows(STATES), ids=lambda row: row["says"])
def test_quadrant_tells_the_worst_news_first(row: dict[str, str]) -> None:
    areas = [area(code, row[code], 1.0, 0.5) for code in ("north", "south")]
    spec = drawn("inside-outside", figures(areas, Strand.EVIDENCE_ALIGNMENT))
    assert title(spec) == row["says"]


def test_quadrant_draws_both_intervals_and_counts_who_is_not_shown() -> None:
    areas = [area("north", "aligned", 2.0, 1.0), area("south", "undetermined", 1.0, None)]
    whole = {"internal": around(1.5), "external": around(0.8)}
    of = figures(areas, Strand.EVIDENCE_ALIGNMENT, whole_service=whole)
    spec = drawn("inside-outside", of)
    found = {row["name"]: row for row in rows_with(spec, "x1")}
    assert set(found) == {"North", "Whole service"}
    sides = [found["North"][key] for key in ("inside", "x1", "x2", "outside", "y1", "y2")]
    assert sides == [2.0, 1.5, 2.5, 1.0, 0.5, 1.5]
    assert "without evidence on one side: 1." in subtitle(spec)


def test_timeline_orders_segments_by_start_and_says_why_there_is_none() -> None:
    sure = {"month": "2026-03", "from": "2026-02", "to": "2026-05", "p": 0.001}
    teams = [
        segment("ash", started_reason="taken_back", change_point={**sure, "p": 0.4}),
        segment("elm", started="2026-06", held_months=4),
        segment("oak", started="2026-04", change_point=sure, held_months=40),
    ]
    spec = drawn("spread-timeline", figures(teams))
    assert title(spec) == "A start shows in 2 of 3 teams, first in Oak (Apr 2026)"
    dots = {(row["row"], row["kind"]): row["month"] for row in rows_with(spec, "kind")}
    assert dots == {
        ("Oak, not shown", "start on the control chart"): "2026-04",
        ("Oak, not shown", "change point with 95% interval"): "2026-03",
        ("Elm, not shown", "start on the control chart"): "2026-06",
        ("Ash, not shown", "change point, not beyond chance"): "2026-03",
    }
    [why] = rows_with(spec, "why")
    assert why["row"] == "Ash, not shown"
    assert why["why"] == "no start: an improvement was flagged and taken back"
    held = {row["row"]: (row["start"], row["end"]) for row in rows_with(spec, "held")}
    assert held == {
        "Elm, not shown": ("2026-06-01", "2026-10-01"),
        "Oak, not shown": ("2024-10-01", "2026-10-01"),
    }


def test_one_segment_alone_is_drawn_and_the_title_stays_that_of_all() -> None:
    teams = [segment("oak", started="2026-04"), segment("elm")]
    spec = drawn("spread-timeline", figures(teams, segment="elm"))
    assert title(spec) == "A start shows in 1 of 2 teams, first in Oak (Apr 2026)"
    assert {row["row"] for row in rows_with(spec, "row")} == {"Elm, not shown"}
