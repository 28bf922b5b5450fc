"""Pages of a listing: opaque signed cursors that say where the next page starts, and the link.

A cursor is bound to the provider and the listing, so it opens nothing that its holder may not see.
"""

import base64
import hmac
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request, Response

from api.problems import Problem
from api.running import Running
from models.vocabulary import ProviderId

Limit = Annotated[int, Query(ge=1, le=1000, description="Items on a page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next_cursor` of the page before; opaque."),
]
SIGNATURE_BYTES = 16


def _signature(running: Running, provider: ProviderId, listing: str, payload: bytes) -> bytes:
    return running.keyring.sign(f"{provider}/{listing}/".encode() + payload)


def cursor_to(
    running: Running, provider: ProviderId, listing: str, position: Sequence[object]
) -> str:
    payload = msgspec.json.encode(position)
    signed = _signature(running, provider, listing, payload) + payload
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def position_of(
    running: Running, provider: ProviderId, listing: str, cursor: str | None, kind: type[Any]
) -> Any:
    """What `cursor_to` was given, as `kind`; None without a cursor, 422 for one not made here."""
    if cursor is None:
        return None
    try:
        signed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    except ValueError:
        signed = b""
    signature, payload = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(running, provider, listing, payload)):
        raise Problem(
            "invalid",
            errors=[
                {
                    "code": "unknown_cursor",
                    "pointer": "/cursor",
                    "detail": "Send 'next_cursor' as it was answered, with the same key.",
                    "in": "query",
                }
            ],
        )
    return msgspec.json.decode(payload, type=kind)


def link_next(running: Running, request: Request, response: Response, cursor: str) -> None:
    query = request.url.include_query_params(cursor=cursor).query
    address = f"{running.settings.public_url.rstrip('/')}{request.url.path}?{query}"
    response.headers["Link"] = f'<{address}>; rel="next"'
