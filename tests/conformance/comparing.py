"""Comparing what was found with what a reference file expects; null is missing, NaN or infinite."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class ReferenceSet(NamedTuple):
    """How the cases of one file are checked, and which of its fields that covers.

    `check` gets a case's input and expected values and returns what differs; nothing is a pass.
    """

    check: Callable[[Any, Any], list[str]]
    fields: str


def differences(
    name: str, found: Any, expected: Any, *, relative: float = 0.0, absolute: float = 0.0
) -> list[str]:
    """Where an array or a number leaves its tolerance; not finite has to meet null."""
    got = np.atleast_1d(np.asarray(found, dtype=np.float64))
    wanted = np.atleast_1d(np.asarray(expected, dtype=np.float64))
    if got.shape != wanted.shape:
        return [f"{name}: shape {got.shape}, expected {wanted.shape}"]
    known = np.isfinite(wanted)
    with np.errstate(invalid="ignore"):
        off = np.abs(got - wanted) > absolute + relative * np.abs(wanted)
    wrong = np.where(known, off | ~np.isfinite(got), np.isfinite(got))
    return [
        f"{name}[{place}]: {got.flat[place]:.12g}, expected {wanted.flat[place]:.12g}"
        for place in np.flatnonzero(wrong)[:3]
    ]
