"""Funnels: their limits by a second way, over-dispersion of a planted size, and their ends."""

from dataclasses import astuple
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy import stats

from worker.stats.funnel import Ratio, dispersion, funnel, poisson_limits, quantile
from worker.stats.panel import MEAN, PROPORTION, RATE, Floats
from worker.stats.segment_funnels import SegmentFunnels, segment_funnels

MEASURE = np.array([PROPORTION, RATE, MEAN])
SIGN = np.array([1.0, -1.0, 1.0])


def array(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=float)


@pytest.mark.parametrize("expected", [0.5, 3.0, 40.0])
def test_poisson_limits_leave_their_share_outside(expected: float) -> None:
    limits = poisson_limits(array([expected]))
    for end, tail in ((limits.upper_95, 0.025), (limits.upper_998, 0.001)):
        assert stats.gamma.sf(end * expected, expected + 1) == pytest.approx([tail])
    for end, tail in ((limits.lower_95, 0.025), (limits.lower_998, 0.001)):
        assert stats.gamma.cdf(end * expected, expected) == pytest.approx([tail])


def test_proportions_by_hand() -> None:
    of = funnel(array([30, 60, 45]), array([100, 100, 100]), Ratio.PROPORTION)
    assert of.target == pytest.approx(0.45)
    angle = np.arcsin(np.sqrt([0.3, 0.6, 0.45])) - np.arcsin(np.sqrt(0.45))
    assert of.z == pytest.approx(angle * 20)
    assert of.plain.upper_95 == pytest.approx([0.5478] * 3, abs=5e-4)  # 0.45 + 1.96 x 0.0497.
    # Of three units, the tenth and the ninetieth percentile lie a fifth of the way in.
    low, middle, high = np.sort(of.z)
    trimmed = np.array([low + 0.2 * (middle - low), middle, high - 0.2 * (high - middle)])
    assert np.sort(of.dispersion.trimmed) == pytest.approx(trimmed)
    assert of.dispersion.phi == pytest.approx((trimmed**2).mean())
    weight = np.full(3, 400.0)
    moment = ((trimmed**2).sum() - 2) / (weight.sum() - (weight**2).sum() / weight.sum())
    assert of.dispersion.tau2 == pytest.approx(moment)


def test_funnel_narrows_with_size_and_stays_between_0_and_1() -> None:
    of = funnel(array([9, 90, 900]), array([10, 100, 1000]), Ratio.PROPORTION)
    assert (np.diff(of.plain.upper_998) < 0).all()
    assert (np.diff(of.plain.lower_998) > 0).all()
    assert of.plain.upper_998[0] == 1.0
    # Equal levels are no dispersion: adjusted limits are those of chance.
    assert of.dispersion.tau2 == 0
    np.testing.assert_allclose(astuple(of.adjusted), astuple(of.plain))


def test_log_scale_leaves_the_ends_out_and_survives_a_unit_without_events() -> None:
    x = array([0, *range(30, 50)])
    of = funnel(x, np.full(21, 40.0), Ratio.STANDARDISED_LOG)
    assert of.z[0] == -np.inf
    left_out = np.isnan(of.dispersion.trimmed)
    assert left_out.tolist() == [True, True, *[False] * 17, True, True]
    assert np.isfinite([of.dispersion.phi, of.dispersion.tau2]).all()


def test_equal_scores_share_their_rank() -> None:
    spread = dispersion(array([1, 1, 1, 1, 1, 1]), np.ones(6), 0.25, leave_out=True)
    assert spread.trimmed.tolist() == [1] * 6


@pytest.mark.parametrize("kind", list(Ratio))
@pytest.mark.parametrize(
    ("x", "n"), [([], []), ([np.nan, np.nan], [5, 5]), ([3, 2], [0, 0]), ([-1, 1], [4, np.nan])]
)
def test_no_units_have_no_funnel(kind: Ratio, x: list[float], n: list[float]) -> None:
    of = funnel(array(x), array(n), kind)
    assert np.isnan(of.dispersion.phi)
    assert of.dispersion.tau2 == 0
    assert np.isnan(of.adjusted.upper_95).all()
    assert not of.outlier.any()


@given(st.sampled_from(Ratio), st.integers(1, 300), st.integers(1, 300))
def test_one_unit_shows_no_variance_between_units(kind: Ratio, x: int, more: int) -> None:
    of = funnel(array([x, np.nan]), array([x + more, 3]), kind)
    assert of.dispersion.tau2 == 0
    assert np.isfinite(of.plain.upper_998).tolist() == [True, False]


@pytest.mark.parametrize("trim", [0.0, 0.5, -0.1])
def test_trimming_is_between_none_and_half(trim: float) -> None:
    with pytest.raises(ValueError, match="one half"):
        funnel(array([1, 2]), array([3, 4]), Ratio.COUNTS, trim)


@given(
    st.lists(st.floats(-100, 100) | st.just(np.nan), max_size=12),
    st.floats(0.01, 0.99),
)
def test_quantile_is_the_linear_one_of_what_is_there(values: list[float], share: float) -> None:
    known = [value for value in values if not np.isnan(value)]
    expected = np.quantile(known, share) if known else np.nan
    found = quantile(array([*values, np.nan]), share)
    assert found == pytest.approx(expected, nan_ok=True, abs=1e-9)


@pytest.mark.parametrize("kind", [Ratio.PROPORTION, Ratio.STANDARDISED_ROOT])
def test_planted_variance_between_units_is_found(kind: Ratio) -> None:
    rng = np.random.default_rng(4)
    n = rng.integers(200, 2000, (200, 60)).astype(float)
    scaled = np.sqrt(0.5) * np.ones_like(n)
    if kind is Ratio.PROPORTION:
        planted = 0.05
        x = rng.binomial(
            n.astype(int), np.sin(np.arcsin(scaled) + planted * rng.standard_normal(n.shape)) ** 2
        )
    else:
        planted = 0.1
        x = rng.poisson(n * (1 + planted * rng.standard_normal(n.shape)) ** 2)
    found = funnel(x.astype(float), n, kind, 0.001).dispersion
    assert (found.phi > 1).all()
    assert np.sqrt(found.tau2.mean()) == pytest.approx(planted, rel=0.06)


def window(rng: np.random.Generator, segments: int, apart: float) -> tuple[Floats, Floats, Floats]:
    """Sums of a window, [2, g, 3], of segments that lie apart by more or less than chance."""
    shape = (2, segments, 3)
    n = rng.integers(2, 80, shape).astype(float)
    level = np.clip(0.4 + apart * rng.standard_normal(shape), 0.01, 0.99)
    x = np.where(MEASURE == RATE, rng.poisson(level * n), rng.binomial(n.astype(int), level))
    x[..., 2] = n[..., 2] * 3 + np.round(8 * level[..., 2] * n[..., 2])
    squares = np.where(MEASURE == MEAN, x**2 / n + n * rng.uniform(0.5, 1.5, shape), 0.0)
    return x.astype(float), n, squares


def parts(of: SegmentFunnels) -> list[Floats]:
    return [of.value, *astuple(of.limits), of.better, of.worse]


@st.composite
def windows(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x, n, squares = window(rng, draw(st.integers(1, 15)), draw(st.sampled_from([0, 0.05, 0.3])))
    keep = rng.random(x.shape) >= draw(st.sampled_from([0.0, 0.3]))
    return x * keep, n * keep, squares * keep


@given(windows(), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_permuting_segments_permutes_the_funnel(
    of: tuple[Floats, Floats, Floats], random: Random
) -> None:
    order = np.array(random.sample(range(of[0].shape[1]), of[0].shape[1]))
    straight = segment_funnels(*of, MEASURE, SIGN)
    x, n, squares = (part[:, order] for part in of)
    moved = segment_funnels(x, n, squares, MEASURE, SIGN)
    for left, right in zip(parts(moved), parts(straight), strict=True):
        np.testing.assert_allclose(left, right[:, order], rtol=1e-9)


@given(windows())
@settings(max_examples=50)
def test_batch_equals_one_alone(of: tuple[Floats, Floats, Floats]) -> None:
    together = segment_funnels(*of, MEASURE, SIGN)
    for b, i in np.ndindex(2, 3):
        at = slice(b, b + 1), slice(None), slice(i, i + 1)
        x, n, squares = (part[at] for part in of)
        alone = segment_funnels(x, n, squares, MEASURE[at[2]], SIGN[at[2]])
        for left, right in zip(parts(alone), parts(together), strict=True):
            np.testing.assert_allclose(left, right[at], rtol=1e-12)


@given(windows())
@settings(max_examples=50)
def test_turning_the_sign_swaps_better_and_worse(of: tuple[Floats, Floats, Floats]) -> None:
    one, other = (segment_funnels(*of, MEASURE, sign) for sign in (SIGN, -SIGN))
    np.testing.assert_array_equal(one.better, other.worse)
    np.testing.assert_array_equal(one.worse, other.better)
    assert not (one.better & one.worse).any()


@given(windows())
@settings(max_examples=50)
def test_over_dispersion_only_ever_widens(of: tuple[Floats, Floats, Floats]) -> None:
    x, n, squares = of
    found = segment_funnels(x, n, squares, MEASURE, SIGN)
    few = (n > 0).sum(1) < 10
    assert not found.overdispersed[few].any()
    low, high = found.limits.lower_998, found.limits.upper_998
    seen = n > 0
    plain = funnel(
        np.moveaxis(x[..., 0], 1, -1), np.moveaxis(n[..., 0], 1, -1), Ratio.PROPORTION
    ).plain
    assert (low[..., 0] <= plain.lower_998)[seen[..., 0]].all()
    assert (high[..., 0] >= plain.upper_998)[seen[..., 0]].all()
    narrow = ~found.overdispersed[:, 0]
    np.testing.assert_array_equal(high[narrow, :, 0], plain.upper_998[narrow])


@pytest.mark.parametrize(("segments", "over"), [(9, False), (10, True)])
def test_over_dispersion_counts_from_ten_segments(segments: int, over: bool) -> None:
    x, n, squares = window(np.random.default_rng(1), segments, 0.3)
    found = segment_funnels(x, n, squares, MEASURE, SIGN)
    assert (found.overdispersed == over).all()
    of = funnel(x[..., 0], n[..., 0], Ratio.PROPORTION)
    drawn = of.adjusted if over else of.plain
    np.testing.assert_allclose(found.limits.upper_998[..., 0], drawn.upper_998)
    np.testing.assert_allclose(found.limits.lower_95[..., 0], drawn.lower_95)


def test_means_by_hand() -> None:
    # Two segments of 4 values each, 2 and 4 on average, variance within 2: errors of 0.7071.
    x, n = array([[[8], [16]]]), np.full((1, 2, 1), 4.0)
    found = segment_funnels(x, n, x**2 / n + 6, np.array([MEAN]), np.ones(1))
    assert found.limits.upper_95[0, :, 0] == pytest.approx([3 + 1.959964 * np.sqrt(0.5)] * 2)
    assert found.limits.lower_998[0, :, 0] == pytest.approx([3 - 3.090232 * np.sqrt(0.5)] * 2)


def test_the_segment_that_lies_apart_is_named() -> None:
    x = array([[[450, 20, 450]] * 5 + [[300, 60, 200]]])
    n = np.full((1, 6, 3), 500.0)
    n[..., 1], n[..., 2] = 4.0, 100.0
    squares = x**2 / n + n
    found = segment_funnels(x, n, squares, MEASURE, SIGN)
    assert found.worse[0].tolist() == [[False] * 3] * 5 + [[True] * 3]
    assert found.centre == pytest.approx(array([[2550 / 3000, 160 / 24, 2450 / 600]]))


def test_means_with_one_value_each_have_no_limits() -> None:
    x = array([[[3.0], [4.0]]])
    found = segment_funnels(x, np.ones_like(x), x**2, np.array([MEAN]), np.ones(1))
    assert found.centre == pytest.approx(array([[3.5]]))
    assert np.isnan(found.limits.upper_998).all()
    assert not (found.better | found.worse).any()


def test_no_events_anywhere_are_nothing_to_stand_out_from() -> None:
    n = np.full((1, 12, 3), 30.0)
    nothing = np.zeros_like(n)
    found = segment_funnels(nothing, n, nothing, MEASURE, SIGN)
    assert found.centre == pytest.approx(np.zeros((1, 3)))
    assert found.limits.upper_998[0, :, 1].tolist() == [0] * 12
    assert not (found.better | found.worse | found.overdispersed[:, None]).any()


@pytest.mark.parametrize("segments", [0, 3])
def test_nothing_at_all_has_no_funnel(segments: int) -> None:
    nothing = np.zeros((2, segments, 3))
    found = segment_funnels(nothing, nothing, nothing, MEASURE, SIGN)
    assert np.isnan(found.value).all()
    assert np.isnan(found.centre).all()
    assert all(np.isnan(limit).all() for limit in astuple(found.limits))
    assert not (found.better | found.worse).any()
