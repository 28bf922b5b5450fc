"""How much work a sender's mapping may cause: steps, items and characters, counted as they happen.

A mapping is written by people we do not know and runs over bodies we do not know. Counting stops
an expression at the same place on every machine, which a clock would not; nothing here knows what
is being mapped.
"""

import math
from dataclasses import dataclass

#: Levels of lists and objects within one value; deeper ones would exhaust Python's own stack.
DEEPEST = 32
#: What JSON's usual readers keep whole; an id of 64 bits is the largest met.
LARGEST_INTEGER = 2**64


class MappingError(ValueError):
    """Why a body, a record or a field cannot be mapped: a code and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail

    def __str__(self) -> str:
        return self.detail


class OverBudget(MappingError):
    """More work than is allowed; `whole` when it is the body's allowance that is used up."""

    def __init__(self, what: str, limit: int, *, whole: bool) -> None:
        scope = "all expressions of this body" if whole else "one expression"
        super().__init__(
            "too_much_work",
            f"This takes more than the {limit:,} {what} that {scope} may take together."
            if whole
            else f"This takes more than the {limit:,} {what} that {scope} may take.",
        )
        self.whole = whole


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one run of one expression, and of all runs over one body together.

    20,000 steps take about 20 ms, and whatever uses up a body's allowance about 1.5 s. Without
    the latter, a thousand records of a hundred fields would make half an hour of bounded runs.
    """

    steps_per_run: int = 20_000
    items_per_run: int = 20_000
    characters_per_run: int = 1_000_000
    steps: int = 1_000_000
    items: int = 1_000_000
    characters: int = 50_000_000
    longest_list: int = 10_000
    #: The longest text the contract takes.
    longest_text: int = 20_000
    records: int = 1_000


LIMITS = Limits()


class Meter:
    """Counts one kind of work; the stop is the nearer of the run's and the body's."""

    __slots__ = ("_per_run", "_stop", "_what", "_whole", "spent")

    def __init__(self, what: str, per_run: int, whole: int) -> None:
        self._what, self._per_run, self._whole = what, per_run, whole
        self.spent = 0
        self._stop = min(per_run, whole)

    def start_run(self) -> None:
        self._stop = min(self.spent + self._per_run, self._whole)

    def allow(self, count: int) -> None:
        """A body that comes in rows has more to be worked on, and may cost more."""
        self._whole += count

    def charge(self, count: int = 1) -> None:
        self.spent += count
        if self.spent > self._stop:
            if self.spent > self._whole:
                raise OverBudget(self._what, self._whole, whole=True)
            raise OverBudget(self._what, self._per_run, whole=False)


class Budget:
    """What one body may cost."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.steps = Meter("steps", limits.steps_per_run, limits.steps)
        self.items = Meter("items", limits.items_per_run, limits.items)
        self.characters = Meter("characters", limits.characters_per_run, limits.characters)

    def start_run(self) -> None:
        self.steps.start_run()
        self.items.start_run()
        self.characters.start_run()

    def allow(self, steps: int, items: int, characters: int) -> None:
        self.steps.allow(steps)
        self.items.allow(items)
        self.characters.allow(characters)

    def list_of(self, length: int) -> None:
        """A list or an object of so many items is about to be made or walked through."""
        self.items.charge(length)
        if length > self.limits.longest_list:
            raise MappingError(
                "too_long",
                f"A list of {length:,} items is longer than the {self.limits.longest_list:,} that"
                " are taken.",
            )

    def text_of(self, length: int) -> None:
        """A text of so many characters is about to be made or taken."""
        self.characters.charge(length)
        if length > self.limits.longest_text:
            raise MappingError(
                "too_long",
                f"A text of {length:,} characters is longer than the"
                f" {self.limits.longest_text:,} that are taken.",
            )

    def weigh(self, value: object) -> None:
        """Charge for all of a value, and refuse what cannot be written as JSON.

        Parts that stand in it several times weigh as often: an expression can build, in 40 steps,
        a value that would fill memory once it is written out or compared.
        """
        if isinstance(value, str):
            self._weigh_text(value)
            return
        waiting = [(value, DEEPEST)]
        while waiting:
            one, levels = waiting.pop()
            if isinstance(one, str):
                self._weigh_text(one)
            elif isinstance(one, list | dict):
                if not levels:
                    raise MappingError(
                        "nested_too_deeply", f"At most {DEEPEST} levels of nesting are taken."
                    )
                self.list_of(len(one))
                if isinstance(one, dict):
                    for key in one:
                        self._weigh_text(key)
                    waiting.extend((part, levels - 1) for part in one.values())
                else:
                    waiting.extend((part, levels - 1) for part in one)
            elif not _is_plain(one):
                raise MappingError("not_json", "This is a number or value that JSON cannot say.")

    def _weigh_text(self, text: str) -> None:
        self.text_of(len(text))
        if text.isascii():
            return
        try:
            text.encode()
        except UnicodeEncodeError:
            raise MappingError(
                "not_json", "This text holds half of a character (an unpaired surrogate)."
            ) from None


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < LARGEST_INTEGER
    return value is None
