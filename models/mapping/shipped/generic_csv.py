"""A table of one event type whose columns are called as the contract calls its fields.

The documents are written out from the table of event types, so that a new type or field has its
columns at once. They are for evidence that somebody keeps in a spreadsheet, and for exports whose
headings can be chosen.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from models.counting import BAND_BY_ABOUT_FIRST, BAND_ONLY_BY_ABOUT
from models.event_types import SHAPES
from models.mapping.mappings import DATA
from models.vocabulary import Family, family_of

FOLDER = Path(__file__).parent / "csv"

#: Event types by the name of their connector.
TYPES: Mapping[str, str] = {
    "csv-" + kind.replace(".", "-").replace("_", "-"): kind for kind in sorted(SHAPES)
}
#: Free text stays where it is; whoever keeps it adds a field to a copy.
LEFT_OUT = frozenset(("text",))

TRIM = {"as": "trim"}
AT = {"as": "datetime", "order": "dmy", "zone": "Europe/London"}
A_TIME = "a time, as 2026-09-01 08:05 or 01/09/2026 08:05"

Field = dict[str, Any]


class Kind(msgspec.Struct, frozen=True):
    """How a column is written and what is made of it."""

    written: str
    transforms: tuple[dict[str, Any], ...] = ()


WORDS = Kind("text")
TIME = Kind(A_TIME, (AT,))
KINDS: tuple[tuple[type[inspect.Type], Kind], ...] = (
    (inspect.BoolType, Kind("yes or no", ({"as": "boolean"},))),
    (inspect.IntType, Kind("a whole number", ({"as": "integer"},))),
    (inspect.FloatType, Kind("a number", ({"as": "number"},))),
    (inspect.DateTimeType, TIME),
    (
        inspect.DateType,
        Kind("a day, as 2026-09-01 or 01/09/2026", ({"as": "date", "order": "dmy"},)),
    ),
    (inspect.ListType, Kind("words with ; between them", ({"as": "split", "at": ";"},))),
    (inspect.StrType, WORDS),
)
#: Columns beside those of `data`, and whether each row needs them.
ENVELOPE: tuple[tuple[str, Kind, bool], ...] = (
    ("id", Kind("your own number of the record"), True),
    ("version", Kind("a whole number, higher for a correction", ({"as": "integer"},)), False),
    ("retracted", Kind("yes for a record that was deleted", ({"as": "boolean"},)), False),
    ("service", Kind("the CQC location id"), True),
    ("team", Kind("code or alias of the team"), False),
    ("area", Kind("service line, where there is no team"), False),
    ("recorded_at", Kind(A_TIME + "; when it was written down", (AT,)), False),
    ("person", Kind("id of the person; kept as a pseudonym only"), False),
    ("staff", Kind("id of the member of staff; kept as a pseudonym only"), False),
)


class Column(msgspec.Struct, frozen=True):
    name: str
    field: str
    kind: Kind
    required: bool = False
    words: tuple[str, ...] = ()


def document(name: str) -> dict[str, Any]:
    """The mapping of one event type; its example is the sample of its page."""
    kind = TYPES[name]
    columns = _columns(kind)
    fields = {column.field: _field(column) for column in columns}
    fields["occurred_at"] = _occurred_at(kind)
    sample = samples()[kind]
    return {
        "schema": "mapping/1",
        "name": f"A table of {kind}",
        "input": "csv",
        "columns": {name: _aliases(name) for name in _names(kind)},
        "type": kind,
        "codes": {one.name: {"words": _spellings(one.words)} for one in columns if one.words},
        "fields": fields,
        "examples": [{"input": sample["rows"], "expect": sample["events"]}],
    }


def page(name: str) -> str:
    """The page that all types share, with the columns and the sample of this one."""
    kind = TYPES[name]
    sample = samples()[kind]
    heads = list(dict.fromkeys(head for row in sample["rows"] for head in row))
    lines = [",".join(_cell(row.get(head, "")) for head in heads) for row in sample["rows"]]
    becomes = msgspec.json.format(msgspec.json.encode(sample["events"]), indent=2).decode()
    parts = {
        "name": name,
        "type": kind,
        "columns": "\n".join(_rows_of_table(kind)),
        "sample": "\n".join([",".join(heads), *lines]),
        "becomes": becomes,
    }
    written = (FOLDER / "page.md").read_text(encoding="utf-8")
    for part, text in parts.items():
        written = written.replace(f"{{{{{part}}}}}", text)
    return written


@cache
def samples() -> dict[str, dict[str, Any]]:
    """For each type a few rows as records without their blank cells, and what they become."""
    found: dict[str, dict[str, Any]] = msgspec.json.decode((FOLDER / "samples.json").read_bytes())
    return found


def _columns(kind: str) -> list[Column]:
    columns = [Column(name, name, one, needed) for name, one, needed in ENVELOPE]
    if family_of(kind) in BAND_ONLY_BY_ABOUT | BAND_BY_ABOUT_FIRST:
        columns += [Column(f"about_{end}", f"about.{end}", TIME) for end in ("from", "to")]
    shape = inspect.type_info(SHAPES[kind])
    assert isinstance(shape, inspect.StructType)
    for field in shape.fields:
        if field.name not in LEFT_OUT:
            columns.append(_column_of_data(field))
    return columns


def _column_of_data(field: inspect.Field) -> Column:
    found = field.type
    if isinstance(found, inspect.UnionType):
        (found,) = (one for one in found.types if not isinstance(one, inspect.NoneType))
    if isinstance(found, inspect.LiteralType):
        words = tuple(map(str, found.values))
        to_word = Kind("one of " + ", ".join(words), ({"as": "lookup", "table": field.name},))
        return Column(field.name, DATA + field.name, to_word, field.required, words)
    kind = next(kind for of, kind in KINDS if isinstance(found, of))
    return Column(field.name, DATA + field.name, kind, field.required)


def _field(column: Column) -> Field:
    field: Field = {"path": column.name, "transforms": [TRIM, *column.kind.transforms]}
    return field | ({"required": True} if column.required else {})


def _occurred_at(kind: str) -> Field:
    """Of its own column; but a shift happens when it starts, and a census speaks of its day."""
    family = family_of(kind)
    path = {Family.SHIFT: "starts_at", Family.CENSUS: "on"}.get(family, "occurred_at")
    if family is Family.CENSUS or family in BAND_ONLY_BY_ABOUT:
        # Noon decides nothing but the month: these enter a band by `about`, or none at all.
        path = f"{path} && (contains({path}, ':') && {path} || join(' ', [{path}, '12:00']))"
    return {"path": path, "transforms": [TRIM, AT], "required": True}


def _spellings(words: tuple[str, ...]) -> dict[str, str]:
    """As the contract writes them, and with spaces, as people do."""
    return {spelling: word for word in words for spelling in (word, word.replace("_", " "))}


def _names(kind: str) -> list[str]:
    """What the columns are called, in the order of the page."""
    return [column.name for column in _listed(kind)]


def _aliases(name: str) -> list[str]:
    return [name.replace("_", " ")] if "_" in name else []


def _rows_of_table(kind: str) -> list[str]:
    return [
        f"| `{one.name}` | {one.kind.written} | {'yes' if one.required else ''} |"
        for one in _listed(kind)
    ]


def _listed(kind: str) -> list[Column]:
    """Those that a row needs come first. Only some types have a column for when it happened."""
    columns = _columns(kind)
    family = family_of(kind)
    if family not in {Family.SHIFT, Family.CENSUS}:
        day = ", or a day alone" if family in BAND_ONLY_BY_ABOUT else ""
        columns.append(Column("occurred_at", "occurred_at", Kind(A_TIME + day), required=True))
    return sorted(columns, key=lambda one: not one.required)


def _cell(text: str) -> str:
    return f'"{text}"' if "," in text else text
