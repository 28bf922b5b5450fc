"""Applies a mapping: a sender's body becomes events, skipped records and rejected ones.

The same mapping and body give the same outcome on every machine and day: no clock, no database,
and work is counted, not timed. Whether an event is one of ours is decided when it is taken in.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct, UnsetType, structs

from models.event_types import Flaw
from models.incoming.csv_keys import RowKeys
from models.incoming.csv_reading import BadRow
from models.mapping.budget import LIMITS, Budget, Limits, MappingError, OverBudget
from models.mapping.mappings import ENVELOPE, REQUIRED, Condition, Field, Mapping
from models.mapping.pipeline import SkippedRecord, Terms, UnmappedCode, kind_of
from models.mapping.records import records_of
from models.mapping.selection import Selector
from models.mapping.tables import numbered_rows
from models.mapping.transforms import Step, through

#: All that a retraction says; what else a deleted record still holds may be half gone.
OF_A_RETRACTION = frozenset(("id", "service", "version", "recorded_at"))
KINDS: dict[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}

Event = dict[str, Any]


class FieldTrace(Struct, frozen=True, kw_only=True):
    """How one value came about: what was selected, what each transform made, what became of it."""

    field: str
    path: str | None
    of: str = "record"
    selected: Any
    steps: tuple[Step, ...]
    result: Any
    flaw: Flaw | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """Of one record: an event, or why it was skipped, or all flaws for which it is rejected.

    Pointers of flaws lead into the mapping, to the rule that could not be followed; that of a row
    which could not be read is empty. `notes` are no flaws: what a rule had to settle on its way.
    """

    #: The place of the record in its body, from 0; its line in the text of a file, from 1.
    index: int
    #: Of a record that is rejected, as far as it can be read.
    id: str | None = None
    event: Event | None = None
    skipped: str | None = None
    flaws: tuple[Flaw, ...] = ()
    notes: tuple[Flaw, ...] = ()
    trace: tuple[FieldTrace, ...] = ()


class Mapped(Struct, frozen=True, kw_only=True):
    """What became of a body, and which codes were let through that no table has."""

    outcomes: tuple[Outcome, ...]
    unmapped: tuple[UnmappedCode, ...] = ()

    @property
    def events(self) -> list[Event]:
        return [one.event for one in self.outcomes if one.event is not None]


@dataclass(slots=True)
class Run:
    """One body on its way through a mapping."""

    mapping: Mapping
    body: Any
    terms: Terms
    selector: Selector
    trace: list[FieldTrace] | None = None
    #: Of the record that is on its way.
    notes: list[Flaw] = field(default_factory=list)
    row_key: str | None = None
    #: The records that enclose it, the outermost first.
    parents: tuple[Any, ...] = ()

    def select(self, path: str, of: str, record: Any) -> Any:
        if of == "record":
            return self.selector.select(path, record)
        if of == "parent":
            return self.selector.select(path, self.parents[-1] if self.parents else None)
        if of == "body":
            return self.selector.select(path, self.body)
        whole = {"record": record, "body": self.body}
        if len(self.mapping.steps) > 1:
            whole["parents"] = list(self.parents)
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
    run = Run(mapping, body, Terms(mapping.codes, budget), Selector(budget))
    outcomes = []
    for index, record in _rows(run, limits) if mapping.input == "csv" else _records(run, limits):
        run.trace = [] if traced else None
        if isinstance(record, BadRow):
            outcomes.append(unread(record))
            continue
        outcome = outcome_of(run, index, record)
        if run.trace is not None:
            outcome = structs.replace(outcome, trace=tuple(run.trace))
        outcomes.append(outcome)
    unmapped = tuple(dict.fromkeys(run.terms.unmapped))
    return Mapped(outcomes=tuple(outcomes), unmapped=unmapped)


def unread(row: BadRow) -> Outcome:
    at = f"Column '{row.column}': " if row.column else ""
    return Outcome(index=row.line, flaws=(Flaw("", row.code, at + row.detail),))


def _rows(run: Run, limits: Limits) -> Iterator[tuple[int, Any]]:
    keys = None if "id" in run.mapping.fields else RowKeys(run.mapping.row_key)
    for count, (index, row) in enumerate(numbered_rows(run.mapping, run.body)):
        if count >= limits.records:
            raise MappingError("too_many_records", f"Here are more than {limits.records:,} rows.")
        if keys is None or isinstance(row, BadRow):
            yield index, row
            continue
        try:
            if not isinstance(run.body, str):
                run.terms.budget.start_run()
                run.terms.budget.weigh(row)
            run.row_key = keys.of(row)
            yield index, row
        except MappingError as error:
            flaw = flaw_of("", error)
            yield index, BadRow(index, None, flaw.code, flaw.detail)


def _records(run: Run, limits: Limits) -> Iterator[tuple[int, Any]]:
    for index, found in enumerate(records_of(run.mapping.steps, run.body, run.selector, limits)):
        run.parents = found.parents
        yield index, found.record


def outcome_of(run: Run, index: int, record: Any) -> Outcome:
    run.notes = []
    try:
        for place, condition in enumerate(run.mapping.when):
            try:
                if not holds(run, condition, record):
                    return Outcome(index=index, skipped=condition.reason)
            except MappingError as error:
                flaw = flaw_of(f"/when/{place}", error)
                return Outcome(index=index, flaws=(flaw,))
        event, flaws = _event(run, record)
    except SkippedRecord as skipped:
        return Outcome(index=index, skipped=skipped.reason)
    if flaws:
        return Outcome(index=index, id=event.get("id"), flaws=tuple(flaws))
    return Outcome(index=index, event=event, notes=tuple(run.notes))


def holds(run: Run, condition: Condition, record: Any) -> bool:
    """As in JMESPath: nothing, false and what is empty are not true; 0 is."""
    found = run.select(condition.path, condition.of, record)
    return not (found is None or found is False or found in ("", [], {}))


def _event(run: Run, record: Any) -> tuple[Event, list[Flaw]]:
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
    if "id" not in fields and run.row_key is not None:
        event["id"] = run.row_key
    for name in names:
        _put(event, name, run, fields[name], record, flaws)
    return event, flaws


def _put(event: Event, name: str, run: Run, field: Field, record: Any, flaws: list[Flaw]) -> None:
    steps: list[Step] = []
    # Only what has been weighed gets into a trace, which is written out in full.
    selected = value = flaw = None
    try:
        selected = selected_by(run, field, record)
        value = settled(name, field, through(field.transforms, selected, run.terms, steps))
        run.notes += notes_at(pointer_to(name), run.terms)
    except MappingError as error:
        value, flaw = None, flaw_of(pointer_to(name), error)
        flaws.append(flaw)
    finally:
        run.terms.notes.clear()
        if run.trace is not None:
            run.trace.append(
                FieldTrace(
                    field=name,
                    path=field.path,
                    of=field.of,
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


def selected_by(run: Run, field: Field, record: Any) -> Any:
    """What a field starts from, weighed."""
    run.terms.budget.start_run()
    found = field.constant
    if isinstance(found, UnsetType):
        found = run.select(field.path or "@", field.of, record)
    run.terms.budget.weigh(found)
    return found


def settled(name: str, field: Field, value: Any) -> Any:
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


def notes_at(pointer: str, terms: Terms) -> list[Flaw]:
    return [Flaw(pointer, note.code, note.detail) for note in terms.notes]


def pointer_to(name: str) -> str:
    return "/type" if name == "type" else "/fields/" + name.replace("~", "~0").replace("/", "~1")


def flaw_of(pointer: str, error: MappingError) -> Flaw:
    """Of one rule; an error that ends the whole body goes on."""
    if isinstance(error, OverBudget) and error.whole:
        raise error
    return Flaw(pointer, error.code, error.detail)
