"""CloudEvents 1.0 over HTTP in all three modes: each is taken apart and becomes an item of ours.

Here nothing is believed or stored. The item goes the way of all others, and what is wrong with it
is then said in the words its sender used.
"""

import asyncio
import base64
import re
from enum import Enum
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw
from starlette.datastructures import Headers
from starlette.requests import Request

from api.inbound.bodies import (
    ITEMS_A_TURN,
    Items,
    decode_array,
    decode_one,
    media_type,
    read_body,
    refuse_too_many,
)
from api.inbound.cloudevent_items import REQUIRED, as_sent, item_of
from api.inbound.header_values import attributes_in
from api.problems import Problem
from models.incoming.pointers import pointer_of
from models.incoming.refusals import (
    UNREADABLE,
    Refused,
    Rejection,
    echo,
    explain,
    rejection,
    rejection_of,
)

#: How an attribute is called in a pointer when it came as a header.
AS_HEADER = "ce-"

decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
decode_any = msgspec.json.Decoder().decode

_JSON_KIND = re.compile(r"[^/]+/(?:[^/]+\+)?json")


class Mode(Enum):
    """How an HTTP message carries CloudEvents; the values are media types up to the format."""

    BATCHED = "application/cloudevents-batch"
    STRUCTURED = "application/cloudevents"
    BINARY = ""


def mode_of(headers: Headers) -> Mode | None:
    """None is for a body of our own. The media type decides before any `ce-` header does."""
    kind = headers.get("content-type", "").strip().lower()
    # In this order: one is a prefix of the other.
    for mode in (Mode.BATCHED, Mode.STRUCTURED):
        if kind.startswith(mode.value):
            return mode
    # Whoever forgets one of the four required headers is told so, and not taken for one of ours.
    meant = "ce-specversion" in headers or all(f"ce-{name}" in headers for name in REQUIRED[1:])
    return Mode.BINARY if meant else None


async def read_cloudevents(request: Request, mode: Mode) -> Items:
    kind = media_type(request.headers)
    if mode is Mode.BINARY:
        return _of_headers(request.headers, kind, await read_body(request))
    if kind != f"{mode.value}+json":
        raise Problem("unsupported_media_type", f"Send this as {mode.value}+json.")
    body = await read_body(request)
    try:
        # A member that is no object is an item, though a bad one.
        sent = decode_array(body) if mode is Mode.BATCHED else [decode_one(body)]
    except msgspec.ValidationError:
        raise Problem("unreadable_body", "A batch of CloudEvents is an array.") from None
    except UNREADABLE:
        raise Problem("unreadable_body", "The body is not valid JSON.") from None
    refuse_too_many(sent)
    return await _of_body(sent)


def _of_headers(headers: Headers, kind: str, body: bytes) -> Items:
    if body and kind and not _JSON_KIND.fullmatch(kind):
        raise Problem("unsupported_media_type", "Send the data of a CloudEvent as JSON.")
    try:
        data = decode_one(body) if body else None
    except UNREADABLE:
        raise Problem("unreadable_body", "The body is not valid JSON.") from None
    named: object = None
    try:
        attributes = attributes_in(headers)
        named = attributes.get("id")
        item = item_of(attributes, data)
    except Refused as refused:
        refused.pointer = f"/{AS_HEADER}{refused.pointer[1:]}"
        return Items([], b"", [rejection_of(0, named, refused)])
    return Items([(0, item)], item, as_sent=partial(as_sent, before=AS_HEADER))


async def _of_body(sent: list[Raw]) -> Items:
    numbered: list[tuple[int, bytes | Raw]] = []
    rejected: list[Rejection] = []
    encoded: set[int] = set()
    for place, raw in enumerate(sent):
        if place % ITEMS_A_TURN == ITEMS_A_TURN - 1:
            await asyncio.sleep(0)
        try:
            attributes, data, in_base64 = _taken_apart(raw)
            numbered.append((place, item_of(attributes, data)))
        except Refused as refused:
            rejected.append(rejection(place, raw, refused))
            continue
        if in_base64:
            encoded.add(place)
    body = b"".join(bytes(item) for _, item in numbered)
    return Items(numbered, body, rejected, partial(as_sent, encoded=encoded))


def _taken_apart(raw: Raw) -> tuple[dict[str, Any], Raw | None, bool]:
    """Attributes, data, and whether that was in Base64. Data that is a text stays a text."""
    try:
        members = decode_members(raw)
    except UNREADABLE as error:
        raise explain(error, ()) from None
    data = members.pop("data", None)
    attributes: dict[str, Any] = {}
    for name, value in members.items():
        try:
            attributes[name] = decode_any(value)
        except UNREADABLE as error:
            raise explain(error, (), pointer_of([echo(name)])) from None
    coded = attributes.pop("data_base64", None)
    if coded is not None and data is not None:
        raise Refused("both_given", "/data_base64", "Send either 'data' or 'data_base64'.")
    if coded is not None or data is not None:
        _refuse_other_than_json(attributes.get("datacontenttype"))
    if coded is None:
        return attributes, data, False
    try:
        return attributes, decode_one(base64.b64decode(coded, validate=True)), True
    except (TypeError, ValueError, RecursionError, msgspec.DecodeError):
        raise Refused("unreadable", "/data_base64", "Send JSON in Base64.") from None


def _refuse_other_than_json(kind: object) -> None:
    if kind is None:
        return  # which means JSON
    essence = kind.partition(";")[0].strip().lower() if isinstance(kind, str) else ""
    if not _JSON_KIND.fullmatch(essence):
        raise Refused(
            "unsupported_media_type", "/datacontenttype", "Send the data of a CloudEvent as JSON."
        )
