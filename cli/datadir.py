"""The data directory of the embedded stack: its lock, version stamp, secrets, ports and status.

It refuses to start on what it does not understand, and knows nothing of the servers themselves.
"""

import fcntl
import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

LAYOUT = 1
LEAST_FREE_BYTES = 512 * 1024 * 1024
SECRET_NAMES = ("postgres_admin_password", "postgres_app_password", "valkey_password", "secret_key")
_ELSEWHERE = "choose another directory with BREADTH_DATA_DIR"


class StackError(Exception):
    """A reason not to start, in one line that says what to do."""


def write_private(path: Path, text: str) -> None:
    """Replace a file so that readers see the old text or the new one, and only the owner any."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; an absent file is an empty one."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StackError(f"{path} is damaged: {error}; {_ELSEWHERE}") from error
    if not isinstance(value, dict):
        raise StackError(f"{path} is damaged: not a JSON object; {_ELSEWHERE}")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_private(path, json.dumps(value, indent=2) + "\n")


def open_data_dir(path: Path) -> Path:
    """Make the directory where it is new; refuse one that is not ours, not writable or too full."""
    path = path.expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise StackError(f"{path} is not a directory; {_ELSEWHERE}")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        strangers = {entry.name for entry in path.iterdir()} - {"lock"}
    except OSError as error:
        raise StackError(f"cannot use {path}: {error.strerror}; {_ELSEWHERE}") from error
    path = path.resolve()
    if strangers and "version.json" not in strangers:
        raise StackError(f"{path} holds other files than Breadth's; {_ELSEWHERE}")
    if not os.access(path, os.W_OK | os.X_OK):
        raise StackError(f"no permission to write to {path}; {_ELSEWHERE}")
    free = shutil.disk_usage(path).free
    if free < LEAST_FREE_BYTES:
        raise StackError(
            f"{free // 2**20} MiB are free for {path} and {LEAST_FREE_BYTES // 2**20} are needed; "
            f"make room or {_ELSEWHERE}"
        )
    return path


def lock(data_dir: Path) -> IO[str]:
    """Hold the directory until the returned file is closed or this process is gone."""
    try:
        file = (data_dir / "lock").open("a+")
    except OSError as error:
        raise StackError(f"cannot use {data_dir}: {error.strerror}; {_ELSEWHERE}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise StackError(
            f"Breadth is already running on {data_dir}"
            + (f" (pid {holder})" if holder else "")
            + "; stop it first, or choose another BREADTH_DATA_DIR and BREADTH_PORT"
        ) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def running(data_dir: Path) -> dict[str, Any]:
    """What `stack.json` says while somebody holds the directory; empty when nobody does.

    The file outlives a stack that was stopped or killed, and its addresses then answer no more.
    """
    try:
        file = (data_dir / "lock").open()
    except OSError:
        return {}
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return read_json(data_dir / "stack.json")
    return {}


def check_version(data_dir: Path, postgres_major: int | None) -> dict[str, Any]:
    """Stamp a new directory; refuse one of another layout or, where embedded, PostgreSQL."""
    path = data_dir / "version.json"
    stamp = read_json(path)
    wanted = {"layout": LAYOUT} | ({"postgresql": postgres_major} if postgres_major else {})
    if any(stamp.get(name, value) != value for name, value in wanted.items()):
        raise StackError(
            f"{data_dir} was made by layout {stamp.get('layout')} with PostgreSQL "
            f"{stamp.get('postgresql')}, and this Breadth needs layout {LAYOUT} with PostgreSQL "
            f"{postgres_major}; move the directory away or {_ELSEWHERE}"
        )
    if stamp != wanted | stamp:
        write_json(path, wanted | stamp)
    return wanted | stamp


def load_secrets(data_dir: Path, cluster: Path) -> dict[str, str]:
    """The generated passwords and master secret, made once and before the cluster they open."""
    path = data_dir / "secrets.json"
    kept = read_json(path)
    missing = [name for name in SECRET_NAMES if not kept.get(name)]
    if missing:
        if cluster.exists():
            raise StackError(
                f"{path} lacks {', '.join(missing)}, without which the database cannot be opened; "
                f"put the file back or {_ELSEWHERE}"
            )
        kept |= {name: secrets.token_urlsafe(32) for name in missing}
        write_json(path, kept)
    return {name: str(kept[name]) for name in SECRET_NAMES}


def remembered_port(data_dir: Path, name: str) -> int:
    """A port on 127.0.0.1: the one used before if it is free, else another that is."""
    path = data_dir / "ports.json"
    ports = read_json(path)
    before = ports.get(name)
    for candidate in (before, 0) if isinstance(before, int) else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            port = int(probe.getsockname()[1])
        if port != before:
            write_json(path, ports | {name: port})
        return port
    raise StackError("no free port on 127.0.0.1")


def listen(port: int, processes: int) -> list[socket.socket]:
    """The API's sockets, bound before anything is started so that a taken port is found at once.

    On Linux each process gets one of its own and the kernel spreads connections over them. With
    one socket for all, whoever woke first took 1,871 to 2,000 of 2,000 requests on eight kept
    connections; with one each it was 1,227. We hold them all, so a restart loses no connection.
    """
    each = processes if sys.platform == "linux" else 1
    listeners: list[socket.socket] = []
    try:
        # Alone first: with SO_REUSEPORT we would join another stack of the same user unnoticed.
        _bound(port, alone=True).close()
        for _ in range(each):
            listeners.append(_bound(port, alone=each == 1))
            listeners[-1].listen(2048)
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise StackError(
            f"port {port} on 127.0.0.1 cannot be used: {error.strerror}; "
            "choose another with BREADTH_PORT"
        ) from error
    return listeners


def _bound(port: int, *, alone: bool) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if not alone:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener
