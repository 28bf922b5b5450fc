"""What a POST is tried in, and what is sent to it."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import httpx

from api.running import Running
from models.vocabulary import ProviderId


class Setting(NamedTuple):
    """Who sends, with all scopes, and the process that it sends to."""

    client: httpx.AsyncClient
    running: Running
    provider: ProviderId


class Sent(NamedTuple):
    """A request that is taken, and another body that would be taken as well."""

    path: str
    json: Any
    other: Any
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it


Prepare = Callable[[Setting], Awaitable[Sent]]
