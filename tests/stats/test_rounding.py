"""Ten significant digits, and what one look may spend."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.stats.rounding import rounded


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e280, max_value=1e280))
def test_rounding_agrees_with_printing_ten_digits(value: float) -> None:
    printed = float(f"{value:.9e}")
    assert float(rounded(np.array(value))) == pytest.approx(printed, rel=2e-10, abs=1e-291)


@given(st.floats(1e-250, 1e250))
def test_rounding_twice_is_rounding_once(value: float) -> None:
    once = rounded(np.array([value]))
    assert rounded(once) == pytest.approx(once, rel=1e-15)


@given(st.floats(0.001, 1000), st.floats(-4e-15, 4e-15))
def test_last_bits_are_gone(value: float, bits: float) -> None:
    exact = float(f"{value:.6g}")
    assert float(rounded(np.array(exact * (1 + bits)))) == float(rounded(np.array(exact)))


def test_what_is_no_number_stays() -> None:
    found = rounded(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0]))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [math.inf, -math.inf, 0.0, 0.0]
