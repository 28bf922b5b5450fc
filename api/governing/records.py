"""The fifteen records: drafted over frozen figures, signed in the order of the route, superseded.

One mechanism for all of them; what the stages differ in stands in tables.
"""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from sqlalchemy import select

from api.admin.bodies import Body, Flaw, LongText, refuse
from api.governing.at_service import Writing
from api.governing.drafting import figures_of, month_of_draft
from api.governing.figures import shown_to
from api.governing.judging import escalate_judgement
from api.governing.record_answers import Cited, RecordShown
from api.governing.record_bodies import Unread
from api.governing.record_keeping import (
    PLACED,
    announce_signed,
    author_role,
    found,
    in_place,
    noted,
    save,
    tell_of,
)
from api.governing.record_states import conflict, refuse_change
from api.governing.route_order import records_before, standing_on
from api.kept_answers import KeptRoute
from api.problems import problems
from models.records import Record, signed_records
from models.vocabulary import (
    BY_SEGMENT,
    RecordStatus,
    Stage,
    Strand,
)

router = APIRouter(prefix="/v1/services/{service}/records", tags=["route"], route_class=KeptRoute)
PROBLEMS = problems("not_found", "conflict", "invalid")

Segment = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Saved(Body):
    body: Unread = Field(description="The shape of the stage.")
    cites: list[Cited] = Field(default=[], max_length=200, description="Events it rests on.")


class RecordDraft(Saved):
    strand: Strand
    stage: Stage
    month: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", examples=["2026-09"])
    segment: Segment | None = Field(
        default=None, description="Team, band or area; for 'observe' and 'support' alone."
    )


class RecordChange(Saved):
    revision: int = Field(ge=1, description="The revision that was read.")


class Superseding(Saved):
    why: LongText


class SignOff(Body):
    """A signature has no day of its own choosing: it is that on which it is given."""

    revision: int = Field(ge=1, description="The revision that was read.")


class Withdrawal(Body):
    why: LongText


@router.post("", status_code=201, responses=problems("not_found", "conflict", "invalid"))
async def draft_record(draft: RecordDraft, at: Writing) -> RecordShown:
    """Draft a record. Observations become evidence when they are saved."""
    role = author_role(at, draft.strand, draft.stage)
    if (draft.segment is not None) != (draft.stage in BY_SEGMENT):
        detail = (
            f"'{draft.stage}' records are about one segment: name it."
            if draft.stage in BY_SEGMENT
            else f"'{draft.stage}' records are about all segments."
        )
        refuse("invalid", [Flaw("/segment", "segment", detail)])
    record = Record(
        id=uuid4(),
        provider_id=at.provider,
        service=at.service,
        strand=draft.strand.value,
        stage=draft.stage.value,
        month=month_of_draft(draft.month, at.now),
        segment=draft.segment or "",
        writer=at.actor.person if draft.stage in BY_SEGMENT else "",
        status=RecordStatus.DRAFT.value,
        revision=0,
        written_at=at.now,
        follows=[],
    )
    record.lineage = record.id
    if (there := await in_place(at, record)) is not None:
        raise await conflict(
            at.session, there, "is there already; change it if it is a draft, else supersede it"
        )
    return await save(at, record, role, draft.body, draft.cites, "drafted")


@router.put("/{record_id}", responses=PROBLEMS)
async def change_record(record_id: UUID, change: RecordChange, at: Writing) -> RecordShown:
    """Change a draft of one's own; it is then written over the newest figures."""
    record = await found(at, record_id)
    role = author_role(at, Strand(record.strand), Stage(record.stage))
    await refuse_change(at.session, record, change.revision)
    if record.author != at.actor.person:
        raise await conflict(at.session, record, "is somebody else's draft")
    return await save(at, record, role, change.body, change.cites, "changed")


@router.post("/{record_id}:supersede", status_code=201, responses=PROBLEMS)
async def supersede_record(record_id: UUID, anew: Superseding, at: Writing) -> RecordShown:
    """Draft what takes the place of a signed record once it is signed itself."""
    old = await found(at, record_id)
    role = author_role(at, Strand(old.strand), Stage(old.stage))
    if old.status != RecordStatus.SIGNED:
        raise await conflict(at.session, old, "is not in force")
    record = Record(
        id=uuid4(),
        status=RecordStatus.DRAFT.value,
        revision=0,
        supersedes=old.id,
        superseding_why=anew.why,
        written_at=at.now,
        follows=[],
        **{name: getattr(old, name) for name in ("lineage", *PLACED)},
    )
    draft = await in_place(at, record, RecordStatus.DRAFT)
    if draft is not None:
        raise await conflict(at.session, draft, "is being drafted already")
    return await save(at, record, role, anew.body, anew.cites, "drafted")


@router.post("/{record_id}:sign", responses=PROBLEMS)
async def sign_record(record_id: UUID, sign_off: SignOff, at: Writing) -> RecordShown:
    """Sign a draft as it was read, over signed predecessors and the figures of today."""
    record = await found(at, record_id)
    strand, stage = Strand(record.strand), Stage(record.stage)
    role = author_role(at, strand, stage)
    await refuse_change(at.session, record, sign_off.revision)
    signed = await signed_records(at.session, at.ids, record.strand, record.month)
    before = records_before(strand, stage, record.segment, signed)
    if stage not in BY_SEGMENT:
        figures = await figures_of(at, strand, record.month)
        if figures.conclusion.snapshot != record.snapshot_id:
            raise await conflict(
                at.session,
                record,
                "was written over figures that have changed since; read them and save it again",
                "figures_changed",
            )
        # Who has looked and helped since it was drafted is looked up anew.
        record.figures = shown_to(stage, figures, record.segment, record.body, signed)
    for old in signed:
        if all(getattr(old, name) == getattr(record, name) for name in PLACED):
            if old.id != record.supersedes:
                raise await conflict(at.session, old, "is in force")
            old.status = RecordStatus.SUPERSEDED.value
            # Before the new one is signed, since a place has one signed record.
            await at.session.flush()
            await noted(at, old, "superseded", role)
    record.follows = [str(one.id) for one in before]
    record.status = RecordStatus.SIGNED.value
    record.signed_by, record.signed_role = at.actor.person, role.value
    record.signed_at = record.changed_at = at.now
    if stage is Stage.JUDGE and record.body["escalation"] is not None:
        await escalate_judgement(at, record, record.body["escalation"], role)
    signed_now = await noted(at, record, "signed", role)
    await announce_signed(at, record)
    return signed_now


@router.post("/{record_id}:withdraw", responses=PROBLEMS)
async def withdraw_record(record_id: UUID, body: Withdrawal, at: Writing) -> RecordShown:
    """Take a record back, with the evidence it gave. It stays readable, and says why."""
    record = await found(at, record_id)
    role = author_role(at, Strand(record.strand), Stage(record.stage))
    if record.status not in {RecordStatus.DRAFT, RecordStatus.SIGNED}:
        raise await conflict(at.session, record, "is not in force")
    query = select(Record).where(Record.lineage == record.lineage).order_by(Record.written_at)
    lineage = list(await at.session.scalars(query))
    if record.status == RecordStatus.SIGNED:
        signed = await signed_records(at.session, at.ids, record.strand, record.month)
        if after := standing_on(lineage, signed):
            raise await conflict(
                at.session, after[0], "stands on it; supersede the one, or withdraw the other first"
            )
    record.status = RecordStatus.WITHDRAWN.value
    record.withdrawn_by, record.withdrawn_why = at.actor.person, body.why
    record.withdrawn_at = record.changed_at = at.now
    in_force = [one for one in lineage if one.status in {RecordStatus.DRAFT, RecordStatus.SIGNED}]
    await tell_of(at, in_force[-1] if in_force else record, holds=bool(in_force))
    return await noted(at, record, "withdrawn", role)
