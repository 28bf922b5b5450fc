"""Random effects against the BCG trials as published, definitions written out, and laws."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from worker.stats.heterogeneity import (
    dersimonian_laird,
    homogeneity,
    i_squared,
    paule_mandel,
    q_profile,
    random_effects,
    restricted_likelihood,
)
from worker.stats.panel import Floats

Estimator = Callable[[Floats, Floats], Floats]
ESTIMATORS = [dersimonian_laird, paule_mandel, restricted_likelihood]

# Cases and others among the vaccinated, then among the controls: Colditz et al. 1994
# (10.1001/jama.1994.03510330076038), 13 trials of BCG against tuberculosis.
BCG = np.array(
    [
        [4, 119, 11, 128], [6, 300, 29, 274], [3, 228, 11, 209], [62, 13536, 248, 12619],
        [33, 5036, 47, 5761], [180, 1361, 372, 1079], [8, 2537, 10, 619],
        [505, 87886, 499, 87892], [29, 7470, 45, 7232], [17, 1699, 65, 1600],
        [186, 50448, 141, 27197], [5, 2493, 3, 2338], [27, 16886, 29, 17825],
    ],
    dtype=np.float64,
)  # fmt: skip
A, B, C, D = BCG.T
LOG_RISK_RATIO = np.log(A / (A + B)) - np.log(C / (C + D))
VARIANCE = 1 / A - 1 / (A + B) + 1 / C - 1 / (C + D)


def test_bcg_trials_give_the_published_figures() -> None:
    """Viechtbauer 2010 (10.18637/jss.v036.i03), pages 14 to 16."""
    test = homogeneity(LOG_RISK_RATIO, VARIANCE)
    tau2 = restricted_likelihood(LOG_RISK_RATIO, VARIANCE)
    of = random_effects(LOG_RISK_RATIO, VARIANCE, tau2)
    lower, upper = q_profile(LOG_RISK_RATIO, VARIANCE)
    assert test.segments == 13
    assert test.q == pytest.approx(152.2330, abs=5e-5)
    assert test.p < 1e-4
    assert tau2 == pytest.approx(0.3132, abs=5e-5)
    assert 100 * i_squared(LOG_RISK_RATIO, VARIANCE, tau2) == pytest.approx(92.22, abs=0.005)
    assert of.mean == pytest.approx(-0.7145, abs=5e-5)
    assert of.error == pytest.approx(0.1798, abs=5e-5)
    assert (float(lower), float(upper)) == pytest.approx((0.1197, 1.1115), abs=5e-5)


def test_bcg_trials_by_moments_give_the_published_variance() -> None:
    assert dersimonian_laird(LOG_RISK_RATIO, VARIANCE) == pytest.approx(0.3088, abs=5e-5)


def q_at(y: Floats, v: Floats, tau2: float) -> float:
    w = 1 / (v + tau2)
    return float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())


def likelihood(y: Floats, v: Floats, tau2: float) -> float:
    w = 1 / (v + tau2)
    return float((np.log(w).sum() - np.log(w.sum()) - q_at(y, v, tau2)) / 2)


@st.composite
def segments(draw: st.DrawFn, fewest: int = 2) -> tuple[Floats, Floats]:
    """Values and variances of a few segments, from all alike to far apart."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    number = draw(st.integers(fewest, 9))
    v = 10 ** rng.uniform(-2, 1, number) * draw(st.sampled_from([1e-4, 1.0, 50.0]))
    apart = draw(st.sampled_from([0.0, 0.5, 3.0])) * np.sqrt(np.median(v))
    return rng.normal(draw(st.sampled_from([0.0, 5.0])), np.sqrt(v + apart**2)), v


@given(segments())
def test_paule_mandel_makes_q_equal_its_degrees_of_freedom_or_is_zero(
    of: tuple[Floats, Floats],
) -> None:
    y, v = of
    tau2 = float(paule_mandel(y, v))
    if tau2 > 0:
        assert q_at(y, v, tau2) == pytest.approx(len(y) - 1, rel=1e-8)
    else:
        assert q_at(y, v, 0.0) <= len(y) - 1


@given(segments())
def test_no_other_variance_is_more_likely_than_the_restricted_estimate(
    of: tuple[Floats, Floats],
) -> None:
    y, v = of
    found = likelihood(y, v, float(restricted_likelihood(y, v)))
    far = 10 * (np.ptp(y) ** 2 + v.max())
    trials = [0.0, *np.geomspace(1e-6 * v.min(), far, 400)]
    around = optimize.minimize_scalar(
        lambda log: -likelihood(y, v, float(np.exp(log))),
        bounds=(np.log(1e-6 * v.min()), np.log(far)),
        method="bounded",
    )
    assert found >= max(*(likelihood(y, v, t) for t in trials), -around.fun) - 1e-7


@given(segments(), st.sampled_from([0.8, 0.95]))
def test_interval_of_the_variance_holds_what_q_does_not_rule_out(
    of: tuple[Floats, Floats], confidence: float
) -> None:
    y, v = of
    limits = q_profile(y, v, confidence)
    for limit, tail in zip(limits, ((1 + confidence) / 2, (1 - confidence) / 2), strict=True):
        target = stats.chi2.ppf(tail, len(y) - 1)
        if limit > 0:
            assert q_at(y, v, float(limit)) == pytest.approx(target, rel=1e-8)
        else:
            assert q_at(y, v, 0.0) <= target
    assert limits[0] <= paule_mandel(y, v) or len(y) == 2


@pytest.mark.parametrize("confidence", [0.95])
def test_interval_of_the_variance_covers_as_often_as_it_says(confidence: float) -> None:
    rng = np.random.default_rng(5)
    v = rng.uniform(0.1, 1.0, (20_000, 6))
    lower, upper = q_profile(rng.normal(0, np.sqrt(v + 0.25)), v, confidence)
    assert np.mean((lower <= 0.25) & (upper >= 0.25)) == pytest.approx(confidence, abs=0.005)


def test_mean_of_equally_sure_segments_is_that_of_a_one_sample_t_test() -> None:
    y = np.array([1.0, 2.5, 0.5, 3.0, 4.0])
    for estimator in ESTIMATORS:
        v = np.full(5, 0.01)
        of = random_effects(y, v, estimator(y, v))
        expected = stats.ttest_1samp(y, 0.0).confidence_interval(0.95)
        assert [float(each) for each in of.interval(of.scatter_error)] == pytest.approx(expected)


def test_prediction_is_wider_than_the_mean_by_the_spread_between_segments() -> None:
    y, v = np.array([0.0, 1.0, 2.0]), np.full(3, 0.04)
    tau2 = paule_mandel(y, v)
    of = random_effects(y, v, tau2)
    t = stats.t.ppf(0.975, 1)
    assert tau2 == pytest.approx(1 - 0.04)
    width = t * np.sqrt(0.96 + 1 / 3)
    assert [float(each) for each in of.prediction()] == pytest.approx([1 - width, 1 + width])


def test_segments_that_lie_close_by_luck_do_not_make_the_mean_exact() -> None:
    y, v = np.full(5, 2.0), np.full(5, 0.5)
    of = random_effects(y, v, paule_mandel(y, v))
    assert of.scatter_error == 0
    assert of.wider_error == of.error == pytest.approx(np.sqrt(0.1))


@given(segments(), st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_order_of_segments_is_nothing(
    estimator: Estimator, of: tuple[Floats, Floats], seed: int
) -> None:
    y, v = of
    order = np.random.default_rng(seed).permutation(len(y))
    assert estimator(y[order], v[order]) == pytest.approx(estimator(y, v), rel=1e-6, abs=1e-9)


@given(segments(), st.floats(-100, 100), st.floats(0.01, 100))
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_shift_moves_the_mean_alone_and_scale_squares_the_variance(
    estimator: Estimator, of: tuple[Floats, Floats], shift: float, scale: float
) -> None:
    y, v = of
    tau2, moved = estimator(y, v), estimator(scale * y + shift, scale**2 * v)
    small = 1e-7 * scale**2 * v.min() + 1e-9
    assert moved == pytest.approx(scale**2 * tau2, rel=1e-5, abs=small)
    one = random_effects(y, v, tau2)
    other = random_effects(scale * y + shift, scale**2 * v, scale**2 * tau2)
    assert other.mean == pytest.approx(scale * one.mean + shift, rel=1e-9, abs=1e-9)
    assert other.wider_error == pytest.approx(scale * one.wider_error, rel=1e-6)


@given(segments())
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_variance_between_segments_is_never_negative(
    estimator: Estimator, of: tuple[Floats, Floats]
) -> None:
    assert 0 <= estimator(*of) < np.inf
    assert 0 <= i_squared(*of, estimator(*of)) < 1


@given(segments(), segments())
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_batch_and_silent_segments_give_what_each_service_gives_alone(
    estimator: Estimator, one: tuple[Floats, Floats], other: tuple[Floats, Floats]
) -> None:
    def padded(values: Floats) -> Floats:
        return np.concatenate([[np.nan], values, np.full(11 - len(values), np.nan)])

    y, v = (np.stack([padded(a), padded(b)]) for a, b in zip(one, other, strict=True))
    tau2 = estimator(y, v)
    batch = random_effects(y, v, tau2)
    for place, (own_y, own_v) in enumerate((one, other)):
        own_tau2 = estimator(own_y, own_v)
        alone = random_effects(own_y, own_v, own_tau2)
        assert tau2[place] == pytest.approx(own_tau2, rel=1e-9, abs=1e-12)
        assert batch.mean[place] == pytest.approx(alone.mean, rel=1e-9, abs=1e-12)
        assert batch.wider_error[place] == pytest.approx(alone.wider_error, rel=1e-9)
        assert batch.segments[place] == alone.segments


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_nothing_to_compare_is_no_variance_rather_than_zero(estimator: Estimator) -> None:
    y = np.array([[np.nan, np.nan], [1.5, np.nan], [np.nan, 1.5]])
    tau2 = estimator(y, np.ones_like(y))
    assert np.isnan(tau2).all()
    of = random_effects(y, np.full_like(y, 0.25), tau2)
    assert of.segments.tolist() == [0, 1, 1]
    assert of.mean.tolist() == [pytest.approx(np.nan, nan_ok=True), 1.5, 1.5]
    assert of.error[1:].tolist() == [0.5, 0.5]
    assert np.isnan(of.wider_error).all()
    assert np.isnan([*of.interval(of.error), *of.prediction(), *q_profile(y, np.ones(2))]).all()
    assert np.isnan(estimator(np.empty((3, 0)), np.empty((3, 0)))).all()


def test_what_claims_no_error_or_no_knowledge_is_left_out() -> None:
    y = np.array([1.0, 2.0, 4.0, 100.0, -100.0])
    v = np.array([1.0, 1.0, 1.0, 0.0, np.inf])
    assert homogeneity(y, v).segments == 3
    assert paule_mandel(y, v) == pytest.approx(paule_mandel(y[:3], v[:3]))


def test_two_segments_have_a_mean_and_no_prediction() -> None:
    y, v = np.array([1.0, 3.0]), np.array([0.1, 0.1])
    of = random_effects(y, v, paule_mandel(y, v))
    assert np.isfinite(of.interval(of.wider_error)).all()
    assert np.isnan(of.prediction()).all()
