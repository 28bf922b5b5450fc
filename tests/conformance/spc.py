"""Control charts, against NHSRplotthedots, qicharts2, qcc and three readings of two of three."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.conformance.comparing import ReferenceSet, differences
from worker.stats.panel import Bools, Floats, Ints
from worker.stats.runs import run_limits, runs_about
from worker.stats.spc import MEAN_RANGE, Limits, p_limits, rebased, u_limits, xmr_limits
from worker.stats.spc_rules import (
    ABOVE_UPPER,
    BELOW_LOWER,
    RULE_SETS,
    TWO_OF_THREE_ABOVE,
    TWO_OF_THREE_BELOW,
    assurance,
    special_causes,
)

#: How NHSRplotthedots names our rules, by code.
PLOTTHEDOTS_NAMES = (
    "Common Cause",
    "Above UCL",
    "Below LCL",
    "7 Point Trend (Increasing)",
    "7 Point Trend (Decreasing)",
    "2 in 3 Above CL",
    "2 in 3 Below CL",
    "7 Points Above CL",
    "7 Points Below CL",
)
SIGNS = {"increase": 1, "decrease": -1, "neutral": 0}
ASSURANCES = {1: "consistent_pass", 0: "inconsistent", -1: "consistent_fail"}
#: The three readings of two of three, and our rule sets.
READINGS = {
    "nhsrplotthedots_0_2_2": "ptd-0.2.2",
    "mdc_tools_since_nov_2023": "mdc-2023",
    "powerbi_spc": "powerbi-spc",
}


def check_xmr(given: Any, expected: Any) -> list[str]:
    y = np.array(given["y"], dtype=np.float64)
    groups = _groups(len(y), given["rebase_at_index0"])
    fixing = _position_in_group(groups) < (given["fix_after_n_points"] or len(y))
    limits = rebased(
        lambda months: xmr_limits(y, months, screened=given["screen_outliers"]), fixing, groups
    )
    found = differences("mean", limits.centre, expected["mean"], relative=1e-9)
    found += differences("lpl", limits.lower, expected["lpl"], relative=1e-9)
    found += differences("upl", limits.upper, expected["upl"], relative=1e-9)
    causes = special_causes(y, limits, RULE_SETS["ptd-0.2.2"], groups)
    outside = causes.rules & (1 << ABOVE_UPPER | 1 << BELOW_LOWER) != 0
    near = (y > limits.near_upper) | (y < limits.near_lower)
    sign = SIGNS[given["improvement_direction"]]
    kinds = [_kind(direction, sign) for direction in causes.direction]
    target = np.nan if given["target"] is None else given["target"]
    assured = assurance(limits, np.array(target), np.array(sign))[-1]
    return found + _unequal(
        expected,
        rebase_group=groups,
        relative_to_mean=np.sign(y - limits.centre),
        outside_limits=outside,
        close_to_limits=near & ~outside,
        special_cause_type=[PLOTTHEDOTS_NAMES[code] for code in causes.rule],
        point_type=kinds,
        variation_last=kinds[-1],
        variation_icon=_icon(causes.direction[-1], sign),
        assurance_type=ASSURANCES.get(assured),
    )


def _groups(months: int, starts: list[int]) -> Ints:
    return np.isin(np.arange(months), starts).cumsum()


def _position_in_group(groups: Ints) -> Ints:
    return np.arange(len(groups)) - np.searchsorted(groups, groups)


def _kind(direction: float, sign: int) -> str:
    if direction == 0:
        return "common_cause"
    if sign == 0:
        return f"special_cause_neutral_{'high' if direction > 0 else 'low'}"
    return f"special_cause_{'improvement' if direction * sign > 0 else 'concern'}"


def _icon(direction: float, sign: int) -> str:
    if direction == 0:
        return "common_cause"
    kind = {0: "neutral", 1: "improvement", -1: "concern"}[int(direction) * sign]
    return f"{kind}_{'high' if direction > 0 else 'low'}"


def _unequal(expected: Any, **found: Any) -> list[str]:
    return [
        f"{name}: {value}, expected {expected[name]}"
        for name, value in found.items()
        if (value.tolist() if isinstance(value, np.ndarray) else value) != expected[name]
    ]


def check_two_sigma(given: Any, expected: Any) -> list[str]:
    z = np.array(given["z"], dtype=np.float64)
    limits = Limits(np.zeros_like(z), np.ones_like(z))
    two_of_three = 1 << TWO_OF_THREE_ABOVE | 1 << TWO_OF_THREE_BELOW
    found = {
        reading: (special_causes(z, limits, RULE_SETS[name]).rules & two_of_three != 0) * 1
        for reading, name in READINGS.items()
    }
    return _unequal(expected, **found) + [
        f"{reading}: no such rule set" for reading in expected.keys() - READINGS.keys()
    ]


def check_attribute(given: Any, expected: Any) -> list[str]:
    x = np.array(given["numerator"], dtype=np.float64)
    n = np.ones_like(x) if given["denominator"] is None else np.array(given["denominator"])
    months = np.arange(len(x))
    last = given["part_last_index"]
    groups = (months >= (len(x) if last is None else last)).astype(np.int64)
    fixing = months < (given["freeze"] or len(x))
    limits = rebased(_limits_of(given["chart"], x, n, bool(given["screen_mr"])), fixing, groups)
    y = x / n
    by = given["multiply"]
    lines = {
        "y": y,
        "cl": limits.centre,
        "lcl": limits.lower,
        "ucl": limits.upper,
        "lcl_95": limits.near_lower,
        "ucl_95": limits.near_upper,
    }
    found = [
        each
        for name, line in lines.items()
        for each in differences(name, by * line, expected[name], relative=1e-9)
    ]
    causes = special_causes(y, limits, RULE_SETS["mdc-2023"], groups)
    outside = causes.rules & (1 << ABOVE_UPPER | 1 << BELOW_LOWER) != 0
    found += _unequal(expected, sigma_signal=outside)
    found += _check_runs(y, limits, groups, expected)
    if "qcc_center" in expected:
        single = limits.sigma[0] * np.sqrt(n[0])
        found += differences("qcc_center", limits.centre[0], expected["qcc_center"], relative=1e-9)
        found += differences("qcc_std_dev", single, expected["qcc_std_dev"], relative=1e-9)
        for name, line in (("qcc_lcl", limits.lower), ("qcc_ucl", limits.upper)):
            # Where all limits are equal the file holds one.
            wanted = np.broadcast_to(np.asarray(expected[name], dtype=np.float64), line.shape)
            found += differences(name, line, wanted, relative=1e-9)
    return found


def _limits_of(chart: str, x: Floats, n: Floats, screened: bool) -> Callable[[Bools], Limits]:
    if chart == "i":
        return lambda fixing: xmr_limits(x, fixing, screened=screened, width=3 / MEAN_RANGE)
    if chart == "run":
        return lambda fixing: run_limits(x, fixing)
    of = {"p": p_limits, "u": u_limits}[chart[0]]
    return lambda fixing: of(
        x, n, fixing, prime=chart.endswith("p") and len(chart) > 1, screened=screened
    )


def _check_runs(y: Floats, limits: Limits, groups: Ints, expected: Any) -> list[str]:
    inside = groups == np.unique(groups)[:, None]
    runs = runs_about(np.where(inside, y, np.nan), limits.centre)
    return _unequal(
        expected,
        n_useful=runs.useful[groups],
        longest_run=runs.longest[groups],
        longest_run_max=runs.longest_allowed[groups],
        n_crossings=runs.crossings[groups],
        n_crossings_min=runs.fewest_crossings[groups],
        runs_signal=runs.signal[groups],
    )


SETS = {
    "spc_xmr_plotthedots": ReferenceSet(
        check_xmr, "all but short_group_warning, a threshold of the chart and not of its limits"
    ),
    "spc_two_sigma_variants": ReferenceSet(check_two_sigma, "all three readings"),
    "spc_attribute_qicharts2_qcc": ReferenceSet(check_attribute, "all"),
}
