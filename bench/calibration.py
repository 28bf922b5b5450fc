"""`python -m bench.calibration`: measure what the method promises, on services of known truth.

Writes `bench/calibration.md`; fails when an error rate that is promised is not kept.
"""

import argparse
import multiprocessing
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.calibration_tables import Study, failures, written
from bench.reachable import REFERENCES, Power, reached
from bench.scenarios import SCENARIOS, WINDOWS
from bench.study import Tally, Task, measured
from bench.through_api import Compared, compared
from worker.stats.method import DEFAULT, METHODS

RESULT = Path(__file__).with_name("calibration.md")
RUNS, YEARS = 10_000, 4_000
POWER = "reference"


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.calibration", description=__doc__)
    parser.add_argument("--method", choices=sorted(METHODS), default=DEFAULT.name)
    parser.add_argument("--runs", type=int, default=RUNS, help="services at a single look")
    parser.add_argument("--years", type=int, default=YEARS, help="of them over a year of looks")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--through-api", action="store_true", help="some services as events too")
    parser.add_argument(
        "--only",
        metavar="NAME",
        help=f"scenarios whose name contains this, or '{POWER}'; printed and not written",
    )
    parser.add_argument("--to", type=Path, default=RESULT, help="where the result is written")
    chosen = parser.parse_args(given)
    chosen.years = min(chosen.years, chosen.runs)
    return chosen


def command(chosen: argparse.Namespace) -> str:
    """What to type for the same figures, wherever they were written."""
    words = ["python", "-m", "bench.calibration", "--method", chosen.method]
    words += ["--runs", str(chosen.runs), "--years", str(chosen.years)]
    words += ["--only", chosen.only] if chosen.only else []
    return shlex.join(words + ["--through-api"] * chosen.through_api)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """The arrays are small: threads of the linear algebra would only wait for each other."""
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OPENBLAS_NUM_THREADS"]
        else:
            os.environ["OPENBLAS_NUM_THREADS"] = before


def studied(chosen: argparse.Namespace) -> tuple[list[Tally], list[Power]]:
    """Every scenario in every pair of windows, in the order of the table."""
    only = chosen.only
    tasks = [
        Task(scenario.name, window, chosen.method, chosen.runs, chosen.years)
        for scenario in SCENARIOS
        for window in WINDOWS
        if only is None or only in scenario.name
    ]
    references = REFERENCES if only in {None, POWER} else ()
    started = time.perf_counter()
    # Spawned and not forked, so that the limit on threads is read.
    context = multiprocessing.get_context("spawn")
    with one_thread_each(), ProcessPoolExecutor(chosen.processes, mp_context=context) as pool:
        judged = [pool.submit(measured, task) for task in tasks]
        powers = [
            pool.submit(reached, reference, chosen.method, chosen.runs) for reference in references
        ]
        everything: list[Future[Tally] | Future[Power]] = [*judged, *powers]
        for done, _ in enumerate(as_completed(everything), 1):
            seconds = time.perf_counter() - started
            print(f"{done} of {len(everything)}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return [each.result() for each in judged], [each.result() for each in powers]


def main(given: Sequence[str] | None = None) -> int:
    chosen = arguments(given)
    started = time.perf_counter()
    tallies, powers = studied(chosen)
    through_api: list[Compared] = []
    if chosen.through_api:
        through_api = compared(chosen.method, lambda text: print(text, file=sys.stderr, flush=True))
    study = Study(
        method=METHODS[chosen.method],
        on=datetime.now(UTC).date(),
        command=command(chosen),
        minutes=(time.perf_counter() - started) / 60,
        tallies=tallies,
        powers=powers,
        through_api=through_api,
    )
    text = written(study)
    if chosen.only is None:
        chosen.to.write_text(text)
        print(f"written to {chosen.to}", file=sys.stderr)
    else:
        print(text)
    broken = failures(study)
    for line in broken:
        print(line, file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
