"""Holds a mapping to its examples, and shows in what two mappings differ over the same bodies.

Both compare events by what they say; neither stores, sends or remembers anything.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from models.event_types import SHAPES, Flaw
from models.incoming.pointers import pointer_of
from models.mapping.budget import LIMITS, Limits, MappingError
from models.mapping.map_body import Event, Mapped, map_body
from models.mapping.mappings import Mapping
from models.mapping.problems import OWN

Unmade = Literal["skipped", "rejected"]
UNMADE: tuple[Unmade, ...] = ("skipped", "rejected")
ABSENT = "nothing"
LONGEST_SHOWN = 100
#: A preview lists so many differences of a body; more would say nothing new.
MOST_DIFFERENCES = 1_000


class Change(Struct, frozen=True):
    """One place of an event and what stands there before and after; absent is null."""

    pointer: str
    before: Any
    after: Any


class Difference(Struct, frozen=True, kw_only=True):
    """What another mapping would make of a body.

    `added`, `removed` and `changed` speak of the event with this id; `skipped` and `rejected` list
    the records that are, each with its reason or codes; `body` says why none of it can be mapped.
    """

    body: int
    kind: Literal["body", "added", "removed", "changed", "skipped", "rejected"]
    id: str | None = None
    changes: tuple[Change, ...] = ()


def check_examples(mapping: Mapping, limits: Limits = LIMITS) -> list[Flaw]:
    """Why a mapping may not be put to work yet; empty when all its examples come out as written."""
    if not mapping.examples:
        return [Flaw("/examples", "missing_field", "Give at least one example, with its events.")]
    found: list[Flaw] = []
    for place, example in enumerate(mapping.examples):
        at = pointer_of(["examples", place])
        try:
            mapped = map_body(mapping, example.input, limits=limits)
        except MappingError as error:
            found.append(Flaw(f"{at}/input", error.code, error.detail))
            continue
        found += _against(mapped, example.expect, at)
    return found


def difference(
    before: Mapping, after: Mapping, bodies: Sequence[Any], limits: Limits = LIMITS
) -> list[Difference]:
    """What would change if `after` took the place of `before`, body by body.

    Events are paired by their id, the first of an id with the first. A pair that says the same is
    left out, so that no difference is an empty list; exchanged arguments give the reverse.
    """
    found: list[Difference] = []
    for number, body in enumerate(bodies):
        sides = (_mapped(before, body, limits), _mapped(after, body, limits))
        found += list(_differences(number, *sides))[:MOST_DIFFERENCES]
    return found


def changes_between(before: Any, after: Any, at: str = "") -> Iterator[Change]:
    """Places in which two JSON values differ; lists are compared as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from changes_between(before.get(key), after.get(key), at + pointer_of([key]))
    elif not _same(before, after):
        yield Change(at, before, after)


def _against(mapped: Mapped, expected: Sequence[Event], at: str) -> Iterator[Flaw]:
    for outcome in mapped.outcomes:
        for flaw in outcome.flaws:
            yield Flaw(
                flaw.pointer,
                flaw.code,
                f"Record {outcome.index} of the example at {at}: {flaw.detail}",
            )
    events = mapped.events
    if len(events) != len(expected):
        reasons = sorted({one.skipped for one in mapped.outcomes if one.skipped})
        skipped = f" Skipped: {'; '.join(reasons)}." if reasons else ""
        yield Flaw(
            f"{at}/expect",
            "example_fails",
            f"{len(expected)} events are expected, and {len(events)} come out.{skipped}",
        )
        return
    for place, (wanted, event) in enumerate(zip(expected, events, strict=True)):
        within = f"{at}/expect/{place}"
        for change in changes_between(wanted, event):
            if _one_instant(change):
                continue
            yield Flaw(
                within + change.pointer,
                "example_fails",
                f"{_shown(change.before)} is expected, and {_shown(change.after)} comes out.",
            )
        yield from _of_data(event, within)


def _one_instant(change: Change) -> bool:
    """Times with other offsets are the same times; ids that look like some stay different ids."""
    if change.pointer == "/id" or not (
        isinstance(change.before, str) and isinstance(change.after, str)
    ):
        return False
    try:
        one, other = (datetime.fromisoformat(said) for said in (change.before, change.after))
    except ValueError:
        return False
    return one.tzinfo is not None and other.tzinfo is not None and one == other


def _of_data(event: Event, at: str) -> Iterator[Flaw]:
    """An event that would be refused when it is taken in, as written in the example or not."""
    shape = SHAPES.get(event.get("type", ""))
    if shape is None or event.get("retracted"):
        return
    data = {key: value for key, value in event["data"].items() if not key.startswith(OWN)}
    try:
        flaw = msgspec.convert(data, shape).flaw()
    except msgspec.ValidationError as error:
        yield Flaw(f"{at}/data", "invalid_event", f"{event['type']} cannot be this: {error}.")
        return
    if flaw is not None:
        yield Flaw(f"{at}/data{flaw.pointer}", flaw.code, flaw.detail)


def _mapped(mapping: Mapping, body: Any, limits: Limits) -> Mapped | MappingError:
    try:
        return map_body(mapping, body, limits=limits)
    except MappingError as error:
        return error


def _differences(
    number: int, before: Mapped | MappingError, after: Mapped | MappingError
) -> Iterator[Difference]:
    why = (_refusal(before), _refusal(after))
    if why[0] != why[1]:
        yield Difference(body=number, kind="body", changes=(Change("", *why),))
    old, new = _by_id(before), _by_id(after)
    for key in sorted({*old, *new}):
        first, second = old.get(key), new.get(key)
        changes = tuple(changes_between(first, second))
        if changes:
            yield Difference(
                body=number,
                kind="added" if first is None else "removed" if second is None else "changed",
                id=key[0],
                changes=changes,
            )
    for unmade, left, right in _of_records(before, after):
        yield Difference(body=number, kind=unmade, changes=(Change("", left, right),))


def _refusal(mapped: Mapped | MappingError) -> str | None:
    return mapped.detail if isinstance(mapped, MappingError) else None


def _by_id(mapped: Mapped | MappingError) -> dict[tuple[str, int], Event]:
    if isinstance(mapped, MappingError):
        return {}
    counts: dict[str, int] = defaultdict(int)
    found = {}
    for event in mapped.events:
        found[event["id"], counts[event["id"]]] = event
        counts[event["id"]] += 1
    return found


def _of_records(
    before: Mapped | MappingError, after: Mapped | MappingError
) -> Iterator[tuple[Unmade, list[Any], list[Any]]]:
    """Which records are skipped and which rejected, when that is not the same."""
    left, right = _reasons(before), _reasons(after)
    for kind in UNMADE:
        if left[kind] != right[kind]:
            yield kind, left[kind], right[kind]


def _reasons(mapped: Mapped | MappingError) -> dict[Unmade, list[Any]]:
    outcomes = () if isinstance(mapped, MappingError) else mapped.outcomes
    return {
        "skipped": [[one.index, one.skipped] for one in outcomes if one.skipped],
        "rejected": [
            [one.index, sorted({flaw.code for flaw in one.flaws})] for one in outcomes if one.flaws
        ],
    }


def _same(before: Any, after: Any) -> bool:
    """Equal as JSON; Python alone would take true for 1."""
    return bool(before == after) and _kinds(before) == _kinds(after)


def _kinds(value: Any) -> Any:
    if isinstance(value, list):
        return [_kinds(part) for part in value]
    if isinstance(value, dict):
        return {key: _kinds(part) for key, part in value.items()}
    return isinstance(value, bool)


def _shown(value: Any) -> str:
    if value is None:
        return ABSENT
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
