"""One post to a receiver: to the address that was checked, within a bound, and no further.

No redirect is followed and no proxy of the environment used, for either would lead to somewhere
that nobody has checked. Of an answer as little is read as says what it was.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple

import httpcore
import httpx

from models.destinations import (
    Destination,
    ForbiddenDestination,
    Resolve,
    UnresolvedDestination,
    addresses_of,
    destination_of,
    resolve_by_system,
)
from models.settling import LONGEST_PAUSE, Outcome
from models.vocabulary import Failure

#: For all of it: name, connection, request and the head of the answer.
TIMEOUT_S = 15.0
#: One address that does not answer leaves time for the next.
CONNECT_TIMEOUT_S = 5.0
MOST_ANSWER_BYTES = 4 << 10
#: What may ask for a pause: it says that it cannot take more just now.
PAUSING = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
HEADERS = {"content-type": "application/json", "user-agent": "Breadth", "accept": "*/*"}

Post = Callable[[str, bytes, Mapping[str, str], datetime], Awaitable[Outcome]]


@lru_cache(maxsize=1)
def public_trust() -> ssl.SSLContext:
    """Read once, since it takes as long as many posts."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class Way:
    """How posts leave this process."""

    loopback: bool = False
    resolve: Resolve = resolve_by_system
    trust: Callable[[], ssl.SSLContext] = field(default=public_trust)
    timeout_s: float = TIMEOUT_S


class Pinned(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, whatever the name of the host says by now."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._addresses = tuple(addresses)
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the name is for the certificate and the header alone
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        refused: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refused = error
        raise refused


class Answer(NamedTuple):
    status: int
    retry_after: str | None
    text: str | None


async def post(
    way: Way, url: str, body: bytes, headers: Mapping[str, str], now: datetime
) -> Outcome:
    """Post once, and say how it went; raises nothing that a receiver could cause."""
    begun = time.monotonic()
    answer, failure = None, None
    try:
        async with asyncio.timeout(way.timeout_s):
            destination = destination_of(url, loopback=way.loopback)
            addresses = await addresses_of(destination, way.resolve, loopback=way.loopback)
            answer = await _send(way, destination, addresses, body, headers)
    except ForbiddenDestination:
        failure = Failure.FORBIDDEN_ADDRESS
    except UnresolvedDestination:
        failure = Failure.UNRESOLVED
    except (TimeoutError, httpcore.TimeoutException):
        failure = Failure.TIMED_OUT
    except (httpcore.NetworkError, OSError) as error:
        failure = Failure.UNTRUSTED if _is_of_tls(error) else Failure.UNREACHABLE
    except httpcore.ProtocolError:
        failure = Failure.BROKEN_ANSWER
    took = int((time.monotonic() - begun) * 1000)
    if answer is None:
        return Outcome(now, took, None, failure)
    if answer.status // 100 == 2:
        return Outcome(now, took, answer.status, None)
    failure = Failure.REDIRECTED if answer.status // 100 == 3 else Failure.REFUSED
    pause = pause_of(answer.retry_after, now) if answer.status in PAUSING else None
    return Outcome(now, took, answer.status, failure, answer.text, pause)


async def _send(
    way: Way,
    destination: Destination,
    addresses: tuple[str, ...],
    body: bytes,
    headers: Mapping[str, str],
) -> Answer:
    url = destination.url
    asked = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    sent = {"host": url.netloc.decode("ascii")} | HEADERS | dict(headers)
    each = {"connect": CONNECT_TIMEOUT_S, "read": None, "write": None, "pool": None}
    # A connection for each post: none is kept that a name could have moved away from.
    async with (
        httpcore.AsyncConnectionPool(
            ssl_context=None if destination.is_plain else way.trust(),
            max_connections=1,
            network_backend=Pinned(addresses),
        ) as pool,
        pool.stream(
            "POST", asked, headers=list(sent.items()), content=body, extensions={"timeout": each}
        ) as response,
    ):
        said = {name.lower(): value for name, value in response.headers}
        retry_after = said.get(b"retry-after", b"").decode("latin-1") or None
        # Its status has been said. What comes after an acceptance is of no interest.
        text = None if response.status // 100 == 2 else await _beginning(response)
        return Answer(response.status, retry_after, text)


async def _beginning(response: httpcore.Response) -> str | None:
    """What is there of the first 4 KiB, also where the rest never comes."""
    read = bytearray()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            async for part in response.aiter_stream():
                read += part
                if len(read) >= MOST_ANSWER_BYTES:
                    break
    except (TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    # PostgreSQL stores U+0000 nowhere.
    return bytes(read[:MOST_ANSWER_BYTES]).decode("utf-8", "replace").replace("\x00", "\ufffd")


def pause_of(retry_after: str | None, now: datetime) -> timedelta | None:
    """How long a receiver asks to be left alone, by either form of RFC 9110, 10.2.3."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        # No number is too long to be more than a day.
        return min(timedelta(seconds=int(retry_after[:9])), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return min(until - now, LONGEST_PAUSE) if until > now else None


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
