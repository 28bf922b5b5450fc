"""Indicators to channels to segments: scores, correlation counted once, corroboration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from worker.stats.combination import (
    LARGEST_Z,
    Channels,
    combine_indicators,
    corroborated,
    holm_any,
    inverse_variance_mean,
    mean_of_channels,
    normal_score,
    upper_tail,
)
from worker.stats.panel import Floats


def channels(z: list[float], rho: float = 0.0) -> Channels:
    """One segment whose channels are correlated by rho; NaN is a channel without evidence."""
    scores = np.array(z)
    present = ~np.isnan(scores)
    matrix = np.where(np.outer(present, present), rho, 0.0)
    np.fill_diagonal(matrix, 1.0)
    return Channels(scores[None, None], matrix[None, None], present[None, None].astype(float))


BELONG = np.array([[1.0, 1, 0], [0, 0, 1]])


def information(z: Floats) -> Floats:
    """Unequal weights, the same in every segment."""
    return np.broadcast_to(np.array([0.5, 2.0, 1.0]), z.shape)


def p_of(z: list[float], required: int, rho: float = 0.0) -> float:
    return float(corroborated(channels(z, rho), required)[0][0, 0])


@pytest.mark.parametrize(("t", "df"), [(2.5, 7), (-1.3, 4), (0.0, 9), (9.0, 4.5), (3.0, 200)])
def test_normal_score_has_the_tail_of_the_t(t: float, df: float) -> None:
    z = float(normal_score(np.array(t), np.array(df)))
    assert stats.norm.sf(abs(z)) == pytest.approx(stats.t.sf(abs(t), df), rel=1e-9)
    assert np.sign(z) == np.sign(t)


def test_normal_score_keeps_its_digits_far_out_and_ends_somewhere() -> None:
    far = float(normal_score(np.array(60.0), np.array(30.0)))
    assert stats.norm.logsf(far) == pytest.approx(stats.t.logsf(60.0, 30.0), rel=1e-9)
    assert normal_score(np.array([np.inf, -np.inf]), np.array(1e9)) == pytest.approx(
        [LARGEST_Z, -LARGEST_Z]
    )
    assert np.isnan(normal_score(np.array(np.nan), np.array(4.0)))


def test_indicators_that_move_together_count_once() -> None:
    z, both = np.array([[[2.0, 2.0]]]), np.ones((1, 2))
    alone = combine_indicators(z, np.eye(2)[None], both, np.ones_like(z)).z[0, 0, 0]
    same = combine_indicators(z, np.ones((1, 2, 2)), both, np.ones_like(z)).z[0, 0, 0]
    assert alone == pytest.approx(4 / np.sqrt(2))
    assert same == pytest.approx(2.0)


def test_combined_scores_of_drawn_channels_have_variance_one_and_the_stated_correlation() -> None:
    correlation = np.array([[1, 0.5, 0.2], [0.5, 1, 0.1], [0.2, 0.1, 1]])
    rng = np.random.default_rng(7)
    z = rng.multivariate_normal(np.zeros(3), correlation, 40_000)[None]
    found = combine_indicators(z, correlation[None], BELONG, information(z))
    assert np.cov(found.z[0].T) == pytest.approx(found.correlation[0, 0], abs=0.02)


def test_channel_without_evidence_is_missing_and_an_indicator_without_it_is_left_out() -> None:
    z = np.array([[[1.5, np.nan, np.nan]]])
    found = combine_indicators(z, np.eye(3)[None], BELONG, information(z))
    assert found.z[0, 0, 0] == pytest.approx(1.5)
    assert np.isnan(found.z[0, 0, 1])
    assert found.present[0, 0].tolist() == [True, False]


@given(st.floats(0, LARGEST_Z), st.integers(1, 4), st.floats(0, 0.9))
def test_one_brilliant_channel_never_carries_a_segment(z: float, others: int, rho: float) -> None:
    assert p_of([z, *[0.0] * others], 2, rho) == pytest.approx(0.5)
    assert p_of([z, *[-1.0] * others], 2, rho) > 0.5


def test_exactly_the_required_channels_rest_on_the_weakest_of_them() -> None:
    assert p_of([3.0, 1.2], 2) == pytest.approx(stats.norm.sf(1.2))
    assert p_of([5.0, 3.0, 0.7], 3) == pytest.approx(stats.norm.sf(0.7))


def test_two_of_four_drop_the_best_and_add_the_rest() -> None:
    rho, kept = 0.3, [2.0, 1.5, 1.0]
    expected = stats.norm.sf(sum(kept) / np.sqrt(3 + 3 * 2 * rho))
    assert p_of([4.0, *kept], 2, rho) == pytest.approx(expected)


def test_correlation_of_the_kept_alone_decides() -> None:
    correlation = np.eye(3)
    correlation[0, 1] = correlation[1, 0] = 0.9
    best_moves_along = Channels(
        np.array([[[3.0, 2.0, 1.0]]]), correlation[None, None], np.ones((1, 1, 3))
    )
    assert corroborated(best_moves_along, 2)[0][0, 0] == pytest.approx(
        stats.norm.sf(3 / np.sqrt(2))
    )
    kept_move_along = Channels(
        np.array([[[1.0, 2.0, 3.0]]]), correlation[None, None], np.ones((1, 1, 3))
    )
    assert corroborated(kept_move_along, 2)[0][0, 0] == pytest.approx(
        stats.norm.sf(3 / np.sqrt(2 + 2 * 0.9))
    )


def test_evidence_that_would_show_more_weighs_more() -> None:
    z, weight = np.array([[[3.0, 0.0]]]), np.array([[[4.0, 1.0]]])
    one = np.ones((1, 2))
    found = combine_indicators(z, np.eye(2)[None], one, weight)
    assert found.z[0, 0, 0] == pytest.approx(4 * 3 / np.sqrt(17))
    # What both would score together had the change happened in both.
    assert found.information[0, 0, 0] == pytest.approx(np.sqrt(17))


@given(st.lists(st.floats(0.01, 50), min_size=2, max_size=5), st.floats(-LARGEST_Z, LARGEST_Z))
def test_no_weight_lets_one_channel_carry_a_segment(weights: list[float], z: float) -> None:
    scores = np.array([z, *[0.0] * (len(weights) - 1)])[None, None]
    of = Channels(scores, np.eye(len(weights))[None, None], np.array(weights)[None, None])
    assert corroborated(of, 2)[0][0, 0] >= 0.5


@given(
    st.lists(st.floats(-5, 5), min_size=3, max_size=5),
    st.lists(st.floats(0.1, 20), min_size=5, max_size=5),
)
def test_losing_its_best_channel_never_helps(z: list[float], weights: list[float]) -> None:
    order = np.argsort(z)
    missing = np.array(z, dtype=float)
    missing[order[-1]] = np.nan

    def p(scores: Floats) -> float:
        present = ~np.isnan(scores)
        weight = np.where(present, weights[: len(z)], 0.0)[None, None]
        return float(
            corroborated(Channels(scores[None, None], np.eye(len(z))[None, None], weight), 2)[0][
                0, 0
            ]
        )

    assert p(missing) >= p(np.array(z, dtype=float)) - 1e-12 or p(missing) > 0.5


@pytest.mark.parametrize("required", [1, 2, 3])
def test_fewer_channels_than_required_prove_nothing(required: int) -> None:
    few = [8.0] * (required - 1)
    missing = [np.nan] * (5 - len(few))
    p, count = corroborated(channels([*few, *missing]), required)
    assert p[0, 0] == 1.0
    assert count[0, 0] == required - 1


@given(st.lists(st.floats(-8, 8), min_size=2, max_size=5), st.data())
def test_better_channel_never_raises_p(z: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(z) - 1))
    better = [*z[:place], z[place] + data.draw(st.floats(0, 5)), *z[place + 1 :]]
    assert p_of(better, 2, 0.3) <= p_of(z, 2, 0.3) + 1e-12


@given(st.lists(st.floats(-8, 8), min_size=2, max_size=5))
def test_asking_for_three_is_never_easier_than_for_two(z: list[float]) -> None:
    assert p_of(z, 3) >= p_of(z, 2) - 1e-12 or p_of(z, 2) > 0.5


def test_two_of_two_under_the_worst_null_errs_in_five_percent() -> None:
    rng = np.random.default_rng(11)
    z = rng.standard_normal((1, 60_000, 2))
    z[..., 0] += 40
    correlation = np.broadcast_to(np.eye(2), (1, 60_000, 2, 2))
    p, _ = corroborated(Channels(z, correlation, np.ones_like(z)), 2)
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.003)


def test_holm_needs_one_p_below_alpha_over_their_number() -> None:
    p, everything = np.array([[0.012, 0.5, 0.9, 0.9]]), np.ones((1, 4), dtype=bool)
    assert holm_any(p, everything, 0.05).all()
    assert not holm_any(p + 0.001, everything, 0.05).any()
    assert not holm_any(p * 0, np.zeros((1, 4), dtype=bool), 0.05).any()


def test_inverse_variance_mean_by_hand() -> None:
    estimate, variance = np.array([[[1.0, 3.0, np.nan]]]), np.array([[[0.5, 0.25, np.nan]]])
    correlation = np.array([[[1.0, 0.4, 0.5], [0.4, 1.0, 0.5], [0.5, 0.5, 1.0]]])
    mean, spread = inverse_variance_mean(
        estimate, variance, correlation, np.array([[1.0, 1, 1], [0, 0, 1]])
    )
    weight = np.array([2, 4]) / 6
    deviation = np.sqrt([0.5, 0.25])
    expected = (weight**2 * deviation**2).sum() + 2 * 0.4 * weight.prod() * deviation.prod()
    assert mean[0, 0, 0] == pytest.approx((2 * 1 + 4 * 3) / 6)
    assert spread[0, 0, 0] == pytest.approx(expected)
    assert np.isnan(mean[0, 0, 1])
    assert np.isnan(spread[0, 0, 1])


def test_mean_of_channels_by_hand() -> None:
    estimate, variance = np.array([[[1.0, 2.0, np.nan]]]), np.array([[[0.04, 0.16, np.nan]]])
    correlation = np.full((1, 1, 3, 3), 0.5)
    correlation[..., np.arange(3), np.arange(3)] = 1
    mean, spread = mean_of_channels(estimate, variance, correlation)
    assert mean[0, 0] == pytest.approx(1.5)
    assert spread[0, 0] == pytest.approx((0.04 + 0.16 + 2 * 0.5 * 0.2 * 0.4) / 4)
    nothing, unknown = mean_of_channels(estimate * np.nan, variance, correlation)
    assert np.isnan([nothing[0, 0], unknown[0, 0]]).all()


def test_upper_tail_is_that_of_the_normal() -> None:
    z: Floats = np.array([-3.0, 0.0, 1.96, 12.0])
    assert upper_tail(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)
