"""Panels written by hand: one service, few segments, months in a row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from worker.stats.evidence import indicator_evidence
from worker.stats.method import DEFAULT, Method
from worker.stats.panel import PROPORTION, Bools, Floats, Indicators, Panel, Sums
from worker.stats.segments import Segments, segments_of


@dataclass(frozen=True)
class One:
    """An indicator of a test."""

    measure: int = PROPORTION
    sign: float = 1.0
    standard: float = np.nan
    meaningful: float = 0.05
    channel: int = 0
    external: bool = False


def indicators(*ones: One) -> Indicators:
    return Indicators(
        measure=np.array([one.measure for one in ones], dtype=np.int64),
        sign=np.array([one.sign for one in ones]),
        standard=np.array([one.standard for one in ones]),
        meaningful=np.array([one.meaningful for one in ones]),
        channel=np.array([one.channel for one in ones], dtype=np.int64),
        external=np.array([one.external for one in ones], dtype=bool),
    )


def sums(x: ArrayLike, n: ArrayLike, squares: ArrayLike = 0) -> Sums:
    """Totals of one window, one entry a stratum, of one indicator in one segment."""
    of_x, of_n, of_squares = (
        np.atleast_1d(np.asarray(each, dtype=float))[None, None, :, None]
        for each in (x, n, squares)
    )
    return Sums(x=of_x, n=of_n, squares=of_squares, months=np.full((1, 1, 1, 1), 3.0))


def months(length: int, first: int, last: int) -> Bools:
    """[1, m], True from `first` to `last`, both included, counted from 0."""
    position = np.arange(length)
    return np.asarray(((position >= first) & (position <= last))[None])


def panel(
    x: ArrayLike,
    n: ArrayLike,
    *ones: One,
    squares: ArrayLike | None = None,
    baseline: tuple[int, int],
    current: tuple[int, int],
) -> Panel:
    """A panel of one service.

    x, n : [g, m] for one indicator, [g, i, m] for several, [g, k, i, m] with strata.
    baseline, current : first and last month of each window; what comes before the end of the
        baseline is history.
    """
    x = _five(x)
    length = x.shape[-1]
    return Panel(
        x=x,
        n=_five(n) * np.ones_like(x),
        squares=np.zeros_like(x) if squares is None else _five(squares),
        indicators=indicators(*ones),
        baseline=months(length, *baseline),
        current=months(length, *current),
        before=months(length, 0, baseline[1]),
    )


def _five(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=float)
    if array.ndim == 0:
        return array
    if array.ndim == 2:
        array = array[:, None]
    return array[None, :, None] if array.ndim == 3 else array[None]


def members(ones: Indicators, channels: int = 5) -> Floats:
    belongs: Floats = np.asarray(ones.channel == np.arange(channels)[:, None], dtype=float)
    return belongs


def scored(
    of: Panel,
    required: int = 2,
    chosen: Sequence[bool] | None = None,
    method: Method = DEFAULT,
) -> Segments:
    """All the way from a panel to its segments."""
    everything = np.ones(len(of.indicators), dtype=bool)
    return segments_of(
        indicator_evidence(of),
        members(of.indicators),
        required,
        everything if chosen is None else np.array(chosen),
        method,
    )


#: Six channels of the reference service: one indicator each but for two trends.
REFERENCE = (
    One(sign=-1, standard=0.01, meaningful=0.01, channel=3),
    One(measure=1, sign=-1, meaningful=1.0, channel=3),
    One(standard=0.90, channel=0),
    One(standard=0.90, channel=1),
    One(standard=0.90, channel=2),
    One(measure=2, standard=4.0, meaningful=0.25, channel=4, external=True),
)


def reference_panel(
    rng: np.random.Generator, improved: Sequence[bool], *, history: int = 6, current: int = 3
) -> Panel:
    """Plain draws of six indicators by month, the listed segments improved since the baseline."""
    length = history + 1 + current
    now = np.arange(length) > history
    moved = np.array(improved)[:, None] & now
    shape = (len(improved), len(REFERENCE), length)
    x, n, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for place, (size, before, after) in enumerate(
        ((1500, 0.03, 0.006), (0.48, 6.0, 2.0), (100, 0.82, 0.95), (36, 0.75, 0.95),
         (40, 0.75, 0.95), (5, 3.4, 4.6))
    ):  # fmt: skip
        level = np.where(moved, after, before)
        n[:, place] = size
        if place == 1:
            x[:, place] = rng.poisson(level * size)
        elif place == 5:
            given = 1 + rng.binomial(4, (level[..., None] - 1) / 4, (*level.shape, 5))
            x[:, place], squares[:, place] = given.sum(-1), (given**2).sum(-1)
        else:
            x[:, place] = rng.binomial(int(size), level)
    return panel(
        x,
        n,
        *REFERENCE,
        squares=squares,
        baseline=(0, history - 1),
        current=(history + 1, length - 1),
    )
