"""Which columns of a table a mapping asks for, by which names, and which of them a flaw is about.

What an expression gives for a flat record is decided by the columns that it names, unless it looks
at the record as a whole.
"""

from functools import lru_cache
from typing import NamedTuple

from models.incoming.csv_header import Layout
from models.mapping.expressions import Tree, nodes_of, parse
from models.mapping.mappings import REQUIRED, Field, Mapping

#: Only their first part meets the record; what follows meets what that has selected.
ONE_AFTER_THE_OTHER = frozenset(
    (
        *("subexpression", "pipe", "index_expression", "projection", "value_projection"),
        "filter_projection",
    )
)
ALL_MEET_THE_RECORD = frozenset(
    (
        *("or_expression", "and_expression", "not_expression", "comparator", "flatten"),
        *("multi_select_list", "multi_select_dict", "key_val_pair", "function_expression"),
    )
)
#: Say the same of every record, or speak of what a function is working through.
MEET_NOTHING = frozenset(("literal", "index", "slice", "expref"))
#: Of a deletion nothing else has to be there.
OF_EVERY_ROW = frozenset(("id", "service"))


class Reads(NamedTuple):
    """What an expression looks at in a record, in the order of its columns."""

    columns: tuple[str, ...]
    #: It looks at the record itself: all its keys, or whether there is one.
    whole: bool


@lru_cache(maxsize=4096)
def reads(path: str) -> Reads:
    columns: dict[str, None] = {}
    whole = False
    waiting: list[Tree] = [parse(path)]
    while waiting:
        node = waiting.pop()
        kind = node["type"]
        if kind == "field":
            columns[node["value"]] = None
        elif kind in ONE_AFTER_THE_OTHER:
            waiting.append(node["children"][0])
        elif kind in ALL_MEET_THE_RECORD:
            waiting.extend(node["children"])
        elif kind not in MEET_NOTHING:
            whole = True
    return Reads(tuple(sorted(columns)), whole)


def keys_read(mapping: Mapping) -> frozenset[str]:
    """Every key that a path of the mapping names, wherever in a body it stands."""
    fields = [
        *mapping.fields.values(),
        *([mapping.type] if isinstance(mapping.type, Field) else []),
    ]
    paths = [*mapping.steps, *(one.path for one in mapping.when)]
    paths += [field.path for field in fields if field.path is not None]
    return frozenset(
        node["value"]
        for path in paths
        for node, _ in nodes_of(parse(path))
        if node["type"] == "field"
    ) | frozenset(mapping.columns)


def only_column(field: Field) -> str | None:
    """The one column that a field is, where its path is nothing but a name."""
    if field.path is None or field.of != "record":
        return None
    tree = parse(field.path)
    return str(tree["value"]) if tree["type"] == "field" else None


def layout_of(mapping: Mapping) -> Layout:
    """What is known of the files of a mapping: what its paths name are columns too."""
    fields = [
        *mapping.fields.values(),
        *([mapping.type] if isinstance(mapping.type, Field) else []),
    ]
    paths = [field.path for field in fields if field.path is not None and field.of == "record"]
    paths += [one.path for one in mapping.when if one.of == "record"]
    always, unless_deleted = _required(mapping)
    deleting = _deleting(mapping)
    named = [*mapping.row_key, *(column for path in paths for column in reads(path).columns)]
    return Layout(
        {name: mapping.columns.get(name, ()) for name in (*mapping.columns, *named)},
        frozenset((*mapping.row_key, *always)),
        # What looks at a whole row may find a deletion in any of its cells.
        frozenset(unless_deleted if deleting else ()),
        deleting,
        mapping.delimiter,
        mapping.encoding,
    )


def columns_at(mapping: Mapping, pointer: str) -> str | None:
    """The columns of which a flaw speaks: of a rule of the mapping, or of a place in an event."""
    first, _, rest = pointer.removeprefix("/").partition("/")
    rule: object = None
    if first == "when":
        place = rest.partition("/")[0]
        rule = mapping.when[int(place)] if place.isdecimal() else None
    elif first == "type":
        rule = mapping.type
    elif first == "fields":
        rule = mapping.fields.get(rest.replace("~1", "/").replace("~0", "~"))
    else:
        names = [first, f"{first}.{rest.partition('/')[0]}"]
        rule = next((mapping.fields[name] for name in names if name in mapping.fields), None)
    path = getattr(rule, "path", None)
    return ", ".join(reads(path).columns) or None if path is not None else None


def _required(mapping: Mapping) -> tuple[set[str], set[str]]:
    """Columns without which every row is rejected for the same reason, or all but deletions are."""
    always, unless_deleted = set[str](), set[str]()
    for name, field in mapping.fields.items():
        needed = name in REQUIRED or field.required
        column = only_column(field)
        if column is None or not needed or field.default is not None:
            continue
        may_be_deleted = "retracted" in mapping.fields and name not in OF_EVERY_ROW
        (unless_deleted if may_be_deleted else always).add(column)
    return always, unless_deleted


def _deleting(mapping: Mapping) -> frozenset[str]:
    field = mapping.fields.get("retracted")
    return frozenset(reads(field.path).columns if field is not None and field.path else ())
