"""One request for each POST of the contract, and another that the same address would take."""

import json
from typing import Any

import httpx

from tests import connecting
from tests.conftest import NOW
from tests.connecting import CONNECTOR, MAPPING, map_all, visits
from tests.fhir_sent import FHIR, administration, adverse_event, bundle, questionnaire
from tests.idempotent_oversight import OVERSIGHT_ADDED, OVERSIGHT_SENT
from tests.idempotent_records import RECORDS_ADDED, RECORDS_SENT
from tests.idempotent_setting import Prepare, Sent, Setting
from tests.idempotent_subscriptions import SUBSCRIPTIONS_ADDED, SUBSCRIPTIONS_SENT
from tests.sent import SERVICE, dose, send


def always(sent: Sent) -> Prepare:
    async def same(_: Setting) -> Sent:
        return sent

    return same


def fhir(one: Any, other: Any) -> Prepare:
    kind = "" if one["resourceType"] == "Bundle" else f"/{one['resourceType']}"
    return always(Sent(f"/v1/fhir/{SERVICE}{kind}", one, other, FHIR))


async def dismissal(setting: Setting) -> Sent:
    await send(setting.client, dose(1, team="elm"))
    [row] = (await setting.client.get("/v1/quarantine")).json()["items"]
    path = f"/v1/quarantine/{row['id']}:dismiss"
    return Sent(path, {"reason": "A trial."}, {"reason": "Nobody's."})


def connector(code: str) -> dict[str, Any]:
    return CONNECTOR | {"code": code, "source": f"emar:{code}", "mapping": MAPPING}


async def mappings(setting: Setting) -> str:
    """The address of the mappings of a new connector."""
    created = await setting.client.post("/v1/connectors", json=connector("rondo"))
    assert created.status_code == 201, created.text
    return "/v1/mappings/rondo"


async def activation(setting: Setting) -> Sent:
    return Sent(f"{await mappings(setting)}/1:activate", None, {})


async def mapping_preview(setting: Setting) -> Sent:
    one, other = ({"body": json.loads(visits(connecting.dose(number)))} for number in (1, 2))
    return Sent(f"{await mappings(setting)}/1:preview", one, other)


async def mapping_version(setting: Setting) -> Sent:
    one, other = ({"mapping": MAPPING | {"name": name}} for name in ("Second", "Third"))
    return Sent(await mappings(setting), one, other)


async def replay(setting: Setting) -> Sent:
    await mappings(setting)
    one = {"connector": "rondo", "status": ["mapped"]}
    return Sent("/v1/replays", one, one | {"status": ["mapped", "quarantined"]})


async def hook(setting: Setting) -> Sent:
    """A platform that sends a secret instead of signing, so that any body passes."""
    secret = "a secret of a platform, made up"
    scheme = {"scheme": "bearer", "id": {"header": "X-Id"}}
    created = await setting.client.post(
        "/v1/connectors", json=connector("rondo") | {"signature": scheme, "secrets": [secret]}
    )
    assert created.status_code == 201, created.text
    assert (await setting.client.post("/v1/mappings/rondo/1:activate")).status_code == 200
    one, other = (json.loads(visits(connecting.dose(number))) for number in (1, 2))
    headers = {"Authorization": f"Bearer {secret}", "X-Id": "m1"}
    path = httpx.URL(created.json()["address"]).path
    return Sent(path, one, other, headers)


async def inbox_dismissal(setting: Setting) -> Sent:
    sent = await hook(setting)
    body = {"visits": "none of this can be mapped"}
    answer = await setting.client.post(sent.path, json=body, headers=sent.headers)
    assert answer.status_code == 202, answer.text
    await map_all(setting.running, setting.provider)
    path = f"/v1/inbox/{answer.json()['inbox_id']}:dismiss"
    return Sent(path, {"reason": "A trial."}, {"reason": "Nobody's."})


async def upload(setting: Setting) -> Sent:
    """Of a file, any bytes will do: what is in it is found out later."""
    await mappings(setting)
    return Sent("/v1/uploads?connector=rondo", {"a": 1}, {"a": 2}, {"Content-Type": "text/csv"})


async def filling(setting: Setting) -> Sent:
    await mappings(setting)
    one = {"until": NOW.isoformat(), "reason": "Sent again."}
    return Sent("/v1/connectors/rondo:fill", one, one | {"reason": "Sent at last."})


#: A new POST is added here, and its router says `route_class=KeptRoute`.
SENT: dict[str, Prepare] = {
    "send_events": always(Sent("/v1/events", [dose(1), dose(2)], [dose(3)])),
    "create_key": always(
        Sent(
            "/v1/keys",
            {"name": "one", "scopes": ["views:read"]},
            {"name": "two", "scopes": ["views:read"]},
        )
    ),
    "dismiss_quarantined": dismissal,
    "recompute_service": always(Sent(f"/v1/services/{SERVICE}/recompute", None, {})),
    "send_medication_administration": fhir(administration(1), administration(2)),
    "send_questionnaire_response": fhir(questionnaire(1), questionnaire(2)),
    "send_adverse_event": fhir(adverse_event(1), adverse_event(2)),
    "send_bundle": fhir(bundle(administration(1)), bundle(administration(2))),
    "create_connector": always(Sent("/v1/connectors", connector("one"), connector("two"))),
    "activate_mapping": activation,
    "add_mapping": mapping_version,
    "preview_mapping": mapping_preview,
    "fill_silences": filling,
    "start_replay": replay,
    "receive_hook": hook,
    "upload_table": upload,
    "dismiss_inbox_item": inbox_dismissal,
    **RECORDS_SENT,
    **OVERSIGHT_SENT,
    **SUBSCRIPTIONS_SENT,
}
#: Their effect is several transactions, which know their events by identifier.
SEVERAL_TRANSACTIONS = {
    "send_medication_administration",
    "send_questionnaire_response",
    "send_adverse_event",
    "send_bundle",
}
#: What one request adds, by table; the others change rows or know their events themselves.
ADDED = {
    "create_key": {"api_keys": 1},
    "create_connector": {"connectors": 1, "mappings": 1},
    "add_mapping": {"mappings": 1},
    "receive_hook": {"inbox": 1, "arrivals": 1},
    "upload_table": {"inbox": 1, "arrivals": 1},
    "recompute_service": {"marks": 1},
    "send_events": {"events": 2},
    "start_replay": {"replays": 1},
    **RECORDS_ADDED,
    **OVERSIGHT_ADDED,
    **SUBSCRIPTIONS_ADDED,
}
