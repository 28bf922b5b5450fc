"""An unknown feed and the platform that sends it, for the tests of connecting."""

import base64
import hashlib
import hmac
import json
from typing import Any, NamedTuple

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, MakeClient
from tests.recomputing import Admin, cells, settle
from worker.mapping import map_waiting

#: All that connecting asks for.
SCOPES = (Scope.ADMIN, Scope.CONNECTORS_ADMIN)
SERVICE = "1-300000001"
#: How an invented platform speaks of doses; nobody has seen it before.
MAPPING: dict[str, Any] = {
    "schema": "mapping/1",
    "name": "Rondo medicines",
    "each": "visits[].doses[]",
    "type": "medication.administered",
    "codes": {
        "state": {"words": {"taken": "given", "no": "refused", "lost": "omitted_error"}},
    },
    "fields": {
        "id": {"path": "ref", "transforms": [{"as": "text"}]},
        "version": {"path": "rev"},
        "service": {"constant": SERVICE},
        "team": {"path": "wing"},
        "occurred_at": {"path": "when"},
        "person": {"path": "client", "transforms": [{"as": "text"}]},
        "data.status": {"path": "state", "transforms": [{"as": "lookup", "table": "state"}]},
    },
    "examples": [
        {
            "input": {
                "visits": [
                    {
                        "doses": [
                            {
                                "ref": 7,
                                "rev": 1,
                                "wing": "oak",
                                "when": "2026-03-01T08:05:00+00:00",
                                "client": 12,
                                "state": "taken",
                            }
                        ]
                    }
                ]
            },
            "expect": [
                {
                    "type": "medication.administered",
                    "id": "7",
                    "version": 1,
                    "service": SERVICE,
                    "team": "oak",
                    "occurred_at": "2026-03-01T08:05:00+00:00",
                    "person": "12",
                    "data": {"status": "given"},
                }
            ],
        }
    ],
}
CONNECTOR: dict[str, Any] = {
    "code": "rondo",
    "name": "Rondo",
    "source": "emar:rondo",
    "signature": {"scheme": "standard_webhooks"},
}


def dose(ref: int, **changes: Any) -> dict[str, Any]:
    return {
        "ref": ref,
        "rev": 1,
        "wing": "oak",
        "when": f"2026-03-{1 + ref % 28:02}T08:05:00+00:00",
        "client": 12,
        "state": "taken",
    } | changes


def visits(*doses: dict[str, Any]) -> bytes:
    return json.dumps({"visits": [{"doses": list(doses)}]}).encode()


class Platform:
    """Sends as the platform would, signed with the secret it was given."""

    def __init__(self, client: httpx.AsyncClient, address: str, secret: str) -> None:
        self.client, self.address = client, address
        self.key = base64.b64decode(secret.removeprefix("whsec_"))
        self.sent = 0
        self.now = NOW

    async def post(
        self, body: bytes, message: str | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        self.sent += 1
        name = message or f"msg_{self.sent}"
        stamp = str(int(self.now.timestamp()))
        signed = f"{name}.{stamp}.".encode() + body
        proof = base64.b64encode(hmac.digest(self.key, signed, hashlib.sha256)).decode()
        own = {
            "webhook-id": name,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{proof}",
            "content-type": "application/json",
        }
        return await self.client.post(self.address, content=body, headers=own | (headers or {}))


async def connect(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, mapping: Any = MAPPING, **changes: Any
) -> Platform:
    """Two calls: a connector with its mapping, and the mapping put to work."""
    created = await client.post("/v1/connectors", json=CONNECTOR | {"mapping": mapping} | changes)
    assert created.status_code == 201, created.text
    code, version = created.json()["code"], created.json()["draft_version"]
    activated = await client.post(f"/v1/mappings/{code}/{version}:activate")
    assert activated.status_code == 200, activated.text
    return Platform(anonymous, created.json()["address"], created.json()["secret"])


async def set_up(client: httpx.AsyncClient, *teams: str) -> None:
    body = {
        "name": "Elm House",
        "kind": "care_home",
        "teams": [{"code": team, "name": team.title()} for team in teams],
    }
    answer = await client.put(f"/v1/services/{SERVICE}", json=body)
    assert answer.status_code in {200, 201}, answer.text


async def map_all(running: Running, provider: ProviderId) -> int:
    """What the worker does when it is rung for."""

    async def ring(_: ProviderId, services: set[str]) -> None:
        assert services

    done = 0
    for tables in (False, True):
        done += await map_waiting(
            running.sessions, running.keyring, provider, running.clock, ring, tables=tables
        )
    return done


async def reconciled(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/v1/reconcile")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["holds"], body
    return body


async def items(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/inbox", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


class Worker(NamedTuple):
    """The worker of one provider, which does its part when the test says so."""

    running: Running
    provider: ProviderId
    admin: Admin

    async def map(self) -> int:
        return await map_all(self.running, self.provider)

    async def doses(self) -> dict[str, tuple[int, int]]:
        """Omissions and doses due by team, once all that is marked has been recomputed."""
        await settle(self.running, self.provider, self.admin)
        found: dict[str, tuple[int, int]] = {}
        for key, sums in (await cells(self.admin, self.provider)).items():
            if key[3] == "medicine_omissions":
                x, n = found.get(key[4], (0, 0))
                found[key[4]] = (x + sums[0], n + sums[1])
        return found


@pytest.fixture
async def client(client_with: MakeClient) -> httpx.AsyncClient:
    return await client_with(*SCOPES)


@pytest.fixture
async def platform(client: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> Platform:
    """Connected to a service with one team."""
    await set_up(client, "oak")
    return await connect(client, anonymous)


@pytest.fixture
def worker(running: Running, provider: ProviderId, admin: Admin) -> Worker:
    return Worker(running, provider, admin)
