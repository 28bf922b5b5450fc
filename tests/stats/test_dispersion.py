"""Dispersion, dependence, correlation and season of months, recovered from planted truths."""

import numpy as np
import pytest

from tests.stats.panels import One, panel
from worker.stats.dispersion import (
    FEWEST_SHARED_MONTHS,
    UNKNOWN_CORRELATION,
    autocorrelation,
    correlation,
    dispersion,
    inflation,
    residuals,
    season,
    single_value_variance,
)
from worker.stats.panel import MEAN, RATE, Floats, Panel

SIZE = 400


def months_of(
    rng: np.random.Generator, segments: int, length: int, phi: float, rho: float = 0.0
) -> Floats:
    """Successes of 400 a month at 80%, their months phi times as variable as counts alone."""
    shock = rng.standard_normal((segments, length))
    for month in range(1, length):
        shock[:, month] = rho * shock[:, month - 1] + np.sqrt(1 - rho**2) * shock[:, month]
    sigma = np.sqrt((phi - 1) / (SIZE * 0.8 * 0.2))
    share = 1 / (1 + np.exp(-(np.log(4) + sigma * shock)))
    return np.asarray(rng.binomial(SIZE, share), dtype=np.float64)


def long_panel(x: Floats) -> Panel:
    half = x.shape[1] // 2
    return panel(x, SIZE, One(), baseline=(0, half - 1), current=(half, x.shape[1] - 1))


@pytest.mark.parametrize("phi", [1.0, 2.0, 4.0])
def test_planted_dispersion_is_recovered(phi: float) -> None:
    of = long_panel(months_of(np.random.default_rng(3), 40, 48, phi))
    found = dispersion(of, single_value_variance(of))
    assert found.phi.mean() == pytest.approx(phi, rel=0.15)
    assert (found.phi >= 1).all()


def test_dispersion_is_at_least_that_of_the_service_and_of_counts() -> None:
    rng = np.random.default_rng(5)
    x = np.concatenate([months_of(rng, 5, 24, 1.0), months_of(rng, 1, 24, 8.0)])
    of = long_panel(x)
    found = dispersion(of, single_value_variance(of)).phi[0, :, 0]
    assert found[5] > found[:5].max()
    assert found[:5] == pytest.approx(found[:5].min())
    still = long_panel(np.full((4, 24), 320.0))
    assert (dispersion(still, single_value_variance(still)).phi == 1).all()


def test_months_without_anything_to_vary_carry_no_degrees_of_freedom() -> None:
    for count in (0.0, float(SIZE)):
        of = long_panel(np.full((3, 12), count))
        assert (dispersion(of, single_value_variance(of)).df == 0).all()
    varied = np.full((3, 12), 300.0)
    varied[0] += np.arange(12)
    varied[1:] = 0
    of = long_panel(varied)
    assert dispersion(of, single_value_variance(of)).df[0, 0] == pytest.approx(10)


def test_segments_that_move_together_bring_fewer_degrees_of_freedom() -> None:
    x = np.full((6, 12), 300.0) + (np.arange(12) % 3).astype(float)
    of = long_panel(x)
    expected = 6 * (5 + 5) / (1 + 0.3**2 * 5)
    assert dispersion(of, single_value_variance(of)).df[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("rho", [0.0, 0.2])
def test_planted_autocorrelation_is_recovered_roughly(rho: float) -> None:
    rng = np.random.default_rng(17)
    found = [
        float(autocorrelation(of, single_value_variance(of))[0, 0])
        for of in (long_panel(months_of(rng, 12, 48, 6.0, rho)) for _ in range(12))
    ]
    # Counting itself is independent: of a dispersion of 6 five parts in six keep the correlation.
    assert np.mean(found) == pytest.approx(rho * 5 / 6, abs=0.05)


def test_short_history_falls_back_towards_the_prior() -> None:
    of = panel([[300.0, 301, 299, 300]], SIZE, One(), baseline=(0, 1), current=(2, 3))
    assert autocorrelation(of, single_value_variance(of))[0, 0] == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("rho", [0.0, 0.2, 0.6])
@pytest.mark.parametrize("months", [1, 3, 12])
def test_inflation_is_that_of_the_covariance_matrix(rho: float, months: int) -> None:
    matrix = rho ** np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    expected = matrix.sum() / months
    assert float(inflation(np.array(rho), np.array(float(months)))) == pytest.approx(expected)


def test_residuals_are_about_the_level_of_each_window() -> None:
    x = np.array([[10.0, 20, 30, 50, 60, 40]])
    of = panel(x, 100, One(), baseline=(0, 2), current=(3, 5))
    excess, information = residuals(of, of.current, np.ones((1, 1)))
    assert excess[0, 0, 0, 0].tolist() == [0, 10, -10]
    assert information[0, 0, 0, 0] == pytest.approx([25, 25, 25])


def test_indicators_that_move_together_are_seen_to() -> None:
    rng = np.random.default_rng(23)
    shared = rng.standard_normal((10, 40))
    sigma = np.sqrt(5 / (SIZE * 0.16))
    x = np.stack(
        [
            rng.binomial(SIZE, 1 / (1 + np.exp(-np.log(4) - sigma * sign * shared)))
            for sign in (1, -1, 0)
        ],
        axis=1,
    )
    of = panel(x, SIZE, One(), One(sign=-1), One(), baseline=(0, 19), current=(20, 39))
    found = correlation(of, single_value_variance(of))[0]
    # The second is better when it is lower, so falling together with a rise is going together.
    assert found[0, 1] == pytest.approx(5 / 6, abs=0.08)
    assert found[0, 2] < 0.15
    assert found.diagonal().tolist() == [1, 1, 1]
    assert (found >= 0).all()


def test_few_shared_months_say_nothing_of_correlation() -> None:
    length = FEWEST_SHARED_MONTHS + 4
    n = np.full((2, 2, length), float(SIZE))
    n[:, 1, FEWEST_SHARED_MONTHS - 1 :] = 0
    x = n * 0.8 - (np.arange(length) % 2) * (n > 0)
    of = panel(x, n, One(), One(), baseline=(0, length - 3), current=(length - 2, length - 1))
    assert correlation(of, single_value_variance(of))[0, 0, 1] == UNKNOWN_CORRELATION


def test_spread_of_values_is_that_within_segments_and_windows() -> None:
    values = [[[1.0, 3.0], [2.0, 2.0]], [[5.0, 4.0], [4.0, 1.0]]]
    x = [[sum(month) for month in segment] for segment in values]
    squares = [[sum(v * v for v in month) for month in segment] for segment in values]
    of = panel(
        x, np.full((2, 2), 2.0), One(measure=MEAN), squares=squares, baseline=(0, 0), current=(1, 1)
    )
    expected = np.mean([np.var(month, ddof=1) for segment in values for month in segment])
    assert single_value_variance(of)[0, 0] == pytest.approx(expected)


def test_values_all_alike_never_look_certain() -> None:
    of = panel(
        [[12.0, 12]], [[3.0, 3]], One(measure=MEAN), squares=[[48.0, 48]],
        baseline=(0, 0), current=(1, 1),
    )  # fmt: skip
    assert single_value_variance(of)[0, 0] == 1


def seasonal(length: int, start: int, swing: float, measure: int = 0) -> Panel:
    """Three segments of a steady service that the calendar alone moves, on the link scale."""
    wave = swing * np.cos(2 * np.pi * np.arange(length) / 12)
    base = np.array([1.0, 1.4, 0.6])[:, None]
    level = np.exp(base + wave) if measure == RATE else 1 / (1 + np.exp(-base - wave))
    n = np.full((3, length), 5000.0)
    return panel(
        level * n, n, One(measure=measure), baseline=(start - 6, start - 1),
        current=(length - 3, length - 1),
    )  # fmt: skip


@pytest.mark.parametrize("measure", [0, RATE])
def test_season_planted_in_the_year_before_the_start_is_taken_out(measure: int) -> None:
    of = seasonal(18, 12, 0.3, measure)
    found = season(of, single_value_variance(of), np.ones((1, 1)))
    wave = 0.3 * np.cos(2 * np.pi * np.arange(18) / 12)
    planted = wave[15:18].mean() - wave[6:12].mean()
    assert found.known.all()
    assert found.contrast[0, 0] == pytest.approx(planted, rel=0.12)
    assert found.variance[0, 0] > 0


def test_season_of_a_mean_is_in_its_own_unit() -> None:
    wave = 0.2 * np.cos(2 * np.pi * np.arange(18) / 12)
    n = np.full((2, 18), 50.0)
    x = (np.array([[3.5], [4.0]]) + wave) * n
    squares = (x / n) ** 2 * n + 0.64 * (n - 1)
    of = panel(x, n, One(measure=MEAN), squares=squares, baseline=(6, 11), current=(15, 17))
    found = season(of, single_value_variance(of), np.ones((1, 1)))
    assert found.contrast[0, 0] == pytest.approx(wave[15:].mean() - wave[6:12].mean(), rel=1e-6)


def test_less_than_a_year_before_the_start_leaves_the_season_in() -> None:
    of = seasonal(17, 11, 0.3)
    found = season(of, single_value_variance(of), np.ones((1, 1)))
    assert not found.known.any()
    assert found.contrast[0, 0] == 0
    assert found.variance[0, 0] == 0
