"""What the rules share: which segments they speak of, and an indicator as one look measured it.

The rules themselves stand by strand in `sightings_of_teams`, `sightings_of_shifts` and
`sightings_of_experience`. Each answers with a figure for every segment it has something to say of,
in meaningful changes where nothing else is said. How long something has gone on is not told there
but in `worker.triggers`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from models.catalogue import Indicator
from models.vocabulary import Better
from worker.arrays import evidence_indicators, indicators_beside
from worker.stats.panel import Floats
from worker.stats.rounding import rounded
from worker.triggers import Look

#: 90 days are three months of tallies.
REPEATED_MONTHS, REPEATED_TIMES = 3, 3


class Measured(NamedTuple):
    """An indicator with its current level by segment."""

    indicator: Indicator
    #: Where it stands among the evidence, or among the context beside it.
    column: int
    level: Floats

    def in_changes(self, values: Floats) -> Floats:
        """Levels or their differences in meaningful changes, with better upwards."""
        sign = 1.0 if self.indicator.better is Better.HIGHER else -1.0
        return np.asarray(sign * values / self.indicator.meaningful)


def evidence_called(look: Look, code: str) -> Measured | None:
    """An indicator of the evidence; None where it is switched off."""
    return _called(code, evidence_indicators(look.context), look.score.evidence.level)


def beside_called(look: Look, code: str) -> Measured | None:
    """An indicator of the context beside the evidence; None where it is switched off."""
    return _called(code, indicators_beside(look.context), look.score.beside_now)


def measured(look: Look, code: str) -> Measured | None:
    """An indicator of either; None where it is switched off."""
    return evidence_called(look, code) or beside_called(look, code)


def _called(code: str, indicators: Sequence[Indicator], levels: Floats) -> Measured | None:
    for column, one in enumerate(indicators):
        if one.code == code:
            return Measured(one, column, levels[:, column])
    return None


def counted(look: Look) -> Iterator[tuple[int, str]]:
    """Place and code of the segments that count."""
    score = look.score
    for place, (code, counts) in enumerate(zip(score.codes, score.counted, strict=True)):
        if counts:
            yield place, code


def figure_of(value: float | Floats) -> float:
    """A figure as it is shown, before it is held against a threshold."""
    return float(rounded(np.asarray(value, dtype=np.float64)))
