"""What all transforms share: what they may ask for, how codes are looked up, what text means.

A transform is a frozen struct with the settings of a mapping's author; `of` turns one JSON value
into another and asks for nothing else. Values stay JSON throughout, so that a trace can show them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta, Struct

from models.mapping.budget import Budget, MappingError

Scalar = str | int | float | bool | None
Code = Annotated[str, Meta(max_length=200)]


class Codes(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A source's codes and what they mean here; null means that a code says nothing.

    `unmapped` is what happens to any other code: its record is rejected or skipped, or the code
    is passed on as it is, or `otherwise` stands for it. The last two are reported as drift. Case
    and spaces do not matter unless `exact`.
    """

    words: dict[Code, Scalar]
    unmapped: Literal["reject", "skip", "pass", "otherwise"] = "reject"
    otherwise: Scalar = None
    exact: bool = False


class UnmappedCode(NamedTuple):
    """A code that a table does not have and that was let through."""

    table: str
    code: str


class Note(NamedTuple):
    """What the author of a mapping has settled beforehand, and that it has come up."""

    code: str
    detail: str


class SkippedRecord(Exception):
    """A record is none of ours, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Terms:
    """What transforms may ask for while they run over one body."""

    tables: Mapping[str, Codes] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    unmapped: list[UnmappedCode] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _folded: dict[str, dict[str, Scalar]] = field(default_factory=dict)

    def look_up(self, table: str, value: object) -> Any:
        codes, code = self.tables[table], as_text(value)
        words = self._words(table)
        asked = code if codes.exact else fold(code)
        if asked in words:
            return words[asked]
        shown = code[:100]
        if codes.unmapped == "reject":
            raise MappingError("unmapped_code", f"'{shown}' is not in the table '{table}'.")
        if codes.unmapped == "skip":
            raise SkippedRecord(f"'{shown}' is not in the table '{table}'")
        self.unmapped.append(UnmappedCode(table, shown))
        return codes.otherwise if codes.unmapped == "otherwise" else value

    def _words(self, table: str) -> dict[str, Scalar]:
        if table not in self._folded:
            codes = self.tables[table]
            self._folded[table] = (
                codes.words
                if codes.exact
                else {fold(code): word for code, word in codes.words.items()}
            )
        return self._folded[table]


class Transform(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    kw_only=True,
    tag_field="as",
):
    """What all transforms have in common; null never reaches the `of` of one."""

    def flaw(self, tables: Collection[str]) -> str | None:  # noqa: ARG002 - most have none
        """Why these settings cannot work, in a sentence."""
        return None


def fold(text: str) -> str:
    """One spelling for all that differ in case and spaces only."""
    return " ".join(text.split()).casefold()


def as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(as_whole(value))
    raise wrong_type(value, "a text")


def as_whole(value: float) -> int | float:
    """JSON does not tell 3.0 from 3, so neither may what is made of it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def wrong_type(value: object, wanted: str) -> MappingError:
    return MappingError("wrong_type", f"This takes {wanted}, and met {kind_of(value)}.")


def kind_of(value: object) -> str:
    for kind, name in (
        (bool, "true or false"),
        (str, "a text"),
        (int | float, "a number"),
        (list, "a list"),
        (dict, "an object"),
    ):
        if isinstance(value, kind):
            return name
    return "null"
