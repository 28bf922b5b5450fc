"""One request for each POST of the route: people, their roles, and records."""

from typing import Any

from models.vocabulary import Role, Stage
from tests.conftest import NOW, make_key
from tests.idempotent_setting import Prepare, Sent, Setting
from tests.roles import ACTING, person
from tests.sent import SERVICE
from tests.set_up import PROGRAMME
from worker.recompute import drain

RECORDS = f"/v1/services/{SERVICE}/records"
HELD = {"role": Role.QUALITY_LEAD, "held_from": "2026-01-01"}
MAP = {"strand": "team_spread", "stage": Stage.MAP, "month": "2026-10", "body": {}}
WHY = {"why": "Written over the wrong month."}
OTHER_WHY = {"why": "Written twice."}


async def role(setting: Setting) -> Sent:
    await person(setting.running, setting.provider, "quinn")
    return Sent("/v1/people/quinn/roles", HELD, HELD | {"held_from": "2026-02-01"})


async def role_end(setting: Setting) -> Sent:
    await person(setting.running, setting.provider, "quinn", Role.QUALITY_LEAD)
    held = (await setting.client.get("/v1/people/quinn")).json()["roles"][0]["id"]
    return Sent(
        f"/v1/people/quinn/roles/{held}:end", {"held_to": "2026-12-01"}, {"held_to": "2026-12-02"}
    )


async def quality_lead(setting: Setting) -> dict[str, str]:
    """The service is judged; the header of somebody who maps it."""
    await setting.client.put(f"/v1/services/{SERVICE}/programme", json=PROGRAMME)
    await drain(setting.running.sessions, setting.provider, SERVICE, NOW)
    await person(setting.running, setting.provider, "quinn", Role.QUALITY_LEAD)
    key = await make_key(setting.running, setting.provider, *ACTING, person="quinn")
    return {"Authorization": f"Bearer {key}"}


async def drafting(setting: Setting) -> Sent:
    headers = await quality_lead(setting)
    return Sent(RECORDS, MAP, MAP | {"body": {"comment": "More."}}, headers)


async def drafted(setting: Setting) -> tuple[dict[str, Any], dict[str, str]]:
    """A draft, and the header of its author."""
    sent = await drafting(setting)
    answer = await setting.client.post(sent.path, json=sent.json, headers=sent.headers)
    assert answer.status_code == 201, answer.text
    return answer.json(), sent.headers


async def signing(setting: Setting) -> Sent:
    record, headers = await drafted(setting)
    return Sent(f"{RECORDS}/{record['id']}:sign", {"revision": 1}, {"revision": 2}, headers)


async def superseding(setting: Setting) -> Sent:
    sent = await signing(setting)
    answer = await setting.client.post(sent.path, json=sent.json, headers=sent.headers)
    assert answer.status_code == 200, answer.text
    path = sent.path.replace(":sign", ":supersede")
    return Sent(path, WHY | {"body": {}}, OTHER_WHY | {"body": {}}, sent.headers)


async def withdrawing(setting: Setting) -> Sent:
    record, headers = await drafted(setting)
    return Sent(f"{RECORDS}/{record['id']}:withdraw", WHY, OTHER_WHY, headers)


RECORDS_SENT: dict[str, Prepare] = {
    "give_role": role,
    "end_role": role_end,
    "draft_record": drafting,
    "sign_record": signing,
    "supersede_record": superseding,
    "withdraw_record": withdrawing,
}
RECORDS_ADDED = {
    "give_role": {"roles_held": 1, "trail": 1},
    "end_role": {"trail": 1},
    "draft_record": {"records": 1, "trail": 1},
    "sign_record": {"trail": 1},
    "supersede_record": {"records": 1, "trail": 1},
    "withdraw_record": {"trail": 1},
}
