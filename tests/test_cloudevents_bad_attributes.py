"""CloudEvents that cannot be believed: pointed at in the words of their sender, item by item."""

import base64
import json
from typing import Any

import httpx
import pytest

from tests.cloudevents_sent import (
    BATCHED,
    NOTHING,
    STRUCTURED,
    Message,
    batched,
    binary,
    cloudevent,
    structured,
)
from tests.sent import SERVICE, buckets, dose, event

DAY = {"from": "2026-03-01T08:00:00Z", "to": "2026-03-02T08:00:00Z"}
#: Attribute, code, and what is changed; the same in JSON and in headers.
REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    *((name, "missing_field", {name: NOTHING}) for name in ("id", "source", "type", "time")),
    *((name, "empty", {name: ""}) for name in ("specversion", "id", "source", "type", "subject")),
    ("subject", "missing_field", {"subject": NOTHING}),
    ("subject", "empty", {"subject": f"{SERVICE}/"}),
    ("subject", "empty", {"subject": "/oak"}),
    ("subject", "too_long", {"subject": f"{SERVICE}/{'x' * 201}"}),
    ("subject", "nul_character", {"subject": f"{SERVICE}/a\x00b"}),
    *(("specversion", "unsupported_version", {"specversion": v}) for v in ("0.3", "1", "1.0.2")),
    ("id", "too_long", {"id": "x" * 201}),
    ("id", "nul_character", {"id": "a\x00"}),
    ("type", "unknown_type", {"type": "uk.care.medication.administered.v2"}),
    ("type", "unknown_type", {"type": "uk.care.medication.admin.v1"}),
    ("type", "unknown_type", {"type": "uk.care..v1"}),
    ("type", "unknown_type", {"type": "uk.care.custom.undeclared.v1"}),
    ("time", "naive_time", {"time": "2026-03-01T08:05:00"}),
    ("time", "invalid_time", {"time": "yesterday"}),
    ("time", "invalid_time", {"time": ""}),
    ("time", "occurred_in_future", {"time": "2027-03-01T08:05:00Z"}),
    ("time", "implausible_time", {"time": "1999-12-31T23:59:59Z"}),
    ("recordedtime", "naive_time", {"recordedtime": "2026-03-01T08:05:00"}),
    ("eventversion", "out_of_range", {"eventversion": 0}),
    ("eventversion", "out_of_range", {"eventversion": "2147483648"}),
    ("eventversion", "wrong_type", {"eventversion": "two"}),
    ("eventversion", "wrong_type", {"eventversion": "02"}),
    ("eventversion", "wrong_type", {"eventversion": "1.0"}),
    ("eventversion", "wrong_type", {"eventversion": "9" * 5_000}),
    ("retracted", "wrong_type", {"retracted": "yes"}),
    ("retracted", "wrong_type", {"retracted": "True"}),
    ("area", "empty", {"area": ""}),
    ("person", "too_long", {"person": "9" * 201}),
    ("about", "unknown_value", {"about": "night"}),
    ("about", "unknown_value", {"about": ""}),
    ("about", "unreadable", {"about": "{"}),
    ("about", "invalid_about", {"about": "{}"}),
    ("about", "unknown_field", {"about": '{"bnd": "weekday_day"}'}),
    ("about", "naive_time", {"about": json.dumps(DAY | {"from": "2026-03-01T08:00:00"})}),
    ("about", "ends_before_start", {"about": json.dumps(DAY | {"to": DAY["from"]})}),
    ("team", "unknown_field", {"team": "oak"}),
    ("service", "unknown_field", {"service": SERVICE}),
    ("version", "unknown_field", {"version": 2}),
    ("occurred_at", "unknown_field", {"occurred_at": "2026-03-01T08:05:00Z"}),
    ("recorded-time", "unknown_field", {"recorded-time": "2026-03-01T08:05:00Z"}),
]


def _where(way: str, name: str) -> str:
    return f"/ce-{name}" if way == "binary" else f"/{name}"


@pytest.mark.parametrize(
    ("name", "code", "changes"), REFUSED, ids=[f"{code}-{name}" for name, code, _ in REFUSED]
)
@pytest.mark.parametrize("way", ["structured", "binary"])
async def test_a_bad_attribute_is_pointed_at(
    way: str, name: str, code: str, changes: dict[str, Any], client: httpx.AsyncClient
) -> None:
    message = (binary if way == "binary" else structured)(dose(), **changes)
    answer = await message.by(client)
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == (code, _where(way, name))
    assert error["detail"].endswith((".", "?"))
    assert len(answer.content) < 2_000


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
@pytest.mark.parametrize("mode", [structured, binary])
async def test_no_required_attribute_is_made_up(
    missing: str, mode: Any, client: httpx.AsyncClient
) -> None:
    answer = await mode(dose(), **{missing: NOTHING}).by(client)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["code"] == "missing_field"
    assert error["pointer"] == _where(mode.__name__, missing)
    assert error["id"] == (None if missing == "id" else "A-000001")


#: What only JSON can say.
REFUSED_IN_JSON: list[tuple[str, str, dict[str, Any]]] = [
    *((f"/{name}", "missing_field", {name: None}) for name in ("id", "source", "type", "subject")),
    ("/specversion", "wrong_type", {"specversion": 1.0}),
    ("/specversion", "unsupported_version", {"specversion": 1}),
    ("/id", "wrong_type", {"id": 7}),
    ("/id", "wrong_type", {"id": ["A"]}),
    ("/id", "out_of_range", {"id": 2**31}),
    ("/id", "out_of_range", {"id": 2**64}),
    ("/source", "wrong_type", {"source": True}),
    ("/type", "wrong_type", {"type": 7}),
    ("/subject", "wrong_type", {"subject": 7}),
    ("/time", "wrong_type", {"time": 1772352300}),
    ("/eventversion", "wrong_type", {"eventversion": 1.5}),
    ("/eventversion", "wrong_type", {"eventversion": True}),
    ("/retracted", "wrong_type", {"retracted": 1}),
    ("/person", "wrong_type", {"person": 9434765919 % 10**9}),
    ("/about", "wrong_type", {"about": {"band": "weekday_day"}}),
    ("/about", "wrong_type", {"about": 7}),
    ("/comexample", "wrong_type", {"comexample": {"a": 1}}),
    ("/comExample", "unknown_field", {"comExample": "a"}),
    ("/a~1b", "unknown_field", {"a/b": "a"}),
    ("/", "unknown_field", {"": "a"}),
    ("/data", "missing_field", {"data": NOTHING}),
    ("/data", "wrong_type", {"data": None}),
    ("/data", "wrong_type", {"data": '{"status": "given"}'}),
    ("/data", "wrong_type", {"data": []}),
    ("/data/status", "unknown_value", {"data": {"status": "gven"}}),
    ("/data/first_name", "identifier_in_data", {"data": {"status": "given", "first_name": "A"}}),
    ("/data_base64", "both_given", {"data_base64": "e30="}),
    ("/data_base64", "both_given", {"data": None, "data_base64": "e30="}),
    *(
        ("/data_base64", "unreadable", {"data": NOTHING, "data_base64": coded})
        for coded in ("", "e30", "e30=\n", "é", "-_==", "e30=e30=", 7, ["e30="], "AAAA", "4pyTIA==")
    ),
    *(
        ("/datacontenttype", "unsupported_media_type", {"datacontenttype": kind})
        for kind in ("text/plain", "application/xml", "json", "", "application/jsonp", 7)
    ),
]


@pytest.mark.parametrize(
    ("pointer", "code", "changes"),
    REFUSED_IN_JSON,
    ids=[f"{code}{pointer}" for pointer, code, _ in REFUSED_IN_JSON],
)
async def test_a_bad_cloudevent_costs_its_neighbours_nothing(
    pointer: str, code: str, changes: dict[str, Any], client: httpx.AsyncClient
) -> None:
    sent = [cloudevent(dose(1)), cloudevent(dose(2), **changes), cloudevent(dose(3))]
    answer = await batched(*sent).by(client)
    assert answer.status_code == 202
    assert buckets(answer.json()) == {"quarantined": 2, "rejected": 1}
    [rejected] = answer.json()["rejected"]
    assert (rejected["index"], rejected["code"], rejected["pointer"]) == (1, code, pointer)
    assert rejected["detail"].endswith((".", "?"))


@pytest.mark.parametrize("item", [5, None, "event", True, [], {}])
async def test_a_member_that_is_no_cloudevent_is_an_item(
    item: object, client: httpx.AsyncClient
) -> None:
    answer = await batched(item, cloudevent(dose())).by(client)
    assert buckets(answer.json()) == {"quarantined": 1, "rejected": 1}
    alone = Message([("Content-Type", STRUCTURED)], json.dumps(item).encode())
    assert (await alone.by(client)).status_code == 422


async def test_no_pointer_leads_into_a_text(client: httpx.AsyncClient) -> None:
    coded = base64.b64encode(b'{"audit": "a", "items_due": 1, "items_met": 2}').decode()
    audit = cloudevent(event("audit.completed", {}), data=NOTHING, data_base64=coded)
    about = cloudevent(dose(2), about='{"from": "2026-03-01T08:00:00", "to": "x"}')
    plain = cloudevent(dose(3, data={"status": "gven"}))
    answer = await batched(audit, about, plain).by(client)
    errors = answer.json()["errors"]
    assert [error["pointer"] for error in errors] == ["/data_base64", "/about", "/data/status"]
    assert errors[0]["detail"].startswith("At /items_met: 2 items were met of 1 due")
    assert errors[1]["detail"].startswith("At /from: Give the offset")


async def test_refusals_name_attributes_as_they_were_sent(client: httpx.AsyncClient) -> None:
    for message, named in ((structured, "'time'"), (binary, "'ce-time'")):
        answer = await message(dose(), time=NOTHING).by(client)
        assert named in answer.json()["errors"][0]["detail"]
    answer = await structured(dose(), team="oak").by(client)
    assert "'subject'" in answer.json()["errors"][0]["detail"]


async def test_base64_cannot_smuggle_other_fields_in(client: httpx.AsyncClient) -> None:
    for inside in (b'{"status": "given"}, "service": "1-999"', b'{"status": "given"}}', b"{} {}"):
        coded = base64.b64encode(inside).decode()
        answer = await structured(dose(), data=NOTHING, data_base64=coded).by(client)
        assert answer.json()["errors"][0]["pointer"] == "/data_base64"


async def test_ten_megabytes_of_an_attribute_cost_a_short_answer(client: httpx.AsyncClient) -> None:
    long = "y" * 10_000_000
    for changes in ({"id": long}, {long.upper(): "a"}, {"about": "{" + long}, {"subject": long}):
        answer = await structured(dose(), **changes).by(client)
        assert answer.status_code == 422
        assert len(answer.content) < 2_000


@pytest.mark.parametrize("bad", [b'"\xff"', b'"\\u0000"'])
async def test_what_no_text_can_be_costs_only_its_item(
    bad: bytes, client: httpx.AsyncClient
) -> None:
    sent = [cloudevent(dose(1)), cloudevent(dose(2), area="@"), cloudevent(dose(3))]
    body = json.dumps(sent).encode().replace(b'"@"', bad)
    answer = await Message([("Content-Type", BATCHED)], body).by(client)
    assert buckets(answer.json()) == {"quarantined": 2, "rejected": 1}
    assert answer.json()["rejected"][0]["pointer"] == "/area"
