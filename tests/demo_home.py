"""The demo's provider in a test: its three services with all their evidence, judged."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg
import httpx
import msgspec
from fastapi import FastAPI

from api.running import Running
from cli.demo import evidence, setting_up
from cli.demo_services import services
from models.db import transaction
from models.people import new_key
from models.vocabulary import ProviderId, Role, Scope
from tests.conftest import NOW, Database, make_key, make_provider
from tests.recomputing import settle
from tests.roles import person

WILLOWBROOK, MEADOWLANDS, HARBOUR_VIEW = "1-100000001", "1-100000002", "1-100000003"


@asynccontextmanager
async def demo_home(
    app: FastAPI, database: Database, people: Mapping[str, Role]
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Clients by person, and one of the platform that may do everything."""
    running: Running = app.state.running
    provider = await make_provider(running)

    def client(key: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://test",
            headers={"Authorization": f"Bearer {key}"},
        )

    clients = {"platform": client(await make_key(running, provider, *Scope))}
    encode = msgspec.json.Encoder().encode_lines
    for service in services(NOW):
        body, programme = setting_up(service)
        address = f"/v1/services/{service.plan.service}"
        assert (await clients["platform"].put(address, json=body)).is_success
        assert (await clients["platform"].put(f"{address}/programme", json=programme)).is_success
        sent = list(evidence(service, NOW))
        for start in range(0, len(sent), 20_000):
            answer = await clients["platform"].post(
                "/v1/events",
                content=encode(sent[start : start + 20_000]),
                headers={"Content-Type": "application/x-ndjson"},
            )
            assert answer.status_code == 202, answer.text
    admin = await asyncpg.connect(database.admin_url)
    await settle(running, provider, admin)
    await admin.close()
    for code, role in people.items():
        await person(running, provider, code, role)
        clients[code] = client(await key_of(running, provider, code))
    yield clients
    for each in clients.values():
        await each.aclose()


async def key_of(running: Running, provider: ProviderId, code: str) -> str:
    async with transaction(running.sessions, provider) as session:
        scopes = (Scope.VIEWS_READ, Scope.RECORDS_WRITE)
        key, row = new_key(running.keyring, provider, code, scopes, NOW, person=code)
        session.add(row)
    return key
