"""What every request gets: an id, a bound on its body, safe headers, a count and one log line.

Knows nothing of routes. Pure ASGI, because a wrapped response would hide streaming and costs.
"""

import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.inbound.fhir_outcomes import BASE as FHIR_BASE
from api.metrics import Metrics
from api.problems import Problem, problem_of, render

log = structlog.get_logger(__name__)

#: Ids of senders are taken over when they can stand in a header and a log line.
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,100}")
LARGEST_BODY = 1 << 20
#: Routes that take more, by path.
LARGER_BODIES = {"/v1/events": 16 << 20, "/v1/uploads": 512 << 20}
#: And by how the path begins, where a part of it is the sender's.
LARGER_BELOW = {FHIR_BASE: 16 << 20}

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
#: For the count and the log; nobody is there to read it.
CLIENT_GONE = 499
#: Asked every few seconds by machines; a line for each would bury the others.
UNLOGGED = frozenset({"/healthz", "/readyz", "/metrics"})


class Envelope:
    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        if not SANE_REQUEST_ID.fullmatch(request_id):
            request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0

        async def send_enveloped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["X-Request-Id"] = request_id
                for name, value in SAFE_HEADERS.items():
                    answer.setdefault(name, value)
            await send(message)

        try:
            self._refuse_unreadable(scope, headers)
            await self.app(scope, _bounded(scope, receive), send_enveloped)
        except ClientDisconnect:
            status = CLIENT_GONE
        except Exception as error:
            if status:
                raise
            await render(Request(scope), problem_of(error))(scope, receive, send_enveloped)
        finally:
            self._account(scope, status, time.perf_counter() - started)

    def _refuse_unreadable(self, scope: Scope, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > _bound_of(scope):
            raise Problem("body_too_large", f"At most {_bound_of(scope)} bytes are read here.")
        # PostgreSQL stores no U+0000, so no address or filter can ever mean it.
        if b"%00" in scope["query_string"] or "\x00" in scope["path"]:
            raise Problem("bad_request", "U+0000 cannot be part of an address.")

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        self.metrics.requests.labels(scope["method"], route, status).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        if route not in UNLOGGED:
            log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
            )


def _bound_of(scope: Scope) -> int:
    path: str = scope["path"]
    below = (bound for begins, bound in LARGER_BELOW.items() if path.startswith(begins))
    return LARGER_BODIES.get(path) or next(below, LARGEST_BODY)


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """A body without a length is counted as it comes in."""
    left = _bound_of(scope)

    async def receive_bounded() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left < 0:
                raise Problem("body_too_large", f"At most {_bound_of(scope)} bytes are read here.")
        return message

    return receive_bounded
