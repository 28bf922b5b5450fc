"""The committed contract equals the code, and says for each operation what an integrator needs."""

import json
from typing import Any

import pytest

from openapi.write import CONTRACT, contract

DESCRIBED: dict[str, Any] = json.loads(contract())
#: What answers without a key.
OPEN = {"/healthz", "/readyz", "/metrics"}
#: What platforms sign instead.
SIGNED = {"/v1/webhooks/{connector}"}
OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    (path, operation)
    for path, methods in DESCRIBED["paths"].items()
    for operation in methods.values()
]
every_operation = pytest.mark.parametrize(
    ("path", "operation"), OPERATIONS, ids=[one["operationId"] for _, one in OPERATIONS]
)


def test_committed_contract_equals_the_code() -> None:
    committed = CONTRACT.read_text(encoding="utf-8")
    assert committed == contract(), "the API has changed; write it with: make openapi"


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(names) == len(set(names))


@every_operation
def test_every_operation_is_named_and_explained(path: str, operation: dict[str, Any]) -> None:
    assert "_" in operation["operationId"], "verb_noun"
    assert operation["summary"]
    assert operation["tags"] or path in OPEN


@every_operation
def test_every_operation_lists_its_refusals_as_problems(
    path: str, operation: dict[str, Any]
) -> None:
    refusals = {code: said for code, said in operation["responses"].items() if code >= "400"}
    if path in OPEN:
        return
    # A FHIR client reads problems as OperationOutcomes, with the same statuses and codes.
    media = "application/fhir+json" if path.startswith("/v1/fhir/") else "application/problem+json"
    for code, said in refusals.items():
        assert set(said["content"]) == {media}, code
    assert {"401", "403", "503"} <= set(refusals)


@every_operation
def test_every_operation_but_health_and_hooks_asks_for_a_key(
    path: str, operation: dict[str, Any]
) -> None:
    assert bool(operation.get("security")) == (path not in OPEN | SIGNED)


def test_every_reference_leads_somewhere() -> None:
    schemas = DESCRIBED["components"]["schemas"]

    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*map(references, part.values()))
        if isinstance(part, list):
            return set().union(*map(references, part))
        return set()

    named = {reference.removeprefix("#/components/schemas/") for reference in references(DESCRIBED)}
    assert named <= set(schemas), named - set(schemas)
