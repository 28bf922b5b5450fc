"""The attributes of a CloudEvent in our words, and our refusals in its words.

Knows what travels under which name, and nothing of modes, headers or bodies.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from api.inbound.bodies import decode_one
from models.incoming.pointers import pointer_of
from models.incoming.refusals import UNREADABLE, Refused, Rejection, echo, explain

REQUIRED = ("specversion", "id", "source", "type")
#: What of ours travels under another name. Under its own it is refused: passing over a team or a
#: version that somebody sent would store something else than what they meant.
SENT_AS = {
    "occurred_at": "time",
    "recorded_at": "recordedtime",
    "version": "eventversion",
    "service": "subject",
    "team": "subject",
}
#: What is called alike.
ALIKE = ("id", "source", "type", "area", "person", "staff", "retracted")
OF_DATA = ("data", "data_base64")
#: Whole numbers of CloudEvents have 32 bits.
LARGEST = 2**31 - 1

encode = msgspec.json.Encoder().encode

_NAME = re.compile("[a-z0-9]+")
_OUR_TYPE = re.compile(r"uk\.care\.(.+)\.v1")
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,9})", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def item_of(attributes: Mapping[str, Any], data: Raw | None) -> bytes:
    """The same event in our JSON, still to be validated. Pointers of refusals name attributes."""
    # An attribute that is null counts as not sent.
    said = {name: value for name, value in attributes.items() if value is not None}
    for name, value in said.items():
        _refuse_attribute(name, value)
    _refuse_incomplete(said)
    item = {name: said[name] for name in ALIKE if name in said}
    for name in ("occurred_at", "recorded_at", "version"):
        if SENT_AS[name] in said:
            item[name] = said[SENT_AS[name]]
    ours = _OUR_TYPE.fullmatch(item["type"]) if isinstance(item["type"], str) else None
    if ours is not None:
        item["type"] = ours[1]
    item["service"], item["team"] = _place_in(said.get("subject"))
    # Once an event has come through headers on its way, its numbers and truths are texts.
    if isinstance(item.get("version"), str) and _WHOLE_NUMBER.fullmatch(item["version"]):
        item["version"] = int(item["version"])
    if isinstance(item.get("retracted"), str):
        item["retracted"] = _BOOLEANS.get(item["retracted"], item["retracted"])
    if "about" in said:
        item["about"] = _about_in(said["about"])
    if data is not None:
        item["data"] = data
    return encode(item)


def _refuse_attribute(name: str, value: object) -> None:
    """Extensions of others pass, whoever added them, as long as they are what they may be."""
    pointer = pointer_of([echo(name)])
    if name in SENT_AS:
        raise Refused("unknown_field", pointer, f"In a CloudEvent this is '{SENT_AS[name]}'.")
    if name in OF_DATA or not _NAME.fullmatch(name):
        raise Refused(
            "unknown_field", pointer, "Names of attributes are lower-case letters and digits."
        )
    if not isinstance(value, str | int):
        raise Refused(
            "wrong_type",
            pointer,
            "Attributes are texts, whole numbers, true or false; an object is sent as JSON text.",
        )
    if isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
        raise Refused("out_of_range", pointer, "Whole numbers have at most 32 bits here.")


def _refuse_incomplete(said: Mapping[str, Any]) -> None:
    for name in REQUIRED:
        if name not in said:
            raise Refused("missing_field", f"/{name}", f"'{name}' is required.")
        if said[name] == "":
            raise Refused("empty", f"/{name}", "This must not be empty.")
    if said["specversion"] != "1.0":
        raise Refused("unsupported_version", "/specversion", "Send CloudEvents 1.0.")


def _place_in(subject: object) -> tuple[str, str | None]:
    if subject is None:
        raise Refused(
            "missing_field", "/subject", "'subject' is required: service/team or service."
        )
    if not isinstance(subject, str):
        raise Refused("wrong_type", "/subject", "Send a text: service/team or service.")
    service, divided, team = subject.partition("/")
    if not service or (divided and not team):
        raise Refused(
            "empty", "/subject", "Send service/team or service, with neither of them empty."
        )
    return service, team or None


def _about_in(written: object) -> object:
    if not isinstance(written, str):
        raise Refused("wrong_type", "/about", "Send the name of a band, or an object as JSON text.")
    if not written.lstrip().startswith("{"):
        return {"band": written}
    try:
        return decode_one(written)
    except UNREADABLE as error:
        raise explain(error, (), "/about") from None


def as_sent(said: Rejection, before: str = "", encoded: Collection[int] = ()) -> Rejection:
    """A refusal of the item made here, with a pointer into what was sent instead.

    `before` stands before the names of attributes; `encoded` are the places of items whose data
    came in Base64. No pointer leads into a text, so the detail says where in it.
    """
    name, divided, below = said.pointer[1:].partition("/")
    if not name or (name == "data" and said.index not in encoded):
        return said
    theirs = "data_base64" if name == "data" else before + SENT_AS.get(name, name)
    detail = said.detail.replace(f"'{name}'", f"'{theirs}'")
    if below:
        detail = f"At {divided}{below}: {detail}"
    return msgspec.structs.replace(said, pointer=f"/{theirs}", detail=detail)
