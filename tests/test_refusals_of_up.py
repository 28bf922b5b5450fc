"""Where `breadth up` and its neighbours cannot start: one line that says what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.breadth_up import breadth, open_directory, ordinary_user, refused


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory


@pytest.mark.parametrize("command", [("demo",), ("migrate",)])
def test_commands_without_a_stack_say_what_they_need(place: Path, command: tuple[str]) -> None:
    done = breadth(place / "nothing-here", *command)
    assert done.returncode == 1
    assert done.stderr.startswith("breadth: ")
    assert done.stderr.count("\n") == 1
    assert "BREADTH_ADMIN_DATABASE_URL" in done.stderr or "breadth up" in done.stderr


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
