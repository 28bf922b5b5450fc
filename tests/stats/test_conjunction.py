"""The breadth bound against other programs and against closed testing written out in full."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.vectors import cases
from worker.stats.conjunction import (
    hommel_adjusted,
    least_share,
    lower_bound,
    partial_conjunction,
    simultaneous_bound,
)
from worker.stats.rounding import rounded

REFERENCE = cases("breadth_partial_conjunction")
ALPHA = 0.05


def closed_testing(p: list[float], alpha: float) -> list[set[int]]:
    """Every intersection that Simes rejects in closed testing, by trying all of them."""
    every = [set(c) for size in range(1, len(p) + 1) for c in combinations(range(len(p)), size)]

    def simes(of: set[int]) -> bool:
        ordered = sorted(p[one] for one in of)
        return any(
            len(of) * each / (at + 1) <= alpha * (1 + 1e-11) for at, each in enumerate(ordered)
        )

    local = {frozenset(of): simes(of) for of in every}
    return [of for of in every if all(local[frozenset(over)] for over in every if of <= over)]


def bound_by_closed_testing(p: list[float], chosen: set[int], alpha: float) -> int:
    """Size of the chosen less that of the largest part of them that is not rejected."""
    rejected = closed_testing(p, alpha)
    left = [
        size
        for size in range(1, len(chosen) + 1)
        for part in combinations(sorted(chosen), size)
        if set(part) not in rejected
    ]
    return len(chosen) - max(left, default=0)


def row(p: list[float]) -> Any:
    return np.array([p])


@pytest.mark.parametrize("case", REFERENCE)
def test_partial_conjunction_agrees_with_adafilter(case: Any) -> None:
    expected = np.minimum(case["expected"]["pc_simes"], 1.0)
    assert partial_conjunction(row(case["input"]["p"]))[0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("case", REFERENCE)
def test_lower_bound_agrees_with_hommel_and_cherry(case: Any) -> None:
    for bounds in case["expected"]["lower_bounds"].values():
        found = lower_bound(row(case["input"]["p"]), bounds["alpha"])[0]
        assert found == bounds["hommel_simes_discoveries"] == bounds["cherry_pickSimes"]


@pytest.mark.parametrize("case", REFERENCE)
def test_hommels_adjustment_agrees_with_r(case: Any) -> None:
    expected = case["expected"]["hommel_adjusted"]
    assert hommel_adjusted(row(case["input"]["p"]))[0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("case", REFERENCE)
def test_bound_of_half_the_segments_agrees_with_hommel(case: Any) -> None:
    p, half = np.array(case["input"]["p"]), case["expected"]["subset_first_half"]
    chosen = np.isin(np.arange(1, len(p) + 1), half["index1"])
    assert simultaneous_bound(p, chosen, ALPHA) == half["simes_discoveries_0.05"]


p_values = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.0125, 0.025, 0.05, 0.5, 1.0])),
    min_size=1,
    max_size=5,
)


@given(p_values)
def test_bound_is_that_of_closed_testing_over_all_intersections(p: list[float]) -> None:
    everyone = set(range(len(p)))
    assert lower_bound(row(p), ALPHA)[0] == bound_by_closed_testing(p, everyone, ALPHA)


@given(p_values)
def test_named_are_those_whose_every_intersection_is_rejected(p: list[float]) -> None:
    named = {one for one in range(len(p)) if {one} in closed_testing(p, ALPHA)}
    assert set(np.flatnonzero(rounded(hommel_adjusted(row(p))[0]) <= ALPHA)) == named
    assert len(named) <= lower_bound(row(p), ALPHA)[0]


@given(p_values, st.data())
def test_bound_of_any_subset_is_that_of_closed_testing(p: list[float], data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(p) - 1)))
    mask = np.isin(np.arange(len(p)), sorted(chosen))
    found = simultaneous_bound(np.array(p), mask, ALPHA)
    assert found == bound_by_closed_testing(p, chosen, ALPHA)
    assert found <= min(len(chosen), lower_bound(row(p), ALPHA)[0])


many = st.lists(st.floats(0, 1), min_size=1, max_size=14)


@given(many, st.randoms(use_true_random=False))
def test_order_of_segments_is_nothing_to_the_bound(p: list[float], random: Any) -> None:
    order = list(range(len(p)))
    random.shuffle(order)
    shuffled = [p[one] for one in order]
    assert lower_bound(row(p), ALPHA) == lower_bound(row(shuffled), ALPHA)
    assert hommel_adjusted(row(shuffled))[0] == pytest.approx(hommel_adjusted(row(p))[0][order])


@given(many, st.data())
def test_smaller_p_never_lowers_the_bound(p: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(p) - 1))
    smaller = [*p[:place], p[place] * data.draw(st.floats(0, 1)), *p[place + 1 :]]
    assert lower_bound(row(smaller), ALPHA)[0] >= lower_bound(row(p), ALPHA)[0]


@given(many)
def test_bound_lies_between_nothing_and_all(p: list[float]) -> None:
    assert 0 <= lower_bound(row(p), ALPHA)[0] <= len(p)


@given(many)
def test_segment_without_evidence_never_raises_the_bound(p: list[float]) -> None:
    assert lower_bound(row([*p, 1.0]), ALPHA)[0] <= lower_bound(row(p), ALPHA)[0]
    for place in range(len(p)):
        silent = [*p[:place], 1.0, *p[place + 1 :]]
        assert lower_bound(row(silent), ALPHA)[0] <= lower_bound(row(p), ALPHA)[0]


@given(st.floats(0, 1), st.integers(0, 12))
def test_one_brilliant_segment_among_silent_ones_proves_one(p: float, others: int) -> None:
    assert lower_bound(row([p * 1e-30, *[1.0] * others]), ALPHA)[0] == 1


@given(many)
def test_one_more_segment_however_sure_adds_one_at_most(p: list[float]) -> None:
    assert lower_bound(row([0.0, *p]), ALPHA)[0] <= 1 + lower_bound(row(p), ALPHA)[0]


@given(many, st.integers(1, 5))
def test_padding_is_not_counted(p: list[float], padding: int) -> None:
    padded = row([*p, *[np.nan] * padding])
    assert lower_bound(padded, ALPHA) == lower_bound(row(p), ALPHA)
    assert partial_conjunction(padded)[0][: len(p)] == pytest.approx(partial_conjunction(row(p))[0])
    assert np.isnan(partial_conjunction(padded)[0][len(p) :]).all()
    assert np.isnan(hommel_adjusted(padded)[0][len(p) :]).all()


def test_rows_of_different_length_and_each_alone_are_adjusted_alike() -> None:
    rng = np.random.default_rng(11)
    p = np.where(rng.random((40, 7)) < 0.3, np.nan, rng.random((40, 7)) ** 4)
    adjusted = hommel_adjusted(p)
    for one, found in zip(p, adjusted, strict=True):
        seen = ~np.isnan(one)
        assert np.isnan(found[~seen]).all()
        if seen.any():
            assert found[seen] == pytest.approx(hommel_adjusted(one[None, seen])[0])


def test_a_service_without_segments_has_bound_zero() -> None:
    assert lower_bound(np.empty((2, 0)), ALPHA).tolist() == [0, 0]
    assert lower_bound(row([np.nan, np.nan]), ALPHA).tolist() == [0]
    assert hommel_adjusted(np.empty((2, 0))).shape == (2, 0)
    assert simultaneous_bound(np.array([0.001]), np.array([False]), ALPHA) == 0


def test_each_service_is_held_to_its_own_level() -> None:
    p = np.array([[0.02, 0.9], [0.02, 0.9]])
    assert lower_bound(p, np.array([0.05, 0.03])).tolist() == [1, 0]


def test_share_of_care_is_the_smallest_that_the_claim_can_mean() -> None:
    share, named = np.array([0.4, 0.3, 0.2, 0.1]), np.array([False, True, False, False])
    assert least_share(share, named, 0) == pytest.approx(0.3)
    assert least_share(share, named, 1) == pytest.approx(0.3)
    assert least_share(share, named, 2) == pytest.approx(0.4)
    assert least_share(share, named, 4) == pytest.approx(1.0)
