"""Shapes of what a view says of all segments together: gap, times, themes, signals."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.reading.segment_schemas import Interval
from models.vocabulary import GapState, TallyKind


class EndOfGap(BaseModel):
    segment: str


class BestSegment(EndOfGap):
    ahead_of_the_others: Interval


class WeakestSegment(EndOfGap):
    behind_the_best: Interval


class GapBetween(BaseModel):
    """How far segments lie apart, now and at baseline, and who looks at it when."""

    state: GapState
    between_segments_now: Interval
    between_segments_at_baseline: Interval
    change: Interval
    closing_per_month: Interval
    best: BestSegment | None
    weakest: WeakestSegment | None
    reviewed_by: str
    next_review_on: date


class CoreAgainstRest(Interval):
    """Weekday daytime less the other bands with care, in meaningful changes since baseline."""

    rest: list[str]


class Weekday(BaseModel):
    weekday: int = Field(ge=1, le=7, description="1 is Monday.")
    checks: int
    share: float | None


class ThemeHeard(BaseModel):
    """A theme of complaints or feedback in an area; null: named none."""

    kind: TallyKind
    theme: str
    segment: str | None
    now: int
    a_month_now: float | None
    a_month_at_baseline: float | None


class Seen(BaseModel):
    as_of: str
    figure: float | None
    met: bool


class Signal(BaseModel):
    """A warning or a trigger: what was seen, against what, since when."""

    code: str
    segment: str | None
    word: str | None = Field(description="Theme, indicator or person that it is about.")
    of: str | None = Field(description="Indicator that the figure is of.")
    state: Literal["open", "watching", "cleared"]
    text: str
    figure: float | None
    threshold: float
    since: str
    or_before: bool = Field(description="It held at every look that was looked back on.")
    looks: int
    looks_needed: int
    history: list[Seen]
