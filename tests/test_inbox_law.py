"""The law of the inbox: cells are a function of what was said and the mapping that reads it last.

Bodies come in any order and repeatedly, mappings change in between, workers die and meet; nothing
of that may show in the end, and the sum of the inbox holds after every step.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from hypothesis import event, given, settings
from hypothesis import strategies as st

from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, make_key, make_provider
from tests.connecting import CONNECTOR, SERVICE, items, map_all, reconciled, set_up
from tests.recomputing import Admin, Failing, cells, settle, tallies
from tests.recomputing_bodies import dying_while_mapping
from tests.test_rebuild import REAL, difference

TYPES = {"d": "medication.administered", "g": "complaint.received", "c": "census.taken"}
WORDS = {"taken": "given", "no": "refused", "lost": "omitted_error"}
STATUS = [{"as": "lookup", "table": "state"}]
TOTAL: dict[str, Any] = {
    "schema": "mapping/1",
    "name": "Rondo, all of it",
    "each": "records[]",
    "type": {"path": "kind", "transforms": [{"as": "lookup", "table": "kind"}]},
    "codes": {
        "kind": {"words": TYPES},
        "state": {"words": WORDS, "unmapped": "otherwise", "otherwise": "refused"},
    },
    "fields": {
        "id": {"path": "ref"},
        "version": {"path": "rev"},
        "retracted": {"path": "gone"},
        "service": {"constant": SERVICE},
        "team": {"path": "unit"},
        "occurred_at": {"path": "at"},
        "data.status": {"path": "state", "transforms": STATUS},
        "data.respondent": {"path": "from"},
        "data.theme": {"path": "about"},
        "data.on": {"path": "on"},
        "data.residents": {"path": "people"},
    },
    "examples": [{"input": {"records": []}, "expect": []}],
}


def changed(name: str, **parts: Any) -> dict[str, Any]:
    return TOTAL | {"name": name} | parts


def with_field(name: str, field: str, value: dict[str, Any]) -> dict[str, Any]:
    return changed(name, fields=TOTAL["fields"] | {field: value})


#: Each reads all that can be sent, so that no record keeps the reading of an earlier one.
READINGS = {
    "all": TOTAL,
    "other words": changed(
        "no is lost",
        codes=TOTAL["codes"] | {"state": TOTAL["codes"]["state"] | {"otherwise": "omitted_error"}},
    ),
    "other ids": with_field("by the other number", "id", {"path": "join('-', ['x', ref])"}),
    "other teams": with_field("by ward", "team", {"path": "ward"}),
    "without trials": changed("no trials", when=[{"path": "!trial", "reason": "is a trial"}]),
    "no complaints": changed(
        "care only", when=[{"path": "kind != 'g'", "reason": "is a complaint"}]
    ),
}
#: And these fail on some records or on whole bodies, and are never the last.
FAILING = {
    "fewer words": changed(
        "strict", codes=TOTAL["codes"] | {"state": {"words": {"taken": "given"}}}
    ),
    "other bodies": changed(
        "elsewhere", each="visits[]", examples=[{"input": {"visits": []}, "expect": []}]
    ),
}
MAPPINGS = READINGS | FAILING

Record = dict[str, Any]


def one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """All versions of some records. What is no version's own is its record's, for ever."""
    said = []
    for number in range(draw(st.integers(1, 5))):
        kind, trial = draw(one_of("d", "d", "g", "c")), draw(one_of(False, False, True))
        for revision in range(1, draw(st.integers(1, 3)) + 1):
            record: Record = {"ref": f"R{number}", "rev": revision, "kind": kind, "trial": trial}
            if revision > 1 and draw(one_of(False, False, True)):
                record["gone"] = True
            day = draw(one_of("2026-06-30", "2026-07-01", "2026-08-29", "2026-11-02"))
            record["at"] = f"{day}T{draw(one_of('08:00', '22:30'))}:00Z"
            record["unit"] = draw(one_of("oak", "ash", "Oak Wing", None))
            record["ward"] = draw(one_of("oak", "elm"))
            if kind == "d":
                record["state"] = draw(one_of("taken", "no", "lost", "odd"))
            elif kind == "g":
                record |= {"from": "family", "about": draw(one_of("food", "dignity"))}
            else:
                record |= {"on": day, "people": draw(st.integers(1, 3))}
            said.append(record)
    return said


class Delivery(NamedTuple):
    body: int
    message: int


STEPS = st.one_of(
    st.builds(Delivery, st.integers(0, 4), st.integers(0, 5)),
    st.builds(Delivery, st.integers(0, 4), st.integers(0, 5)),
    one_of(*MAPPINGS),
    one_of("map", "map twice at once", "activate meanwhile", "settle", "dismiss"),
    st.lists(one_of("mapped", "quarantined", "dismissed"), min_size=1, max_size=3, unique=True),
    st.builds(Failing, st.integers(1, 7), st.booleans()),
    st.builds(Failing, st.integers(1, 7), st.booleans()),
)


class Home(NamedTuple):
    """A provider with a platform that sends to it."""

    running: Running
    provider: ProviderId
    client: httpx.AsyncClient
    admin: Admin
    address: str
    key: bytes

    async def deliver(self, body: bytes, message: str) -> None:
        stamp = str(int(NOW.timestamp()))
        proof = hmac.digest(self.key, f"{message}.{stamp}.".encode() + body, hashlib.sha256)
        headers = {
            "webhook-id": message,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(proof).decode()}",
        }
        answer = await self.client.post(self.address, content=body, headers=headers)
        assert answer.status_code == 202, answer.text

    async def activate(self, mapping: dict[str, Any]) -> None:
        added = await self.client.post("/v1/mappings/rondo", json={"mapping": mapping})
        assert added.status_code == 201, added.text
        version = added.json()["version"]
        answer = await self.client.post(f"/v1/mappings/rondo/{version}:activate")
        assert answer.status_code == 200, answer.text

    async def replay(self, *statuses: str) -> None:
        body = {"connector": "rondo", "status": list(statuses)}
        answer = await self.client.post("/v1/replays", json=body)
        assert answer.status_code == 202, answer.text

    async def dismiss(self) -> None:
        for item in await items(self.client, status="quarantined", limit=1):
            answer = await self.client.post(f"/v1/inbox/{item['id']}:dismiss", json={"reason": "x"})
            assert answer.status_code == 200, answer.text

    async def map(self) -> None:
        await map_all(self.running, self.provider)

    async def counted(self) -> tuple[dict[Any, Any], dict[Any, Any]]:
        await settle(self.running, self.provider, self.admin)
        return await cells(self.admin, self.provider), await tallies(self.admin, self.provider)


async def home(app: FastAPI, running: Running, admin: Admin) -> Home:
    provider = await make_provider(running)
    key = await make_key(running, provider, *Scope)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://test",
        headers={"Authorization": f"Bearer {key}"},
    )
    await set_up(client, "oak", "elm")
    made = (await client.post("/v1/connectors", json=CONNECTOR)).json()
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
    return Home(running, provider, client, admin, made["address"], secret)


@pytest.fixture
def silent(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """No doorbell: nobody maps or recomputes but the test."""
    for name in ("press", "press_mapping"):
        monkeypatch.setattr(type(running.doorbell), name, lambda *_: None)


async def step(at: Home, what: Any, bodies: list[bytes]) -> None:
    if isinstance(what, Delivery):
        await at.deliver(bodies[what.body % len(bodies)], f"msg_{what.message}")
    elif isinstance(what, Failing):
        await at.deliver(bodies[-1] + b" " * what.at_statement, "msg_of_the_dead")
        with dying_while_mapping(at.admin, what) as died:
            await at.map()
        event(f"died: {bool(died)}")
    elif isinstance(what, list):
        await at.replay(*what)
    elif what in MAPPINGS:
        await at.activate(MAPPINGS[what])
    elif what == "map":
        await at.map()
    elif what == "map twice at once":
        await asyncio.gather(at.map(), at.map())
    elif what == "activate meanwhile":
        await asyncio.gather(at.map(), at.activate(READINGS["other teams"]), at.map())
    elif what == "dismiss":
        await at.dismiss()
    else:
        await settle(at.running, at.provider, at.admin)


@pytest.mark.usefixtures("silent")
@settings(REAL, max_examples=60)
@given(said=records(), last=one_of(*READINGS), data=st.data())
async def test_cells_equal_those_of_a_home_that_read_each_body_once(
    app: FastAPI, running: Running, admin: Admin, said: list[Record], last: str, data: st.DataObject
) -> None:
    parts = data.draw(st.lists(st.lists(one_of(*said), max_size=4), min_size=1, max_size=4))
    bodies = [json.dumps({"records": part}).encode() for part in [*parts, said]]
    steps = data.draw(st.lists(STEPS, min_size=4, max_size=16))
    at = await home(app, running, admin)
    await at.activate(MAPPINGS[data.draw(one_of(*MAPPINGS))])
    for what in steps:
        await step(at, what, bodies)
        await reconciled(at.client)
    for number, body in enumerate(data.draw(st.permutations(bodies))):
        await at.deliver(body, f"last_{number}")
    await at.activate(READINGS[last])
    await at.replay("mapped", "quarantined", "dismissed")
    await asyncio.gather(at.map(), at.map())
    await reconciled(at.client)
    assert {item["status"] for item in await items(at.client)} == {"mapped"}
    fresh = await home(app, running, admin)
    await fresh.activate(READINGS[last])
    for number, body in enumerate(bodies):
        await fresh.deliver(body, f"msg_{number}")
    await fresh.map()
    for ours, theirs in zip(await at.counted(), await fresh.counted(), strict=True):
        assert not difference(ours, theirs)
    await at.client.aclose()
    await fresh.client.aclose()


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("statement", range(1, 6))
async def test_body_waits_for_the_next_round_when_the_database_fails(
    app: FastAPI, running: Running, admin: Admin, statement: int
) -> None:
    at = await home(app, running, admin)
    await at.activate(TOTAL)
    record = {"ref": "R1", "rev": 2, "kind": "d", "unit": "ash", "at": "2026-06-30T08:00:00Z"}
    await at.deliver(json.dumps({"records": [record | {"state": "taken"}]}).encode(), "msg_1")
    with dying_while_mapping(admin, Failing(statement, by_lost_connection=True)) as died:
        await at.map()
    assert died, "the mapping has fewer statements than that"
    assert [item["status"] for item in await items(at.client)] == ["waiting"]
    await reconciled(at.client)
    await at.map()
    assert [item["status"] for item in await items(at.client)] == ["mapped"]
    await reconciled(at.client)
    await at.client.aclose()


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (asyncpg.DeadlockDetectedError, "waiting"),
        (asyncpg.QueryCanceledError, "waiting"),
        (asyncpg.TooManyConnectionsError, "waiting"),
        (asyncpg.NotNullViolationError, "quarantined"),
        (asyncpg.CharacterNotInRepertoireError, "quarantined"),
    ],
)
async def test_body_waits_for_what_time_can_cure_and_for_nothing_else(
    app: FastAPI,
    running: Running,
    admin: Admin,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    status: str,
) -> None:
    async def store(*_: Any) -> None:
        raise error

    at = await home(app, running, admin)
    await at.activate(TOTAL)
    await at.deliver(b'{"records": []}', "msg_1")
    monkeypatch.setattr("worker.mapping.store", store)
    await at.map()
    assert [item["status"] for item in await items(at.client)] == [status]
    await reconciled(at.client)
    await at.client.aclose()


@pytest.mark.usefixtures("silent")
async def test_body_on_which_we_fail_ourselves_is_set_aside_and_keeps_none_waiting(
    app: FastAPI, running: Running, admin: Admin
) -> None:
    at = await home(app, running, admin)
    await at.activate(TOTAL)
    for number in range(2):
        await at.deliver(b'{"records": []}' + b" " * number, f"msg_{number}")
    with dying_while_mapping(admin, Failing(1, by_lost_connection=False)):
        await at.map()
    assert [item["reason"] for item in await items(at.client)] == ["failed_here", None]
    await at.replay("quarantined")
    await at.map()
    assert {item["status"] for item in await items(at.client)} == {"mapped"}
    await reconciled(at.client)
    await at.client.aclose()


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("later_first", [True, False])
async def test_one_record_by_two_connectors_is_that_of_the_later_mapping(
    app: FastAPI, running: Running, admin: Admin, later_first: bool
) -> None:
    """A platform that sends and whose tables are uploaded has one source, and two mappings."""
    at = await home(app, running, admin)
    await at.activate(TOTAL)
    await at.activate(READINGS["other words"])
    second = CONNECTOR | {"code": "second", "mapping": TOTAL}
    made = (await at.client.post("/v1/connectors", json=second)).json()
    await at.client.post("/v1/mappings/second/1:activate")
    key = base64.b64decode(made["secret"].removeprefix("whsec_"))
    other = at._replace(address=made["address"], key=key)
    record = {"ref": "R1", "rev": 1, "kind": "d", "unit": "oak", "at": "2026-06-30T08:00:00Z"}
    for one in [at, other] if later_first else [other, at]:
        await one.deliver(json.dumps({"records": [record | {"state": "odd"}]}).encode(), "msg_1")
        await at.map()
        await reconciled(at.client)
    found, _ = await at.counted()
    assert {sums[:2] for key, sums in found.items() if key[3] == "medicine_omissions"} == {(1, 1)}
    await at.client.aclose()
