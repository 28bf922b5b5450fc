"""Intervals and limits that charts draw, held to those of the kernel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charting.intervals import between_segments, byar, funnel_limits, interval
from models.catalogue import Indicator
from models.vocabulary import Better, Measure
from tests.charted import indicator
from worker.stats.intervals import byar as kernel_byar
from worker.stats.intervals import wilson as kernel_wilson
from worker.stats.panel import PROPORTION, RATE
from worker.stats.segment_funnels import segment_funnels

SHARE, PER, MEAN = (indicator(code) for code in ("audit_compliance", "falls", "experience_rating"))
Units = list[tuple[int, int]]


@given(st.integers(0, 500), st.integers(1, 500))
def test_interval_of_a_share_is_that_of_the_kernel(x: int, more: int) -> None:
    n = x + more - 1 or 1
    expected = [float(each) for each in kernel_wilson(np.array(float(x)), np.array(float(n)))]
    assert interval(SHARE, x, n) == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 2000))
def test_interval_of_a_count_is_that_of_the_kernel(x: int) -> None:
    expected = [float(each) for each in kernel_byar(np.array(float(x)))]
    assert byar(x, 1.959964) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_interval_of_a_mean_is_the_textbook_one() -> None:
    values = [1.0, 3.0, 4.0, 4.0, 5.0]
    half = 1.959964 * np.std(values, ddof=1) / np.sqrt(5)
    found = interval(MEAN, sum(values), 5, sum(each**2 for each in values))
    assert found == pytest.approx((3.4 - half, 3.4 + half))


@pytest.mark.parametrize("of", [SHARE, PER, MEAN], ids=lambda of: of.measure)
def test_nothing_has_no_interval(of: Indicator) -> None:
    assert interval(of, 0, 0) is None


def test_one_answer_has_no_interval() -> None:
    assert interval(MEAN, 4.0, 1, 16.0) is None


@pytest.mark.parametrize(
    ("of", "measure", "tolerance"),
    # Byar's limits stand in for exact ones of a rate; from 5 expected events they are this near.
    [(SHARE, PROPORTION, 1e-9), (PER, RATE, 0.03)],
    ids=("share", "rate"),
)
@given(data=st.data())
def test_funnel_is_that_of_the_kernel(
    of: Indicator, measure: int, tolerance: float, data: st.DataObject
) -> None:
    units: Units = data.draw(
        st.lists(st.tuples(st.integers(10, 60), st.integers(100, 400)), min_size=2, max_size=25)
    )
    x, n = (np.array(column, dtype=float) for column in zip(*units, strict=True))
    sign = 1.0 if of.better is Better.HIGHER else -1.0
    expected = segment_funnels(
        x[None, :, None], n[None, :, None], x[None, :, None], np.array([measure]), np.array([sign])
    )
    centre = float(x.sum() / n.sum())
    levels, sizes = list(x / n), list(n)
    apart = between_segments(of, levels, sizes, centre)
    assert apart == 0 or expected.overdispersed[0, 0]
    limits = funnel_limits(of, centre, sizes, apart)
    assert limits is not None
    kernel = expected.limits
    for place, drawn in enumerate(limits):
        theirs = [
            float(each[0, place, 0])
            for each in (kernel.lower_95, kernel.upper_95, kernel.lower_998, kernel.upper_998)
        ]
        assert drawn == pytest.approx(theirs, rel=tolerance, abs=tolerance * centre + 1e-9)


def test_a_mean_has_no_funnel() -> None:
    assert MEAN.measure is Measure.MEAN
    assert funnel_limits(MEAN, 4.0, [10.0]) is None


def test_a_rate_without_any_event_has_limits_of_zero() -> None:
    assert funnel_limits(PER, 0.0, [3.0]) == [(0.0, 0.0, 0.0, 0.0)]
