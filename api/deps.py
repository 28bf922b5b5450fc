"""The one transaction of a request: opened for the key's provider, committed before the answer."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Holder, require
from api.idempotency import identified
from api.running import Now, Running, RunningApp
from models.db import driver, transaction

__all__ = ["Holder", "Now", "Running", "RunningApp", "Session", "require"]


async def _session(
    request: Request, running: RunningApp, holder: Holder
) -> AsyncIterator[AsyncSession]:
    asked = await identified(request, running.keyring, holder.provider, holder.key_id)
    async with transaction(running.sessions, holder.provider) as session:
        if asked is not None:
            await asked.take(await driver(session), running.clock())
            asked.session = session
        yield session


# With the ordinary scope FastAPI commits after the client has read its 2xx, and a commit that
# fails still reads as a success. With function scope it fails as a 503 before anything is sent.
Session = Annotated[AsyncSession, Depends(_session, scope="function")]
