"""A record as it is answered, and as the trail keeps it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from api.admin.bodies import Body, Text
from api.governing.record_bodies import Unread
from models.records import Record
from models.statements import statements_of_strand
from models.vocabulary import TITLE_OF, VIEW_OF, RecordStatus, Role, Stage, Strand


class Cited(Body):
    """An event that a record rests on."""

    source: Text
    id: Text


class PersonNamed(BaseModel):
    person: str
    name: str


class Acted(PersonNamed):
    role: Role


class RecordShown(BaseModel):
    id: UUID
    service: str
    strand: Strand
    stage: Stage
    title: str = Field(examples=["governance summary"])
    month: str = Field(examples=["2026-09"])
    segment: str | None
    status: RecordStatus
    revision: int = Field(description="Counts up with every draft saved; name it to sign it.")
    author: Acted
    author_leads_segment: bool = Field(description="The author leads a team that was observed.")
    supersedes: UUID | None
    superseding_why: str | None
    snapshot: UUID = Field(description="The frozen figures that it was written over.")
    view: str = Field(description="These figures, as they were known then.")
    body: Unread
    figures: dict[str, Any] = Field(description="What these figures say to this stage.")
    cites: list[Cited]
    follows: list[UUID] = Field(description="The signed records before it on the route.")
    statements: list[str] = Field(examples=[["saf2023:W5"]])
    written_at: AwareDatetime
    changed_at: AwareDatetime
    signed_by: Acted | None
    signed_at: AwareDatetime | None
    withdrawn_by: PersonNamed | None
    withdrawn_at: AwareDatetime | None
    withdrawn_why: str | None


def record_state(row: Record, names: dict[str, str], computed_at: datetime) -> dict[str, Any]:
    """The whole record as JSON. `computed_at` is when its snapshot was frozen."""
    strand = Strand(row.strand)
    month, known_at = f"{row.month:%Y-%m}", computed_at.isoformat().replace("+00:00", "Z")
    signed_by = withdrawn_by = None
    if row.signed_by is not None and row.signed_role is not None:
        signed_by = Acted(
            person=row.signed_by, name=names[row.signed_by], role=Role(row.signed_role)
        )
    if row.withdrawn_by is not None:
        withdrawn_by = PersonNamed(person=row.withdrawn_by, name=names[row.withdrawn_by])
    shown = RecordShown(
        id=row.id,
        service=row.service,
        strand=strand,
        stage=Stage(row.stage),
        title=TITLE_OF[strand, Stage(row.stage)],
        month=month,
        segment=row.segment or None,
        status=RecordStatus(row.status),
        revision=row.revision,
        author=Acted(person=row.author, name=names[row.author], role=Role(row.author_role)),
        author_leads_segment=row.author_leads,
        supersedes=row.supersedes,
        superseding_why=row.superseding_why,
        snapshot=row.snapshot_id,
        view=f"/v1/services/{row.service}/{VIEW_OF[strand]}?as_of={month}&known_at={known_at}",
        body=row.body,  # type: ignore[arg-type]  # a stored body is JSON already
        figures=row.figures,
        cites=[Cited.model_validate(cited) for cited in row.cites],
        follows=[UUID(one) for one in row.follows],
        statements=list(statements_of_strand(strand)),
        written_at=row.written_at,
        changed_at=row.changed_at,
        signed_by=signed_by,
        signed_at=row.signed_at,
        withdrawn_by=withdrawn_by,
        withdrawn_at=row.withdrawn_at,
        withdrawn_why=row.withdrawn_why,
    )
    state: dict[str, Any] = shown.model_dump(mode="json")
    return state
