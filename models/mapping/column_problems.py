"""What is wrong with how a mapping describes its table, and with what does not go with one."""

from collections.abc import Iterator

from models.event_types import Flaw
from models.incoming.pointers import pointer_of
from models.mapping.columns import layout_of
from models.mapping.mappings import Field, Mapping
from models.mapping.pipeline import fold

OF_TABLES = ("columns", "delimiter", "encoding", "row_key")


def column_problems(mapping: Mapping) -> Iterator[Flaw]:
    """Of a mapping whose expressions can be read."""
    if mapping.input != "csv":
        for name in OF_TABLES:
            if getattr(mapping, name):
                yield Flaw(f"/{name}", "contradiction", 'This is for "input": "csv" only.')
        return
    if mapping.steps != ("@",):
        yield Flaw("/each", "contradiction", "The records of a table are its rows.")
    yield from _of_paths(mapping)
    yield from _of_spellings(mapping)
    if mapping.row_key and "id" in mapping.fields:
        yield Flaw("/row_key", "contradiction", "Rows have an 'id' of their own, or a 'row_key'.")


def places_of(mapping: Mapping) -> dict[str, str]:
    """What each rule that selects something selects it of, by pointer."""
    rules = {pointer_of(["fields", name]): field for name, field in mapping.fields.items()}
    if isinstance(mapping.type, Field):
        rules["/type"] = mapping.type
    of: dict[str, str] = {at: field.of for at, field in rules.items()}
    return of | {pointer_of(["when", place]): one.of for place, one in enumerate(mapping.when)}


def _of_paths(mapping: Mapping) -> Iterator[Flaw]:
    for at, meant in places_of(mapping).items():
        if meant != "record":
            yield Flaw(f"{at}/of", "contradiction", "There is nothing around the row of a table.")


def _of_spellings(mapping: Mapping) -> Iterator[Flaw]:
    met: dict[str, str] = {}
    for name, aliases in layout_of(mapping).columns.items():
        for spelling in (name, *aliases):
            other = met.setdefault(fold(spelling), name)
            declared = name if name in mapping.columns else other
            at = pointer_of(["columns", declared]) if declared in mapping.columns else "/fields"
            if other != name:
                yield Flaw(
                    at,
                    "contradiction",
                    f"'{spelling}' would be both '{other}' and '{name}'; columns are told apart by"
                    " more than case and spaces.",
                )
            elif not fold(spelling):
                yield Flaw(at, "contradiction", "The name of a column cannot be blank.")
