"""People, their roles from a day to a day, keys that act as them, and who may do all that."""

from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Role, Scope, Stage
from tests.conftest import Clock, MakeClient, make_provider
from tests.roles import client_as, person
from tests.sent import SERVICE
from tests.set_up import put, refusal, team
from tests.walking import RECORDS, walk

ROLE = {"role": Role.QUALITY_LEAD, "held_from": "2026-11-01"}
ABSENT_ID = "0197a0a0-0000-7000-8000-000000000000"
CALLS: list[tuple[str, str, object]] = [
    ("PUT", "/v1/people/ann", {"name": "Ann Lee"}),
    ("GET", "/v1/people", None),
    ("GET", "/v1/people/ann", None),
    ("POST", "/v1/people/ann/roles", ROLE),
    ("POST", f"/v1/people/ann/roles/{ABSENT_ID}:end", {"held_to": "2026-12-01"}),
]


@pytest.mark.parametrize(("method", "address", "json"), CALLS)
async def test_people_are_for_administrators(
    anonymous: httpx.AsyncClient, client_with: MakeClient, method: str, address: str, json: object
) -> None:
    assert (await anonymous.request(method, address, json=json)).status_code == 401
    others = await client_with(*(set(Scope) - {Scope.ADMIN}))
    assert (await others.request(method, address, json=json)).status_code == 403


@pytest.mark.parametrize(("method", "address", "json"), CALLS[2:])
async def test_absent_person_and_somebody_elses_read_alike(
    client: httpx.AsyncClient, running: Running, method: str, address: str, json: object
) -> None:
    absent = await client.request(method, address, json=json)
    await person(running, await make_provider(running), "ann", Role.QUALITY_LEAD)
    theirs = await client.request(method, address, json=json)
    assert absent.status_code == theirs.status_code == 404


async def test_registered_person_is_renamed_and_keeps_the_roles(client: httpx.AsyncClient) -> None:
    assert (await client.put("/v1/people/ann", json={"name": "Ann"})).status_code == 201
    assert (await client.post("/v1/people/ann/roles", json=ROLE)).status_code == 201
    again = await client.post("/v1/people/ann/roles", json=ROLE)
    assert len(again.json()["roles"]) == 1
    renamed = await client.put("/v1/people/ann", json={"name": "Ann Lee"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Ann Lee")
    assert renamed.json()["roles"][0]["role"] == "quality_lead"
    listed = (await client.get("/v1/people")).json()["items"]
    assert listed == [renamed.json()]


@pytest.mark.parametrize(
    ("json", "pointer"),
    [
        (ROLE | {"role": "owner"}, "/role"),
        (ROLE | {"service": "elsewhere"}, "/service"),
        (ROLE | {"held_to": "2026-10-01"}, "/held_to"),
        (ROLE | {"held_from": "2029-01-01"}, "/held_from"),
        (ROLE | {"since": "2026-01-01"}, "/since"),
    ],
)
async def test_role_that_cannot_be_is_refused(
    client: httpx.AsyncClient, json: object, pointer: str
) -> None:
    await client.put("/v1/people/ann", json={"name": "Ann"})
    assert await refusal(client, "POST", "/v1/people/ann/roles", json) == (422, [pointer])


async def test_role_ends_today_or_later(client: httpx.AsyncClient) -> None:
    await client.put("/v1/people/ann", json={"name": "Ann"})
    given = await client.post("/v1/people/ann/roles", json=ROLE)
    address = f"/v1/people/ann/roles/{given.json()['roles'][0]['id']}:end"
    early = await refusal(client, "POST", address, {"held_to": "2026-11-14"})
    assert early == (422, ["/held_to"])
    assert (await client.post(address, json={"held_to": "2026-11-15"})).status_code == 200


async def test_who_held_what_is_read_as_it_was_known(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    await client.put("/v1/people/ann", json={"name": "Ann"})
    then = clock.now.isoformat()
    clock.now = clock.now.replace(hour=14)
    await client.post("/v1/people/ann/roles", json=ROLE)
    known = (await client.get("/v1/people", params={"known_at": then})).json()["items"]
    assert [one["roles"] for one in known] == [[]]
    alone = await client.get("/v1/people/ann", params={"known_at": then})
    assert alone.json() == known[0]


async def test_key_acts_for_a_known_person_alone(client: httpx.AsyncClient) -> None:
    asked = {"name": "tablet", "scopes": ["records:write"], "person": "ann"}
    assert await refusal(client, "POST", "/v1/keys", asked) == (422, ["/person"])
    nobody = {"name": "tablet", "scopes": ["records:write"], "role": "quality_lead"}
    assert await refusal(client, "POST", "/v1/keys", nobody) == (422, ["/role"])
    await client.put("/v1/people/ann", json={"name": "Ann"})
    issued = await client.post("/v1/keys", json=asked | {"role": "quality_lead"})
    assert (issued.json()["person"], issued.json()["role"]) == ("ann", "quality_lead")


async def drafts(
    people: httpx.AsyncClient, stage: Stage = Stage.MAP, service: str = SERVICE
) -> int:
    body: dict[str, Any] = {"strand": "team_spread", "stage": stage, "month": "2026-10", "body": {}}
    return (await people.post(f"/v1/services/{service}/records", json=body)).status_code


async def test_role_counts_on_its_days_and_at_its_service_alone(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    clock: Clock,
) -> None:
    await walk(client, client_with, running, provider, admin)
    await put(client, team("elm"), service="1-200000002")
    lead = Role.QUALITY_LEAD
    today = clock.now.date()
    await person(running, provider, "before", lead, until=today.replace(day=14))
    await person(running, provider, "later", lead, since=today.replace(day=16))
    await person(running, provider, "elsewhere", lead, service="1-200000002")
    await person(running, provider, "here", lead, service=SERVICE)
    for code, status in (("before", 403), ("later", 403), ("elsewhere", 403), ("here", 201)):
        assert await drafts(await client_as(client_with, code)) == status, code
    assert await drafts(await client_as(client_with, "here"), service="1-200000002") == 403
    narrowed = await client_as(client_with, "here", Role.DEPUTY_MANAGER)
    assert await drafts(narrowed) == 403
    reading = await client_as(client_with, "here", None, Scope.VIEWS_READ)
    assert await drafts(reading) == 403
    assert (await reading.get(RECORDS)).status_code == 200
