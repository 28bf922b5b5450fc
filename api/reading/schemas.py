"""Shapes of the views for the contract; readers should expect further fields to appear."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from models.vocabulary import (
    AlignmentState,
    Channel,
    ChannelState,
    Coverage,
    GapState,
    Level,
    SegmentStatus,
    Strand,
    TallyKind,
)


class Window(BaseModel):
    """Months from and to, both included."""

    from_: str = Field(alias="from", examples=["2025-07"])
    to: str = Field(examples=["2025-12"])


class WindowPair(BaseModel):
    baseline: Window
    current: Window | None = Field(description="Null while the programme is too young.")


class ProgrammeNamed(BaseModel):
    name: str
    version: int


class Freshness(BaseModel):
    computed_at: datetime
    evidence_to: datetime | None = Field(description="When the latest evidence occurred.")
    pending: bool = Field(description="True until all that was sent is in the numbers.")


class ReasonGiven(BaseModel):
    code: str
    text: str
    figures: dict[str, Any]


class VerdictGiven(BaseModel):
    level: Level
    qualifiers: list[str]
    statement: str = Field(description="What can be claimed with 95% confidence, in a sentence.")
    reasons: list[ReasonGiven]


class Breadth(BaseModel):
    segments: int = Field(description="Segments with care, evidence or not.")
    reached_at_least: int = Field(description="Wrong (too high) in at most 5% of cases.")
    of_which_improved_at_least: int
    worsened_at_least: int
    confidence: float
    share_of_care_at_least: float | None
    named_reached: list[str]
    named_worsened: list[str]
    look: int | None = Field(description="Number of this monthly look; null while provisional.")
    alpha: float = Field(description="Level of this look; a year of looks shares 5%.")
    claimed_in: str | None = Field(
        description="Month whose look made the claim. An earlier one: later looks of the same year"
        " went on supporting it."
    )
    provisional: bool


class Interval(BaseModel):
    """In units of the smallest meaningful change; positive is better."""

    estimate: float | None
    lower: float | None
    upper: float | None


class Improvement(Interval):
    p: float | None
    p_adjusted: float | None = Field(
        description="At most `breadth.alpha`: reached by name by this look."
    )


class Lag(BaseModel):
    """By how many months what people say follows what is measured; needs 18 shared months."""

    months: int
    correlation: float | None
    beyond_noise: bool


class Aligned(BaseModel):
    """Inside against outside, in meaningful changes."""

    internal: Interval
    external: Interval
    pace: Interval = Field(description="External less half of internal: below 0 is slower.")
    slower: bool = Field(
        description="Inside improved, and outside is not shown to be half as fast."
    )
    lag: Lag | None


class ChannelShown(Interval):
    channel: Channel
    n_baseline: float | None
    n_current: float | None
    state: ChannelState


class GapShown(Interval):
    indicator: str
    level: float | None
    baseline_level: float | None
    benchmark: float | None
    benchmark_is_standard: bool
    state: Literal["material", "minor", "undetermined"]
    n_current: float | None
    shrunk: Interval | None = Field(
        description="Level drawn towards what the segments share; null below five segments."
    )


class ChangePoint(BaseModel):
    """Where the level changes most by least squares, with its 95% interval."""

    month: str
    from_: str = Field(alias="from")
    to: str
    p: float | None


class PlaceInOrder(BaseModel):
    rank: int
    months_after_origin: int
    indistinguishable_from_origin: bool


class Flagged(BaseModel):
    """A rule of the rule set and an unbroken stretch of months that it flags."""

    rule: str
    direction: Literal["improvement", "concern"]
    from_: str = Field(alias="from")
    to: str


class ChartShown(BaseModel):
    """A control chart with something flagged; limits are fixed on the year before the start."""

    indicator: str
    centre: float | None
    lower: float | None
    upper: float | None
    flagged: list[Flagged]


class SegmentShown(BaseModel):
    code: str
    name: str
    status: SegmentStatus
    improvement: Improvement
    at_standard: bool
    internal: Interval | None = Field(default=None, description="Evidence alignment alone.")
    external: Interval | None = Field(default=None, description="Evidence alignment alone.")
    pace: Interval | None = Field(default=None, description="Evidence alignment alone.")
    slower: bool | None = Field(default=None, description="Evidence alignment alone.")
    lag: Lag | None = Field(default=None, description="Evidence alignment alone.")
    state: AlignmentState | None = Field(default=None, description="Evidence alignment alone.")
    channels: list[ChannelShown]
    gaps: list[GapShown]
    coverage: Coverage
    share_of_care: float | None
    share_of_checks: float | None
    planned_power: float | None = Field(
        description="Chance that a gain of one meaningful change in every channel would be seen."
    )
    started: str | None = Field(
        description="First month of the first improvement run still in force on its control chart."
    )
    started_reason: str | None = Field(description="Why there is no start.")
    change_point: ChangePoint | None
    order: PlaceInOrder | None = Field(description="Of segments claimed by name.")
    held_months: int
    closing_per_month: float | None = Field(description="Meaningful changes nearer the benchmark.")
    closing_interval: Interval
    mix_shift: float | None = Field(
        description="Share of the evidence that comes from other teams than at baseline."
    )
    charts: list[ChartShown]


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
    looks: int
    looks_needed: int
    history: list[Seen]


class ToDate(BaseModel):
    """Counts of the open month, live and never judged."""

    month: str
    segments: dict[str, dict[str, dict[str, int]]]


class ViewHead(BaseModel):
    service: str
    snapshot: str
    as_of: str
    method: str
    catalogue: str
    programme: ProgrammeNamed | None
    windows: WindowPair
    freshness: Freshness
    current_month: ToDate | None


class StrandView(ViewHead):
    strand: Strand
    verdict: VerdictGiven
    breadth: Breadth | None
    segments: list[SegmentShown]
    concentration: dict[str, Any]
    gap: GapBetween | dict[str, Any]
    heterogeneity: dict[str, Any]
    spread: dict[str, Any] = Field(description="Origin and order of segments claimed by name.")
    whole_service: Aligned | None = Field(default=None, description="Evidence alignment alone.")
    themes: list[ThemeHeard] | None = Field(default=None, description="Evidence alignment alone.")
    core_against_rest: CoreAgainstRest | None = Field(
        default=None, description="Shift coverage alone."
    )
    weekdays: list[Weekday] | None = Field(default=None, description="Shift coverage alone.")
    attributed: dict[str, float | None] = Field(
        description="Share of each indicator's evidence that names a segment."
    )
    warnings: list[Signal]
    triggers: list[Signal]
    would_change: list[dict[str, Any]]


class Sentence(BaseModel):
    code: str
    text: str
    figures: dict[str, Any]
    links: list[str]


class Missing(Sentence):
    strand: Strand


class StoryView(ViewHead):
    level: Level
    weakest_strand: Strand | None
    strands: dict[Strand, Level]
    sentences: list[Sentence]
    judgements: list[dict[str, Any]]
    missing: list[Missing]


CountsAs = Literal["numerator", "denominator", "excluded"]


class EvidenceItem(BaseModel):
    id: str
    source: str
    version: int
    type: str
    team: str | None
    occurred_at: datetime
    received_at: datetime
    indicator: str | None
    x: float | None
    n: int | None
    counts_as: CountsAs | None
    reason: str | None = Field(description="Why it does not count.")


class Exposure(BaseModel):
    value: float
    unit: str
    census_ids: list[str]


class EvidencePage(BaseModel):
    items: list[EvidenceItem]
    next_cursor: str | None
    exposure: Exposure | None = Field(default=None, description="For a rate: its denominator.")
