"""Control limits: worked by hand, by a second way, and at the ends where nothing can be known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.series import series
from worker.stats.panel import Floats
from worker.stats.spc import (
    MEAN_RANGE,
    above,
    mean_moving_range,
    p_limits,
    rebased,
    u_limits,
    xmr_limits,
)

ALWAYS = np.array(True)


def line(of: Floats) -> float:
    """The one value of a line that is the same in every month."""
    assert (of == of[0]).all()
    return float(of[0])


@pytest.mark.parametrize(
    ("values", "mean_range"),
    [
        ("5 7 6 8", 5 / 3),
        ("5 ? 7 6 8", 1.5),  # Not |7 - 5| over the gap.
        ("5 ? 7 ? 8", np.nan),
        ("5", np.nan),
        ("?", np.nan),
        ("4 4 4 4", 0),
        ("? ? ?", np.nan),
    ],
)
def test_no_moving_range_is_taken_across_a_missing_month(values: str, mean_range: float) -> None:
    found = mean_moving_range(series(values), ALWAYS)
    assert found == pytest.approx(mean_range, nan_ok=True)


def test_outlying_moving_ranges_are_screened_once() -> None:
    values = series("5 6 5 6 5 6 5 6 40 39 40")
    # Ranges: seven of 1, one of 34, two of 1; their mean is 4.3 and 34 is beyond 3.267 of it.
    assert mean_moving_range(values, ALWAYS) == pytest.approx(4.3)
    assert mean_moving_range(values, ALWAYS, screened=True) == pytest.approx(1.0)


def test_xmr_limits_are_266_mean_moving_ranges_from_the_mean() -> None:
    limits = xmr_limits(series("5 7 6 8"), ALWAYS)
    assert line(limits.centre) == pytest.approx(6.5)
    assert line(limits.lower) == pytest.approx(6.5 - 2.66 * 5 / 3)
    assert line(limits.upper) == pytest.approx(6.5 + 2.66 * 5 / 3)
    assert line(limits.near_upper) == pytest.approx(6.5 + 2 * 2.66 / 3 * 5 / 3)
    assert line(limits.near_lower) == pytest.approx(6.5 - 2 * 2.66 / 3 * 5 / 3)


@pytest.mark.parametrize("screened", [False, True])
def test_constant_series_has_limits_equal_to_its_mean(screened: bool) -> None:
    limits = xmr_limits(series("0.1 0.1 0.1 ? 0.1"), ALWAYS, screened=screened)
    for of in (limits.lower, limits.centre, limits.upper):
        assert line(of) == pytest.approx(0.1)


def test_months_after_those_that_fix_the_limits_do_not_move_them() -> None:
    fixing = np.arange(6) < 4
    limits = xmr_limits(series("5 7 6 8 90 -90"), fixing)
    assert line(limits.centre) == pytest.approx(6.5)
    assert line(limits.upper) == pytest.approx(6.5 + 2.66 * 5 / 3)


@pytest.mark.parametrize(("values", "centre"), [("7", 7.0), ("? 7 ?", 7.0), ("? ? ?", np.nan)])
def test_fewer_than_two_neighbouring_months_have_no_limits(values: str, centre: float) -> None:
    limits = xmr_limits(series(values), ALWAYS)
    assert limits.centre == pytest.approx(centre, nan_ok=True)
    assert np.isnan(limits.lower).all()
    assert np.isnan(limits.upper).all()


def test_p_chart_by_hand() -> None:
    limits = p_limits(series("10 8 12"), series("100 100 400"), np.array([True, True, False]))
    assert limits.centre == pytest.approx([0.09] * 3)
    sigma = np.sqrt(0.09 * 0.91 / np.array([100, 100, 400]))
    assert limits.upper == pytest.approx(0.09 + 3 * sigma)
    assert limits.lower == pytest.approx(0.09 - 3 * sigma)
    assert p_limits(series("1"), series("50"), ALWAYS).lower == pytest.approx([0.0])
    assert p_limits(series("49"), series("50"), ALWAYS).upper == pytest.approx([1.0])


def test_u_chart_by_hand() -> None:
    limits = u_limits(series("4 6"), series("2 3"), ALWAYS)
    assert limits.centre == pytest.approx([2, 2])
    assert limits.upper == pytest.approx([2 + 3, 2 + 3 * np.sqrt(2 / 3)])
    assert limits.lower == pytest.approx([0, 0])


counts = st.lists(st.integers(0, 40), min_size=3, max_size=24)


@given(counts, st.sampled_from([p_limits, u_limits]))
def test_laneys_chart_of_equal_sizes_is_the_chart_of_single_values(
    numbers: list[int], of: type
) -> None:
    x, n = np.array(numbers, dtype=float), np.full(len(numbers), 40.0)
    ceiling = 1.0 if of is p_limits else np.inf
    single = xmr_limits(x / n, ALWAYS, width=3 / MEAN_RANGE)
    laney = of(x, n, ALWAYS, prime=True)
    assert laney.centre == pytest.approx(single.centre)
    assert laney.lower == pytest.approx(np.clip(single.lower, 0, ceiling), abs=1e-12)
    assert laney.upper == pytest.approx(np.clip(single.upper, 0, ceiling), abs=1e-12)


@pytest.mark.parametrize(("x", "centre"), [("0 0 0", 0.0), ("20 30 20", 1.0)])
def test_nothing_but_failures_or_successes_has_limits_equal_to_the_centre(
    x: str, centre: float
) -> None:
    limits = p_limits(series(x), series("20 30 20"), ALWAYS, prime=True)
    for of in (limits.lower, limits.centre, limits.upper):
        assert of == pytest.approx([centre] * 3)


def test_months_without_trials_have_a_centre_and_no_limits() -> None:
    limits = p_limits(series("1 0 2 1"), series("10 0 10 10"), ALWAYS, prime=True)
    assert limits.centre == pytest.approx([4 / 30] * 4)
    assert np.isnan(limits.upper).tolist() == [False, True, False, False]
    nothing = u_limits(series("0 0"), series("0 0"), ALWAYS)
    assert np.isnan(nothing.centre).all()
    assert np.isnan(nothing.upper).all()


def test_limits_start_anew_at_a_rebase() -> None:
    values = series("5 7 6 8 50 70 60 80")
    groups = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    limits = rebased(lambda months: xmr_limits(values, months), np.ones(8, dtype=bool), groups)
    first, second = (xmr_limits(part, ALWAYS) for part in (values[:4], values[4:]))
    assert limits.upper == pytest.approx(np.concatenate([first.upper, second.upper]))
    assert limits.centre == pytest.approx(np.concatenate([first.centre, second.centre]))


def test_series_without_months_cannot_be_rebased() -> None:
    with pytest.raises(ValueError, match="without months"):
        rebased(lambda months: xmr_limits(series(""), months), ALWAYS, np.array([], dtype=int))


@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=8), min_size=1, max_size=4),
    st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_batch_equals_one_alone(rows: list[list[float]], fixing: list[bool]) -> None:
    values, months = np.array(rows), np.array(fixing)
    together = xmr_limits(values, months, screened=True)
    for place, row in enumerate(values):
        alone = xmr_limits(row, months, screened=True)
        np.testing.assert_array_equal(together.upper[place], alone.upper)
        np.testing.assert_array_equal(together.centre[place], alone.centre)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(1.0, 0.9, True), (0.1 + 0.2, 0.3, False), (1.0, 1.0, False), (np.nan, 0.0, False)],
)
def test_above_is_by_more_than_rounding(a: float, b: float, expected: bool) -> None:
    assert bool(above(np.array(a), np.array(b))) is expected
