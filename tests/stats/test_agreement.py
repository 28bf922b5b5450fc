"""Cross-correlation by its definition, trends taken out, and which series follows which."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from worker.stats.agreement import cross_correlation, detrended, following
from worker.stats.panel import Floats


def by_definition(x: Floats, y: Floats, lag: int) -> float:
    both = ~np.isnan(x) & ~np.isnan(y)
    left, right = (np.where(both, one - np.mean(one[both]), 0.0) for one in (x, y))
    total = sum(left[t + lag] * right[t] for t in range(len(x)) if 0 <= t + lag < len(x))
    return float(total / np.sqrt((left**2).sum() * (right**2).sum()))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Floats, Floats]:
    """Two series of 20 to 40 months that share at least 18."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    months = draw(st.integers(20, 40))
    x, y = rng.normal(size=(2, months))
    x[rng.choice(months, draw(st.integers(0, 2)), replace=False)] = np.nan
    return x, y + draw(st.sampled_from([0.0, 1.0])) * np.nan_to_num(x)


@given(pairs())
def test_correlation_at_every_lag_is_that_of_its_definition(of: tuple[Floats, Floats]) -> None:
    found = cross_correlation(*of)
    expected = [by_definition(*of, lag) for lag in range(-6, 7)]
    assert found == pytest.approx(expected, abs=1e-12)
    assert (np.abs(found) <= 1 + 1e-12).all()


@given(pairs())
def test_exchanged_series_mirror_the_lags(of: tuple[Floats, Floats]) -> None:
    x, y = of
    assert cross_correlation(y, x) == pytest.approx(cross_correlation(x, y)[::-1])


@given(pairs(), st.floats(-50, 50), st.floats(-3, 3), st.floats(0.01, 100))
def test_level_trend_and_unit_are_nothing_to_who_follows(
    of: tuple[Floats, Floats], level: float, trend: float, unit: float
) -> None:
    x, y = of
    moved = following(unit * x + level + trend * np.arange(len(x)), y)
    found = following(x, y)
    assert moved.lag == found.lag
    assert moved.correlation == pytest.approx(float(found.correlation), abs=1e-6)


def test_detrended_series_is_scipys() -> None:
    y = np.random.default_rng(0).normal(size=(3, 24)) + np.arange(24)
    assert detrended(y) == pytest.approx(signal.detrend(y, axis=-1))


def test_missing_months_leave_the_line_of_the_others() -> None:
    y = 3 + 0.5 * np.arange(9.0)
    y[[2, 5]] = np.nan
    found = detrended(y)
    assert np.isnan(found[[2, 5]]).all()
    assert (found[~np.isnan(y)] == 0).all()
    assert np.isnan(detrended(np.full(4, np.nan))).all()
    assert detrended(np.array([np.nan, 2.0])).tolist() == [pytest.approx(np.nan, nan_ok=True), 0.0]
    assert detrended(np.empty((2, 0))).shape == (2, 0)


@pytest.mark.parametrize("months", [-4, -1, 0, 2, 5])
def test_series_that_comes_later_follows_by_as_many_months(months: int) -> None:
    audits = np.random.default_rng(3).normal(size=40)
    feedback = np.roll(audits, months) + 0.02 * np.arange(40)
    found = following(feedback, audits)
    assert found.known
    assert found.lag == months
    assert found.beyond_noise


def test_fewer_than_eighteen_shared_months_say_nothing_of_a_lag() -> None:
    x = np.random.default_rng(1).normal(size=(1, 24))
    y = x.copy()
    x[0, :3], y[0, -4:] = np.nan, np.nan
    found = following(x, y)
    assert (found.shared[0], found.known[0], found.lag[0]) == (17, False, 0)
    assert np.isnan(found.correlation[0])
    assert not found.beyond_noise[0]
    x[0, 2] = 0.5
    assert following(x, y).known[0]


def test_series_without_spread_or_evidence_follow_nothing() -> None:
    moving = np.random.default_rng(1).normal(size=24)
    flats: list[Floats] = [np.full(24, 0.1), 0.1 * np.arange(24.0), np.full(24, np.nan)]
    for flat in flats:
        found = following(flat, moving)
        assert not found.known
        assert np.isnan(found.correlation)
    assert np.isnan(cross_correlation(np.full(24, 0.1), moving)).all()
    assert following(np.empty((2, 0)), np.empty((2, 0))).known.tolist() == [False, False]


def test_opposite_movement_is_no_agreement() -> None:
    moving = np.random.default_rng(6).normal(size=36)
    found = following(-moving, moving)
    assert found.correlation < 0.6
    assert not (found.lag == 0 and found.beyond_noise)


def test_unrelated_series_are_rarely_beyond_noise() -> None:
    x, y = np.random.default_rng(2).normal(size=(2, 5000, 24))
    assert np.mean(following(x, y).beyond_noise) <= 0.05


@given(pairs(), st.integers(0, 2**32 - 1))
def test_batch_gives_what_each_gives_alone(of: tuple[Floats, Floats], seed: int) -> None:
    x, y = of
    other = np.random.default_rng(seed).normal(size=(2, len(x)))
    batch = following(np.stack([other[0], x]), np.stack([other[1], y]))
    alone = following(x, y)
    assert batch.lag[1] == alone.lag
    assert batch.correlation[1] == pytest.approx(float(alone.correlation))
