"""What one start of the stack settles before anything runs: URLs, secrets, servers, environment.

Real servers slot in here by their URLs; nothing after this asks which ones it got.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr
from rich.console import Console

from cli import embedded
from cli.children import Child
from cli.datadir import load_secrets, read_json, remembered_port, write_json
from cli.supervisor import Supervisor
from cli.unprivileged import home_for, server_account
from models.settings import Settings, StackSettings

LEFTOVER_WITHIN_S = 3


@dataclass(frozen=True)
class Stack:
    """One start: its settings, where its data lie, and what its processes are told."""

    settings: StackSettings
    data_dir: Path
    console: Console
    supervisor: Supervisor
    servers: tuple[Child, ...]
    admin_database_url: str | None
    env: Mapping[str, str]
    identity: str

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"


def prepare(
    settings: StackSettings,
    data_dir: Path,
    console: Console,
    supervisor: Supervisor,
    stamp: dict[str, Any],
) -> Stack:
    """Settle the URLs and write what the servers read, ending what an earlier run left behind."""
    logs, home, account = data_dir / "logs", data_dir, None
    if settings.database_url is None:
        account = server_account()
        home = home_for(data_dir, account, stamp.get("postgresql_home"))
        if home != data_dir and "postgresql_home" not in stamp:
            write_json(data_dir / "version.json", stamp | {"postgresql_home": str(home)})
        if home != data_dir:
            console.print(f"  PostgreSQL's files are in {home}", highlight=False, soft_wrap=True)
    if account is not None and not (home / "postgres").exists():
        console.print(f"  PostgreSQL does not run as root; its account is {account.name}")
    secrets = load_secrets(data_dir, home / "postgres")
    _end_leftovers(data_dir)
    admin_url = _revealed(settings.admin_database_url)
    database_url, redis_url = _revealed(settings.database_url), _revealed(settings.redis_url)
    secret_key = _revealed(settings.secret_key) or secrets["secret_key"]
    place = (database_url or "embedded").rpartition("@")[2]
    postgres_port = valkey_port = 0
    if database_url is None:
        postgres_port = remembered_port(data_dir, "postgres")
        word = secrets["postgres_app_password"]
        database_url = embedded.postgres_url(embedded.APP, word, postgres_port)
        word = secrets["postgres_admin_password"]
        admin_url = embedded.postgres_url(embedded.ADMIN, word, postgres_port)
    if redis_url is None:
        valkey_port = remembered_port(data_dir, "valkey")
        redis_url = embedded.valkey_url(secrets["valkey_password"], valkey_port)
    # What the processes would refuse is refused here, before anything is started.
    told = Settings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        secret_key=SecretStr(secret_key),
    )
    servers: list[Child] = []
    if postgres_port:
        processes = settings.api_processes + 3 * settings.worker_processes
        wanted = {"max_connections": str(max(100, 20 + processes * told.database_connections))}
        word = secrets["postgres_admin_password"]
        servers.append(embedded.postgres(home, logs, word, postgres_port, account, wanted))
    if valkey_port:
        servers.append(embedded.valkey(data_dir, logs, secrets["valkey_password"], valkey_port))
    env = {name: value for name, value in os.environ.items() if "ADMIN_DATABASE" not in name}
    env |= {
        "PYTHONUNBUFFERED": "1",
        "BREADTH_DATABASE_URL": database_url,
        "BREADTH_REDIS_URL": redis_url,
        "BREADTH_SECRET_KEY": secret_key,
        "BREADTH_DATA_DIR": str(data_dir),
    }
    env.setdefault("BREADTH_PUBLIC_URL", f"http://127.0.0.1:{settings.port}")
    (data_dir / "run").mkdir(exist_ok=True)
    return Stack(
        settings=settings,
        data_dir=data_dir,
        console=console,
        supervisor=supervisor,
        servers=tuple(servers),
        admin_database_url=admin_url,
        env=env,
        identity=hashlib.sha256(f"{place}\n{secret_key}".encode()).hexdigest()[:16],
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _end_leftovers(data_dir: Path) -> None:
    """Children of a killed supervisor; PostgreSQL is found by its own pid file instead.

    Not waited for long: a worker in the middle of a job waits itself for servers that are gone,
    and whatever is cut off is still marked.
    """
    pids = read_json(data_dir / "stack.json").get("pids", {})
    for name, directory in (("worker", "run"), ("api", "run"), ("valkey", "valkey")):
        for pid in pids.get(name, []):
            with suppress(psutil.AccessDenied):
                embedded.end_leftover(pid, data_dir / directory, within_s=LEFTOVER_WITHIN_S)
