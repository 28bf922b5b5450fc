"""One request for each POST of oversight: reviews, and what is done about escalations."""

from datetime import date, timedelta

from sqlalchemy import update

from models.db import transaction
from models.escalations import Raised, open_escalation
from models.organisation import Service
from models.vocabulary import Role, Strand
from tests.conftest import NOW, make_key
from tests.idempotent_setting import Prepare, Sent, Setting
from tests.roles import ACTING, person
from tests.sent import SERVICE

REVIEWS = f"/v1/services/{SERVICE}/reviews"
ESCALATIONS = f"/v1/services/{SERVICE}/escalations"
HELD = {"role": Role.REGISTERED_MANAGER, "period": "2026-10", "notes": "Looked at nights."}


async def manager(setting: Setting) -> dict[str, str]:
    """The header of somebody who manages the service, which is there since summer."""
    async with transaction(setting.running.sessions, setting.provider) as session:
        await session.execute(update(Service).values(created_at=NOW - timedelta(days=120)))
    await person(setting.running, setting.provider, "ruth", Role.REGISTERED_MANAGER)
    await person(setting.running, setting.provider, "rob", Role.DEPUTY_MANAGER)
    key = await make_key(setting.running, setting.provider, *ACTING, person="ruth")
    return {"Authorization": f"Bearer {key}"}


async def holding(setting: Setting) -> Sent:
    headers = await manager(setting)
    return Sent(REVIEWS, HELD, HELD | {"notes": "Looked at days."}, headers)


async def taking_back(setting: Setting) -> Sent:
    sent = await holding(setting)
    answer = await setting.client.post(sent.path, json=sent.json, headers=sent.headers)
    assert answer.status_code == 201, answer.text
    path = f"{REVIEWS}/{answer.json()['id']}:withdraw"
    return Sent(path, {"why": "Another home."}, {"why": "Another month."}, sent.headers)


def verb(name: str, one: dict[str, str], other: dict[str, str]) -> Prepare:
    async def done(setting: Setting) -> Sent:
        headers = await manager(setting)
        raised = Raised(
            Strand.TEAM_SPREAD, "persistent_variation", "", "", {}, date(2026, 10, 1), None,
            next_review_on=date(2026, 12, 5),
        )  # fmt: skip
        async with transaction(setting.running.sessions, setting.provider) as session:
            row, _ = await open_escalation(session, setting.provider, [SERVICE], raised, NOW)
        return Sent(f"{ESCALATIONS}/{row.id}:{name}", one, other, headers)

    return done


OVERSIGHT_SENT: dict[str, Prepare] = {
    "hold_review": holding,
    "withdraw_review": taking_back,
    "acknowledge_escalation": verb("acknowledge", {}, {"note": "Seen."}),
    "assign_escalation": verb("assign", {"owner": "ruth"}, {"owner": "rob"}),
    "act_on_escalation": verb(
        "act",
        {"action": "senior_oversight", "note": "Weekly."},
        {"action": "senior_oversight", "note": "Monthly."},
    ),
    "resolve_escalation": verb("resolve", {"why": "Closed."}, {"why": "Closed early."}),
}
OVERSIGHT_ADDED = {
    "hold_review": {"reviews": 1, "trail": 1},
    **{name: {"trail": 1} for name in OVERSIGHT_SENT if name != "hold_review"},
}
