"""The language of mappings in the contract, and refusals that say what would have been taken."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from jsonschema import Draft202012Validator

from api.admin.described_mappings import LANGUAGE, NAMED, SCHEMAS, STAND_IN
from models.mapping.shipped import SHIPPED, document_of
from openapi.write import contract
from tests.connecting import CONNECTOR, MAPPING, SERVICE, client
from tests.mapped_sources import EMAR, ROSTER, VOICES

__all__ = ["client"]  # a fixture

DESCRIBED: dict[str, Any] = json.loads(contract())
SHAPES = DESCRIBED["components"]["schemas"]


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in SCHEMAS.items():
        yield name, schema
        for field, inner in schema["properties"].items():
            yield f"{name}.{field}", inner


def test_every_part_of_a_document_has_a_title_and_says_what_it_is() -> None:
    for place, schema in properties():
        assert schema["title"], place
        assert schema["description"], place
    assert set(NAMED.values()) < SCHEMAS.keys()


def test_language_names_jmespath_every_transform_and_parents() -> None:
    tags = [
        schema["properties"]["as"]["enum"][0]
        for name, schema in SCHEMAS.items()
        if name.startswith("Transform")
    ]
    assert len(tags) > 15
    for word in ("jmespath.org", "`parent`", "`parents`", *(f"- `{tag}`: " for tag in tags)):
        assert word in LANGUAGE
    for path in ("/v1/connectors", "/v1/mappings/{connector}"):
        assert LANGUAGE in DESCRIBED["paths"][path]["post"]["description"]


def is_a_document(document: Any) -> bool:
    schema = {"$ref": "#/components/schemas/MappingDocument", "components": {"schemas": SHAPES}}
    return bool(Draft202012Validator(schema).is_valid(document))


def test_contract_takes_the_documents_that_are_taken_and_no_others() -> None:
    good = [
        MAPPING,
        *(json.loads(msgspec.json.encode(one)) for one in (EMAR, ROSTER, VOICES)),
        *map(document_of, SHIPPED),
    ]
    assert all(map(is_a_document, good))
    field = {"path": "a", "transforms": [{"as": "regex"}]}
    wrongs: list[dict[str, Any]] = [
        {"fields": {"team": field}},
        {"each": []},
        {"drop": []},
        {"schema": "mapping/2"},
    ]
    for wrong in wrongs:
        assert not is_a_document(MAPPING | wrong)


def test_documents_and_signatures_stand_wherever_one_is_sent_or_answered() -> None:
    for name, field in STAND_IN:
        said = json.dumps(SHAPES[name]["properties"][field])
        assert "MappingDocument" in said or "SignatureScheme" in said


def with_transform(**transform: Any) -> dict[str, Any]:
    return {"mapping": MAPPING | {"fields": {"team": {"path": "a", "transforms": [transform]}}}}


def with_field(**field: Any) -> dict[str, Any]:
    return {"mapping": MAPPING | {"fields": MAPPING["fields"] | {"team": field}}}


@pytest.mark.parametrize(
    ("changes", "pointer", "known"),
    [
        ({"signature": {"scheme": "hmacc"}}, "/signature/scheme", "hmac, "),
        (
            {"signature": {"scheme": "hmac", "tolerance": 3}},
            "/signature/tolerance",
            "tolerance_s, ",
        ),
        (
            {"signature": {"scheme": "hmac", "id": {"headr": "X"}}},
            "/signature/id/headr",
            "header, ",
        ),
        ({"mapping": MAPPING | {"wenn": []}}, "/mapping/wenn", "when, "),
        (with_field(path="a", off="body"), "/mapping/fields/team/off", "of, "),
        (with_field(path="a", of="parents"), "/mapping/fields/team/of", "parent, "),
        (with_transform(**{"as": "lookups"}), "/mapping/fields/team/transforms/0/as", "lookup, "),
        (
            with_transform(**{"as": "datetime", "format": "iso"}),
            "/mapping/fields/team/transforms/0/format",
            "formats, ",
        ),
        (
            with_transform(**{"as": "datetime", "ambiguous": "frist"}),
            "/mapping/fields/team/transforms/0/ambiguous",
            "first, ",
        ),
        (
            {"mapping": MAPPING | {"codes": {"state": {"word": {}}}}},
            "/mapping/codes/state/word",
            "words, ",
        ),
        (
            {"mapping": MAPPING | {"type": "medication.given"}},
            "/mapping/type",
            "medication.",
        ),
    ],
)
async def test_refusal_lists_what_would_have_been_taken_the_closest_first(
    client: httpx.AsyncClient, changes: dict[str, Any], pointer: str, known: str
) -> None:
    answer = await client.post("/v1/connectors", json=CONNECTOR | changes)
    assert answer.status_code == 422
    said = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
    assert f"Known are: {known}" in said[pointer]


async def test_dates_are_refused_with_how_to_write_them(client: httpx.AsyncClient) -> None:
    service = {"name": "Elm", "kind": "care_home", "teams": []}
    team = {"code": "oak", "name": "Oak", "opened_on": "1 May 2026"}
    answer = await client.put(f"/v1/services/{SERVICE}", json=service | {"teams": [team]})
    assert answer.json()["errors"][0]["detail"] == "Write it as YYYY-MM-DD, as in 2026-05-01."
    wrong = await client.post("/v1/connectors", json=CONNECTOR)
    assert wrong.status_code == 201
    filled = await client.post(
        "/v1/connectors/rondo:fill", json={"until": "yesterday", "reason": "x"}
    )
    assert filled.json()["errors"][0]["detail"] == "Write it as in 2026-05-01T08:00:00+01:00."
