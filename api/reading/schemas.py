"""Shapes of the views for the contract; readers should expect further fields to appear."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from models.vocabulary import Channel, ChannelState, Coverage, Level, SegmentStatus, Strand


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


class SegmentShown(BaseModel):
    code: str
    name: str
    status: SegmentStatus
    improvement: Improvement
    at_standard: bool
    internal: Interval | None = Field(default=None, description="Evidence alignment alone.")
    external: Interval | None = Field(default=None, description="Evidence alignment alone.")
    channels: list[ChannelShown]
    gaps: list[GapShown]
    coverage: Coverage
    share_of_care: float | None
    share_of_checks: float | None
    planned_power: float | None = Field(
        description="Chance that a gain of one meaningful change in every channel would be seen."
    )
    started: str | None
    held_months: int
    closing_per_month: float | None


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
    gap: dict[str, Any]
    heterogeneity: dict[str, Any]
    warnings: list[dict[str, Any]]
    triggers: list[dict[str, Any]]
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
