"""Funnels and intervals of small numbers, against FunnelPlotR and PHEindicatormethods."""

from typing import Any

import numpy as np

from tests.conformance.comparing import ReferenceSet, differences
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


SETS = {"small_number_ci_phe": ReferenceSet(check_interval, "all")}
