"""The supervisor against small stand-in children: nothing of the stack is needed to know it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cli.children import Child, ChildFailedError, last_line, open_log
from cli.supervisor import Supervisor, backoff_s

SLEEPS = "import time; time.sleep(600)"


class Seen:
    """What a supervisor reported, and the supervisor itself."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.pids: dict[str, list[int]] = {}
        self.supervisor = Supervisor(self.said.append, self._changed, takes_signals=False)

    def _changed(self, pids: dict[str, list[int]]) -> None:
        self.pids = pids

    def watch_until(self, reached: Callable[[], bool], within_s: float = 20) -> None:
        begun = time.monotonic()
        while not reached():
            assert time.monotonic() - begun < within_s, f"not reached; said {self.said}"
            self.supervisor.restart_the_dead()
            self.supervisor.pause(0.02)


@pytest.fixture
def seen() -> Iterator[Seen]:
    seen = Seen()
    with seen.supervisor:
        yield seen


def stand_in(directory: Path, code: str, name: str = "stand-in", **changes: object) -> Child:
    values: dict[str, object] = {
        "argv": (sys.executable, "-c", code),
        "env": dict(os.environ),
        "cwd": directory,
        "log": directory / f"{name}.log",
    }
    return Child(name=name, **(values | changes))  # type: ignore[arg-type]  # a table of fields


def test_every_process_of_a_child_is_started_and_reported(seen: Seen, tmp_path: Path) -> None:
    seen.supervisor.start(stand_in(tmp_path, SLEEPS, count=3))
    assert len(set(seen.pids["stand-in"])) == 3
    assert all(psutil.pid_exists(pid) for pid in seen.pids["stand-in"])


def test_killed_child_comes_back_under_a_new_pid(seen: Seen, tmp_path: Path) -> None:
    seen.supervisor.start(stand_in(tmp_path, SLEEPS))
    [before] = seen.pids["stand-in"]
    os.kill(before, signal.SIGKILL)
    seen.watch_until(lambda: seen.pids["stand-in"] not in ([], [before]))
    assert seen.said == [
        f"stand-in was ended by SIGKILL (pid {before}); starting it again in 0.25 s"
    ]


def test_repeated_failure_names_the_log_and_its_last_line(seen: Seen, tmp_path: Path) -> None:
    child = stand_in(tmp_path, "print('no such table'); raise SystemExit(4)")
    seen.supervisor.start(child)
    seen.watch_until(lambda: len(seen.said) == 3)
    assert "ended with code 4" in seen.said[0]
    assert seen.said[2] == (
        f"stand-in failed 3 times in a row; see {child.log}, which ends: no such table"
    )


def test_backoff_doubles_up_to_its_ceiling() -> None:
    assert [backoff_s(n) for n in (1, 2, 3, 4, 7, 50)] == [0.25, 0.5, 1.0, 2.0, 15.0, 15.0]


def test_death_before_readiness_is_one_line_with_the_reason(seen: Seen, tmp_path: Path) -> None:
    child = stand_in(tmp_path, "raise SystemExit('port is taken')", ready=lambda _pid: False)
    seen.supervisor.start(child)
    with pytest.raises(ChildFailedError, match=r"ended with code 1 before .*: port is taken$"):
        seen.supervisor.wait_ready(child)


def test_waiting_for_readiness_has_an_end(seen: Seen, tmp_path: Path) -> None:
    child = stand_in(tmp_path, SLEEPS, ready=lambda _pid: False, ready_within_s=0.2)
    seen.supervisor.start(child)
    with pytest.raises(ChildFailedError, match="was not ready within"):
        seen.supervisor.wait_ready(child)


def test_ready_child_is_asked_with_its_own_pid(seen: Seen, tmp_path: Path) -> None:
    asked: list[int] = []

    def ready(pid: int) -> bool:
        asked.append(pid)
        return True

    child = stand_in(tmp_path, SLEEPS, ready=ready)
    seen.supervisor.start(child)
    seen.supervisor.wait_ready(child)
    assert asked == seen.pids["stand-in"]


def test_missing_program_is_one_line(seen: Seen, tmp_path: Path) -> None:
    with pytest.raises(ChildFailedError, match="cannot be started"):
        seen.supervisor.start(stand_in(tmp_path, "", argv=("/nowhere/program",)))


def test_child_that_ignores_the_stop_signal_is_killed(seen: Seen, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = (
        "import pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(600)\n"
    )
    seen.supervisor.start(stand_in(tmp_path, code, stop_within_s=0.3))
    [pid] = seen.pids["stand-in"]
    seen.watch_until(ready.exists)
    seen.supervisor.stop()
    assert not psutil.pid_exists(pid)


def test_stores_end_after_what_uses_them(seen: Seen, tmp_path: Path) -> None:
    order = tmp_path / "order"
    ready = tmp_path / "ready"

    def says_when_it_ends(name: str) -> str:
        return (
            "import pathlib, signal, sys, time\n"
            "def end(*_):\n"
            f"    time.sleep({0.3 if name == 'api' else 0})\n"
            f"    open({str(order)!r}, 'a').write({name + ' '!r})\n"
            "    sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, end)\n"
            f"pathlib.Path({str(ready)!r} + {name!r}).touch()\n"
            "time.sleep(600)\n"
        )

    for name, stop_order in (("store", 1), ("api", 0)):
        seen.supervisor.start(
            stand_in(tmp_path, says_when_it_ends(name), name, stop_order=stop_order)
        )
    seen.watch_until(lambda: all(Path(f"{ready}{name}").exists() for name in ("store", "api")))
    seen.supervisor.stop()
    assert order.read_text() == "api store "


def test_step_returns_what_it_printed_and_fails_in_one_line(seen: Seen, tmp_path: Path) -> None:
    printing = stand_in(tmp_path, "print('brd_key')", "step")
    assert seen.supervisor.run_once(printing, capture=True) == "brd_key\n"
    failing = stand_in(tmp_path, "raise SystemExit('no database')", "failing")
    with pytest.raises(ChildFailedError, match=r"failing ended with code 1; .*no database$"):
        seen.supervisor.run_once(failing, capture=True)


def test_children_are_kept_alive_while_a_step_runs(seen: Seen, tmp_path: Path) -> None:
    seen.supervisor.start(stand_in(tmp_path, SLEEPS))
    [before] = seen.pids["stand-in"]
    step = f"import os, time; os.kill({before}, 9); time.sleep(1.5)"
    seen.supervisor.run_once(stand_in(tmp_path, step, "step"))
    assert seen.pids["stand-in"] not in ([], [before])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the children of the dead")
def test_children_of_a_killed_supervisor_end(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from cli.children import Child\n"
        "from cli.supervisor import Supervisor\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        f"child = Child('c', (sys.executable, '-c', {SLEEPS!r}), os.environ, here, here / 'log')\n"
        "with Supervisor(print, lambda pids: None) as supervisor:\n"
        "    supervisor.start(child)\n"
        "    print(*supervisor.pids()['c'], flush=True)\n"
        "    supervisor.watch()\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:  # noqa: S603 - our own code
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    child.wait(10)


def test_last_line_skips_blanks_and_colours(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\n\x1b[31mlast words\x1b[0m\n\n")
    assert last_line(log) == "last words"
    assert last_line(tmp_path / "absent") == ""


def test_log_is_private_and_kept_once_when_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.children.LOG_ROTATED_AT_BYTES", 3)
    log = tmp_path / "logs" / "api.log"
    for _ in range(2):
        with open_log(log) as file:
            file.write(b"four\n")
    assert log.stat().st_mode & 0o777 == 0o600
    assert (log.read_bytes(), log.with_name("api.log.1").read_bytes()) == (b"four\n", b"four\n")
