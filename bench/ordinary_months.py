"""The scoring of one service the ordinary way: how months differ, by pandas and statsmodels.

Written from the method, not from the kernel, and in other steps: a generalised linear model for
each indicator and window, tables in long form. It is what the kernel is timed against, and an
oracle for it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm

from worker.stats.panel import MEAN, PROPORTION, Panel

PLACE = ["segment", "stratum"]
#: Named choices of the method, written down a second time.
PRIOR_RHO, PRIOR_PAIRS, LARGEST_RHO = 0.2, 30, 0.6
UNKNOWN_R, FEWEST_SHARED = 0.5, 6


@dataclass(frozen=True)
class Service:
    """One service along one axis: a row a cell that holds anything, and what is measured."""

    cells: pd.DataFrame
    indicators: pd.DataFrame
    segments: int
    baseline: list[int]
    current: list[int]
    before: list[int]

    def within(self, months: list[int]) -> pd.DataFrame:
        return self.cells[self.cells["month"].isin(months)]


def service_of(panel: Panel, row: int) -> Service:
    """One row of a panel in long form."""
    shape = panel.x.shape[1:]
    names = [*PLACE, "indicator", "month"]
    cells = pd.DataFrame(
        dict(zip(names, (each.ravel() for each in np.indices(shape)), strict=True))
    )
    cells["x"], cells["n"] = panel.x[row].ravel(), panel.n[row].ravel()
    cells["squares"] = panel.squares[row].ravel()
    of = panel.indicators
    return Service(
        cells=cells[cells["n"] > 0].reset_index(drop=True),
        indicators=pd.DataFrame({name: getattr(of, name) for name in of.__slots__}),
        segments=shape[0],
        baseline=np.flatnonzero(panel.baseline[row]).tolist(),
        current=np.flatnonzero(panel.current[row]).tolist(),
        before=np.flatnonzero(panel.before[row]).tolist(),
    )


def spread_of_values(service: Service) -> pd.Series:
    """Variance of single values about the mean of their place and window, by indicator."""
    parts = [
        service.within(months).groupby(["indicator", *PLACE])[["x", "n", "squares"]].sum()
        for months in (service.baseline, service.current)
    ]
    sums = pd.concat(parts).reset_index()
    sums["within"] = (sums["squares"] - sums["x"] ** 2 / sums["n"]).clip(lower=0)
    sums["free"] = (sums["n"] - 1).clip(lower=0)
    total = sums.groupby("indicator")[["within", "free", "squares"]].sum()
    varies = total["within"] > 1e-12 * total["squares"]
    spread = (total["within"] / total["free"]).where(varies, 1.0)
    return spread.reindex(service.indicators.index, fill_value=1.0)


def residuals(service: Service, months: list[int], spread: pd.Series) -> pd.DataFrame:
    """Cells of a window that could vary, with Pearson residual `r` and `information`.

    One model an indicator: a level for each place, fitted by maximum likelihood.
    """
    parts = []
    for indicator, cells in service.within(months).groupby("indicator"):
        measure = service.indicators.loc[indicator, "measure"]
        place = cells.groupby(PLACE)
        x, n = place["x"].transform("sum"), place["n"].transform("sum")
        varies = (measure == MEAN) | ((x > 0) & ((measure != PROPORTION) | (x < n)))
        if varies.any():
            parts.append(_fitted(cells[varies].copy(), measure, spread[indicator]))
    if not parts:
        return service.cells.head(0).assign(r=0.0, information=0.0)
    return pd.concat(parts)


def _fitted(cells: pd.DataFrame, measure: int, spread: float) -> pd.DataFrame:
    # Plain arrays: with frames the models fail on two rows, which they take for two outcomes.
    place = pd.get_dummies(cells.groupby(PLACE).ngroup()).to_numpy(dtype=float)
    x, n = cells["x"].to_numpy(), cells["n"].to_numpy()
    if measure == MEAN:
        cells["r"] = sm.WLS(x / n, place, weights=n).fit().wresid / np.sqrt(spread)
        cells["information"] = n * spread
        return cells
    if measure == PROPORTION:
        outcomes = np.column_stack([x, n - x])
        model = sm.GLM(outcomes, place, family=sm.families.Binomial())
    else:
        model = sm.GLM(x, place, family=sm.families.Poisson(), exposure=n)
    fit = model.fit(tol=1e-10, tol_criterion="params")
    cells["r"] = fit.resid_pearson
    level = fit.fittedvalues
    cells["information"] = n * level * (1 - level) if measure == PROPORTION else level
    return cells


def months_of(cells: pd.DataFrame) -> pd.DataFrame:
    """Residual of each segment's whole month: strata have good and bad months together."""
    cells = cells.assign(excess=cells["r"] * np.sqrt(cells["information"]))
    keys = ["indicator", "segment", "month"]
    whole = cells.groupby(keys)[["excess", "information"]].sum().reset_index()
    return whole.assign(r=whole["excess"] / np.sqrt(whole["information"]))


def autocorrelation(service: Service, past: pd.DataFrame, now: pd.DataFrame) -> pd.Series:
    """Between neighbouring months, by indicator, shrunk to the service's and that to a prior."""
    counted = []
    for part in (past, now):
        for (indicator, _), months in part.groupby(["indicator", "segment"]):
            r = months.set_index("month")["r"]
            after = r.reindex(r.index + 1).to_numpy()
            pairs = int((~np.isnan(after)).sum())
            share = pairs / max(len(r) - 1, 1)
            own = float((r**2).sum())
            product = float(np.nansum(r.to_numpy() * after)) + own / len(r) * share
            counted.append((indicator, product, own * share, pairs))
    table = pd.DataFrame(counted, columns=["indicator", "product", "square", "pairs"])
    sums = table.groupby("indicator").sum().reindex(service.indicators.index, fill_value=0)
    total = sums.sum()
    raw = total["product"] / total["square"] if total["square"] > 0 else 0.0
    common = (total["pairs"] * raw + PRIOR_PAIRS * PRIOR_RHO) / (total["pairs"] + PRIOR_PAIRS)
    own = (sums["product"] / sums["square"]).fillna(0.0)
    shrunk = (sums["pairs"] * own + PRIOR_PAIRS * common) / (sums["pairs"] + PRIOR_PAIRS)
    return shrunk.clip(0, LARGEST_RHO)


def correlation(service: Service, past: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Of the residuals of indicators, pooled over segments."""
    both = pd.concat([past, now]).set_index(["segment", "month", "indicator"])
    r = both["r"].unstack("indicator")
    r = r.reindex(columns=service.indicators.index) * service.indicators["sign"]
    seen = r.notna().astype(float)
    r = r.fillna(0.0)
    own = (r**2).T @ seen
    found = ((r.T @ r) / np.sqrt(own * own.T)).fillna(0.0).clip(0, 1)
    monthly = seen.groupby("month").max()
    found = found.where(monthly.T @ monthly >= FEWEST_SHARED, UNKNOWN_R)
    return found.mask(np.eye(len(found), dtype=bool), 1.0)


def season(service: Service, spread: pd.Series, typical: pd.Series) -> pd.DataFrame:
    """Contrast of the windows that the calendar explains, and its variance, by indicator."""
    year = sorted(service.before)[-12:]
    weight = pd.Series(0.0, index=year)
    for months, direction in ((service.current, 1), (service.baseline, -1)):
        for month in months:
            weight += direction / len(months) * ((weight.index - month) % 12 == 0)
    table = pd.DataFrame(0.0, index=service.indicators.index, columns=["contrast", "variance"])
    table["known"] = False
    part = residuals(service, year, spread)
    part["excess"] = part["r"] * np.sqrt(part["information"])
    for indicator, cells in part.groupby("indicator"):
        monthly = cells.groupby("month")[["excess", "information"]].sum()
        if len(monthly) < 12 or len(year) < 12:
            continue
        unit = spread[indicator] if service.indicators.loc[indicator, "measure"] == MEAN else 1.0
        sensitivity = monthly["information"] / unit
        contrast = (weight * monthly["excess"] / sensitivity).sum()
        error = (weight**2 * monthly["information"] / sensitivity**2).sum()
        table.loc[indicator] = [contrast, typical[indicator] * error, True]
    return table
