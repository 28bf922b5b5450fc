"""PostgreSQL and Valkey for one run of tests or of a bench, gone with what they stored."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli import embedded
from cli.datadir import remembered_port
from cli.supervisor import Supervisor
from cli.unprivileged import home_for, server_account


@dataclass(frozen=True, slots=True)
class TemporaryServers:
    """Where they are: `port` and `password` of PostgreSQL for any login, and the URL of Valkey."""

    port: int
    password: str
    valkey_url: str
    logs: Path

    def postgres_url(self, login: str) -> str:
        return embedded.postgres_url(login, self.password, self.port, "postgres")


@contextmanager
def temporary_servers(
    prefix: str, settings: Mapping[str, str] | None = None
) -> Iterator[TemporaryServers]:
    """Start both below a new directory; `settings` are PostgreSQL's."""
    directory = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    account = server_account()
    home = home_for(directory, account, None)
    password = secrets.token_urlsafe(16)
    logs = directory / "logs"
    ports = remembered_port(directory, "postgres"), remembered_port(directory, "valkey")
    try:
        with Supervisor(print, lambda _pids: None, takes_signals=False) as supervisor:
            children = (
                embedded.postgres(home, logs, password, ports[0], account, settings),
                embedded.valkey(directory, logs, password, ports[1]),
            )
            for child in children:
                supervisor.start(child)
            supervisor.wait_ready(*children)
            yield TemporaryServers(
                ports[0], password, embedded.valkey_url(password, ports[1]), logs
            )
    finally:
        for made in {directory, home}:
            shutil.rmtree(made, ignore_errors=True)
