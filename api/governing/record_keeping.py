"""How a record is kept: found in its place, saved over the newest figures, told of, noted."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.admin.after_commit import deliver_after_commit, ring_after_commit
from api.governing.at_service import AtService
from api.governing.drafting import figures_of, refuse_unfit, refuse_unknown_events
from api.governing.figures import Figures, shown_to
from api.governing.observing import leads_what_it_saw, tell
from api.governing.record_answers import Cited, RecordShown
from api.governing.record_bodies import ObserveBody, StageBody, read_body
from api.governing.record_states import state_of
from api.problems import Problem
from models.context import load_context
from models.deliveries import announce
from models.records import Record, signed_records
from models.trail import Resource
from models.vocabulary import AUTHOR_OF, TITLE_OF, MessageType, RecordStatus, Role, Stage, Strand

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


async def save(
    at: AtService,
    record: Record,
    role: Role,
    sent: Any,
    cites: Sequence[Cited],
    action: str,
) -> RecordShown:
    """A draft over the newest figures, with the evidence it gives."""
    strand, stage = Strand(record.strand), Stage(record.stage)
    figures = await figures_of(at, strand, record.month)
    body = read_body(stage, sent)
    await refuse_unfit(at, figures, stage, record.segment, body)
    await refuse_unknown_events(at, cites)
    signed = await signed_records(at.session, at.ids, record.strand, record.month)
    fill(at, record, role, figures, body, signed)
    record.cites = [cited.model_dump() for cited in cites]
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
    at.note(Resource.RECORD, record.id, action, role, state)
    return RecordShown.model_validate(state)
