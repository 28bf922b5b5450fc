"""`breadth up`: servers, migrations, API, worker and demo in one foreground command.

It decides what runs and in which order; how a child is kept alive is the supervisor's concern.
"""

import hashlib
import http.client
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr
from rich.console import Console

from cli import embedded
from cli.children import Child, ChildFailedError
from cli.datadir import (
    check_version,
    listen,
    load_secrets,
    lock,
    open_data_dir,
    read_json,
    remembered_port,
    write_json,
    write_private,
)
from cli.supervisor import StopRequestedError, Supervisor
from cli.unprivileged import home_for, server_account
from models.settings import Settings, StackSettings
from models.vocabulary import Scope

CATCH_UP_S = 60
DEMO_PROVIDER = "demo"
NAMES = ("postgres", "valkey", "api", "worker")
# -P: what lies in the working directory is no module of ours.
PYTHON = (sys.executable, "-P", "-m")


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

    def say(self, text: str) -> None:
        self.console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)


def up(settings: StackSettings, console: Console) -> None:
    """Run the stack until a signal ends it."""
    data_dir = open_data_dir(settings.data_dir)
    with lock(data_dir):
        stamp = check_version(data_dir, _bundled_major(settings))
        with ExitStack() as held:
            listeners = listen(settings.port, settings.api_processes)
            for listener in listeners:
                held.enter_context(listener)
            status: dict[str, Any] = {"api_url": f"http://127.0.0.1:{settings.port}"}

            def changed(pids: Mapping[str, list[int]]) -> None:
                status["pids"] = {name: pids.get(name, []) for name in NAMES}
                write_json(data_dir / "stack.json", status)

            def say(text: str) -> None:
                console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)

            console.print(f"Breadth is starting in {data_dir}", highlight=False, soft_wrap=True)
            try:
                with Supervisor(say, changed) as supervisor:
                    stack = _prepare(settings, data_dir, console, supervisor, stamp)
                    status["database_url"] = stack.env["BREADTH_DATABASE_URL"]
                    status["redis_url"] = stack.env["BREADTH_REDIS_URL"]
                    with suppress(StopRequestedError):
                        _start(stack, listeners)
                        supervisor.watch()
                    console.print("\nBreadth is stopping ...", highlight=False)
            finally:
                changed({})
            console.print("Breadth has stopped.", highlight=False)


def _bundled_major(settings: StackSettings) -> int | None:
    return embedded.postgres_major() if settings.database_url is None else None


def _prepare(
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
        processes = settings.api_processes + settings.worker_processes
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
    """Children of a killed supervisor; PostgreSQL is found by its own pid file instead."""
    pids = read_json(data_dir / "stack.json").get("pids", {})
    for name, directory in (("worker", "run"), ("api", "run"), ("valkey", "valkey")):
        for pid in pids.get(name, []):
            with suppress(psutil.AccessDenied):
                embedded.end_leftover(pid, data_dir / directory)


def _python(stack: Stack, name: str, *arguments: str, **changes: Any) -> Child:
    values: dict[str, Any] = {
        "env": stack.env,
        "cwd": stack.data_dir / "run",
        "log": stack.data_dir / "logs" / f"{name}.log",
    }
    return Child(name=name, argv=(*PYTHON, *arguments), **(values | changes))


def _start(stack: Stack, listeners: list[socket.socket]) -> None:
    supervisor, settings = stack.supervisor, stack.settings
    begun = time.monotonic()
    _timed(stack, "Servers", lambda: _start_servers(stack))
    _timed(stack, "Migrations", lambda: _migrate(stack))
    key = _development_key(stack)
    descriptors = [listener.fileno() for listener in listeners]
    api = [
        _python(
            stack,
            *("api", "api.serve", "--fd", str(descriptor)),
            count=settings.api_processes // len(descriptors),
            pass_fds=(descriptor,),
            ready=lambda _pid: answers(settings.port, "/healthz") == 200,
        )
        for descriptor in descriptors
    ]
    worker = _python(
        stack, "worker", "arq", "worker.main.WorkerSettings", count=settings.worker_processes
    )
    for child in (*api, worker):
        supervisor.start(child)
    _timed(stack, "API and worker", lambda: _await_ready(stack, *api, worker))
    stack.say(f"Ready in {time.monotonic() - begun:.1f} s")
    stack.console.print(
        f"\n  Address  {stack.api_url}\n  Key      {key}\n           "
        f"(kept in {stack.data_dir / 'dev-api-key'})\n",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    _demo(stack)
    stack.say("Ctrl-C stops it.")


def _timed(stack: Stack, what: str, step: Callable[[], str]) -> None:
    begun = time.monotonic()
    done = step()
    stack.say(f"{what}: {done} ({time.monotonic() - begun:.1f} s)")


def _start_servers(stack: Stack) -> str:
    for child in stack.servers:
        stack.supervisor.start(child)
    stack.supervisor.wait_ready(*stack.servers)
    names = {child.name for child in stack.servers}
    if "postgres" in names and stack.admin_database_url:
        embedded.ensure_database(stack.admin_database_url)
    return " and ".join(
        f"{label} {'embedded' if name in names else 'as configured'}"
        for name, label in (("postgres", "PostgreSQL"), ("valkey", "Valkey"))
    )


def _migrate(stack: Stack) -> str:
    if stack.admin_database_url is None:
        return "left alone, because BREADTH_ADMIN_DATABASE_URL is not set"
    env = {**stack.env, "BREADTH_ADMIN_DATABASE_URL": stack.admin_database_url}
    step = _python(stack, "migrate", "cli.main", "migrate", env=env)
    return stack.supervisor.run_once(step, capture=True).strip()


def _development_key(stack: Stack) -> str:
    """The key of the demo provider, issued anew when database or master secret are others."""
    path, state_path = stack.data_dir / "dev-api-key", stack.data_dir / "state.json"
    state = read_json(state_path)
    if not path.exists() or state.get("key_for") != stack.identity:
        scopes = (part for scope in Scope for part in ("--scope", scope.value))
        issue = ("keys", "create", "--provider", DEMO_PROVIDER, "--name", "development key")
        step = _python(stack, "keys", "cli.main", *issue, *scopes)
        write_private(path, stack.supervisor.run_once(step, capture=True).strip() + "\n")
        write_json(state_path, state | {"key_for": stack.identity})
    return path.read_text().strip()


def _await_ready(stack: Stack, *children: Child) -> str:
    stack.supervisor.wait_ready(*children)
    processes = f"{sum(child.count for child in children)} processes"
    begun = time.monotonic()
    while answers(stack.settings.port, "/readyz") != 200:
        if time.monotonic() - begun > CATCH_UP_S:
            return f"{processes}, still catching up; ask {stack.api_url}/readyz"
        if stack.supervisor.signals_seen:
            raise StopRequestedError
        stack.supervisor.restart_the_dead()
        stack.supervisor.pause(0.2)
    return processes


def _demo(stack: Stack) -> None:
    """Load the demo once, resuming where an interrupted one ended, and show its verdicts."""
    if not stack.settings.demo:
        return
    state_path = stack.data_dir / "state.json"
    state = read_json(state_path)
    loaded = state.get("demo_for") == stack.identity
    step = _python(stack, "demo", "cli.main", "demo", *(("--picture",) if loaded else ()))
    try:
        stack.supervisor.run_once(step, to_console=True)
    except ChildFailedError as error:
        stack.say(str(error))
    else:
        write_json(state_path, state | {"demo_for": stack.identity})


def answers(port: int, path: str) -> int:
    """The status with which the API answers, or 0 when it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
