"""A platform's body through its mapping and our own rules: rows to store, and what was refused.

The same for a trial and for the real run, so that what a preview shows is what a run does.
"""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from models.incoming.content import Terms, encode
from models.incoming.csv_encoding import Decoding
from models.incoming.refusals import Refused
from models.incoming.validation import CLOCK_SKEW, read_item
from models.incoming.walks import refuse_nul
from models.keyring import Pseudonyms
from models.mapping.map_body import Event, Mapped, map_body
from models.mapping.mappings import Mapping
from models.mapping.pipeline import UnmappedCode
from models.readings import revision_of
from models.storing import Row

FORM = "application/x-www-form-urlencoded"
LINES = ("application/x-ndjson", "application/jsonl")
LARGEST_BODY = 16 << 20
LONGEST_ID = 200
#: As much of a table is shown before it is mapped.
START_OF_TABLE = 64 << 10


class RecordRefused(msgspec.Struct, frozen=True):
    """Why one record became no event; a mapping's flaws point into it, others into the event."""

    index: int
    id: str | None
    code: str
    pointer: str
    detail: str


class Read(NamedTuple):
    """What a body comes to. Each record is in exactly one of rows, refused and skipped."""

    records: int
    rows: list[Row]
    #: Of each row the place of its record in the body.
    places: list[int]
    refused: list[RecordRefused]
    skipped: dict[str, int]
    unmapped: tuple[UnmappedCode, ...]


def decoded(body: bytes, content_type: str) -> Any:
    """The JSON value that a body stands for; forms are objects of texts, lines are lists.

    Raises
    ------
    Refused
        The body is none of these.
    """
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == FORM:
            return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        if kind in LINES:
            return [msgspec.json.decode(line) for line in body.splitlines() if line.strip()]
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        raise Refused(
            "unreadable_body",
            "",
            "The body is not valid JSON in UTF-8. If the platform sends another format, ask it for"
            " JSON, or send its CSV exports to /v1/uploads.",
        ) from None


def inflated(body: bytes, content_encoding: str) -> bytes:
    """The body as it was before compression, up to a bound.

    Raises
    ------
    Refused
        It is no gzip, or becomes too large.
    """
    if content_encoding not in {"gzip", "x-gzip"}:
        return body
    member = zlib.decompressobj(31)
    try:
        plain = member.decompress(body, LARGEST_BODY + 1)
    except zlib.error:
        raise Refused("unreadable_body", "", "The body is not valid gzip.") from None
    if len(plain) > LARGEST_BODY or not member.eof or member.unused_data:
        raise Refused(
            "unreadable_body", "", "The gzip stream is cut short, has more parts, or is too large."
        )
    return plain


def start_of_table(body: bytes, content_encoding: str) -> str:
    """The first whole lines of a table, to be looked at.

    Raises
    ------
    Refused
        It is no gzip, or no text.
    """
    if content_encoding in {"gzip", "x-gzip"}:
        try:
            body = zlib.decompressobj(31).decompress(body, START_OF_TABLE)
        except zlib.error:
            raise Refused("unreadable_body", "", "The file is not valid gzip.") from None
    text = Decoding().text(body[:START_OF_TABLE], last=True)
    return text if len(body) < START_OF_TABLE else text[: text.rfind("\n") + 1]


def read_mapped(
    mapping: Mapping,
    source: str,
    body: Any,
    terms: Terms,
    pseudonyms: Pseudonyms,
    now: datetime,
) -> Read:
    """Every record of a body as a row or a refusal.

    Raises
    ------
    MappingError
        The body as a whole cannot be mapped.
    """
    return rows_of(map_body(mapping, body), source, terms, pseudonyms, now)


def rows_of(
    mapped: Mapped, source: str, terms: Terms, pseudonyms: Pseudonyms, now: datetime
) -> Read:
    rows: list[Row] = []
    places: list[int] = []
    refused: list[RecordRefused] = []
    skipped: dict[str, int] = {}
    for outcome in mapped.outcomes:
        if outcome.skipped is not None:
            skipped[outcome.skipped] = skipped.get(outcome.skipped, 0) + 1
        elif outcome.event is None:
            refused += [
                RecordRefused(
                    outcome.index, _shortened(outcome.id), flaw.code, flaw.pointer, flaw.detail
                )
                for flaw in outcome.flaws[:1]
            ]
        else:
            row = row_of(outcome.event, source, terms, pseudonyms, now)
            if isinstance(row, Refused):
                known = _shortened(outcome.event.get("id"))
                refused.append(
                    RecordRefused(outcome.index, known, row.code, row.pointer, row.detail)
                )
            else:
                rows.append(row)
                places.append(outcome.index)
    return Read(len(mapped.outcomes), rows, places, refused, skipped, mapped.unmapped)


def _shortened(name: object) -> str | None:
    return name[:LONGEST_ID] if isinstance(name, str) else None


def row_of(
    event: Event, source: str, terms: Terms, pseudonyms: Pseudonyms, now: datetime
) -> Row | Refused:
    """A mapped event under the rules for events that are sent as such."""
    try:
        raw = encode(event | {"source": source})
        if b"\\u0000" in raw:
            refuse_nul(raw)
        return read_item(raw, terms, pseudonyms, now + CLOCK_SKEW)
    except Refused as refused:
        return refused


#: Where `revision` and `inbox_id` stand in a row, one after the other.
NUMBERED = Row._fields.index("revision")


def numbered(rows: Sequence[Row], mapping_version: int, inbox_id: int) -> list[Row]:
    """The rows as a reading of this body by this version of its mapping."""
    # By position: this runs for every row of a table, and `_replace` costs five times as much.
    said = (revision_of(mapping_version), inbox_id)
    return [Row._make((*row[:NUMBERED], *said, *row[NUMBERED + 2 :])) for row in rows]
