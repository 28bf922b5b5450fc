"""`breadth import` as a person runs it, against the API as it is served and a worker."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from fastapi import FastAPI

from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.conftest import make_key
from tests.connecting import SERVICE, map_all

SCOPES = (Scope.EVENTS_WRITE, Scope.CONNECTORS_ADMIN, Scope.ADMIN)
CENSUS = "csv-census-taken"
#: Beside the file, what became of its rows.
RESULT = "residents.csv.result.csv"
HEADINGS = "service,team,id,on,residents"


def census(rows: int, team: str = "oak") -> str:
    """One census a day."""
    days = [f"2026-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(rows)]
    lines = [f"{SERVICE},{team},C-{number},{day},12" for number, day in enumerate(days)]
    return "\n".join([HEADINGS, *lines, ""])


class Imported(NamedTuple):
    code: int
    out: str
    err: str

    def said(self) -> dict[str, int]:
        """The numbers of the summary."""
        lines = [line.split() for line in self.out.splitlines()]
        return {
            words[1]: int(words[0].replace(",", ""))
            for words in lines
            if len(words) > 1 and words[0].replace(",", "").isdecimal()
        }


@dataclass(frozen=True)
class Command:
    """The command, the folder that its files are in, and the keys that it may be given."""

    folder: Path
    port: int
    known: str
    running: Running
    provider: ProviderId

    def write(self, text: str, name: str = "residents.csv") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    async def key(self, *scopes: Scope) -> str:
        return await make_key(self.running, self.provider, *scopes)

    async def run(
        self, *arguments: object, port: int | None = None, key: str | None = None
    ) -> Imported:
        """With a key that is enough and the port of the API, unless told otherwise."""
        kept = {name: each for name, each in os.environ.items() if not name.startswith("BREADTH_")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", "import", *map(str, arguments)),
            env=kept
            | {
                "BREADTH_API_URL": f"http://127.0.0.1:{self.port if port is None else port}",
                "BREADTH_DATA_DIR": str(self.folder / "no-stack"),
                "BREADTH_API_KEY": self.known if key is None else key,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Imported(process.returncode or 0, out.decode(), err.decode())

    async def refused(self, *arguments: object, **sent: Any) -> str:
        """One clear line, with a code that is neither success nor that of refused rows."""
        done = await self.run(*arguments, **sent)
        assert done.code == 1, done
        assert done.err.startswith("breadth: "), done
        assert done.err.count("\n") == 1, done
        return done.err


@pytest.fixture
async def served(app: FastAPI) -> AsyncIterator[int]:
    """A port on which the app of this test answers as it does in earnest."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http="httptools", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has nothing to wait for
            await asyncio.sleep(0.01)
        yield int(listener.getsockname()[1])
        server.should_exit = True
        await serving


@pytest.fixture
async def working(running: Running, provider: ProviderId) -> AsyncIterator[None]:
    """A worker that looks for what has arrived."""

    async def work() -> None:
        while True:
            await map_all(running, provider)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(work())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def command(tmp_path: Path, served: int, running: Running, provider: ProviderId) -> Command:
    known = await make_key(running, provider, *SCOPES)
    return Command(tmp_path, served, known, running, provider)
