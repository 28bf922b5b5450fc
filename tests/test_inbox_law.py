"""The law of the inbox: cells are a function of what was said and the mapping that reads it last.

Bodies come in any order and repeatedly, mappings change in between, workers die and meet; nothing
of that may show in the end, and the sum of the inbox holds after every step.
"""

import asyncio
import json
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
    elif what == "map":
        await at.map()
    elif what == "map and settle":
        await at.map()
        await settle(at.running, at.provider, at.admin)
    elif what == "map twice at once":
        await asyncio.gather(at.map(), at.map())
    elif what == "activate meanwhile":
        await asyncio.gather(at.map(), at.activate(READINGS["other teams"]), at.map())
    elif what == "dismiss":
        await at.dismiss()
    else:
        await settle(at.running, at.provider, at.admin)


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
