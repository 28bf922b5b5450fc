"""The law of the inbox: cells are a function of what was said and the mapping that reads it last.

Bodies come in any order and repeatedly and contradict each other, mappings change in between,
workers die and meet; nothing of that may show in the end, and the sum of the inbox holds after
every step. Of two bodies that contradict each other the one that arrived first holds, however
often either of them is read again, until somebody names the other one.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import event, given, settings
from hypothesis import strategies as st

from api.running import Running
from tests.connecting import items, reconciled
from tests.inbox_homes import (
    MAPPINGS,
    READINGS,
    STEPS,
    Delivery,
    Home,
    Record,
    home,
    one_of,
    records,
    silent,
)
from tests.recomputing import Admin, Failing, settle
from tests.recomputing_bodies import dying_while_mapping
from tests.test_rebuild import REAL, difference

__all__ = ["silent"]  # a fixture


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
    else:
        await STEPS_BY_NAME[what](at)


async def _map_and_settle(at: Home) -> None:
    await at.map()
    await _settle(at)


async def _settle(at: Home) -> None:
    await settle(at.running, at.provider, at.admin)


async def _map_twice_at_once(at: Home) -> None:
    await asyncio.gather(at.map(), at.map())


async def _activate_meanwhile(at: Home) -> None:
    await asyncio.gather(at.map(), at.activate(READINGS["other teams"]), at.map())


async def _activate_the_same(at: Home) -> None:
    await at.activate(MAPPINGS["all"] | {"name": f"all, in {len(at.bodies)} bodies"})


async def _name(at: Home) -> None:
    for item in await items(at.client, reason="conflict", limit=1):
        await at.name(item["id"])


STEPS_BY_NAME: dict[str, Callable[[Home], Awaitable[None]]] = {
    "map": Home.map,
    "map and settle": _map_and_settle,
    "map twice at once": _map_twice_at_once,
    "settle": _settle,
    "activate meanwhile": _activate_meanwhile,
    "activate the same": _activate_the_same,
    "dismiss": Home.dismiss,
    "name": _name,
    "replay the later half": Home.replay_later,
}


@pytest.mark.usefixtures("silent")
@settings(REAL, max_examples=40)
@given(said=records(), last=one_of(*READINGS), data=st.data())
async def test_cells_equal_those_of_a_home_that_read_each_body_once(
    app: FastAPI, running: Running, admin: Admin, said: list[Record], last: str, data: st.DataObject
) -> None:
    parts = data.draw(st.lists(st.lists(one_of(*said), max_size=4), min_size=1, max_size=4))
    bodies = [json.dumps({"records": part}).encode() for part in [*parts, said]]
    steps = data.draw(st.lists(STEPS, min_size=4, max_size=16))
    at = await home(app, running, admin)
    await at.activate(MAPPINGS[data.draw(one_of(*MAPPINGS))])
    for number in data.draw(st.sets(st.integers(0, len(bodies) - 1))):
        await step(at, Delivery(number, number), bodies)
    await step(at, data.draw(one_of("map", "settle", "map and settle")), bodies)
    for what in steps:
        await step(at, what, bodies)
        await reconciled(at.client)
    for number, body in enumerate(data.draw(st.permutations(bodies))):
        await at.deliver(body, f"last_{number}")
    await at.activate(READINGS[last])
    await at.replay("mapped", "quarantined", "dismissed")
    await asyncio.gather(at.map(), at.map())
    await reconciled(at.client)
    fresh = await home(app, running, admin)
    await fresh.activate(READINGS[last])
    for number in at.in_order():
        await fresh.deliver(at.bodies[number], f"msg_{number}")
    await fresh.map()
    for ours, theirs in zip(await at.counted(), await fresh.counted(), strict=True):
        assert not difference(ours, theirs)
    # Who said the same as a body that gave way is found when it is read again.
    await at.replay("mapped", "quarantined")
    await at.map()
    assert await conflicts(at) == await conflicts(fresh)
    await at.client.aclose()
    await fresh.client.aclose()


async def conflicts(at: Home) -> list[bool]:
    """Whether each body is set aside because it contradicts one before it; all others are read."""
    found = {item["id"]: item for item in await items(at.client)}
    assert {item["status"] for item in found.values()} <= {"mapped", "quarantined"}
    assert {item["reason"] for item in found.values()} <= {None, "conflict"}
    event(f"conflicts: {any(item['reason'] for item in found.values())}")
    return [found[number]["reason"] == "conflict" for number in at.in_order()]
