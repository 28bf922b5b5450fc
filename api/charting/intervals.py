"""Uncertainty that is drawn: 95% intervals of a month, and limits of a funnel.

They describe what was counted and decide nothing; what is claimed comes from the frozen figures.
Months and events are taken as independent, which is said beside them.
"""

import math
from collections.abc import Sequence

from models.catalogue import Indicator
from models.vocabulary import Measure

Z_95, Z_998 = 1.959964, 3.090232


def interval(
    indicator: Indicator, x: float, n: float, squares: float = 0.0
) -> tuple[float, float] | None:
    """95% interval of a level: Wilson's, Byar's or normal; None where nothing tells.

    x, n : successes and trials, events and exposure, or sum and number of values.
    squares : sum of squares of the values; with one value a mean has no interval.

    Wilson 1927 (10.1080/01621459.1927.10502953); Byar's as in Breslow & Day 1987, equation 2.13,
    which below 10 events is a few percent off the exact one.
    """
    if n <= 0:
        return None
    match indicator.measure:
        case Measure.PROPORTION:
            return wilson(x, n)
        case Measure.RATE:
            low, high = byar(x, Z_95)
            return low / n, high / n
        case Measure.MEAN if n > 1:
            half = Z_95 * math.sqrt(max(squares - x * x / n, 0.0) / (n - 1) / n)
            return x / n - half, x / n + half
    return None


def wilson(x: float, n: float) -> tuple[float, float]:
    middle, total = x + Z_95**2 / 2, n + Z_95**2
    half = Z_95 * math.sqrt(max(x * (n - x), 0.0) / n + Z_95**2 / 4)
    low = 0.0 if x <= 0 else max((middle - half) / total, 0.0)
    return low, 1.0 if x >= n else min((middle + half) / total, 1.0)


def byar(events: float, z: float) -> tuple[float, float]:
    """Limits of a Poisson count that was seen to be, or is expected to be, `events`."""

    def cubed(count: float, deviations: float) -> float:
        if count <= 0:
            return 0.0
        return float(count * max(1 - 1 / (9 * count) + deviations / (3 * math.sqrt(count)), 0) ** 3)

    return cubed(events, -z), cubed(events + 1, z)


def funnel_limits(
    indicator: Indicator, centre: float, sizes: Sequence[float], tau2: float = 0.0
) -> list[tuple[float, float, float, float]] | None:
    """Lower and upper 95%, lower and upper 99.8% limits at each size; None for a mean.

    Proportions on the arcsine scale, rates as events over those expected (Byar's limits by chance,
    the square root with a variance between segments). `tau2` is that variance, on the scale.

    Spiegelhalter 2005 (10.1002/sim.1970), sections 3.1 to 3.3 and appendix A.
    """
    match indicator.measure:
        case Measure.PROPORTION:
            return [_arcsine(centre, size, tau2) for size in sizes]
        case Measure.RATE:
            return [_root(centre, size, tau2) for size in sizes]
    return None


def _arcsine(centre: float, size: float, tau2: float) -> tuple[float, float, float, float]:
    middle, error = math.asin(math.sqrt(centre)), math.sqrt(0.25 / size + tau2)

    def back(z: float) -> float:
        return math.sin(min(max(middle + z * error, 0.0), math.pi / 2)) ** 2

    return back(-Z_95), back(Z_95), back(-Z_998), back(Z_998)


def _root(centre: float, size: float, tau2: float) -> tuple[float, float, float, float]:
    expected = centre * size
    if expected <= 0:
        return 0.0, 0.0, 0.0, 0.0
    low, high, lowest, highest = (
        limit / size for z in (Z_95, Z_998) for limit in byar(expected, z)
    )
    if tau2 <= 0:
        return low, high, lowest, highest
    error = math.sqrt(0.25 / expected + tau2)

    def back(z: float) -> float:
        return float(centre * max(1 + z * error, 0.0) ** 2)

    # Allowing for a variance between segments never narrows a limit.
    return (
        min(low, back(-Z_95)),
        max(high, back(Z_95)),
        min(lowest, back(-Z_998)),
        max(highest, back(Z_998)),
    )


#: Share pulled in at each end before dispersion is measured, and the fewest units that tell.
TRIM, LEAST_UNITS = 0.1, 10


def between_segments(
    indicator: Indicator, levels: Sequence[float], sizes: Sequence[float], centre: float
) -> float:
    """Variance between segments beyond chance, on the scale of the limits; 0 for few segments.

    Winsorised z-scores and the method of moments: Spiegelhalter 2005, equations 4 and 11.
    """
    if len(levels) < LEAST_UNITS or centre <= 0 or indicator.measure is Measure.MEAN:
        return 0.0
    rate = indicator.measure is Measure.RATE

    def scaled(level: float) -> float:
        return math.sqrt(level / centre) if rate else math.asin(math.sqrt(level))

    errors = [0.5 / math.sqrt(size * (centre if rate else 1.0)) for size in sizes]
    z = [
        (scaled(level) - scaled(centre)) / error
        for level, error in zip(levels, errors, strict=True)
    ]
    low, high = quantile(z, TRIM), quantile(z, 1 - TRIM)
    square = sum(min(max(each, low), high) ** 2 for each in z)
    if square / len(z) <= 1:
        return 0.0
    weights = [1 / error**2 for error in errors]
    spread = sum(weights) - sum(each**2 for each in weights) / sum(weights)
    return max((square - (len(z) - 1)) / spread, 0.0)


def quantile(of: Sequence[float], share: float) -> float:
    """Linearly interpolated quantile (Hyndman & Fan 1996, definition 7)."""
    ordered = sorted(of)
    place = (len(ordered) - 1) * share
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (place - math.floor(place)) * (high - low)
