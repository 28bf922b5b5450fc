"""Where `breadth up` and its neighbours cannot start: one line that says what to do."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.breadth_up import breadth, open_directory, ordinary_user, refused


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory


ISSUE = ("keys", "create", "--provider", "acme", "--name", "eMAR", "--scope", "admin")


@pytest.mark.parametrize("command", [("demo",), ("demo", "--picture"), ("migrate",), ISSUE])
def test_commands_without_a_stack_say_what_they_need(place: Path, command: tuple[str, ...]) -> None:
    stopped = place / "stopped"
    stopped.mkdir(exist_ok=True)
    database = "postgresql://breadth_app:x@127.0.0.1:1/breadth"
    for name, value in {
        "stack.json": {"api_url": "http://127.0.0.1:1", "database_url": database},
        "secrets.json": {"postgres_admin_password": "x", "secret_key": "x" * 40},
        "ports.json": {"postgres": 1},
    }.items():
        (stopped / name).write_text(json.dumps(value))
    (stopped / "dev-api-key").write_text("brd_x")
    (stopped / "lock").touch()
    for data_dir in (place / "nothing-here", stopped):
        done = breadth(data_dir, *command)
        assert done.returncode == 1
        assert done.stderr.startswith(f"breadth: no running stack in {data_dir}; start it with: ")
        assert done.stderr.count("\n") == 1


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
