"""The records in a body, each with those that enclose it: step after step, as `each` says."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.mapping.budget import Limits, MappingError
from models.mapping.pipeline import kind_of
from models.mapping.selection import Selector


class Found(NamedTuple):
    """A record, and the records it was selected in, the outermost first."""

    record: Any
    parents: tuple[Any, ...]


def records_of(steps: Sequence[str], body: Any, selector: Selector, limits: Limits) -> list[Found]:
    """All records in the order in which they stand in the body.

    Raises
    ------
    MappingError
        There is no list of records where one is said to be, or there are too many.
    """
    found = [Found(record, ()) for record in _selected(steps[0], body, selector)]
    for step in steps[1:]:
        _refuse_too_many(len(found), limits.longest_list)
        within = found
        found = []
        for record, parents in within:
            # Who encloses nothing has nothing to say, be it an empty list or none.
            inner = _selected(step, record, selector, may_be_none=True)
            found += [Found(one, (*parents, record)) for one in inner]
            _refuse_too_many(len(found), limits.longest_list)
    _refuse_too_many(len(found), limits.records)
    return found


def _selected(
    step: str, value: Any, selector: Selector, *, may_be_none: bool = False
) -> Sequence[Any]:
    selected = selector.select(step, value)
    if selected is None and may_be_none:
        return ()
    if isinstance(selected, dict):
        return [selected]
    if not isinstance(selected, list):
        raise MappingError(
            "no_records", f"'{step}' selects {kind_of(selected)} and no list of records."
        )
    return selected


def _refuse_too_many(count: int, most: int) -> None:
    if count > most:
        raise MappingError(
            "too_many_records", f"A body has at most {most:,} records; here are {count:,}."
        )
