"""Homes with a platform of their own, what it may send, and the mappings that may read it."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import strategies as st

from api.running import Running
from models.inbox import OTHER_BODY
from models.vocabulary import ProviderId, Scope
from tests.conftest import Clock, make_key, make_provider
from tests.connecting import CONNECTOR, SERVICE, items, map_all, set_up
from tests.recomputing import Admin, Failing, cells, settle, tallies

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
    "other days": with_field("when recorded", "occurred_at", {"path": "recorded"}),
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
    """All versions of some records, and what contradicts some of them under the same version."""
    said = []
    for number in range(draw(st.integers(1, 5))):
        kind = draw(one_of("d", "d", "g", "c"))
        for revision in range(1, draw(st.integers(1, 3)) + 1):
            trial = draw(one_of(False, False, True))
            record: Record = {"ref": f"R{number}", "rev": revision, "kind": kind, "trial": trial}
            if revision > 1 and draw(one_of(False, False, True)):
                record["gone"] = True
            day = draw(one_of("2026-06-30", "2026-07-01", "2026-08-29", "2026-11-02"))
            record["at"] = f"{day}T{draw(one_of('08:00', '22:30'))}:00Z"
            record["recorded"] = draw(one_of("2026-08-30T08:00:00Z", "2026-11-03T08:00:00Z"))
            record["unit"] = draw(one_of("oak", "ash", "Oak Wing", None))
            record["ward"] = draw(one_of("oak", "elm"))
            if kind == "d":
                record["state"] = draw(one_of("taken", "no", "lost", "odd"))
            elif kind == "g":
                record |= {"from": "family", "about": draw(one_of("food", "dignity"))}
            else:
                record |= {"on": day, "people": draw(st.integers(1, 3))}
            said.append(record)
            if draw(one_of(False, False, True)):
                twin = {"trial": not trial, "unit": draw(one_of("oak", "ash", "elm"))}
                said.append(record | twin | {"at": f"{day}T22:45:00Z"})
    return said


class Delivery(NamedTuple):
    body: int
    message: int


STEPS = st.one_of(
    st.builds(Delivery, st.integers(0, 4), st.integers(0, 5)),
    st.builds(Delivery, st.integers(0, 4), st.integers(0, 5)),
    one_of(*MAPPINGS),
    one_of("map", "map and settle", "map twice at once", "activate meanwhile", "settle", "dismiss"),
    one_of("name", "activate the same", "replay the later half"),
    st.lists(one_of("mapped", "quarantined", "dismissed"), min_size=1, max_size=3, unique=True),
    st.builds(Failing, st.integers(1, 7), st.booleans()),
    st.builds(Failing, st.integers(1, 7), st.booleans()),
)


@dataclass(slots=True)
class Home:
    """A provider with a platform that sends to it, and what of its bodies should hold."""

    running: Running
    provider: ProviderId
    client: httpx.AsyncClient
    admin: Admin
    address: str
    key: bytes
    bodies: dict[int, bytes] = field(default_factory=dict)
    #: Bodies that were named in a replay, the last of them last.
    named: list[int] = field(default_factory=list)

    async def deliver(self, body: bytes, message: str) -> None:
        self._wait()
        stamp = str(int(self.running.clock().timestamp()))
        proof = hmac.digest(self.key, f"{message}.{stamp}.".encode() + body, hashlib.sha256)
        headers = {
            "webhook-id": message,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(proof).decode()}",
        }
        answer = await self.client.post(self.address, content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        self.bodies.setdefault(answer.json()["inbox_id"], body)

    def in_order(self) -> list[int]:
        """What should hold against what: named last, then named before, then by arrival."""
        return sorted(
            self.bodies, key=lambda one: (-self.named.index(one) if one in self.named else 1, one)
        )

    async def activate(self, mapping: dict[str, Any]) -> None:
        added = await self.client.post("/v1/mappings/rondo", json={"mapping": mapping})
        assert added.status_code == 201, added.text
        version = added.json()["version"]
        answer = await self.client.post(f"/v1/mappings/rondo/{version}:activate")
        assert answer.status_code == 200, answer.text

    async def replay(self, *statuses: str) -> None:
        """By status, and then by name what came under the id of another body."""
        await self.ask(status=list(statuses))
        for item in await items(self.client, reason=OTHER_BODY):
            await self.name(item["id"])

    async def name(self, body: int) -> None:
        self._wait()
        await self.ask(status=["mapped", "quarantined", "dismissed"], inbox_ids=[body])
        self.named = [*(one for one in self.named if one != body), body]

    async def replay_later(self) -> None:
        """What was mapped, of the later half of all that arrived."""
        received = [item["received_at"] for item in await items(self.client)]
        if received:
            since = received[len(received) // 2]
            await self.ask(status=["mapped"], received_from=since)

    def _wait(self) -> None:
        assert isinstance(self.running.clock, Clock)
        self.running.clock.advance(timedelta(milliseconds=1))

    async def ask(self, **asked: Any) -> None:
        answer = await self.client.post("/v1/replays", json={"connector": "rondo"} | asked)
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
