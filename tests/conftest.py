"""What every test may ask for: real servers, one migrated database, an app, a provider of its own.

Tests commit for real and do not meet, because row-level security keeps their providers apart.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import make_url, text

from api.main import create_app
from api.running import Running
from migrations.apply import apply_async
from models.db import transaction
from models.organisation import Provider
from models.people import new_key
from models.settings import Settings
from models.vocabulary import ProviderId, Role, Scope
from tests.sent import SERVICE
from tests.servers import Servers, session_servers
from tests.set_up import WholeMarks

NOW = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)
APP_PASSWORD = "made-up-for-tests"


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with session_servers() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_admin_url(servers: Servers) -> str:
    return servers.postgres_admin_url


@pytest.fixture(scope="session")
def redis_url(servers: Servers) -> str:
    return servers.redis_url


@dataclass(frozen=True)
class Database:
    """One database by two logins: a superuser's, and the one that the API and the worker use."""

    admin_url: str
    app_url: str


MakeDatabase = Callable[[str], Awaitable[Database]]


@pytest.fixture(scope="session")
def empty_database(postgres_admin_url: str) -> MakeDatabase:
    """A new database of that name, without anything in it."""

    async def make(name: str) -> Database:
        admin = make_url(postgres_admin_url)
        connection = await asyncpg.connect(postgres_admin_url)
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {name}")
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        app = admin.set(username="breadth_app", password=APP_PASSWORD, database=name)
        return Database(
            admin.set(database=name).render_as_string(hide_password=False),
            app.render_as_string(hide_password=False),
        )

    return make


@pytest.fixture(scope="session")
async def database(empty_database: MakeDatabase) -> Database:
    made = await empty_database("breadth_tests")
    await apply_async(made.admin_url, made.app_url)
    return made


@pytest.fixture(scope="session")
def database_url(database: Database) -> str:
    return database.app_url


@pytest.fixture
async def admin(database: Database) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A superuser's connection, which sees every provider: for looking, not for the app."""
    connection = await asyncpg.connect(database.admin_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def settings(database: Database, redis_url: str) -> Settings:
    return Settings(
        database_url=SecretStr(database.app_url),
        redis_url=SecretStr(redis_url),
        secret_key=SecretStr("a secret made up for tests, long enough"),
    )


class Clock:
    """The app's clock; a test may move it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture(scope="session")
def _session_clock() -> Clock:
    return Clock()


@pytest.fixture
def clock(_session_clock: Clock) -> Iterator[Clock]:
    _session_clock.now = NOW
    yield _session_clock
    _session_clock.now = NOW


@pytest.fixture(scope="session")
async def app(settings: Settings, _session_clock: Clock) -> AsyncIterator[FastAPI]:
    made = create_app(settings, _session_clock)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def running(app: FastAPI, clock: Clock) -> Running:
    assert clock.now == NOW
    running: Running = app.state.running
    return running


@pytest.fixture
async def anonymous(app: FastAPI, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    assert clock.now == NOW
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def provider(running: Running) -> ProviderId:
    """A provider that no other test knows."""
    return await make_provider(running)


async def make_provider(running: Running) -> ProviderId:
    provider = ProviderId(uuid4())
    async with transaction(running.sessions, provider) as session:
        session.add(
            Provider(provider_id=provider, code=str(provider), name="Test care", created_at=NOW)
        )
    return provider


async def make_key(
    running: Running,
    provider: ProviderId,
    *scopes: Scope,
    person: str | None = None,
    role: Role | None = None,
) -> str:
    async with transaction(running.sessions, provider) as session:
        key, row = new_key(running.keyring, provider, "test", scopes, NOW, person=person, role=role)
        session.add(row)
    return key


MakeClient = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def client_with(
    app: FastAPI, running: Running, provider: ProviderId
) -> AsyncIterator[MakeClient]:
    """A client with a key of these scopes, for this test's provider or another one, or a person."""
    clients: list[httpx.AsyncClient] = []

    async def make(
        *scopes: Scope,
        of: ProviderId | None = None,
        person: str | None = None,
        role: Role | None = None,
    ) -> httpx.AsyncClient:
        key = await make_key(running, of or provider, *scopes, person=person, role=role)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://test",
            headers={"Authorization": f"Bearer {key}"},
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def client(client_with: MakeClient) -> httpx.AsyncClient:
    """May do everything, as this test's provider."""
    return await client_with(*Scope)


@pytest.fixture
async def known_places(running: Running, provider: ProviderId) -> None:
    """One service with team oak, whom one source calls Oak Wing, and the id it had before."""
    async with transaction(running.sessions, provider) as session:
        for statement in (
            "INSERT INTO services VALUES (:p, 'old-id', 'Old', 'residential', NULL, NULL, now())",
            "INSERT INTO services VALUES (:p, :s, 'New', 'residential', 'old-id', NULL, now())",
            "INSERT INTO teams (provider_id, service, code, name) VALUES (:p, :s, 'oak', 'Oak')",
            "INSERT INTO team_aliases VALUES (:p, :s, 'Oak Wing', 'oak')",
        ):
            await session.execute(text(statement), {"p": provider, "s": SERVICE})


@pytest.fixture
def whole_marks(admin: "asyncpg.Connection[Any]", provider: ProviderId) -> WholeMarks:
    return WholeMarks(admin, provider)
