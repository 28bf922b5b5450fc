"""What is uneven between segments: figures by hand from cells without chance in them.

Audits and observations have a standard of 0.90 and a smallest change that matters of 0.05, so that
from 0.60 to 0.95 is 7 of them. The middles of the two windows lie 17.5 months apart.
"""

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pytest

from models.context import ServiceContext
from models.vocabulary import GapState, Strand
from tests.cells_by_month import CHECKS, score_of, steady
from tests.evidence_by_hand import context, team
from tests.text_tables import Row, cases
from worker.score import StrandScore
from worker.shown_segments import segment_content
from worker.shown_spread import (
    concentration,
    gap_content,
    gap_state,
    heterogeneity_content,
    next_review_on,
)

NAMES = ("oak", "elm", "ash", "fir", "bay", "yew")
TEAM = Strand.TEAM_SPREAD


def teams(written: str, n: int = 400, of: ServiceContext | None = None) -> StrandScore:
    """Teams by their levels before and now, in the order of `NAMES`."""
    return score_of(TEAM, steady(dict(zip(NAMES, written.split(), strict=False)), n=n), of)


GAPS = """
    case                                     | levels before and now          | gap
    the weak rose to the best                | .9 .6>.85 .6>.86 .6>.88        | narrowing
    the weak rose past the best              | .9 .6>.95 .6>.95 .6>.9         | narrowing
    one of two rose                          | .9 .6>.9                       | narrowing
    the weak rose while the best fell        | .95>.8 .5>.8 .5>.8 .5>.8       | narrowing
    the best fell to the others              | .95>.6 .6 .6 .6                | levelling_down
    all fell, the best the furthest          | .95>.5 .6>.5 .6>.5 .6>.5       | levelling_down
    the best fell a little, still apart      | .95>.85 .6 .6 .6               | levelling_down
    the best fell by chance                  | .95>.945 .6 .6 .6              | undetermined
    one went ahead                           | .6>.95 .6 .6 .6                | widening
    one fell behind                          | .9 .9 .9 .9>.4                 | widening
    nothing moved                            | .9 .6 .6 .6                    | undetermined
    all rose alike                           | .6>.7 .6>.7 .6>.7 .6>.7        | undetermined
    the weak rose, too little to be sure     | .9 .6>.7 .6>.7 .6>.7 .6>.7     | undetermined
    one team                                 | .6>.9                          | undetermined
    the best fell silent                     | .95>. .6 .6 .6                 | undetermined
    the weakest fell silent                  | .9 .9 .9 .4>.                  | undetermined
    the weakest is new                       | .9 .9 .9 .>.4                  | undetermined
"""


@pytest.mark.parametrize("row", cases(GAPS))
def test_gap_narrows_only_by_the_rise_of_the_weak(row: Row) -> None:
    assert gap_state(teams(row["levels before and now"])) is GapState(row["gap"])


def test_gap_that_a_best_team_leaves_by_closing_is_not_closed() -> None:
    closed = context((team("oak", closed_on=date(2026, 5, 1)), "elm", "ash", "fir"))
    assert gap_state(teams(".95 .6 .6 .6", of=closed)) is GapState.UNDETERMINED


def test_chance_among_few_is_no_gap_that_narrowed() -> None:
    """Eight of each a month: the same levels that are clear among four hundred."""
    assert gap_state(teams(".625 .5>.625", n=400)) is GapState.NARROWING
    assert gap_state(teams(".625 .5>.625", n=8)) is GapState.UNDETERMINED


@pytest.mark.parametrize(
    ("upper", "rose", "fell", "state"),
    [
        (-0.1, True, False, GapState.NARROWING),
        (-0.1, False, False, GapState.UNDETERMINED),
        (0.1, True, False, GapState.UNDETERMINED),
        (0.1, False, True, GapState.LEVELLING_DOWN),
    ],
)
def test_segments_that_came_closer_without_a_rise_of_the_weak_have_not_narrowed(
    upper: float, state: GapState, *, rose: bool, fell: bool
) -> None:
    of = teams(".9 .6")
    change = replace(of.uneven.tau.change, estimate=np.array(-0.5), upper=np.array(upper))
    uneven = replace(
        of.uneven,
        tau=replace(of.uneven.tau, change=change),
        weak_rose=np.array(rose),
        best_fell=np.array(fell),
    )
    assert gap_state(replace(of, uneven=uneven)) is state


def test_what_one_team_began_to_measure_makes_it_no_better() -> None:
    rows = steady({"oak": ".6", "elm": ".7"})
    more = steady({"oak": ".>.99"}, ["record_quality"])
    assert score_of(TEAM, rows + more).uneven.level == pytest.approx(
        score_of(TEAM, rows).uneven.level
    )


def shown(of: StrandScore, known: ServiceContext | None = None) -> dict[str, Any]:
    names = known or context(of.codes)
    return {code: segment_content(names, of, place) for place, code in enumerate(of.codes)}


def test_the_two_ends_are_the_best_and_the_weakest_of_today() -> None:
    found = gap_content(context(NAMES), teams(".6>.9 .9>.6 .7"))
    assert found["best"]["segment"] == "oak"
    assert found["best"]["ahead_of_the_others"]["estimate"] == pytest.approx(5)
    assert found["weakest"]["segment"] == "elm"
    assert found["weakest"]["behind_the_best"]["estimate"] == pytest.approx(6)
    interval = found["weakest"]["behind_the_best"]
    assert interval["lower"] < 6 < interval["upper"]


def test_of_one_team_there_is_no_gap_and_no_number_for_it() -> None:
    found = gap_content(context(("oak",)), teams(".6>.9"))
    assert found["best"] is found["weakest"] is None
    nothing = dict.fromkeys(("estimate", "lower", "upper"))
    for part in ("between_segments_now", "between_segments_at_baseline", "change"):
        assert found[part] == nothing
    assert found["closing_per_month"] == nothing


def test_gap_closes_by_as_much_a_month_as_teams_come_nearer() -> None:
    found = gap_content(context(NAMES), teams(".9 .6>.85 .6>.86 .6>.88"))
    change, month = found["change"], found["closing_per_month"]
    assert month["estimate"] == pytest.approx(-change["estimate"] / 17.5)
    assert month["lower"] == pytest.approx(-change["upper"] / 17.5)
    assert month["upper"] == pytest.approx(-change["lower"] / 17.5)
    assert 0 < month["lower"] < month["estimate"] < month["upper"]


def test_every_gap_names_who_reviews_it_and_the_day_on_which_the_next_look_is_final() -> None:
    found = gap_content(context(NAMES, look_day=9), teams(".9 .6"))
    assert found["reviewed_by"] == "registered_manager"
    assert found["next_review_on"] == "2026-11-09"
    assert next_review_on(context(), date(2026, 12, 1)) == date(2027, 2, 5)


def test_against_a_standard_a_team_nears_it_by_its_own_change() -> None:
    found = shown(teams(".6>.95 .6 .9>.8"))
    closing = {code: each["closing_per_month"] for code, each in found.items()}
    assert closing == pytest.approx({"oak": 7 / 17.5, "elm": 0, "ash": -2 / 17.5})
    for each in found.values():
        interval = each["closing_interval"]
        assert interval["estimate"] == each["closing_per_month"]
        assert interval["lower"] < interval["estimate"] < interval["upper"]


def test_without_a_standard_a_team_nears_the_others() -> None:
    free = tuple(
        msgspec.structs.replace(one, standard=None) if one.code in CHECKS else one
        for one in context().indicators
    )
    of = context(NAMES[:3], indicators=free)
    found = shown(teams(".6>.95 .6 .6>.7", of=of), of)
    closing = {code: each["closing_per_month"] for code, each in found.items()}
    expected = {"oak": 7 - 1, "elm": 0 - 4.5, "ash": 2 - 3.5}
    assert closing == pytest.approx({code: moved / 17.5 for code, moved in expected.items()})


def test_a_team_without_a_baseline_nears_nothing_that_is_known() -> None:
    found = shown(teams(".>.9 .6>.9 .6"))["oak"]
    assert found["closing_per_month"] is None
    assert set(found["closing_interval"].values()) == {None}


def test_one_spectacular_team_leaves_a_small_change_behind() -> None:
    found = concentration(teams(".5>.9 .5>.55 .5>.55 .5>.55"))
    assert found["top_segment"] == found["without_best"]["left_out"] == "oak"
    assert found["top_share"] == pytest.approx(8 / 11)
    assert found["effective_segments"] == pytest.approx(11**2 / (8**2 + 3))
    rest = found["without_best"]
    assert rest["estimate"] == pytest.approx(1)
    assert rest["lower"] < 1 < rest["upper"] < 8


@pytest.mark.parametrize("levels", [".5>.9 .5>.55 .5>.55", ".5>.9 .5>.55 .5>.55 .5>."])
def test_below_four_teams_nothing_is_said_without_the_best(levels: str) -> None:
    assert concentration(teams(levels))["without_best"] is None


def test_what_got_worse_is_no_part_of_the_improvement() -> None:
    found = concentration(teams(".5>.6 .9>.5 .5>.6 .5>.6"))
    assert found["top_share"] == pytest.approx(1 / 3)
    assert found["effective_segments"] == pytest.approx(3)


@pytest.mark.parametrize("levels", [".5 .5 .5 .5", ".5>.4 .5>.4 .5>.4 .5>.4"])
def test_without_improvement_there_is_no_share_of_it(levels: str) -> None:
    found = concentration(teams(levels))
    assert found["top_share"] is found["effective_segments"] is found["top_segment"] is None


def test_a_new_segment_is_expected_where_three_or_more_lie() -> None:
    alike = heterogeneity_content(teams(".5>.6 .5>.6 .5>.6"))
    apart = heterogeneity_content(teams(".5>.9 .5>.6 .5>.3"))
    for found, middle in ((alike, 2.0), (apart, 2.0)):
        predicted = found["predicted"]
        assert predicted["lower"] < middle < predicted["upper"]
    assert alike["tau"] == alike["i_squared"] == 0
    assert apart["tau"] > 1
    assert apart["p"] < 0.01 < alike["p"]
    width = {each["predicted"]["upper"] - each["predicted"]["lower"] for each in (alike, apart)}
    assert max(width) > 10 * min(width)


def test_of_two_teams_nobody_can_say_what_a_third_would_do() -> None:
    found = heterogeneity_content(teams(".5>.9 .5>.6"))
    assert found["predicted"] == {"lower": None, "upper": None}
    assert found["tau"] is not None
    alone = heterogeneity_content(teams(".5>.9"))
    assert set(map(str, alone.values())) == {"None", str({"lower": None, "upper": None})}


@pytest.mark.parametrize(
    ("levels", "drawn"), [(".7 .8 .6 .9 .5", True), (".7 .8 .6 .9", False),
                          (".7 .8 .6 .9 .5>.", False)],
)  # fmt: skip
def test_levels_are_drawn_together_from_five_teams_on(levels: str, *, drawn: bool) -> None:
    found = shown(teams(levels, n=20))["oak"]["gaps"]
    assert len(found) == 2
    for gap in found:
        assert gap["level"] == pytest.approx(0.7)
        assert (gap["shrunk"] is not None) is drawn
        if drawn:
            assert gap["shrunk"]["lower"] < gap["shrunk"]["estimate"] < gap["shrunk"]["upper"]


def test_gap_to_the_standard_is_material_minor_or_not_known() -> None:
    found = shown(teams(".6 .9 .88"))
    states = {code: {gap["state"] for gap in each["gaps"]} for code, each in found.items()}
    assert states == {"oak": {"material"}, "elm": {"minor"}, "ash": {"minor"}}
    few = shown(teams(".5 1 .75", n=4))
    assert {gap["state"] for gap in few["ash"]["gaps"]} == {"undetermined"}
    gap = found["oak"]["gaps"][0]
    assert gap["estimate"] == pytest.approx(-6)
    assert gap["benchmark"] == 0.9
    assert gap["benchmark_is_standard"]


def mixed(before: tuple[int, int], now: tuple[int, int]) -> dict[str, float]:
    """Nights seen by so many items of oak and elm a month; days always half and half."""
    rows = []
    for name, n, later in zip(("oak", "elm"), before, now, strict=True):
        rows += steady({name: ".8"}, n=100, band="weekday_day")
        rows += steady({name: ".8>."}, n=n, band="weekday_night")
        rows += steady({name: ".>.8"}, n=later, band="weekday_night")
    found = score_of(Strand.SHIFT_COVERAGE, rows)
    return dict(zip(found.codes, found.mix_shift, strict=True))


def test_mix_shift_is_the_share_of_evidence_that_changed_hands() -> None:
    assert mixed((50, 50), (50, 50))["weekday_night"] == 0
    assert mixed((50, 50), (75, 25))["weekday_night"] == pytest.approx(0.25)
    assert mixed((100, 0), (0, 100))["weekday_night"] == pytest.approx(1)
    assert mixed((50, 50), (500, 500))["weekday_night"] == 0
    assert mixed((50, 50), (75, 25))["weekday_day"] == 0


def test_a_team_is_always_made_of_itself() -> None:
    assert not teams(".5>.9 .9>. .>.9").mix_shift.any()


def test_a_service_without_teams_has_nothing_uneven_and_no_number_for_it() -> None:
    of = context(())
    found = score_of(TEAM, steady({"oak": ".5>.9"}), of)
    assert gap_state(found) is GapState.UNDETERMINED
    for part in (gap_content(of, found), heterogeneity_content(found), concentration(found)):
        assert b"NaN" not in msgspec.json.encode(part)
        assert not any(isinstance(each, float) and np.isnan(each) for each in part.values())
