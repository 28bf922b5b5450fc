"""What the reference service lets anyone claim: the promise's table of power, oracles beside it.

The oracles break the promise on purpose. They say how much of what is not claimed the evidence
could not have shown to anybody, and how much is the price of corroboration and of many looks.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from bench.panels import Span, members_of, panel_of
from bench.reference import CODES, LONG, SHORT, gains, reference_plan
from bench.study import CHUNK, SEED
from cli.simulate_draw import draw
from worker.stats.conjunction import lower_bound
from worker.stats.evidence import indicator_evidence
from worker.stats.looks import alpha_of_look
from worker.stats.method import METHODS
from worker.stats.panel import Ints
from worker.stats.rounding import rounded
from worker.stats.segments import segments_of

TEAMS = 6
REQUIRED = 2
SINGLE_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Reference:
    """A row of the table: windows, size of the improvement, dependence of months, evidence."""

    windows: str
    span: Span
    effect: float
    autocorrelation: float
    evidence: float

    @property
    def name(self) -> str:
        return f"{self.windows}, {self.autocorrelation:g}, {self.evidence:g}"


REFERENCES = tuple(
    Reference(windows, span, effect, autocorrelation, evidence)
    for windows, span, effect in (
        ("6+3", SHORT, 1.0),
        ("12+6", LONG, 1.0),
        ("12+6, half the effect", LONG, 0.5),
    )
    for autocorrelation in (0.0, 0.2)
    for evidence in (1.0, 0.5, 2.0)
)
#: What the promise asks at least and aims at, as shares of runs that claim all six.
BARS = {
    ("6+3", 0.0): (0.46, 0.85),
    ("6+3", 0.2): (0.36, 0.85),
    ("12+6", 0.0): (0.97, 0.99),
    ("12+6", 0.2): (0.91, 0.99),
    ("12+6, half the effect", 0.0): (0.07, 0.50),
    ("12+6, half the effect", 0.2): (0.03, 0.50),
}


@dataclass
class Reached:
    """How many runs claimed all, and how many teams all runs claimed together."""

    all_claimed: int = 0
    bounds: int = 0

    def add(self, bound: Ints) -> None:
        self.all_claimed += int((bound == TEAMS).sum())
        self.bounds += int(bound.sum())


@dataclass(frozen=True, slots=True)
class Power:
    """One row: the method, no corroboration at its level, and one look that has all 5%."""

    reference: str
    runs: int
    method: Reached
    uncorroborated: Reached
    one_look: Reached


def reached(reference: Reference, method_name: str, runs: int) -> Power:
    """Judge `runs` services in which all six improved at their decisive look."""
    method, span = METHODS[method_name], reference.span
    gain = gains(*[reference.effect] * TEAMS)
    plan = reference_plan(
        gain, span, autocorrelation=reference.autocorrelation, evidence=reference.evidence
    )
    alpha = alpha_of_look(span.current_months, span.current_months, method)
    power = Power(reference.name, runs, Reached(), Reached(), Reached())
    for first in range(0, runs, CHUNK):
        rng = np.random.default_rng([SEED, crc32(reference.name.encode()), first])
        counts = draw(plan, rng, min(CHUNK, runs - first), CODES)
        panel = panel_of(counts, plan, span, codes=CODES)
        evidence, members = indicator_evidence(panel), members_of(panel)
        everything = np.ones(len(panel.indicators), dtype=bool)
        two, one = (
            segments_of(evidence, members, required, everything, method)
            for required in (REQUIRED, 1)
        )
        power.method.add(lower_bound(rounded(two.p_stronger(method)), alpha))
        power.uncorroborated.add(lower_bound(rounded(one.p_stronger(method)), alpha))
        power.one_look.add(lower_bound(rounded(two.p_improved), SINGLE_LOOK))
    return power
