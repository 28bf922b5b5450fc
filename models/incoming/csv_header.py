"""The first row of a CSV file: which character sets cells apart, and what they are called.

Columns are known by their name or an alias in any case and spacing. What a header leaves open in
a way that could put cells under wrong names refuses the whole file, in words that say what to do.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from models.incoming.csv_encoding import Encoding, is_whole
from models.incoming.refusals import Refused, echo
from models.mapping.pipeline import fold

if TYPE_CHECKING:
    from _csv import Reader

Delimiter = Literal[",", ";", "\t", "|"]
DELIMITERS: tuple[Delimiter, ...] = (",", ";", "\t", "|")
IN_WORDS: Mapping[Delimiter, str] = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "vertical bars",
}
MOST_COLUMNS = 1_000
#: Characters. A quote that is never closed costs so much memory and no more.
LONGEST_ROW = 100_000
MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of a file before it is read: its columns with their aliases, how it is written.

    Without columns any header is taken, and records have the names that stand in the file.
    """

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Those without which no row could be taken.
    required: frozenset[str] = frozenset()
    #: Those that may be away in rows which `deleting` columns mark as deletions, and in no others.
    required_unless_deleted: frozenset[str] = frozenset()
    deleting: frozenset[str] = frozenset()
    delimiter: Delimiter | None = None
    encoding: Encoding | None = None


class Header(NamedTuple):
    """How all rows are read; `names` has an empty one for a column that nobody can ask for."""

    names: tuple[str, ...]
    delimiter: Delimiter
    #: Whether a space stands between a delimiter and a quote, as some write it.
    spaced: bool
    #: How many lines it takes; names can have line breaks.
    lines: int

    def rows(self, lines: Iterable[str]) -> "Reader":
        """Strict, so that a quote out of place is an error and no guess."""
        return csv.reader(
            lines, delimiter=self.delimiter, skipinitialspace=self.spaced, strict=True
        )


def declared_by_excel(line: str) -> Delimiter | None:
    """`sep=;` in the first line is not data: Excel writes and reads it so."""
    said, declared = line[:4], line[4:].rstrip("\r\n")
    if said.lower() != "sep=":
        return None
    return next((one for one in DELIMITERS if one == declared), None)


def read_header(
    lines: Sequence[str], layout: Layout, delimiter: Delimiter | None, *, last: bool
) -> Header | None:
    """The header with which these lines begin; None if it may go on beyond them.

    Raises
    ------
    Refused
        No row below could be understood.
    """
    known = names_by_spelling(layout.columns)
    found: list[tuple[int, int, Header]] = []
    for one in (delimiter,) if delimiter else DELIMITERS:
        header = Header((), one, f'{one} "' in "".join(lines[:1]), 0)
        rows = header.rows(lines)
        try:
            cells = next(rows, [])
        except csv.Error as error:
            if is_unfinished(error) and not last and size_of(lines) <= LONGEST_ROW:
                return None
            continue
        if cells and size_of(lines[: rows.line_num]) <= LONGEST_ROW:
            header = header._replace(names=tuple(cells), lines=rows.line_num)
            found.append((sum(fold(cell) in known for cell in cells), len(cells), header))
    if not found:
        raise Refused(
            "unreadable_header",
            "",
            "The first row is not quoted as CSV is, or far too long. Save the file as CSV UTF-8,"
            " with the names of the columns as its first row.",
        )
    # The first of equals: a file of one column has no delimiter at all.
    matching, _, best = max(found, key=lambda one: one[:2])
    if known and not matching:
        raise _no_header(best)
    names = _named(best.names, known)
    required = layout.required
    if layout.deleting.isdisjoint(names):
        required |= layout.required_unless_deleted
    missing = sorted(required.difference(names))
    if missing:
        raise _missing(missing, layout, best)
    return best._replace(names=names)


def is_unfinished(error: csv.Error) -> bool:
    """Whether lines ended inside of quotes; the library has no other way to tell."""
    return str(error) == "unexpected end of data"


def size_of(lines: Iterable[str]) -> int:
    return sum(map(len, lines))


def names_by_spelling(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Every spelling of a column, folded, and what the column is called."""
    return {
        fold(spelling): name for name, aliases in columns.items() for spelling in (name, *aliases)
    }


def _named(cells: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """Names of columns; of two that nobody asked for and that are called alike, the first."""
    names = list[str]()
    places = dict[str, int]()
    for place, cell in enumerate(cells, start=1):
        if "\x00" in cell or not is_whole(cell):
            raise Refused(
                "unreadable_header",
                "",
                f"The name of column {place} has characters that no"
                " encoding gives; save the file as CSV UTF-8.",
            )
        name = known.get(fold(cell)) or " ".join(cell.split())
        if name and name in places:
            if name in known.values():
                raise Refused(
                    "duplicate_column",
                    "",
                    f"Columns {places[name]} and {place} are both '{echo(name)}'; remove or rename"
                    " one of them.",
                )
            name = ""
        if name:
            places[name] = place
        names.append(name)
    if len(places) > MOST_COLUMNS:
        raise Refused(
            "too_many_columns",
            "",
            f"A file has at most {MOST_COLUMNS:,} columns; here are {len(places):,}.",
        )
    return tuple(names)


def _no_header(found: Header) -> Refused:
    return Refused(
        "no_header",
        "",
        "The first row names none of the columns of the mapping. Send the names of the columns as"
        " the first row and nothing above it, or add them to 'columns' of the mapping."
        f" {_read_as(found)}",
    )


def _missing(missing: Sequence[str], layout: Layout, found: Header) -> Refused:
    wanted = [
        " or ".join(f"'{one}'" for one in (name, *layout.columns.get(name, ())))
        for name in missing[:MOST_SHOWN]
    ]
    return Refused(
        "missing_columns",
        "",
        f"No column is called {'; none '.join(wanted)}. Add it, or add its name in this file to"
        f" 'columns' of the mapping. {_read_as(found)}",
    )


def _read_as(found: Header) -> str:
    shown = ", ".join(f"'{echo(cell)}'" for cell in found.names[:MOST_SHOWN])
    more = ", …" if len(found.names) > MOST_SHOWN else ""
    return f"Set apart by {IN_WORDS[found.delimiter]}, it reads {shown}{more}."
