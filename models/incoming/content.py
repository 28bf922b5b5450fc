"""The `data` of an item: checked against the shape of its type and made canonical.

Everything here is decided before storage; what a number counts as is decided when it is read.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Raw

from models.calendar import LONDON
from models.event_types import (
    CUSTOM,
    EARLIEST,
    INSTANTS,
    LATEST,
    SHAPES,
    CensusTaken,
    Data,
    FeedbackReceived,
    MedicationAdministered,
    ShiftWorked,
)
from models.incoming.pointers import pointer_of
from models.incoming.refusals import (
    UNREADABLE,
    Refused,
    explain,
    refuse,
    unknown_field,
    unknown_type,
)
from models.incoming.walks import refuse_identifiers, refuse_large_numbers

LONGEST_OWN_WORD = 200
LARGEST_CUSTOM_DATA = 64 << 10
A_DAY = timedelta(days=1)
NOON = time(12)

encode = msgspec.json.Encoder().encode
encode_sorted = msgspec.json.Encoder(order="deterministic").encode
decode_any = msgspec.json.Decoder().decode
DECODERS: Mapping[str, Callable[[Raw], Data]] = {
    name: msgspec.json.Decoder(shape).decode for name, shape in SHAPES.items()
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a provider has settled beforehand: its own types, and whether free text is kept."""

    custom_types: Mapping[str, Callable[[object], None]] = field(default_factory=dict)
    text_cipher: AESGCM | None = None


class Content(NamedTuple):
    """Canonical JSON; the instant that decides the month when it is not `occurred_at`; text."""

    canonical: bytes
    month_at: datetime | None = None
    text_sealed: bytes | None = None


def in_utc(at: datetime, pointer: str) -> datetime:
    if not EARLIEST.year <= at.year < LATEST.year:
        raise Refused("implausible_time", pointer, "Send a time from 2000 to 2099.")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def read_content(raw: Raw, event_type: str, terms: Terms, latest: datetime) -> Content:
    decode = DECODERS.get(event_type)
    if decode is None:
        return Content(_read_custom(raw, event_type, terms))
    own: dict[str, Any] = {}
    try:
        data = decode(raw)
    except UNREADABLE:
        # Either it is wrong or it has fields of the provider's own: look closely.
        data, own = _read_with_own_fields(raw, event_type)
    shape = type(data)
    for name in INSTANTS.get(shape, ()):
        at = getattr(data, name)
        if at is not None and (settled := in_utc(at, f"/data/{name}")) is not at:
            setattr(data, name, settled)
    month_at = text_sealed = None
    # Doses are nearly all that is sent, and nothing in one can contradict itself.
    if shape is not MedicationAdministered:
        month_at, text_sealed = _look_closer(data, terms, latest)
    canonical = encode(data)
    if own:
        canonical = encode_sorted(decode_any(canonical) | own)
    return Content(canonical, month_at, text_sealed)


def _look_closer(
    data: Data, terms: Terms, latest: datetime
) -> tuple[datetime | None, bytes | None]:
    """What contradicts itself is refused; the instant that decides the month; text, taken out."""
    flaw = data.flaw()
    if flaw is not None:
        refuse(flaw, "/data")
    if isinstance(data, ShiftWorked):
        return data.starts_at, None
    if isinstance(data, CensusTaken):
        if data.on > (latest + A_DAY).date():
            raise Refused("occurred_in_future", "/data/on", "Send a census of a day that has come.")
        # It speaks of its day, whenever it was taken down.
        return in_utc(datetime.combine(data.on, NOON, LONDON), "/data/on"), None
    if isinstance(data, FeedbackReceived) and data.text is not None:
        # Outside of the hash too: to switch text on must not turn resends into conflicts.
        sealed = seal(terms.text_cipher, data.text) if terms.text_cipher else None
        data.text = None
        return None, sealed
    return None, None


def _read_with_own_fields(raw: Raw, event_type: str) -> tuple[Data, dict[str, Any]]:
    shape = SHAPES[event_type]
    known = shape.__struct_fields__
    own: dict[str, Any] = {}
    try:
        fields = decode_any(raw)
        if isinstance(fields, dict):
            refuse_identifiers(fields, "/data")
            for name in [name for name in fields if name.startswith("x_")]:
                own[name] = _own_scalar(name, fields.pop(name))
            for name in fields:
                if name not in known:
                    raise unknown_field(name, (*known, "x_*"), "/data")
        data = msgspec.convert(fields, shape)
    except UNREADABLE as error:
        raise explain(error, known, "/data") from None
    return data, {name: value for name, value in own.items() if value is not None}


def _own_scalar(name: str, value: object) -> object:
    if len(name) > LONGEST_OWN_WORD:
        raise Refused("too_long", "/data", "Names of own fields have at most 200 characters.")
    within = "/data" + pointer_of([name])
    if isinstance(value, str) and len(value) > LONGEST_OWN_WORD:
        raise Refused("too_long", within, "Own fields take at most 200 characters.")
    if isinstance(value, dict | list):
        raise Refused("wrong_type", within, "Own fields are texts, numbers, true or false.")
    refuse_large_numbers(value, within)
    return value


def _read_custom(raw: Raw, event_type: str, terms: Terms) -> bytes:
    if not event_type.startswith(CUSTOM):
        raise unknown_type(event_type)
    check = terms.custom_types.get(event_type)
    if check is None:
        raise Refused(
            "unknown_type",
            "/type",
            "This type is not declared. Declare it first: PUT /v1/event-types/custom.<name>.",
        )
    if len(bytes(raw)) > LARGEST_CUSTOM_DATA:
        raise Refused("too_long", "/data", "Own types take at most 64 KiB of data.")
    try:
        data = decode_any(raw)
        refuse_identifiers(data, "/data")
        refuse_large_numbers(data, "/data")
        check(data)
        return encode_sorted(data)
    except UNREADABLE as error:
        raise explain(error, (), "/data") from None


def seal(cipher: AESGCM, text: str) -> bytes:
    nonce = os.urandom(12)
    return nonce + cipher.encrypt(nonce, text.encode(), None)
