"""`breadth up` as a person runs it: a real command in a directory of its own, ended by signals."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli import embedded
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


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that every account may pass; pytest's own are closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="breadth-stack-")).resolve()
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def up(place: Path) -> Iterator[Up]:
    (place / "shared").mkdir()
    running = start(place / "shared/data")
    try:
        running.await_line("Ctrl-C stops it.")
        yield running
    finally:
        running.stop()


def test_ready_stack_says_address_and_key_and_keeps_them_private(up: Up) -> None:
    key = (up.data_dir / "dev-api-key").read_text().strip()
    assert f"http://127.0.0.1:{up.port}" in up.said()
    assert key in up.said()
    assert up.answers("/readyz") == 200
    private = ("dev-api-key", "stack.json", "secrets.json", "ports.json", "logs/api.log")
    modes = {name: (up.data_dir / name).stat().st_mode & 0o777 for name in private}
    assert modes == dict.fromkeys(private, 0o600)


def test_status_names_urls_and_living_processes(up: Up) -> None:
    status = up.status()
    assert status["api_url"] == f"http://127.0.0.1:{up.port}"
    assert status["database_url"].startswith("postgresql://breadth_app:")
    assert status["redis_url"].startswith("redis://:")
    counts = {name: len(pids) for name, pids in status["pids"].items()}
    assert counts == {"postgres": 1, "valkey": 1, "api": 2, "worker": 1}
    assert all(psutil.pid_exists(pid) for pid in up.all_pids())


def test_no_password_is_in_any_command_line(up: Up) -> None:
    secrets = json.loads((up.data_dir / "secrets.json").read_text()).values()
    lines = [" ".join(psutil.Process(pid).cmdline()) for pid in up.all_pids()]
    assert all(lines)
    assert not [line for line in lines for secret in secrets if secret in line]


def test_servers_listen_on_the_loopback_address_only(up: Up) -> None:
    for pid in (*up.pids("postgres"), *up.pids("valkey"), *up.pids("api")):
        listening = {
            each.laddr.ip
            for each in psutil.Process(pid).net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}


def test_second_up_on_the_same_directory_says_so(up: Up) -> None:
    assert f"already running on {up.data_dir} (pid {up.process.pid})" in refused(up.data_dir)


def test_taken_port_is_named(up: Up, place: Path) -> None:
    assert f"port {up.port} on 127.0.0.1" in refused(place / "port-taken", up.port)


@pytest.mark.parametrize("name", ["api", "worker", "valkey", "postgres"])
def test_killed_process_comes_back(up: Up, name: str) -> None:
    before = up.pids(name)
    os.kill(before[0], signal.SIGKILL)
    begun = time.monotonic()
    while len(after := up.pids(name)) < len(before) or before[0] in after:
        assert time.monotonic() - begun < 30, up.said()
        time.sleep(0.05)
    while up.answers("/readyz") != 200:
        assert time.monotonic() - begun < 30, up.said()
        time.sleep(0.05)
    assert f"{name} was ended by SIGKILL (pid {before[0]})" in up.said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_leaves_no_process_and_the_next_start_is_quick(
    place: Path, number: signal.Signals
) -> None:
    directory = place / number.name
    directory.mkdir()
    first = start(directory / "data")
    first.await_line("Ctrl-C stops it.")
    key, pids = (first.data_dir / "dev-api-key").read_text(), first.all_pids()
    children = psutil.Process(first.process.pid).children(recursive=True)
    assert {child.pid for child in children} >= set(pids)
    assert first.stop(number) == 0
    assert not [child for child in children if child.is_running()]
    assert set(first.status()["pids"]) == {"postgres", "valkey", "api", "worker"}
    assert first.all_pids() == []

    begun = time.monotonic()
    second = start(directory / "data")
    second.await_line("Ctrl-C stops it.")
    taken = time.monotonic() - begun
    assert second.stop() == 0
    assert taken < 15
    assert (second.data_dir / "dev-api-key").read_text() == key


def test_up_recovers_after_the_supervisor_was_killed(place: Path) -> None:
    directory = place / "killed"
    directory.mkdir()
    first = start(directory / "data")
    first.await_line("Ctrl-C stops it.")
    children = psutil.Process(first.process.pid).children(recursive=True)
    first.stop(signal.SIGKILL)
    second = start(directory / "data")
    second.await_line("Ctrl-C stops it.")
    assert not [child for child in children if child.is_running()]
    assert second.answers("/readyz") == 200
    assert second.stop() == 0


def test_stop_while_starting_leaves_no_process(place: Path) -> None:
    directory = place / "early"
    directory.mkdir()
    early = start(directory / "data")
    early.await_line("Servers:")
    children = psutil.Process(early.process.pid).children(recursive=True)
    assert early.stop() == 0
    assert children
    assert not [child for child in children if child.is_running()]


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test here ran as an ordinary user")
def test_ordinary_user_starts_and_stops_it(place: Path) -> None:
    directory = place / "ordinary"
    directory.mkdir()
    os.chown(directory, NOBODY.uid, NOBODY.gid)
    running = start(directory / "data", ordinary_user())
    running.await_line("Ctrl-C stops it.")
    owners = {psutil.Process(pid).uids().effective for pid in running.all_pids()}
    assert owners == {NOBODY.uid}
    assert running.data_dir.stat().st_mode & 0o777 == 0o700
    assert running.stop() == 0


def test_servers_of_your_own_slot_in_by_their_urls(
    place: Path, postgres_admin_url: str, redis_url: str
) -> None:
    directory = place / "external"
    directory.mkdir()
    server, _, _ = postgres_admin_url.rpartition("/")
    database = f"stack_{os.getpid()}"
    admin = f"{server}/{database}"
    embedded.ensure_database(admin)
    # Roles belong to the whole server, so this login is not the one of other tests.
    mine = f"postgresql://{database}:word@{server.rpartition('@')[2]}/{database}"
    urls = {
        "BREADTH_DATABASE_URL": mine,
        "BREADTH_ADMIN_DATABASE_URL": admin,
        "BREADTH_REDIS_URL": redis_url,
    }
    first = start(directory / "data", more=urls)
    first.await_line("Ctrl-C stops it.")
    counts = {name: len(pids) for name, pids in first.status()["pids"].items()}
    assert counts == {"postgres": 0, "valkey": 0, "api": 2, "worker": 1}
    assert (first.status()["database_url"], first.status()["redis_url"]) == (mine, redis_url)
    assert first.answers("/readyz") == 200
    workers = [psutil.Process(pid) for pid in (*first.pids("api"), *first.pids("worker"))]
    assert not [each for each in workers if "BREADTH_ADMIN_DATABASE_URL" in each.environ()]
    assert first.stop() == 0
    assert not (directory / "data/postgres").exists()


def test_directory_without_write_permission_is_named(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    for data_dir in (closed, closed / "data"):
        assert str(data_dir) in refused(data_dir, prefix=ordinary_user())


def test_directory_of_another_version_says_what_to_do(place: Path) -> None:
    other = place / "other"
    other.mkdir()
    (other / "version.json").write_text('{"layout": 1, "postgresql": 12}')
    line = refused(other)
    assert "PostgreSQL 12" in line
    assert "move the directory away" in line


def test_directory_with_other_files_is_left_alone(place: Path) -> None:
    foreign = place / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    assert "holds other files" in refused(foreign)
    assert [entry.name for entry in foreign.iterdir()] == ["thesis.txt"]


def test_setting_that_cannot_be_read_is_named(place: Path) -> None:
    for name in ("BREADTH_API_PROCESSES", "BREADTH_STATEMENT_TIMEOUT_S"):
        assert f"{name}: " in refused(place / "setting", more={name: "many"})
