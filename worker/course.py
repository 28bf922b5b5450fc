"""Where an improvement started, how it spread, and what the control charts say month by month."""

from dataclasses import dataclass

import numpy as np

from worker.stats.control_charts import Charts, control_charts
from worker.stats.evidence import Evidence
from worker.stats.monthly import monthly_change
from worker.stats.onset import (
    ChangePoint,
    Spread,
    change_point,
    first_run,
    order_of_starts,
    undone_months,
)
from worker.stats.panel import MEAN, Bools, Floats, Ints, Panel
from worker.stats.spc_rules import RULE_SETS

#: Months before the start that fix the limits of a control chart, whatever the baseline.
FIXING_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Course:
    """By look; months are positions on the panel's axis, -1 where there is none.

    charts : one chart for each segment and indicator, [b, g, i, m].
    whole : one chart a segment of its mean change, [b, g, 1, m].
    start : [b, g], first month of the first improvement run still in force.
    signalled : [b, g], there was such a run since the start month, in force or taken back.
    change : [b, g], the change point beside it, from a year before the start month on, or -1: what
        changed before the programme began is not hidden.
    order : origin, order and lag of the starts of named segments.
    """

    charts: Charts
    whole: Charts
    start: Ints
    signalled: Bools
    change: ChangePoint
    order: Spread


def course_of(
    panel: Panel, evidence: Evidence, members: Floats, named: Bools, rule_set: str
) -> Course:
    """Charts, starts and order of every look.

    Parameters
    ----------
    named : [b, g], segments that are claimed by name; only they have a place in the order.
    rule_set : name of the rules of control charts, see `spc_rules`.
    """
    rules = RULE_SETS[rule_set]
    indicators = panel.indicators
    position = np.arange(panel.before.shape[1])
    # Position of the start month; the very first where nothing before it is known.
    since = len(position) - panel.before[:, ::-1].argmax(1)
    first = np.where(panel.before.any(1), since, 0)
    fixing = panel.before & (position >= first[:, None] - FIXING_MONTHS)
    x, n = panel.x.sum(2), panel.n.sum(2)
    charts = control_charts(x, n, indicators.measure, indicators.sign, fixing, rules)
    series = monthly_change(panel, members)[:, :, None]
    seen = ~np.isnan(series)
    # The mean change is a value a month, charted as such; better is higher whatever it is made of.
    whole = control_charts(
        np.where(seen, series, 0.0),
        seen.astype(np.float64),
        np.array([MEAN]),
        np.ones(1),
        fixing,
        rules,
    )
    after = position >= first[:, None]
    improving = whole.improvement[:, :, 0] & after[:, None]
    better = whole.value[:, :, 0] > whole.centre[:, :, 0]
    undone = undone_months(better, ~np.isnan(whole.value[:, :, 0]))
    start = first_run(improving, undone)
    rho = evidence.autocorrelation.mean(1)[:, None] if len(indicators) else 0.0
    change = change_point(_since(series[:, :, 0], first), rho)
    known = np.where(named, start, -1)
    near = (change.first >= 0) & (known >= 0)
    order = order_of_starts(
        known, np.where(near, change.lower, -1), np.where(near, change.upper, -1)
    )
    return Course(charts, whole, start, np.asarray(improving.any(-1)), change, order)


def _since(series: Floats, first: Ints) -> Floats:
    """The series from a year before the start on; older months belong to another story."""
    position = np.arange(series.shape[-1])
    return np.where(position >= (first - FIXING_MONTHS)[:, None, None], series, np.nan)


def concerned_channels(course: Course, members: Floats) -> Ints:
    """Channels of each segment with a control chart in concern in the newest month, [b, g]."""
    flagged = course.charts.concern[..., -1].astype(np.float64)
    return np.asarray(((flagged @ members.T) > 0).sum(-1))
