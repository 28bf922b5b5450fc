"""Evidence that is not there: what of a panel is known while some of it has yet to come."""

from dataclasses import replace
from functools import cache

import numpy as np

from cli.simulate_voices import ratings
from worker.stats.panel import MEAN, RATE, Ints, Panel

HIGHEST = 5


def without_a_share(panel: Panel, share: float, rng: np.random.Generator) -> Panel:
    """The panel before a share of the last month's evidence has come, which is missing at random.

    Trials and ratings are missing with their outcomes, events of a rate while its exposure is
    known: of an incident not yet entered nobody knows that it is missing.
    """
    x, n, squares = panel.x.copy(), panel.n.copy(), panel.squares.copy()
    for place, measure in enumerate(panel.indicators.measure):
        here = (..., place, -1)
        events, trials = np.rint(x[here]).astype(np.int64), n[here].astype(np.int64)
        if measure == RATE:
            x[here] = rng.binomial(events, 1 - share)
            continue
        seen = rng.binomial(trials, 1 - share)
        n[here] = seen
        if measure == MEAN:
            given = given_ratings(trials, events, np.rint(squares[here]).astype(np.int64))
            kept = _drawn_from(given, seen, rng)
            values = np.arange(1, HIGHEST + 1)
            x[here], squares[here] = kept @ values, kept @ values**2
        else:
            x[here] = rng.hypergeometric(events, trials - events, seen)
    return replace(panel, x=x, n=n, squares=squares)


def given_ratings(n: Ints, total: Ints, squares: Ints) -> Ints:
    """How often each rating from 1 to 5 was given, [..., 5], by number, sum and sum of squares."""
    rows, back = np.unique(
        np.stack([n.ravel(), total.ravel(), squares.ravel()]), axis=1, return_inverse=True
    )
    counted = np.array([_counted(*row) for row in rows.T.tolist()])
    return np.asarray(counted[back.ravel()].reshape(*n.shape, HIGHEST))


@cache
def _counted(n: int, total: int, squares: int) -> tuple[int, ...]:
    given = ratings(n, total, squares)
    return tuple(given.count(value) for value in range(1, HIGHEST + 1))


def _drawn_from(given: Ints, number: Ints, rng: np.random.Generator) -> Ints:
    """So many of the given ratings, drawn without putting back."""
    left, wanted = given.sum(-1), number.copy()
    drawn = np.zeros_like(given)
    for value in range(HIGHEST):
        left = left - given[..., value]
        drawn[..., value] = rng.hypergeometric(given[..., value], left, wanted)
        wanted = wanted - drawn[..., value]
    return drawn
