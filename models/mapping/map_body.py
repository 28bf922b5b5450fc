"""Applies a mapping: a sender's body becomes events, skipped records and rejected ones.

The same mapping and body give the same outcome on every machine and day: no clock, no database,
and work is counted, not timed. Whether an event is one of ours is decided when it is taken in.
"""

from dataclasses import dataclass
from typing import Any

from msgspec import Struct, UnsetType

from models.event_types import Flaw
from models.mapping.budget import LIMITS, Budget, Limits, MappingError, OverBudget
from models.mapping.mappings import ENVELOPE, REQUIRED, Condition, Field, Mapping
from models.mapping.pipeline import SkippedRecord, Terms, UnmappedCode, kind_of
from models.mapping.selection import Selector
from models.mapping.transforms import Step, through

#: All that a retraction says; what else a deleted record still holds may be half gone.
OF_A_RETRACTION = frozenset(("id", "service", "version", "recorded_at"))
KINDS: dict[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}

Event = dict[str, Any]


class FieldTrace(Struct, frozen=True, kw_only=True):
    """How one value came about: what was selected, what each transform made, what became of it."""

    field: str
    path: str | None
    selected: Any
    steps: tuple[Step, ...]
    result: Any
    flaw: Flaw | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """Of one record: an event, or why it was skipped, or all flaws for which it is rejected.

    Pointers of flaws lead into the mapping, to the rule that could not be followed.
    """

    index: int
    event: Event | None = None
    skipped: str | None = None
    flaws: tuple[Flaw, ...] = ()
    trace: tuple[FieldTrace, ...] = ()


class Mapped(Struct, frozen=True, kw_only=True):
    """What became of a body, and which codes were let through that no table has."""

    outcomes: tuple[Outcome, ...]
    unmapped: tuple[UnmappedCode, ...] = ()

    @property
    def events(self) -> list[Event]:
        return [one.event for one in self.outcomes if one.event is not None]


@dataclass(slots=True)
class _Run:
    """One body on its way through a mapping."""

    mapping: Mapping
    body: Any
    terms: Terms
    selector: Selector
    trace: list[FieldTrace] | None = None

    def select(self, path: str, of: str, record: Any) -> Any:
        if of == "record":
            return self.selector.select(path, record)
        whole = self.body if of == "body" else {"record": record, "body": self.body}
        return self.selector.select(path, whole)


def map_body(
    mapping: Mapping, body: Any, *, traced: bool = False, limits: Limits = LIMITS
) -> Mapped:
    """Every record of a body in order.

    Raises
    ------
    MappingError
        The body as a whole cannot be mapped: no records in it, too many, or too much work.
    """
    budget = Budget(limits)
    run = _Run(mapping, body, Terms(mapping.codes, budget), Selector(budget))
    outcomes = []
    for index, record in enumerate(_records(run, limits)):
        run.trace = [] if traced else None
        outcome = _outcome(run, index, record)
        if run.trace is not None:
            outcome = Outcome(
                index=index,
                event=outcome.event,
                skipped=outcome.skipped,
                flaws=outcome.flaws,
                trace=tuple(run.trace),
            )
        outcomes.append(outcome)
    unmapped = tuple(dict.fromkeys(run.terms.unmapped))
    return Mapped(outcomes=tuple(outcomes), unmapped=unmapped)


def _records(run: _Run, limits: Limits) -> list[Any]:
    selected = run.selector.select(run.mapping.each, run.body)
    if isinstance(selected, dict):
        return [selected]
    if not isinstance(selected, list):
        raise MappingError(
            "no_records",
            f"'{run.mapping.each}' selects {kind_of(selected)} and no list of records.",
        )
    if len(selected) > limits.records:
        raise MappingError(
            "too_many_records",
            f"A body has at most {limits.records:,} records; here are {len(selected):,}.",
        )
    return selected


def _outcome(run: _Run, index: int, record: Any) -> Outcome:
    try:
        for place, condition in enumerate(run.mapping.when):
            try:
                if not _holds(run, condition, record):
                    return Outcome(index=index, skipped=condition.reason)
            except MappingError as error:
                flaw = _flaw(f"/when/{place}", error)
                return Outcome(index=index, flaws=(flaw,))
        event, flaws = _event(run, record)
    except SkippedRecord as skipped:
        return Outcome(index=index, skipped=skipped.reason)
    if flaws:
        return Outcome(index=index, flaws=tuple(flaws))
    return Outcome(index=index, event=event)


def _holds(run: _Run, condition: Condition, record: Any) -> bool:
    """As in JMESPath: nothing, false and what is empty are not true; 0 is."""
    found = run.select(condition.path, condition.of, record)
    return not (found is None or found is False or found in ("", [], {}))


def _event(run: _Run, record: Any) -> tuple[Event, list[Flaw]]:
    """An event and what is wrong with it. All flaws, so that an author meets them at once."""
    fields, flaws = run.mapping.fields, list[Flaw]()
    event: Event = {}
    names = list(fields)
    if "retracted" in fields:
        _put(event, "retracted", run, fields["retracted"], record, flaws)
        names.remove("retracted")
    if event.get("retracted"):
        names = [name for name in names if name in OF_A_RETRACTION]
    elif isinstance(run.mapping.type, Field):
        _put(event, "type", run, run.mapping.type, record, flaws)
        event.setdefault("data", {})
    else:
        event |= {"type": run.mapping.type, "data": {}}
    for name in names:
        _put(event, name, run, fields[name], record, flaws)
    return event, flaws


def _put(event: Event, name: str, run: _Run, field: Field, record: Any, flaws: list[Flaw]) -> None:
    steps: list[Step] = []
    # Only what has been weighed gets into a trace, which is written out in full.
    selected = value = flaw = None
    try:
        run.terms.budget.start_run()
        found = field.constant
        if isinstance(found, UnsetType):
            found = run.select(field.path or "@", field.of, record)
        run.terms.budget.weigh(found)
        selected = found
        value = through(field.transforms, selected, run.terms, steps)
        value = _settled(name, field, value)
    except MappingError as error:
        value, flaw = None, _flaw(_pointer(name), error)
        flaws.append(flaw)
    finally:
        if run.trace is not None:
            run.trace.append(
                FieldTrace(
                    field=name,
                    path=field.path,
                    selected=selected,
                    steps=tuple(steps),
                    result=value,
                    flaw=flaw,
                )
            )
    if value is not None:
        group, dot, key = name.partition(".")
        if dot:
            event.setdefault(group, {})[key] = value
        else:
            event[name] = value


def _settled(name: str, field: Field, value: Any) -> Any:
    if value is None:
        value = field.default
    if value is None:
        if field.required or name in REQUIRED or name == "type":
            raise MappingError("missing_field", f"'{name}' is required, and nothing was selected.")
        return None
    kind = str if name == "type" else ENVELOPE.get(name)
    if kind is not None and not _is_a(kind, value):
        raise MappingError(
            "wrong_type", f"'{name}' has to be {KINDS[kind]} and is {kind_of(value)}."
        )
    return value


def _is_a(kind: type, value: object) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _pointer(name: str) -> str:
    return "/type" if name == "type" else "/fields/" + name.replace("~", "~0").replace("/", "~1")


def _flaw(pointer: str, error: MappingError) -> Flaw:
    """Of one rule; an error that ends the whole body goes on."""
    if isinstance(error, OverBudget) and error.whole:
        raise error
    return Flaw(pointer, error.code, error.detail)
