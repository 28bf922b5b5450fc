"""What is uneven between segments: by hand, and how often the intervals cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from worker.stats.heterogeneity import paule_mandel, random_effects
from worker.stats.panel import Floats
from worker.stats.unevenness import extremes, leave_the_best_out, tau_between, tau_change

SURE = np.full(4, 0.01)


def test_one_brilliant_team_leaves_nothing_behind_it() -> None:
    found = leave_the_best_out(np.array([0.0, 6.0, 0.1, -0.1]), SURE)
    assert found.best == 1
    assert found.mean == pytest.approx(0.0)
    assert found.lower < 0 < found.upper


def test_mean_without_the_best_is_that_of_the_others_by_the_wider_error() -> None:
    g, v = np.array([1.0, 3.0, 2.0, 2.5, 0.5]), np.array([0.2, 0.1, 0.3, 0.2, 0.4])
    found = leave_the_best_out(g, v)
    rest = np.array([0, 2, 3, 4])
    of = random_effects(g[rest], v[rest], paule_mandel(g[rest], v[rest]))
    lower, upper = of.interval(of.wider_error)
    assert found.mean == pytest.approx(of.mean)
    assert found.lower == pytest.approx(lower)
    assert found.upper == pytest.approx(upper)


def test_below_four_segments_nothing_is_said_without_the_best() -> None:
    g = np.array([[1.0, 2.0, 3.0, np.nan], [np.nan] * 4])
    found = leave_the_best_out(g, np.ones((2, 4)))
    assert found.best.tolist() == [-1, -1]
    assert np.isnan([found.mean, found.lower, found.upper]).all()
    assert leave_the_best_out(np.empty((2, 0)), np.empty((2, 0))).best.tolist() == [-1, -1]


def test_segments_that_close_up_show_a_falling_tau() -> None:
    apart = np.array([-4.0, -1.0, 0.0, 2.0, 5.0])
    found = tau_change(0.1 * apart, np.full(5, 0.01), apart, np.full(5, 0.01))
    assert found.baseline.estimate == pytest.approx(np.sqrt(np.var(apart, ddof=1) - 0.01))
    assert found.change.estimate == pytest.approx(found.now.estimate - found.baseline.estimate)
    assert found.change.upper < 0


def test_segment_that_fell_silent_closes_no_gap() -> None:
    now, then = np.array([1.0, 1.2, 0.8, np.nan]), np.array([1.0, 1.2, 0.8, -9.0])
    found = tau_change(now, SURE, then, SURE)
    assert found.baseline.estimate == pytest.approx(tau_between(then[:3], SURE[:3]).estimate)
    assert found.change.estimate == pytest.approx(0.0)


def test_tau_of_one_segment_is_unknown() -> None:
    one = np.array([1.0, np.nan])
    found = tau_change(one, np.ones(2), one, np.ones(2))
    assert np.isnan([found.now.estimate, found.change.estimate, found.change.upper]).all()


def test_best_and_weakest_are_held_to_all_pairs_they_were_picked_from() -> None:
    found = extremes(np.array([1.0, np.nan, 4.0, 2.5]), np.array([0.1, 0.1, 0.2, 0.3]), 20.0)
    assert [int(found.best), int(found.weakest)] == [2, 0]
    assert found.lead == pytest.approx(4 - 1.75)
    width = stats.t.ppf(1 - 0.025 / 3, 20) * np.sqrt(0.2 + 0.4 / 4)
    assert found.lead_upper - found.lead == pytest.approx(width)
    assert found.gap == pytest.approx(3.0)
    width = stats.t.ppf(1 - 0.025 / 3, 20) * np.sqrt(0.3)
    assert found.gap - found.gap_lower == pytest.approx(width)


def test_two_segments_are_one_comparison() -> None:
    found = extremes(np.array([1.0, 2.0]), np.array([0.5, 0.5]))
    assert found.lead == found.gap == 1.0
    assert found.gap_upper - found.gap == pytest.approx(stats.norm.ppf(0.975))
    assert found.lead_upper == found.gap_upper


def test_equal_segments_still_have_two_ends() -> None:
    found = extremes(np.full(3, 2.0), np.array([0.1, 5.0, 0.3]))
    assert [int(found.best), int(found.weakest), float(found.gap)] == [0, 2, 0.0]
    assert found.gap_upper == pytest.approx(stats.norm.ppf(1 - 0.025 / 3) * np.sqrt(0.4))


def test_fewer_than_two_segments_have_no_extremes() -> None:
    found = extremes(np.array([[1.0, np.nan], [np.nan, np.nan]]), np.ones((2, 2)))
    assert found.best.tolist() == found.weakest.tolist() == [-1, -1]
    assert np.isnan([found.lead, found.lead_lower, found.gap, found.gap_upper]).all()
    assert extremes(np.empty((2, 0)), np.empty((2, 0))).best.tolist() == [-1, -1]


def test_limits_cover_although_the_best_was_picked_by_its_luck() -> None:
    rng = np.random.default_rng(2)
    error = rng.uniform(0.3, 0.8, (20_000, 6))
    found = extremes(rng.normal(0, error), error**2)
    assert np.mean((found.lead_lower <= 0) & (found.lead_upper >= 0)) >= 0.95
    assert np.mean((found.gap_lower <= 0) & (found.gap_upper >= 0)) >= 0.95


def test_tau_that_did_not_change_is_rarely_said_to_have_fallen() -> None:
    rng = np.random.default_rng(3)
    true = rng.normal(0, 1, (20_000, 6))
    errors = rng.uniform(0.2, 0.8, (2, 20_000, 6))
    now, then = true + rng.normal(0, errors)
    change = tau_change(now, errors[0] ** 2, then, errors[1] ** 2).change
    assert np.mean(change.upper < 0) <= 0.03
    assert np.mean(change.lower > 0) <= 0.03


@st.composite
def services(draw: st.DrawFn) -> Floats:
    """Levels of six segments, no two alike, some silent."""
    distinct = st.lists(st.integers(-5000, 5000), min_size=6, max_size=6, unique=True)
    silent = np.array(draw(st.lists(st.booleans(), min_size=6, max_size=6)))
    return np.where(silent, np.nan, np.array(draw(distinct)) / 100)


@given(services(), services(), st.floats(-20, 20), st.integers(0, 5))
def test_batch_order_and_shift_change_what_they_should(
    one: Floats, other: Floats, shift: float, turn: int
) -> None:
    v = np.array([0.5, 0.1, 0.2, 0.9, 0.4, 0.3])
    for function in (leave_the_best_out, extremes):
        together = function(np.stack([one, other]), np.stack([v, v]))
        alone = function(other, v)
        moved = function(np.roll(other, turn) + shift, np.roll(v, turn))
        for field in alone.__dataclass_fields__:
            expected, found = getattr(alone, field), getattr(moved, field)
            assert getattr(together, field)[1] == pytest.approx(expected, nan_ok=True, abs=1e-9)
            if field in {"best", "weakest"}:
                assert found == (-1 if expected == -1 else (expected + turn) % 6)
            else:
                by = shift if field in {"mean", "lower", "upper"} else 0.0
                assert found == pytest.approx(expected + by, nan_ok=True, abs=1e-6)
