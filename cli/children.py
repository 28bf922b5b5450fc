"""One child process: what to run, as whom, where it logs, and how it is tied to its parent.

It knows processes and log files, and neither what the children serve nor when to start them again.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LOG_ROTATED_AT_BYTES = 10 * 1024 * 1024
PR_SET_PDEATHSIG = 1

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ChildFailedError(Exception):
    """A child did not become ready, or a step that had to succeed did not."""


@dataclass(frozen=True)
class Account:
    """The operating-system account a child runs under when the supervisor is root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Child:
    """What to run, how many of it, when it counts as ready, and how it is asked to end."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    count: int = 1
    account: Account | None = None
    pass_fds: tuple[int, ...] = ()
    ready: Callable[[int], bool] | None = None
    ready_within_s: float = 60
    stop_order: int = 0  # The lowest order stops first; equal orders stop together.
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 15


def last_line(log: Path) -> str:
    """The last line of a log that says anything, without terminal colours."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]
    return next((line[:300] for line in reversed(lines) if line), "")


def describe_end(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def open_log(log: Path) -> IO[bytes]:
    """Open for appending; what grew too long is kept once as `.1`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_ROTATED_AT_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def tied_to_parent(parent: int, number: int) -> Callable[[], None]:
    """A step between fork and exec, after which the kernel signals the child when we are gone."""

    def tie() -> None:
        if _LIBC is not None:
            _LIBC.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
            if os.getppid() != parent:  # We died before the line above took effect.
                os._exit(1)

    return tie


def spawn(
    child: Child, stdout: int | IO[bytes], stderr: int | IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """Start one process in a session of its own, so that Ctrl-C reaches only the supervisor."""
    account = child.account
    return subprocess.Popen(  # noqa: S603 - the table of children is ours, no input reaches it
        child.argv,
        env=dict(child.env),
        cwd=child.cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr if stderr is not None else stdout,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        pass_fds=child.pass_fds,
        start_new_session=True,
        preexec_fn=tied_to_parent(os.getpid(), child.stop_signal),  # noqa: PLW1509 - this process has one thread
    )


def look(child: Child) -> str:
    """Where to read on, and the last thing said there."""
    line = last_line(child.log)
    return f"see {child.log}" + (f", which ends: {line}" if line else "")
