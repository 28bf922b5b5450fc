"""Keeps a table of child processes alive: start, readiness, restart with backoff, orderly stop."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Self

from cli.children import Child, ChildFailedError, describe_end, look, open_log, spawn

RESTART_FIRST_S = 0.25
RESTART_MOST_S = 15.0
STEADY_AFTER_S = 30.0  # A child that ran this long has recovered; its next failure is a first one.
TELL_FAILURES = 3
POLL_S = 0.05
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequestedError(Exception):
    """A signal asked for the end while something was being waited for."""


@dataclass
class Running:
    """One started child: its process now, and how often it failed in a row."""

    child: Child
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0
    failures: int = 0
    restart_at: float = 0


def backoff_s(failures: int) -> float:
    """Seconds to wait before the next start after this many failures in a row."""
    return min(RESTART_MOST_S, RESTART_FIRST_S * 2.0 ** max(0, failures - 1))


class Supervisor:
    """The children of one foreground command; use as a context manager, which stops them all.

    It is a class because it owns what has to be given back: signal handlers and processes.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        changed: Callable[[dict[str, list[int]]], None],
        *,
        takes_signals: bool = True,
    ) -> None:
        self.say = say
        self.changed = changed
        self.takes_signals = takes_signals  # False where the process has handlers of its own.
        self.running: list[Running] = []
        self.once: list[subprocess.Popen[bytes]] = []
        self.signals_seen = 0
        self._wake_read, self._wake_write = os.pipe()
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)
        if not self.takes_signals:
            return self
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            self._before[number] = signal.signal(number, self._on_stop_signal)
        # SIGCHLD ends a pause at once; which child it was is found by asking each.
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            if self.takes_signals:
                signal.set_wakeup_fd(-1)
            for number, handler in self._before.items():
                signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave back
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.signals_seen += 1

    def pids(self) -> dict[str, list[int]]:
        """The processes alive by name."""
        found: dict[str, list[int]] = {}
        for entry in self.running:
            alive = found.setdefault(entry.child.name, [])
            if entry.process is not None and entry.process.poll() is None:
                alive.append(entry.process.pid)
        return found

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the next signal."""
        select.select([self._wake_read], [], [], seconds)
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            return

    def _start_one(self, entry: Running) -> None:
        entry.started_at = time.monotonic()
        with open_log(entry.child.log) as log:
            entry.process = spawn(entry.child, log)

    def start(self, child: Child) -> None:
        """Start every process of a child without waiting for it."""
        for _ in range(child.count):
            entry = Running(child)
            self.running.append(entry)
            try:
                self._start_one(entry)
            except OSError as error:
                raise ChildFailedError(f"{child.name} cannot be started: {error}") from error
        self.changed(self.pids())

    def wait_ready(self, *children: Child) -> None:
        """Return when every process of these children is ready; a death before that is final."""
        begun = time.monotonic()
        waiting = [entry for entry in self.running if entry.child in children]
        while waiting:
            if self.signals_seen:
                raise StopRequestedError
            for entry in list(waiting):
                child, process = entry.child, entry.process
                code = None if process is None else process.poll()
                if process is None or code is not None:
                    end = describe_end(code if code is not None else 1)
                    raise ChildFailedError(f"{child.name} {end} before it was ready; {look(child)}")
                if child.ready is None or child.ready(process.pid):
                    waiting.remove(entry)
                elif time.monotonic() - begun > child.ready_within_s:
                    raise ChildFailedError(
                        f"{child.name} was not ready within {child.ready_within_s:.0f} s; "
                        f"{look(child)}"
                    )
            if waiting:
                self.pause(POLL_S)

    def run_once(self, child: Child, *, capture: bool = False, to_console: bool = False) -> str:
        """Run a step to its end and return what it printed; the children are kept alive meanwhile.

        With `to_console` the step owns the console until it ends; stop signals end it too.
        """
        with open_log(child.log) as log:
            stdout = None if to_console else subprocess.PIPE if capture else log
            process = spawn(child, stdout if stdout is not None else sys.stdout.fileno(), log)
        self.once.append(process)
        while process.poll() is None:
            if self.signals_seen:
                raise StopRequestedError
            self.restart_the_dead()
            self.pause(0.5)
        self.once.remove(process)
        printed = process.stdout.read().decode() if process.stdout else ""
        if process.stdout:
            process.stdout.close()
        if process.returncode:
            raise ChildFailedError(
                f"{child.name} {describe_end(process.returncode)}; {look(child)}"
            )
        return printed

    def watch(self) -> None:
        """Stay in the foreground until a stop signal comes."""
        while not self.signals_seen:
            self.restart_the_dead()
            due = [entry.restart_at for entry in self.running if entry.process is None]
            self.pause(min(1.0, max(0.0, min(due) - time.monotonic())) if due else 1.0)

    def restart_the_dead(self) -> None:
        """Notice what ended, and start again what has waited long enough."""
        changed = False
        now = time.monotonic()
        for entry in self.running:
            if entry.process is not None and entry.process.poll() is not None:
                ended = f"{describe_end(entry.process.returncode)} (pid {entry.process.pid})"
                entry.process = None
                self._failed(entry, ended, now)
                changed = True
            if entry.process is None and entry.restart_at <= now and not self.signals_seen:
                try:
                    self._start_one(entry)
                except OSError as error:
                    self._failed(entry, f"cannot be started: {error}", now)
                changed = True
        if changed:
            self.changed(self.pids())

    def _failed(self, entry: Running, ended: str, now: float) -> None:
        steady = now - entry.started_at >= STEADY_AFTER_S
        entry.failures = 1 if steady else entry.failures + 1
        delay = backoff_s(entry.failures)
        entry.restart_at = now + delay
        name = entry.child.name
        if entry.failures < TELL_FAILURES:
            self.say(f"{name} {ended}; starting it again in {delay:.2g} s")
        elif entry.failures == TELL_FAILURES or entry.failures % 10 == 0:
            self.say(f"{name} failed {entry.failures} times in a row; {look(entry.child)}")

    def stop(self) -> None:
        """End every child, the lowest stop order first; a second signal no longer waits."""
        already = self.signals_seen
        for process in self.once:
            process.terminate()
        self._await_end([(process, 5.0) for process in self.once], already)
        self.once.clear()
        for order in sorted({entry.child.stop_order for entry in self.running}):
            ending = [
                (entry.process, entry.child.stop_within_s, entry.child.stop_signal)
                for entry in self.running
                if entry.child.stop_order == order and entry.process is not None
            ]
            for process, _, number in ending:
                if process.poll() is None:
                    process.send_signal(number)
            self._await_end([(process, within) for process, within, _ in ending], already)
        self.running.clear()

    def _await_end(self, ending: list[tuple[subprocess.Popen[bytes], float]], already: int) -> None:
        begun = time.monotonic()
        for process, within_s in ending:
            while process.poll() is None:
                if time.monotonic() - begun > within_s or self.signals_seen > max(already, 1):
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    break
                self.pause(POLL_S)
            if process.stdout:
                process.stdout.close()
