"""A provider's own event types: what a declaration may be, and what data it lets through."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.event_types import Flaw
from models.incoming.pointers import pointer_of
from models.incoming.refusals import Refused, echo
from models.organisation import CustomEventType

LARGEST_SCHEMA = 64 << 10

#: Expressions can take exponential time, references can fetch from elsewhere or unfold without
#: end, and `format` would promise a check that nobody makes. All can be written out instead.
REFUSED_WORDS = frozenset(
    (
        *("pattern", "patternProperties", "$ref", "$dynamicRef", "$recursiveRef"),
        *("$id", "$anchor", "$dynamicAnchor", "$vocabulary", "format"),
    )
)
#: Below these a key is a name that the provider chose, or a value, and no keyword.
NAMED_BELOW = frozenset(("properties", "$defs", "definitions", "dependentSchemas"))
VALUES_BELOW = frozenset(("const", "enum", "default", "examples", "dependentRequired"))


def declaration_flaw(schema: Mapping[str, Any]) -> Flaw | None:
    """Why a JSON Schema cannot be a declaration; None when it can."""
    if len(json.dumps(schema)) > LARGEST_SCHEMA:
        return Flaw("", "too_long", "A declaration has at most 64 KiB.")
    if schema.get("type") != "object":
        return Flaw("/type", "not_an_object", 'Declare an object: "type": "object".')
    refused = _refused_word(schema, "")
    if refused is not None:
        return Flaw(refused, "keyword_refused", "This keyword is not taken; write it out instead.")
    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        path = list(error.path) if isinstance(error, SchemaError) else []
        return Flaw(pointer_of(path), "invalid_schema", "This is not a JSON Schema (2020-12).")
    return None


def _refused_word(schema: object, within: str) -> str | None:
    if isinstance(schema, list):
        parts = [(str(place), part, False) for place, part in enumerate(schema)]
    elif isinstance(schema, dict):
        parts = []
        for word, part in schema.items():
            if word in REFUSED_WORDS:
                return within + pointer_of([word])
            if word not in VALUES_BELOW:
                parts.append((word, part, word in NAMED_BELOW))
    else:
        return None
    for word, part, named in parts:
        below = within + pointer_of([word])
        if named and isinstance(part, dict):
            found = (
                _refused_word(inner, below + pointer_of([name])) for name, inner in part.items()
            )
            refused = next((pointer for pointer in found if pointer is not None), None)
        else:
            refused = _refused_word(part, below)
        if refused is not None:
            return refused
    return None


async def custom_types(session: AsyncSession) -> dict[str, Callable[[object], None]]:
    """A check for each type that the current provider has declared."""
    rows = await session.execute(select(CustomEventType.type, CustomEventType.json_schema))
    return {row.type: check_against(json.dumps(row.json_schema)) for row in rows}


@lru_cache(maxsize=256)
def check_against(schema: str) -> Callable[[object], None]:
    validator = Draft202012Validator(json.loads(schema))

    def check(data: object) -> None:
        worst = best_match(validator.iter_errors(data))
        if worst is not None:
            raise Refused(
                "schema_mismatch", "/data" + pointer_of(list(worst.path)), echo(worst.message)
            )

    return check
