"""Connectors that come with Breadth: a mapping as a document, and a page that explains it.

Platforms stand here as files, `<name>.json` beside `<name>.md`; the tables of our own event types
are written out by `generic_csv`. Nothing is read before it is asked for, and nothing here knows
whether anybody uses it: a connector is set up from a copy, which its owner may change.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from models.mapping import mappings
from models.mapping.shipped import generic_csv

FOLDER = Path(__file__).parent
#: How a page goes on about bodies that a platform posts, and about files that somebody brings.
BY_INPUT = {
    "json": {
        "signature": '"signature": {"scheme": "standard_webhooks"}, ',
        "sending": "Then the platform posts to the `address` in the answer to the first call. It"
        " signs with the `secret`\nthat is shown there once; a platform that signs in its own way"
        " needs another `signature`.",
    },
    "csv": {
        "signature": "",
        "sending": """\
Then a file is uploaded as it is. The answer has its `inbox_id`, by which the inbox says how far it
has been read and what became of each row:

```sh
curl -s -X POST -H "$AUTH" -H "Content-Type: text/csv" --data-binary @table.csv \\
  "$API/v1/uploads?connector={{name}}"
curl -s -H "$AUTH" $API/v1/inbox/1
curl -s -H "$AUTH" $API/v1/inbox/1/result
```

Or one command does it all, the two calls above included where they have not been made (the source
is then `upload:{{name}}`). Rows that were refused are in `table.csv.result.csv` afterwards:

```sh
breadth import table.csv --mapping {{name}}
```

The same file again, or the same rows in another one, count once.""",
    },
}


class _Shipped(Mapping[str, mappings.Mapping]):
    """Mappings by name, each read when it is first asked for."""

    def __getitem__(self, name: str) -> mappings.Mapping:
        return _mapping(name)

    def __iter__(self) -> Iterator[str]:
        return iter((*_platforms(), *generic_csv.TYPES))

    def __len__(self) -> int:
        return len(_platforms()) + len(generic_csv.TYPES)


SHIPPED: Mapping[str, mappings.Mapping] = _Shipped()


def document_of(name: str) -> dict[str, Any]:
    """The mapping as a document of the caller's own; KeyError if there is none of that name."""
    if name in generic_csv.TYPES:
        return generic_csv.document(name)
    document: dict[str, Any] = msgspec.json.decode(_file(name, "json").read_bytes())
    return document


def page_of(name: str) -> str:
    """What explains it, in Markdown; KeyError if there is none of that name."""
    written = (
        generic_csv.page(name)
        if name in generic_csv.TYPES
        else _file(name, "md").read_text(encoding="utf-8")
    )
    # The same for all, so that it is said, and put right, in one place.
    written = written.replace("{{set_up}}", (FOLDER / "set_up.md").read_text("utf-8").rstrip())
    parts = BY_INPUT[_mapping(name).input] | {"name": name}
    for part, text in parts.items():
        written = written.replace(f"{{{{{part}}}}}", text)
    return written


@cache
def _platforms() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def _file(name: str, kind: str) -> Path:
    # Only names that were listed: one from a request may not lead out of the folder.
    if name not in _platforms():
        raise KeyError(name)
    return FOLDER / f"{name}.{kind}"


@cache
def _mapping(name: str) -> mappings.Mapping:
    return mappings.mapping_of(document_of(name))
