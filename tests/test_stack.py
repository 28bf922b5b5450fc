"""`breadth up` as a person runs it: ready, calm, restarted when killed, gone when told to."""

import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from cli import embedded
from cli.prepare import Stack
from cli.stack import show_demo
from cli.supervisor import Supervisor
from models.settings import StackSettings
from tests.breadth_up import NOBODY, Up, breadth, open_directory, ordinary_user, refused, start


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory


@pytest.fixture(scope="module")
def up(place: Path) -> Iterator[Up]:
    (place / "shared").mkdir()
    running = start(place / "shared/data")
    try:
        running.await_line("Ctrl-C stops it.")
        yield running
    finally:
        running.stop()


@pytest.fixture
def stack_with_stand_in_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A demo that notes how it was called and ends with the code in a file."""
    (tmp_path / "run").mkdir()
    (tmp_path / "code").write_text("0")
    noting = (
        "import pathlib, sys; here = pathlib.Path('..'); "
        "open(here / 'called', 'a').write(' '.join(sys.argv[1:]) + chr(10)); "
        "sys.exit(int((here / 'code').read_text()))"
    )
    monkeypatch.setattr("cli.stack.PYTHON", (sys.executable, "-c", noting))
    said: list[str] = []
    supervisor = Supervisor(said.append, lambda _pids: None, takes_signals=False)
    with supervisor, (tmp_path / "console").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        yield Stack(
            settings=StackSettings(demo=True),
            data_dir=tmp_path,
            console=Console(file=out),
            supervisor=supervisor,
            servers=(),
            admin_database_url=None,
            env=dict(os.environ),
            identity="one database",
        )


def test_demo_is_loaded_once_and_again_after_a_failure(
    stack_with_stand_in_demo: Stack,
) -> None:
    stack = stack_with_stand_in_demo
    called = stack.data_dir / "called"
    (stack.data_dir / "code").write_text("1")
    show_demo(stack)
    (stack.data_dir / "code").write_text("0")
    for _ in range(3):
        show_demo(stack)
    show_demo(dataclasses.replace(stack, identity="another database"))
    show_demo(dataclasses.replace(stack, settings=StackSettings(demo=False)))
    asked = "cli.main demo"
    assert called.read_text().splitlines() == [
        asked,
        asked,
        f"{asked} --picture",
        f"{asked} --picture",
        asked,
    ]


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
    assert counts == {"postgres": 1, "valkey": 1, "api": 2, "worker": 3}
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


def test_commands_beside_a_running_stack_need_no_settings(up: Up) -> None:
    issue = ("keys", "create", "--provider", "acme", "--name", "eMAR", "--scope", "events:write")
    issued = breadth(up.data_dir, *issue)
    assert issued.returncode == 0, issued.stderr
    assert issued.stdout.startswith("brd_")
    assert issued.stdout.count("\n") == 1
    assert breadth(up.data_dir, "migrate").stdout == "nothing new\n"


def test_unknown_scope_is_refused_with_the_ones_there_are(up: Up) -> None:
    issue = ("keys", "create", "--provider", "acme", "--name", "eMAR", "--scope", "everything")
    refusal = breadth(up.data_dir, *issue)
    assert refusal.returncode == 2
    assert "events:write" in refusal.stderr


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


def test_signals_leave_no_process_and_the_next_start_is_quick(place: Path) -> None:
    directory = place / "signals"
    directory.mkdir()
    first = start(directory / "data")
    first.await_line("Ctrl-C stops it.")
    key = (first.data_dir / "dev-api-key").read_text()
    assert_nothing_is_left(first, signal.SIGTERM)

    begun = time.monotonic()
    second = start(directory / "data")
    second.await_line("Ctrl-C stops it.")
    assert time.monotonic() - begun < 15
    assert (second.data_dir / "dev-api-key").read_text() == key
    assert_nothing_is_left(second, signal.SIGINT)


def assert_nothing_is_left(running: Up, number: signal.Signals) -> None:
    pids = running.all_pids()
    children = psutil.Process(running.process.pid).children(recursive=True)
    assert {child.pid for child in children} >= set(pids)
    assert running.stop(number) == 0
    assert not [child for child in children if child.is_running()]
    assert running.all_pids() == []


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
    assert counts == {"postgres": 0, "valkey": 0, "api": 2, "worker": 3}
    assert (first.status()["database_url"], first.status()["redis_url"]) == (mine, redis_url)
    assert first.answers("/readyz") == 200
    workers = [psutil.Process(pid) for pid in (*first.pids("api"), *first.pids("worker"))]
    assert not [each for each in workers if "BREADTH_ADMIN_DATABASE_URL" in each.environ()]
    assert first.stop() == 0
    assert not (directory / "data/postgres").exists()
