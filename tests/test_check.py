"""The check that cannot fail would be worse than none."""

import sys

import pytest

from tests.check import PYTHON, STEPS, Step, check

FINE = Step("fine ", (PYTHON, "-c", "print('all is well')"))
BROKEN = Step("broken ", (PYTHON, "-c", "import sys; print('line 7 is wrong'); sys.exit(3)"))
LATER = Step("later ", (PYTHON, "-c", "print('reached')"), live=True)


def test_first_failure_shows_its_output_and_ends_the_check(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert check((FINE, BROKEN, LATER)) == 1
    shown = capfd.readouterr().out
    assert "line 7 is wrong" in shown
    assert "FAILED (exit 3)" in shown
    assert "1 of 3 checks passed" in shown
    assert "reached" not in shown
    assert "all is well" not in shown


def test_keep_going_runs_the_rest_and_still_fails(capfd: pytest.CaptureFixture[str]) -> None:
    assert check((BROKEN, LATER), keep_going=True) == 1
    assert "reached" in capfd.readouterr().out


def test_all_passed_is_a_success(capfd: pytest.CaptureFixture[str]) -> None:
    assert check((FINE, LATER)) == 0
    assert "2 of 2 checks passed" in capfd.readouterr().out


def test_every_step_runs_inside_this_environment() -> None:
    programs = [step.command[0] for step in STEPS]
    assert all(program.startswith(sys.exec_prefix) for program in programs)
    assert [step.live for step in STEPS] == [False, False, False, False, True]
