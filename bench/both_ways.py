"""One look of services along an axis, by the kernel and the ordinary way, in the same names.

What `worker.score` has done of a strand from `indicator_evidence` to `claim`, with what has held,
gaps to the benchmark and planned power. No cells are laid out, no further evidence is sought.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench import ordinary_claims as ordinary
from bench.ordinary_evidence import evidence_of
from bench.ordinary_months import service_of
from models.vocabulary import Axis, Channel
from worker.stats.claims import Claim, claim
from worker.stats.evidence import Evidence, indicator_evidence
from worker.stats.method import DEFAULT
from worker.stats.panel import Floats, Ints, Panel
from worker.stats.planning import planned_power
from worker.stats.segments import Segments, segments_of
from worker.stats.standing import Gap, gap_to_benchmark, held_months

CHANNELS = len(Channel)
REQUIRED = 2
ALPHA = DEFAULT.decisive_alpha
BY_INDICATOR = (
    "z", "z_standard", "g", "g_variance", "level", "level_variance", "baseline_level",
    "n_baseline", "n_current", "information", "information_now",
)  # fmt: skip
BY_GAP = ("benchmark", "estimate", "lower", "upper", "material", "minor")
BY_SEGMENT = (
    "p_improved", "p_standard", "p_worsened", "channels_both", "channels_now", "mixed", "g",
    "g_variance",
)  # fmt: skip
BY_CLAIM = ("adjusted", "named", "bound")


@dataclass(frozen=True)
class Scored:
    """What the kernel says of one strand of all services."""

    evidence: Evidence
    whole: Segments
    p: tuple[Floats, ...]
    claims: tuple[Claim, ...]
    held: Ints
    gap: Gap
    power: Floats


def scored(of: Panel, axis: Axis) -> Scored:
    indicators = of.indicators
    members = np.asarray(indicators.channel == np.arange(CHANNELS)[:, None], dtype=float)
    everything = np.ones(len(indicators), dtype=bool)
    services, segments = of.x.shape[:2]
    alpha = np.full(services, ALPHA)
    evidence = indicator_evidence(of)
    whole = segments_of(evidence, members, REQUIRED, everything, DEFAULT)
    p_stronger, p_change = whole.p_stronger(DEFAULT), whole.p_stronger_by_change(DEFAULT)
    p_worsened = whole.p_worsened
    if axis is Axis.AREA:
        inside = segments_of(evidence, members, REQUIRED, ~indicators.external, DEFAULT)
        outside = segments_of(evidence, members, 1, indicators.external, DEFAULT)
        p_stronger = np.maximum(inside.p_stronger(DEFAULT), outside.p_stronger(DEFAULT))
        p_change = np.maximum(
            inside.p_stronger_by_change(DEFAULT), outside.p_stronger_by_change(DEFAULT)
        )
        p_worsened = np.minimum(1.0, 2 * np.minimum(inside.p_worsened, outside.p_worsened))
    p = (p_stronger, p_change, p_worsened)
    # Every service is at its own look: a year for each keeps one's claim from another's.
    years = range(services)
    return Scored(
        evidence=evidence,
        whole=whole,
        p=p,
        claims=tuple(claim(each, alpha, years, DEFAULT) for each in p),
        held=held_months(of, members),
        gap=gap_to_benchmark(evidence, indicators, np.ones((services, segments), dtype=bool)),
        power=planned_power(evidence, members, REQUIRED, everything, alpha, DEFAULT),
    )


def by_hand(of: Panel, row: int, axis: Axis) -> dict[str, Floats]:
    """The same of one service by pandas and statsmodels, named as `by_kernel` names it."""
    service = service_of(of, row)
    evidence = evidence_of(service)
    everything = pd.Series(data=True, index=service.indicators.index)
    whole = ordinary.segments_of(evidence, DEFAULT, REQUIRED, everything)
    p = {name: whole.table[name] for name in ("p_stronger", "p_by_change", "p_worsened")}
    if axis is Axis.AREA:
        external = service.indicators["external"]
        inside = ordinary.segments_of(evidence, DEFAULT, REQUIRED, ~external).table
        outside = ordinary.segments_of(evidence, DEFAULT, 1, external).table
        for name in ("p_stronger", "p_by_change"):
            p[name] = np.maximum(inside[name], outside[name])
        either = np.minimum(inside["p_worsened"], outside["p_worsened"])
        p["p_worsened"] = np.minimum(1.0, 2 * either)
    gaps = ordinary.gaps(evidence)
    found = {f"evidence {name}": _grid(evidence.table[name]) for name in BY_INDICATOR}
    found |= {f"gap {name}": _grid(gaps[name]) for name in BY_GAP}
    found |= {f"segment {name}": whole.table[name].to_numpy(float) for name in BY_SEGMENT}
    found |= {
        f"channel {name}": _by_channel(whole.channels[name], service.segments)
        for name in ("z", "g", "variance")
    }
    for name, values in p.items():
        found[name] = values.to_numpy(float)
        for column, each in ordinary.claim(values, ALPHA).items():
            found[f"{column} by {name}"] = each.to_numpy(float)
    return found | {
        "correlation": evidence.correlation.to_numpy(float),
        "autocorrelation": evidence.indicators["rho"].to_numpy(float),
        "df": evidence.indicators["df"].to_numpy(float),
        "season_known": evidence.indicators["season_known"].to_numpy(float),
        "held": ordinary.held_months(service).to_numpy(float),
        "power": ordinary.planned_power(evidence, DEFAULT, REQUIRED, ALPHA).to_numpy(float),
    }


def by_kernel(of: Scored, row: int) -> dict[str, Floats]:
    """The kernel's figures of one service."""
    found = {f"evidence {name}": getattr(of.evidence, name)[row] for name in BY_INDICATOR}
    found |= {f"gap {name}": getattr(of.gap, name)[row] for name in BY_GAP}
    found |= {f"segment {name}": getattr(of.whole, name)[row] for name in BY_SEGMENT}
    shown = (of.whole.z, of.whole.channel_g, of.whole.channel_variance)
    for name, values in zip(("z", "g", "variance"), shown, strict=True):
        found[f"channel {name}"] = values[row]
    for name, p, made in zip(
        ("p_stronger", "p_by_change", "p_worsened"), of.p, of.claims, strict=True
    ):
        found[name] = p[row]
        for column in BY_CLAIM:
            values = np.asarray(getattr(made, column)[row], dtype=float)
            found[f"{column} by {name}"] = np.broadcast_to(values, p[row].shape)
    return found | {
        "correlation": of.evidence.correlation[row],
        "autocorrelation": of.evidence.autocorrelation[row],
        "df": of.evidence.df[row],
        "season_known": of.evidence.season_known[row].astype(float),
        "held": of.held[row].astype(float),
        "power": of.power[row],
    }


def _grid(values: pd.Series) -> Floats:
    return np.asarray(values.astype(float).unstack(), dtype=float)


def _by_channel(values: pd.Series, segments: int) -> Floats:
    """A row a segment, silent ones too, and a column a channel."""
    table = values.astype(float).unstack()
    return np.asarray(table.reindex(index=range(segments), columns=range(CHANNELS)), dtype=float)


def apart(one: dict[str, Floats], other: dict[str, Floats]) -> tuple[float, str]:
    """The largest difference, relative where a figure is above 1 or is a p-value, and of what."""
    assert one.keys() == other.keys()
    worst, of = 0.0, "nothing"
    for name, a in one.items():
        b = np.asarray(other[name], dtype=float)
        if a.shape != b.shape or not (np.isnan(a) == np.isnan(b)).all():
            return np.inf, name
        size = np.abs(b) if " p_" in name or name.startswith("p_") else np.maximum(np.abs(b), 1)
        # Below this a p-value is 0 for both.
        difference = np.abs(a - b) / np.maximum(size, 1e-250)
        if difference.size and np.nanmax(difference, initial=0.0) > worst:
            worst, of = float(np.nanmax(difference)), name
    return worst, of
