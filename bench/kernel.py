"""The scoring kernel on a thousand services at once, against the same analysis written ordinarily.

The ordinary analysis was written apart and has to agree: it is an oracle of the kernel too. Laying
out cells is part of neither; what a service alone takes from its cells on stands below.
"""

import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from bench.asking import machine
from bench.both_ways import Scored, apart, by_hand, by_kernel, scored
from bench.eight_teams import MONTHS, TEAMS, cells, context, drawn, panel, stacked
from models.vocabulary import Axis
from worker.scoring import conclude

SERVICES, DRAWN_AT_ONCE = 1_000, 100
ORDINARY_SERVICES = 4
ROUNDS = 3
BAR = 500.0
AGREES = 1e-6
CHAINS = (1, 24)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure_batch() -> bool:
    drawings = [drawn(DRAWN_AT_ONCE, seed) for seed in range(SERVICES // DRAWN_AT_ONCE)]
    panels = {axis: stacked([panel(each, axis) for each in drawings]) for axis in Axis}
    del drawings
    found: dict[Axis, Scored] = {}

    def kernel() -> None:
        for axis, of in panels.items():
            found[axis] = scored(of, axis)

    seconds = min(timed(kernel) for _ in range(ROUNDS))
    number = len(panels[Axis.TEAM].indicators)
    print(
        f"  {SERVICES:,} services of {TEAMS} teams, {number} indicators, {MONTHS} months, strands"
        f" {', '.join(f'{axis} {list(of.x.shape[1:3])}' for axis, of in panels.items())}"
        " [segments, strata]; one look each"
    )
    print(f"  kernel: {seconds:.2f} s, {SERVICES / seconds:,.0f} services/s, {machine()}")
    rows = [each * SERVICES // ORDINARY_SERVICES for each in range(ORDINARY_SERVICES)]
    worst, of_what, spent = 0.0, "nothing", 0.0
    for row in rows:
        for axis, of in panels.items():
            started = time.perf_counter()
            with warnings.catch_warnings():
                # Models of as many levels as observations are warned about at length.
                warnings.simplefilter("ignore")
                expected = by_hand(of, row, axis)
            spent += time.perf_counter() - started
            far, name = apart(by_kernel(found[axis], row), expected)
            if far >= worst:
                worst, of_what = far, f"{name} of {axis} in service {row}"
    print(
        f"  pandas and statsmodels: {spent / len(rows):.1f} s a service,"
        f" {len(rows) / spent:.3f} services/s over {len(rows)} of the same services"
    )
    print(f"    furthest apart: {worst:.1e} in {of_what} (at most {AGREES:.0e})")
    ratio = (SERVICES / seconds) / (len(rows) / spent)
    print(f"    ratio {ratio:,.0f} (at least {BAR:,.0f})")
    return ratio >= BAR and worst <= AGREES


def measure_one() -> None:
    """A service alone from its cells to its content: the newest month, and two years of months."""
    drawn_one = drawn(1, 0)
    rows, of, calendar = cells(drawn_one), context(drawn_one.plan), drawn_one.plan.calendar
    now = datetime(calendar[-1].year + 1, 1, 20, 9, tzinfo=UTC)
    for months in CHAINS:
        score = partial(conclude, of, rows, calendar[-months:], now, calendar[0])
        seconds = min(timed(score) for _ in range(2 * ROUNDS))
        print(
            f"  one service of {len(rows):,} cells, {months} month{'s' * (months > 1)} with the"
            f" looks before: {seconds * 1000:,.0f} ms"
        )


def run() -> bool:
    """True when the kernel is fast enough and agrees with the ordinary analysis."""
    good = measure_batch()
    measure_one()
    return good
