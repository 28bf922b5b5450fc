"""Control charts of all segments and indicators at once, with limits from before the start.

A p′ chart of each proportion, a u′ chart of each rate, an XmR chart of each monthly mean. Nothing
is rebased here: new limits are a signed act, made by giving other months that fix them.
"""

from dataclasses import dataclass

import numpy as np

from worker.stats.panel import MEAN, PROPORTION, RATE, Bools, Floats, Ints, safe_divide
from worker.stats.spc import Limits, p_limits, u_limits, xmr_limits
from worker.stats.spc_rules import DEFAULT_RULE_SET, RULE_SETS, RuleSet, special_causes

#: Months that fix the limits; with fewer there is no chart.
LEAST_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts by month, each [b, g, i, m].

    value, centre, lower, upper : in the indicator's unit; NaN in a month without a value (value,
        and the limits of p′ and u′, which depend on its n), and everywhere without a chart.
    improvement, concern : flagged, towards or away from what is better.
    rule : code of the rule that flagged it, named in `spc_rules.RULE_NAMES`; 0 for none.
    rules : every rule that holds, code c as bit 2**c, read by `spc_rules.rule_names`.
    """

    value: Floats
    centre: Floats
    lower: Floats
    upper: Floats
    improvement: Bools
    concern: Bools
    rule: Ints
    rules: Ints

    @property
    def drawn(self) -> Bools:
        """Whether there is a chart, [b, g, i]."""
        return np.asarray(~np.isnan(self.centre).all(-1))


def control_charts(
    x: Floats,
    n: Floats,
    measure: Ints,
    sign: Floats,
    fixing: Bools,
    rules: RuleSet = RULE_SETS[DEFAULT_RULE_SET],
) -> Charts:
    """Chart every segment and indicator against the months that fix its limits.

    Parameters
    ----------
    x, n : [b, g, i, m]
        Successes and trials, events and exposure, or sum and number of values. A month is without
        evidence where n is 0, and where counts are impossible: below 0, or more successes than
        trials.
    measure : [i], PROPORTION, RATE or MEAN.
    sign : [i], +1 where higher is better, -1 where lower is.
    fixing : [b, m], the months that fix the limits: up to 12 before the start.
    rules : a rule set.

    Returns
    -------
    Charts
        No chart, hence nothing flagged, with fewer than 12 of these months with evidence. A
        series that was constant in them has limits equal to its centre (without any, or with
        nothing but successes, likewise): the first month beside them is outside.

    Raises
    ------
    ValueError
        Where shapes do not agree.

    References
    ----------
    Laney 2002 (10.1081/QEN-120006555); NHS England, Making Data Count. Whole-series limits
    swallow an improvement that limits from before it show.
    """
    if x.ndim != 4 or x.shape != n.shape:
        raise ValueError("x and n share one shape [b, g, i, m]")
    if not len(measure) == len(sign) == x.shape[2]:
        raise ValueError("measure and sign are as long as the i axis")
    if fixing.shape != (x.shape[0], x.shape[3]):
        raise ValueError("fixing has shape [b, m]")
    kind = measure[:, None]
    known = (n > 0) & ((x >= 0) | (kind == MEAN)) & ((x <= n) | (kind != PROPORTION))
    n = np.where(known, n, 0.0)
    used = fixing[:, None, None, :] & known
    used &= used.sum(-1, keepdims=True) >= LEAST_MONTHS
    value = np.where(used.any(-1, keepdims=True), safe_divide(x, n, np.nan), np.nan)
    limits = _limits(x, n, measure, used)
    causes = special_causes(value, limits, rules)
    better = causes.direction * sign[:, None]
    return Charts(
        value=value,
        centre=limits.centre,
        lower=limits.lower,
        upper=limits.upper,
        improvement=np.asarray(better > 0),
        concern=np.asarray(better < 0),
        rule=causes.rule,
        rules=causes.rules,
    )


def _limits(x: Floats, n: Floats, measure: Ints, used: Bools) -> Limits:
    """Limits of each indicator by its own kind of chart."""
    centre, sigma = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    for kind in (PROPORTION, RATE, MEAN):
        chosen = measure == kind
        if not chosen.any():
            continue
        part_x, part_n, part_used = x[:, :, chosen], n[:, :, chosen], used[:, :, chosen]
        if kind == MEAN:
            limits = xmr_limits(safe_divide(part_x, part_n, np.nan), part_used)
        else:
            of = p_limits if kind == PROPORTION else u_limits
            limits = of(part_x, part_n, part_used, prime=True)
        centre[:, :, chosen], sigma[:, :, chosen] = limits.centre, limits.sigma
    bounded = measure[:, None] != MEAN
    return Limits(
        centre,
        sigma,
        floor=np.where(bounded, 0.0, -np.inf),
        ceiling=np.where(measure[:, None] == PROPORTION, 1.0, np.inf),
    )
