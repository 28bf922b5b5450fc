"""The one command that checks everything: `python -m tests.check`, the same here and in CI.

Migrations and the committed contract are held against the code by tests, so pytest covers them.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable


@dataclass(frozen=True, slots=True)
class Step:
    """What is run and what it establishes; a live one writes to the terminal as it goes."""

    name: str
    command: tuple[str, ...]
    live: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    step: Step
    code: int
    seconds: float

    def __str__(self) -> str:
        verdict = "ok" if self.code == 0 else f"FAILED (exit {self.code})"
        return f"{self.step.name:.<44} {self.seconds:6.1f} s  {verdict}"


STEPS = (
    Step("lint: ruff check ", (PYTHON, "-m", "ruff", "check")),
    Step("format: ruff format --check ", (PYTHON, "-m", "ruff", "format", "--check")),
    Step("types: mypy --strict ", (PYTHON, "-m", "mypy")),
    Step(
        "imports: lint-imports ",
        (str(Path(PYTHON).with_name("lint-imports")), "--no-cache", "--no-logo"),
    ),
    Step(
        "tests: pytest with branch coverage ",
        (PYTHON, "-m", "pytest", "--cov", "--cov-report=term-missing:skip-covered"),
        live=True,
    ),
)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command speaks; unflushed, it would speak too late


def run(step: Step) -> Outcome:
    """Run a step; what it wrote is shown when it failed, or as it goes if it is a live one."""
    started = time.monotonic()
    if step.live:
        say(step.name.strip())
    kept = None if step.live else subprocess.PIPE
    done = subprocess.run(  # noqa: S603 - the commands are those written above
        step.command, cwd=ROOT, check=False, stdout=kept, stderr=subprocess.STDOUT, text=True
    )
    outcome = Outcome(step, done.returncode, time.monotonic() - started)
    if done.returncode and done.stdout:
        say(done.stdout.rstrip())
    say(str(outcome))
    return outcome


def run_all(steps: Sequence[Step], *, keep_going: bool) -> Iterator[Outcome]:
    for step in steps:
        outcome = run(step)
        yield outcome
        if outcome.code and not keep_going:
            return


def check(steps: Sequence[Step], *, keep_going: bool = False) -> int:
    outcomes = list(run_all(steps, keep_going=keep_going))
    failed = [outcome for outcome in outcomes if outcome.code]
    say("")
    for outcome in outcomes:
        say(str(outcome))
    for step in steps[len(outcomes) :]:
        say(f"{step.name:.<44}           not run")
    passed = len(outcomes) - len(failed)
    took = sum(outcome.seconds for outcome in outcomes)
    say(f"{passed} of {len(steps)} checks passed in {took:.0f} s")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.check", description=__doc__)
    parser.add_argument("--keep-going", action="store_true", help="run the rest after a failure")
    return check(STEPS, keep_going=parser.parse_args().keep_going)


if __name__ == "__main__":
    sys.exit(main())
