"""Receivers on this machine that answer as they are told, and the worker in a test's hands."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook

import worker.delivery
from api.running import Running
from models.db import transaction
from models.deliveries import Attempt, Endpoint, Message, announce
from models.endpoint_secrets import Secret, new_secret, sealed
from models.outbox import providers_with_attempts
from models.vocabulary import MessageType, ProviderId
from tests.conftest import NOW, Clock
from worker.delivery import Dispatcher
from worker.posting import Way, post

#: Nobody listens there, and nothing is ever sent beyond this machine.
NOWHERE = "http://127.0.0.1:9999/nobody"
PUBLIC = "93.184.216.34"
Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> dict[str, Any]:
        """The body, once an independent library has verified its signature."""
        verifier = Webhook(secret)
        stamp = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), tz=NOW.tzinfo)
        # The library compares with the clock of this machine, and the tests have their own.
        verifier._Webhook__verify_timestamp = lambda _: stamp.replace(tzinfo=None)  # type: ignore[attr-defined]
        said: dict[str, Any] = verifier.verify(self.body, self.headers)
        return said


def answer(status: int, text: bytes = b"", **headers: str) -> Reply:
    async def write(writer: asyncio.StreamWriter) -> None:
        named = {"content-length": str(len(text)), "connection": "close"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in named.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + text)
        await writer.drain()

    return write


async def hang(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def hang_up(_: asyncio.StreamWriter) -> None:
    return


async def say_nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SMTP ready\r\n\r\n")
    await writer.drain()


class Flood:
    """Answers so many bytes, and counts how many of them were taken."""

    def __init__(self, size: int) -> None:
        self.size, self.sent = size, 0

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 500 Flood\r\ncontent-length: {self.size}\r\n\r\n".encode())
        while self.sent < self.size:
            writer.write(b"x" * 65536)
            await writer.drain()
            self.sent += 65536


TAKEN = answer(204)


class Receiver:
    """Gives its replies in turn, and takes everything once they are used up."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.received: list[Received] = []
        self.has_received = asyncio.Event()
        self.at_once = self.most_at_once = 0
        self.port = 0
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines if line)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            self.received.append(Received(first.split(" ")[1], headers, body))
            self.has_received.set()
            await (self.replies.pop(0) if self.replies else TAKEN)(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The sender has gone, or the test has ended.
        finally:
            self.at_once -= 1
            writer.close()


@asynccontextmanager
async def listening(trust: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver, "127.0.0.1", 0, ssl=trust)
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.scheme = "http" if trust is None else "https"
    handlers = asyncio.all_tasks()
    try:
        yield receiver
    finally:
        server.close()
        for task in asyncio.all_tasks() - handlers:
            if "Receiver" in repr(task.get_coro()):
                task.cancel()
        await asyncio.sleep(0)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with listening() as made:
        yield made


class Listener(NamedTuple):
    """An endpoint and its secret."""

    id: UUID
    secret: str


async def listen(
    running: Running,
    provider: ProviderId,
    url: str = NOWHERE,
    types: Sequence[MessageType] = tuple(MessageType),
    services: Sequence[str] = (),
) -> Listener:
    """An endpoint that is there, without asking the API."""
    endpoint, secret = uuid4(), new_secret()
    async with transaction(running.sessions, provider) as session:
        session.add(
            Endpoint(
                provider_id=provider,
                id=endpoint,
                url=url,
                secrets_sealed=sealed(
                    running.keyring.endpoints(provider), endpoint, [Secret(secret, None)]
                ),
                message_types=[each.value for each in types],
                services=list(services),
                state="active",
                next_sequence=1,
                created_at=NOW,
                changed_at=NOW,
            )
        )
    return Listener(endpoint, secret)


async def announced(
    running: Running, provider: ProviderId, number: int = 1, now: datetime = NOW
) -> list[UUID]:
    """So many messages of the whole provider."""
    found = []
    for each in range(number):
        async with transaction(running.sessions, provider) as session:
            data = {"id": f"rondo-{each}", "url": "/v1/connectors/rondo"}
            message = await announce(session, provider, MessageType.SOURCE_SILENT, "", data, now)
        assert message is not None
        found.append(message)
    return found


async def told(running: Running, provider: ProviderId) -> list[dict[str, Any]]:
    """The payloads of all messages of a provider, in order."""
    async with transaction(running.sessions, provider) as session:
        rows = await session.scalars(
            select(Message).join(Attempt, Attempt.message_id == Message.id).order_by(Attempt.id)
        )
        return [row.payload for row in rows]


async def attempts(running: Running, provider: ProviderId) -> list[Attempt]:
    async with transaction(running.sessions, provider) as session:
        return list(await session.scalars(select(Attempt).order_by(Attempt.id)))


async def endpoint_of(running: Running, provider: ProviderId, listener: Listener) -> Endpoint:
    async with transaction(running.sessions, provider) as session:
        return await session.get_one(Endpoint, (provider, listener.id))


@pytest.fixture
def only_ours(provider: ProviderId, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests have left waiting is nobody's business here."""

    async def ours(session: Any, now: datetime) -> list[ProviderId]:
        return [each for each in await providers_with_attempts(session, now) if each == provider]

    monkeypatch.setattr(worker.delivery, "providers_with_attempts", ours)


class Worker(NamedTuple):
    """The worker's part, on a test's clock."""

    running: Running
    provider: ProviderId
    clock: Clock
    dispatcher: Dispatcher

    async def deliver(self) -> int:
        return await self.dispatcher.deliver()

    async def until_settled(self, most: int = 60) -> None:
        """Wait for each next attempt, however long that takes on the clock."""
        for _ in range(most):
            await self.deliver()
            waiting = [each.next_at for each in await attempts(self.running, self.provider)]
            due = [each for each in waiting if each is not None]
            if not due:
                return
            async with transaction(self.running.sessions, self.provider) as session:
                pauses = [
                    each
                    for each in await session.scalars(select(Endpoint.not_before))
                    if each is not None
                ]
            self.clock.now = max(self.clock.now, min(due), *pauses)
        raise AssertionError("attempts without end")


#: Posts end after a second, of the clock on the wall.
HERE = Way(loopback=True, timeout_s=1)


def dispatching(running: Running, clock: Callable[[], datetime], way: Way = HERE) -> Dispatcher:
    return Dispatcher(
        running.sessions,
        running.keyring,
        clock,
        partial(post, way),
        "https://breadth.example.org/",
    )


@pytest.fixture
def outgoing(running: Running, provider: ProviderId, clock: Clock, only_ours: None) -> Worker:
    assert only_ours is None
    return Worker(running, provider, clock, dispatching(running, clock))


class Names:
    """A name server of the test: what a host resolves to, look by look, the last for ever."""

    def __init__(self) -> None:
        self.known: dict[str, list[list[str]]] = {"hooks.example.org": [[PUBLIC]]}
        self.asked: list[str] = []
        self.on_asked: Callable[[], None] = lambda: None

    async def __call__(self, host: str, _: int) -> list[str]:
        self.asked.append(host)
        self.on_asked()
        if host.replace(".", "").isdigit() or ":" in host:
            return [host]
        if host not in self.known:
            raise OSError(f"no such name: {host}")
        found = self.known[host]
        return found.pop(0) if len(found) > 1 else found[0]


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def local(app: FastAPI, running: Running, names: Names) -> Iterator[Running]:
    """The app as it is on a developer's machine: receivers may be on this very machine."""
    settings = running.settings.model_copy(update={"hooks_out_loopback": True})
    app.state.running = replace(running, settings=settings, resolve=names)
    yield app.state.running
    app.state.running = running


async def subscribe(client: httpx.AsyncClient, url: str, **changes: Any) -> dict[str, Any]:
    body = {"url": url, "message_types": ["source.silent"]} | changes
    made = await client.post("/v1/subscriptions", json=body)
    assert made.status_code == 201, made.text
    said: dict[str, Any] = made.json()
    return said
