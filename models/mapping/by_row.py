"""A mapping made ready for the many rows of one table, with the outcomes of `map_body`.

Cells repeat: few codes, teams and times stand in very many rows. So each rule remembers what it
made of the cells that it reads, and asks the mapping again only for what it has not met. What a
rule looks at the whole record for is worked out each time.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from msgspec import UnsetType

from models.event_types import Flaw
from models.mapping.budget import LIMITS, Budget, Limits, MappingError
from models.mapping.columns import only_column, reads
from models.mapping.map_body import (
    Event,
    Outcome,
    Run,
    flaw_of,
    holds,
    notes_at,
    outcome_of,
    pointer_to,
    selected_by,
    settled,
)
from models.mapping.mappings import ENVELOPE, Condition, Field, Mapping
from models.mapping.pipeline import SkippedRecord, Terms, UnmappedCode
from models.mapping.selection import Selector
from models.mapping.transforms import through

#: What all rules together remember, and the longest text that is worth it.
MOST_KEPT = 65_536
MOST_KEPT_A_RULE = 8_192
LONGEST_KEPT = 200
#: Kinds of values that nobody can change behind our back.
KEPT_KINDS = (str, int, float, bool, type(None))
#: What a file may cost grows with its rows. Remembered work is not charged again.
STEPS_A_ROW = 1_000
ITEMS_A_ROW = 1_000
CHARACTERS_A_ROW = 50_000
#: As many codes without a meaning are named; more would say nothing new.
MOST_UNMAPPED = 1_000

Cells = dict[str, str]


class _Odd(NamedTuple):
    """What a rule made of some cells, where that is more than a value."""

    value: Any = None
    flaws: tuple[Flaw, ...] = ()
    skipped: str | None = None
    notes: tuple[Flaw, ...] = ()
    unmapped: tuple[UnmappedCode, ...] = ()


class _Rule:
    """One field or condition: the cells that decide it, and what it was for those met so far."""

    __slots__ = ("as_it_is", "asks", "column", "group", "kept", "key", "name", "work")

    def __init__(self, name: str, path: str | None, work: Callable[[Cells], Any]) -> None:
        self.name = name
        self.work = work
        #: A text is what the rule makes of its column, unless it is long or odd.
        self.as_it_is = False
        group, dot, key = name.partition(".")
        self.group, self.key = (group, key) if dot else ("", name)
        self.kept: dict[Any, Any] = {}
        found = reads(path) if path is not None else None
        columns = found.columns if found is not None else ()
        self.column = columns[0] if len(columns) == 1 else None
        self.asks: Callable[[Cells], Any] = lambda cells: tuple(map(cells.get, columns))
        if found is not None and found.whole:
            self.column, self.asks = None, lambda _: NOT_KEPT


NOT_KEPT = object()


class RowMapper:
    """Maps the rows of one table, one at a time; `unmapped` are codes that were let through."""

    def __init__(self, mapping: Mapping, limits: Limits = LIMITS) -> None:
        if mapping.input != "csv":
            raise ValueError("Only the rows of a table are all that their mapping looks at.")
        self._budget = Budget(limits)
        self._run = Run(mapping, None, Terms(mapping.codes, self._budget), Selector(self._budget))
        self._conditions = [
            (self._rule(f"/when/{place}", condition), condition.reason)
            for place, condition in enumerate(mapping.when)
        ]
        fields = dict(mapping.fields)
        deleted = fields.pop("retracted", None)
        self._deleted = self._rule("retracted", deleted) if deleted is not None else None
        if isinstance(mapping.type, Field):
            fields = {"type": mapping.type} | fields
        self._rules = [self._rule(name, field) for name, field in fields.items()]
        self._type = mapping.type if isinstance(mapping.type, str) else None
        self._most_kept = min(MOST_KEPT_A_RULE, MOST_KEPT // (len(self._rules) + 12))
        self.unmapped: dict[UnmappedCode, None] = {}

    def outcome(self, line: int, cells: Cells, row_key: str | None = None) -> Outcome:
        """What becomes of a row; `row_key` is its id if the mapping has no field for that.

        Raises
        ------
        OverBudget
            The rows up to here take more work than a file may.
        """
        self._budget.allow(STEPS_A_ROW, ITEMS_A_ROW, CHARACTERS_A_ROW)
        unmet = self._unmet(line, cells) if self._conditions else None
        if unmet is not None:
            return unmet
        event: Event = {"data": {}}
        if self._type is not None:
            event["type"] = self._type
        if row_key is not None:
            event["id"] = row_key
        if self._deleted is not None:
            deleted = self._asked(self._deleted, cells)
            if deleted:
                # There are few deletions, and little is read of one.
                return self._the_long_way(line, cells, row_key)
            if deleted is not None:
                event["retracted"] = deleted
        return self._mapped(line, cells, event)

    def _mapped(self, line: int, cells: Cells, event: Event) -> Outcome:
        flaws: list[Flaw] = []
        notes: list[Flaw] = []
        for rule in self._rules:
            # As in `_asked`; a call for each cell would cost a fifth of all.
            column = rule.column
            asked = cells.get(column) if column is not None else rule.asks(cells)
            value = rule.kept.get(asked, NOT_KEPT)
            if value is NOT_KEPT:
                value = self._work_out(rule, asked, cells)
            if value.__class__ is _Odd:
                self._note_unmapped(value.unmapped)
                if value.skipped is not None:
                    return Outcome(index=line, skipped=value.skipped)
                flaws += value.flaws
                notes += value.notes
                value = value.value
            if value is not None:
                into = event.setdefault(rule.group, {}) if rule.group else event
                into[rule.key] = value
        if flaws:
            return Outcome(index=line, id=event.get("id"), flaws=tuple(flaws))
        return Outcome(index=line, event=event, notes=tuple(notes))

    def _unmet(self, line: int, cells: Cells) -> Outcome | None:
        for rule, reason in self._conditions:
            holding = self._asked(rule, cells)
            if isinstance(holding, _Odd):
                # Conditions have no transforms, so that it can be nothing but a flaw.
                return Outcome(index=line, flaws=holding.flaws)
            if not holding:
                return Outcome(index=line, skipped=reason)
        return None

    def _rule(self, name: str, rule: Field | Condition) -> _Rule:
        run = self._run
        if isinstance(rule, Condition):
            condition = rule

            def hold(cells: Cells) -> Any:
                return holds(run, condition, cells)

            return _Rule(name, rule.path, hold)
        field = rule
        column = only_column(field) if isinstance(field.constant, UnsetType) else None

        def value(cells: Cells) -> Any:
            selected = (
                _cell(run, column, cells) if column is not None else selected_by(run, field, cells)
            )
            return settled(name, field, through(field.transforms, selected, run.terms))

        made = _Rule(name, rule.path, value)
        text = name == "type" or ENVELOPE.get(name, str) is str
        made.as_it_is = column is not None and text and not field.transforms
        return made

    def _asked(self, rule: _Rule, cells: Cells) -> Any:
        asked = cells.get(rule.column) if rule.column is not None else rule.asks(cells)
        value = rule.kept.get(asked, NOT_KEPT)
        return self._work_out(rule, asked, cells) if value is NOT_KEPT else value

    def _work_out(self, rule: _Rule, asked: Any, cells: Cells) -> Any:
        if rule.as_it_is and asked is not None and len(asked) <= LONGEST_KEPT and asked.isascii():
            # Ids are new in every row; to remember them is of no use.
            return asked
        terms = self._run.terms
        found: Any
        try:
            found = rule.work(cells)
            if terms.notes or terms.unmapped:
                found = _Odd(found, notes=tuple(notes_at(_pointer_of(rule), terms)))
        except SkippedRecord as skipped:
            found = _Odd(skipped=skipped.reason)
        except MappingError as error:
            found = _Odd(flaws=(flaw_of(_pointer_of(rule), error),))
        if terms.unmapped:
            found = found._replace(unmapped=tuple(terms.unmapped))
        terms.notes.clear()
        terms.unmapped.clear()
        if _is_short(asked) and _is_short(found.value if isinstance(found, _Odd) else found):
            if len(rule.kept) >= self._most_kept:
                rule.kept.clear()
            rule.kept[asked] = found
        return found

    def _the_long_way(self, line: int, cells: Cells, row_key: str | None) -> Outcome:
        run = self._run
        run.body, run.row_key = cells, row_key
        outcome = outcome_of(run, line, cells)
        self._note_unmapped(run.terms.unmapped)
        run.terms.unmapped.clear()
        return outcome

    def _note_unmapped(self, codes: Iterable[UnmappedCode]) -> None:
        for code in codes:
            if len(self.unmapped) < MOST_UNMAPPED:
                self.unmapped[code] = None


def _pointer_of(rule: _Rule) -> str:
    return rule.name if rule.name.startswith("/") else pointer_to(rule.name)


def _cell(run: Run, column: str, cells: Cells) -> str | None:
    """`selected_by` for a path that is a column's name, at the same cost of the budget."""
    budget = run.terms.budget
    budget.start_run()
    found = cells.get(column)
    budget.steps.charge()
    if found is not None:
        budget.characters.charge(len(found))
        budget.weigh(found)
    return found


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_KEPT
    if isinstance(value, tuple):
        return all(map(_is_short, value))
    return isinstance(value, KEPT_KINDS)
