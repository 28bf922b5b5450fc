"""Effects on the test scale and the display scale against textbook forms and other programs."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import contingency, norm

from tests.stats.panels import One, indicators, sums
from tests.stats.vectors import cases
from worker.stats import effects
from worker.stats.panel import MEAN, PROPORTION, RATE

SPREAD = np.ones((1, 1))


def effect(
    x0: Any, n0: Any, x1: Any, n1: Any, measure: int = PROPORTION, spread: float = 1.0
) -> tuple[float, float]:
    found = effects.test_effect(
        indicators(One(measure=measure)), sums(x0, n0), sums(x1, n1), spread * SPREAD
    )
    return float(found.estimate[0, 0, 0]), float(found.variance[0, 0, 0])


def mantel_haenszel(x0: list[int], n0: list[int], x1: list[int], n1: list[int]) -> tuple[Any, Any]:
    """Odds ratio and variance of its logarithm in exact fractions, by the published sums."""
    parts = []
    for before, size_before, after, size_after in zip(x0, n0, x1, n1, strict=True):
        a, b = Fraction(after), Fraction(size_after - after)
        c, d = Fraction(before), Fraction(size_before - before)
        total = a + b + c + d
        parts.append((a * d / total, b * c / total, (a + d) / total, (b + c) / total))
    r, s = sum(part[0] for part in parts), sum(part[1] for part in parts)
    variance = (
        sum(p * each_r for each_r, _, p, _ in parts) / (2 * r * r)
        + sum(p * each_s + q * each_r for each_r, each_s, p, q in parts) / (2 * r * s)
        + sum(q * each_s for _, each_s, _, q in parts) / (2 * s * s)
    )
    return r / s, variance


def test_one_stratum_gives_the_sample_odds_ratio_and_woolfs_interval() -> None:
    estimate, variance = effect(30, 100, 45, 110)
    oracle = contingency.odds_ratio([[45, 65], [30, 70]], kind="sample")
    interval = oracle.confidence_interval(0.95)
    half = norm.isf(0.025) * np.sqrt(variance)
    assert np.exp(estimate) == pytest.approx(oracle.statistic, rel=1e-12)
    assert np.exp([estimate - half, estimate + half]) == pytest.approx(
        [interval.low, interval.high], rel=1e-9
    )


def test_admissions_of_berkeley_give_the_published_common_odds_ratio() -> None:
    men, men_of = [512, 353, 120, 138, 53, 22], [825, 560, 325, 417, 191, 373]
    women, women_of = [89, 17, 202, 131, 94, 24], [108, 25, 593, 375, 393, 341]
    estimate, variance = effect(women, women_of, men, men_of)
    half = norm.isf(0.025) * np.sqrt(variance)
    assert np.exp(estimate) == pytest.approx(0.9046968, abs=5e-8)
    assert np.exp([estimate - half, estimate + half]) == pytest.approx(
        [0.7719074, 1.0603298], abs=5e-8
    )


def test_three_strata_give_mantel_haenszel_with_the_variance_of_robins_breslow_greenland() -> None:
    x0, n0, x1, n1 = [5, 12, 0], [20, 60, 9], [9, 30, 2], [25, 70, 30]
    ratio, of_log = mantel_haenszel(x0, n0, x1, n1)
    estimate, variance = effect(x0, n0, x1, n1)
    assert np.exp(estimate) == pytest.approx(float(ratio), rel=1e-12)
    assert variance == pytest.approx(float(of_log), rel=1e-12)


@pytest.mark.parametrize("case", cases("mantelhaen"))
def test_strata_combine_as_in_r(case: Any) -> None:
    given, expected = case["input"], case["expected"]
    estimate, variance = effect(
        given["x_before"], given["n_before"], given["x_after"], given["n_after"]
    )
    half = norm.isf(0.025) * np.sqrt(variance)
    assert np.exp([estimate, estimate - half, estimate + half]) == pytest.approx(
        [expected["mh_or"], expected["mh_or_lb"], expected["mh_or_ub"]], rel=1e-7
    )


def is_ratio(case: Any) -> bool:
    """Odds and rate ratios; the other measures of the set are no effects of ours."""
    return case["input"]["measure"] in {"OR", "IRR"}


@pytest.mark.parametrize("case", cases("escalc_metafor", is_ratio))
def test_single_tables_without_zero_cells_agree_with_metafor(case: Any) -> None:
    given, expected = case["input"], case["expected"]
    if given["measure"] == "OR" and "bi" in given:
        rows = zip(given["ai"], given["bi"], given["ci"], given["di"], strict=True)
        tables = [(PROPORTION, c, c + d, a, a + b) for a, b, c, d in rows]
    elif given["measure"] == "OR":
        rows = zip(given["ci"], given["n2i"], given["ai"], given["n1i"], strict=True)
        tables = [(PROPORTION, *row) for row in rows]
    else:
        rows = zip(given["x2i"], given["t2i"], given["x1i"], given["t1i"], strict=True)
        tables = [(RATE, *row) for row in rows]
    for (measure, x0, n0, x1, n1), yi, vi in zip(
        tables, expected["yi"], expected["vi"], strict=True
    ):
        smallest = min(x0, x1, *((n0 - x0, n1 - x1) if measure == PROPORTION else ()))
        if smallest > 0:  # Where a cell is 0 the correction is ours, not half an event.
            assert effect(x0, n0, x1, n1, measure) == pytest.approx((yi, vi), rel=1e-9)


def test_one_stratum_of_rates_gives_the_log_ratio_and_the_sum_of_reciprocal_counts() -> None:
    assert effect(20, 10.0, 12, 11.0, RATE) == pytest.approx(
        (np.log(12 / 11 / (20 / 10)), 1 / 20 + 1 / 12), rel=1e-12
    )


def test_strata_of_rates_combine_by_greenland_and_robins() -> None:
    x0, e0, x1, e1 = [4, 9, 2], [10, 30, 8], [7, 5, 3], [12, 33, 5]
    r = s = above = Fraction(0)
    for before, time_before, after, time_after in zip(x0, e0, x1, e1, strict=True):
        time = time_before + time_after
        r += Fraction(after * time_before, time)
        s += Fraction(before * time_after, time)
        above += Fraction((before + after) * time_before * time_after, time**2)
    assert effect(x0, e0, x1, e1, RATE) == pytest.approx(
        (np.log(float(r / s)), float(above / (r * s))), rel=1e-12
    )


def test_mean_difference_of_one_stratum_has_the_variance_of_two_means() -> None:
    assert effect(75.0, 20, 60.0, 15, MEAN, spread=0.81) == pytest.approx(
        (60 / 15 - 75 / 20, 0.81 / 20 + 0.81 / 15), rel=1e-12
    )


def test_mean_difference_of_strata_is_the_least_squares_effect_of_the_window() -> None:
    levels = {(0, 0): 3.1, (0, 1): 3.6, (1, 0): 4.0, (1, 1): 4.4}
    sizes = {(0, 0): 5, (0, 1): 9, (1, 0): 8, (1, 1): 3}
    rows = [
        (value, stratum, window)
        for (stratum, window), value in levels.items()
        for _ in range(sizes[stratum, window])
    ]
    design = np.array([[s == 0, s == 1, w] for _, s, w in rows], dtype=float)
    values = np.array([value for value, _, _ in rows])
    solved = np.linalg.lstsq(design, values, rcond=None)[0][2]
    of_solved = 0.7 * np.linalg.inv(design.T @ design)[2, 2]
    found = effect(
        [levels[s, 0] * sizes[s, 0] for s in (0, 1)], [sizes[s, 0] for s in (0, 1)],
        [levels[s, 1] * sizes[s, 1] for s in (0, 1)], [sizes[s, 1] for s in (0, 1)],
        MEAN, 0.7,
    )  # fmt: skip
    assert found == pytest.approx((solved, of_solved), rel=1e-10)


sizes = st.lists(st.integers(1, 4000), min_size=1, max_size=4)


@given(sizes, sizes, st.sampled_from([PROPORTION, RATE]))
def test_nothing_against_nothing_is_exactly_no_change(
    n0: list[int], n1: list[int], measure: int
) -> None:
    k = min(len(n0), len(n1))
    estimate, variance = effect([0] * k, n0[:k], [0] * k, n1[:k], measure)
    assert estimate == 0
    assert variance > 0


@given(sizes, sizes)
def test_perfect_against_perfect_is_exactly_no_change(n0: list[int], n1: list[int]) -> None:
    k = min(len(n0), len(n1))
    estimate, variance = effect(n0[:k], n0[:k], n1[:k], n1[:k])
    assert estimate == 0
    assert variance > 0


@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 90), st.integers(1, 90)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([PROPORTION, RATE, MEAN]),
)
def test_equal_rates_are_exactly_no_change_whatever_the_lengths(
    strata: list[tuple[int, int, int, int]], measure: int
) -> None:
    x0, n0, x1, n1 = [], [], [], []
    for part, whole, before, after in strata:
        of = max(part, whole)
        x0.append(part * before * (0.01 if measure == MEAN else 1))
        n0.append(of * before)
        x1.append(part * after * (0.01 if measure == MEAN else 1))
        n1.append(of * after)
    assert effect(x0, n0, x1, n1, measure)[0] == 0
    shown = effects.display_effect(
        indicators(One(measure=measure)), sums(x0, n0), sums(x1, n1), SPREAD
    )
    assert shown.estimate[0, 0, 0] == 0


def test_few_after_none_is_a_change_that_knows_little() -> None:
    estimate, variance = effect(0, 200, 3, 100)
    assert estimate > 0
    assert variance > 1


def test_strata_without_both_windows_say_nothing() -> None:
    alone = effect([5, 9], [50, 0], [9, 0], [60, 40])
    assert alone == pytest.approx(effect(5, 50, 9, 60))
    assert np.isnan(effect([5, 0], [50, 0], [0, 3], [0, 20])).all()


def test_display_effect_is_the_change_in_meaningful_changes_with_the_better_way_up() -> None:
    one = indicators(One(sign=-1, meaningful=0.01))
    shown = effects.display_effect(one, sums(60, 2000), sums(17, 1000), SPREAD)
    p0, p1 = 60.5 / 2001, 17.5 / 1001
    assert shown.estimate[0, 0, 0] == pytest.approx((0.030 - 0.017) / 0.01)
    assert shown.variance[0, 0, 0] == pytest.approx(
        (p0 * (1 - p0) / 2000 + p1 * (1 - p1) / 1000) / 0.01**2
    )


def test_change_of_mix_between_strata_is_no_change_of_level() -> None:
    one = indicators(One())
    before, after = sums([80, 10], [100, 20]), sums([16, 100], [20, 200])
    assert effects.display_effect(one, before, after, SPREAD).estimate[0, 0, 0] == 0
    assert effects.test_effect(one, before, after, SPREAD).estimate[0, 0, 0] == 0
