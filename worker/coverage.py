"""Who gets the care and who was looked at: shares of care and of checks by segment."""

import numpy as np

from models.calendar import band_minutes, days_of, months_between
from models.context import ServiceContext
from models.vocabulary import Band, Coverage, Strand
from worker.arrays import Layout
from worker.stats.panel import Floats
from worker.windows import Windows

#: A band or team is checked enough when its share of checks is this much of its share of care.
CHECK_RATIO = 0.5


def share_of_care(
    layout: Layout, row: int, strand: Strand, context: ServiceContext, window: Windows
) -> tuple[Floats, bool]:
    """Share of care by segment, and whether censuses, rosters or the clock really tell it."""
    provided = layout.provided[row]
    for minutes in (layout.care[row], layout.planned[row]):
        known = np.where(provided, minutes, 0.0)
        if not np.isnan(known).any() and known.sum() > 0 and (known[provided] > 0).all():
            return known / known.sum(), True
    if strand is Strand.SHIFT_COVERAGE:
        clock = np.where(provided, _clock_minutes(context, window), 0.0)
        return clock / max(clock.sum(), 1.0), True
    return provided / max(int(provided.sum()), 1), False


def _clock_minutes(context: ServiceContext, window: Windows) -> Floats:
    """Minutes of each band in the current window."""
    patterns = context.shift_patterns()
    minutes = dict.fromkeys(Band, 0)
    for month in months_between(*(window.current or window.baseline)):
        for day in days_of(month):
            for band, length in band_minutes(day, patterns).items():
                minutes[band] += length
    return np.array([float(minutes[band]) for band in Band])


def coverage_of(layout: Layout, row: int, share: Floats) -> tuple[Floats, tuple[Coverage, ...]]:
    """Share of checks by segment, and whether each was looked at every month and enough."""
    current = layout.panel.current[row]
    checks = layout.checks[row][:, current] * layout.provided[row][:, None]
    total = checks.sum()
    part = checks.sum(1) / total if total else np.zeros(len(checks))
    monthly = (checks > 0).all(1)
    enough = part >= CHECK_RATIO * share
    return part, tuple(
        Coverage.ABSENT
        if not checks[segment].any()
        else (Coverage.ADEQUATE if monthly[segment] and enough[segment] else Coverage.THIN)
        for segment in range(len(checks))
    )
