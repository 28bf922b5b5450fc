"""The law of the drill-down: after any history the events listed for a cell sum to it."""

from collections import defaultdict
from datetime import date
from itertools import chain, product
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from api.running import Running
from models.catalogue import STARTER
from models.vocabulary import Measure
from tests.histories import HERE, histories
from tests.paging import listed
from tests.reading import read
from tests.recomputing import cells
from tests.test_rebuild import ALIASED, MOVED, REAL, House, house

MEASURE_OF = {each.code: each.measure for each in STARTER}
LAST = date(2026, 10, 1)
Question = tuple[tuple[str, str], ...]


async def asked_of(of: House) -> dict[Question, list[int]]:
    """What cells say, by each question that they answer: x, n and events."""
    sums: dict[Question, list[int]] = defaultdict(lambda: [0, 0, 0])
    for key, (x, n, _, events) in (await cells(of.admin, of.provider)).items():
        service, month, _, indicator, team, area, band = key
        if service != HERE or indicator not in MEASURE_OF:
            continue
        places = {"team_spread": team, "shift_coverage": band, "evidence_alignment": area or team}
        wheres: list[Question] = [()]
        wheres += [(("strand", strand),) for strand, place in places.items() if place]
        wheres += [(("strand", s), ("segment", place)) for s, place in places.items() if place]
        whens: list[Question] = [(("month", f"{month:%Y-%m}"),)]
        if month <= LAST:
            whens.append(())
        for question in product(wheres, whens):
            found = sums[(*chain(*question), ("indicator", indicator))]
            for position, value in enumerate((x, n, events)):
                found[position] += value
    return sums


@pytest.mark.usefixtures("silent_doorbell")
@settings(REAL, max_examples=12)
@given(history=histories(), changes=st.sets(st.sampled_from(["alias", "move"])))
async def test_listed_events_sum_to_their_cell_after_any_history(
    app: FastAPI, running: Running, admin: Any, history: list[Any], changes: set[str]
) -> None:
    of = await house(app, running, admin)
    await of.send(history)
    await of.settle()
    for change in sorted(changes):
        await of.put(HERE, ALIASED if change == "alias" else MOVED)
    await of.settle()
    for question, (x, n, events) in (await asked_of(of)).items():
        items = await listed(of.client, HERE, **dict(question), limit=1000)
        measure = MEASURE_OF[dict(question)["indicator"]]
        scale = 100 if measure is Measure.MEAN else 1
        counted = [item for item in items if item["counts_as"] != "excluded"]
        assert round(sum(item["x"] for item in items) * scale) == x, question
        assert sum(item["n"] or 0 for item in items) == n, question
        assert len(counted) == events, question
        assert len({(item["source"], item["id"]) for item in items}) == len(items), question
    everything = await listed(of.client, HERE, limit=1)
    assert everything == (await read(of.client, "evidence", HERE, limit=1000))["items"]
    await of.client.aclose()


@pytest.fixture
def silent_doorbell(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody recomputes but the test."""
    monkeypatch.setattr(type(running.doorbell), "press", lambda *_: None)
