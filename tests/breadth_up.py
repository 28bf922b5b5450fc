"""How tests run `breadth up`: a real command in a directory of its own, ended by signals."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.children import Account
from cli.unprivileged import may_pass

NOBODY = Account("nobody", 65534, 65534)
COMMAND = [sys.executable, "-m", "cli.main"]


@dataclass
class Up:
    """One running `breadth up`."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    port: int

    def status(self) -> dict[str, Any]:
        return dict(json.loads((self.data_dir / "stack.json").read_text()))

    def pids(self, name: str) -> list[int]:
        return list(self.status()["pids"][name])

    def all_pids(self) -> list[int]:
        return [pid for pids in self.status()["pids"].values() for pid in pids]

    def said(self) -> str:
        return self.data_dir.with_name("said").read_text()

    def answers(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def await_line(self, line: str, within_s: float = 60) -> None:
        begun = time.monotonic()
        while line not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() - begun < within_s, self.said()
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data_dir: Path, port: int, more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BREADTH_")}
    return kept | {
        "BREADTH_DATA_DIR": str(data_dir),
        "BREADTH_PORT": str(port),
        "BREADTH_DEMO": "0",
        **more,
    }


def start(
    data_dir: Path, prefix: tuple[str, ...] = (), more: Mapping[str, str] | None = None
) -> Up:
    port = free_port()
    with data_dir.with_name("said").open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*prefix, *COMMAND, "up"],
            env=environment(data_dir, port, more or {}),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    return Up(process, data_dir, port)


def refused(
    data_dir: Path,
    port: int | None = None,
    prefix: tuple[str, ...] = (),
    more: Mapping[str, str] | None = None,
) -> str:
    """Run `breadth up` where it cannot start: one line, no traceback, a non-zero code."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*prefix, *COMMAND, "up"],
        env=environment(data_dir, port or free_port(), more or {}),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (1, 2), done
    assert done.stderr.startswith("breadth: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def ordinary_user() -> tuple[str, ...]:
    """What to put before a command so that it runs without the rights of root."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("no setpriv to give up the rights of root with")
    # Where the interpreter lies in root's closed home, the right to read there is all that stays.
    closed = not may_pass(Path(sys.executable).resolve().parent, NOBODY)
    kept = "-all,+dac_read_search" if closed else "-all"
    return (
        *(setpriv, f"--reuid={NOBODY.uid}", f"--regid={NOBODY.gid}", "--clear-groups"),
        *(f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}"),
    )


def breadth(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, *arguments],
        env=environment(data_dir, free_port(), {}),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def open_directory() -> Iterator[Path]:
    """A directory that every account may pass; pytest's own are closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="breadth-stack-")).resolve()
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)
