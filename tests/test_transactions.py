"""One request or job is one transaction, so only `models.db.transaction` may open and commit one.

The session dependency of the API opens its transaction through it.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "worker", "models", "cli", "bench", "openapi", "migrations")
#: Savepoints (`begin_nested`) stay inside a transaction and are nobody's secret.
OPENING = {"commit", "begin", "rollback", "begin_twophase"}
AS_TEXT = {"COMMIT", "BEGIN", "ROLLBACK", "START TRANSACTION", "AUTOCOMMIT"}
MAY_COMMIT = {
    "models/db.py",  # the one way to open a transaction
    "migrations/apply.py",  # roles and schema at once, before there is an application
}


def opens_or_commits(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in OPENING
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.strip().rstrip(";") in AS_TEXT
    return False


def lines_that_commit(source: str) -> list[int]:
    expressions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.expr))
    return [node.lineno for node in expressions if opens_or_commits(node)]


@pytest.mark.parametrize(
    "source",
    [
        "await session.commit()",
        "async with sessions.begin() as session: ...",
        "finish = session.commit",
        "await asyncio.shield(request.state.session.rollback())",
        "await session.execute(text('COMMIT'))",
        "await session.execute(text(' BEGIN; '))",
        "engine.execution_options(isolation_level='AUTOCOMMIT')",
    ],
)
def test_ways_to_commit_are_seen(source: str) -> None:
    assert lines_that_commit(source) == [1]


@pytest.mark.parametrize(
    "source",
    [
        "async with transaction(sessions, provider) as session: ...",
        "async with session.begin_nested(): ...",
        "begin = span['begin']",
        "'''Commit before you acknowledge.'''",
    ],
)
def test_what_does_not_commit_is_left_alone(source: str) -> None:
    assert lines_that_commit(source) == []


def test_nothing_else_opens_or_commits_a_transaction() -> None:
    committing = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            lines = lines_that_commit(path.read_text())
            if lines:
                committing[path.relative_to(ROOT).as_posix()] = lines
    assert set(committing) == MAY_COMMIT, committing
