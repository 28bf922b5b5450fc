"""What is wrong with a mapping before it meets a body: sentences, with pointers into the document.

A document that cannot be read as one is described field by field; one that can is checked for
what its author cannot have meant.
"""

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from models.closest import known_are
from models.event_types import CUSTOM, SHAPES, Flaw
from models.incoming.pointers import pointer_of
from models.mapping.budget import Budget, MappingError
from models.mapping.column_problems import column_problems, places_of
from models.mapping.explained import explained
from models.mapping.expressions import parse
from models.mapping.json_problems import TOO_DEEP, json_problems
from models.mapping.mappings import DATA, ENVELOPE, MOST_CODES, REQUIRED, Field, Mapping, mapping_of
from models.mapping.pipeline import Codes, fold
from models.mapping.value_transforms import Lookup

LONGEST_NAME = 200
OWN = "x_"


def problems_of(document: object) -> list[Flaw]:
    """All that is wrong with a document; empty for a mapping that can run."""
    unstorable = json_problems(document)
    if worst := [flaw for flaw in unstorable if flaw.code != TOO_DEEP]:
        return worst
    try:
        mapping = mapping_of(document)
    except (msgspec.ValidationError, RecursionError) as error:
        return _unreadable(document, error)
    return unstorable or list(_contradictions(mapping))


def _unreadable(document: object, error: Exception) -> list[Flaw]:
    """Field by field and table by table, since a decoder stops at the first thing it refuses."""
    if not isinstance(document, dict):
        return [explained(error, document, Mapping)]
    found: list[Flaw] = []
    rest = dict(document)
    kinds: tuple[tuple[str, type[Field | Codes]], ...] = (("fields", Field), ("codes", Codes))
    for part, kind in kinds:
        if not isinstance(document.get(part), dict):
            continue
        rest[part] = {}
        for name, item in document[part].items():
            found += _refused(item, kind, pointer_of([part, name]))
    return found + _refused(rest, Mapping, "") or [explained(error, document, Mapping)]


def _refused(item: object, kind: type, within: str) -> list[Flaw]:
    try:
        msgspec.convert(item, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        return [explained(error, item, kind, within)]
    return []


def _contradictions(mapping: Mapping) -> Iterator[Flaw]:
    for place, step in enumerate(mapping.steps):
        yield from _of_path(step, "/each" if isinstance(mapping.each, str) else f"/each/{place}")
    yield from _of_parents(mapping)
    for place, condition in enumerate(mapping.when):
        yield from _of_path(condition.path, pointer_of(["when", place, "path"]))
    for name, codes in mapping.codes.items():
        yield from _of_codes(codes, pointer_of(["codes", name]))
    if sum(len(codes.words) for codes in mapping.codes.values()) > MOST_CODES:
        yield Flaw("/codes", "too_long", f"All tables together have at most {MOST_CODES:,} codes.")
    if isinstance(mapping.type, Field):
        yield from _of_field(mapping.type, "/type", mapping.codes)
    for name, field in mapping.fields.items():
        yield from _of_field(field, pointer_of(["fields", name]), mapping.codes)
    # A path that cannot be read has been named above.
    with contextlib.suppress(MappingError):
        yield from column_problems(mapping)
    yield from _of_names(mapping)
    yield from _of_types(mapping)
    for place, example in enumerate(mapping.examples):
        for part, value in (("input", example.input), ("expect", list(example.expect))):
            try:
                Budget().weigh(value)
            except MappingError as error:
                yield Flaw(pointer_of(["examples", place, part]), error.code, error.detail)


def _of_path(path: str, at: str) -> Iterator[Flaw]:
    try:
        parse(path)
    except MappingError as error:
        yield Flaw(at, error.code, error.detail)


def _of_parents(mapping: Mapping) -> Iterator[Flaw]:
    if len(mapping.steps) > 1 or mapping.input == "csv":
        return
    for at, of in places_of(mapping).items():
        if of == "parent":
            said = 'No record encloses these: make \'each\' a list, as in ["rounds[]", "doses[]"].'
            yield Flaw(f"{at}/of", "contradiction", said)


def _of_codes(codes: Codes, at: str) -> Iterator[Flaw]:
    if codes.otherwise is not None and codes.unmapped != "otherwise":
        yield Flaw(
            f"{at}/otherwise",
            "contradiction",
            "'otherwise' is only used where 'unmapped' is 'otherwise'.",
        )
    met: dict[str, str] = {}
    for code, word in codes.words.items():
        twin = met.setdefault(fold(code), code)
        if not codes.exact and codes.words[twin] != word:
            yield Flaw(
                at + pointer_of(["words", code]),
                "contradiction",
                f"'{code}' and '{twin}' differ in case or spaces only; say \"exact\": true.",
            )


def _of_field(field: Field, at: str, tables: Collection[str]) -> Iterator[Flaw]:
    if (field.path is None) == (field.constant is UNSET):
        yield Flaw(at, "contradiction", "Give either a 'path' or a 'constant'.")
    if field.path is not None:
        yield from _of_path(field.path, f"{at}/path")
    if field.required and field.default is not None:
        yield Flaw(f"{at}/default", "contradiction", "What has a default is never missing.")
    for place, one in enumerate(field.transforms):
        wrong = one.flaw(tables)
        if wrong:
            yield Flaw(at + pointer_of(["transforms", place]), "unusable_transform", wrong)


def _of_names(mapping: Mapping) -> Iterator[Flaw]:
    for name in mapping.fields:
        at = pointer_of(["fields", name])
        if name.startswith(DATA):
            if not len(DATA) < len(name) <= LONGEST_NAME:
                yield Flaw(at, "unknown_field", "Names of data have 1 to 195 characters.")
        elif name not in ENVELOPE:
            known = known_are(name, (*ENVELOPE, "data.<name>"))
            said = f"'{name[:100]}' is not a field of an event.{known}"
            yield Flaw(at, "unknown_field", said)
    for name in REQUIRED:
        # A row of a table without an id is known by what it says.
        if name not in mapping.fields and (name != "id" or mapping.input != "csv"):
            yield Flaw(pointer_of(["fields", name]), "missing_field", f"An event needs '{name}'.")
    about = {name for name in mapping.fields if name.startswith("about.")}
    if about and about not in ({"about.band"}, {"about.from", "about.to"}):
        yield Flaw(
            "/fields", "contradiction", "Map either about.band, or both about.from and about.to."
        )


def _of_types(mapping: Mapping) -> Iterator[Flaw]:
    """Data that no event of these types has, and data that every one of them needs."""
    types = _types_of(mapping)
    for name in types:
        if name not in SHAPES and not name.startswith(CUSTOM):
            said = f"'{name}' is not an event type.{known_are(name, SHAPES)}"
            yield Flaw("/type", "unknown_type", said)
    shapes = [SHAPES[name] for name in types if name in SHAPES]
    if not types or len(shapes) < len(types):
        return
    known = {field for shape in shapes for field in shape.__struct_fields__}
    mapped = {name.removeprefix(DATA) for name in mapping.fields if name.startswith(DATA)}
    for name in sorted(mapped - known):
        if not name.startswith(OWN):
            yield Flaw(
                pointer_of(["fields", DATA + name]),
                "unknown_field",
                f"{' or '.join(types)} has no '{name}'.{known_are(name, sorted(known))} Fields of"
                " your own begin with x_.",
            )
    for shape, kind in zip(shapes, types, strict=True):
        for need in msgspec.structs.fields(shape):
            if need.required and need.name not in mapped:
                yield Flaw(
                    pointer_of(["fields", DATA + need.name]),
                    "missing_field",
                    f"{kind} needs 'data.{need.name}'.",
                )


def _types_of(mapping: Mapping) -> list[str]:
    """All types that this mapping can name; none when they come from the sender as they are."""
    if isinstance(mapping.type, str):
        return [mapping.type]
    last: Any = mapping.type.transforms[-1] if mapping.type.transforms else None
    if not isinstance(last, Lookup):
        return []
    codes = mapping.codes.get(last.table)
    if codes is None or codes.unmapped == "pass":
        return []
    return sorted({str(one) for one in (*codes.words.values(), codes.otherwise) if one is not None})
