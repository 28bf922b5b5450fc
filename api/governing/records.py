"""The fifteen records: drafted over frozen figures, signed in the order of the route, superseded.

One mechanism for all of them; what the stages differ in stands in tables.
"""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from sqlalchemy import select

from api.admin.after_commit import deliver_after_commit, ring_after_commit
from api.admin.bodies import Body, Flaw, LongText, refuse
from api.governing.at_service import AtService, Writing
from api.governing.drafting import figures_of, month_of_draft, refuse_unfit, refuse_unknown_events
from api.governing.figures import Figures, shown_to
from api.governing.judging import escalate_judgement
from api.governing.observing import leads_what_it_saw, tell
from api.governing.record_answers import Cited, RecordShown
from api.governing.record_bodies import ObserveBody, StageBody, Unread, read_body
from api.governing.record_states import conflict, refuse_change, state_of
from api.governing.route_order import records_before, standing_on
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from models.context import load_context
from models.deliveries import announce
from models.records import Record, signed_records
from models.trail import Resource, note
from models.vocabulary import (
    AUTHOR_OF,
    BY_SEGMENT,
    TITLE_OF,
    MessageType,
    RecordStatus,
    Role,
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
    return await save(at, record, role, draft, "drafted")


@router.put("/{record_id}", responses=PROBLEMS)
async def change_record(record_id: UUID, change: RecordChange, at: Writing) -> RecordShown:
    """Change a draft of one's own; it is then written over the newest figures."""
    record = await found(at, record_id)
    role = author_role(at, Strand(record.strand), Stage(record.stage))
    await refuse_change(at.session, record, change.revision)
    if record.author != at.actor.person:
        raise await conflict(at.session, record, "is somebody else's draft")
    return await save(at, record, role, change, "changed")


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
    return await save(at, record, role, anew, "drafted")


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


#: Where a record stands; what supersedes it stands in the same place.
PLACED = ("provider_id", "service", "strand", "stage", "month", "segment", "writer")


def author_role(at: AtService, strand: Strand, stage: Stage) -> Role:
    what = f"write, sign or withdraw the {TITLE_OF[strand, stage]}"
    return at.actor.must_be(AUTHOR_OF[stage], what=what)


async def found(at: AtService, record_id: UUID) -> Record:
    record = await at.session.get(Record, (at.provider, record_id))
    if record is None or record.service not in at.ids:
        raise Problem("not_found")
    return record


async def in_place(at: AtService, record: Record, *statuses: RecordStatus) -> Record | None:
    """The record that stands where this one would."""
    wanted = statuses or (RecordStatus.SIGNED, RecordStatus.DRAFT)
    there: Record | None = await at.session.scalar(
        select(Record)
        .where(
            Record.service.in_(at.ids),
            Record.status.in_([status.value for status in wanted]),
            *(
                getattr(Record, name) == getattr(record, name)
                for name in PLACED
                if name not in {"provider_id", "service"}
            ),
        )
        .order_by(Record.written_at.desc())
        .limit(1)
    )
    return there


async def save(at: AtService, record: Record, role: Role, sent: Saved, action: str) -> RecordShown:
    """A draft over the newest figures, with the evidence it gives."""
    strand, stage = Strand(record.strand), Stage(record.stage)
    figures = await figures_of(at, strand, record.month)
    body = read_body(stage, sent.body)
    await refuse_unfit(at, figures, stage, record.segment, body)
    await refuse_unknown_events(at, sent.cites)
    signed = await signed_records(at.session, at.ids, record.strand, record.month)
    fill(at, record, role, figures, body, signed)
    record.cites = [cited.model_dump() for cited in sent.cites]
    at.session.add(record)
    await at.session.flush()
    if isinstance(body, ObserveBody):
        await tell_of(at, record, holds=True, entries=body)
    return await noted(at, record, action, role)


def fill(
    at: AtService,
    record: Record,
    role: Role,
    figures: Figures,
    body: StageBody,
    signed: Sequence[Record],
) -> None:
    record.author, record.author_role = at.actor.person, role.value
    record.snapshot_id = figures.conclusion.snapshot
    record.body = body.model_dump(mode="json")
    record.figures = shown_to(Stage(record.stage), figures, record.segment, record.body, signed)
    record.author_leads = False
    record.revision += 1
    record.changed_at = at.now


async def tell_of(
    at: AtService, record: Record, *, holds: bool, entries: ObserveBody | None = None
) -> None:
    """Make the evidence agree with the record; other stages give none."""
    if record.stage != Stage.OBSERVE:
        return
    context = await load_context(at.session, at.service, at.ids)
    assert context is not None
    if entries is not None:
        record.author_leads = leads_what_it_saw(
            context, record.segment, entries.entries, at.actor.person, at.actor.name
        )
    pseudonyms = at.running.keyring.pseudonyms(at.provider)
    services = await tell(at.session, context, pseudonyms, record, holds=holds, now=at.now)
    ring_after_commit(at.session, at.running, at.provider, sorted(services))


async def announce_signed(at: AtService, record: Record) -> None:
    """Tell who listens which record was signed, and neither by whom nor what it says."""
    told = {
        "id": str(record.id),
        "service": at.service,
        "strand": record.strand,
        "stage": record.stage,
        "month": f"{record.month:%Y-%m}",
        "url": f"/v1/services/{at.service}/records/{record.id}",
    }
    await announce(at.session, at.provider, MessageType.RECORD_SIGNED, at.service, told, at.now)
    deliver_after_commit(at.session, at.running)


async def noted(at: AtService, record: Record, action: str, role: Role) -> RecordShown:
    """The record as it is now, with a line in the trail that says so."""
    await at.session.flush()
    state = await state_of(at.session, record)
    note(
        at.session,
        at.provider,
        at.now,
        at.service,
        Resource.RECORD,
        str(record.id),
        action,
        at.actor.by(role),
        state,
    )
    return RecordShown.model_validate(state)
