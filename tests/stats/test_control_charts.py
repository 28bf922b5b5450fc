"""Charts of all segments at once: which months they flag, and what may not matter to them."""

from dataclasses import astuple
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stats.series import flags, series
from worker.stats.control_charts import Charts, control_charts
from worker.stats.panel import MEAN, PROPORTION, RATE, Bools, Floats
from worker.stats.spc import xmr_limits
from worker.stats.spc_rules import RULE_SETS, special_causes

MEASURE = np.array([PROPORTION, RATE, MEAN])
SIGN = np.array([1.0, -1.0, 1.0])
BASELINE = "80 82 79 81 80 78 81 82 80 79 81 80"


def one(
    x: Floats, n: Floats | float, measure: int = PROPORTION, sign: float = 1.0, first: int = 12
) -> Charts:
    """Chart of one series, limits fixed by its first months."""
    fixing = (np.arange(len(x)) < first)[None]
    sizes = np.broadcast_to(n, x.shape)
    return control_charts(
        x[None, None, None], sizes[None, None, None], np.array([measure]), np.array([sign]), fixing
    )


def drawn(of: Charts) -> tuple[str, str]:
    """Rules by month, and which way: better, worse or not flagged."""
    better, worse = of.improvement[0, 0, 0], of.concern[0, 0, 0]
    words = ["better" if b else "worse" if w else "." for b, w in zip(better, worse, strict=True)]
    return flags(of.rule[0, 0, 0]), " ".join(words)


@pytest.mark.parametrize(
    ("later", "rules", "ways"),
    [
        ("80 82 79", ". . .", ". . ."),
        ("81 95 80", ". ^ .", ". better ."),
        ("81 60 80", ". v .", ". worse ."),
        ("81 81 82 81 82 81 82", "+ + + + + + +", " ".join(["better"] * 7)),
        ("81 81 82 ? 82 81 82", ". . . . . . .", " ".join(["."] * 7)),
    ],
)
def test_months_after_the_start_against_the_months_before_it(
    later: str, rules: str, ways: str
) -> None:
    x = series(f"{BASELINE} {later}")
    found_rules, found_ways = drawn(one(np.nan_to_num(x), np.where(np.isnan(x), 0.0, 100.0)))
    assert found_rules.split()[12:] == rules.split()
    assert found_ways.split()[12:] == ways.split()


def test_lower_is_better_where_the_indicator_says_so() -> None:
    x = series(f"{BASELINE} 95 60")
    assert drawn(one(x, 100.0, sign=-1.0))[1].split()[12:] == ["worse", "better"]


@pytest.mark.parametrize("measure", [PROPORTION, RATE, MEAN])
def test_fewer_than_twelve_usable_months_make_no_chart(measure: int) -> None:
    x = series(f"{BASELINE} 99 10")
    n = np.full(14, 100.0)
    assert one(x, n, measure).drawn.all()
    for chart in (one(x, np.where(np.arange(14) == 3, 0.0, n), measure), one(x, n, measure, 1, 11)):
        assert not chart.drawn.any()
        assert np.isnan([chart.value, chart.centre, chart.lower, chart.upper]).all()
        assert not (chart.improvement | chart.concern).any()
        assert not chart.rule.any()


@pytest.mark.parametrize(
    ("x", "n", "measure", "level"),
    [
        ("25 50 25 50", "25 50 25 50", PROPORTION, 1.0),
        ("0 0 0 0", "25 50 25 50", PROPORTION, 0.0),
        ("1 2 1 2", "3 6 3 6", PROPORTION, 1 / 3),
        ("0 0 0 0", "0.5 0.4 0.5 0.4", RATE, 0.0),
        ("0.3 0.6 0.3 0.6", "1 2 1 2", MEAN, 0.3),
    ],
)
def test_constant_series_stays_on_its_centre(x: str, n: str, measure: int, level: float) -> None:
    chart = one(np.tile(series(x), 5), np.tile(series(n), 5), measure)
    for line in (chart.lower, chart.centre, chart.upper):
        np.testing.assert_allclose(line, level, atol=1e-12)
    assert not chart.rule.any()


def test_impossible_counts_are_neither_praised_nor_charted() -> None:
    chart = one(series(f"{BASELINE} 120 -5 80"), 100.0)
    assert drawn(chart)[0].split()[12:] == [".", ".", "."]
    assert np.isnan(chart.value[0, 0, 0, 12:14]).all()
    # The same among the months that fix the limits leaves eleven of them.
    assert not one(series(f"120 {BASELINE}"), 100.0).drawn.any()


def test_nothing_at_all_is_no_chart() -> None:
    nothing = np.zeros((2, 3, 3, 20))
    chart = control_charts(nothing, nothing, MEASURE, SIGN, np.ones((2, 20), dtype=bool))
    assert not chart.drawn.any()
    assert not (chart.improvement | chart.concern).any()
    without = control_charts(
        nothing[:, :0], nothing[:, :0], MEASURE, SIGN, np.ones((2, 20), dtype=bool)
    )
    assert without.rule.shape == (2, 0, 3, 20)


@pytest.mark.parametrize(
    ("x", "measure", "fixing", "complaint"),
    [
        ((2, 3, 20), 3, (2, 20), "one shape"),
        ((2, 3, 3, 20), 2, (2, 20), "i axis"),
        ((2, 3, 3, 20), 3, (2, 19), "fixing"),
    ],
)
def test_shapes_that_do_not_agree_are_refused(
    x: tuple[int, ...], measure: int, fixing: tuple[int, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        control_charts(
            np.zeros(x), np.zeros(x), MEASURE[:measure], SIGN, np.ones(fixing, dtype=bool)
        )


@st.composite
def services(draw: st.DrawFn) -> tuple[Floats, Floats, Bools]:
    """Counts of two services: plain, over-dispersed or moved at the start, with holes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (2, draw(st.integers(1, 4)), 3, draw(st.integers(12, 30)))
    n = rng.integers(1, 60, shape).astype(float)
    moved = draw(st.sampled_from([0.0, 0.1, -0.2])) * (np.arange(shape[-1]) >= 12)
    level = np.clip(rng.uniform(0.1, 0.9, (*shape[:3], 1)) + moved, 0, 1)
    level = np.clip(level + draw(st.sampled_from([0, 0.1])) * rng.standard_normal(shape), 0, 1)
    x = np.where(
        MEASURE[:, None] == RATE, rng.poisson(n * level), rng.binomial(n.astype(int), level)
    )
    n *= rng.random(shape) >= draw(st.sampled_from([0.0, 0.02, 0.3]))
    fixing = np.tile(np.arange(shape[-1]) < 12, (2, 1))
    return np.where(n > 0, x, 0.0).astype(float), n, fixing


def same(one: Charts, other: Charts) -> None:
    for left, right in zip(astuple(one), astuple(other), strict=True):
        np.testing.assert_array_equal(left, right)


@given(services(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_permuting_segments_permutes_the_charts(
    of: tuple[Floats, Floats, Bools], random: Random
) -> None:
    x, n, fixing = of
    order = np.array(random.sample(range(x.shape[1]), x.shape[1]))
    moved = control_charts(x[:, order], n[:, order], MEASURE, SIGN, fixing)
    same(
        moved,
        Charts(*(part[:, order] for part in astuple(control_charts(x, n, MEASURE, SIGN, fixing)))),
    )


@given(services())
@settings(max_examples=40)
def test_batch_equals_one_alone(of: tuple[Floats, Floats, Bools]) -> None:
    x, n, fixing = of
    together = control_charts(x, n, MEASURE, SIGN, fixing)
    for b, g, i in np.ndindex(x.shape[:3]):
        at = slice(b, b + 1), slice(g, g + 1), slice(i, i + 1)
        alone = control_charts(x[at], n[at], MEASURE[at[2]], SIGN[at[2]], fixing[at[0]])
        same(alone, Charts(*(part[at] for part in astuple(together))))


@given(services())
@settings(max_examples=40)
def test_turning_the_sign_swaps_improvement_and_concern(of: tuple[Floats, Floats, Bools]) -> None:
    x, n, fixing = of
    one, other = (control_charts(x, n, MEASURE, sign, fixing) for sign in (SIGN, -SIGN))
    np.testing.assert_array_equal(one.improvement, other.concern)
    np.testing.assert_array_equal(one.concern, other.improvement)
    np.testing.assert_array_equal(one.improvement | one.concern, one.rule > 0)


@given(services(), st.integers(0, 29))
@settings(max_examples=40)
def test_missing_month_never_makes_a_flag(of: tuple[Floats, Floats, Bools], month: int) -> None:
    x, n, fixing = of
    # A month that fixes the limits makes them others, or none, when it is gone.
    month = max(month, 12) % x.shape[-1]
    before = control_charts(x, n, MEASURE, SIGN, fixing)
    kept = np.arange(x.shape[-1]) != month
    after = control_charts(x * kept, n * kept, MEASURE, SIGN, fixing)
    if month >= 12:
        assert (after.rules & ~before.rules == 0).all()
    assert not after.rule[..., month].any()
    assert not after.rule[np.isnan(after.value)].any()


def test_limits_fixed_before_the_start_see_what_whole_series_limits_swallow() -> None:
    rng = np.random.default_rng(20250601)
    values = rng.standard_normal((1000, 24)) + 2.0 * (np.arange(24) >= 12)
    rules = RULE_SETS["mdc-2023"]

    def seen(fixing: Bools) -> float:
        causes = special_causes(values, xmr_limits(values, fixing), rules)
        return float((causes.direction[:, 12:15] > 0).any(-1).mean())

    fixed, whole = seen(np.arange(24) < 12), seen(np.ones(24, dtype=bool))
    assert fixed > whole + 0.2
