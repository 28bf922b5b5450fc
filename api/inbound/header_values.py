"""Attributes of a CloudEvent out of HTTP headers (HTTP binding 1.0.2, section 3.1.3).

Quoted strings are undone first, then one round of percent-encoding. A value that can be read in
two ways is refused: a guess would be stored for good.
"""

import re
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers

from models.incoming.pointers import pointer_of
from models.incoming.refusals import Refused, echo

PREFIX = b"ce-"
#: The one attribute that has a header of its own.
CONTENT_TYPE = "datacontenttype"

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_HALF_ENCODED = re.compile(r"%(?![0-9A-Fa-f]{2})")


def attributes_in(headers: Headers) -> dict[str, str]:
    """All of them by name, whatever they are; only their values are looked at."""
    attributes: dict[str, str] = {}
    for raw_name, raw_value in headers.raw:
        if not raw_name.lower().startswith(PREFIX):
            continue
        name = raw_name[len(PREFIX) :].lower().decode("latin-1")
        pointer = pointer_of([echo(name)])
        if name == CONTENT_TYPE:
            raise Refused("unknown_field", pointer, "This is the header Content-Type.")
        if name in attributes:
            raise Refused("repeated", pointer, "Send this header once.")
        attributes[name] = text_of(raw_value, pointer)
    return attributes


def text_of(value: bytes, pointer: str) -> str:
    """What a header's value stands for."""
    try:
        written = value.decode("ascii")
    except UnicodeDecodeError:
        raise Refused(
            "unreadable", pointer, "Percent-encode all but printable ASCII, as UTF-8."
        ) from None
    if '"' in _QUOTED.sub("", written):
        raise Refused("unreadable", pointer, "A quotation mark is not closed. Write it as %22.")
    unquoted = _QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), written)
    if _HALF_ENCODED.search(unquoted):
        raise Refused("unreadable", pointer, "Write a percent sign as %25.")
    try:
        return unquote_to_bytes(unquoted).decode()
    except UnicodeDecodeError:
        raise Refused("unreadable", pointer, "What is percent-encoded here is not UTF-8.") from None
