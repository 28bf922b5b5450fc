"""Cells as arrays, padded and masked, and their sums over the two windows.

Axes everywhere: b service or `as_of`, g segment, k stratum within it (teams inside a band or an
area; one stratum for teams), i indicator, m month, the last of which is `as_of`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

PROPORTION, RATE, MEAN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Indicators:
    """What is measured, one entry an indicator.

    measure : PROPORTION, RATE or MEAN.
    sign : +1 when higher is better, -1 when lower is.
    standard : in the indicator's unit, NaN where there is none.
    meaningful : smallest change that matters, in the same unit, above 0.
    channel : index of its channel.
    external : True where people, families, advocates or partners speak.
    """

    measure: Ints
    sign: Floats
    standard: Floats
    meaningful: Floats
    channel: Ints
    external: Bools

    def __len__(self) -> int:
        return len(self.measure)


@dataclass(frozen=True, slots=True)
class Panel:
    """Sufficient statistics by month and the windows they are compared in.

    x : [b, g, k, i, m], successes, events or the sum of values.
    n : the same shape, trials, exposure (in the unit of the rate) or the number of values.
    squares : the same shape, sums of squared values; 0 but for means.
    baseline, current : [b, m], the months of the two windows.
    before : [b, m], all months before the programme's start month.
    """

    x: Floats
    n: Floats
    squares: Floats
    indicators: Indicators
    baseline: Bools
    current: Bools
    before: Bools

    def __post_init__(self) -> None:
        if not self.x.shape == self.n.shape == self.squares.shape or self.x.ndim != 5:
            raise ValueError("x, n and squares share one shape [b, g, k, i, m]")
        if self.x.shape[3] != len(self.indicators):
            raise ValueError("the i axis is as long as the indicators")
        expected = (self.x.shape[0], self.x.shape[4])
        if not self.baseline.shape == self.current.shape == self.before.shape == expected:
            raise ValueError("baseline, current and before have shape [b, m]")


@dataclass(frozen=True, slots=True)
class Sums:
    """Totals of one window, each [b, g, k, i], and the number of months that hold any of it."""

    x: Floats
    n: Floats
    squares: Floats
    months: Floats

    def over_strata(self) -> "Sums":
        """The same with strata added up (axis k of length 1)."""
        return Sums(
            x=self.x.sum(2, keepdims=True),
            n=self.n.sum(2, keepdims=True),
            squares=self.squares.sum(2, keepdims=True),
            months=self.months.max(2, keepdims=True, initial=0.0),
        )


def span_of(window: Bools) -> slice:
    """Months from the first to the last that any row of a window [b, m] has.

    What lies outside is in nobody's window; a window is short beside the history.
    """
    months = np.flatnonzero(window.any(0))
    return slice(int(months[0]), int(months[-1]) + 1) if len(months) else slice(0, 0)


def window_sums(panel: Panel, window: Bools) -> Sums:
    """Sum a panel over the months of a window [b, m]."""
    span = span_of(window)
    months = window[:, span].astype(np.float64)

    def over(values: Floats) -> Floats:
        return np.asarray(np.einsum("bgkim,bm->bgki", values, months))

    x, n, squares = (values[..., span] for values in (panel.x, panel.n, panel.squares))
    return Sums(over(x), over(n), over(squares), over((n > 0).astype(np.float64)))


def safe_divide(a: Floats, b: Floats, otherwise: float = 0.0) -> Floats:
    """`a / b`, and `otherwise` where b is 0."""
    shape = np.broadcast_shapes(np.shape(a), np.shape(b))
    result = np.full(shape, otherwise)
    np.divide(a, b, out=result, where=np.not_equal(b, 0))
    return result
