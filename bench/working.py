"""The worker processes of a benchmark, as `breadth up` starts them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.servers import ROOT, Servers


@contextmanager
def worker(servers: Servers, processes: int = 1) -> Iterator[list[int]]:
    """Workers on the servers' database, until the block ends; yields their pids."""
    environment = {
        **os.environ,
        "BREADTH_DATABASE_URL": servers.app_url,
        "BREADTH_REDIS_URL": servers.redis_url,
        "BREADTH_SECRET_KEY": servers.secret_key,
    }
    command = (sys.executable, "-m", "arq")
    kinds = [f"worker.main.{kind}Settings" for kind in ("Counting", "Judging", "Tables")]
    with (servers.logs / "worker.log").open("ab") as log:
        running = [
            subprocess.Popen(  # noqa: S603 - our own interpreter and module
                (*command, kind), env=environment, cwd=ROOT, stdout=log, stderr=log
            )
            for kind in kinds
            for _ in range(processes)
        ]
        try:
            yield [process.pid for process in running]
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(40)
