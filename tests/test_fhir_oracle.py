"""An independent library of FHIR judges what we show, send and answer.

It knows R4B, whose elements of these resources are those of R4, and does not enforce bindings.
"""

from typing import Any

import httpx
import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from api.inbound.described_fhir import EXAMPLE_BUNDLE, EXAMPLES
from tests.fhir_sent import (
    BASE,
    FHIR,
    Resource,
    administration,
    adverse_event,
    bundle,
    national,
    post,
    questionnaire,
)


def is_sound(resource: Resource) -> bool:
    """Elements, their types and how often they stand, as the specification has them."""
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except ValidationError:
        return False
    return True


SHOWN = [*EXAMPLES.values(), EXAMPLE_BUNDLE]
SENT = [
    administration(),
    administration(status="not-done", statusReason=[{"text": "Asleep"}], version="2"),
    questionnaire(),
    adverse_event(),
    national("4", "2", challenges=("1", "2")),
    bundle(administration(), kind="transaction"),
]


@pytest.mark.parametrize("resource", SHOWN)
def test_examples_in_the_contract_are_sound(resource: Resource) -> None:
    assert is_sound(resource)


@pytest.mark.parametrize("resource", SENT)
def test_what_other_tests_send_is_sound(resource: Resource) -> None:
    assert is_sound(resource)


def test_the_judge_finds_what_is_wrong() -> None:
    assert not is_sound(administration(effectiveDateTime="yesterday"))
    assert not is_sound(administration(dosages=[]))


@pytest.mark.usefixtures("known_places")
async def test_answers_are_sound(client: httpx.AsyncClient) -> None:
    answers: list[Any] = [
        await client.get(f"{BASE}/metadata"),
        await post(client, administration()),
        await post(client, administration()),
        await post(client, administration(status="not-done")),
        await post(client, administration(2, status="not-done")),
        await post(client, administration(status="on-hold")),
        await post(client, administration(status="wibble")),
        await post(client, bundle(administration(), adverse_event(severity=None))),
        await post(client, bundle(administration(status=None), kind="transaction")),
        await post(client, bundle()),
        await client.post(f"{BASE}/AdverseEvent", content=b"{", headers=FHIR),
        await client.post(f"{BASE}/AdverseEvent", content=b"<a/>"),
        await client.get(f"{BASE}/Patient/1"),
        await client.post(BASE, headers={"Authorization": ""}),
    ]
    assert {answer.status_code for answer in answers} >= {200, 201, 400, 401, 404, 409, 415, 422}
    for answer in answers:
        assert is_sound(answer.json()), answer.text
