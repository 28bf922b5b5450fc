"""Hostile input to connecting platforms: pointed at, or kept and set aside; never a 500."""

import copy
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.connecting import (
    CONNECTOR,
    MAPPING,
    Worker,
    client,
    connect,
    dose,
    platform,
    visits,
    worker,
)

__all__ = ["client", "platform", "worker"]  # fixtures

BIG = 10**400


def nested(levels: int, within: Any = 1) -> Any:
    for _ in range(levels):
        within = [within]
    return within


def with_field(name: str, **field: Any) -> dict[str, Any]:
    mapping = copy.deepcopy(MAPPING)
    mapping["fields"][name] = field
    return mapping


NEW = "/v1/connectors"
CHANGE = "/v1/connectors/rondo"
ADD = "/v1/mappings/rondo"
PREVIEW = "/v1/mappings/rondo/1:preview"
REPLAY = "/v1/replays"
HMAC = {"scheme": "hmac", "signature": {"header": "X-S"}, "id": {"header": "X-Id"}}
#: Where, what, and the pointer that has to be named.
REFUSED: list[tuple[str, Any, str]] = [
    (NEW, {"code": "Rondo"}, "/code"),
    (NEW, {"code": "x" * 64}, "/code"),
    (NEW, {"code": "shipped"}, "/code"),
    (NEW, {"code": "a\n"}, "/code"),
    (NEW, {"name": " "}, "/name"),
    (NEW, {"name": "\ud800"}, "/name"),
    (NEW, {"source": "x" * 201}, "/source"),
    (NEW, {"source": None}, "/source"),
    (NEW, {"colour": "red"}, "/colour"),
    (NEW, {"expected_every_hours": 0}, "/expected_every_hours"),
    (NEW, {"expected_every_hours": BIG}, "/expected_every_hours"),
    (NEW, {"expected_every_hours": 1.5}, "/expected_every_hours"),
    (NEW, {"signature": {"scheme": "wibble"}}, "/signature"),
    (NEW, {"signature": {"scheme": "github", "colour": 1}}, "/signature"),
    (NEW, {"signature": {"scheme": "\ud800"}}, "/signature"),
    (NEW, {"signature": HMAC | {"algorithm": "\ud800"}}, "/signature"),
    (NEW, {"signature": HMAC | {"signed": ["\ud800", {"literal": "\ud800"}]}}, "/signature"),
    (NEW, {"signature": {"\ud800": "\ud800"}}, "/signature"),
    (NEW, {"signature": {"scheme": "hmac", "signature": {"header": "\ud800"}}}, "/signature"),
    (NEW, {"signature": []}, "/signature"),
    (NEW, {"signature": {}}, "/signature"),
    (NEW, {"signature": {"scheme": "hmac"}}, "/signature"),
    (NEW, {"signature": HMAC | {"tolerance_s": BIG}}, "/signature"),
    (NEW, {"signature": HMAC | {"signature": {"header": "a b"}}}, "/signature"),
    (NEW, {"signature": HMAC | {"signature": {"header": "X-S", "prefix": "\ud800"}}}, "/signature"),
    (NEW, {"secrets": ["x"] * 6}, "/secrets"),
    (NEW, {"secrets": ["short"]}, "/secrets"),
    (NEW, {"secrets": ["\ud800" * 30]}, "/secrets"),
    (NEW, {"secrets": [5]}, "/secrets/0"),
    (NEW, {"signature": None, "secrets": ["whsec_" + "QUJD" * 10]}, "/secrets"),
    (NEW, {"signature": {"scheme": "standard_webhooks_ed25519"}}, "/secrets"),
    (NEW, {"mapping": "nobodys"}, "/mapping"),
    (NEW, {"mapping": {}}, "/mapping"),
    (CHANGE, {"secrets": ["short"]}, "/secrets"),
    (CHANGE, {"signature": {"scheme": "stripe"}, "secrets": ["é"]}, "/secrets"),
    (CHANGE, {"enabled": "perhaps"}, "/enabled"),
    (CHANGE, {"code": "other"}, "/code"),
    (ADD, {"mapping": MAPPING | {"schema": "mapping/2"}}, "/mapping/schema"),
    (ADD, {"mapping": MAPPING | {"each": "a[" * 300}}, "/mapping/each"),
    (ADD, {"mapping": with_field("id", path="[" * 512)}, "/mapping/fields/id/path"),
    (ADD, {"mapping": with_field("id", constant=float("nan"))}, "/mapping/fields/id"),
    (ADD, {"mapping": with_field("id", constant=BIG)}, "/mapping/fields/id/constant"),
    (ADD, {"mapping": with_field("id", constant=nested(50))}, "/mapping/fields/id"),
    (ADD, {"mapping": with_field("\ud800", path="a")}, "/mapping"),
    (ADD, {"mapping": MAPPING | {"name": "\ud800"}}, "/mapping"),
    (ADD, {"mapping": MAPPING | {"name": "a\x00b"}}, "/mapping"),
    (ADD, {"mapping": MAPPING | {"examples": [{"input": nested(300), "expect": []}]}}, "/mapping"),
    (ADD, {"mapping": MAPPING | {"examples": [{"input": BIG, "expect": []}]}}, "/mapping"),
    (ADD, {"mapping": MAPPING | {"examples": [{"input": "\x00", "expect": []}]}}, "/mapping"),
    (ADD, {"mapping": MAPPING | {"codes": {"a": {"words": {"\x00": "b"}}}}}, "/mapping"),
    (ADD, {"mapping": MAPPING | {"codes": {"a": {"words": {"b": float("inf")}}}}}, "/mapping"),
    (ADD, {"mapping": 5}, "/mapping"),
    (ADD, {"mapping": None}, "/mapping"),
    (PREVIEW, {}, ""),
    (PREVIEW, {"body": 1, "last": 1}, ""),
    (PREVIEW, {"last": 0}, "/last"),
    (PREVIEW, {"last": 21}, "/last"),
    (PREVIEW, {"inbox_ids": []}, "/inbox_ids"),
    (PREVIEW, {"inbox_ids": [1] * 21}, "/inbox_ids"),
    (PREVIEW, {"inbox_ids": [2**63]}, "/inbox_ids/0"),
    (PREVIEW, {"inbox_ids": [-BIG]}, "/inbox_ids/0"),
    (REPLAY, {"status": []}, "/status"),
    (REPLAY, {"status": ["waiting"]}, "/status/0"),
    (REPLAY, {"received_from": "2026-03-01T08:00:00"}, "/received_from"),
    (REPLAY, {"received_to": "2026-03-01T08:00:00"}, "/received_to"),
    (REPLAY, {"received_from": "0001-01-01T00:00:00+14:00"}, "/received_from"),
    (REPLAY, {"received_to": "9999-12-31T23:59:59-14:00"}, "/received_to"),
    (REPLAY, {"received_to": BIG}, "/received_to"),
    (REPLAY, {"inbox_ids": [2**63]}, "/inbox_ids/0"),
    (REPLAY, {"inbox_ids": [0]}, "/inbox_ids/0"),
    ("/v1/inbox/1:dismiss", {"reason": " "}, "/reason"),
    ("/v1/inbox/9223372036854775808:dismiss", {"reason": "x"}, "/item"),
]


def body_for(path: str, changes: Any) -> Any:
    if path == NEW:
        return CONNECTOR | {"code": "other"} | changes
    return {"connector": "rondo"} | changes if path == REPLAY else changes


async def sent(client: httpx.AsyncClient, path: str, body: Any) -> httpx.Response:
    """As JSON, even where that has no such number or character."""
    content = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    return await client.request(
        "PUT" if path == CHANGE else "POST", path, content=content, headers=headers
    )


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize(("path", "changes", "pointer"), REFUSED)
async def test_what_is_wrong_is_pointed_at(
    path: str, changes: Any, pointer: str, client: httpx.AsyncClient
) -> None:
    answer = await sent(client, path, body_for(path, changes))
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid"
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert any(one.startswith(pointer) for one in pointers), answer.text
    assert "\ud800" not in answer.text


_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(BIG)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", "\x00", "rondo", "@", "visits[]", "2026-03-01T08:00:00Z", "hmac"])
)
_names = st.sampled_from(
    [
        *("code", "name", "source", "signature", "secrets", "mapping", "expected_every_hours"),
        *("enabled", "scheme", "header", "prefix", "signed", "id", "timestamp", "tolerance_s"),
        *("body", "last", "inbox_ids", "status", "received_from", "received_to", "reason"),
        *("schema", "each", "when", "type", "codes", "fields", "examples", "input", "expect"),
        *("path", "of", "constant", "transforms", "default", "as", "table", "words", "visits"),
    ]
) | st.text(max_size=4)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=10,
)
#: Sound requests, of which parts are replaced.
SOUND = {
    NEW: CONNECTOR | {"code": "rondo", "mapping": MAPPING},
    CHANGE: {"name": "Rondo"},
    ADD: {"mapping": MAPPING},
    PREVIEW: {"body": json.loads(visits(dose(1)))},
    REPLAY: {"connector": "rondo"},
    "/v1/inbox/1:dismiss": {"reason": "x"},
    "/v1/mappings/rondo/1:activate": {},
}


def replaced(value: Any, put: Any, choose: Any) -> Any:
    """The same value with something else at one place."""
    if isinstance(value, dict) and value and choose.draw(st.integers(0, 4)):
        name = choose.draw(st.sampled_from(sorted(value)))
        return value | {name: replaced(value[name], put, choose)}
    if isinstance(value, list) and value and choose.draw(st.integers(0, 4)):
        return [replaced(value[0], put, choose), *value[1:]]
    return put


@pytest.mark.usefixtures("platform")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.sampled_from(list(SOUND)), put=_values, choose=st.data())
async def test_any_request_is_answered_and_never_with_a_500(
    path: str, put: Any, choose: Any, client: httpx.AsyncClient
) -> None:
    answer = await sent(client, path, replaced(SOUND[path], put, choose))
    assert answer.status_code in {200, 201, 202, 400, 404, 409, 422}, answer.text
    for read in (NEW, CHANGE, ADD, "/v1/mappings", "/v1/inbox", "/v1/reconcile"):
        assert (await client.get(read)).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        *("inbox?limit=0", "inbox?limit=x", "inbox?cursor=x", "inbox?cursor=%ff", "inbox?status=x"),
        *(
            "inbox/0",
            "inbox/x",
            "inbox/9223372036854775808",
            "replays/x",
            f"inbox?reason={'x' * 101}",
        ),
        *(f"reconcile?connector={'x' * 64}", f"connectors/{'x' * 64}", f"mappings/{'x' * 64}"),
    ],
)
async def test_questions_that_make_no_sense_are_refused(
    query: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(f"/v1/{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["in"] in {"query", "path"}


async def test_what_is_not_there_is_told_and_never_answered_with_nothing(
    client: httpx.AsyncClient,
) -> None:
    await client.post(NEW, json=CONNECTOR | {"mapping": MAPPING})
    for path in ("/v1/inbox", "/v1/reconcile"):
        assert (await client.get(path, params={"connector": "rondo"})).status_code == 200
        answer = await client.get(path, params={"connector": "zz"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert "zz" in answer.json()["detail"]
    unknown = await client.post(REPLAY, json={"connector": "zz"})
    assert (unknown.status_code, "zz" in unknown.json()["detail"]) == (404, True)
    for path, body in ((REPLAY, {"connector": "rondo"}), ("/v1/mappings/rondo/1:preview", {})):
        answer = await client.post(path, json=body | {"inbox_ids": [424242]})
        assert answer.status_code == 422
        assert [one["pointer"] for one in answer.json()["errors"]] == ["/inbox_ids/0"]


async def test_body_named_in_a_replay_of_another_status_is_told(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, worker: Worker
) -> None:
    platform = await connect(client, anonymous)
    number = (await platform.post(visits(dose(1)))).json()["inbox_id"]
    named = {"connector": "rondo", "inbox_ids": [number]}
    assert (await client.post(REPLAY, json=named)).status_code == 202, "it waits as it is"
    await worker.map()
    refused = await client.post(REPLAY, json=named)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["detail"] == f"Body {number} is mapped: say so in 'status'."
    answer = await client.post(REPLAY, json=named | {"status": ["mapped"]})
    assert (answer.status_code, answer.json()["bodies"]) == (202, 1)
