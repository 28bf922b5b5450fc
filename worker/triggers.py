"""Early warnings and triggers: what is watched for at every look, and what has gone on too long.

One row a rule. A rule says of a look what it saw where; whether that is news, goes on, or has
ended is told from the looks before it, the same for every rule.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from models.calendar import add_months
from models.context import ServiceContext
from models.tallies import TallyRow
from models.vocabulary import Strand
from worker.numbers import number
from worker.score import StrandScore

#: "Repeated": at so many looks in a row.
REPEATED_LOOKS = 3


class Kind(StrEnum):
    """A warning is shown; a trigger has to be answered by somebody."""

    WARNING = "warning"
    TRIGGER = "trigger"


class State(StrEnum):
    """Of a rule in a segment: holds, is seen but not long enough, or held at the look before."""

    OPEN = "open"
    WATCHING = "watching"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Look:
    """What a rule may look at; what a rule saw is kept, since later looks look back on it."""

    score: StrandScore
    context: ServiceContext
    tallies: Sequence[TallyRow]
    kept: dict[str, dict[tuple[str, str], "Sighting"]] = field(default_factory=dict)

    def sightings(self, rule: "Rule") -> dict[tuple[str, str], "Sighting"]:
        """What a rule sees, by segment and word."""
        if rule.code not in self.kept:
            self.kept[rule.code] = {(one.segment, one.words): one for one in rule.see(self)}
        return self.kept[rule.code]


class Sighting(NamedTuple):
    """What a rule saw in a segment ('' for the whole strand): a figure, and whether it held."""

    segment: str
    figure: float | None
    met: bool
    words: str = ""
    #: What the figure is of, where that may be another thing at each look.
    of: str = ""
    #: What it was held against, where that is not the threshold of the rule.
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """`threshold` is what the figure is held against, in the unit that `says` names.

    looks : at how many looks in a row it has to be seen before it holds.
    """

    strand: Strand
    kind: Kind
    code: str
    says: str
    threshold: float
    looks: int
    see: Callable[[Look], Iterable[Sighting]]


def signals(
    rules: Sequence[Rule],
    kind: Kind,
    looks: Sequence[Look],
    *,
    provisional: bool,
) -> list[dict[str, Any]]:
    """What the rules of a kind say at the newest look, with since when and what was seen before.

    `looks` are in order, the newest last. A provisional look opens no trigger: late evidence is
    still expected.
    """
    if not looks:
        return []
    strand = looks[-1].score.strand
    found = []
    for rule in rules:
        if rule.kind is not kind or rule.strand is not strand:
            continue
        seen = [look.sightings(rule) for look in looks]
        for segment, words in sorted(seen[-1].keys() | (seen[-2].keys() if len(seen) > 1 else ())):
            history = [
                (look.score.as_of, each.get((segment, words)))
                for look, each in zip(looks, seen, strict=True)
            ]
            signal = _signal(rule, segment, words, history, provisional=provisional)
            if signal is not None:
                found.append(signal)
    return found


def _signal(
    rule: Rule,
    segment: str,
    words: str,
    history: list[tuple[date, Sighting | None]],
    *,
    provisional: bool,
) -> dict[str, Any] | None:
    run = _run(history)
    before = _run(history[:-1])
    settled = not (provisional and rule.kind is Kind.TRIGGER)
    if run >= rule.looks and (settled or before >= rule.looks):
        state, since = State.OPEN, history[-run][0]
    elif run > 0:
        state, since = State.WATCHING, history[-run][0]
    elif before >= rule.looks:
        state, since = State.CLEARED, history[-1][0]
    else:
        return None
    newest = history[-1][1]
    return {
        "code": rule.code,
        "segment": segment or None,
        "word": words or None,
        "state": state.value,
        "text": rule.says,
        "figure": _figure_of(newest),
        "of": (newest.of or None) if newest is not None else None,
        "threshold": (
            rule.threshold if newest is None or newest.threshold is None else newest.threshold
        ),
        "since": f"{since:%Y-%m}",
        "or_before": run == len(history),
        "looks": run,
        "looks_needed": rule.looks,
        "history": [
            {
                "as_of": f"{month:%Y-%m}",
                "figure": _figure_of(one),
                "met": one is not None and one.met,
            }
            for month, one in history
        ],
    }


def _run(history: Sequence[tuple[date, Sighting | None]]) -> int:
    """Looks in a row, the newest last, at which it was seen."""
    run = 0
    for _, one in reversed(history):
        if one is None or not one.met:
            break
        run += 1
    return run


def _figure_of(sighting: Sighting | None) -> float | None:
    return None if sighting is None or sighting.figure is None else number(sighting.figure)


def recent_words(look: Look, kind: str, months: int) -> dict[tuple[str, str], int]:
    """How often each word was tallied in each segment in the last months of a look."""
    from_month = add_months(look.score.as_of, 1 - months)
    found: dict[tuple[str, str], int] = {}
    for row in look.tallies:
        if row.kind == kind and from_month <= row.month <= look.score.as_of:
            segment = look.score.segment_of(row.team, row.area, row.band)
            if segment:
                found[segment, row.word] = found.get((segment, row.word), 0) + row.events
    return found
