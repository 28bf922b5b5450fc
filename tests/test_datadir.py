"""The data directory: what is made once, what is remembered, and what is refused."""

import contextlib
import json
import shutil
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.datadir import (
    LEAST_FREE_BYTES,
    StackError,
    check_version,
    listen,
    load_secrets,
    lock,
    open_data_dir,
    remembered_port,
    write_private,
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def waiting(listener: socket.socket) -> int:
    """How many connections this socket has to hand out."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            count += 1
    return count


def test_too_little_disk_says_how_much_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = SimpleNamespace(free=100 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: left)
    needed = LEAST_FREE_BYTES // 2**20
    with pytest.raises(StackError, match=rf"100 MiB are free for .* and {needed} are needed"):
        open_data_dir(tmp_path / "data")


def test_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StackError, match="is not a directory"):
        open_data_dir(tmp_path / "data")


def test_lock_is_free_again_when_its_holder_closes_it(tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(StackError, match="already running"):
        lock(tmp_path)
    lock(tmp_path).close()


def test_new_directory_is_stamped_and_the_stamp_stands(tmp_path: Path) -> None:
    assert check_version(tmp_path, 18) == {"layout": 1, "postgresql": 18}
    assert check_version(tmp_path, 18) == {"layout": 1, "postgresql": 18}
    with pytest.raises(StackError, match=r"PostgreSQL 18, and .* PostgreSQL 19"):
        check_version(tmp_path, 19)


def test_directory_of_an_external_database_takes_any_later_postgres(tmp_path: Path) -> None:
    check_version(tmp_path, None)
    assert check_version(tmp_path, 19)["postgresql"] == 19


def test_damaged_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "version.json").write_text("{")
    with pytest.raises(StackError, match=r"version\.json is damaged"):
        check_version(tmp_path, 18)


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    made = load_secrets(tmp_path, tmp_path / "postgres")
    assert len(set(made.values())) == 4
    assert min(len(secret) for secret in made.values()) >= 32
    assert load_secrets(tmp_path, tmp_path / "postgres") == made
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_lost_secrets_are_not_replaced_beside_a_database(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(StackError, match="lacks postgres_admin_password"):
        load_secrets(tmp_path, tmp_path / "postgres")


def test_port_is_remembered_while_it_is_free(tmp_path: Path) -> None:
    port = remembered_port(tmp_path, "postgres")
    assert remembered_port(tmp_path, "postgres") == port
    other = remembered_port(tmp_path, "valkey")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        moved = remembered_port(tmp_path, "postgres")
    assert moved != port
    assert json.loads((tmp_path / "ports.json").read_text()) == {
        "postgres": moved,
        "valkey": other,
    }


def test_private_file_never_shows_half_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    write_private(path, "one")
    with path.open() as reader:
        write_private(path, "two")
        assert reader.read() == "one"
    assert path.read_text() == "two"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the processes share one socket")
def test_every_api_process_has_its_share_of_connections() -> None:
    [first, second] = listen(port := free_port(), 2)
    with first, second:
        first.settimeout(0)
        second.settimeout(0)
        callers = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(64)]
        shares = [waiting(first), waiting(second)]
        for caller in callers:
            caller.close()
    assert sum(shares) == 64
    assert min(shares) >= 8


def test_port_of_another_stack_is_not_joined() -> None:
    with contextlib.ExitStack() as held:
        for listener in listen(port := free_port(), 2):
            held.enter_context(listener)
        with pytest.raises(StackError, match=f"port {port} on 127"):
            listen(port, 2)
