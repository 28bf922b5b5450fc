"""One raw item becomes a row to store or a rejection; the good never pay for the bad.

Persons and staff leave here as pseudonyms and free text as nothing or ciphertext; neither the
database nor a log ever meets what they were.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from models.calendar import month_bounds, months_between
from models.event_types import EARLIEST, LATEST, Instant, Word
from models.incoming.content import Terms, encode, in_utc, read_content
from models.incoming.refusals import UNREADABLE, Refused, Rejection, explain, rejection
from models.incoming.walks import refuse_nul
from models.keyring import Pseudonyms
from models.storing import Row
from models.vocabulary import Band

CLOCK_SKEW = timedelta(minutes=5)
#: What people write in records becomes evidence under sources that nobody else may speak for.
OWN_SOURCE = "record:"


class About(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    band: Band | None = None
    begins: Instant | None = msgspec.field(default=None, name="from")
    ends: Instant | None = msgspec.field(default=None, name="to")


class Envelope(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """An item as sent. In alphabetical order, so that encoding it gives canonical JSON."""

    about: About | None = None
    area: Word | None = None
    data: Raw | UnsetType = UNSET
    id: Word
    occurred_at: Instant | None = None
    person: Word | None = None
    recorded_at: Instant | None = None
    retracted: bool = False
    service: Word
    source: Word
    staff: Word | None = None
    team: Word | None = None
    type: Word | None = None
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1


ENVELOPE_FIELDS = Envelope.__struct_fields__
decode_envelope = msgspec.json.Decoder(Envelope).decode


def read_items(
    numbered: Iterable[tuple[int, bytes | Raw]],
    terms: Terms,
    pseudonyms: Pseudonyms,
    now: datetime,
    *,
    may_have_nul: bool,
) -> tuple[list[tuple[int, Row]], list[Rejection]]:
    """Rows and rejections of some items, each with its place in the body."""
    rows: list[tuple[int, Row]] = []
    rejections: list[Rejection] = []
    latest = now + CLOCK_SKEW
    for index, raw in numbered:
        try:
            if may_have_nul:
                refuse_nul(raw)
            rows.append((index, read_item(raw, terms, pseudonyms, latest)))
        except Refused as refused:
            rejections.append(rejection(index, raw, refused))
    return rows, rejections


def read_item(
    raw: bytes | Raw,
    terms: Terms,
    pseudonyms: Pseudonyms,
    latest: datetime,
    *,
    ours: bool = False,
) -> Row:
    """One item as a row; raises `Refused`. `ours` may speak for a record."""
    try:
        item = decode_envelope(raw)
    except UNREADABLE as error:
        raise explain(error, ENVELOPE_FIELDS) from None
    if item.source.startswith(OWN_SOURCE) and not ours:
        detail = "Sources that begin with 'record:' are records of the route. Choose another name."
        raise Refused("reserved_source", "/source", detail)
    if item.retracted:
        recorded_at = item.recorded_at and in_utc(item.recorded_at, "/recorded_at")
        return retraction_of(item.id, item.source, item.service, item.version, recorded_at)
    occurred_at = _occurred_at(item, latest)
    if item.type is None:
        raise Refused("missing_field", "/type", "'type' is required.")
    if isinstance(item.data, UnsetType):
        raise Refused("missing_field", "/data", "'data' is required.")
    content = read_content(item.data, item.type, terms, latest)
    item.data = Raw(content.canonical)
    about = _read_about(item.about) if item.about is not None else None
    recorded_at = item.recorded_at
    if recorded_at is not None:
        recorded_at = in_utc(recorded_at, "/recorded_at")
        item.recorded_at = None
    if item.person is not None:
        item.person = pseudonyms.of("person", item.person)
    if item.staff is not None:
        item.staff = pseudonyms.of("staff", item.staff)
    # By position: this runs for every event, and names would cost as much as the decoding.
    return Row(
        item.source,
        item.id,
        item.version,
        item.type,
        item.service,
        item.team,
        item.area,
        month_of_instant(content.month_at or occurred_at),
        occurred_at,
        recorded_at,
        about,
        item.person,
        item.staff,
        content.canonical.decode(),
        content.text_sealed,
        item.retracted,
        digest(item),
    )


def digest(item: Envelope) -> bytes:
    """Of canonical JSON, so that a resend in another order or offset is the same content."""
    return hashlib.sha256(encode(item)).digest()[:16]


def retraction_of(
    event_id: str, source: str, service: str, version: int, recorded_at: datetime | None = None
) -> Row:
    """Says that an event no longer holds, and nothing else; what comes with it is not kept."""
    said = Envelope(id=event_id, source=source, service=service, version=version, retracted=True)
    return Row(
        source=source,
        event_id=event_id,
        version=version,
        type=None,
        service=service,
        team=None,
        area=None,
        month=None,
        occurred_at=None,
        recorded_at=recorded_at,
        about=None,
        person=None,
        staff=None,
        data=None,
        text_sealed=None,
        retracted=True,
        content_hash=digest(said),
    )


def _occurred_at(item: Envelope, latest: datetime) -> datetime:
    at = item.occurred_at
    if at is None:
        raise Refused("missing_field", "/occurred_at", "'occurred_at' is required.")
    if at > latest:
        raise Refused(
            "occurred_in_future",
            "/occurred_at",
            "This lies in the future. Send an event once it has happened, or correct the clock"
            " or the offset of the sender.",
        )
    item.occurred_at = in_utc(at, "/occurred_at")
    return item.occurred_at


def _read_about(about: About) -> str:
    if about.band is not None and about.begins is None and about.ends is None:
        return encode(about).decode()
    if about.band is not None or about.begins is None or about.ends is None:
        raise Refused("invalid_about", "/about", "Send either 'band', or both 'from' and 'to'.")
    about.begins = in_utc(about.begins, "/about/from")
    about.ends = in_utc(about.ends, "/about/to")
    if about.ends <= about.begins:
        raise Refused("ends_before_start", "/about/to", "'to' must be after 'from'.")
    return encode(about).decode()


@cache
def _months() -> tuple[list[datetime], list[date]]:
    months = months_between(EARLIEST.date(), LATEST.date())
    return [month_bounds(month)[0] for month in months], months


def month_of_instant(at: datetime) -> date:
    """`models.calendar.month_of` from a table: this runs once for every event sent."""
    starts, months = _months()
    return months[bisect_right(starts, at) - 1]
