"""What charts say in words: names, months, levels, and the finding, never above its figures."""

import textwrap
from collections.abc import Sequence
from datetime import date
from typing import Any

from models.catalogue import Indicator
from models.vocabulary import Level, Measure, Strand

TITLE_CHARACTERS, SUBTITLE_CHARACTERS, NAME_CHARACTERS = 84, 124, 28
MOST_NAMED = 4

ONE_AND_MANY = {
    Strand.TEAM_SPREAD: ("team", "teams"),
    Strand.SHIFT_COVERAGE: ("time band", "time bands"),
    Strand.EVIDENCE_ALIGNMENT: ("service area", "service areas"),
}
#: Qualifiers of a verdict as a reader of one picture has to be told them.
QUALIFIERS = {
    "recent": "held for less than 3 months",
    "levelling_down": "the gap closes because the best fell",
    "uneven_by_time": "uneven by time of the week",
    "internal_ahead": "inside is ahead of what people say",
    "thin_evidence": "thin evidence in places",
    "one_source": "from one kind of source",
    "one_manager": "mostly in teams that one person leads",
    "composition_shift": "who works or lives where has shifted",
    "backfilled": "many records written late",
    "season_not_controlled": "time of year not taken out",
    "sliding_baseline": "no programme: recent months against those before",
    "post_hoc": "programme registered after its first months",
    "share_unknown": "share of care unknown",
    "below_standard": "not all at standard",
}


def lines(text: str, width: int) -> list[str]:
    """Text as lines of at most so many characters; a word longer than that is cut."""
    return textwrap.wrap(text, width) or [""]


def trimmed(name: str, most: int = NAME_CHARACTERS) -> str:
    whole = " ".join(name.split())
    return whole if len(whole) <= most else whole[: most - 1].rstrip() + "…"


def labels(names: Sequence[str]) -> list[str]:
    """Names short enough for an axis and still different from each other."""
    found: list[str] = []
    for name in names:
        label, again = trimmed(name) or "(no name)", 2
        while label in found:
            label = f"{trimmed(name, NAME_CHARACTERS - 4)} ({again})"
            again += 1
        found.append(label)
    return found


def listed(names: Sequence[str]) -> str:
    """`Oak`, `Oak and Elm`, `Oak, Elm and 7 more`."""
    said = [trimmed(name) for name in names]
    if len(said) > MOST_NAMED:
        said = [*said[: MOST_NAMED - 1], f"{len(said) - MOST_NAMED + 1} more"]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def month_words(month: str) -> str:
    return f"{date(int(month[:4]), int(month[5:7]), 1):%b %Y}"


def window_words(window: dict[str, str] | None) -> str:
    if window is None:
        return "none yet"
    first, last = (month_words(window[end]) for end in ("from", "to"))
    return first if first == last else f"{first} to {last}"


def amount(value: float, *, signed: bool = False) -> str:
    """One decimal, with a minus that is one; nothing is below zero by rounding alone."""
    value = round(value, 1) + 0.0
    return f"{value:{'+' if signed else ''}.1f}".replace("-", "−")


def level_words(indicator: Indicator, level: float) -> str:
    if indicator.measure is Measure.PROPORTION:
        return f"{level:.1%}"
    return f"{level:.2f}"


def unit_words(indicator: Indicator, unit: str = "resident-days") -> str:
    """What the axis of an indicator's level counts."""
    match indicator.measure:
        case Measure.PROPORTION:
            return "share"
        case Measure.RATE:
            return f"per {indicator.per:,} {unit}"
        case Measure.MEAN:
            return "mean"


def better_words(indicator: Indicator) -> str:
    return f"{indicator.better.value} is better"


def spoken(strand: Strand, name: str) -> str:
    """A name within a sentence; times of the week are words and not names."""
    return name.lower() if strand is Strand.SHIFT_COVERAGE else name


def verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def headline(strand: Strand, content: dict[str, Any]) -> str:
    """How far the improvement reaches, in the words that the bound allows."""
    breadth, level = content["breadth"], content["verdict"]["level"]
    one, many = ONE_AND_MANY[strand]
    if breadth is None or level == Level.NOT_APPLICABLE:
        return str(content["verdict"]["statement"])
    n, reached = breadth["segments"], breadth["reached_at_least"]
    of_these = one if n == 1 else many
    worse = breadth["worsened_at_least"]
    if worse:
        said = f"At least {worse} of {n} {of_these} {verb(worse, 'has', 'have')} become worse"
        better = f"at least {reached} {verb(reached, 'is', 'are')} in a stronger position"
        return f"{said}, {better}" if reached else f"{said}, none is shown to be better"
    if not reached:
        if level == Level.INSUFFICIENT_EVIDENCE:
            return f"Too little evidence to say how far it reaches: no {one} of {n} can be claimed"
        return f"Improvement is not shown: no {one} of {n} can be claimed"
    improved = breadth["of_which_improved_at_least"]
    if improved == reached:
        return f"Improvement reaches at least {reached} of {n} {of_these}"
    return (
        f"At least {reached} of {n} {of_these} {verb(reached, 'is', 'are')} in a stronger position,"
        f" {reached - improved} of them already at standard"
    )


def qualified(content: dict[str, Any]) -> str:
    """The qualifiers of the verdict, as one sentence; '' for none."""
    said = [QUALIFIERS.get(each, each.replace("_", " ")) for each in _qualifiers(content)]
    return f"Qualified: {'; '.join(said)}." if said else ""


def _qualifiers(content: dict[str, Any]) -> list[str]:
    found: list[str] = content["verdict"]["qualifiers"]
    return found
