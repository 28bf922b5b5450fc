"""Everything the panel says of each indicator in each segment, before anything is combined."""

from dataclasses import dataclass, fields, replace

import numpy as np

from worker.stats.combination import normal_score
from worker.stats.dispersion import (
    FEWEST_DF,
    correlation,
    dispersion,
    inflation,
    season,
    single_value_variance,
)
from worker.stats.effects import display_effect, single_variance, test_effect
from worker.stats.panel import MEAN, PROPORTION, Bools, Floats, Panel, safe_divide, window_sums

#: Values of a panel that are worked on at once, 3 MB of them; with more, steps wait for memory.
BLOCK = 400_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """By indicator; [b, g, i] where no shape is given, NaN without evidence.

    z : normal score of the change, positive is better.
    z_standard : normal score against the standard less its tolerance, current window alone.
    g, g_variance : change in meaningful changes, positive is better, and its variance.
    level, level_variance : current level in the indicator's unit.
    baseline_level, baseline_variance : the same of the baseline window.
    n_baseline, n_current : trials, exposure or values behind them.
    information : expected `z` when one meaningful change happened, 0 without evidence.
    information_now : the same for `z_standard`, from one meaningful change above its edge.
    correlation : [b, i, i].
    phi : dispersion of months, at least 1.
    df : [b, i].
    autocorrelation : [b, i].
    season_known : [b, i].
    """

    z: Floats
    z_standard: Floats
    g: Floats
    g_variance: Floats
    level: Floats
    level_variance: Floats
    baseline_level: Floats
    baseline_variance: Floats
    n_baseline: Floats
    n_current: Floats
    information: Floats
    information_now: Floats
    correlation: Floats
    phi: Floats
    df: Floats
    autocorrelation: Floats
    season_known: Bools


def indicator_evidence(panel: Panel) -> Evidence:
    """Scores, effects and levels of every indicator in every segment.

    An indicator whose months leave fewer than 4 degrees of freedom over the whole service is
    left out: nobody can say how much it varies. Zero against zero and perfect against perfect
    are no change. Estimates of dispersion, dependence and season come from the panel alone.
    """
    size = max(BLOCK // max(panel.x[:1].size, 1), 1)
    parts = [
        _evidence(_rows(panel, slice(first, first + size)))
        for first in range(0, max(len(panel.x), 1), size)
    ]
    return Evidence(
        *(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Evidence))
    )


def _rows(panel: Panel, rows: slice) -> Panel:
    return replace(
        panel,
        x=panel.x[rows],
        n=panel.n[rows],
        squares=panel.squares[rows],
        baseline=panel.baseline[rows],
        current=panel.current[rows],
        before=panel.before[rows],
    )


def _evidence(panel: Panel) -> Evidence:
    indicators = panel.indicators
    spread = single_value_variance(panel)
    before, after = window_sums(panel, panel.baseline), window_sums(panel, panel.current)
    dispersed = dispersion(panel, spread)
    df = dispersed.df[:, None]
    known = df >= FEWEST_DF

    n0, n1 = before.n.sum(2), after.n.sum(2)
    longer = inflation(dispersed.autocorrelation[:, None], before.months.max(2, initial=0.0))
    newer = inflation(dispersed.autocorrelation[:, None], after.months.max(2, initial=0.0))
    # The variance of each window is about inverse to its size.
    dependence = safe_divide(newer * n0 + longer * n1, n0 + n1, 1.0)
    widened = dispersed.phi * dependence

    # A segment without evidence has no dispersion of its own and must not dilute the others'.
    speaking = (n0 + n1 > 0).astype(np.float64)
    typical = safe_divide((dispersed.phi * speaking).sum(1), speaking.sum(1), 1.0)
    calendar = season(panel, spread, typical)
    effect = test_effect(indicators, before, after, spread)
    variance = effect.variance * widened + calendar.variance[:, None]
    change = indicators.sign * (effect.estimate - calendar.contrast[:, None])
    z = normal_score(_ratio(change, variance), dispersed.own_df)

    shown = display_effect(indicators, before, after, spread)
    pooled, alone = before.over_strata(), after.over_strata()
    single = single_variance(indicators, alone.x, alone.n, spread)[:, :, 0]
    at_first = single_variance(indicators, pooled.x, pooled.n, spread)[:, :, 0]
    # One unit of the test scale in the indicator's own unit, at the current level.
    slope = np.where(indicators.measure == MEAN, 1.0, single)
    per_meaningful = slope / indicators.meaningful
    g = shown.estimate - indicators.sign * per_meaningful * calendar.contrast[:, None]
    g_variance = shown.variance * widened + per_meaningful**2 * calendar.variance[:, None]

    level = safe_divide(alone.x, alone.n, np.nan)[:, :, 0]
    level_variance = np.where(
        known, safe_divide(dispersed.phi * newer * single, n1, np.nan), np.nan
    )
    baseline_variance = np.where(
        known, safe_divide(dispersed.phi * longer * at_first, n0, np.nan), np.nan
    )
    g_variance = np.where(known, g_variance, np.nan)
    return Evidence(
        z=np.where(known, z, np.nan),
        z_standard=np.where(
            known,
            _against_standard(panel, level, n1, dispersed.phi * newer, spread, dispersed.own_df),
            np.nan,
        ),
        g=np.where(known, g, np.nan),
        g_variance=g_variance,
        level=level,
        level_variance=level_variance,
        baseline_level=safe_divide(pooled.x, pooled.n, np.nan)[:, :, 0],
        baseline_variance=baseline_variance,
        n_baseline=n0,
        n_current=n1,
        information=_information(g_variance),
        information_now=_information(level_variance / indicators.meaningful**2),
        correlation=correlation(panel, spread),
        phi=dispersed.phi,
        df=dispersed.df,
        autocorrelation=dispersed.autocorrelation,
        season_known=calendar.known,
    )


def _information(variance: Floats) -> Floats:
    """Score that one meaningful change makes on average, of a variance in meaningful changes."""
    known = variance > 0
    return np.where(known, 1 / np.sqrt(np.where(known, variance, 1.0)), 0.0)


def _ratio(estimate: Floats, variance: Floats) -> Floats:
    ok = variance > 0
    return np.where(ok, estimate / np.sqrt(np.where(ok, variance, 1.0)), np.nan)


def _against_standard(
    panel: Panel, level: Floats, n: Floats, widened: Floats, spread: Floats, df: Floats
) -> Floats:
    """Score test that the level is better than the standard less half a meaningful change.

    Under the edge of the null hypothesis the variance is known but for the dispersion, so that
    none out of few is no certainty either.
    """
    indicators = panel.indicators
    edge = indicators.standard - indicators.sign * indicators.meaningful / 2
    single = np.where(
        indicators.measure == PROPORTION,
        edge * (1 - edge),
        np.where(indicators.measure == MEAN, spread[:, None], edge),
    )
    variance = safe_divide(widened * np.where(single > 0, single, np.nan), n, np.nan)
    return normal_score(_ratio(indicators.sign * (level - edge), variance), df)
