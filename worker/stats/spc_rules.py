"""Which months of a control chart something particular must have happened in, and by which rule.

The rules are data: a set names how long a shift and a trend are and what counts as two of three.
A month without a value is never flagged, and it breaks what runs across it: silence neither
continues a run nor starts one.
"""

from dataclasses import dataclass

import numpy as np

from worker.stats.panel import Bools, Floats, Ints
from worker.stats.spc import Limits, above

(
    NO_RULE,
    ABOVE_UPPER,
    BELOW_LOWER,
    TREND_UP,
    TREND_DOWN,
    TWO_OF_THREE_ABOVE,
    TWO_OF_THREE_BELOW,
    SHIFT_ABOVE,
    SHIFT_BELOW,
) = range(9)
#: By code, the first that holds names the month.
RULE_NAMES = (
    "",
    "above_upper_limit",
    "below_lower_limit",
    "trend_increasing",
    "trend_decreasing",
    "two_of_three_near_upper_limit",
    "two_of_three_near_lower_limit",
    "shift_above_centre",
    "shift_below_centre",
)
#: By code, where the rule says the values went.
RULE_DIRECTIONS = np.array([0.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0])


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules of one published tool.

    shift : months in a row on one side of the centre.
    trend : months in a row that each rise, or each fall.
    counts_beyond : two of three beyond the near limit counts months beyond the limit itself.
    one_side : all three months have to lie on that side of the centre.
    """

    shift: int
    trend: int
    counts_beyond: bool
    one_side: bool


#: NHSRplotthedots 0.2.2; the Making Data Count tools since November 2023; PowerBI-SPC.
RULE_SETS = {
    "mdc-2023": RuleSet(shift=7, trend=7, counts_beyond=True, one_side=True),
    "ptd-0.2.2": RuleSet(shift=7, trend=7, counts_beyond=False, one_side=True),
    "powerbi-spc": RuleSet(shift=7, trend=7, counts_beyond=True, one_side=False),
}
DEFAULT_RULE_SET = "mdc-2023"


@dataclass(frozen=True, slots=True)
class SpecialCauses:
    """What was flagged, each [..., m].

    rule : code of the first rule that holds, NO_RULE where none does.
    rules : every rule that holds, code c as bit 2**c.
    direction : +1 where that first rule says up, -1 down, 0 without one.
    """

    rule: Ints
    rules: Ints
    direction: Floats


def special_causes(
    y: Floats, limits: Limits, rules: RuleSet, groups: Ints | None = None
) -> SpecialCauses:
    """Months outside the limits, in a shift, in a trend, or two of three near a limit.

    Parameters
    ----------
    y : [..., m], NaN where missing.
    limits : of the same shape; where they are NaN no rule but the trend can hold.
    rules : one of RULE_SETS.
    groups : [m], the number of rebases up to and including each month; no rule looks across one.

    Notes
    -----
    Inequalities are strict: a month on a line is on neither side of it. Every month of a shift or
    trend is flagged, of two of three those near the limit. Near limits are two of the three sigma,
    for an XmR chart mean ± (2 x 2.66 / 3) mean moving ranges.

    References
    ----------
    NHS England, Making Data Count; NHSRplotthedots 0.2.2; what its tools have counted as two of
    three since November 2023 is said in issue 194 of NHSRplotthedots.
    """
    held = np.zeros((len(RULE_NAMES), *y.shape), dtype=bool)
    for group in [None] if groups is None else np.unique(groups):
        seen = y if group is None else np.where(groups == group, y, np.nan)
        held |= _held(seen, limits, rules)
    rule, every = np.zeros(y.shape, dtype=np.int64), np.zeros(y.shape, dtype=np.int64)
    for code in range(len(RULE_NAMES) - 1, NO_RULE, -1):
        rule[held[code]] = code
        every[held[code]] |= 1 << code
    return SpecialCauses(rule=rule, rules=every, direction=RULE_DIRECTIONS[rule])


def rule_names(rules: int) -> list[str]:
    """Names of all rules in an entry of `SpecialCauses.rules`."""
    return [name for code, name in enumerate(RULE_NAMES) if name and rules >> code & 1]


def _held(y: Floats, limits: Limits, rules: RuleSet) -> Bools:
    """Which rules hold in which months, [rule, ..., m]."""
    held = np.zeros((len(RULE_NAMES), *y.shape), dtype=bool)
    beyond = {1: above(y, limits.upper), -1: above(limits.lower, y)}
    near = {1: above(y, limits.near_upper), -1: above(limits.near_lower, y)}
    side = {1: above(y, limits.centre), -1: above(limits.centre, y)}
    step = {1: above(y[..., 1:], y[..., :-1]), -1: above(y[..., :-1], y[..., 1:])}
    known = ~np.isnan(y)
    for sign, of_sign in ((1, 0), (-1, 1)):
        held[ABOVE_UPPER + of_sign] = beyond[sign]
        held[SHIFT_ABOVE + of_sign] = in_runs(side[sign], rules.shift)
        rising = in_runs(step[sign], rules.trend - 1)
        held[TREND_UP + of_sign, ..., 1:] |= rising
        held[TREND_UP + of_sign, ..., :-1] |= rising
        counted = near[sign] if rules.counts_beyond else near[sign] & ~beyond[sign]
        allowed = side[sign] if rules.one_side else known
        held[TWO_OF_THREE_ABOVE + of_sign] = _two_of_three(counted, allowed)
    return held


def in_runs(holds: Bools, length: int) -> Bools:
    """Months that belong to at least `length` consecutive months that hold, [..., m]."""
    result = np.zeros(holds.shape, dtype=bool)
    starts = holds.shape[-1] - length + 1
    if starts < 1:
        return result
    complete = np.ones((*holds.shape[:-1], starts), dtype=bool)
    for offset in range(length):
        complete &= holds[..., offset : offset + starts]
    for offset in range(length):
        result[..., offset : offset + starts] |= complete
    return result


def _two_of_three(counted: Bools, allowed: Bools) -> Bools:
    """Counted months of any three in a row that are all allowed and at least two counted."""
    result = np.zeros(counted.shape, dtype=bool)
    starts = counted.shape[-1] - 2
    if starts < 1:
        return result
    windows = [slice(offset, offset + starts) for offset in range(3)]
    two = np.sum([counted[..., each] for each in windows], axis=0) >= 2
    two &= np.logical_and.reduce([allowed[..., each] for each in windows])
    for each in windows:
        result[..., each] |= two
    return result & counted


def assurance(limits: Limits, target: Floats, sign: Floats) -> Floats:
    """Whether a process that stays as it is will meet its target, by month.

    Parameters
    ----------
    limits : [..., m]
    target, sign : broadcast with it; sign +1 where higher is better, -1 where lower is.

    Returns
    -------
    Floats
        +1 consistently meets it, -1 consistently fails it, 0 hit and miss; NaN without limits,
        target or direction (sign 0). A target on a limit is hit and miss.

    References
    ----------
    NHS England, Making Data Count, assurance icons.
    """
    missed = above(target, limits.upper).astype(np.float64)
    passed = above(limits.lower, target).astype(np.float64)
    known = ~np.isnan(limits.sigma) & ~np.isnan(target) & (sign != 0)
    return np.where(known, sign * (passed - missed), np.nan)
