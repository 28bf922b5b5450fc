"""What a worker says when its database is away: the reason, and no value that was in its hands."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.breadth_up import free_port
from worker.jobs import sweep_bodies
from worker.main import shutdown, startup, sweep_until

PASSWORD = "word-of-the-application"


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings of a worker whose database does not answer; logging as it was afterwards."""
    url = f"postgresql://breadth_app:{PASSWORD}@127.0.0.1:{free_port()}/breadth"
    monkeypatch.setenv("BREADTH_DATABASE_URL", url)
    monkeypatch.setenv("BREADTH_REDIS_URL", "redis://127.0.0.1/0")
    monkeypatch.setenv("BREADTH_SECRET_KEY", "s" * 48)
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("away")
async def test_shutdown_after_a_refused_start_hides_nothing() -> None:
    context: dict[str, Any] = {}
    with pytest.raises(OSError, match="Connect call failed"):
        await startup(context)
    await shutdown(context)


@pytest.mark.usefixtures("away")
async def test_failed_sweep_is_logged_without_the_values_it_worked_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    context: dict[str, Any] = {}
    with pytest.raises(OSError, match="Connect call failed"):
        await startup(context)
    stopping = asyncio.Event()

    async def sweep() -> None:
        stopping.set()  # One is enough.
        await sweep_bodies(context)

    await sweep_until(stopping, 60, sweep)
    said = capsys.readouterr()
    line = json.loads(said.err)
    assert line["event"] == "sweep_failed"
    assert "builtins.ConnectionRefusedError" in line["error"]
    assert PASSWORD not in said.out + said.err
