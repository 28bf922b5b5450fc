"""Laws of reading CSV: cuts change nothing, what a writer wrote comes back, garbage is refused."""

import csv
import io
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.incoming.csv_header import DELIMITERS, Layout
from models.incoming.csv_reading import BadRow, CsvReader, Record
from models.incoming.refusals import Refused
from models.mapping.pipeline import fold
from tests.csv_by_hand import Read, read_all

#: What every encoding here has; surrogates are no characters, U+0000 is refused.
IN_CP1252 = st.characters(codec="cp1252", exclude_characters="\x00")
CELLS = st.one_of(
    st.sampled_from(["", " ", '"', ",", ";", "\t", "|", "\n", "\r", "\r\n", "01/03/2026 08:05"]),
    st.text(IN_CP1252, max_size=8),
)
NAMES = st.lists(
    st.text(st.characters(codec="cp1252", categories=["L", "N"]), min_size=1, max_size=5),
    min_size=2,
    max_size=5,
    unique_by=fold,
)
ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16"]
#: What broken files are made of.
PIECES = st.lists(
    st.sampled_from(
        [
            *(b"a", b"1", b",", b",", b";", b'"', b'"', b'""', b"\n", b"\n", b"\r\n", b"\r", b" "),
            *(b"\x00", b"\x81", b"\xe9", b"\xc3", b"\xc3\xa9", b"\xff\xfe", b"\xef\xbb\xbf"),
            b"sep=;",
        ]
    ),
    max_size=60,
).map(b"".join)
BYTES = st.one_of(PIECES, st.builds(bytes.__add__, st.just(b"a,b\n1,2\n"), PIECES), st.binary())


@given(
    names=NAMES,
    table=st.lists(st.lists(CELLS, min_size=5, max_size=5), max_size=8),
    delimiter=st.sampled_from(DELIMITERS),
    # Before Python 3.13 a writer leaves a line break bare that is not the one it ends lines with.
    written=st.sampled_from(
        [(csv.QUOTE_MINIMAL, "\r\n"), *((csv.QUOTE_ALL, one) for one in ("\n", "\r\n", "\r"))]
    ),
    encoding=st.sampled_from(ENCODINGS),
    block_bytes=st.integers(1, 200),
)
def test_what_a_writer_wrote_comes_back(
    names: list[str],
    table: list[list[str]],
    delimiter: str,
    written: tuple[Literal[0, 1], str],
    encoding: str,
    block_bytes: int,
) -> None:
    file = io.StringIO(newline="")
    quoting, line_break = written
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=line_break)
    rows = [row[: len(names)] for row in table]
    writer.writerows([names, *rows])
    # Which encoding it is cannot always be seen: two bytes of cp1252 can be one of UTF-8.
    declared: Any = "cp1252" if encoding == "cp1252" else None
    reader, found = read_all(
        file.getvalue().encode(encoding),
        Layout(encoding=declared),
        # The first block has to hold what tells the encoding.
        block_bytes=max(block_bytes, 40),
    )
    assert reader.header is not None
    assert reader.header.names == tuple(names)
    assert [one.cells for one in found if isinstance(one, Record)] == [
        cells for row in rows if (cells := not_blank(names, row))
    ]
    assert not [one for one in found if isinstance(one, BadRow)]


def not_blank(names: list[str], row: list[str]) -> dict[str, str]:
    return {name: cell for name, cell in zip(names, row, strict=True) if cell.strip()}


@given(BYTES, st.lists(st.integers(0, 60), max_size=6), st.integers(1, 80))
@example(b'a,b\n1,"2\r\n"\r\n3,4\r\n', [12, 16], 11)
def test_cuts_change_nothing(content: bytes, cuts: list[int], block_bytes: int) -> None:
    whole = read_or_refused(content, [], block_bytes)
    assert read_or_refused(content, cuts, block_bytes) == whole
    assert read_or_refused(content, range(len(content)), block_bytes) == whole


@given(PIECES, st.integers(1, 80))
def test_blocks_change_nothing_once_the_encoding_is_declared(
    content: bytes, block_bytes: int
) -> None:
    content = b"a,b\n" + content
    whole = read_or_refused(content, [], 1_000, Layout(encoding="cp1252"))
    assert read_or_refused(content, [], block_bytes, Layout(encoding="cp1252")) == whole


@given(BYTES)
def test_garbage_is_read_or_refused_and_lines_only_go_forward(content: bytes) -> None:
    found = read_or_refused(content, [], 1_000)
    if not isinstance(found, str):
        lines = [one.line for one in found]
        assert lines == sorted(set(lines))
        assert lines[-1] <= len(io.StringIO(latin(content), newline="").readlines())


def latin(content: bytes) -> str:
    return content.decode("utf-16" if content.startswith(b"\xff\xfe") else "latin-1", "replace")


def read_or_refused(
    content: bytes, cuts: Any, block_bytes: int, layout: Layout | None = None
) -> Read | str:
    try:
        reader, found = read_all(content, layout, cuts=cuts, block_bytes=block_bytes)
    except Refused as refused:
        return refused.code
    return [BadRow(1, None, reader.encoding, str(reader.header)), *found]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_reader_of_one_byte_at_a_time_is_the_same_reader(encoding: str) -> None:
    content = 'given at,unit\r\n01/03/2026 08:05,"Öak, ""first"" floor"\r\n'.encode(encoding)
    reader, found = CsvReader(), Read()
    for one in content:
        found += reader.feed(bytes((one,)))
    assert found + reader.finish() == read_all(content)[1]
