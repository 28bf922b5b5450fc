"""Where answers to requests with an `Idempotency-Key` are kept and repeated, for all routes alike.

An effect in the request's own transaction commits with its answer. Whatever else answered, such
as a refusal whose transaction was undone, is kept right after it and before it is sent. The first
answer that is kept is the answer of every request with that key.
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.idempotency import (
    REPLAYED,
    AlreadyAnswered,
    Asked,
    asked_in,
    key_in,
    worth_keeping,
)
from api.problems import Problem, problem_of, render
from api.running import Running, running_of
from models.db import driver, transaction
from models.idempotency import Taken, is_kept

log = structlog.get_logger(__name__)


class KeptRoute(APIRoute):
    """A route whose answer commits with its effect: for POST with `Session` or the committer.

    A handler has answered when its session is about to be committed, and only here are both at
    hand. Other routes are looked up before and kept after, which is as much as can be done for
    an effect of several transactions.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_and_keep(request: Request) -> Response:
            asked = asked_in(request)
            if asked is None:
                return await handle(request)
            asked.taken_with_effect = True
            response = await handle(request)
            if asked.session is not None and worth_keeping(response.status_code):
                connection = await driver(asked.session)
                kept = await asked.seal(response)
                await asked.keep(connection, kept, running_of(request).clock())
            return response

        return handle_and_keep


async def repeat_or_refuse(request: Request, running: Running) -> None:
    """Look before a request is carried out, where its own transaction will not.

    The body is read here only for a key that was used before, and then not held.
    """
    asked = asked_in(request)
    if asked is None or asked.taken_with_effect:
        return
    provider, principal = request.state.provider, request.state.principal
    async with transaction(running.sessions, provider) as session:
        known = asked.request_hash(running.keyring, provider, principal)
        if not await is_kept(await driver(session), known, running.clock()):
            return
    if not asked.whole:
        async for _ in request.stream():
            pass
    asked.identify(running.keyring, provider, principal)
    async with transaction(running.sessions, provider) as session:
        await asked.take(await driver(session), running.clock())
    # Its days ended between the two looks, and nothing is left of the body to carry out.
    asked.refuse_or_repeat(Taken.IN_USE)


class KeptAnswers:
    """Around all routes and inside the envelope, so that a repeated answer has an id of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        try:
            key = key_in(Headers(scope=scope))
        except Problem as problem:
            await render(request, problem)(scope, receive, send)
            return
        if key is None:
            await self.app(scope, receive, send)
            return
        asked = scope.setdefault("state", {})["asked"] = Asked(key, scope)
        answered = Answered()
        try:
            await self.app(scope, asked.hashing(receive), answered.hold)
        except AlreadyAnswered as earlier:
            response = repeated(earlier)
        else:
            response = await self._settled(request, asked, answered.response())
        await response(scope, receive, send)

    async def _settled(self, request: Request, asked: Asked, response: Response) -> Response:
        """The answer, once it is kept; or that of an equal request which was kept before."""
        sender = request.scope["state"]
        if asked.settled or not asked.whole or "principal" not in sender:
            return response
        if not worth_keeping(response.status_code):
            return response
        running = running_of(request)
        provider, now = sender["provider"], running.clock()
        asked.identify(running.keyring, provider, sender["principal"])
        try:
            async with transaction(running.sessions, provider) as session:
                connection = await driver(session)
                await asked.take(connection, now)
                kept = await asked.seal(response)
                # A refusal has no effect that a retry could repeat; one too large comes anew.
                if kept.sealed is not None or kept.status < HTTPStatus.BAD_REQUEST:
                    await asked.keep(connection, kept, now)
        except AlreadyAnswered as earlier:
            return repeated(earlier)
        except Problem as problem:
            return render(request, problem)
        except Exception as error:  # noqa: BLE001 - what was answered stands, kept or not
            log.warning(
                "answer_not_kept", error=type(error).__name__, problem=problem_of(error).name
            )
        return response


class Answered:
    """Holds an answer back until it is kept."""

    def __init__(self) -> None:
        self._start: Message = {}
        self._parts: list[bytes] = []

    async def hold(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))

    def response(self) -> Response:
        response = Response(b"".join(self._parts), self._start["status"])
        response.raw_headers = list(self._start["headers"])
        return response


def repeated(earlier: AlreadyAnswered) -> Response:
    response = Response(earlier.said.body, earlier.status)
    for name, value in earlier.said.headers:
        response.headers.append(name, value)
    response.headers[REPLAYED] = "true"
    return response
