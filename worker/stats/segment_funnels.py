"""Funnels of a service's segments, one for each indicator: who lies apart beyond chance now."""

from dataclasses import astuple, dataclass

import numpy as np

from worker.stats.funnel import (
    TRIM,
    Dispersion,
    FunnelLimits,
    Ratio,
    dispersion,
    funnel,
    scaled_limits,
)
from worker.stats.panel import MEAN, PROPORTION, RATE, Bools, Floats, Ints, safe_divide
from worker.stats.spc import above

#: Fewer units than this say too little about over-dispersion.
LEAST_UNITS = 10


@dataclass(frozen=True, slots=True)
class SegmentFunnels:
    """Segments about the level of all of them.

    value : [b, g, i], in the indicator's unit, NaN without evidence.
    centre : [b, i], the level of all segments together, NaN without any evidence.
    limits : each [b, g, i], NaN where value is.
    overdispersed : [b, i], whether the limits carry a variance between segments.
    better, worse : [b, g, i], beyond the 99.8% limits.
    """

    value: Floats
    centre: Floats
    limits: FunnelLimits
    overdispersed: Bools
    better: Bools
    worse: Bools


def segment_funnels(
    x: Floats, n: Floats, squares: Floats, measure: Ints, sign: Floats
) -> SegmentFunnels:
    """Funnel of each indicator over the segments.

    Parameters
    ----------
    x, n, squares : [b, g, i]
        Sums of one window over months and strata; n = 0 is a segment without evidence, so give 0
        for those that are not compared. squares is used for means alone.
    measure : [i], PROPORTION, RATE or MEAN.
    sign : [i], +1 where higher is better, -1 where lower is.

    Returns
    -------
    SegmentFunnels
        Proportions on the arcsine scale; rates as events over those expected at the common rate,
        with exact Poisson limits; means with the pooled variance within segments, NaN limits
        where no segment has two values. With at least 10 segments and phi above 1 the limits
        carry the variance between segments; they are never narrower for it. One segment is its
        own centre. No events at all: limits of a rate are 0.

    Notes
    -----
    The limits take months as independent. They are for looking at, beside the bound that decides.

    References
    ----------
    Spiegelhalter 2005 (10.1002/sim.1970), sections 3.1 to 3.3 and 4.
    """
    value, limits = np.full(x.shape, np.nan), [np.full(x.shape, np.nan) for _ in range(4)]
    centre = np.full((x.shape[0], x.shape[2]), np.nan)
    over = np.zeros(centre.shape, dtype=bool)
    for kind, method in ((PROPORTION, _proportions), (RATE, _rates), (MEAN, _means)):
        chosen = measure == kind
        if not chosen.any():
            continue
        parts = (np.moveaxis(each[:, :, chosen], 1, -1) for each in (x, n, squares))
        of = method(*parts)
        apart = (~np.isnan(of.value)).sum(-1) >= LEAST_UNITS
        apart &= np.where(np.isnan(of.spread.phi), 0.0, of.spread.phi) > 1
        value[:, :, chosen] = np.moveaxis(of.value, -1, 1)
        centre[:, chosen], over[:, chosen] = of.centre, apart
        for place, drawn in enumerate(astuple(_widened(of, apart))):
            limits[place][:, :, chosen] = np.moveaxis(drawn, -1, 1)
    drawn = FunnelLimits(*limits)
    high, low = above(value, drawn.upper_998), above(drawn.lower_998, value)
    return SegmentFunnels(
        value=value,
        centre=centre,
        limits=drawn,
        overdispersed=over,
        better=np.where(sign > 0, high, low),
        worse=np.where(sign > 0, low, high),
    )


@dataclass(frozen=True, slots=True)
class _Funnel:
    """One kind of indicator, segments last."""

    value: Floats
    centre: Floats
    spread: Dispersion
    plain: FunnelLimits
    adjusted: FunnelLimits


def _widened(of: _Funnel, apart: Bools) -> FunnelLimits:
    """Adjusted limits where there is over-dispersion, wherever they are the wider ones."""
    plain, adjusted = of.plain, of.adjusted
    wide = apart[..., None]
    return FunnelLimits(
        *(
            np.where(wide, outer(chance, between), chance)
            for outer, chance, between in zip(
                (np.minimum, np.maximum) * 2, astuple(plain), astuple(adjusted), strict=True
            )
        )
    )


def _proportions(x: Floats, n: Floats, _: Floats) -> _Funnel:
    of = funnel(x, n, Ratio.PROPORTION)
    return _Funnel(of.ratio, of.target, of.dispersion, of.plain, of.adjusted)


def _rates(x: Floats, n: Floats, _: Floats) -> _Funnel:
    known = n > 0
    centre = safe_divide(np.where(known, x, 0.0).sum(-1), np.where(known, n, 0.0).sum(-1), np.nan)
    common = centre[..., None]
    of = funnel(x, common * np.where(known, n, np.nan), Ratio.STANDARDISED_ROOT)

    def rates(limits: FunnelLimits) -> FunnelLimits:
        # Where nothing happened nothing is expected, and a ratio to it is no number.
        return FunnelLimits(
            *(np.where(known & (common == 0), 0.0, common * each) for each in astuple(limits))
        )

    value = safe_divide(x, n, np.nan)
    return _Funnel(value, centre, of.dispersion, rates(of.plain), rates(of.adjusted))


def _means(x: Floats, n: Floats, squares: Floats) -> _Funnel:
    known = n > 0
    value = safe_divide(x, n, np.nan)
    centre = safe_divide(np.where(known, x, 0.0).sum(-1), np.where(known, n, 0.0).sum(-1), np.nan)
    within = np.where(known, np.maximum(squares - safe_divide(x**2, n), 0.0), 0.0).sum(-1)
    df = np.where(known, n - 1, 0.0).sum(-1)
    single = safe_divide(within, df, np.nan)[..., None]
    variance = np.where(known, safe_divide(single, n), np.nan)
    error = np.sqrt(variance)
    spread = dispersion(safe_divide(value - centre[..., None], error, np.nan), error, TRIM)
    middle = centre[..., None]
    total = np.sqrt(variance + spread.tau2[..., None])
    return _Funnel(
        value,
        centre,
        spread,
        scaled_limits(_as_it_is, middle, error),
        scaled_limits(_as_it_is, middle, total),
    )


def _as_it_is(value: Floats) -> Floats:
    return value
