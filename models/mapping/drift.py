"""How a source's bodies look, and what about that is new: keys, types, codes that no table has.

A platform that changes without a word would otherwise show as care that changed. Shapes hold keys
and types and never a value; paths are written as in JMESPath, to be pasted into a mapping.
"""

import json
import re
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal, NamedTuple

from models.mapping.pipeline import UnmappedCode

#: JSON types by path, each in order.
Shape = dict[str, tuple[str, ...]]

MOST_PATHS = 500
MOST_VALUES = 100_000
DEEPEST = 16
LONGEST_KEY = 60
ROOT = "@"
#: Stands in a shape that is not all of a body: what is missing in it may not be new.
CUT = "…"
#: Stands for keys that are data themselves, such as days or the numbers of persons.
ANY_KEY = "*"
_QUOTED_KEY = re.compile(r'"(?:[^"\\]|\\.)*"(?=[\[\]]*$)')
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Drift(NamedTuple):
    """One thing about a source that was not so before; `path` is a table's name for a code."""

    kind: Literal["new_key", "changed_type", "newly_null", "unmapped_code"]
    path: str
    detail: str


def shape_of(body: Any) -> Shape:
    """Keys and types of a body, level by level until it is all seen or enough."""
    found: dict[str, set[str]] = {}
    waiting: deque[tuple[str, Any, int]] = deque([(ROOT, body, DEEPEST)])
    seen = 0
    cut = False
    while waiting:
        path, value, levels = waiting.popleft()
        seen += 1
        if path not in found and len(found) >= MOST_PATHS:
            cut = True
            continue
        found.setdefault(path, set()).add(_type_of(value))
        room = MOST_VALUES - seen - len(waiting)
        if isinstance(value, list | dict):
            cut = cut or bool(value and not levels) or len(value) > room
            if levels:
                waiting.extend(
                    (inner, one, levels - 1) for inner, one in islice(_inside(path, value), room)
                )
    shape = {path: tuple(sorted(types)) for path, types in sorted(found.items())}
    return shape | {CUT: ()} if cut else shape


def joined(known: Shape, seen: Shape) -> Shape:
    """What either has met: the shape to hold the next body against."""
    paths = sorted({*known, *seen})
    return {path: tuple(sorted({*known.get(path, ()), *seen.get(path, ())})) for path in paths}


def drift(known: Shape, seen: Shape, unmapped: Iterable[UnmappedCode] = ()) -> list[Drift]:
    """What of a body's shape is not in the known one, and codes that were let through.

    A key that is away is no drift: optional ones always are in some bodies.
    """
    found: list[Drift] = []
    new: list[str] = []
    for path, types in sorted(seen.items()):
        if path == CUT:
            continue
        if path not in known:
            inside_new = any(path.startswith((f"{one}.", f"{one}[")) for one in new)
            if not inside_new and CUT not in known:
                new.append(path)
                found.append(Drift("new_key", path, f"{path} is new: {' or '.join(types)}."))
            continue
        before = " or ".join(known[path])
        other = [kind for kind in types if kind not in known[path]]
        if other == ["null"]:
            found.append(Drift("newly_null", path, f"{path} was {before}, and now also null."))
        elif other:
            now = " or ".join(other)
            found.append(Drift("changed_type", path, f"{path} was {before}, and now also {now}."))
    for table, code in sorted(set(unmapped)):
        found.append(Drift("unmapped_code", table, f"'{code}' is not in the table '{table}'."))
    return found


def last_key(path: str) -> str:
    """The key itself, as its source writes it."""
    key = path.rstrip("[]").rpartition(".")[2]
    if not key.endswith('"'):
        return key
    written = _QUOTED_KEY.search(path)
    return str(json.loads(written[0])) if written else key


def _inside(path: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, list):
        return ((f"{path}[]" if path != ROOT else "[]", one) for one in value)
    return ((_below(path, str(key)), one) for key, one in value.items())


def _below(path: str, key: str) -> str:
    digits = sum(map(str.isdigit, key))
    if len(key) > LONGEST_KEY or 2 * digits > len(key):
        key = ANY_KEY
    elif not _PLAIN_KEY.fullmatch(key):
        key = json.dumps(key)
    return key if path == ROOT else f"{path}.{key}"


def _type_of(value: Any) -> str:
    for kind, name in (
        (bool, "boolean"),
        (int | float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    ):
        if isinstance(value, kind):
            return name
    return "null"
