"""Two people at one record at once, and who may not see or touch records at all."""

import asyncio
from typing import Any

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Role, Scope, Stage
from tests.conftest import MakeClient, make_provider
from tests.roles import client_as, person
from tests.sent import SERVICE
from tests.walking import COMPARED, RECORDS, Walk, walk

ABSENT = "0197a0a0-0000-7000-8000-000000000000"
MAP = {"strand": "team_spread", "stage": "map", "month": "2026-10", "body": {}}
WRITES: list[tuple[str, str, object]] = [
    ("POST", RECORDS, MAP),
    ("PUT", f"{RECORDS}/{ABSENT}", {"revision": 1, "body": {}}),
    ("POST", f"{RECORDS}/{ABSENT}:sign", {"revision": 1}),
    ("POST", f"{RECORDS}/{ABSENT}:supersede", {"why": "Typo.", "body": {}}),
    ("POST", f"{RECORDS}/{ABSENT}:withdraw", {"why": "Typo."}),
]
READS: list[tuple[str, str, object]] = [
    ("GET", RECORDS, None),
    ("GET", f"{RECORDS}/{ABSENT}", None),
    ("GET", f"/v1/services/{SERVICE}/route", None),
]
TRAIL = ("GET", f"/v1/services/{SERVICE}/trail", None)


@pytest.fixture
async def at_work(
    client: Any, client_with: MakeClient, running: Any, provider: Any, admin: Any
) -> Walk:
    return await walk(client, client_with, running, provider, admin)


async def test_of_two_signatures_at_once_one_wins(
    at_work: Walk, client_with: MakeClient, running: Running, provider: ProviderId
) -> None:
    await person(running, provider, "qadir", Role.QUALITY_LEAD)
    at_work.people["qadir"] = await client_as(client_with, "qadir")
    drafted = (await at_work.draft("quinn", Stage.MAP, {})).json()
    answers = await asyncio.gather(
        *(at_work.sign(who, drafted) for who in ("quinn", "qadir") for _ in range(4))
    )
    won = [one.json() for one in answers if one.status_code == 200]
    lost = [one.json()["detail"] for one in answers if one.status_code == 409]
    assert (len(won), len(lost)) == (1, 7)
    assert all(f"signed by {won[0]['signed_by']['name']}" in one for one in lost)


async def test_of_two_drafts_at_once_one_is_written(at_work: Walk) -> None:
    answers = await asyncio.gather(*(at_work.draft("quinn", Stage.MAP, {}) for _ in range(6)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 5
    assert len((await at_work.client.get(RECORDS)).json()["items"]) == 1


async def test_predecessor_is_not_withdrawn_while_its_successor_is_signed(at_work: Walk) -> None:
    """Either the comparison stands on a signed map, or the map is gone and it does not stand."""
    mapped = await at_work.signed("quinn", Stage.MAP, {})
    segments = [
        {"segment": one["code"], "replicated": "yes", "why": "Seen."}
        for one in await at_work.segments()
    ]
    drafted = await at_work.draft("ruth", Stage.COMPARE, COMPARED | {"segments": segments})
    signed, withdrawn = await asyncio.gather(
        at_work.sign("ruth", drafted.json()),
        at_work.people["quinn"].post(
            f"{RECORDS}/{mapped['id']}:withdraw", json={"why": "Wrong month."}
        ),
    )
    assert {signed.status_code, withdrawn.status_code} == {200, 409}


@pytest.mark.parametrize(("method", "address", "json"), [*WRITES, *READS, TRAIL])
async def test_without_a_key_or_its_scope_nothing_is_answered(
    anonymous: httpx.AsyncClient, client_with: MakeClient, method: str, address: str, json: object
) -> None:
    assert (await anonymous.request(method, address, json=json)).status_code == 401
    needed = Scope.RECORDS_WRITE if json is not None else Scope.VIEWS_READ
    if address.endswith("trail"):
        needed = Scope.AUDIT_READ
    others = await client_with(*(set(Scope) - {needed}))
    assert (await others.request(method, address, json=json)).status_code == 403


@pytest.mark.parametrize(("method", "address", "json"), [*WRITES, *READS, TRAIL])
async def test_absent_and_not_yours_read_alike(
    at_work: Walk,
    client_with: MakeClient,
    running: Running,
    method: str,
    address: str,
    json: object,
) -> None:
    record = await at_work.signed("quinn", Stage.MAP, {})
    other = await make_provider(running)
    await person(running, other, "quinn", Role.QUALITY_LEAD)
    stranger = await client_with(*Scope, of=other, person="quinn")
    theirs = await stranger.request(method, address.replace(ABSENT, record["id"]), json=json)
    absent = await stranger.request(method, address.replace(SERVICE, "1-999999999"), json=json)
    for answer in (theirs, absent):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "address", "json"), [*WRITES[1:], READS[1]])
async def test_absent_record_is_not_found(
    at_work: Walk, method: str, address: str, json: object
) -> None:
    answer = await at_work.people["quinn"].request(method, address, json=json)
    assert answer.status_code == 404
