"""How the story says things: names in a row, months, levels with their unit, links."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from models.calendar import add_months
from models.catalogue import Indicator
from models.context import ServiceContext
from models.vocabulary import VIEW_OF, ExposureUnit, Measure, StoryPart, Strand
from worker.score import StrandScore
from worker.shown_segments import month_text
from worker.stats.panel import Bools, Ints
from worker.verdict import AXIS_WORDS, Verdict
from worker.windows import Windows

BY = {
    Strand.TEAM_SPREAD: "By team",
    Strand.SHIFT_COVERAGE: "By time of the week",
    Strand.EVIDENCE_ALIGNMENT: "By service area, inside and outside together",
}
UNIT_WORDS = {
    ExposureUnit.RESIDENT_DAYS: "resident-days",
    ExposureUnit.CARE_HOURS: "care hours",
}
#: In a sentence no more are named; the figures beside it have them all.
MOST_NAMED = 8
MOST_DECIMALS = 6

Sentence = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A strand that there is a score of, and how its sentences are made."""

    context: ServiceContext
    score: StrandScore
    verdict: Verdict
    windows: Windows
    #: What the strand's view shows, which the story does not work out again.
    shown: dict[str, Any]

    @property
    def strand(self) -> Strand:
        return self.score.strand

    @property
    def one(self) -> str:
        return AXIS_WORDS[self.strand][0]

    @property
    def many(self) -> str:
        return AXIS_WORDS[self.strand][1]

    @property
    def n(self) -> int:
        return int(self.score.counted.sum())

    def codes(self, chosen: Bools | Iterable[int]) -> list[str]:
        return [self.score.codes[place] for place in places_in(chosen)]

    def names(self, chosen: Bools | Iterable[int]) -> str:
        return listed([self.score.spoken[place] for place in places_in(chosen)])

    def verb(self, chosen: Bools | Iterable[int], one: str, many: str) -> str:
        """Nights are many, whichever they are."""
        places = places_in(chosen)
        return many if len(places) > 1 or self.score.spoken[places[0]].endswith("nights") else one

    def month(self, position: int | Ints) -> date:
        """The month at a position of the score's axis, whose last is `as_of`."""
        last = self.score.course.charts.value.shape[-1] - 1
        return add_months(self.score.as_of, int(position) - last)

    def sentence(
        self,
        part: StoryPart,
        code: str,
        text: str,
        figures: dict[str, Any],
        evidence: Iterable[tuple[str, str | None]] = (),
    ) -> Sentence:
        """A sentence with a link to the view, and to the `evidence` of segments and indicators."""
        view = view_link(self.context, self.strand, self.score.as_of)
        return {
            "code": f"{self.strand.value}.{code}",
            "part": part.value,
            "strand": self.strand.value,
            "text": capital(text),
            "figures": figures,
            "links": [view, *(self.evidence_link(*one) for one in evidence)],
        }

    def evidence_link(self, segment: str, indicator: str | None) -> str:
        asked = {"strand": self.strand.value, "segment": segment}
        if indicator is not None:
            asked["indicator"] = indicator
        asked["as_of"] = month_text(self.score.as_of)
        return f"{base(self.context)}/evidence?{urlencode(asked)}"


def base(context: ServiceContext) -> str:
    return f"/v1/services/{quote(context.service, safe='')}"


def view_link(context: ServiceContext, strand: Strand, as_of: date) -> str:
    return f"{base(context)}/{VIEW_OF[strand]}?as_of={month_text(as_of)}"


def places_in(chosen: Bools | Iterable[int]) -> list[int]:
    if isinstance(chosen, np.ndarray) and chosen.dtype == bool:
        return [int(place) for place in np.flatnonzero(chosen)]
    return [int(place) for place in chosen]


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """`Oak`, `Oak and Elm`, `Oak, Elm and Ash`, `Oak, Elm and 7 more`."""
    said = list(names)
    if len(said) > most:
        said = [*said[: most - 1], f"{len(said) - most + 1} more"]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def within(name: str) -> str:
    """A name inside a sentence; what is not written like a word stays as it is."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def month_words(month: date) -> str:
    return f"{month:%B %Y}"


def months_later(months: int) -> str:
    return "1 month later" if months == 1 else f"{months} months later"


def changes(value: float) -> str:
    """So many meaningful changes, in words."""
    return f"{value:.1f} times the smallest change that matters"


def amount_words(indicator: Indicator, n: float, unit: ExposureUnit) -> str:
    """What a level is of, behind it."""
    match indicator.measure:
        case Measure.PROPORTION:
            return f"of {n:,.0f}"
        case Measure.RATE:
            return f"over {n * indicator.per:,.0f} {UNIT_WORDS[unit]}"
        case Measure.MEAN:
            return f"from {n:,.0f}"


def level_words(indicator: Indicator, level: float, unit: ExposureUnit) -> str:
    """A level with its unit, fine enough to tell a meaningful change."""
    scale = 100 if indicator.measure is Measure.PROPORTION else 1
    decimals = max(math.ceil(-math.log10(indicator.meaningful * scale)), 0) + 1
    value = f"{level * scale:.{min(decimals, MOST_DECIMALS)}f}".rstrip("0").rstrip(".")
    match indicator.measure:
        case Measure.PROPORTION:
            return f"{value}%"
        case Measure.RATE:
            return f"{value} per {indicator.per:,} {UNIT_WORDS[unit]}"
        case Measure.MEAN:
            return value
