"""Inside against outside: whether people feel what is measured, how fast, and how much later.

Changes are in meaningful changes with the half width of their 95% interval, inside / outside.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.axes import CellRow
from models.vocabulary import AlignmentState, Strand
from tests.cells_by_month import CHECKS, by_month, score_of, steady
from tests.evidence_by_hand import AS_OF, NOW, cells, context, team
from tests.looks_by_hand import aligned
from tests.text_tables import NOTHING, Row, cases
from worker.alignment import Alignment, alignment_states
from worker.score import StrandScore
from worker.scoring import conclude
from worker.shown_segments import alignment_content

FELT = "experience_positive"

STATES = """
    case                                       | inside / outside | state          | slower
    both better, outside surely half as fast   | 2±.4 / 1.5±.4    | aligned        | no
    outside better still                       | 1±.4 / 3±.4      | aligned        | no
    outside better, not surely half as fast    | 2±.4 / 1.4±.4    | internal_ahead | yes
    outside not known to be better             | 2±.4 / .3±.5     | internal_ahead | yes
    people say nothing                         | 2±.4 / .         | internal_ahead | yes
    inside flat, outside better                | .1±.4 / 1±.4     | external_ahead | no
    inside unknown, outside better             | . / 1±.4         | external_ahead | no
    inside not known to be better              | .5±.6 / 1±.4     | external_ahead | no
    inside better, outside worse               | 2±.4 / -1±.4     | diverging      | yes
    inside worse, outside better               | -2±.4 / 1±.4     | diverging      | no
    neither moved by what matters              | .1±.8 / -.1±.8   | both_flat      | no
    one of them is too loose to be flat        | .1±.8 / .1±.9    | undetermined   | no
    flat inside, people say nothing            | .1±.8 / .        | undetermined   | no
    both worse                                 | -2±.4 / -2±.4    | undetermined   | no
    nothing known                              | . / .            | undetermined   | no
"""


def state(of: Alignment) -> AlignmentState:
    """Of the one segment of one look."""
    batch = replace(
        of,
        internal=of.internal[None],
        internal_variance=of.internal_variance[None],
        external=of.external[None],
        external_variance=of.external_variance[None],
    )
    ((found,),) = alignment_states(batch)
    return found


@pytest.mark.parametrize("row", cases(STATES))
def test_state_is_the_first_that_holds(row: Row) -> None:
    of = aligned(row["inside / outside"], 1)
    assert state(of) is AlignmentState(row["state"])
    assert ["no", "yes"][int(of.slower[0])] == row["slower"]


@given(*(st.floats(-3, 3) for _ in range(2)), *(st.floats(0.01, 2) for _ in range(2)))
def test_pace_is_asked_only_where_inside_improved_and_aligned_is_never_slower(
    inside: float, outside: float, width_in: float, width_out: float
) -> None:
    of = aligned(f"{inside}±{width_in} / {outside}±{width_out}", 1)
    if of.slower[0]:
        assert inside - width_in > -1e-9
    if state(of) is AlignmentState.ALIGNED:
        assert not of.slower[0]
        assert outside - width_out > -1e-9
    if state(of) is AlignmentState.INTERNAL_AHEAD:
        assert of.slower[0]


def test_pace_is_outside_less_half_of_inside_with_the_error_of_both() -> None:
    found = alignment_content(aligned("2±.6 / 1.5±.4", 1), 0)
    assert found["pace"]["estimate"] == pytest.approx(0.5)
    width = np.hypot(0.4, 0.3)
    assert found["pace"]["lower"] == pytest.approx(0.5 - width)
    assert found["pace"]["upper"] == pytest.approx(0.5 + width)
    assert found["lag"] is None


def test_what_nobody_knows_is_null() -> None:
    found = alignment_content(aligned(". / .", 1), 0)
    nothing = dict.fromkeys(("estimate", "lower", "upper"))
    assert found["internal"] == found["external"] == found["pace"] == nothing


def areas(inside: dict[str, str], outside: dict[str, str]) -> StrandScore:
    """Each team its own area: checks inside, answers of people outside."""
    rows = steady(inside) + steady(outside, [FELT])
    return score_of(Strand.EVIDENCE_ALIGNMENT, rows, context(tuple(inside)))


REACHED = """
    case                              | inside | outside | reached | state
    both improved                     | .6>.8  | .6>.8   | yes     | aligned
    inside alone                      | .6>.8  | .6      | no      | internal_ahead
    outside alone                     | .6     | .6>.8   | no      | external_ahead
    inside improved, outside is good  | .6>.8  | .99     | yes     | internal_ahead
    both are good already             | .99    | .99     | yes     | both_flat
    inside is good, outside improved  | .99    | .6>.8   | yes     | external_ahead
    inside improved, people silent    | .6>.8  | .       | no      | internal_ahead
    outside worse                     | .6>.8  | .8>.6   | no      | diverging
    neither                           | .6     | .6      | no      | both_flat
"""


@pytest.mark.parametrize("row", cases(REACHED))
def test_area_is_reached_only_by_what_is_shown_inside_and_outside(row: Row) -> None:
    found = areas({"oak": row["inside"], "elm": ".6"}, {"oak": row["outside"], "elm": ".6"})
    assert bool(found.named[0]) is (row["reached"] == "yes")
    assert found.states[0] is AlignmentState(row["state"])
    assert not found.named[1]


def test_inside_needs_as_many_kinds_of_check_as_the_provider_asks_for() -> None:
    rows = steady({"oak": ".6>.8", "elm": ".6"}, [*CHECKS, FELT])
    two, three = (
        score_of(
            Strand.EVIDENCE_ALIGNMENT, rows, context(("oak", "elm"), channels_required=required)
        )
        for required in (2, 3)
    )
    assert two.named.tolist() == [True, False]
    assert three.named.tolist() == [False, False]


#: Levels without a pattern, so that only one lag fits.
WAVES = (
    ".60 .72 .58 .66 .80 .62 .70 .56 .64 .78 .74 .60 "
    ".68 .82 .58 .76 .66 .62 .80 .70 .64 .56 .74 .60"
)


def followed(months: int, by: int) -> dict[str, Any]:
    """Of so many months, what people say is what was measured `by` months before."""
    levels = WAVES.split()
    inside, outside = levels[by : by + months], levels[:months]
    rows = by_month("oak", inside) + by_month("oak", outside, [FELT]) + steady({"elm": ".6"})
    found = score_of(Strand.EVIDENCE_ALIGNMENT, rows, context(("oak", "elm")))
    assert found.alignment is not None
    return alignment_content(found.alignment, 0)


@pytest.mark.parametrize("by", [0, 1, 2, 4])
def test_lag_is_by_how_many_months_people_feel_it_later(by: int) -> None:
    lag = followed(20, by)["lag"]
    assert lag["months"] == by
    assert lag["correlation"] > 0.7
    assert lag["beyond_noise"]


def test_of_fewer_than_eighteen_months_there_is_no_lag() -> None:
    assert followed(17, 0)["lag"] is None
    assert followed(18, 0)["lag"]["months"] == 0


def test_whole_service_is_the_contrast_of_all_areas_together() -> None:
    found = areas({"oak": ".6>.8", "elm": ".6"}, {"oak": ".6>.7", "elm": ".6>.7"})
    assert found.whole is not None
    whole = alignment_content(found.whole, 0)
    assert whole["internal"]["estimate"] == pytest.approx(2)
    assert whole["external"]["estimate"] == pytest.approx(2)
    assert found.alignment is not None
    assert found.alignment.internal == pytest.approx([4, 0])


def test_whole_service_of_one_area_is_that_area() -> None:
    found = areas({"oak": ".6>.8"}, {"oak": ".6>.7"})
    assert found.whole is not None
    assert found.alignment is not None
    assert alignment_content(found.whole, 0) == alignment_content(found.alignment, 0)


def test_an_area_that_changed_hands_makes_no_service_better() -> None:
    """Oak is good and elm is not; only whose evidence there is has changed."""
    good, poor = {"oak": ".9"}, {"elm": ".6"}
    everything = [*CHECKS, FELT]
    rows = steady(good, everything, n=20) + steady(poor, everything, n=20)
    rows += steady({"elm": ".6>."}, everything, n=400) + steady({"oak": ".>.9"}, everything, n=400)
    found = score_of(Strand.EVIDENCE_ALIGNMENT, rows)
    assert found.whole is not None
    assert found.whole.internal == pytest.approx([0], abs=1e-9)
    assert found.whole.external == pytest.approx([0], abs=1e-9)


def test_answers_that_name_no_area_are_the_whole_services_all_the_same() -> None:
    rows = steady({"oak": ".6>.8", "elm": ".6>.8"}, CHECKS, n=100)
    rows += [
        row._replace(team="", area="")
        for row in steady({"oak": ".6>.7", "elm": ".6>.7"}, [FELT], n=100)
    ]
    found = score_of(Strand.EVIDENCE_ALIGNMENT, rows)
    assert found.whole is not None
    assert found.whole.external[0] == pytest.approx(2)
    assert found.alignment is not None
    assert np.isnan(found.alignment.external).all()


def attributed(rows: list[CellRow]) -> dict[str, float]:
    of = context((team("oak", "east"), team("elm", "west")))
    content = conclude(of, rows, [AS_OF], NOW, min(row.month for row in rows))[AS_OF].content
    found: dict[str, float] = content["strands"]["evidence_alignment"]["attributed"]
    return found


def test_share_of_evidence_that_names_an_area_is_said_and_nothing_guessed() -> None:
    named = cells(("oak", "elm"), areas={"oak": "east", "elm": "west"})
    answers = [row for row in named if row.indicator == FELT]
    nobodys = [row._replace(team="", area="", events=3 * row.events) for row in answers]
    assert attributed(named)[FELT] == 1
    assert attributed(named + nobodys)[FELT] == pytest.approx(0.25)
    assert attributed([row for row in named if row.indicator != FELT] + nobodys)[FELT] == 0
    assert attributed(named + nobodys)["audit_compliance"] == 1
    assert FELT not in attributed([row for row in named if row.indicator != FELT])
    area_alone = [row._replace(team="") for row in answers]
    assert attributed(named + area_alone)[FELT] == 1


def test_only_the_strand_that_asks_tells_of_inside_and_outside() -> None:
    rows = cells(("oak", "elm"), ("oak",))
    strands = conclude(context(("oak", "elm")), rows, [AS_OF], NOW, rows[0].month)[AS_OF].content[
        "strands"
    ]
    for name, strand in strands.items():
        asked = name == Strand.EVIDENCE_ALIGNMENT
        assert ("whole_service" in strand) is asked
        assert all(("state" in each) is asked for each in strand["segments"])
        assert NOTHING not in strand["attributed"]
