"""Real PostgreSQL and Valkey for one test session: embedded, or in containers where asked for."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cli import embedded
from cli.datadir import remembered_port
from cli.supervisor import Supervisor
from cli.unprivileged import home_for, server_account

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
    directory = Path(tempfile.mkdtemp(prefix="breadth-tests-")).resolve()
    account = server_account()
    home = home_for(directory, account, None)
    password = secrets.token_urlsafe(16)
    logs = directory / "logs"
    ports = remembered_port(directory, "postgres"), remembered_port(directory, "valkey")
    try:
        with Supervisor(print, lambda _pids: None, takes_signals=False) as supervisor:
            children = (
                embedded.postgres(home, logs, password, ports[0], account, FAST),
                embedded.valkey(directory, logs, password, ports[1]),
            )
            for child in children:
                supervisor.start(child)
            supervisor.wait_ready(*children)
            yield Servers(
                embedded.postgres_url(embedded.ADMIN, password, ports[0], "postgres"),
                embedded.valkey_url(password, ports[1]),
            )
    finally:
        for made in {directory, home}:
            shutil.rmtree(made, ignore_errors=True)


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
