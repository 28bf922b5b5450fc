"""Shapes of the views for the contract; readers should expect further fields to appear."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from api.governing.oversight import Oversight
from api.reading.segment_schemas import Aligned, SegmentShown
from api.reading.strand_schemas import CoreAgainstRest, GapBetween, Signal, ThemeHeard, Weekday
from models.vocabulary import Judgement, Level, Role, StoryPart, Strand


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
    oversight: Oversight = Field(description="Overdue reviews and open escalations.")


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


class Told(BaseModel):
    code: str
    strand: Strand | None = Field(description="Null: of all strands.")
    text: str
    figures: dict[str, Any]
    links: list[str] = Field(description="Where the figures are, or the record that is quoted.")


class Sentence(Told):
    part: StoryPart


class EscalatedTo(BaseModel):
    to: Role
    why: str


class JudgementGiven(BaseModel):
    strand: Strand
    judgement: Judgement
    residual_variation: str
    enhanced_oversight: bool
    escalation: EscalatedTo | None
    supports: Judgement = Field(description="As far as the figures go.")
    beyond_the_figures: bool
    why_beyond: str | None
    signed_by: str = Field(description="Name, as it is in the signed record.")
    signed_role: Role
    signed_at: datetime
    record: UUID
    link: str


class StoryView(ViewHead):
    level: Level
    weakest_strand: Strand | None
    strands: dict[Strand, Level]
    sentences: list[Sentence]
    judgements: list[JudgementGiven] = Field(description="Of the month, from signed records.")
    missing: list[Told]
