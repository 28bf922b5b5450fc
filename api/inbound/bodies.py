"""A request's body as raw items: content type, compression and bounds, and nothing of meaning."""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Raw
from starlette.datastructures import Headers
from starlette.requests import Request

from api.problems import Problem
from models.incoming.refusals import Rejection

LARGEST_DECOMPRESSED = 16 << 20
MOST_ITEMS = 50_000
#: Others get their turn after so many items; about 2 ms of work.
ITEMS_A_TURN = 256
JSON = "application/json"
NDJSON = "application/x-ndjson"
GZIP_WINDOW = 31  # zlib's way to say: a gzip header, the largest window
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

decode_array = msgspec.json.Decoder(list[Raw]).decode
decode_one = msgspec.json.Decoder(Raw).decode


class Items(NamedTuple):
    """Items with their place in the body; `body` is for questions about all of them at once."""

    numbered: Sequence[tuple[int, bytes | Raw]]
    body: bytes
    #: What was refused before it could become an item of ours.
    rejected: Sequence[Rejection] = ()
    #: Says a rejection in the words of a sender whose items are not written as ours.
    as_sent: Callable[[Rejection], Rejection] | None = None


async def read_items_of(request: Request) -> Items:
    kind = media_type(request.headers)
    if kind not in {JSON, NDJSON}:
        raise Problem("unsupported_media_type", f"Send {JSON}, {NDJSON} or CloudEvents as JSON.")
    body = await read_body(request)
    numbered = split_lines(body) if kind == NDJSON else split_json(body)
    refuse_too_many(numbered)
    return Items(numbered, body)


def media_type(headers: Headers) -> str:
    """Without its parameters; empty when the sender says none."""
    kind, _, parameters = headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    if charset not in {"", "utf-8", "utf8"}:
        raise Problem("unsupported_media_type", "Send UTF-8.")
    return kind.strip()


async def read_body(request: Request) -> bytes:
    body = await request.body()
    if encoding(request.headers) == "gzip":
        # A thread, because zlib lets the others go on meanwhile.
        body = await asyncio.to_thread(decompress, body)
    return body.removeprefix(BYTE_ORDER_MARK)


def refuse_too_many(items: Sequence[object]) -> None:
    if len(items) > MOST_ITEMS:
        raise Problem("body_too_large", f"Send at most {MOST_ITEMS} events in one request.")


def encoding(headers: Headers) -> str:
    named = headers.get("content-encoding", "identity").strip().lower()
    if named not in {"identity", "gzip", "x-gzip"}:
        raise Problem("unsupported_media_type", "Send 'Content-Encoding: gzip' or none.")
    return named.removeprefix("x-")


def decompress(body: bytes) -> bytes:
    """All members of a gzip stream; stops at the bound whatever the stream would become."""
    parts: list[bytes] = []
    left = LARGEST_DECOMPRESSED
    while body:
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            part = member.decompress(body, left + 1)
        except zlib.error:
            raise Problem("unreadable_body", "The body is not valid gzip.") from None
        left -= len(part)
        if left < 0:
            raise Problem(
                "body_too_large", f"At most {LARGEST_DECOMPRESSED} bytes are read, decompressed."
            )
        if not member.eof:
            raise Problem("unreadable_body", "The gzip stream ends too early.")
        parts.append(part)
        body = member.unused_data
    return b"".join(parts)


def split_json(body: bytes) -> list[tuple[int, bytes | Raw]]:
    try:
        if body.lstrip(b" \t\r\n").startswith(b"["):
            return list(enumerate(decode_array(body)))
        return [(0, decode_one(body))]
    except msgspec.DecodeError as error:
        raise Problem("unreadable_body", f"The body is not valid JSON: {error}.") from None
    except RecursionError:
        raise Problem("unreadable_body", "The body is nested too deeply.") from None


def split_lines(body: bytes) -> list[tuple[int, bytes | Raw]]:
    """An item is known by the number of its line, from 0; empty lines are no items."""
    return [(place, line) for place, line in enumerate(body.split(b"\n")) if line.strip()]
