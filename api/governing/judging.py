"""Leaders who judge that others have to see to it open an escalation by signing."""

from typing import Any

from api.governing.at_service import AtService
from models.calendar import add_months
from models.context import provider_choices
from models.escalation_states import note_states
from models.escalations import LEADERS_JUDGEMENT, Raised, open_escalation
from models.records import Record
from models.vocabulary import Role


async def escalate_judgement(
    at: AtService, record: Record, asked: dict[str, Any], role: Role
) -> None:
    """Open the escalation of a strand, anew if it was resolved, to whom the judgement names."""
    choices, _ = await provider_choices(at.session)
    raised = Raised(
        record.strand,
        LEADERS_JUDGEMENT,
        "",
        "",
        {
            "code": LEADERS_JUDGEMENT,
            "segment": None,
            "word": None,
            "state": "open",
            "text": asked["why"],
            "since": f"{record.month:%Y-%m}",
            "to": asked["to"],
            "record": str(record.id),
        },
        record.month,
        record.snapshot_id,
        # The day on which the figures of the month after are final.
        next_review_on=add_months(record.month, 2).replace(day=choices.look_day),
        owned_by=Role(asked["to"]),
    )
    row, done = await open_escalation(at.session, at.provider, at.ids, raised, at.now, anew=True)
    if done is not None:
        await note_states(at.session, at.provider, [(row, done, at.actor.by(role))], at.now)
