"""One series a segment: how far each month is from where it started, or from the standard."""

import numpy as np

from worker.stats.panel import Floats, Panel, safe_divide, window_sums

EVERY = slice(None)


def monthly_change(panel: Panel, members: Floats, months: slice = EVERY) -> Floats:
    """Distance of each month to the segment's own baseline level, in meaningful changes.

    Mean over the channels that speak in a month of the mean over their indicators.

    Parameters
    ----------
    members : [c, i], 1 where an indicator belongs to a channel; 0 leaves it out.
    months : those that are asked for.

    Returns
    -------
    [b, g, m], positive is better; NaN in a month without evidence or without a baseline for it.
    """
    baseline = window_sums(panel, panel.baseline).over_strata()
    level = safe_divide(baseline.x, baseline.n, np.nan)[:, :, 0, :, None]
    x, n = panel.x[..., months].sum(2), panel.n[..., months].sum(2)
    return _by_channel(_scale(panel) * (safe_divide(x, n, np.nan) - level), n, members)


def monthly_distance(panel: Panel, members: Floats, months: slice = EVERY) -> Floats:
    """Distance of each month to the standards, [b, g, m] as `monthly_change`; 0 is at standard.

    Indicators without a standard say nothing here.
    """
    x, n = panel.x[..., months].sum(2), panel.n[..., months].sum(2)
    standard = panel.indicators.standard[:, None]
    return _by_channel(_scale(panel) * (safe_divide(x, n, np.nan) - standard), n, members)


def _scale(panel: Panel) -> Floats:
    return np.asarray((panel.indicators.sign / panel.indicators.meaningful)[:, None])


def _by_channel(value: Floats, n: Floats, members: Floats) -> Floats:
    """Mean over channels of the mean over their indicators, [b, g, m] from [b, g, i, m]."""
    seen = ~np.isnan(value) & (n > 0)
    filled = np.where(seen, value, 0.0)
    total, count = members @ filled, members @ seen.astype(np.float64)
    channel = safe_divide(total, count, np.nan)
    present = count > 0
    mean = safe_divide(np.where(present, channel, 0.0).sum(2), present.sum(2).astype(np.float64))
    return np.where(present.any(2), mean, np.nan)
