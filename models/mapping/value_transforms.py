"""Transforms of texts, numbers, words and lists."""

import base64
import hashlib
from collections.abc import Collection
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from models.closest import known_are
from models.mapping.budget import MappingError
from models.mapping.pipeline import Scalar, Terms, Transform, as_text, as_whole, fold, wrong_type

Mark = Annotated[str, Meta(max_length=20)]
Words = tuple[Annotated[str, Meta(max_length=100)], ...]

LONGEST_NUMBER = 40
MOST_WORDS = 100
GROUP = 3


class Trim(Transform, tag="trim", frozen=True):
    """Without spaces at both ends; nothing left is null, so that a blank cell says nothing."""

    def of(self, value: Any, terms: Terms) -> str | None:  # noqa: ARG002
        return as_text(value).strip() or None


class Lower(Transform, tag="lower", frozen=True):
    """In small letters."""

    def of(self, value: Any, terms: Terms) -> str:  # noqa: ARG002
        return as_text(value).lower()


class Upper(Transform, tag="upper", frozen=True):
    """In capital letters."""

    def of(self, value: Any, terms: Terms) -> str:  # noqa: ARG002
        return as_text(value).upper()


class ToText(Transform, tag="text", frozen=True):
    """A number, true or false as text; ids are texts here, whatever their source makes them."""

    def of(self, value: Any, terms: Terms) -> str:  # noqa: ARG002
        return as_text(value)


class Constant(Transform, tag="constant", frozen=True):
    """Whatever is there stands for this: a date of cancelling for `true`, say."""

    value: Scalar

    def of(self, value: Any, terms: Terms) -> Scalar:  # noqa: ARG002
        return self.value


class Lookup(Transform, tag="lookup", frozen=True):
    """What a table of `codes` says of it."""

    table: str

    def flaw(self, tables: Collection[str]) -> str | None:
        if self.table in tables:
            return None
        return f"There is no table '{self.table}' under 'codes'.{known_are(self.table, tables)}"

    def of(self, value: Any, terms: Terms) -> Any:
        return terms.look_up(self.table, value)


class Number(Transform, tag="number", frozen=True):
    """Decimal digits with a sign; `thousands` stands between groups of three."""

    decimal: Mark = "."
    thousands: Mark = ""
    suffix: Mark = ""

    def flaw(self, tables: Collection[str]) -> str | None:  # noqa: ARG002
        if len(self.decimal) != 1 or self.decimal == self.thousands or self.decimal.isdigit():
            return "'decimal' is one character, and another than 'thousands'."
        return None

    def of(self, value: Any, terms: Terms) -> int | float:  # noqa: ARG002
        if isinstance(value, int | float) and not isinstance(value, bool):
            return as_whole(value)
        if not isinstance(value, str):
            raise wrong_type(value, "a number")
        text = value.strip().removesuffix(self.suffix).rstrip()
        number = self._read(text) if len(text) <= LONGEST_NUMBER else None
        if number is None:
            raise MappingError("not_a_number", f"'{value[:40]}' is not a number.")
        return as_whole(number)

    def _read(self, text: str) -> int | float | None:
        sign = -1 if text.startswith("-") else 1
        whole, point, fraction = text.removeprefix("-" if sign < 0 else "+").partition(self.decimal)
        first, *groups = whole.split(self.thousands) if self.thousands else [whole]
        if groups and not (1 <= len(first) <= GROUP and all(len(one) == GROUP for one in groups)):
            return None
        digits = "".join((first, *groups))
        if not _are_digits(digits) or (point and not _are_digits(fraction)):
            return None
        return sign * (float(f"{digits}.{fraction}") if point else int(digits))


class Integer(Number, tag="integer", frozen=True):
    """A number without a fraction; 3.0 is one, 3.5 is refused and never rounded."""

    def of(self, value: Any, terms: Terms) -> int:
        number = super().of(value, terms)
        if isinstance(number, float):
            raise MappingError("not_whole", f"{number} is not a whole number.")
        return number


class Boolean(Transform, tag="boolean", frozen=True):
    """True or false by two lists of words; case and spaces do not matter."""

    yes: Words = ("true", "yes", "y", "1")
    no: Words = ("false", "no", "n", "0")

    def flaw(self, tables: Collection[str]) -> str | None:  # noqa: ARG002
        if len(self.yes) + len(self.no) > MOST_WORDS:
            return f"At most {MOST_WORDS} words are taken."
        both = _folded(self.yes) & _folded(self.no)
        return f"'{min(both)}' cannot mean both yes and no." if both else None

    def of(self, value: Any, terms: Terms) -> bool:  # noqa: ARG002
        if isinstance(value, bool):
            return value
        word = fold(as_text(value))
        if word in _folded(self.yes):
            return True
        if word in _folded(self.no):
            return False
        raise MappingError("unknown_value", f"'{word[:40]}' is neither a yes nor a no here.")


class Scale(Transform, tag="scale", frozen=True):
    """A rating from one scale to another along a straight line; `from` may run downwards."""

    source: tuple[float, float] = msgspec.field(name="from")
    target: tuple[float, float] = msgspec.field(name="to", default=(1.0, 5.0))

    def flaw(self, tables: Collection[str]) -> str | None:  # noqa: ARG002
        if self.source[0] == self.source[1]:
            return "'from' needs two different ends."
        return None

    def of(self, value: Any, terms: Terms) -> int | float:
        number = Number().of(value, terms)
        begins, ends = self.source
        low, high = self.target
        if not min(begins, ends) <= number <= max(begins, ends):
            raise MappingError(
                "out_of_range", f"{number} is not between {begins:g} and {ends:g}, as declared."
            )
        return as_whole(round(low + (number - begins) / (ends - begins) * (high - low), 4))


class Concat(Transform, tag="concat", frozen=True):
    """The parts of a list as one text; null if all of them are.

    A part that is null is refused, since ids made of what is left would fall together; unless
    `absent` stands for it, or `skip_null` leaves it out.
    """

    separator: Mark = ""
    absent: Mark | None = None
    skip_null: bool = False

    def flaw(self, tables: Collection[str]) -> str | None:  # noqa: ARG002
        if self.skip_null and self.absent is not None:
            return "'absent' stands for a null that 'skip_null' leaves out: say one of them."
        return None

    def of(self, value: Any, terms: Terms) -> str | None:  # noqa: ARG002
        if not isinstance(value, list):
            raise wrong_type(value, "a list; select one as in [site, id]")
        if all(part is None for part in value):
            return None
        if None in value and not self.skip_null and self.absent is None:
            raise MappingError(
                "missing_part",
                f"Part {value.index(None) + 1} of {len(value)} is null. Say what stands for it as"
                " 'absent', or 'skip_null' to leave it out.",
            )
        kept = [part for part in value if part is not None or self.absent is not None]
        texts = [as_text(self.absent if part is None else part) for part in kept]
        return self.separator.join(texts) or None


class Split(Transform, tag="split", frozen=True):
    """A text as a list, cut at any of these characters; blanks between them are left out."""

    at: Annotated[str, Meta(min_length=1, max_length=20)] = ";"

    def of(self, value: Any, terms: Terms) -> list[str]:  # noqa: ARG002
        text = as_text(value).translate({ord(one): self.at[0] for one in self.at})
        return [part.strip() for part in text.split(self.at[0]) if part.strip()]


class HashOf(Transform, tag="hash_of", frozen=True):
    """A stable id from what is selected, for sources without ids; null if all of that is null.

    128 bits of SHA-256 over canonical JSON. It has no key: whoever guesses what went in can
    check the guess, so never make one from a name or a person's number alone.
    """

    prefix: Mark = ""

    def of(self, value: Any, terms: Terms) -> str | None:  # noqa: ARG002
        parts = value.values() if isinstance(value, dict) else value
        if isinstance(value, list | dict) and all(part is None for part in parts):
            return None
        canonical = msgspec.json.encode(_same_numbers(value), order="deterministic")
        digest = hashlib.sha256(canonical).digest()[:16]
        return self.prefix + base64.b32encode(digest).decode().rstrip("=").lower()


@lru_cache(maxsize=1024)
def _folded(words: Words) -> frozenset[str]:
    return frozenset(map(fold, words))


def _are_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _same_numbers(value: Any) -> Any:
    if isinstance(value, float):
        return as_whole(value)
    if isinstance(value, list):
        return [_same_numbers(part) for part in value]
    if isinstance(value, dict):
        return {key: _same_numbers(part) for key, part in value.items()}
    return value
