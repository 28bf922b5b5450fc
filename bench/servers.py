"""A cluster of its own with ordinary durability, a migrated database, and API processes on it."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from cli import embedded
from cli.datadir import listen
from cli.temporary import temporary_servers
from migrations.apply import apply_async

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Servers:
    admin_url: str
    app_url: str
    redis_url: str
    secret_key: str
    logs: Path


@contextmanager
def durable_servers() -> Iterator[Servers]:
    """PostgreSQL with fsync as it comes, and Valkey; gone with all they stored afterwards."""
    with temporary_servers("breadth-bench-") as started:
        yield Servers(
            admin_url=started.postgres_url(embedded.ADMIN),
            app_url=started.postgres_url("breadth_app"),
            redis_url=started.valkey_url,
            secret_key=secrets.token_urlsafe(48),
            logs=started.logs,
        )


async def migrate(servers: Servers) -> str:
    """Apply the migrations; answers with what the server says of its durability."""
    await apply_async(servers.admin_url, servers.app_url)
    connection = await asyncpg.connect(servers.admin_url)
    try:
        settings = await connection.fetch(
            "SELECT name, setting FROM pg_settings WHERE name IN"
            " ('fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method')"
        )
    finally:
        await connection.close()
    return ", ".join(f"{row['name']}={row['setting']}" for row in settings)


@contextmanager
def api(servers: Servers, processes: int, factory: str = "api.main:create_app") -> Iterator[int]:
    """API processes that share one port of loopback, as `breadth up` runs them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {
        **os.environ,
        "BREADTH_DATABASE_URL": servers.app_url,
        "BREADTH_REDIS_URL": servers.redis_url,
        "BREADTH_SECRET_KEY": servers.secret_key,
    }
    listeners = listen(port, processes)
    with (servers.logs / "api.log").open("ab") as log:
        running = [
            subprocess.Popen(  # noqa: S603 - our own module, no word of it from outside
                (sys.executable, "-m", "api.serve", "--fd", str(fd), "--app", factory),
                pass_fds=(fd,),
                env=environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
            for fd in [listener.fileno() for listener in listeners]
        ]
        try:
            yield port
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(30)
            for listener in listeners:
                listener.close()
