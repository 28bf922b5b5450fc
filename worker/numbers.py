"""Numbers as they stand in judged content: ten significant digits, nothing for what is none."""

import math
from typing import Any

import numpy as np

from worker.stats.panel import Floats
from worker.uneven import Z95

#: One number, as Python or numpy holds it.
Value = float | Floats


def number(value: Value) -> float | None:
    """Ten significant digits for JSON; None for what is not a number."""
    exact = float(value)
    return float(f"{exact:.10g}") if math.isfinite(exact) else None


def plain(value: Any) -> Any:
    """A figure of a reason, or a dictionary of them, with its numbers as `number` writes them."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return number(value) if isinstance(value, float) else value


def interval(estimate: Value, lower: Value, upper: Value) -> dict[str, float | None]:
    return {"estimate": number(estimate), "lower": number(lower), "upper": number(upper)}


def interval_of(estimate: Value, variance: Value) -> dict[str, float | None]:
    """A 95% interval by the normal distribution."""
    error = Z95 * np.sqrt(variance)
    return interval(estimate, estimate - error, estimate + error)
