"""What cannot be read or believed: a 4xx that points at it, never a 500, and the good is kept."""

import gzip
import json
from datetime import UTC, timedelta
from typing import Any

import httpx
import pytest

from api.envelope import LARGER_BODIES
from api.inbound.bodies import LARGEST_DECOMPRESSED, MOST_ITEMS
from models.vocabulary import Scope
from tests.conftest import NOW, MakeClient
from tests.sent import buckets, dose, event, send

JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}
GZIP = JSON | {"Content-Encoding": "gzip"}
SHIFT = {
    "starts_at": "2026-03-01T08:00:00Z",
    "ends_at": "2026-03-01T20:00:00Z",
    "planned_hours": 12,
    "worked_hours": 12,
}
ROUND = {"due": 3, "on_time": 1, "late": 1, "omitted": 1, "refused": 0}
NO_OBJECTS: list[object] = [5, None, "event", True, []]
REFUSED: list[tuple[str, str, object]] = [
    ("/id", "wrong_type", dose(id=7)),
    ("/id", "empty", dose(id="")),
    ("/id", "too_long", dose(id="x" * 201)),
    ("/source", "wrong_type", dose(source=None)),
    ("/service", "wrong_type", dose(service=["1"])),
    ("/team", "empty", dose(team="")),
    ("/team", "nul_character", dose(team="a\x00b")),
    ("/version", "out_of_range", dose(version=0)),
    ("/version", "out_of_range", dose(version=2**31)),
    ("/version", "wrong_type", dose(version=1.5)),
    ("/retracted", "wrong_type", dose(retracted="yes")),
    ("/type", "unknown_type", dose(type="medication.admin")),
    ("/type", "unknown_type", dose(type="custom.undeclared")),
    ("/occurredat", "unknown_field", dose(occurredat="2026-03-01T08:05:00Z")),
    ("/a~1b~0", "unknown_field", dose(**{"a/b~": 1})),
    ("/occurred_at", "naive_time", dose(occurred_at="2026-03-01T08:05:00")),
    ("/occurred_at", "invalid_time", dose(occurred_at="yesterday")),
    ("/occurred_at", "invalid_time", dose(occurred_at="2026-02-30T08:05:00Z")),
    ("/occurred_at", "wrong_type", dose(occurred_at=1772352300)),
    ("/occurred_at", "implausible_time", dose(occurred_at="1999-12-31T23:59:59Z")),
    ("/occurred_at", "implausible_time", dose(occurred_at="0001-01-01T00:00:00+23:59")),
    ("/occurred_at", "occurred_in_future", dose(occurred_at="9999-12-31T23:59:59-23:59")),
    ("/recorded_at", "implausible_time", dose(recorded_at="0001-01-01T00:00:00Z")),
    ("/about/band", "unknown_value", dose(about={"band": "night"})),
    ("/about", "invalid_about", dose(about={})),
    ("/about", "invalid_about", dose(about={"from": "2026-03-01T08:00:00Z"})),
    ("/about/from", "naive_time", dose(about={"from": "2026-03-01T08:00:00"})),
    (
        "/about/to",
        "ends_before_start",
        dose(about={"from": "2026-03-01T08:00:00Z", "to": "2026-03-01T08:00:00Z"}),
    ),
    ("/data", "wrong_type", dose(data=[])),
    ("/data/status", "missing_field", dose(data={})),
    ("/data/status", "unknown_value", dose(data={"status": "gven"})),
    ("/data/due_at", "naive_time", dose(data={"status": "given", "due_at": "2026-03-01T08:00:00"})),
    ("/data/dueat", "unknown_field", dose(data={"status": "given", "dueat": None})),
    ("/data/x_a", "wrong_type", dose(data={"status": "given", "x_a": {"b": 1}})),
    ("/data/x_a", "too_long", dose(data={"status": "given", "x_a": "y" * 201})),
    ("/data/x_a", "out_of_range", dose(data={"status": "given", "x_a": 2**63})),
    ("/data/nhs_number", "identifier_in_data", dose(data={"status": "given", "nhs_number": "9"})),
    ("/data/x_NHS-Number", "identifier_in_data", dose(data={"x_NHS-Number": 9})),
    ("/data/dateOfBirth", "identifier_in_data", dose(data={"dateOfBirth": "1940-01-01"})),
    ("/data/due", "sum_mismatch", event("medication.round", ROUND | {"due": 4})),
    ("/data/late", "out_of_range", event("medication.round", ROUND | {"late": -1})),
    (
        "/data/ends_at",
        "ends_before_start",
        event("shift.worked", SHIFT | {"ends_at": SHIFT["starts_at"]}),
    ),
    ("/data/worked_hours", "out_of_range", event("shift.worked", SHIFT | {"worked_hours": 49})),
    ("/data/planned_hours", "out_of_range", event("shift.worked", SHIFT | {"planned_hours": 0})),
    ("/data/agency_hours", "out_of_range", event("shift.worked", SHIFT | {"agency_hours": 13})),
    (
        "/data/items_met",
        "met_exceeds_due",
        event("audit.completed", {"audit": "a", "items_due": 1, "items_met": 2}),
    ),
    (
        "/data/themes/1",
        "wrong_type",
        event("incident.reported", {"category": "fall", "harm": "low", "themes": ["safety", 2]}),
    ),
    (
        "/data/items_met",
        "missing_field",
        event("supervision.completed", {"on_time": True, "items_due": 1}),
    ),
    ("/data/rating", "missing_field", event("feedback.received", {"respondent": "person"})),
    (
        "/data/rating",
        "out_of_range",
        event("feedback.received", {"respondent": "person", "rating": 6}),
    ),
    ("/data/respondent", "unknown_value", event("complaint.received", {"respondent": "gp"})),
    ("/data/residents", "missing_field", event("census.taken", {"on": "2026-03-01"})),
    ("/data/on", "invalid_time", event("census.taken", {"on": "1/3/26", "residents": 4})),
    ("/data/on", "implausible_time", event("census.taken", {"on": "1999-03-01", "residents": 4})),
    ("/data/on", "occurred_in_future", event("census.taken", {"on": "2027-03-01", "residents": 4})),
    *(
        (f"/{name}", "missing_field", {key: value for key, value in dose().items() if key != name})
        for name in ("id", "source", "type", "service", "occurred_at", "data")
    ),
    *(("", "wrong_type", value) for value in NO_OBJECTS),
]


@pytest.mark.parametrize(
    ("pointer", "code", "item"), REFUSED, ids=[f"{code}{pointer}" for pointer, code, _ in REFUSED]
)
async def test_a_bad_item_is_pointed_at_and_its_neighbours_are_kept(
    pointer: str, code: str, item: object, client: httpx.AsyncClient
) -> None:
    receipt = await send(client, dose(1), item, dose(2))
    assert receipt["quarantined"] == 2
    [rejected] = receipt["rejected"]
    assert (rejected["index"], rejected["code"], rejected["pointer"]) == (1, code, pointer)
    assert rejected["detail"].endswith((".", "?"))


async def test_a_body_of_nothing_good_is_422_with_every_reason(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/events", json=[dose(id=7), dose(version=0)])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "all_rejected"
    assert [(error["index"], error["pointer"]) for error in problem["errors"]] == [
        (0, "/id"),
        (1, "/version"),
    ]


async def test_a_near_miss_is_answered_with_a_suggestion(client: httpx.AsyncClient) -> None:
    receipt = await send(client, dose(occurredAt="x"), dose(type="medication.admin"), dose())
    assert "'occurred_at'" in receipt["rejected"][0]["detail"]
    assert "'medication.administered'" in receipt["rejected"][1]["detail"]


async def test_five_minutes_of_wrong_clock_are_forgiven(client: httpx.AsyncClient) -> None:
    at = [NOW + timedelta(minutes=5), NOW + timedelta(minutes=5, seconds=1)]
    receipt = await send(
        client, *[dose(n, occurred_at=moment.isoformat()) for n, moment in enumerate(at)]
    )
    assert (receipt["quarantined"], receipt["rejected"][0]["index"]) == (1, 1)


async def test_written_down_before_it_happened_is_taken(client: httpx.AsyncClient) -> None:
    early = (NOW.replace(tzinfo=UTC) - timedelta(days=400)).isoformat()
    assert buckets(await send(client, dose(recorded_at=early))) == {"quarantined": 1}


async def test_an_unreadable_line_is_an_item_by_its_number(client: httpx.AsyncClient) -> None:
    lines = b"\n".join(
        [json.dumps(dose(1)).encode(), b"", b'{"id":', b"\xff\xfe", json.dumps(dose(2)).encode()]
    )
    answer = await client.post("/v1/events", content=lines, headers=LINES)
    assert answer.status_code == 202
    rejected = answer.json()["rejected"]
    assert [(item["index"], item["code"]) for item in rejected] == [
        (2, "unreadable"),
        (3, "unreadable"),
    ]
    assert answer.json()["quarantined"] == 2


UNREADABLE = [
    (400, JSON, b""),
    (400, JSON, b"[1,"),
    (400, JSON, b'{"id": NaN}'),
    (400, JSON, b'[{"id": "a"} {"id": "b"}]'),
    (400, JSON, b"[" * 2_000_000),
    (400, JSON, b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    (400, GZIP, b"not gzip"),
    (400, GZIP, gzip.compress(b"[]")[:-4]),
    (400, GZIP, gzip.compress(b"[]") + b"rest"),
    (413, GZIP, gzip.compress(b" " * (LARGEST_DECOMPRESSED + 1))),
    (413, GZIP, gzip.compress(gzip.compress(b" " * (64 << 20))) * 400),
    (413, JSON, b" " * (LARGER_BODIES["/v1/events"] + 1)),
    (413, JSON, b"[" + b"1," * MOST_ITEMS + b"1]"),
    (413, LINES, b"1\n" * (MOST_ITEMS + 1)),
    (415, {"Content-Type": "text/csv"}, b"a,b"),
    (415, {}, b"[]"),
    (415, {"Content-Type": "application/json; charset=latin-1"}, b"[]"),
    (415, JSON | {"Content-Encoding": "br"}, b"[]"),
]


@pytest.mark.parametrize(
    ("status", "headers", "body"), UNREADABLE, ids=[str(n) for n in range(len(UNREADABLE))]
)
async def test_a_body_that_cannot_be_read_is_a_problem(
    status: int, headers: dict[str, str], body: bytes, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/v1/events", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_a_body_without_a_length_is_bounded_too(client: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b" " * (1 << 20)

    answer = await client.post("/v1/events", content=endless(), headers=JSON)
    assert answer.status_code == 413


async def test_ten_megabytes_of_text_cost_a_short_answer(client: httpx.AsyncClient) -> None:
    long = "y" * 10_000_000
    for item in (dose(id=long), dose(**{long: 1}), dose(data={"status": "given", long: 1})):
        answer = await client.post("/v1/events", json=item)
        assert answer.status_code == 422
        assert len(answer.content) < 2_000


async def test_deep_nesting_in_one_line_costs_only_that_line(client: httpx.AsyncClient) -> None:
    deep = json.dumps(dose(1)).encode().replace(b'"given"', b"[" * 50_000 + b"]" * 50_000)
    body = deep + b"\n" + json.dumps(dose(2)).encode()
    answer = await client.post("/v1/events", content=body, headers=LINES)
    assert buckets(answer.json()) == {"quarantined": 1, "rejected": 1}
    assert answer.json()["rejected"][0]["code"] == "nested_too_deeply"


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udc00 a"', '"a\\u0000"'])
async def test_what_the_database_cannot_hold_is_refused_anywhere(
    text: str, client: httpx.AsyncClient
) -> None:
    good = json.dumps(dose(1))
    for bad in (
        json.dumps(dose(2, team="@")).replace('"@"', text),
        json.dumps(dose(2, data={"status": "given", "x_a": "@"})).replace('"@"', text),
        json.dumps(dose(2, data={"status": "given", "x_@": 1})).replace('"x_@"', f'"x_{text[1:]}'),
    ):
        answer = await client.post("/v1/events", content=f"{good}\n{bad}", headers=LINES)
        assert answer.status_code == 202, bad
        assert len(answer.json()["rejected"]) == 1, bad


async def test_five_answers_of_the_route(
    anonymous: httpx.AsyncClient, client_with: MakeClient
) -> None:
    reader = await client_with(Scope.VIEWS_READ)
    writer = await client_with(Scope.EVENTS_WRITE)
    assert (await anonymous.post("/v1/events", json=[])).status_code == 401
    assert (await reader.post("/v1/events", json=[])).status_code == 403
    assert (await writer.post("/v1/event", json=[])).status_code == 404
    assert (await writer.post("/v1/events", json=[{}])).status_code == 422
    assert (await writer.post("/v1/events", json=[])).status_code == 202
