"""What people write: one shape for each of the five stages, whatever the strand."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from itertools import count
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic import WrapSerializer as AsStored
from pydantic import WrapValidator as AsSent
from pydantic_core import PydanticCustomError

from api.admin.bodies import Body, Flaw, Text, refuse
from models.incoming.pointers import pointer_of
from models.vocabulary import Judgement, Role, Stage

#: Free text of leaders; a page of it.
Prose = Annotated[str, StringConstraints(min_length=1, max_length=5000, pattern=r"\S")]
EntryId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0, le=10_000, strict=True)]


class Replicated(StrEnum):
    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class Significance(StrEnum):
    MINOR = "minor"
    MATERIAL = "material"


class Slows(StrEnum):
    """What slows the spread, or limits the confidence of people outside."""

    STAFFING = "staffing"
    AGENCY_STAFF = "agency_staff"
    TURNOVER = "turnover"
    KNOWLEDGE = "knowledge"
    CONFIDENCE = "confidence"
    SUPERVISION = "supervision"
    HANDOVER = "handover"
    ESCALATION_UNCLEAR = "escalation_unclear"
    LOCAL_LEADERSHIP = "local_leadership"
    RECORDS = "records"
    EQUIPMENT = "equipment"
    WORKLOAD = "workload"
    COMMUNICATION = "communication"
    CONSISTENCY = "consistency"
    OTHER = "other"


class SupportKind(StrEnum):
    COACHING = "coaching"
    SHADOWING = "shadowing"
    HANDOVER_CHECKS = "handover_checks"
    SUPERVISION_FOCUS = "supervision_focus"
    SERVICE_BEHAVIOUR = "service_behaviour"


class Entry(Body):
    id: EntryId | None = Field(default=None, description="Given back when the draft is changed.")


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def _named_once(entries: list[AnyEntry]) -> list[AnyEntry]:
    repeated = {one for one, times in Counter(entry.id for entry in entries).items() if times > 1}
    if named := sorted(filter(None, repeated)):
        raise PydanticCustomError("repeated", "Two entries have the id {id}.", {"id": named[0]})
    return entries


Entries = Annotated[
    list[AnyEntry], Field(min_length=1, max_length=200), AfterValidator(_named_once)
]


class MapBody(Body):
    """Computed; the Quality Lead adds what the figures do not say."""

    comment: Prose | None = None


class Compared(Body):
    segment: Code
    replicated: Replicated = Field(description="Whether the stronger approach is at work here.")
    why: Prose


class CompareBody(Body):
    segments: list[Compared] = Field(
        min_length=1, max_length=500, description="Every segment with care, once."
    )
    origin_outperforms: bool = Field(
        strict=True, description="Whether the first area still outperforms the others too heavily."
    )
    significance: Significance = Field(description="Of the variation, for rating confidence.")
    significance_reason: Prose


class PracticeSeen(Body):
    """So many items were due, so many were met."""

    items_due: Count = Field(ge=1)
    items_met: Count
    of: Text | None = Field(default=None, description="Which practice.")

    @model_validator(mode="after")
    def _no_more_than_due(self) -> Self:
        if self.items_met > self.items_due:
            raise PydanticCustomError("too_many", "No more can be met than were due.")
        return self


class KnowledgeAsked(Body):
    """So many questions were asked, so many were known."""

    asked: Count = Field(ge=1)
    known: Count
    of: Text | None = Field(default=None, description="What the questions were about.")

    @model_validator(mode="after")
    def _no_more_than_asked(self) -> Self:
        if self.known > self.asked:
            raise PydanticCustomError("too_many", "No more can be known than were asked.")
        return self


class Observed(Entry):
    """One visit. What was seen and asked becomes evidence of its own."""

    at: AwareDatetime = Field(description="When it was seen; the band follows from it.")
    team: Code | None = Field(
        default=None, description="Where; in the team strand it is the segment."
    )
    practice: PracticeSeen | None = None
    knowledge: KnowledgeAsked | None = None
    slows: list[Slows] = Field(default=[], max_length=len(Slows))
    note: Prose | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.practice or self.knowledge or self.slows or self.note):
            raise PydanticCustomError("empty", "Say what was seen, asked, or slows the spread.")
        return self


class ObserveBody(Body):
    entries: Entries[Observed]


class Supported(Entry):
    kind: SupportKind
    what: Prose
    owner: Code = Field(description="The person who sees to it.", examples=["ann.lee"])
    due_on: date
    review_on: date
    outcome: Prose | None = None
    outcome_on: date | None = None

    @model_validator(mode="after")
    def _days_agree(self) -> Self:
        if (self.outcome is None) != (self.outcome_on is None):
            raise PydanticCustomError("incomplete", "An outcome has a day, and a day an outcome.")
        if self.review_on < self.due_on:
            raise PydanticCustomError("too_early", "It is reviewed when it is due or later.")
        return self


class SupportBody(Body):
    entries: Entries[Supported]


class EscalateTo(Body):
    to: Role
    why: Prose


class JudgeBody(Body):
    judgement: Judgement
    residual_variation: Prose = Field(
        description="Where it is weaker, and why the evidence is, or is not yet, strong enough."
    )
    enhanced_oversight: bool = Field(strict=True, description="Whether it is kept.")
    escalation: EscalateTo | None = Field(description="To whom and why; null: no.")
    why_beyond: Prose | None = Field(
        default=None, description="Needed where the judgement goes beyond the computed verdict."
    )


StageBody = MapBody | CompareBody | ObserveBody | SupportBody | JudgeBody

BODIES: dict[Stage, TypeAdapter[StageBody]] = {
    Stage.MAP: TypeAdapter(MapBody),
    Stage.COMPARE: TypeAdapter(CompareBody),
    Stage.OBSERVE: TypeAdapter(ObserveBody),
    Stage.SUPPORT: TypeAdapter(SupportBody),
    Stage.JUDGE: TypeAdapter(JudgeBody),
}

#: Which of the shapes is meant is known from the stage, which may stand in the stored record.
Unread = Annotated[StageBody, AsSent(lambda value, _: value), AsStored(lambda value, _: value)]


def read_body(stage: Stage, sent: Any) -> StageBody:
    """The body of a stage, checked as far as it can be by itself. 422 with pointers."""
    try:
        body = BODIES[stage].validate_python(sent, strict=False)
    except ValidationError as error:
        refuse(
            "invalid",
            [
                Flaw(f"/body{pointer_of(flaw['loc'])}", flaw["type"], flaw["msg"])
                for flaw in error.errors()
            ],
        )
        raise
    if isinstance(body, ObserveBody | SupportBody):
        _number(body.entries)
    return body


def _number(entries: Sequence[Observed | Supported]) -> None:
    """Entries keep their ids for ever, since the evidence they became is known by them."""
    taken = {entry.id for entry in entries}
    free = (one for one in map(str, count(1)) if one not in taken)
    for entry in entries:
        entry.id = entry.id or next(free)
