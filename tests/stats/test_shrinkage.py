"""Priors against scipy's own distributions, posteriors by hand, and levels that may be shown."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from worker.stats.heterogeneity import paule_mandel
from worker.stats.panel import MEAN, PROPORTION, RATE, Floats
from worker.stats.priors import (
    Prior,
    beta_likelihood,
    beta_log_likelihood,
    beta_moments,
    beta_weighted_moments,
    gamma_likelihood,
    gamma_log_likelihood,
    gamma_moments,
)
from worker.stats.shrinkage import (
    ShrunkLevels,
    beta_posterior,
    gamma_posterior,
    normal_posterior,
    normal_prior,
    shrunk_levels,
)

POOLED = Prior(np.array(0.3), np.array(np.inf))
FITS = [beta_moments, beta_weighted_moments, gamma_moments, beta_likelihood, gamma_likelihood]


def test_eight_schools_are_pooled_completely() -> None:
    """Gelman et al. 2013, Bayesian Data Analysis, section 5.5: 7.7 with a standard error of 4.1."""
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    v = np.array([15.0, 10, 16, 11, 9, 11, 10, 18]) ** 2
    tau2 = paule_mandel(y, v)
    prior = normal_prior(y, v, tau2)
    assert tau2 == 0
    assert prior.mean == pytest.approx(7.7, abs=0.05)
    assert normal_posterior(prior, y, v).level == pytest.approx(np.full(8, float(prior.mean)))


def likelihood_by_scipy(kind: str, x: Floats, n: Floats, mean: float, weight: float) -> float:
    if kind == "beta":
        return float(np.sum(stats.betabinom.logpmf(x, n, mean * weight, (1 - mean) * weight)))
    return float(np.sum(stats.nbinom.logpmf(x, mean * weight, weight / (weight + n))))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["beta", "gamma"])
def test_no_other_prior_is_more_likely(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(5, 80, 9).astype(float)
    if kind == "beta":
        x = rng.binomial(n.astype(int), rng.beta(4, 2, 9)).astype(float)
        found = beta_likelihood(x, n)
        claimed = beta_log_likelihood(found, x, n)
    else:
        x = rng.poisson(n * rng.gamma(2.0, 0.1, 9)).astype(float)
        found = gamma_likelihood(x, n)
        claimed = gamma_log_likelihood(found, x, n)
    mean, weight = float(found.mean), float(found.weight)
    reached = likelihood_by_scipy(kind, x, n, mean, weight)
    assert claimed == pytest.approx(reached, abs=1e-8)

    def loss(at: Any) -> float:
        level = 1 / (1 + np.exp(-at[0])) if kind == "beta" else np.exp(at[0])
        return -likelihood_by_scipy(kind, x, n, float(level), float(np.exp(at[1])))

    best = min(
        optimize.minimize(loss, [level, weight], method="Nelder-Mead", tol=1e-10).fun
        for level in (-1.0, 1.0)
        for weight in (0.0, 3.0)
    )
    assert reached >= -best - 1e-6


def test_units_more_alike_than_chance_makes_them_are_pooled() -> None:
    alike, size = np.full(6, 12.0), np.full(6, 40.0)
    for fit in FITS:
        prior = fit(alike, size)
        assert np.isinf(prior.weight)
        assert prior.mean == pytest.approx(0.3)


def test_likelihood_of_pooling_is_that_of_one_common_level() -> None:
    x, n = np.array([3.0, 0.0, 5.0]), np.array([10.0, 4.0, 12.0])
    binomial = np.sum(stats.binom.logpmf(x, n, 0.3))
    poisson = np.sum(stats.poisson.logpmf(x, 0.3 * n))
    assert beta_log_likelihood(POOLED, x, n) == pytest.approx(binomial)
    assert gamma_log_likelihood(POOLED, x, n) == pytest.approx(poisson)


@pytest.mark.parametrize("fit", FITS)
def test_nothing_one_unit_none_and_all_of_all_have_an_answer(fit: Any) -> None:
    def answer(x: Any, n: Any) -> list[float]:
        prior = fit(np.array(x, dtype=float), np.array(n, dtype=float))
        return [float(prior.mean), float(prior.weight)]

    assert np.isnan(answer([], [])[0])
    assert np.isnan(answer([np.nan, 3.0], [5.0, 0.0])[0])
    assert answer([3.0], [10.0]) == pytest.approx([0.3, np.inf])
    assert answer([0.0, 0.0, 0.0], [5.0, 7.0, 9.0]) == [0.0, np.inf]
    assert answer([5.0, 5.0, 5.0], [5.0, 5.0, 5.0]) == [1.0, np.inf]


@pytest.mark.parametrize("fit", FITS)
def test_batch_order_and_silence_leave_a_prior_as_it_is(fit: Any) -> None:
    x, n = np.array([3.0, 9.0, 14.0, 2.0, 30.0]), np.array([20.0, 22.0, 25.0, 30.0, 40.0])
    alone = fit(x, n)
    silent = np.array([2.0, np.nan, 1.0, 9.0, 3.0, 1.0]), np.array([8.0, 9.0, 0.0, 11.0, 9.0, 7.0])
    turned = np.array([*x[::-1], np.nan]), np.array([*n[::-1], np.nan])
    batch = fit(*(np.stack(both) for both in zip(silent, turned, strict=True)))
    assert batch.mean[1] == pytest.approx(float(alone.mean), rel=1e-5)
    assert batch.weight[1] == pytest.approx(float(alone.weight), rel=1e-4)
    assert np.isfinite(batch.mean[0])


def test_posteriors_are_those_of_the_conjugate_distributions() -> None:
    x, n = np.array([3.0, 18.0, np.nan]), np.array([10.0, 20.0, 5.0])
    prior = Prior(np.array(0.6), np.array(10.0))
    beta, gamma = beta_posterior(prior, x, n, 0.9), gamma_posterior(prior, x, n, 0.9)
    expected = stats.beta(6 + x[:2], 4 + n[:2] - x[:2])
    assert beta.level[:2] == pytest.approx(expected.mean())
    assert beta.lower[:2] == pytest.approx(expected.ppf(0.05))
    rates = stats.gamma(6 + x[:2], scale=1 / (10 + n[:2]))
    assert gamma.level[:2] == pytest.approx(rates.mean())
    assert gamma.upper[:2] == pytest.approx(rates.ppf(0.95))
    v = np.array([0.5, 2.0, 1.0])
    normal = normal_posterior(prior, x, v)
    assert normal.level[:2] == pytest.approx((x / v + 6)[:2] / (1 / v + 10)[:2])
    assert (normal.upper - normal.lower)[:2] == pytest.approx(
        2 * 1.959964 / np.sqrt(1 / v + 10)[:2]
    )
    for each in (beta, gamma, normal):
        assert np.isnan([each.level[2], each.lower[2], each.upper[2]]).all()


def test_complete_pooling_gives_everybody_who_spoke_one_level() -> None:
    x, n = np.array([3.0, 1.0, np.nan]), np.array([10.0, 0.0, 4.0])
    for posterior in (beta_posterior, gamma_posterior):
        found = posterior(POOLED, x, n)
        assert found.level[0] == found.lower[0] == found.upper[0] == 0.3
        assert np.isnan(found.level[1:]).all()


MEASURES = np.array([PROPORTION, RATE, MEAN])


def three(x: Any, n: Any, **more: Any) -> ShrunkLevels:
    """One service whose segments have the same sums as proportions, rates and means."""
    x, n = (np.repeat(np.asarray(each, dtype=float)[None, :, None], 3, 2) for each in (x, n))
    squares = np.where(np.isnan(x), 0.0, x**2 / np.where(n > 0, n, 1) + 0.2 * n)
    return shrunk_levels(x, n, squares, MEASURES, **more)


def test_small_team_with_a_perfect_month_is_drawn_in_further_than_a_large_one() -> None:
    found = three([2, 190, 150, 100, 170, 160], [2, 200, 200, 200, 200, 200])
    assert (found.share_of_own[0, 0] < 0.5 * found.share_of_own[0, 1]).all()
    assert (found.level[0, 0] < found.level[0, 1]).all()
    assert (found.raw[0, 0] > found.raw[0, 1]).all()


def test_fewer_than_five_segments_with_evidence_share_one_level() -> None:
    found = three([10, 90, 50, 70, 40, np.nan], [100, 100, 100, 100, 0, 100])
    assert (found.share_of_own[0, :4] == 0).all()
    assert found.level[0, :4] == pytest.approx(np.tile(found.common[0], (4, 1)))
    assert np.isnan(found.level[0, 4:]).all()
    assert np.isnan(found.share_of_own[0, 4:]).all()
    assert (three([10, 90, 50, 70, 40], [100] * 5).share_of_own > 0.9).all()


def test_wide_interval_where_pooled_segments_visibly_differ() -> None:
    apart, alike = three([20, 80], [100, 100]), three([50, 50], [100, 100])
    assert apart.common == pytest.approx(alike.common)
    assert (apart.upper - apart.lower > 3 * (alike.upper - alike.lower)).all()
    assert ((apart.lower < apart.raw) & (apart.raw < apart.upper)).all()


def test_one_segment_has_its_own_level_and_interval() -> None:
    found = three([30], [100])
    assert found.level == pytest.approx(found.raw)
    jeffreys = stats.beta(30.5, 70.5).ppf([0.025, 0.975])
    assert [found.lower[0, 0, 0], found.upper[0, 0, 0]] == pytest.approx(jeffreys, abs=0.002)
    counts = stats.gamma(30.5).ppf([0.025, 0.975]) / 100
    assert [found.lower[0, 0, 1], found.upper[0, 0, 1]] == pytest.approx(counts, abs=0.002)


def test_nothing_out_of_few_is_no_certainty() -> None:
    found = three([0] * 6, [10] * 6)
    assert (found.level == 0).all()
    assert (found.lower[..., :2] == 0).all()
    assert (found.upper > 0.02).all()
    found = three([10] * 6, [10] * 6)
    assert found.upper[..., 0] == pytest.approx(np.ones((1, 6)))
    assert (found.lower[..., 0] < 0.98).all()


def test_no_segment_and_no_evidence_are_no_level() -> None:
    nothing = np.zeros((2, 3, 3))
    found = shrunk_levels(nothing, nothing, nothing, MEASURES)
    assert np.isnan([found.level, found.lower, found.upper, found.raw]).all()
    assert np.isnan(found.common).all()
    empty = np.zeros((2, 0, 3))
    assert shrunk_levels(empty, empty, empty, MEASURES).level.shape == (2, 0, 3)


def test_dispersion_counts_each_event_for_less() -> None:
    x, n = [60, 80, 75, 90, 85, 70], [100] * 6
    plain, dispersed = three(x, n), three(x, n, dispersion=3.0)
    assert (dispersed.share_of_own < plain.share_of_own).all()


@st.composite
def services(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    """Sums of segments, [1, g, 3], from all alike to far apart, some silent."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    number = draw(st.integers(1, 8))
    n = rng.integers(0, draw(st.sampled_from([3, 60])), (1, number, 3)).astype(float)
    level = rng.uniform(*draw(st.sampled_from([(0.0, 0.0), (0.8, 0.8), (0.2, 0.9)])), n.shape)
    x = rng.binomial(n.astype(int), level).astype(float)
    return x, n, x * (1 + draw(st.integers(0, 3)))


def level_of(of: tuple[Floats, Floats, Floats]) -> ShrunkLevels:
    return shrunk_levels(of[0], of[1], of[2], MEASURES)


@given(services())
def test_shrunk_level_lies_between_raw_and_common_and_inside_its_interval(of: Any) -> None:
    found = level_of(of)
    seen = of[1] > 0
    assert (np.isnan(found.level) == ~seen).all()
    low, high = (f(found.raw, found.common[:, None]) for f in (np.minimum, np.maximum))
    assert ((found.level >= low - 1e-12) & (found.level <= high + 1e-12))[seen].all()
    assert ((found.lower <= found.level) & (found.level <= found.upper))[seen].all()
    assert (found.lower[..., :2][seen[..., :2]] >= 0).all()
    assert (found.upper[..., 0][seen[..., 0]] <= 1).all()


@given(services(), services(), st.integers(0, 2**32 - 1))
def test_batch_order_and_silent_segments_change_nothing(one: Any, other: Any, seed: int) -> None:
    longest = max(one[1].shape[1], other[1].shape[1]) + 1

    def padded(values: Floats) -> Floats:
        return np.pad(values, ((0, 0), (0, longest - values.shape[1]), (0, 0)))

    order = np.random.default_rng(seed).permutation(longest)
    x, n, squares = (
        np.concatenate([padded(a), padded(b)[:, order]]) for a, b in zip(one, other, strict=True)
    )
    together, alone = shrunk_levels(x, n, squares, MEASURES), level_of(other)
    for field in ("level", "lower", "upper", "raw", "share_of_own"):
        found = getattr(together, field)[1, np.argsort(order)][: other[1].shape[1]]
        assert found == pytest.approx(getattr(alone, field)[0], nan_ok=True, rel=1e-8, abs=1e-10)


@given(services(), st.floats(-5, 5))
def test_shift_of_all_values_shifts_their_levels(of: Any, shift: float) -> None:
    x, n, squares = (part[..., 2:] for part in of)
    measure = np.array([MEAN])
    moved = shrunk_levels(x + shift * n, n, squares + 2 * shift * x + shift**2 * n, measure)
    still = shrunk_levels(x, n, squares, measure)
    for field in ("level", "lower", "upper"):
        expected = getattr(still, field) + shift
        assert getattr(moved, field) == pytest.approx(expected, nan_ok=True, abs=1e-5)


@pytest.mark.parametrize("apart", [0.0, 0.06])
def test_intervals_cover_the_true_levels(apart: float) -> None:
    rng = np.random.default_rng(11)
    n = rng.integers(40, 200, (2000, 6, 1))
    true = np.clip(rng.normal(0.8, apart, n.shape), 0, 1)
    x = rng.binomial(n, true).astype(float)
    found = shrunk_levels(x, n.astype(float), x, np.array([PROPORTION]))
    assert np.mean((found.lower <= true) & (true <= found.upper)) >= 0.92
    assert np.mean((found.level - true) ** 2) < np.mean((found.raw - true) ** 2)
