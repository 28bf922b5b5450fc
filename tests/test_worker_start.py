"""A worker that cannot start ends with its reason, which is all the supervisor can pass on."""

from typing import Any

import pytest

from tests.breadth_up import free_port
from worker.main import shutdown, startup


async def test_shutdown_after_a_refused_start_hides_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = f"postgresql://breadth_app:x@127.0.0.1:{free_port()}/breadth"
    monkeypatch.setenv("BREADTH_DATABASE_URL", away)
    monkeypatch.setenv("BREADTH_REDIS_URL", "redis://127.0.0.1/0")
    monkeypatch.setenv("BREADTH_SECRET_KEY", "s" * 48)
    context: dict[str, Any] = {}
    with pytest.raises(OSError, match="Connect call failed"):
        await startup(context)
    await shutdown(context)
