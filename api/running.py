"""What one running API holds: made by `create_app`, opened by its lifespan, passed to routes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from api.inbound.committer import Committer
from api.inbound.large_bodies import LargeBodies
from api.known_keys import KnownKeys
from api.metrics import Metrics
from models.db import Sessions
from models.destinations import Resolve, resolve_by_system
from models.keyring import Keyring
from models.queue import Doorbell
from models.settings import Settings

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Running:
    settings: Settings
    clock: Clock
    engine: AsyncEngine
    sessions: Sessions
    keyring: Keyring
    doorbell: Doorbell
    known_keys: KnownKeys
    metrics: Metrics
    committer: Committer
    large_bodies: LargeBodies
    resolve: Resolve = resolve_by_system


def running_of(request: Request) -> Running:
    running: Running = request.app.state.running
    return running


RunningApp = Annotated[Running, Depends(running_of)]


def now_of(running: RunningApp) -> datetime:
    return running.clock()


Now = Annotated[datetime, Depends(now_of)]
