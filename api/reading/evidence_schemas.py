"""Shapes of the events behind a number."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

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
