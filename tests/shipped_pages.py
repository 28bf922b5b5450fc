"""Reads the pages of shipped connectors: what their samples are and what is said of them."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from models.incoming.csv_reading import BadRow, CsvReader, Record
from models.mapping.shipped import page_of

_CALL = re.compile(r"\$API(/\S+)(?: -d '([^']*)')?")
_FENCED = re.compile(
    r"^```(json|csv) (sent|becomes|not counted)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


class Page(NamedTuple):
    """A sample, what it becomes and which of its records do not become anything."""

    text: str
    headings: list[str]
    #: A body, or the text of a file.
    sent: Any
    becomes: Any
    not_counted: Any


def page(name: str) -> Page:
    text = page_of(name)
    blocks: dict[str, Any] = {}
    for language, what, inside in _FENCED.findall(text):
        assert what not in blocks, f"{name} has two blocks '{what}'"
        blocks[what] = json.loads(inside) if language == "json" else inside
    return Page(
        text,
        _HEADING.findall(text),
        blocks["sent"],
        blocks["becomes"],
        blocks.get("not counted", []),
    )


def calls(name: str) -> list[tuple[str, Any]]:
    """Addresses and bodies of the calls that set a connector up."""
    set_up, *_ = shells(name)
    return [(address, json.loads(body or "null")) for address, body in _CALL.findall(set_up)]


def shells(name: str) -> list[str]:
    """What is to be typed, block by block."""
    return _SHELL.findall(page_of(name))


def rows_of(table: bytes) -> list[dict[str, str]]:
    """The records of a CSV file in which each row can be read."""
    reader = CsvReader()
    found = [*reader.feed(table), *reader.finish()]
    assert [one for one in found if isinstance(one, BadRow)] == []
    return [one.cells for one in found if isinstance(one, Record)]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else None
    )
    if inside is None:
        yield path, value
        return
    for key, part in inside:
        yield from leaves(part, (*path, key))


def with_leaf(value: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    changed = json.loads(json.dumps(value))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = leaf
    return changed
