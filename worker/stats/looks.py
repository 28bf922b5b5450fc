"""What each monthly look may spend, and which claims of earlier looks still stand.

Twelve looks share 5% of error. Rolling windows overlap but a year of them still holds several that
hardly do, so equal levels would have to be so low that little is ever decided. Most of the year is
therefore spent where the evidence first is complete, and a claim made there is kept while later
looks support it. As long as what was true stays true, keeping a claim adds no error: it was wrong
when it was made or not at all.
"""

import numpy as np

from worker.stats.method import Method
from worker.stats.panel import Bools, Ints

LOOKS_A_YEAR = 12


def year_of_look(look: int) -> int:
    """Years of looks before this one, from 0; each has its own 5%.

    Raises
    ------
    ValueError
        For a number below 1.
    """
    if look < 1:
        raise ValueError("looks are counted from 1")
    return (look - 1) // LOOKS_A_YEAR


def alpha_of_look(look: int, first_full: int, method: Method) -> float:
    """Level of the look with this number; the same for everybody, whatever was read.

    Parameters
    ----------
    look : from 1, looks of earlier versions of the programme counted in.
    first_full : number of the first look whose current window has all its months. In later years
        the window is full at once, so that their first look decides.
    method : levels of its looks.
    """
    year = year_of_look(look)
    decisive = min(first_full, LOOKS_A_YEAR) if year == 0 else year * LOOKS_A_YEAR + 1
    return method.decisive_alpha if look == decisive else method.alpha


def standing_bound(made: Ints, supported: Ints, named: Ints) -> Ints:
    """How many segments are claimed at each look of one year, [t, …] in order.

    Parameters
    ----------
    made : [t, …], bound at the look's own level.
    supported : [t, …], bound at the level at which a claim stands, never below `made`.
    named : [t, …], number of segments claimed by name at that look, standing ones included.

    Returns
    -------
    [t, …]. A claim is never above what its own look made or a look since then supports.
    """
    standing = np.maximum(made, named)
    for look in range(1, len(made)):
        kept = np.minimum(standing[look - 1], supported[look])
        standing[look] = np.maximum(standing[look], kept)
    return standing


def standing_names(made: Bools, supported: Bools) -> Bools:
    """Segments claimed by name at each look of one year, [t, …] from [t, …]."""
    standing = made.copy()
    for look in range(1, len(made)):
        standing[look] |= standing[look - 1] & supported[look]
    return standing
