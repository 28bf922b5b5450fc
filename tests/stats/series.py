"""Series of months and their flags as text, one character or number a month."""

import numpy as np

from worker.stats.panel import Floats, Ints
from worker.stats.spc_rules import (
    ABOVE_UPPER,
    BELOW_LOWER,
    NO_RULE,
    SHIFT_ABOVE,
    SHIFT_BELOW,
    TREND_DOWN,
    TREND_UP,
    TWO_OF_THREE_ABOVE,
    TWO_OF_THREE_BELOW,
)

#: How a flag is written: outside, trend, two of three near a limit, shift.
MARKS = {
    NO_RULE: ".",
    ABOVE_UPPER: "^",
    BELOW_LOWER: "v",
    TREND_UP: "/",
    TREND_DOWN: "\\",
    TWO_OF_THREE_ABOVE: "H",
    TWO_OF_THREE_BELOW: "L",
    SHIFT_ABOVE: "+",
    SHIFT_BELOW: "-",
}


def series(text: str) -> Floats:
    """Values by month; `?` is a month without one."""
    return np.array([np.nan if word == "?" else float(word) for word in text.split()])


def flags(rule: Ints) -> str:
    return " ".join(MARKS[int(code)] for code in rule)
