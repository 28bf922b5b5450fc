"""Real PostgreSQL and Valkey for one test session: embedded, or in containers where asked for."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cli import embedded
from cli.temporary import temporary_servers

# Tests lose nothing in a power cut, so every wait for the disk is off.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
}


@dataclass(frozen=True)
class Servers:
    """A superuser's URL of the maintenance database, and the URL of an empty Redis."""

    postgres_admin_url: str
    redis_url: str


@contextmanager
def embedded_servers() -> Iterator[Servers]:
    with temporary_servers("breadth-tests-", FAST) as started:
        yield Servers(started.postgres_url(embedded.ADMIN), started.valkey_url)


@contextmanager
def container_servers() -> Iterator[Servers]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - needs Docker

    password = secrets.token_urlsafe(16)
    postgres = (
        DockerContainer("postgres:17")
        .with_env("POSTGRES_USER", embedded.ADMIN)
        .with_env("POSTGRES_PASSWORD", password)
        .with_env("POSTGRES_INITDB_ARGS", "--locale-provider=builtin --locale=C.UTF-8")
        .with_env("TZ", "UTC")
        .with_command("postgres " + " ".join(f"-c {name}={value}" for name, value in FAST.items()))
        .with_exposed_ports(5432)
    )
    valkey = (
        DockerContainer("valkey/valkey:8")
        .with_command(f"valkey-server --requirepass {password} --save '' --appendonly no")
        .with_exposed_ports(6379)
    )
    with postgres, valkey:
        # While the image initialises itself it listens on no TCP port, so an answer means ready.
        servers = Servers(
            f"postgresql://{embedded.ADMIN}:{password}@{postgres.get_container_host_ip()}:"
            f"{postgres.get_exposed_port(5432)}/postgres",
            f"redis://:{password}@{valkey.get_container_host_ip()}:"
            f"{valkey.get_exposed_port(6379)}/0",
        )
        asyncio.run(_answering(servers))
        yield servers


async def _answering(servers: Servers, within_s: float = 120) -> None:
    async with asyncio.timeout(within_s):
        while True:
            try:
                connection = await asyncpg.connect(servers.postgres_admin_url)
                await connection.close()
                async with Redis.from_url(servers.redis_url) as client:
                    await client.ping()
            except (OSError, asyncpg.PostgresError, RedisError):
                await asyncio.sleep(0.2)
            else:
                return


@contextmanager
def session_servers() -> Iterator[Servers]:
    """Embedded unless `BREADTH_TEST_SERVERS=containers`."""
    kind = os.environ.get("BREADTH_TEST_SERVERS", "embedded")
    starts = {"embedded": embedded_servers, "containers": container_servers}
    if kind not in starts:
        raise ValueError(f"BREADTH_TEST_SERVERS is {kind!r}; it may be {' or '.join(starts)}")
    with starts[kind]() as servers:
        yield servers
