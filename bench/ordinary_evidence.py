"""The scoring of one service the ordinary way: effect and level of indicators in segments."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from bench import ordinary_months as months
from bench.ordinary_dispersion import dispersion, inflation
from bench.ordinary_months import Service
from worker.stats.panel import MEAN, PROPORTION

FEWEST_DF = 4
LARGEST_Z = 37.0


@dataclass(frozen=True)
class Evidence:
    """One row a segment and indicator, the correlation of indicators, and figures of each."""

    table: pd.DataFrame
    correlation: pd.DataFrame
    indicators: pd.DataFrame


def evidence_of(service: Service) -> Evidence:
    """All that is said of every indicator in every segment."""
    spread = months.spread_of_values(service)
    past, first, now = (
        months.months_of(months.residuals(service, window, spread))
        for window in (service.before, service.baseline, service.current)
    )
    rho = months.autocorrelation(service, past, now)
    dispersed, df = dispersion(service, [first, now], rho)
    rows = []
    for segment in range(service.segments):
        for indicator, about in service.indicators.iterrows():
            cells = service.cells
            cells = cells[(cells["segment"] == segment) & (cells["indicator"] == indicator)]
            row = _one(service, cells, about, spread[indicator], rho[indicator])
            rows.append({"segment": segment, "indicator": indicator} | row)
    table = pd.DataFrame(rows).set_index(["segment", "indicator"]).join(dispersed)
    table["df"] = df.reindex(table.index, level="indicator")
    speaking = table["phi"].where(table["n_baseline"] + table["n_current"] > 0)
    typical = speaking.groupby("indicator").mean().fillna(1.0)
    calendar = months.season(service, spread, typical)
    figures = pd.DataFrame({"df": df, "rho": rho, "season_known": calendar["known"]})
    table = _scored(
        service, table.join(calendar, on="indicator", lsuffix="_test", rsuffix="_season"), spread
    )
    return Evidence(table, months.correlation(service, past, now), figures)


def _one(
    service: Service, cells: pd.DataFrame, about: pd.Series, spread: float, rho: float
) -> dict[str, float]:
    """Sums of the two windows, the change between them and how it is made longer by dependence."""
    windows = {
        name: cells[cells["month"].isin(wanted)]
        for name, wanted in (("0", service.baseline), ("1", service.current))
    }
    strata = pd.concat(
        {name: part.groupby("stratum")[["x", "n"]].sum() for name, part in windows.items()}, axis=1
    )
    strata.columns = [f"{column}{name}" for name, column in strata.columns]
    row: dict[str, float] = {}
    for name, part in windows.items():
        row[f"x{name}"], row[f"n{name}"] = part["x"].sum(), part["n"].sum()
        held = part.groupby("stratum")["month"].nunique().max() if len(part) else 0
        row[f"longer{name}"] = inflation(rho, held)
    row["n_baseline"], row["n_current"] = row["n0"], row["n1"]
    both = strata.dropna()
    row["change"], row["variance"] = _test_scale(both, about["measure"], spread)
    row["shown"], row["shown_variance"] = _display_scale(both, about, spread)
    return row


def _test_scale(strata: pd.DataFrame, measure: int, spread: float) -> tuple[float, float]:
    """Log odds ratio, log rate ratio or difference over strata, with its variance."""
    if strata.empty:
        return np.nan, np.nan
    x0, n0, x1, n1 = (strata[name].to_numpy(dtype=float) for name in ("x0", "n0", "x1", "n1"))
    share0, share1 = n0 / (n0 + n1).sum(), n1 / (n0 + n1).sum()
    if measure == MEAN:
        return _difference(x0, n0, x1, n1, spread)
    if measure == PROPORTION:
        tables = np.array([[x1, n1 - x1], [x0, n0 - x0]])
        size = n0 + n1
        diagonal = (tables[0, 0] * tables[1, 1] / size).sum()
        other = (tables[0, 1] * tables[1, 0] / size).sum()
        if min(*tables.sum(2).ravel(), diagonal, other) <= 0:
            tables = tables + np.array([[share1, share1], [share0, share0]])
        pooled = StratifiedTable(tables)
        return float(pooled.logodds_pooled), float(pooled.logodds_pooled_se**2)
    if min(x0.sum(), x1.sum()) <= 0:
        x0, x1 = x0 + share0, x1 + share1
    r, s = (x1 * n0 / (n0 + n1)).sum(), (x0 * n1 / (n0 + n1)).sum()
    variance = ((x0 + x1) * n0 * n1 / (n0 + n1) ** 2).sum() / (r * s)
    return float(np.log(r / s)), float(variance)


def _difference(x0: Any, n0: Any, x1: Any, n1: Any, spread: float) -> tuple[float, float]:
    """Difference of means with a level for each stratum, of values that vary by `spread`."""
    number = len(n0)
    later = np.repeat([0.0, 1.0], number)
    design = np.column_stack([later, np.tile(np.eye(number), (2, 1))])
    values = np.concatenate([x0 / n0, x1 / n1])
    fit = sm.WLS(values, design, weights=np.concatenate([n0, n1])).fit()
    return float(fit.params[0]), float(fit.normalized_cov_params[0, 0] * spread)


def _display_scale(strata: pd.DataFrame, about: pd.Series, spread: float) -> tuple[float, float]:
    """Change of level in meaningful changes, strata weighed as by Mantel and Haenszel."""
    if strata.empty:
        return np.nan, np.nan
    weight = strata["n0"] * strata["n1"] / (strata["n0"] + strata["n1"])
    change = strata["x1"] / strata["n1"] - strata["x0"] / strata["n0"]
    error = sum(
        single(strata[f"x{w}"], strata[f"n{w}"], about["measure"], spread) / strata[f"n{w}"]
        for w in "01"
    )
    scale = about["sign"] / about["meaningful"]
    estimate = np.average(change, weights=weight)
    variance = (weight**2 * error).sum() / weight.sum() ** 2
    return float(scale * estimate), float(scale**2 * variance)


def single(x: Any, n: Any, measure: int, spread: float) -> Any:
    """Variance of one trial, one unit of exposure or one value."""
    if measure == PROPORTION:
        p = (x + 0.5) / (n + 1)
        return p * (1 - p)
    return spread + 0 * n if measure == MEAN else (x + 0.5) / n


def _scored(service: Service, table: pd.DataFrame, spread: pd.Series) -> pd.DataFrame:
    """Season taken out, variances widened, and normal scores of both tests."""
    table = table.join(service.indicators, on="indicator")
    table["spread"] = spread.reindex(table.index, level="indicator")
    known = table["df"] >= FEWEST_DF
    n0, n1, longer0, longer1 = (table[name] for name in ("n0", "n1", "longer0", "longer1"))
    # The variance of a window is about inverse to its size.
    dependence = ((longer1 * n0 + longer0 * n1) / (n0 + n1)).fillna(1.0)
    widened = table["phi"] * dependence
    change = table["sign"] * (table["change"] - table["contrast"])
    error = np.sqrt(table["variance_test"] * widened + table["variance_season"])
    table["z"] = normal_score(change / error, table["own_df"]).where(known)
    table["single"] = [
        single(row.x1, row.n1, row.measure, row.spread) if row.n1 > 0 else np.nan
        for row in table.itertuples()
    ]
    slope = table["single"].where(table["measure"] != MEAN, 1.0) / table["meaningful"]
    season = table["sign"] * slope * table["contrast"]
    table["g"] = (table["shown"] - season).where(known)
    variance = table["shown_variance"] * widened + slope**2 * table["variance_season"]
    table["g_variance"] = variance.where(known)
    table["level"] = table["x1"] / n1.where(n1 > 0)
    table["baseline_level"] = table["x0"] / n0.where(n0 > 0)
    now = table["phi"] * longer1 / n1.where(n1 > 0)
    table["level_variance"] = (now * table["single"]).where(known)
    edge = table["standard"] - table["sign"] * table["meaningful"] / 2
    at_edge = edge.where(table["measure"] != PROPORTION, edge * (1 - edge))
    at_edge = at_edge.where(table["measure"] != MEAN, table["spread"])
    above = table["sign"] * (table["level"] - edge)
    at_edge = at_edge.where((at_edge > 0) & edge.notna())
    t = above / np.sqrt(now * at_edge)
    table["z_standard"] = normal_score(t, table["own_df"]).where(known)
    table["information"] = (1 / np.sqrt(table["g_variance"])).fillna(0.0)
    wide = table["level_variance"] / table["meaningful"] ** 2
    table["information_now"] = (1 / np.sqrt(wide)).fillna(0.0)
    return table


def normal_score(t: pd.Series, df: pd.Series) -> pd.Series:
    """The normal score with the same tail probability."""
    z = stats.norm.isf(stats.t.sf(t.abs(), df.where(df > 0)))
    return np.sign(t) * pd.Series(z, t.index).clip(0, LARGEST_Z)
