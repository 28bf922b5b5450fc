"""One scenario in one pair of windows: services are drawn, judged by the kernel and counted up."""

from dataclasses import dataclass, field, replace
from zlib import crc32

import numpy as np

from bench.lateness import without_a_share
from bench.panels import panels_of, strand_p
from bench.reference import CODES
from bench.scenarios import LOOKS, SCENARIO, Scenario
from bench.years import claims_of_a_year, looked_at
from cli.simulate import RATE
from cli.simulate_draw import Counts, draw
from models.vocabulary import AXIS_OF
from worker.stats.conjunction import lower_bound
from worker.stats.looks import alpha_of_look
from worker.stats.method import METHODS, Method
from worker.stats.panel import Floats
from worker.stats.rounding import rounded
from worker.verdict import broad_from

SEED = 2031
#: Services drawn at a time; part of the seed, so that more runs begin with the same ones.
CHUNK = 400


@dataclass
class Tally:
    """What became of so many services at the decisive look, and of so many over a year of looks."""

    scenario: str
    window: tuple[int, int]
    true: int = 0
    segments: int = 0
    runs: int = 0
    over: int = 0
    worse_over: int = 0
    all_claimed: int = 0
    bounds: int = 0
    #: Bound 0, 1, between, and as many as a broad claim needs.
    levels: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    years: int = 0
    year_over: int = 0
    year_worse_over: int = 0
    true_at_last: int = 0
    year_all_claimed: int = 0
    year_bounds: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """A scenario by its name, the windows, and how many services are drawn."""

    scenario: str
    window: tuple[int, int]
    method: str
    runs: int
    years: int


def measured(task: Task) -> Tally:
    """Judge `runs` services at the decisive look, the first `years` of them at every look too."""
    tally = Tally(task.scenario, task.window)
    done = 0
    while done < task.runs:
        whole_year = done < task.years
        size = min(CHUNK, (task.years if whole_year else task.runs) - done)
        _add(tally, task, done, size, whole_year=whole_year)
        done += size
    return tally


def _add(tally: Tally, task: Task, first: int, size: int, *, whole_year: bool) -> None:
    scenario, method = SCENARIO[task.scenario], METHODS[task.method]
    decisive = task.window[1]
    looks = list(range(1, LOOKS + 1)) if whole_year else [decisive]
    rng = np.random.default_rng([SEED, crc32(scenario.name.encode()), *task.window, first])
    seen, settled = p_of_looks(scenario, task.window, looks, method, size, rng)
    at = looks.index(decisive)
    span = scenario.span(task.window, decisive)
    tally.true = scenario.reached(decisive, span)
    reached, worse = (
        lower_bound(rounded(p[at]), alpha_of_look(decisive, decisive, method)) for p in seen
    )
    tally.segments = n = seen[0].shape[2]
    tally.runs += size
    tally.over += int((reached > tally.true).sum())
    tally.worse_over += int((worse > scenario.worse(decisive, span)).sum())
    tally.all_claimed += int((reached >= tally.true).sum())
    tally.bounds += int(reached.sum())
    edges = np.searchsorted([1, 2, broad_from(n)], reached, side="right")
    tally.levels = [count + int((edges == level).sum()) for level, count in enumerate(tally.levels)]
    if whole_year:
        _add_years(tally, scenario, method, task.window, seen, settled)


def _add_years(
    tally: Tally,
    scenario: Scenario,
    method: Method,
    window: tuple[int, int],
    seen: tuple[Floats, Floats],
    settled: tuple[Floats, Floats],
) -> None:
    looks = range(1, LOOKS + 1)
    alpha = np.array([alpha_of_look(look, window[1], method) for look in looks])
    reached, worse = (
        claims_of_a_year(looked_at(first, alpha, method), looked_at(later, alpha, method))
        for first, later in zip(seen, settled, strict=True)
    )
    spans = [scenario.span(window, look) for look in looks]
    true = np.array([scenario.reached(*each) for each in zip(looks, spans, strict=True)])
    truly_worse = np.array([scenario.worse(*each) for each in zip(looks, spans, strict=True)])
    tally.years += reached.shape[1]
    tally.year_over += int((reached > true[:, None]).any(0).sum())
    tally.year_worse_over += int((worse > truly_worse[:, None]).any(0).sum())
    tally.true_at_last = int(true[-1])
    tally.year_all_claimed += int((reached[-1] >= true[-1]).sum())
    tally.year_bounds += int(reached[-1].sum())


def p_of_looks(
    scenario: Scenario,
    window: tuple[int, int],
    looks: list[int],
    method: Method,
    runs: int,
    rng: np.random.Generator,
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """p of the stronger position and of being worse at some looks, [t, runs, g].

    Twice: as each look sees it when its month has just ended, and once all of that has come in.
    """
    plan = scenario.plan(scenario.span(window, looks[-1]))
    counts = _heard(draw(plan, rng, runs, CODES), scenario, window)
    seen, settled = [], []
    spans = [scenario.span(window, look) for look in looks]
    for panel in panels_of(counts, plan, spans, AXIS_OF[scenario.strand], CODES):
        settled.append(strand_p(panel, scenario.strand, method))
        if scenario.late:
            early = without_a_share(panel, scenario.late, rng)
            seen.append(strand_p(early, scenario.strand, method))
    return _stacked(seen or settled), _stacked(settled)


def _stacked(looks: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    reached, worse = zip(*looks, strict=True)
    return np.stack(reached), np.stack(worse)


def _heard(counts: Counts, scenario: Scenario, window: tuple[int, int]) -> Counts:
    """What teams sent; of one that fell silent its residents alone are known."""
    if not scenario.silent:
        return counts
    since = scenario.span(window, LOOKS).start
    x, n, squares = counts.x.copy(), counts.n.copy(), counts.sum_squares.copy()
    for team in scenario.silent:
        gone = (slice(None), team, slice(None), slice(None), slice(since, None))
        x[gone], squares[gone] = 0, 0
        n[gone] = np.where(RATE[:, None], n[gone], 0)
    return replace(counts, x=x, n=n, sum_squares=squares)
