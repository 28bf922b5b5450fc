"""`If-None-Exist`: nothing is stored twice, whatever its sender remembers."""

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.conftest import MakeClient, make_provider
from tests.fhir_sent import (
    Connection,
    administration,
    post,
    questionnaire,
    said,
    stored,
)

pytestmark = pytest.mark.usefixtures("known_places")


IF_NONE_EXIST = [
    # how it asks, what is answered when D-1 and D-2 are there
    ("identifier=https://emar.example/id|D-1", (200, "exists")),
    ("identifier=https%3A%2F%2Femar.example%2Fid%7CD-1", (200, "exists")),
    ("MedicationAdministration?identifier=https://emar.example/id|D-1", (200, "exists")),
    ("identifier=D-1", (200, "exists")),
    ("identifier=https://emar.example/id|D-9", (201, "accepted")),
    ("identifier=https://other.example/id|D-1", (201, "accepted")),
    ("identifier=|D-1", (201, "accepted")),
    ("identifier=D", (201, "accepted")),
    ("identifier=V-1", (201, "accepted")),
    (
        "identifier=https://emar.example/id|D-1,https://emar.example/id|D-2",
        (412, "several_match"),
    ),
    ("identifier=D-1,D-2", (412, "several_match")),
]


@pytest.mark.parametrize(("asks", "answered"), IF_NONE_EXIST)
async def test_if_none_exist_is_answered_by_how_many_do(
    asks: str,
    answered: tuple[int, str],
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
) -> None:
    for resource in (administration(1), administration(2), questionnaire(1)):
        await post(client, resource)
    assert await said(client, administration(3), If_None_Exist=asks) == answered
    assert len(await stored(admin, provider)) == (4 if answered[0] == 201 else 3)


async def test_the_same_value_in_two_systems_is_two_records(client: httpx.AsyncClient) -> None:
    other = administration(identifier=[{"system": "urn:other", "value": "D-1"}])
    await post(client, administration(1))
    await post(client, other)
    found = await said(client, administration(3), If_None_Exist="identifier=D-1")
    assert found == (412, "several_match")


async def test_records_of_another_provider_do_not_exist_here(
    client: httpx.AsyncClient, client_with: MakeClient, running: Running
) -> None:
    theirs = await client_with(*Scope, of=await make_provider(running))
    for number, asks in ((1, "identifier=https://emar.example/id|D-1"), (2, "identifier=D-2")):
        await post(theirs, administration(number))
        assert await said(client, administration(number), If_None_Exist=asks) == (201, "accepted")
        assert await said(theirs, administration(number), If_None_Exist=asks) == (200, "exists")
