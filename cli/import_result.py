"""What became of an imported table, in lines for the terminal and a file for the spreadsheet."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

REFUSED: Final = frozenset(("rejected", "conflict"))
IN_MEMORY_BYTES: Final = 8 << 20
#: What is always said, and what only where there is some.
ALWAYS: Final = ("accepted", "duplicates", "superseded", "quarantined", "rejected")
SOMETIMES: Final = ("conflicts", "skipped", "retracted", "withheld")
MEANINGS: Final[Mapping[str, str]] = {
    "duplicates": "were here before, and count once",
    "superseded": "a later version was here before",
    "quarantined": "stored, and waiting for a service or team",
    "conflicts": "say something else than a row of the same id and version",
    "skipped": "as the mapping says",
    "retracted": "an earlier reading had them, and they are no longer said",
    "withheld": "would have been taken",
}
MOST_PLACES: Final = 20


def summary(item: Mapping[str, Any], *, duplicate: bool, unknown: list[str]) -> Iterator[str]:
    """Lines to print, the most important last."""
    counts = item["counts"] or {}
    if duplicate:
        yield f"This file was here before, as item {item['id']} of the inbox. What became of it:"
    for name in (*ALWAYS, *(name for name in SOMETIMES if counts.get(name))):
        number = counts.get(name, 0)
        meaning = f"  {MEANINGS[name]}" if number and name in MEANINGS else ""
        yield f"{number:>12,} {name}{meaning}"
    if counts.get("quarantined"):
        yield from _about_places(unknown)
    if item["status"] == "dismissed":
        yield f"Somebody has dismissed it: {item['dismissed_why']}"
    elif item["detail"]:
        yield item["detail"]


def _about_places(unknown: list[str]) -> Iterator[str]:
    if unknown:
        more = len(unknown) - MOST_PLACES
        others = f" and {more} others" if more > 0 else ""
        yield f"Not known: {', '.join(unknown[:MOST_PLACES])}{others}."
    else:
        yield "GET /v1/quarantine (scope 'admin') says which service or team is not known."
    yield (
        "PUT /v1/services/{service} with the team, or with its name as an alias of one, releases"
        " these rows by itself; the file need not be sent again."
    )


def write_refused(chunks: Iterable[bytes], path: Path) -> int:
    """The rows of a result that were refused; no file where there are none."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as whole:
        for chunk in chunks:
            whole.write(chunk)
        whole.seek(0)
        lines = csv.reader(io.TextIOWrapper(whole, encoding="utf-8", newline=""))
        heading = next(lines)
        outcome = heading.index("outcome")
        first = next((line for line in lines if line[outcome] in REFUSED), None)
        if first is None:
            return 0
        number = 1
        # A spreadsheet takes UTF-8 for what it is only with its mark.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            written = csv.writer(file)
            written.writerows((heading, first))
            for line in lines:
                if line[outcome] in REFUSED:
                    written.writerow(line)
                    number += 1
        return number
