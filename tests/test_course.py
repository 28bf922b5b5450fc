"""Where an improvement started and how it spread: a letter a month, of two kinds of check.

Before the programme months are a or b in turn (0.60, 0.64). c (0.66) is above them within the
limits, d (0.70) near the upper limit, H (0.80) outside it and P (0.90) far outside, L (0.40) below,
`.` without evidence.
The start month is June 2025, the last September 2026.
"""

from typing import Any

import numpy as np
import pytest

from models.vocabulary import Strand
from tests.cells_by_month import CHECKS, by_month, score_of
from tests.evidence_by_hand import context
from tests.text_tables import NOTHING, Row, cases
from worker.score import StrandScore
from worker.shown_segments import month_at, start_content
from worker.shown_spread import spread_content

LEVELS = {
    "a": ".6", "b": ".64", "c": ".66", "d": ".70", "e": ".74", "H": ".8", "P": ".9", "L": ".4",
    ".": ".",
}  # fmt: skip
YEAR = "abababababab"


def course(**teams: str) -> StrandScore:
    return under("mdc-2023", **teams)


def under(rules: str, **teams: str) -> StrandScore:
    rows = [
        row
        for code, months in teams.items()
        for row in by_month(code, [LEVELS[letter] for letter in months], n=100)
    ]
    return score_of(Strand.TEAM_SPREAD, rows, context((*teams,), spc_rules=rules))


def start(of: StrandScore, code: str = "oak") -> dict[str, Any]:
    return start_content(of, of.codes.index(code))


SHORT = {
    "fewer_than_12_months_before_the_start": "no year before",
    "no_signal": "no signal",
    "taken_back": "taken back",
}

STARTS = """
    case                                | the year before | from June 2025   | started
    at once and for good                | abababababab    | aHHHHHHHHHHHHHHH | 2025-07
    in the start month itself           | abababababab    | HHHHHHHHHHHHHHHH | 2025-06
    in the last month                   | abababababab    | abababababababaH | 2026-09
    half a year later                   | abababababab    | abababbaHHHHHHHH | 2026-02
    never                               | abababababab    | abababababababab | no signal
    worse                               | abababababab    | aLLLLLLLLLLLLLLL | no signal
    seven in a row a little better      | abababababab    | ababababaccccccc | 2026-03
    six in a row a little better        | abababababab    | ababababaacccccc | no signal
    one month back is chance            | abababababab    | aHHHHHHaHHHHHHHH | 2025-07
    two months back undo it             | abababababab    | aHHHHHHaaHHHHHHH | 2026-03
    undone, and not come back           | abababababab    | aHHHHHHHaaababaa | taken back
    silence undoes nothing              | abababababab    | aHHHHHH..HHHHHHH | 2025-07
    eleven months before                | .bababababab    | aHHHHHHHHHHHHHHH | no year before
    a year with a silent month          | abab.bababab    | aHHHHHHHHHHHHHHH | no year before
    no months before                    | ............    | aHHHHHHHHHHHHHHH | no year before
    steady before                       | aaaaaaaaaaaa    | aaaaaaHHHHHHHHHH | 2025-12
    steady for ever                     | aaaaaaaaaaaa    | aaaaaaaaaaaaaaaa | no signal
"""


@pytest.mark.parametrize("row", cases(STARTS))
def test_start_is_the_first_month_of_the_first_run_still_in_force(row: Row) -> None:
    found = start(course(oak=row["the year before"] + row["from June 2025"]))
    if found["started"] is None:
        assert SHORT[found["started_reason"]] == row["started"]
    else:
        assert found["started"] == row["started"]
        assert found["started_reason"] is None


def test_older_months_fix_no_limits() -> None:
    """Two years before, and in the first one everything was better."""
    assert start(course(oak="H" * 12 + YEAR + "addddddddddddddd"))["started"] == "2025-07"


def test_months_of_a_course_are_named_back_from_the_look() -> None:
    of = course(oak=YEAR + "aHHHHHHHHHHHHHHH")
    last = of.course.whole.value.shape[-1] - 1
    assert [month_at(of, at) for at in (last, last - 9, -1)] == ["2026-09", "2025-12", None]


def test_change_point_with_its_interval_stands_beside_the_start() -> None:
    clear = start(course(oak=YEAR + "aHHHHHHHHHHHHHHH"))["change_point"]
    assert (clear["from"], clear["month"], clear["to"]) == ("2025-07", "2025-07", "2025-07")
    assert clear["p"] < 0.001
    vague = start(course(oak=YEAR + "abcdeHeHHeHHeHHH"))["change_point"]
    assert vague["from"] < vague["to"]
    assert vague["from"] <= vague["month"] <= vague["to"]


def test_change_point_tells_of_a_change_before_the_programme() -> None:
    early = start(course(oak="aaaaaa" + "HHHHHH" + "H" * 16))
    assert early["change_point"]["month"] == "2024-12"


@pytest.mark.parametrize("months", ["a" * 28, "." * 26 + "ab"])
def test_series_without_a_change_has_no_change_point(months: str) -> None:
    assert start(course(oak=months))["change_point"] is None


def flagged(rules: str, months: str) -> str:
    """Months of the start on that the chart of the team's mean change calls better."""
    chart = under(rules, oak=YEAR + months).course.whole
    return "".join("!" if one else NOTHING for one in chart.improvement[0, 0, -16:])


@pytest.mark.parametrize(
    ("rules", "months", "improvement"),
    [
        # A month near the limit beside one outside it: some count the latter, some do not.
        ("mdc-2023", "aabaabdHabaababa", "......!!........"),
        ("ptd-0.2.2", "aabaabdHabaababa", ".......!........"),
        ("powerbi-spc", "aabaabdHabaababa", "......!!........"),
        # Two near the limit about one below the centre.
        ("mdc-2023", "aabaadadabaabaab", "................"),
        ("ptd-0.2.2", "aabaadadabaabaab", "................"),
        ("powerbi-spc", "aabaadadabaabaab", ".....!.!........"),
    ],
)
def test_rule_set_of_the_provider_says_what_is_flagged(
    rules: str, months: str, improvement: str
) -> None:
    assert flagged(rules, months) == improvement


def test_another_rule_set_finds_another_start() -> None:
    months = YEAR + "ababababaadadccc"
    assert start(under("powerbi-spc", oak=months))["started"] == "2026-06"
    assert start(course(oak=months))["started_reason"] == "no_signal"


def test_origin_is_the_earliest_and_others_follow_by_their_lag() -> None:
    of = course(
        oak=YEAR + "aaaaHHHHHHHHHHHH",
        elm=YEAR + "aHHHHHHHHHHHHHHH",
        ash=YEAR + "aaaaaaaaHHHHHHHH",
        fir=YEAR + "aaaaHHHHHHHHHHHH",
    )
    assert spread_content(of) == {"origin": "elm", "order": ["elm", "oak", "fir", "ash"]}
    places = {code: start(of, code)["order"] for code in of.codes}
    assert {code: each["rank"] for code, each in places.items()} == {
        "elm": 1, "oak": 2, "fir": 2, "ash": 4,
    }  # fmt: skip
    assert {code: each["months_after_origin"] for code, each in places.items()} == {
        "elm": 0, "oak": 3, "fir": 3, "ash": 7,
    }  # fmt: skip
    assert not any(each["indistinguishable_from_origin"] for each in places.values())


def test_segment_that_may_have_been_the_first_is_said_to_be_indistinguishable() -> None:
    of = course(
        oak=YEAR + "abcdeHeHHeHHeHHH", elm=YEAR + "ababcdeHeHHeHHeH", ash=YEAR + "abababababHHHHHH"
    )
    assert spread_content(of)["origin"] == "oak"
    told = {
        code: start(of, code)["order"]["indistinguishable_from_origin"]
        for code in ("oak", "elm", "ash")
    }
    assert told == {"oak": False, "elm": True, "ash": False}


def test_only_segments_claimed_by_name_have_a_place_in_the_order() -> None:
    of = course(oak=YEAR + "aPPPPPPPPPPPPPPP", elm=YEAR + "ababababaccccccc")
    assert of.named.tolist() == [True, False]
    assert start(of, "elm")["started"] == "2026-03"
    assert start(of, "elm")["order"] is None
    assert spread_content(of) == {"origin": "oak", "order": ["oak"]}


def test_without_a_known_start_there_is_no_origin() -> None:
    of = course(oak="." + YEAR[1:] + "aPPPPPPPPPPPPPPP")
    assert of.named.all()
    assert spread_content(of) == {"origin": None, "order": []}


CONCERNS = """
    case                                  | audits           | observations     | records | channels
    nothing out of line                   | abababababababab | abababababababab | .       | 0
    audits fell                           | abababababababaL | abababababababab | .       | 1
    audits and observations fell          | abababababababaL | abababababababaL | .       | 2
    two indicators of one kind of check   | abababababababaL | abababababababab | same    | 1
    the fall is over                      | abababababaLLaba | abababababaLLaba | .       | 0
    silent in the newest month            | abababababababL. | abababababababL. | .       | 0
    better is no concern                  | abababababababaH | abababababababaH | .       | 0
    seven in a row a little worse         | ababababbaaaaaaa | abababababababab | .       | 1
"""


@pytest.mark.parametrize("row", cases(CONCERNS))
def test_channels_in_concern_are_those_with_a_chart_flagged_in_the_newest_month(row: Row) -> None:
    audits, observations = CHECKS
    of_each = {audits: row["audits"], observations: row["observations"]}
    if row["records"] != NOTHING:
        of_each["record_quality"] = row["audits"]
    rows = [
        cell
        for code, months in of_each.items()
        for cell in by_month("oak", [LEVELS[letter] for letter in YEAR + months], [code], n=100)
    ]
    assert score_of(Strand.TEAM_SPREAD, rows).concerns.tolist() == [int(row["channels"])]


def test_without_a_year_before_no_chart_is_in_concern() -> None:
    of = course(oak=YEAR[1:] + "abababababababaL")
    assert of.concerns.tolist() == [0]
    assert np.isnan(of.course.charts.centre).all()
