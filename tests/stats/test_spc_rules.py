"""Rules of control charts on series one can read: limits at -3 and 3, near limits at -2 and 2."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.series import flags, series
from worker.stats.panel import Floats
from worker.stats.spc import Limits
from worker.stats.spc_rules import (
    RULE_DIRECTIONS,
    RULE_NAMES,
    RULE_SETS,
    SpecialCauses,
    assurance,
    in_runs,
    rule_names,
    special_causes,
)

MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7]


def causes(z: Floats, name: str = "mdc-2023") -> SpecialCauses:
    return special_causes(z, Limits(np.zeros_like(z), np.ones_like(z)), RULE_SETS[name])


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        # Outside, and on the line that is not.
        ("0.5 3.1 -1 -3.2 1", ". ^ . v ."),
        ("0.5 3 -1 -3 1", ". . . . ."),
        # Seven on one side, and six; a month on the centre is on neither side.
        ("1 0.5 1 0.5 1 0.5 1", "+ + + + + + +"),
        ("1 0.5 1 0.5 1 0.5 -1", ". . . . . . ."),
        ("-1 -0.5 -1 -0.5 -1 -0.5 -1 -0.5", "- - - - - - - -"),
        ("1 0.5 1 0 1 0.5 1 0.5", ". . . . . . . ."),
        # Seven rising are six steps; equal months are no step.
        ("-1.5 -1 -0.5 0 0.5 1 1.5", "/ / / / / / /"),
        ("-1.5 -1 -0.5 -0.5 0.5 1 1.5", ". . . . . . ."),
        ("1.5 1 0.5 0.1 -0.5 -1 -1.5 1", "\\ \\ \\ \\ \\ \\ \\ ."),
        # What several rules flag is named by limit, trend, two of three, shift.
        ("0.1 0.2 0.3 0.4 2.2 2.5 3.5 1", "/ / / / / / ^ +"),
        # A missing month breaks what runs across it.
        ("1 0.5 1 ? 0.5 1 0.5 1", ". . . . . . . ."),
        ("-1.5 -1 -0.5 ? 0.5 1 1.5 1.6", ". . . . . . . ."),
        ("2.5 ? 2.5 0.1", ". . . ."),
        # Nothing and nearly nothing.
        ("? ? ?", ". . ."),
        ("9", "^"),
        ("", ""),
    ],
)
def test_months_and_their_rules(z: str, expected: str) -> None:
    assert flags(causes(series(z)).rule) == expected


@pytest.mark.parametrize(
    ("z", "mdc", "plotthedots", "powerbi"),
    [
        ("0.5 2.4 2.5 0.5", ". H H .", ". H H .", ". H H ."),
        ("0.5 2.4 3.5 0.5", ". H ^ .", ". . ^ .", ". H ^ ."),
        ("2.4 -0.1 2.5 -0.1", ". . . .", ". . . .", "H . H ."),
        ("-2.4 -0.5 -2.5 0.1", "L . L .", "L . L .", "L . L ."),
        ("2.4 0.1 0.1 2.5", ". . . .", ". . . .", ". . . ."),
        ("-2.5 0.1 2.5 -0.1", ". . . .", ". . . .", ". . . ."),
        ("2 0.1 2 0.1", ". . . .", ". . . .", ". . . ."),
        ("2.4 2.5", ". .", ". .", ". ."),
    ],
)
def test_three_readings_of_two_of_three(z: str, mdc: str, plotthedots: str, powerbi: str) -> None:
    found = [flags(causes(series(z), name).rule) for name in RULE_SETS]
    assert found == [mdc, plotthedots, powerbi]


def test_every_rule_that_holds_is_named() -> None:
    found = causes(series("0.1 0.2 0.3 0.4 2.2 2.5 3.5 1"))
    assert rule_names(int(found.rules[6])) == [
        "above_upper_limit",
        "trend_increasing",
        "two_of_three_near_upper_limit",
        "shift_above_centre",
    ]
    assert rule_names(int(found.rules[7])) == ["shift_above_centre"]
    assert rule_names(0) == []


def test_no_rule_looks_across_a_rebase() -> None:
    z = series("1 1.5 1 1.5 1 1.5 1 1.5")
    limits = Limits(np.zeros_like(z), np.ones_like(z))
    whole = special_causes(z, limits, RULE_SETS["mdc-2023"])
    halves = special_causes(z, limits, RULE_SETS["mdc-2023"], np.array([0] * 4 + [1] * 4))
    assert flags(whole.rule) == "+ + + + + + + +"
    assert flags(halves.rule) == ". . . . . . . ."


def test_a_month_that_moves_by_rounding_alone_has_not_moved() -> None:
    z = series("1 1 1 1 1 1 1") + np.arange(7) * 1e-15
    assert flags(special_causes(z, Limits(z * 0 + 1, z * 0), RULE_SETS["mdc-2023"]).rule) == (
        ". . . . . . ."
    )


months = st.lists(
    st.one_of(st.none(), st.integers(-40, 40).map(lambda tenths: tenths / 10)),
    min_size=0,
    max_size=20,
)
rule_sets = st.sampled_from(list(RULE_SETS))


def array(values: list[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


@given(months, rule_sets)
def test_turned_upside_down_every_rule_is_its_mirror(values: list[float | None], name: str) -> None:
    up, down = causes(array(values), name), causes(-array(values), name)
    for bit, mirrored in enumerate(MIRRORED):
        np.testing.assert_array_equal(up.rules >> bit & 1, down.rules >> mirrored & 1)
    np.testing.assert_array_equal(RULE_DIRECTIONS[MIRRORED], -RULE_DIRECTIONS)


@given(months, rule_sets, st.integers(0, 19))
def test_missing_month_never_makes_a_flag(
    values: list[float | None], name: str, month: int
) -> None:
    before = causes(array(values), name)
    values = [None if place == month else value for place, value in enumerate(values)]
    after = causes(array(values), name)
    assert (after.rules & ~before.rules == 0).all()
    assert (after.rule[np.isnan(array(values))] == 0).all()


@given(months, st.sampled_from(["mdc-2023", "ptd-0.2.2"]))
def test_plotthedots_flags_what_making_data_count_flags_and_no_more(
    values: list[float | None], name: str
) -> None:
    narrow, wide = causes(array(values), "ptd-0.2.2"), causes(array(values), "mdc-2023")
    assert (narrow.rules & ~wide.rules == 0).all()
    assert (wide.rules & ~causes(array(values), "powerbi-spc").rules == 0).all()
    assert causes(array(values), name).rule.shape == (len(values),)


@given(st.lists(months.map(lambda row: (row + [None] * 20)[:20]), min_size=1, max_size=4))
def test_batch_equals_one_alone(rows: list[list[float | None]]) -> None:
    together = causes(np.stack([array(row) for row in rows]))
    for place, row in enumerate(rows):
        np.testing.assert_array_equal(together.rules[place], causes(array(row)).rules)


@given(st.lists(st.booleans(), max_size=24), st.integers(1, 8))
def test_runs_are_those_of_a_plain_count(holds: list[bool], length: int) -> None:
    text = "".join("x" if each else " " for each in holds)
    expected = np.zeros(len(holds), dtype=bool)
    for start in range(len(holds)):
        if text[start : start + length] == "x" * length:
            expected[start : start + length] = True
    np.testing.assert_array_equal(in_runs(np.array(holds, dtype=bool), length), expected)


@pytest.mark.parametrize(
    ("target", "higher_is_better", "lower_is_better"),
    [(2.9, 0, 0), (3.1, -1, 1), (-3.1, 1, -1), (3.0, 0, 0), (np.nan, np.nan, np.nan)],
)
def test_target_is_met_missed_or_hit_and_missed(
    target: float, higher_is_better: float, lower_is_better: float
) -> None:
    limits = Limits(np.zeros(1), np.ones(1))
    for sign, expected in ((1.0, higher_is_better), (-1.0, lower_is_better), (0.0, np.nan)):
        found = assurance(limits, np.array(target), np.array(sign))
        assert found == pytest.approx([expected], nan_ok=True)


def test_there_is_no_assurance_without_limits() -> None:
    found = assurance(Limits(np.zeros(1), np.full(1, np.nan)), np.array(1.0), np.array(1.0))
    assert np.isnan(found).all()


def test_every_rule_has_a_name_and_a_direction() -> None:
    assert len(set(RULE_NAMES)) == len(RULE_NAMES) == len(RULE_DIRECTIONS)
