"""Shapes of what a view says of one segment."""

from typing import Literal

from pydantic import BaseModel, Field

from models.vocabulary import AlignmentState, Channel, ChannelState, Coverage, SegmentStatus


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
    slower: bool | None = Field(
        description="Outside is not shown to be half as fast; null unless inside improved."
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
    statements: list[str] = Field(
        default_factory=list,
        description="Statements of frameworks that its current evidence bears on.",
        examples=[["saf2023:S8"]],
    )
    charts: list[ChartShown]
