"""Monthly counts drawn from a plan, with the over-dispersion and company that real months keep.

The demo expands one draw into events; the calibration study reads thousands as they are. Knows
nothing of events, and nothing of how counts are judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cli.simulate import (
    BETTER,
    INDEX,
    INDICATORS,
    MEAN,
    NO_BAND,
    PLACES,
    RATE,
    RATING_STEPS,
    Array,
    Counted,
    Plan,
    expected_n,
)
from cli.simulate_levels import levels

#: Expected value of a logistic function under a normal shock: squared slope of the probit match.
PROBIT_MATCH: Final = (16 * np.sqrt(3) / (15 * np.pi)) ** 2
#: Doses refused, or left out for a clinical reason: due, but neither an error nor given.
NOT_GIVEN_SHARE: Final = 0.03


@dataclass(frozen=True, eq=False)
class Counts:
    """Monthly sums of shape ([runs,] teams, places, indicators, months).

    `n` is a count, or resident-days for a rate; `x` is the sum of ratings for a mean, and
    `sum_squares` belongs to means alone.
    """

    x: Counted
    n: Array
    sum_squares: Counted


def draw(
    plan: Plan,
    rng: np.random.Generator,
    runs: int | None = None,
    codes: Sequence[str] = tuple(INDEX),
) -> Counts:
    """Draw the monthly counts of a service, or of `runs` services with the same plan at once.

    Every team, place, indicator and month has a latent standard normal shock; shocks go together
    across each of these by the plan's correlations. They move log odds and log rates by as much
    as makes the total of a team-month about its dispersion times as variable as its counts alone.
    A good month is good in all of it: fewer omissions, better audits. Only indicators with these
    codes are drawn, the rest stays empty; what is counted among another's outcomes needs both.
    """
    level, expected = levels(plan), expected_n(plan)
    many = 1 if runs is None else runs
    shape = (many, *level.shape)
    chosen = sorted(INDEX[code] for code in codes)
    shock = _shocks(plan, rng, (*shape[:3], len(chosen), plan.months))
    shock *= BETTER[chosen, None]
    rate_mean = _expected_events(plan, level, expected)
    sigma = _shock_size(plan, level, _trials(expected, rate_mean), rate_mean)
    x, sum_squares = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    n = np.zeros(shape)
    n[:, :, :, chosen] = expected[:, :, chosen]
    for code in ("experience_rating", "experience_positive", "staff_experience"):
        if (place := INDEX[code]) in chosen:
            n[:, :, :, place] = rng.poisson(n[:, :, :, place])
    for at, place in enumerate(chosen):
        indicator = INDICATORS[place]
        here = (slice(None), slice(None), slice(None), place)
        spread = sigma[:, :, place]
        moved = spread * shock[:, :, :, at]
        if indicator.kind == "rate":
            x[here] = rng.poisson(rate_mean[:, :, place] * np.exp(moved - spread**2 / 2))
            continue
        centre = level[:, :, place] * np.sqrt(1 + PROBIT_MATCH * spread**2)
        share = 1 / (1 + np.exp(-(centre + moved)))
        if indicator.kind == "mean":
            x[here], sum_squares[here] = _ratings(rng, n[here].astype(np.int64), share)
        else:
            n[here] = _nested(rng, indicator.code, x, n)
            x[here] = rng.binomial(n[here].astype(np.int64), share)
    if runs is None:
        return Counts(x[0], n[0], sum_squares[0])
    return Counts(x, n, sum_squares)


def _nested(rng: np.random.Generator, code: str, x: Counted, n: Array) -> Array:
    """What an indicator counts among, when that is itself an outcome drawn before."""
    due, errors = n[:, :, :, INDEX["medicine_omissions"]], x[:, :, :, INDEX["medicine_omissions"]]
    if code == "medicine_on_time":
        taken = due - errors
        return taken - rng.binomial(taken.astype(np.int64), NOT_GIVEN_SHARE)
    if code == "escalation_on_time":
        return x[:, :, :, INDEX["harm_incidents"]].astype(np.float64)
    if code == "complaints_repeated":
        return x[:, :, :, INDEX["complaints"]].astype(np.float64)
    return n[:, :, :, INDEX[code]]


def _ratings(rng: np.random.Generator, n: Counted, share: Array) -> tuple[Counted, Counted]:
    """Sum and sum of squares of n ratings, each one plus a binomial of four steps."""
    steps = np.arange(RATING_STEPS + 1)
    ways = np.array([1, 4, 6, 4, 1])
    chance = ways * share[..., None] ** steps * (1 - share[..., None]) ** (RATING_STEPS - steps)
    given = rng.multinomial(n, chance / chance.sum(axis=-1, keepdims=True))
    return given @ (steps + 1), given @ (steps + 1) ** 2


def _expected_events(plan: Plan, level: Array, expected: Array) -> Array:
    """Expected events of the rates; those of feedback are also heard where no band is named."""
    mean = np.where(RATE[:, None], expected * np.exp(level) / 1000, 0)
    attributed = np.array([team.volumes.attributed for team in plan.teams])[:, None, None]
    for code in ("complaints", "compliments"):
        place = INDEX[code]
        heard = mean[:, :NO_BAND, place]
        unplaced = (
            expected[:, :NO_BAND, place].sum(axis=1) * np.exp(level[:, NO_BAND, place]) / 1000
        )
        mean[:, :NO_BAND, place] = heard * attributed
        mean[:, NO_BAND, place] = unplaced * (1 - attributed[:, 0])
    return mean


def _trials(expected: Array, rate_mean: Array) -> Array:
    """Expected trials behind each proportion and mean; a rating is four of them."""
    trials = np.where(MEAN[:, None], expected * RATING_STEPS, expected)
    trials[:, :, INDEX["medicine_on_time"]] = expected[:, :, INDEX["medicine_omissions"]] * 0.95
    trials[:, :, INDEX["escalation_on_time"]] = rate_mean[:, :, INDEX["harm_incidents"]]
    trials[:, :, INDEX["complaints_repeated"]] = rate_mean[:, :, INDEX["complaints"]]
    return trials


def _shock_size(plan: Plan, level: Array, trials: Array, rate_mean: Array) -> Array:
    """Standard deviation of the shocks that gives a team-month the plan's dispersion.

    With weights v the variance of the count alone, the shocks add σ²·Σ v_b v_c r_bc to Σ v_b; for
    rates σ² is what the logarithm of a log-normal multiplier needs.
    """
    share = 1 / (1 + np.exp(-level))
    alone = np.where(RATE[:, None], rate_mean, trials * share * (1 - share))
    together = _equicorrelated(PLACES, plan.band_correlation)
    moved = np.einsum("tbim,bc,tcim->tim", alone, together, alone)
    total = alone.sum(axis=1)
    phi = [plan.dispersion if team.dispersion is None else team.dispersion for team in plan.teams]
    excess = (np.array(phi) - 1)[:, None, None] * np.divide(
        total, moved, out=np.zeros_like(total), where=moved > 0
    )
    excess = np.where(RATE[:, None], np.log1p(excess), excess)
    sigma = np.minimum(np.sqrt(excess), plan.largest_shock)
    return np.broadcast_to(sigma[:, None], level.shape)


def _shocks(plan: Plan, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    lag = np.abs(np.subtract.outer(np.arange(plan.months), np.arange(plan.months)))
    moved = rng.standard_normal(shape)
    for axis, matrix in (
        (1, _equicorrelated(len(plan.teams), plan.team_correlation)),
        (2, _equicorrelated(PLACES, plan.band_correlation)),
        (3, _equicorrelated(shape[3], plan.indicator_correlation)),
        (4, plan.month_autocorrelation**lag),
    ):
        root = np.linalg.cholesky(matrix)
        moved = np.moveaxis(np.tensordot(moved, root, axes=(axis, 1)), -1, axis)
    return moved


def _equicorrelated(size: int, correlation: float) -> Array:
    return np.full((size, size), correlation) + (1 - correlation) * np.eye(size)
