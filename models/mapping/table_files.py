"""A file of a table on its way to the store: parsed, mapped and read as any event that is sent.

Bytes are pushed in as they come; out come rows to store, by their line, and what there is to say of
all others. Knows neither HTTP nor the database, and keeps of a file no more than a block, what
rules remember, and 75 bytes a row where rows have no ids of their own.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Literal, NamedTuple

import msgspec

from models.incoming.content import Terms, encode
from models.incoming.csv_header import Header
from models.incoming.csv_keys import RowKeys
from models.incoming.csv_reading import BadRow, CsvReader, Record
from models.incoming.refusals import Refused
from models.incoming.validation import read_items
from models.keyring import Pseudonyms
from models.mapping.budget import MappingError
from models.mapping.by_row import RowMapper
from models.mapping.columns import columns_at, layout_of
from models.mapping.map_body import Outcome
from models.mapping.mappings import Mapping
from models.mapping.pipeline import UnmappedCode
from models.storing import Row

SKIPPED = "skipped"
#: A table of which more rows are refused, and more than are taken, is read no further: its result
#: would be many times as large as the table.
MOST_REFUSED = 10_000
ROWS_AT_ONCE = 2_000


class Remark(NamedTuple):
    """What is said of a row: why it is rejected or skipped, or what to know of one that is taken.

    Whoever is rejected for several reasons has a remark for each.
    """

    line: int
    outcome: Literal["rejected", "skipped", "noted"]
    id: str | None
    column: str | None
    code: str
    detail: str


class Part(NamedTuple):
    """Of some rows of a file: those to store with their lines, and remarks in order of lines."""

    rows: list[tuple[int, Row]]
    remarks: list[Remark]


class TableFile:
    """One file, by a mapping whose input is a table."""

    def __init__(self, mapping: Mapping, source: str, terms: Terms, pseudonyms: Pseudonyms) -> None:
        self.mapping, self._source = mapping, source
        self._terms, self._pseudonyms = terms, pseudonyms
        self._reader = CsvReader(layout_of(mapping))
        self._mapper = RowMapper(mapping)
        self._keys = None if "id" in mapping.fields else RowKeys(mapping.row_key)
        self._count_taken = self._count_refused = 0
        self._stopped: Refused | None = None
        # No cell has one; a word of the mapping itself may.
        self._may_have_nul = b"\\u0000" in msgspec.json.encode(mapping)

    def again(self) -> "TableFile":
        """For the same file, from its beginning."""
        return TableFile(self.mapping, self._source, self._terms, self._pseudonyms)

    @property
    def encoding(self) -> str:
        return self._reader.encoding

    @property
    def header(self) -> Header | None:
        """Names of columns and delimiter; None while nothing but blank lines has been met."""
        return self._reader.header

    @property
    def unmapped(self) -> tuple[UnmappedCode, ...]:
        """Codes that were let through although no table has them."""
        return tuple(self._mapper.unmapped)

    def feed(self, chunk: bytes, now: datetime) -> Part:
        """What can be taken by now.

        Raises
        ------
        Refused
            The file cannot be read, or not any further; what has come out before stands.
        """
        self._go_on()
        return self._taken(self._reader.feed(chunk), now)

    def finish(self, now: datetime) -> Part:
        """The last of it; raises as `feed` does."""
        self._go_on()
        return self._taken(self._reader.finish(), now)

    def _go_on(self) -> None:
        if self._stopped is not None:
            raise self._stopped

    def _taken(self, read: Iterable[Record | BadRow], now: datetime) -> Part:
        part = Part([], [])
        left = iter(read)
        while some := list(islice(left, ROWS_AT_ONCE)):
            rows, remarks = self._some(some, now)
            part.rows.extend(rows)
            part.remarks.extend(remarks)
            self._count_taken += len(rows)
            self._count_refused += len({one.line for one in remarks if one.outcome == "rejected"})
            if self._count_refused > max(MOST_REFUSED, self._count_taken):
                said = (
                    f"Reading stopped at line {some[-1].line:,}: more than {MOST_REFUSED:,} rows"
                    " were refused, and more than were taken. Perhaps it is another table than the"
                    " mapping reads. What was taken before stands."
                )
                self._stopped = Refused("too_many_refused", "", said)
                break
        return part

    def _some(self, read: Iterable[Record | BadRow], now: datetime) -> Part:
        remarks: list[Remark] = []
        sent: list[tuple[int, bytes]] = []
        for one in read:
            if isinstance(one, BadRow):
                remarks.append(Remark(one.line, "rejected", None, one.column, one.code, one.detail))
                continue
            outcome = self._mapped(one)
            if outcome.event is None or outcome.notes:
                remarks += self._said(outcome)
            if outcome.event is not None:
                outcome.event["source"] = self._source
                sent.append((one.line, encode(outcome.event)))
        rows, rejections = read_items(
            sent, self._terms, self._pseudonyms, now, may_have_nul=self._may_have_nul
        )
        for refused in rejections:
            column = columns_at(self.mapping, refused.pointer)
            remarks.append(
                Remark(refused.index, "rejected", refused.id, column, refused.code, refused.detail)
            )
        remarks.sort(key=attrgetter("line"))
        return Part(rows, remarks)

    def _mapped(self, record: Record) -> Outcome:
        key = self._keys.of(record.cells) if self._keys is not None else None
        try:
            return self._mapper.outcome(record.line, record.cells, key)
        except MappingError as error:
            raise Refused(
                error.code, "", f"Reading stopped at line {record.line:,}. {error.detail}"
            ) from None

    def _said(self, outcome: Outcome) -> Iterable[Remark]:
        line = outcome.index
        if outcome.skipped is not None:
            yield Remark(line, "skipped", None, None, SKIPPED, outcome.skipped)
        for flaw in outcome.flaws:
            column = columns_at(self.mapping, flaw.pointer)
            yield Remark(line, "rejected", outcome.id, column, flaw.code, flaw.detail)
        for note in outcome.notes:
            event = outcome.event or {}
            column = columns_at(self.mapping, note.pointer)
            yield Remark(line, "noted", event.get("id"), column, note.code, note.detail)
