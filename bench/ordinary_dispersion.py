"""The scoring of one service the ordinary way: how restless each segment is, and how sure of it.

Written from the method, not from the kernel, and in other steps: a row for each segment and
indicator, an F test for each question, and Satterthwaite's rule for each sum of variances.
"""

import numpy as np
import pandas as pd
from scipy import stats
from scipy.linalg import toeplitz

from bench.ordinary_months import Service

#: Named choices of the method, written down a second time.
CHANCE, TOGETHER = 0.15, 0.3
LEAST_FREE = 0.2


def inflation(rho: float, months: float) -> float:
    """Variance of a mean of neighbouring months relative to independent ones."""
    if months < 1:
        return 1.0
    together = toeplitz(rho ** np.arange(int(months)))
    return float(together.sum() / months)


def dispersion(
    service: Service, windows: list[pd.DataFrame], rho: pd.Series
) -> tuple[pd.DataFrame, pd.Series]:
    """Factor `phi` and its `own_df` by segment and indicator; those of the service by indicator."""
    table = _squares(service, windows, rho)
    pooled, pooled_df = {}, {}
    for indicator, of in table.groupby("indicator"):
        free = of["free"].sum()
        pooled[indicator] = max(of["square"].sum() / free, 1.0) if free > 0 else 1.0
        pooled_df[indicator] = joint_df(of["months"])
    table["pooled"] = pd.Series(pooled).reindex(table.index, level="indicator")
    table["pooled_df"] = pd.Series(pooled_df).reindex(table.index, level="indicator")
    table["relative"] = table["square"] / table["pooled"]
    table = table.join(_segments(table), on="segment")
    judged = [_judged(row) for _, row in table.iterrows()]
    return pd.DataFrame(judged, table.index, ["phi", "own_df"]), pd.Series(pooled_df)


def _squares(service: Service, windows: list[pd.DataFrame], rho: pd.Series) -> pd.DataFrame:
    """Squared residuals of each segment and indicator, and the months that are free to differ."""
    rows = []
    for part in windows:
        for (indicator, segment), cells in part.groupby(["indicator", "segment"]):
            months = len(cells)
            # Neighbours that move together are closer to their own mean than to the true one.
            lost = (inflation(rho[indicator], months) - 1) / (months - 1) if months > 1 else 0.0
            free = (months - 1) * np.clip(1 - lost, LEAST_FREE, 1)
            rows.append((segment, indicator, (cells["r"] ** 2).sum(), free, months - 1))
    keys = ["segment", "indicator"]
    table = pd.DataFrame(rows, columns=[*keys, "square", "free", "months"])
    every = pd.MultiIndex.from_product(
        [range(service.segments), service.indicators.index], names=keys
    )
    return table.groupby(keys).sum().reindex(every, fill_value=0).astype(float)


def joint_df(months: pd.Series) -> float:
    """Degrees of freedom of sums of squares that move together, fewer than their sum."""
    seen = months[months > 0]
    if seen.empty:
        return 0.0
    # The variance of the mean of equally correlated ones; squares correlate by r².
    together = np.full((len(seen), len(seen)), TOGETHER**2)
    np.fill_diagonal(together, 1.0)
    return float(seen.sum() / (together.sum() / len(seen)))


def belief(factor: float, others: float, df: float, others_df: float) -> float:
    """Share of a factor above 1 that is taken for more than chance: none from p = 0.15 on."""
    if df <= 0 or others_df <= 0 or factor <= 1:
        return 0.0
    p = stats.f.sf(factor / others if others > 0 else np.inf, df, others_df)
    return max(1 - float(p) / CHANCE, 0.0)


def _segments(table: pd.DataFrame) -> pd.DataFrame:
    """Each segment against all others over all indicators: its factor, and how sure that is."""
    df = table.groupby("segment")["months"].apply(joint_df)
    rows = {}
    for segment, of in table.groupby("segment"):
        rest = table.drop(index=segment, level="segment")
        factor, others = (
            part["relative"].sum() / part["free"].sum() if part["free"].sum() > 0 else 0.0
            for part in (of, rest)
        )
        believed = belief(factor, others, df[segment], df.drop(segment).sum())
        # What is not believed stays at 1, which is certain: the pooled variance stands beside it.
        parts = [(believed * factor, df[segment]), (1 - believed, np.inf)]
        rows[segment] = {
            "factor": sum(size for size, _ in parts),
            "factor_df": satterthwaite(parts),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("segment")


def _judged(row: pd.Series) -> tuple[float, float]:
    """Dispersion of one indicator in one segment: its own factor or the segment's, if larger."""
    if row["pooled_df"] <= 0:
        return row["pooled"] * row["factor"], 0.0
    own = row["relative"] / row["free"] if row["free"] > 0 else 0.0
    believed = belief(own, 1.0, row["months"], row["pooled_df"])
    parts = [(believed * own, row["months"]), (1 - believed, row["pooled_df"])]
    alone = sum(size for size, _ in parts)
    if alone > row["factor"]:
        df = satterthwaite(parts)
    else:
        # Relative variances of a product add up, and that of a variance is 2 / df.
        df = 1 / (1 / row["factor_df"] + 1 / row["pooled_df"])
    return row["pooled"] * max(alone, row["factor"]), min(df, row["pooled_df"])


def satterthwaite(parts: list[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of variances, each with its own."""
    total = sum(size for size, _ in parts)
    unsure = sum(size**2 / df for size, df in parts if size > 0)
    return float(total**2 / unsure) if unsure > 0 else np.inf
