"""What a decoder refuses in a document, as pointer and advice, with all that it would have taken.

What is known at a place is read off the schema of the document, so that no list of it can be
forgotten when a field, a word or a transform is added.
"""

import re
from functools import cache
from typing import Any

import msgspec

from models.closest import known_are
from models.event_types import Flaw
from models.incoming.pointers import pointer_of
from models.incoming.refusals import AS_WRITTEN, echo
from models.mapping.json_problems import TOO_DEEP

_PATH = re.compile(r"(?s)(.*?) - at `(?:key in )?\$([^`]*)`")
_PATH_PART = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_QUOTED = re.compile(r"[`'](.*)[`']")
_TYPES = re.compile(r"`([^`]*)`")
REFERENCE = "{name}"


def explained(error: Exception, item: object, kind: Any, within: str = "") -> Flaw:
    """Why `item` is no `kind`, in a sentence for its author."""
    if isinstance(error, RecursionError):
        return Flaw(within, TOO_DEEP, "This is nested too deeply.")
    matched = _PATH.fullmatch(str(error))
    what, path = (matched[1], matched[2]) if matched else (str(error), "")
    parts = [name or int(number) for name, number in _PATH_PART.findall(path.replace("[...]", ""))]
    at = within + pointer_of(parts)
    quoted = _QUOTED.search(what)
    name = quoted[1] if quoted else ""
    if what.startswith("Object missing required field"):
        return Flaw(f"{at}/{name}", "missing_field", f"'{name}' is required.")
    if what.startswith("Object contains unknown field"):
        known = known_are(name, alternatives(item, kind, parts))
        said = f"'{echo(name)}' is not known here.{known}"
        return Flaw(at + pointer_of([name]), "unknown_field", said)
    if what.startswith("Invalid ") and name:
        known = known_are(name, alternatives(item, kind, parts))
        return Flaw(at, "unknown_value", f"'{echo(name)}' is not taken here.{known}")
    return Flaw(at, "wrong_type", _TYPES.sub(_in_words, what) + ".")


def alternatives(item: object, kind: Any, path: list[str | int]) -> list[str]:
    """The fields that an object at this place can have, or the words that can stand there."""
    schema, known = _schemas(kind)
    found = _resolved(schema, item, known)
    for part in path:
        item = _inside(item, part)
        found = _resolved(_step(found, part), item, known)
    if "properties" in found:
        return list(found["properties"])
    return [str(word) for word in _words(found)]


@cache
def _schemas(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    (schema,), known = msgspec.json.schema_components([kind], ref_template=REFERENCE)
    return schema, known


def _inside(item: object, part: str | int) -> object:
    if isinstance(item, dict):
        return item.get(part)
    if isinstance(item, list | tuple) and isinstance(part, int) and part < len(item):
        return item[part]
    return None


def _step(schema: dict[str, Any], part: str | int) -> dict[str, Any]:
    if isinstance(part, int):
        items = schema.get("items")
        return items if isinstance(items, dict) else {}
    inner = schema.get("properties", {}).get(part, schema.get("additionalProperties"))
    return inner if isinstance(inner, dict) else {}


def _resolved(schema: dict[str, Any], item: object, known: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, of several the one that fits what stands there."""
    if "$ref" in schema:
        return _resolved(known[schema["$ref"]], item, known)
    by_tag = schema.get("discriminator")
    if by_tag is not None:
        named = item.get(by_tag["propertyName"]) if isinstance(item, dict) else None
        chosen = by_tag["mapping"].get(named) if isinstance(named, str) else None
        tag = {"enum": list(by_tag["mapping"])}
        return known[chosen] if chosen else {"properties": {by_tag["propertyName"]: tag}}
    kinds = [_resolved(one, item, known) for one in schema.get("anyOf", ())]
    wanted = "properties" if isinstance(item, dict) else "items" if isinstance(item, list) else ""
    return next((one for one in kinds if wanted in one), schema)


def _words(schema: dict[str, Any]) -> list[Any]:
    return [*schema.get("enum", ())] + [
        word for one in schema.get("anyOf", ()) for word in one.get("enum", ())
    ]


def _in_words(types: re.Match[str]) -> str:
    return " or ".join(AS_WRITTEN.get(one, f"'{one}'") for one in types[1].split(" | "))
