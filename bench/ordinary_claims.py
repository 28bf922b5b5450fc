"""The scoring of one service the ordinary way: channels, segments, claims, and what holds."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bench.ordinary_evidence import Evidence
from bench.ordinary_months import Service
from worker.stats.method import Method

ALPHA = 0.05


@dataclass(frozen=True)
class Segments:
    """One row a segment; `channels` one row a segment and channel."""

    table: pd.DataFrame
    channels: pd.DataFrame


def segments_of(evidence: Evidence, method: Method, required: int, chosen: pd.Series) -> Segments:
    """Channels and segments from the chosen indicators."""
    rows, channels = [], []
    for segment, table in evidence.table.groupby("segment"):
        of = table.droplevel("segment")[chosen]
        change = _channels(of, "z", "information", evidence, method)
        standard = _channels(of, "z_standard", "information_now", evidence, method)
        shown = _shown(of, evidence)
        together = change.correlation
        tail = stats.norm.sf(-change.z)
        row = {
            "segment": segment,
            "p_improved": corroborated(change.z, change.weight, together, required),
            "p_worsened": corroborated(-change.z, change.weight, together, required),
            "p_standard": corroborated(standard.z, standard.weight, standard.correlation, required),
            "channels_both": len(change.z),
            "channels_now": len(standard.z),
            "mixed": bool(multipletests(tail, ALPHA, "holm")[0].any()) if len(tail) else False,
            "g": np.nan,
            "g_variance": np.nan,
        }
        if len(shown):
            share = np.sqrt(shown["variance"]) / len(shown)
            row["g"] = shown["g"].mean()
            row["g_variance"] = float(share @ together.loc[shown.index, shown.index] @ share)
        rows.append(row)
        shown["z"] = change.z
        channels.append(shown.assign(segment=segment))
    found = pd.DataFrame(rows).set_index("segment")
    price = method.share_of_change
    either = np.minimum(found["p_improved"] / price, found["p_standard"] / (1 - price))
    found["p_stronger"] = either.clip(upper=1).mask(found["mixed"], 1.0)
    changed = (found["p_improved"] / price).clip(upper=1)
    found["p_by_change"] = changed.mask(found["mixed"], 1.0)
    table = pd.concat(channels).rename_axis("channel").set_index("segment", append=True)
    return Segments(found, table.swaplevel())


@dataclass(frozen=True)
class Channels:
    """Scores of the channels with evidence, what each can show, and how they hang together."""

    z: pd.Series
    weight: pd.Series
    correlation: pd.DataFrame


def _channels(
    of: pd.DataFrame, z: str, information: str, evidence: Evidence, method: Method
) -> Channels:
    seen = of[of[z].notna() & (of[information] > 0)]
    weight = seen[information] if method.informed else seen[information] * 0 + 1
    if seen.empty:
        nothing = pd.Series(dtype=float)
        return Channels(nothing, nothing, pd.DataFrame(dtype=float))
    # One column a channel: the weight of each of its indicators.
    columns = pd.get_dummies(seen["channel"]).astype(float).mul(weight, axis=0)
    R = evidence.correlation.loc[seen.index, seen.index]
    covariance = columns.T @ R @ columns
    spread = pd.Series(np.sqrt(np.diag(covariance)), covariance.index, dtype=float)
    return Channels(
        columns.T @ seen[z] / spread,
        columns.T @ weight / spread,
        covariance.div(spread, axis=0).div(spread, axis=1),
    )


def corroborated(
    z: pd.Series, weight: pd.Series, correlation: pd.DataFrame, required: int
) -> float:
    """Largest p over all ways to leave `required - 1` channels out; 1 where there are too few."""
    if len(z) < required:
        return 1.0
    worst = np.inf
    for left_out in combinations(z.index, required - 1):
        kept = z.index.difference(left_out)
        w = weight[kept]
        spread = np.sqrt(w @ correlation.loc[kept, kept] @ w)
        worst = min(worst, (w @ z[kept]) / spread if spread > 0 else 0.0)
    return float(stats.norm.sf(worst))


def _shown(of: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
    """Inverse-variance mean of the indicators of each channel, in meaningful changes."""
    rows = {}
    for channel, seen in of[of["g_variance"] > 0].groupby("channel"):
        share = (1 / seen["g_variance"]) / (1 / seen["g_variance"]).sum()
        error = share * np.sqrt(seen["g_variance"])
        R = evidence.correlation.loc[seen.index, seen.index]
        rows[channel] = {"g": share @ seen["g"], "variance": error @ R @ error}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["g", "variance"])


def ten_digits(p: float) -> float:
    return float(f"{p:.9e}")


def claim(p: pd.Series, alpha: float) -> pd.DataFrame:
    """Adjusted p-values and names; the bound stands beside each segment."""
    rounded = p.map(ten_digits)
    adjusted = pd.Series(multipletests(rounded, alpha, "hommel")[1], p.index).map(ten_digits)
    named = adjusted <= alpha
    ordered = np.sort(rounded)
    made, running = 0, 0.0
    for r in range(1, len(ordered) + 1):
        rest = ordered[r - 1 :]
        simes = float(np.min(len(rest) * rest / np.arange(1, len(rest) + 1)))
        running = max(running, ten_digits(min(simes, 1.0)))
        made += running <= alpha
    return pd.DataFrame({"adjusted": adjusted, "named": named, "bound": max(made, named.sum())})


def held_months(service: Service) -> pd.Series:
    """Latest months in a row that were better than the baseline, or near the standard."""
    cells = service.cells.join(service.indicators, on="indicator")
    keys = ["segment", "indicator", "month"]
    monthly = cells.groupby(keys)[["x", "n"]].sum()
    first = service.within(service.baseline).groupby(keys[:2])[["x", "n"]].sum()
    table = (monthly["x"] / monthly["n"]).rename("now").reset_index()
    table = table.join((first["x"] / first["n"]).rename("level"), on=keys[:2])
    table = table.join(service.indicators, on="indicator")
    scale = table["sign"] / table["meaningful"]
    table["better"] = scale * (table["now"] - table["level"])
    table["near"] = scale * (table["now"] - table["standard"])
    channel = table.groupby(["segment", "month", "channel"])[["better", "near"]].mean()
    month = channel.groupby(["segment", "month"]).mean()
    holds = ((month["better"] > 0) | (month["near"] >= -0.5)).unstack("month", fill_value=False)
    latest = service.current[-1]
    after = range(latest, max(service.baseline), -1)
    ordered = holds.reindex(columns=after, fill_value=False)
    held = ordered.astype(int).cumprod(axis=1).sum(axis=1)
    return held.reindex(range(service.segments), fill_value=0)


def gaps(evidence: Evidence) -> pd.DataFrame:
    """Distance of every indicator to its benchmark, with interval, material and minor."""
    rows = []
    for indicator, table in evidence.table.groupby("indicator"):
        of = table.droplevel("indicator")
        for segment, row in of.iterrows():
            others = of.drop(segment)
            others = others[others["level"].notna() & (others["level_variance"] > 0)]
            benchmark, error = row["standard"], 0.0
            if np.isnan(benchmark):
                benchmark, error = _mean_of(others)
            rows.append((segment, indicator, benchmark, error))
    table = pd.DataFrame(rows, columns=["segment", "indicator", "benchmark", "benchmark_variance"])
    table = evidence.table.join(table.set_index(["segment", "indicator"]))
    scale = table["sign"] / table["meaningful"]
    total = table["level_variance"] + table["benchmark_variance"]
    table["estimate"] = scale * (table["level"] - table["benchmark"])
    error = np.sqrt(total) / table["meaningful"]
    df = table["df"].clip(lower=1)
    width = stats.t.ppf(1 - ALPHA, df) * error
    table["lower"], table["upper"] = table["estimate"] - width, table["estimate"] + width
    table["minor"] = (table["lower"] > -1) & (table["upper"] < 1)
    table["p"] = stats.t.sf((-1 - table["estimate"]) / error, df)
    table["material"] = False
    for _, of in table[table["p"].notna()].groupby("segment"):
        table.loc[of.index, "material"] = multipletests(of["p"], ALPHA, "holm")[0]
    table["benchmark"] = table["benchmark"].where(table["estimate"].notna())
    return table[["benchmark", "estimate", "lower", "upper", "material", "minor"]]


def _mean_of(others: pd.DataFrame) -> tuple[float, float]:
    """Mean by inverse variance, and the larger of its error and of what they differ by."""
    if others.empty:
        return np.nan, np.nan
    weight = 1 / others["level_variance"]
    mean = float(np.average(others["level"], weights=weight))
    number = len(others)
    between = ((others["level"] - mean) ** 2).sum() / max(number * (number - 1), 1)
    return mean, float(max(1 / weight.sum(), between))


def planned_power(evidence: Evidence, method: Method, required: int, alpha: float) -> pd.Series:
    """Chance of being seen to improve if every channel gained one meaningful change."""
    power = {}
    for segment, table in evidence.table.groupby("segment"):
        of = table.droplevel("segment")
        of = of[of["z"].notna()].assign(expected=lambda known: known["information"])
        channels = _channels(of, "expected", "information", evidence, method)
        p = corroborated(channels.z, channels.weight, channels.correlation, required)
        enough = len(channels.z) >= required
        shift = stats.norm.isf(np.clip(p, 1e-300, 1)) - stats.norm.isf(alpha)
        power[segment] = float(stats.norm.cdf(shift)) if enough else 0.0
    return pd.Series(power)
