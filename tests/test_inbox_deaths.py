"""Bodies on whose way somebody dies, fails, or meets another mapping of the same source."""

import base64
import json
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI

from api.running import Running
from tests.connecting import CONNECTOR, items, reconciled
from tests.inbox_homes import (
    READINGS,
    TOTAL,
    home,
    silent,
)
from tests.recomputing import Admin, Failing
from tests.recomputing_bodies import dying_while_mapping

__all__ = ["silent"]  # a fixture


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
async def test_one_record_by_two_connectors_is_that_which_arrived_first(
    app: FastAPI, running: Running, admin: Admin, later_first: bool
) -> None:
    """A platform that sends and whose tables are uploaded has one source, and two mappings."""
    at = await home(app, running, admin)
    await at.activate(TOTAL)
    await at.activate(READINGS["other words"])
    second = CONNECTOR | {"code": "second", "mapping": TOTAL}
    made = (await at.client.post("/v1/connectors", json=second)).json()
    answer = await at.client.post(f"/v1/mappings/second/{made['draft_version']}:activate")
    assert answer.status_code == 200
    key = base64.b64decode(made["secret"].removeprefix("whsec_"))
    other = replace(at, address=made["address"], key=key)
    record = {"ref": "R1", "rev": 1, "kind": "d", "unit": "oak", "at": "2026-06-30T08:00:00Z"}
    for one in [other, at] if later_first else [at, other]:
        await one.deliver(json.dumps({"records": [record | {"state": "odd"}]}).encode(), "msg_1")
    await at.map()
    await reconciled(at.client)
    assert [item["reason"] for item in await items(at.client)] == [None, "conflict"]
    found, _ = await at.counted()
    omitted = 0 if later_first else 1
    assert {sums[:2] for key, sums in found.items() if key[3] == "medicine_omissions"} == {
        (omitted, 1)
    }
    await at.client.aclose()
