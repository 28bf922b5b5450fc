"""The body of a mapping of tables as rows: the text of a file, or objects as a file would give."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from models.incoming.csv_reading import BadRow, CsvReader
from models.incoming.refusals import Refused
from models.mapping.budget import MappingError
from models.mapping.columns import layout_of
from models.mapping.mappings import Mapping


def numbered_rows(mapping: Mapping, body: Any) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """Rows with their line in a text or their place in a list.

    Raises
    ------
    MappingError
        There are no rows in it.
    """
    if isinstance(body, str):
        return _of_text(mapping, body)
    rows = [body] if isinstance(body, dict) else body
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise MappingError("no_records", "A table is the text of a file, or a list of objects.")
    return enumerate(map(_without_blanks, rows))


def _of_text(mapping: Mapping, text: str) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    reader = CsvReader(replace(layout_of(mapping), encoding="utf-8"))
    try:
        found = reader.feed(text.encode(errors="surrogatepass")) + reader.finish()
    except Refused as refused:
        raise MappingError(refused.code, refused.detail) from None
    return ((one.line, one if isinstance(one, BadRow) else one.cells) for one in found)


def _without_blanks(row: dict[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in row.items() if not isinstance(cell, str) or cell.strip()}
