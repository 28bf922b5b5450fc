"""What a draft has to agree with before it is saved: figures, segments, people, events."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select, tuple_

from api.admin.bodies import Flaw, refuse
from api.governing.at_service import AtService
from api.governing.figures import Figures, beyond, figures_in
from api.governing.observing import refuse_places
from api.governing.record_answers import Cited
from api.governing.record_bodies import CompareBody, JudgeBody, ObserveBody, StageBody, SupportBody
from api.problems import Problem
from api.reading.conclusions import current_conclusion
from models.calendar import add_months, month_of
from models.cells import mark_as_of
from models.context import load_context
from models.db import transaction
from models.events import Event
from models.roles import Person
from models.vocabulary import BY_SEGMENT, Stage, Strand


def month_of_draft(written: str, now: datetime) -> date:
    """A month that has ended; 422 for any other."""
    month = date(int(written[:4]), int(written[5:]), 1)
    last_ended = add_months(month_of(now), -1)
    if not date(2000, 1, 1) <= month <= last_ended:
        detail = f"Records are about months that have ended; the last is {last_ended:%Y-%m}."
        refuse("invalid", [Flaw("/month", "month_not_ended", detail)])
    return month


async def figures_of(at: AtService, strand: Strand, month: date) -> Figures:
    """The newest frozen figures of a month. One never scored is asked for, and 503 says to wait."""
    conclusion = await current_conclusion(at.session, at.ids, month)
    if conclusion is None:
        # This transaction is about to be undone, and the asking is to stay.
        async with transaction(at.running.sessions, at.provider) as session:
            await mark_as_of(session, at.service, month)
        at.running.doorbell.press(at.provider, [at.service])
        raise Problem(
            "unavailable", f"The figures of {month:%Y-%m} are being computed. Send this again."
        )
    return figures_in(conclusion, strand, month)


async def refuse_unfit(
    at: AtService, figures: Figures, stage: Stage, segment: str, body: StageBody
) -> None:
    """422 where the body does not fit the segments, people or verdict it speaks of."""
    with_care = list(figures.segments)
    known = f"Segments with care here: {', '.join(with_care) or 'none yet'}."
    flaws = []
    if stage in BY_SEGMENT and segment not in with_care:
        flaws.append(Flaw("/segment", "unknown_segment", known))
    match body:
        case CompareBody():
            flaws += _segments_once(body, with_care, known)
        case SupportBody():
            flaws += await _owners_unknown(at, body)
        case JudgeBody() if beyond(body.judgement, figures) and body.why_beyond is None:
            detail = (
                f"The figures support '{figures.supports}' at most"
                f" (level '{figures.content['verdict']['level']}'). Say why the judgement goes"
                " beyond them."
            )
            flaws.append(Flaw("/body/why_beyond", "beyond_the_figures", detail))
    refuse("invalid", flaws)
    if isinstance(body, ObserveBody):
        context = await load_context(at.session, at.service, at.ids)
        assert context is not None
        refuse_places(context, figures.strand, segment, body.entries)


def _segments_once(body: CompareBody, with_care: Sequence[str], known: str) -> list[Flaw]:
    named = [one.segment for one in body.segments]
    flaws = [
        Flaw(f"/body/segments/{place}/segment", "unknown_segment", known)
        for place, one in enumerate(named)
        if one not in with_care or one in named[:place]
    ]
    if missing := [one for one in with_care if one not in named]:
        detail = f"Every segment is compared; not named: {', '.join(missing)}."
        flaws.append(Flaw("/body/segments", "segments_missing", detail))
    return flaws


async def _owners_unknown(at: AtService, body: SupportBody) -> list[Flaw]:
    owners = {entry.owner for entry in body.entries}
    people = set(await at.session.scalars(select(Person.code).where(Person.code.in_(owners))))
    return [
        Flaw(
            f"/body/entries/{place}/owner",
            "unknown_person",
            f"There is no person {entry.owner!r}; register them with PUT /v1/people.",
        )
        for place, entry in enumerate(body.entries)
        if entry.owner not in people
    ]


async def refuse_unknown_events(at: AtService, cites: Sequence[Cited]) -> None:
    """422 where a cited event was never received for this service."""
    if not cites:
        return
    asked = {(cited.source, cited.id) for cited in cites}
    rows = await at.session.execute(
        select(Event.source, Event.event_id)
        .where(tuple_(Event.source, Event.event_id).in_(asked), Event.service.in_(at.ids))
        .distinct()
    )
    received = {(row.source, row.event_id) for row in rows}
    refuse(
        "invalid",
        [
            Flaw(f"/cites/{place}", "unknown_event", "No such event of this service is stored.")
            for place, cited in enumerate(cites)
            if (cited.source, cited.id) not in received
        ],
    )
