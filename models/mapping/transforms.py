"""The closed list of typed transforms, and how a value goes through some of them.

There is no code, no regular expression and no network in any of them, and each takes time in
proportion to its value. A new one is a struct with a tag, added to the union here.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from models.mapping.pipeline import Terms, Transform, wrong_type
from models.mapping.time_transforms import (
    Epoch,
    ExcelSerial,
    HoursBetween,
    SecondsSince2000,
    ToDate,
    ToInstant,
)
from models.mapping.value_transforms import (
    Boolean,
    Concat,
    Constant,
    HashOf,
    Integer,
    Lookup,
    Lower,
    Number,
    Scale,
    Split,
    ToText,
    Trim,
    Upper,
)

Simple = (
    Trim
    | Lower
    | Upper
    | ToText
    | Constant
    | Lookup
    | Number
    | Integer
    | Boolean
    | Scale
    | Concat
    | Split
    | HashOf
    | ToInstant
    | ToDate
    | ExcelSerial
    | Epoch
    | HoursBetween
    | SecondsSince2000
)


class MapList(Transform, tag="map_list", frozen=True):
    """Each item of a list through the same transforms; what becomes null is left out."""

    transforms: tuple[Simple, ...]

    def flaw(self, tables: Collection[str]) -> str | None:
        return next((wrong for one in self.transforms if (wrong := one.flaw(tables))), None)

    def of(self, value: Any, terms: Terms) -> list[Any]:
        if not isinstance(value, list):
            raise wrong_type(value, "a list")
        done = (through(self.transforms, one, terms) for one in value)
        return [one for one in done if one is not None]


AnyTransform = Simple | MapList


class Step(NamedTuple):
    """One transform of a trace and what it made."""

    transform: str
    value: Any


def through(
    transforms: Sequence[AnyTransform],
    value: Any,
    terms: Terms,
    steps: list[Step] | None = None,
) -> Any:
    """A value after all transforms, each paid for; null goes through untouched."""
    for one in transforms:
        if value is None:
            break
        terms.budget.steps.charge()
        value = one.of(value, terms)
        terms.budget.weigh(value)
        if steps is not None:
            steps.append(Step(str(one.__struct_config__.tag), value))
    return value
