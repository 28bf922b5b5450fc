"""Shapes of what is said of each statement of a framework: coverage, never a rating."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, Field

from api.governing.record_answers import Acted
from models.vocabulary import Channel, Perspective, SourceCategory, Stage, Strand


class CoverageState(StrEnum):
    """What there is for a statement; says nothing of how good it is."""

    COVERED = "covered"
    ONE_PERSPECTIVE = "one_perspective"
    STALE = "stale"
    NO_EVIDENCE = "no_evidence"


class EvidenceGiven(BaseModel):
    indicator: str
    name: str
    channel: Channel
    category: SourceCategory
    perspective: Perspective
    through: list[str] = Field(
        description="Statements that it names and that ask about the same; empty: it names this.",
        examples=[["saf2023:S8"]],
    )
    events: int = Field(description="In the current window.")
    latest_month: str | None = Field(description="The newest month in which it says anything.")
    months_old: int | None = Field(description="Months from then to `as_of`.")
    links: list[str]


class RecordGiven(BaseModel):
    id: str
    strand: Strand
    stage: Stage
    title: str
    month: str
    segment: str | None
    signed_by: Acted
    signed_at: AwareDatetime
    link: str


class Voices(BaseModel):
    present: list[Perspective]
    absent: list[Perspective]


class StatementCovered(BaseModel):
    code: str = Field(examples=["saf2023:S8"])
    title: str
    key_question: str
    state: CoverageState
    evidence: list[EvidenceGiven]
    channels: list[Channel] = Field(description="Kinds of check whose evidence is not stale.")
    perspectives: Voices = Field(description="Of evidence that is not stale.")
    latest_month: str | None
    months_old: int | None
    records: list[RecordGiven] = Field(description="Signed, of the last three months.")


class FrameworkNamed(BaseModel):
    code: str
    title: str
    status: str


class StatementsView(BaseModel):
    service: str
    as_of: str
    snapshot: str
    framework: FrameworkNamed
    stale_months: int
    statements: list[StatementCovered]
