"""What `lint-imports` cannot say without a list to keep: these import nothing of ours at all.

Its contracts name forbidden modules one by one, so that a new neighbour would be let in.
"""

import ast
import asyncio
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = set(PROJECT["tool"]["importlinter"]["root_packages"]) | {"tests"}


def imported(source: str) -> set[str]:
    """Full names of what is imported; a relative import begins with a dot."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def foreign(path: Path, own: str) -> set[str]:
    """Imports of ours from outside `own`, whatever function they hide in."""
    return {
        name
        for name in imported(path.read_text())
        if name.startswith(".") or (name.split(".")[0] in OURS and not name.startswith(f"{own}."))
    }


def test_statistics_import_nothing_of_ours_but_themselves() -> None:
    files = sorted((ROOT / "worker" / "stats").rglob("*.py"))
    assert files
    assert {path.name: foreign(path, "worker.stats") for path in files} == {
        path.name: set() for path in files
    }


def test_vocabulary_imports_nothing_of_ours() -> None:
    assert foreign(ROOT / "models" / "vocabulary.py", "models.vocabulary") == set()


@pytest.mark.parametrize(
    "source",
    ["import models.cells", "from worker import score", "def f():\n    from api.deps import x"],
)
def test_import_of_ours_is_seen(source: str, tmp_path: Path) -> None:
    path = tmp_path / "kernel.py"
    path.write_text(source)
    assert foreign(path, "worker.stats")


def test_every_package_is_under_the_import_rule() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == OURS


def test_every_package_is_installed() -> None:
    """One that is not listed works in a checkout and is missing from a container."""
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in OURS - {"tests"}
        for path in ROOT.glob(f"{top}/**/__init__.py")
    }
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


RESOLVE = """
import importlib, sys
importlib.import_module(sys.argv[1])
from models.base import Base
for table in Base.metadata.tables.values():
    for key in table.foreign_keys:
        key.column
"""


@pytest.mark.parametrize("process", ["api.main", "worker.main", "models.people"])
async def test_what_runs_by_itself_knows_every_table_it_refers_to(process: str) -> None:
    """Tests import everything; a process of its own has only what it imports."""
    alone = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RESOLVE, process), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await alone.communicate()
    assert alone.returncode == 0, said.decode()
