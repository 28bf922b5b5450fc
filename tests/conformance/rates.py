"""Funnels and intervals of small numbers, against FunnelPlotR and PHEindicatormethods."""

from dataclasses import astuple, replace
from typing import Any

import numpy as np

from tests.conformance.comparing import ReferenceSet, differences
from worker.stats.funnel import FunnelLimits, Ratio, funnel
from worker.stats.intervals import byar, count_interval, wilson

LEVELS = {"95_0": 0.95, "99_8": 0.998}


def check_interval(given: Any, expected: Any) -> list[str]:
    x, n = (
        np.array(np.nan if given[name] is None else given[name], dtype=np.float64)
        for name in ("x", "n")
    )
    if "confidence" in given:
        level = float(given["confidence"].rstrip("%")) / 100
        ends = byar(x, level) if given["method"] == "Byars" else wilson(x, n, level)
        return [
            each
            for name, end in zip(("lower", "upper"), ends, strict=True)
            for each in differences(name, end, expected[name], relative=1e-8)
        ]
    by = given["multiplier"]
    found = differences("value", by * x / n, expected["value"], relative=1e-8)
    for name, level in LEVELS.items():
        if given["method"] == "Wilson":
            lower, upper = wilson(x, n, level)
        else:
            lower, upper = (end / n for end in count_interval(x, level))
        found += differences(f"lower{name}", by * lower, expected[f"lower{name}cl"], relative=1e-8)
        found += differences(f"upper{name}", by * upper, expected[f"upper{name}cl"], relative=1e-8)
    return found


#: Names of the limits in the file, those by chance alone first.
LIMITS = ("lower_95", "upper_95", "lower_998", "upper_998")
PLAIN = ("LCL95", "UCL95", "LCL99_8", "UCL99_8")
ADJUSTED = ("OD95LCL", "OD95UCL", "OD99_8LCL", "OD99_8UCL")


def check_funnel(given: Any, expected: Any) -> list[str]:
    # The file lists units by name.
    order = np.argsort(given["group"], kind="stable")
    x, n = (np.array(given[name], dtype=np.float64)[order] for name in ("numerator", "denominator"))
    kind = {
        "PR": Ratio.PROPORTION,
        "RC": Ratio.COUNTS,
        "SR": Ratio[f"STANDARDISED_{'LOG' if given['sr_method'] == 'SHMI' else 'ROOT'}"],
    }[given["data_type"]]
    if kind is Ratio.STANDARDISED_LOG:
        n = np.round(n, 2)
    of = funnel(x, n, kind, given["trim_by"])
    if kind is Ratio.STANDARDISED_ROOT:
        # The file leaves these limits on the scale of square roots and holds ratios against them.
        of = replace(of, adjusted=FunnelLimits(*map(np.sqrt, astuple(of.adjusted))))
    by = given["multiplier"]
    values = {
        "ratio": of.ratio,
        "target": of.target,
        "phi": of.dispersion.phi,
        "tau2": of.dispersion.tau2,
        "y_transformed": of.transformed,
        "unadjusted_z": of.z,
        "trimmed_z": of.dispersion.trimmed,
        "outlier": of.outlier,
        **{name: by * getattr(of.plain, ours) for ours, name in zip(LIMITS, PLAIN, strict=True)},
        **{
            name: by * getattr(of.adjusted, ours)
            for ours, name in zip(LIMITS, ADJUSTED, strict=True)
        },
    }
    return [
        each
        for name, value in values.items()
        for each in differences(name, value, expected[name], relative=1e-9)
    ]


SETS = {
    "funnel_funnelplotr": ReferenceSet(
        check_funnel,
        "all but drew_adjusted, which says what was drawn; adjusted limits of the square-root scale"
        " and outliers by them on that scale, where the file leaves them",
    ),
    "small_number_ci_phe": ReferenceSet(check_interval, "all"),
}
