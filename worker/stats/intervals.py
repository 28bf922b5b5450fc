"""Confidence intervals of a single proportion or count, right for small numbers.

They describe what was counted; whether something changed is decided elsewhere.
"""

import numpy as np
from scipy import special

from worker.stats.panel import Bools, Floats, safe_divide

#: Counts from here on get Byar's interval, smaller ones the exact one.
BYAR_FROM = 10


def _tail(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError("confidence lies between 0 and 1")
    return (1 - confidence) / 2


def wilson(x: Floats, n: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's score interval of a proportion.

    Parameters
    ----------
    x, n : successes and trials, shapes broadcast; need not be whole numbers.
    confidence : between 0 and 1.

    Returns
    -------
    lower, upper : Floats
        Between 0 and 1; exactly 0 without successes and exactly 1 without failures. NaN where n
        is 0 or missing, or x is missing or outside 0 to n.

    Raises
    ------
    ValueError
        Where confidence is not between 0 and 1.

    References
    ----------
    Wilson 1927 (10.1080/01621459.1927.10502953); Newcombe 1998
    (10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E), method 3.
    """
    z = special.ndtri(1 - _tail(confidence))
    with np.errstate(invalid="ignore"):
        possible = (n > 0) & (x >= 0) & (x <= n)
    successes, trials = (np.where(possible, each, 1.0) for each in (x, n))
    middle = successes + z**2 / 2
    half = z * np.sqrt(safe_divide(successes * (trials - successes), trials) + z**2 / 4)
    total = trials + z**2
    # The score interval ends at 0 and 1, which rounding would miss by a little.
    lower = np.where(successes == 0, 0.0, (middle - half) / total)
    upper = np.where(successes == trials, 1.0, (middle + half) / total)
    return np.where(possible, lower, np.nan), np.where(possible, upper, np.nan)


def exact_poisson(x: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Exact interval of a Poisson count.

    Parameters
    ----------
    x : counts, 0 or more.
    confidence : between 0 and 1.

    Returns
    -------
    lower, upper : Floats
        On the scale of the count; lower is 0 for no event. NaN where x is missing or negative.

    Raises
    ------
    ValueError
        Where confidence is not between 0 and 1.

    References
    ----------
    Garwood 1936 (10.1093/biomet/28.3-4.437), through quantiles of chi-square.
    """
    tail = _tail(confidence)
    possible, count = _counts(x)
    some = np.where(count > 0, count, 1.0)
    lower = np.where(count > 0, special.chdtri(2 * some, 1 - tail) / 2, 0.0)
    upper = special.chdtri(2 * count + 2, tail) / 2
    return np.where(possible, lower, np.nan), np.where(possible, upper, np.nan)


def byar(x: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Byar's approximation to the exact interval of a Poisson count.

    As `exact_poisson`, in closed form and near enough from 10 events on.

    References
    ----------
    Breslow & Day 1987, Statistical Methods in Cancer Research II, page 69, equation 2.13.
    """
    z = special.ndtri(1 - _tail(confidence))
    possible, count = _counts(x)

    def cubed(events: Floats, deviations: float) -> Floats:
        some = np.where(events > 0, events, 1.0)
        root = np.maximum(1 - 1 / (9 * some) + deviations / (3 * np.sqrt(some)), 0.0)
        return np.where(events > 0, events * root**3, 0.0)

    lower, upper = cubed(count, -z), cubed(count + 1, z)
    return np.where(possible, lower, np.nan), np.where(possible, upper, np.nan)


def count_interval(x: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of a count: exact below 10, Byar's from 10.

    Divide by the exposure for that of a rate. Shapes, missing and impossible as in
    `exact_poisson`.
    """
    small = x < BYAR_FROM
    exact, approximate = exact_poisson(x, confidence), byar(x, confidence)
    return (
        np.where(small, exact[0], approximate[0]),
        np.where(small, exact[1], approximate[1]),
    )


def _counts(x: Floats) -> tuple[Bools, Floats]:
    """Which counts are possible, and the counts with 0 where they are not."""
    possible = np.asarray(x >= 0)
    return possible, np.where(possible, x, 0.0)
