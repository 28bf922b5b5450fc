"""A CSV file, pushed in as it arrives, as numbered records: texts by the names of their columns.

Rows are parsed by the `csv` module in blocks of a fixed size, so that neither memory nor result
depends on how the bytes were cut. One bad row costs itself only; a record knows nothing of what
its cells mean.
"""

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from models.incoming.csv_encoding import Decoding, is_whole
from models.incoming.csv_header import (
    IN_WORDS,
    LONGEST_ROW,
    Header,
    Layout,
    declared_by_excel,
    is_unfinished,
    read_header,
    size_of,
)
from models.incoming.refusals import Refused

BLOCK_BYTES = 64 << 10
#: A line of nothing else is no header.
BLANK = " \t,;|\r\n"
#: Lines after a broken quote are read again, in all at most as much as was read and this.
MOST_REREAD = 16 << 20


class Record(NamedTuple):
    """A row with something in it: its first line in the file, and its cells that are not blank."""

    line: int
    cells: dict[str, str]


class BadRow(NamedTuple):
    """A row that cannot be read: its first line in the file, and why."""

    line: int
    column: str | None
    code: str
    detail: str


class CsvReader:
    """Reads one file. `header` and `encoding` are settled by the time the first record is out."""

    def __init__(self, layout: Layout | None = None, *, block_bytes: int = BLOCK_BYTES) -> None:
        self.header: Header | None = None
        self._layout = layout or Layout()
        self._delimiter = self._layout.delimiter
        self._decoding = Decoding(self._layout.encoding)
        self._block_bytes = block_bytes
        self._bytes = bytearray()
        self._rest = ""
        #: Lines before those that are yet to be read.
        self._passed = 0
        self._skipping = False
        self._read = self._reread = 0

    @property
    def encoding(self) -> str:
        """`utf-8` (which ASCII is too), `utf-8-sig`, `utf-16` or `cp1252`."""
        return self._decoding.reported

    def feed(self, chunk: bytes) -> list[Record | BadRow]:
        """What can be read by now, in order.

        Raises
        ------
        Refused
            The file as a whole cannot be read, or not any further; the pointer is empty.
        """
        self._bytes += chunk
        found: list[Record | BadRow] = []
        while len(self._bytes) >= self._block_bytes:
            block = bytes(self._bytes[: self._block_bytes])
            del self._bytes[: self._block_bytes]
            self._take(self._decoding.text(block, last=False), found, last=False)
        return found

    def finish(self) -> list[Record | BadRow]:
        """The last of it; raises as `feed` does."""
        found: list[Record | BadRow] = []
        self._take(self._decoding.text(bytes(self._bytes), last=True), found, last=True)
        self._bytes.clear()
        if self.header is None:
            raise Refused(
                "empty_file", "", "There is nothing in this file; send a header and rows."
            )
        return found

    def _take(self, text: str, found: list[Record | BadRow], *, last: bool) -> None:
        self._read += len(text)
        text = self._rest + text
        # A carriage return at the very end may be half of a line break.
        end = len(text) if last else 1 + max(text.rfind("\n"), text.rfind("\r", 0, -1))
        lines, self._rest = list(io.StringIO(text[:end], newline="")), text[end:]
        start = int(self._skipping and bool(lines))
        self._skipping = self._skipping and not lines
        if self.header is None:
            start = self._begin(lines, last=last)
        if self.header is not None:
            dirty = "\x00" in text or not is_whole(text)
            start = self._rows(self.header, lines, start, found, dirty=dirty, last=last)
        self._passed += start
        if start < len(lines):
            self._rest = "".join(lines[start:]) + self._rest
        elif self._skipping or len(self._rest) > LONGEST_ROW:
            if not self._skipping:
                found.append(_too_long(self._passed + 1))
            self._skipping = True
            self._rest = "\r" if self._rest.endswith("\r") else ""

    def _begin(self, lines: list[str], *, last: bool) -> int:
        """How many lines are passed: with the header's when it is found."""
        start = 0
        if lines and not self._passed and (declared := declared_by_excel(lines[0])):
            self._delimiter, start = declared, 1
        while start < len(lines) and not lines[start].strip(BLANK):
            start += 1
        waiting = size_of(lines[start:]) + len(self._rest)
        if start < len(lines) or waiting > LONGEST_ROW:
            enough = last or waiting > LONGEST_ROW
            self.header = read_header(lines[start:], self._layout, self._delimiter, last=enough)
        return start + (self.header.lines if self.header is not None else 0)

    def _rows(
        self,
        header: Header,
        lines: list[str],
        start: int,
        found: list[Record | BadRow],
        *,
        dirty: bool,
        last: bool,
    ) -> int:
        """Reads rows from a line on; which line is the first that has to wait for more."""
        names, width = header.names, len(header.names)
        unnamed = "" in names
        long = max(map(len, lines), default=0) > LONGEST_ROW
        while start < len(lines):
            rows = header.rows(map(lines.__getitem__, range(start, len(lines))))
            first, unfinished = start, False
            try:
                for cells in rows:
                    end = start + rows.line_num
                    if (long or end - first > 1) and size_of(lines[first:end]) > LONGEST_ROW:
                        break
                    line = self._passed + first + 1
                    first = end
                    if len(cells) > width and "".join(cells[width:]).strip():
                        found.append(_too_many_cells(line, cells, header))
                        continue
                    named = {
                        name: cell
                        for name, cell in zip(names, cells, strict=False)
                        if cell and not cell.isspace()
                    }
                    if unnamed:
                        named.pop("", None)
                    if named:
                        bad = _unreadable(line, named) if dirty else None
                        found.append(bad or Record(line, named))
                else:
                    return len(lines)
            except csv.Error as error:
                unfinished = is_unfinished(error)
            end = start + rows.line_num
            size = size_of(lines[first:end])
            if unfinished and not last and size + len(self._rest) <= LONGEST_ROW:
                return first
            found.append(
                _badly_quoted(
                    self._passed + first + 1,
                    lines[first],
                    unclosed=unfinished or size > LONGEST_ROW,
                )
            )
            self._read_again(size - len(lines[first]), self._passed + first + 1)
            start = first + 1
        return start

    def _read_again(self, size: int, line: int) -> None:
        self._reread += size
        if self._reread > self._read + MOST_REREAD:
            raise Refused(
                "broken_quotes",
                "",
                f"Reading stopped at line {line:,}: too many quotes are opened and never"
                " closed. Save the file as CSV UTF-8 anew.",
            )


def _too_many_cells(line: int, cells: Sequence[str], header: Header) -> BadRow:
    return BadRow(
        line,
        None,
        "too_many_cells",
        f"This row has {len(cells)} cells and the header {len(header.names)}. Put cells that"
        f" contain {IN_WORDS[header.delimiter]} in quotes.",
    )


def _badly_quoted(line: int, text: str, *, unclosed: bool) -> BadRow:
    if len(text) > LONGEST_ROW:
        return _too_long(line)
    if unclosed:
        return BadRow(
            line, None, "unclosed_quote", "A quote opens a cell here and nothing closes it."
        )
    return BadRow(
        line,
        None,
        "bad_quoting",
        "A quote that opens here closes before its cell ends. Write quotes within a cell twice.",
    )


def _too_long(line: int) -> BadRow:
    return BadRow(
        line, None, "row_too_long", f"At most {LONGEST_ROW:,} characters a row are taken."
    )


def _unreadable(line: int, named: dict[str, str]) -> BadRow | None:
    for name, cell in named.items():
        if "\x00" in cell:
            detail = "U+0000 cannot be stored; leave it out."
            return BadRow(line, name, "nul_character", detail)
        if not is_whole(cell):
            detail = "Some bytes are not in the encoding of the file; save it as CSV UTF-8."
            return BadRow(line, name, "not_in_encoding", detail)
    return None
