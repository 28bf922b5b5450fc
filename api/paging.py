"""Pages of a listing: opaque signed cursors that say where the next page starts, and the link.

A cursor is bound to the provider and the listing, so it opens nothing that its holder may not see.
"""

import base64
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, Query, Request, Response

from api.auth import Holder
from api.problems import Problem
from api.running import RunningApp

Limit = Annotated[int, Query(ge=1, le=1000, description="Items on a page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next_cursor` of the page before; opaque."),
]
SIGNATURE_BYTES = 16

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a listing is asked for, and the way to the next."""

    request: Request
    response: Response
    running: RunningApp
    holder: Holder
    limit: Limit = 100
    cursor: Cursor = None

    @property
    def rows(self) -> int:
        """How many to read: one more than stand on the page says whether another follows."""
        return self.limit + 1

    def after(self, listing: str, kind: type[Any]) -> Any:
        """The position where the page before ended, as `kind`; None on the first page.

        Raises
        ------
        Problem
            The cursor was not made here for this listing and provider.
        """
        if self.cursor is None:
            return None
        padded = self.cursor + "=" * (-len(self.cursor) % 4)
        try:
            signed = base64.b64decode(padded, b"-_", validate=True)
        except ValueError:
            signed = b""
        signature, payload = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(listing, payload)):
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

    def page(
        self, listing: str, rows: Sequence[_Row], position: Callable[[_Row], Sequence[object]]
    ) -> tuple[Sequence[_Row], str | None]:
        """The rows of the page, and the cursor to those that follow, which the Link has too."""
        if len(rows) <= self.limit:
            return rows, None
        rows = rows[: self.limit]
        payload = msgspec.json.encode(position(rows[-1]))
        signed = self._signature(listing, payload) + payload
        cursor = base64.urlsafe_b64encode(signed).decode().rstrip("=")
        query = self.request.url.include_query_params(cursor=cursor).query
        base = self.running.settings.public_url.rstrip("/")
        self.response.headers["Link"] = f'<{base}{self.request.url.path}?{query}>; rel="next"'
        return rows, cursor

    def _signature(self, listing: str, payload: bytes) -> bytes:
        return self.running.keyring.sign(f"{self.holder.provider}/{listing}/".encode() + payload)


Paged = Annotated[Paging, Depends()]
