"""What a document may not hold, whatever it means: numbers and characters that JSON cannot say.

A mapping is stored as it was sent, and read again for as long as its connector lives.
"""

import math
from typing import Any

from models.event_types import Flaw
from models.incoming.pointers import pointer_of
from models.mapping.budget import LARGEST_INTEGER

#: Levels of lists and objects; an example may be nested about as deeply as a body.
DEEPEST = 64
TOO_DEEP = "nested_too_deeply"


def json_problems(document: object) -> list[Flaw]:
    """Values that cannot be stored, each where it stands, and keys where their object stands."""
    found: list[Flaw] = []
    waiting: list[tuple[str, Any, int]] = [("", document, DEEPEST)]
    while waiting:
        at, value, levels = waiting.pop()
        if isinstance(value, list | dict) and not levels:
            said = f"At most {DEEPEST} levels of nesting are taken."
            found.append(Flaw(at, TOO_DEEP, said))
        elif isinstance(value, dict):
            found += [flaw for name in value if (flaw := _flaw_of(at, name))]
            sound = ((name, part) for name, part in value.items() if not _flaw_of(at, name))
            waiting += [(at + pointer_of([name]), part, levels - 1) for name, part in sound]
        elif isinstance(value, list):
            waiting += [(f"{at}/{place}", part, levels - 1) for place, part in enumerate(value)]
        elif flaw := _flaw_of(at, value):
            found.append(flaw)
    return found


def _flaw_of(at: str, value: object) -> Flaw | None:
    if isinstance(value, str):
        if "\x00" in value:
            return Flaw(at, "nul_character", "U+0000 cannot be stored; leave it out.")
        if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
            return Flaw(at, "not_json", "This text holds half of a character.")
    elif isinstance(value, float) and not math.isfinite(value):
        return Flaw(at, "not_json", "JSON has no such number.")
    elif isinstance(value, int) and abs(value) >= LARGEST_INTEGER:
        return Flaw(at, "out_of_range", "Whole numbers have at most 64 bits.")
    return None
