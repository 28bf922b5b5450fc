"""What a provider sets for all its services, and which changes reopen programmes."""

import asyncio
from typing import Any

import httpx
import pytest

from models.vocabulary import ProviderId
from tests.set_up import PROGRAMME, put, refusal, team

DEFAULTS = {
    "version": 0,
    "registered_at": None,
    "channels_required": 2,
    "look_day": 5,
    "spc_rules": "mdc-2023",
    "method": "breadth-2",
    "store_text": False,
    "review_grace_days": 14,
}


async def versions(client: httpx.AsyncClient, service: str) -> int:
    return len((await client.get(f"/v1/services/{service}")).json()["programmes"])


async def marked(admin: Any, provider: ProviderId) -> list[str]:
    """The services marked as a whole; whoever looks takes the marks away."""
    rows = await admin.fetch(
        "DELETE FROM marks WHERE provider_id = $1 AND month IS NULL RETURNING service", provider
    )
    return sorted(row["service"] for row in rows)


@pytest.fixture
async def services(client: httpx.AsyncClient, admin: Any, provider: ProviderId) -> None:
    """One with a programme, one without, and one that goes on with its predecessor's."""
    for service in ("with", "without", "older"):
        await put(client, team("oak"), service=service)
    for service in ("with", "older"):
        answer = await client.put(f"/v1/services/{service}/programme", json=PROGRAMME)
        assert answer.status_code == 201
    await put(client, service="newer", predecessor="older")
    await marked(admin, provider)


async def test_defaults_hold_until_something_is_set(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/settings")).json() == DEFAULTS
    assert (await client.put("/v1/settings", json={})).json() == DEFAULTS
    whole = {name: DEFAULTS[name] for name in DEFAULTS.keys() - {"version", "registered_at"}}
    assert (await client.put("/v1/settings", json=whole)).json() == DEFAULTS


async def test_what_is_left_out_stays(client: httpx.AsyncClient) -> None:
    await client.put("/v1/settings", json={"channels_required": 3})
    answer = await client.put("/v1/settings", json={"store_text": True})
    expected = DEFAULTS | {
        "version": 2,
        "registered_at": "2026-11-15T12:00:00Z",
        "channels_required": 3,
        "store_text": True,
    }
    assert answer.json() == expected
    assert (await client.get("/v1/settings")).json() == expected


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    ("change", "reopens", "marks"),
    [
        ({"channels_required": 3}, True, True),
        ({"look_day": 28}, True, True),
        ({"look_day": 6, "store_text": True}, True, True),
        ({"spc_rules": "ptd-0.2.2"}, False, True),
        ({"store_text": True}, False, False),
        ({"review_grace_days": 7}, False, False),
        ({"look_day": 5}, False, False),
    ],
)
async def test_new_rules_of_judging_reopen_programmes(
    client: httpx.AsyncClient,
    admin: Any,
    provider: ProviderId,
    change: dict[str, Any],
    reopens: bool,
    marks: bool,
) -> None:
    assert (await client.put("/v1/settings", json=change)).status_code == 200
    assert await marked(admin, provider) == (["newer", "with", "without"] if marks else [])
    assert await versions(client, "with") == 1 + reopens
    assert await versions(client, "newer") == 1 + reopens
    assert await versions(client, "without") == 0
    newest = (await client.get("/v1/services/newer")).json()["programme"]
    assert {name: newest[name] for name in PROGRAMME} == PROGRAMME
    assert newest["version"] == 1 + reopens


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"channels_required": 1}, "/channels_required"),
        ({"channels_required": 4}, "/channels_required"),
        ({"channels_required": True}, "/channels_required"),
        ({"look_day": 0}, "/look_day"),
        ({"look_day": 29}, "/look_day"),
        ({"spc_rules": "nelson"}, "/spc_rules"),
        ({"method": "breadth-9"}, "/method"),
        ({"store_text": "yes"}, "/store_text"),
        ({"review_grace_days": -1}, "/review_grace_days"),
        ({"review_grace_days": 61}, "/review_grace_days"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_what_cannot_be_set_is_refused(
    client: httpx.AsyncClient, sent: dict[str, Any], pointer: str
) -> None:
    assert await refusal(client, "PUT", "/v1/settings", sent) == (422, [pointer])
    assert (await client.get("/v1/settings")).json() == DEFAULTS


@pytest.mark.usefixtures("services")
async def test_changes_at_the_same_time_count_on(client: httpx.AsyncClient) -> None:
    await asyncio.gather(
        client.put("/v1/settings", json={"channels_required": 3}),
        client.put("/v1/settings", json={"look_day": 9}),
        client.put("/v1/services/with/programme", json=PROGRAMME | {"name": "Other"}),
        client.put("/v1/services/without/programme", json=PROGRAMME),
    )
    settings = (await client.get("/v1/settings")).json()
    assert (settings["version"], settings["channels_required"], settings["look_day"]) == (2, 3, 9)
    detail = (await client.get("/v1/services/with")).json()
    assert [each["version"] for each in detail["programmes"]] == [1, 2, 3, 4]
