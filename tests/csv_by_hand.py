"""CSV files and what is read of them, as they stand in one cell of a table."""

from collections.abc import Iterable

from models.incoming.csv_header import Layout
from models.incoming.csv_reading import BLOCK_BYTES, BadRow, CsvReader, Record
from models.incoming.refusals import Refused

#: Stand in a cell for what a table cannot hold.
SIGNS = {
    "↵": "\n",
    "←": "\r",
    "→": "\t",
    "¦": "|",
    "∅": "\x00",
    "␣": " ",
}
Read = list[Record | BadRow]


def file_of(cell: str) -> str:
    """`a,b↵1,2`: a sign for each line break; the cell itself ends where its text does."""
    for sign, meant in SIGNS.items():
        cell = cell.replace(sign, meant)
    return cell


def read_all(
    content: bytes,
    layout: Layout | None = None,
    *,
    cuts: Iterable[int] = (),
    block_bytes: int = BLOCK_BYTES,
) -> tuple[CsvReader, Read]:
    """A file pushed in, cut at some places."""
    reader = CsvReader(layout, block_bytes=block_bytes)
    found: Read = []
    begin = 0
    for cut in [*sorted(cuts), len(content)]:
        found += reader.feed(content[begin:cut])
        begin = cut
    return reader, found + reader.finish()


def outcome_of(content: bytes, layout: Layout | None = None) -> str:
    """`2: a=1 b=2, 3: !bad_quoting`; a file that is refused is `!` and its code."""
    try:
        _, found = read_all(content, layout)
    except Refused as refused:
        return f"!{refused.code}{refused.pointer}"
    return ", ".join(map(shown, found)) or "."


def shown(one: Record | BadRow) -> str:
    if isinstance(one, BadRow):
        at = f" {one.column}" if one.column else ""
        return f"{one.line}: !{one.code}{at}"
    cells = (f"{name}={cell}".replace("\n", "↵") for name, cell in one.cells.items())
    return f"{one.line}: {' '.join(cells)}"
