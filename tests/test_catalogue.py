"""The catalogue of a provider: its version, its changes, and what cannot be counted."""

from typing import Any

import httpx
import msgspec
import pytest

from api.admin.catalogue import Change, OwnIndicator
from models.catalogue import STARTER, STARTER_VERSION, THEMES, Indicator, IndicatorChange
from models.frameworks import STATEMENTS
from models.vocabulary import ProviderId
from tests.set_up import put, refusal

OWN = {
    "code": "mouth_care",
    "name": "Mouth care given",
    "events": ["custom.mouth_care"],
    "x": "done",
    "n": "events",
    "channel": "observation",
    "category": "staff_practice",
    "meaningful": 0.05,
    "standard": 0.9,
    "statements": ["saf2023:E4"],
}


def own(**changes: Any) -> dict[str, Any]:
    return {"own": [OWN | changes]}


async def test_the_starter_catalogue_holds_until_something_is_changed(
    client: httpx.AsyncClient,
) -> None:
    said = (await client.get("/v1/catalogue")).json()
    assert said["version"] == STARTER_VERSION
    assert [each["code"] for each in said["indicators"]] == [each.code for each in STARTER]
    assert said["themes"] == list(THEMES)
    assert said["versions"] == []
    omissions = said["indicators"][0]
    assert (omissions["measure"], omissions["better"]) == ("proportion", "lower")
    assert (omissions["standard"], omissions["own"]) == (0.01, False)


async def test_changes_are_a_new_version_once(
    client: httpx.AsyncClient, admin: Any, provider: ProviderId
) -> None:
    await put(client, service="1-100000001")
    count = "SELECT count(*) FROM marks WHERE provider_id = $1"
    before = await admin.fetchval(count, provider)
    changes = {
        "falls": {"active": False},
        "audit_compliance": {"standard": None, "meaningful": 0.1},
    }
    sent = own() | {"changes": changes, "theme_aliases": {"call bells": "responsiveness"}}
    answer = await client.put("/v1/catalogue", json=sent)
    assert answer.status_code == 200
    said = answer.json()
    indicators = {each["code"]: each for each in said["indicators"]}
    assert "falls" not in indicators
    changed = indicators["audit_compliance"]
    assert (changed["standard"], changed["meaningful"]) == (None, 0.1)
    assert indicators["mouth_care"]["own"] is True
    assert (said["version"], said["changes"]) == ("2026.1+1", changes)
    assert said["theme_aliases"] == {"call bells": "responsiveness"}
    assert said["versions"] == [{"version": "2026.1+1", "registered_at": "2026-11-15T12:00:00Z"}]
    assert await admin.fetchval(count, provider) == before + 1
    assert (await client.put("/v1/catalogue", json=sent)).json() == said
    assert (await client.get("/v1/catalogue")).json() == said
    assert await admin.fetchval(count, provider) == before + 1
    emptied = (await client.put("/v1/catalogue", json={})).json()
    assert (emptied["version"], emptied["own"]) == ("2026.1+2", [])
    assert [each["code"] for each in emptied["indicators"]] == [each.code for each in STARTER]


async def test_an_indicator_that_was_listed_can_be_sent_back(client: httpx.AsyncClient) -> None:
    first = (await client.put("/v1/catalogue", json=own())).json()
    sent = {name: first[name] for name in ("changes", "own", "theme_aliases")}
    assert (await client.put("/v1/catalogue", json=sent)).json() == first


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"changes": {"unheard_of": {"active": False}}}, "/changes/unheard_of"),
        ({"changes": {"falls": {"colour": 1}}}, "/changes/falls/colour"),
        ({"changes": {"falls": {"meaningful": 0}}}, "/changes/falls/meaningful"),
        ({"changes": {"audit_compliance": {"standard": 2}}}, "/changes/audit_compliance"),
        (own(code="falls"), "/own/0/code"),
        (own(code="resident_days"), "/own/0"),
        (own(code="Mouth"), "/own/0/code"),
        (own(n=""), "/own/0"),
        (own(measure="rate"), "/own/0"),
        (own(events=["medication.unheard_of"]), "/own/0/events/0"),
        (own(events=["custom.a", "incident.reported"]), "/own/0"),
        (own(events=[]), "/own/0/events"),
        (own(channel="rumour"), "/own/0/channel"),
        (own(statements=["saf2023:Z1"]), "/own/0/statements/0"),
        ({"own": [OWN, OWN]}, "/own/1/code"),
        ({"theme_aliases": {"a/b": "weather"}}, "/theme_aliases/a~1b"),
        ({"indicators": []}, "/indicators"),
    ],
)
async def test_what_cannot_be_counted_is_refused(
    client: httpx.AsyncClient, sent: dict[str, Any], pointer: str
) -> None:
    assert await refusal(client, "PUT", "/v1/catalogue", sent) == (422, [pointer])
    assert (await client.get("/v1/catalogue")).json()["version"] == STARTER_VERSION


async def test_not_a_number_is_no_standard(client: httpx.AsyncClient) -> None:
    sent = b'{"changes": {"falls": {"standard": NaN}}}'
    answer = await client.put(
        "/v1/catalogue", content=sent, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422


def test_bodies_say_all_that_the_catalogue_knows() -> None:
    assert set(OwnIndicator.model_fields) == set(Indicator.__struct_fields__)
    assert set(Change.model_fields) == set(IndicatorChange.__struct_fields__)
    for field in msgspec.structs.fields(Indicator):
        body = OwnIndicator.model_fields[field.name]
        assert body.is_required() == field.required, field.name
        if not field.required and field.name != "statements":
            assert body.default == field.default, field.name


def test_starter_indicators_speak_to_statements_that_exist() -> None:
    assert {each for indicator in STARTER for each in indicator.statements} <= STATEMENTS
