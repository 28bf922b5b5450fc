"""Intervals of small numbers: published values, what defines them, and their ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from worker.stats.intervals import byar, count_interval, exact_poisson, wilson


@pytest.mark.parametrize(
    ("x", "n", "lower", "upper"),
    [
        # Newcombe 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson_as_published(x: float, n: float, lower: float, upper: float) -> None:
    assert np.array(wilson(np.array(x), np.array(n))) == pytest.approx([lower, upper], abs=5e-5)


@pytest.mark.parametrize(
    ("x", "n"), [(0.0, 0.0), (np.nan, 5.0), (1.0, np.nan), (-1.0, 5.0), (6.0, 5.0)]
)
def test_no_trials_missing_or_impossible_have_no_interval(x: float, n: float) -> None:
    assert np.isnan(wilson(np.array(x), np.array(n))).all()


@given(st.integers(0, 200), st.integers(1, 200), st.sampled_from([0.8, 0.95, 0.998]))
def test_wilson_ends_are_where_the_score_test_just_rejects(x: int, n: int, level: float) -> None:
    x = min(x, n)
    z = stats.norm.isf((1 - level) / 2)
    for end in wilson(np.array(float(x)), np.array(float(n)), level):
        if 0 < end < 1:
            assert abs(x / n - end) == pytest.approx(z * np.sqrt(end * (1 - end) / n), rel=1e-6)
        else:
            assert end == x / n


@given(st.integers(0, 500), st.sampled_from([0.8, 0.95, 0.998]))
def test_exact_ends_leave_half_of_the_error_on_each_side(x: int, level: float) -> None:
    lower, upper = exact_poisson(np.array(float(x)), level)
    tail = (1 - level) / 2
    assert stats.poisson.cdf(x, upper) == pytest.approx(tail)
    if x:
        assert stats.poisson.sf(x - 1, lower) == pytest.approx(tail)
    else:
        assert lower == 0


@given(st.integers(10, 2000))
def test_byar_is_near_the_exact_interval_from_ten(x: int) -> None:
    exact, near = (np.array(of(np.array(float(x)))) for of in (exact_poisson, byar))
    assert near == pytest.approx(exact, rel=0.01)


def test_counts_are_exact_below_ten_and_byars_from_ten() -> None:
    x = np.array([0.0, 9, 10, 11, np.nan, -1])
    lower, upper = count_interval(x)
    for chosen, of in ((slice(0, 2), exact_poisson), (slice(2, 4), byar)):
        np.testing.assert_array_equal(lower[chosen], of(x[chosen])[0])
        np.testing.assert_array_equal(upper[chosen], of(x[chosen])[1])
    assert np.isnan([lower[4:], upper[4:]]).all()
    # Garwood's limits of none and of nine.
    assert (lower[0], upper[0]) == (0, pytest.approx(3.6889, abs=5e-5))
    assert (lower[1], upper[1]) == (
        pytest.approx(4.1154, abs=5e-5),
        pytest.approx(17.0848, abs=5e-5),
    )


def test_byar_of_none_starts_at_none() -> None:
    lower, upper = byar(np.array([0.0]))
    assert lower.tolist() == [0]
    assert 3 < upper[0] < 4


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_intervals_hold_the_count_and_rise_with_it(a: int, b: int) -> None:
    few, many = sorted((a / 10, b / 10))
    for of in (exact_poisson, byar):
        lower, upper = of(np.array([few, many]))
        assert (lower <= [few, many]).all()
        assert (upper >= [few, many]).all()
        assert lower[0] <= lower[1]
        assert upper[0] <= upper[1]


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, -0.1])
def test_confidence_is_between_0_and_1(confidence: float) -> None:
    one = np.array(1.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        wilson(one, one, confidence)
    for of in (exact_poisson, byar, count_interval):
        with pytest.raises(ValueError, match="between 0 and 1"):
            of(one, confidence)
