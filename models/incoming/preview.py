"""What a mapping would make of bodies, before it does: events, traces, refusals; nothing written.

The same path as the worker's, so that a preview shows what a run does. Persons and staff are shown
by the pseudonyms that would be stored, and nowhere else.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from models.incoming.content import Terms
from models.incoming.mapped import row_of
from models.incoming.refusals import Refused
from models.keyring import Pseudonyms
from models.mapping.budget import MappingError
from models.mapping.map_body import FieldTrace, Outcome, map_body
from models.mapping.mappings import Mapping

#: Shown by pseudonym, or not at all: a preview must not be a way to read who was cared for.
OF_PEOPLE = frozenset({"person", "staff"})
HIDDEN = "(hidden)"
MOST_SHOWN = 200


class Previewed(NamedTuple):
    """A body that was tried; `error` where it cannot be mapped as a whole."""

    records: list[dict[str, Any]]
    total: int
    error: dict[str, str] | None


def preview(
    mapping: Mapping,
    source: str,
    bodies: Sequence[Any],
    terms: Terms,
    pseudonyms: Pseudonyms,
    now: datetime,
) -> list[Previewed]:
    """Each body's records in order, the first of them with how every value came about."""
    found = []
    for body in bodies:
        try:
            mapped = map_body(mapping, body, traced=True)
        except MappingError as error:
            found.append(Previewed([], 0, {"code": error.code, "detail": error.detail}))
            continue
        shown = [
            _record(outcome, source, terms, pseudonyms, now)
            for outcome in mapped.outcomes[:MOST_SHOWN]
        ]
        found.append(Previewed(shown, len(mapped.outcomes), None))
    return found


def _record(
    outcome: Outcome, source: str, terms: Terms, pseudonyms: Pseudonyms, now: datetime
) -> dict[str, Any]:
    refused = [flaw._asdict() for flaw in outcome.flaws]
    event = None
    if outcome.event is not None:
        event = dict(outcome.event)
        row = row_of(event, source, terms, pseudonyms, now)
        if isinstance(row, Refused):
            refused = [{"code": row.code, "pointer": row.pointer, "detail": row.detail}]
        for kind in OF_PEOPLE & event.keys():
            event[kind] = pseudonyms.of(kind, str(event[kind]))
    return {
        "index": outcome.index,
        "event": event,
        "skipped": outcome.skipped,
        "refused": refused,
        "trace": [_traced(step) for step in outcome.trace],
    }


def _traced(trace: FieldTrace) -> dict[str, Any]:
    """How one value came about, without what only the platform may know."""
    shown: dict[str, Any] = {
        "field": trace.field,
        "path": trace.path,
        "of": trace.of,
        "selected": trace.selected,
        "steps": [step._asdict() for step in trace.steps],
        "result": trace.result,
        "flaw": trace.flaw._asdict() if trace.flaw else None,
    }
    if trace.field in OF_PEOPLE:
        shown |= {"selected": HIDDEN, "steps": [], "result": HIDDEN}
    return shown
