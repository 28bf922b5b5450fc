"""Ten significant digits: what results are compared, hashed and shown with.

The last bits of a float depend on how many services are scored in one call; a verdict must not.
"""

import numpy as np

from worker.stats.panel import Floats

SIGNIFICANT_DIGITS = 10


def rounded(values: Floats) -> Floats:
    """Round to 10 significant digits; NaN, infinities and 0 stay as they are."""
    known = np.isfinite(values) & (values != 0)
    size = np.floor(np.log10(np.abs(np.where(known, values, 1.0))))
    # Splitting the power keeps very small p-values from overflowing it.
    down = 10.0 ** np.clip(SIGNIFICANT_DIGITS - 1 - size, -300, 300)
    return np.where(known, np.round(values * down) / down, values)
