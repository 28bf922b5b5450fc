"""`breadth up`: servers, migrations, API, worker and demo in one foreground command.

It decides what runs and in which order; how a child is kept alive is the supervisor's concern.
"""

import http.client
import resource
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any

from rich.console import Console

from cli import embedded
from cli.children import Child, ChildFailedError
from cli.datadir import (
    check_version,
    listen,
    lock,
    open_data_dir,
    read_json,
    write_json,
    write_private,
)
from cli.prepare import Stack, prepare
from cli.supervisor import StopRequestedError, Supervisor
from models.settings import StackSettings
from models.vocabulary import Scope

CATCH_UP_S = 60
OPEN_FILES = 65_536
DEMO_PROVIDER = "demo"
NAMES = ("postgres", "valkey", "api", "worker")
# -P: what lies in the working directory is no module of ours.
PYTHON = (sys.executable, "-P", "-m")


def up(settings: StackSettings, console: Console) -> None:
    """Run the stack until a signal ends it."""
    data_dir = open_data_dir(settings.data_dir)
    _allow_many_connections()
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
                    stack = prepare(settings, data_dir, console, supervisor, stamp)
                    status["database_url"] = stack.env["BREADTH_DATABASE_URL"]
                    status["admin_database_url"] = stack.admin_database_url
                    status["redis_url"] = stack.env["BREADTH_REDIS_URL"]
                    with suppress(StopRequestedError):
                        _start(stack, listeners)
                        supervisor.watch()
                    console.print("\nBreadth is stopping ...", highlight=False)
            finally:
                changed({})
            console.print("Breadth has stopped.", highlight=False)


def _allow_many_connections() -> None:
    """A shell's usual 1,024 open files would be the number of clients the children can serve."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _bundled_major(settings: StackSettings) -> int | None:
    return embedded.postgres_major() if settings.database_url is None else None


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
    workers = [
        _python(
            stack,
            *("worker", "arq", f"worker.main.{kind}Settings"),
            log=stack.data_dir / "logs" / f"{kind.lower()}.log",
            count=settings.worker_processes,
            stop_within_s=35,  # It lets a job that has begun come to its end, up to 30 s.
        )
        for kind in ("Counting", "Judging", "Tables")
    ]
    for child in (*api, *workers):
        supervisor.start(child)
    _timed(stack, "API and workers", lambda: _await_ready(stack, *api, *workers))
    stack.supervisor.say(f"Ready in {time.monotonic() - begun:.1f} s")
    stack.console.print(
        f"\n  Address  {stack.api_url}\n  Key      {key}\n           "
        f"(kept in {stack.data_dir / 'dev-api-key'})\n",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    show_demo(stack)
    stack.supervisor.say("Ctrl-C stops it.")


def _timed(stack: Stack, what: str, step: Callable[[], str]) -> None:
    begun = time.monotonic()
    done = step()
    stack.supervisor.say(f"{what}: {done} ({time.monotonic() - begun:.1f} s)")


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


def show_demo(stack: Stack) -> None:
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
        stack.supervisor.say(str(error))
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
