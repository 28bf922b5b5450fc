"""Why one item was not taken, in words its sender can act on: a code, a pointer, what to do.

Runs only for refused items, so it may look twice; it never repeats more than a sender's own words.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn, get_args, get_type_hints

import msgspec
from msgspec import Struct

from models.event_types import SHAPES, Flaw
from models.incoming.pointers import pointer_of
from models.vocabulary import Band

#: What a decoder raises for an item that is not what it should be.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
#: Longer words of a sender are cut in answers.
LONGEST_ECHO = 100


class Rejection(Struct, frozen=True):
    """One entry of `rejected`; the pointer is a JSON Pointer within the item."""

    index: int
    id: str | None
    code: str
    pointer: str
    detail: str


class Refused(Exception):
    """An item cannot be taken."""

    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.pointer, self.detail = code, pointer, detail


class _Named(Struct):
    id: Any = None


def rejection(index: int, raw: bytes | msgspec.Raw, refused: Refused) -> Rejection:
    try:
        name = msgspec.json.decode(raw, type=_Named).id
    except UNREADABLE:
        name = None
    return rejection_of(index, name, refused)


def rejection_of(index: int, name: object, refused: Refused) -> Rejection:
    """`name` is what the item says is its id, which may be anything."""
    known = name if isinstance(name, str) and len(name) <= 200 else None
    return Rejection(index, known, refused.code, refused.pointer, refused.detail)


def refuse(flaw: Flaw, within: str = "") -> NoReturn:
    raise Refused(flaw.code, within + flaw.pointer, flaw.detail)


def echo(word: object) -> str:
    text = str(word)
    return text if len(text) <= LONGEST_ECHO else text[:LONGEST_ECHO] + "…"


def unknown_field(name: str, known: Iterable[str], within: str) -> Refused:
    known = sorted(known)
    near = get_close_matches(name.lower(), known, n=1) if len(name) <= LONGEST_ECHO else []
    advice = f" Did you mean '{near[0]}'?" if near else f" Known are: {', '.join(known)}."
    return Refused(
        "unknown_field",
        within + pointer_of([echo(name)]),
        f"'{echo(name)}' is not a field here.{advice}",
    )


def unknown_type(name: str) -> Refused:
    near = get_close_matches(name, SHAPES, n=1) if len(name) <= LONGEST_ECHO else []
    advice = f" Did you mean '{near[0]}'?" if near else f" Known are: {', '.join(SHAPES)}."
    return Refused("unknown_type", "/type", f"'{echo(name)}' is not an event type.{advice}")


def _allowed_words() -> Mapping[str, str]:
    """Closed sets by field name, for the answer to a word outside of them."""
    words: dict[str, str] = {"band": ", ".join(Band)}
    for shape in SHAPES.values():
        for field, hint in get_type_hints(shape).items():
            members = [word for part in (hint, *get_args(hint)) for word in get_args(part)]
            literal = [word for word in members if isinstance(word, str)]
            if literal:
                words[field] = ", ".join(literal)
    return words


ALLOWED_WORDS = _allowed_words()
_MESSAGE = re.compile(r"(?s)(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?")
_PATH_PART = re.compile(r"\.([^.\[]+)|\[(\d+)\]|\[\.\.\.\]")
_QUOTED = re.compile(r"(?s)`(.*)`")
_LENGTH = re.compile(r"of length (<=|>=) (\d+)")
_BOUND = re.compile(r"Expected `\w+` (<=|>=|<|>) ")
AS_WRITTEN = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
    "datetime": "a time",
    "date": "a date",
}


def explain(error: Exception, known: Iterable[str], within: str = "") -> Refused:
    """A decoder's error, as pointer and advice. `known` are the fields of the object decoded."""
    if isinstance(error, RecursionError):
        return Refused("nested_too_deeply", within, "Send at most a few levels of nesting.")
    if not isinstance(error, msgspec.ValidationError):
        return Refused(
            "unreadable",
            within,
            "This is not valid JSON in UTF-8; escaped surrogates need both halves.",
        )
    matched = _MESSAGE.fullmatch(str(error))
    what, path = (matched["what"], matched["path"] or "") if matched else (str(error), "")
    parts = [name or number for name, number in _PATH_PART.findall(path)]
    within += pointer_of([part for part in parts if part])
    field = next((part for part in reversed(parts) if part and not part.isdecimal()), "")
    quoted = _QUOTED.search(what)
    name = quoted[1] if quoted else ""
    if what.startswith("Object missing required field"):
        return Refused("missing_field", f"{within}/{name}", f"'{name}' is required.")
    if what.startswith("Object contains unknown field"):
        return unknown_field(name, ("band", "from", "to") if field == "about" else known, within)
    code, detail = _of_value(what, field)
    return Refused(code, within, detail)


def _of_value(what: str, field: str) -> tuple[str, str]:
    """Code and advice for a value that is there and wrong."""
    words = f"{_in_words(what)}."
    length = _LENGTH.search(what)
    if length and length[1] == ">=":
        return "empty", "This must not be empty; send null or leave it out instead."
    if length:
        return "too_long", f"At most {length[2]} are taken here."
    if _BOUND.match(what) or "out of range" in what:
        return "out_of_range", words
    for part, code, advice in _ADVICE:
        if part in what:
            return code, advice.format(ALLOWED_WORDS.get(field, "the listed values"))
    return "wrong_type", words


_ADVICE = (
    ("timezone component", "naive_time", "Give the offset too, as in 2026-03-01T08:05:00+00:00."),
    ("RFC3339", "invalid_time", "Write times as in 2026-03-01T08:05:00+00:00."),
    ("encoded date", "invalid_time", "Write dates as in 2026-03-01."),
    ("ISO8601", "invalid_time", "Write dates as in 2026-03-01."),
    ("Invalid enum value", "unknown_value", "Use one of: {}."),
)


def _in_words(what: str) -> str:
    for name, words in AS_WRITTEN.items():
        what = what.replace(f"`{name}`", words)
    return echo(what.replace("`", "").replace(" | ", " or "))
