"""The contract as a document: OpenAPI 3.1 by its structural rules, with nothing left dangling.

Schemas are checked against their own meta-schema; the meta-schema of OpenAPI itself is not at hand,
so fields beyond those below are not.
"""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from openapi.write import contract
from tests.test_contract import DESCRIBED, OPERATIONS, every_operation

SCHEMAS: dict[str, Any] = DESCRIBED["components"]["schemas"]
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def test_writing_twice_is_writing_once() -> None:
    assert contract() == contract()
    assert contract().endswith("}\n")


def test_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = contract()
    monkeypatch.setenv("BREADTH_PUBLIC_URL", "https://elsewhere.example")
    monkeypatch.setenv("BREADTH_DATABASE_URL", "postgresql://elsewhere.example/none")
    assert contract() == before


def test_head_names_version_title_and_ways_to_sign_in() -> None:
    assert re.fullmatch(r"3\.1\.\d+", DESCRIBED["openapi"])
    assert DESCRIBED["info"]["title"]
    assert DESCRIBED["info"]["version"]
    for scheme in DESCRIBED["components"]["securitySchemes"].values():
        assert scheme["type"] == "http"
        assert scheme["scheme"] in {"bearer", "basic"}


def test_paths_hold_nothing_but_operations() -> None:
    for path, methods in DESCRIBED["paths"].items():
        assert path.startswith("/")
        assert set(methods) <= METHODS


@every_operation
def test_parameters_of_the_path_are_those_of_its_template(
    path: str, operation: dict[str, Any]
) -> None:
    parameters = operation.get("parameters", [])
    placed = [(one["name"], one["in"]) for one in parameters]
    assert len(placed) == len(set(placed))
    assert {name for name, where in placed if where == "path"} == set(re.findall(r"{(\w+)}", path))
    for one in parameters:
        assert one["in"] in {"path", "query", "header", "cookie"}
        assert one["required"] or one["in"] != "path"
        Draft202012Validator.check_schema(one["schema"])


@every_operation
def test_every_answer_is_described_by_status_and_content(
    path: str, operation: dict[str, Any]
) -> None:
    assert operation["responses"], path
    for status, answer in operation["responses"].items():
        assert re.fullmatch(r"[1-5]\d\d|default", status)
        assert answer["description"]
        if status in {"204", "304"}:
            assert not answer.get("content")
        for media, content in answer.get("content", {}).items():
            assert re.fullmatch(r"[\w.+-]+/[\w.+-]+", media)
            Draft202012Validator.check_schema(content.get("schema", {}))


@every_operation
def test_every_operation_refers_to_known_security_schemes(
    path: str, operation: dict[str, Any]
) -> None:
    known = set(DESCRIBED["components"]["securitySchemes"])
    assert {name for one in operation.get("security", []) for name in one} <= known, path


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_is_a_json_schema(name: str) -> None:
    assert re.fullmatch(r"[\w.-]+", name)
    Draft202012Validator.check_schema(SCHEMAS[name])
    unknown = set(SCHEMAS[name].get("required", ())) - set(SCHEMAS[name].get("properties", ()))
    assert not unknown


def test_there_is_an_operation_for_each_strand_and_the_story() -> None:
    ends = {path.rpartition("/")[2] for path, _ in OPERATIONS}
    assert {"spread-dashboard", "shift-coverage-review", "evidence-alignment", "breadth"} <= ends
