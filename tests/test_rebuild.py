"""The law of the house: cells, tallies and days are a function of the events, however they came."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.running import Running
from models.calendar import months_between
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, make_key, make_provider
from tests.count_oracle import Cells, oracle
from tests.histories import HERE, THERE, histories
from tests.place_oracle import Place, Sent, Teams
from tests.recomputing import (
    LOST,
    Admin,
    Failing,
    cells,
    days,
    dying,
    judged,
    rebuild,
    settle,
    snapshots,
    tallies,
)
from tests.tally_oracle import Tallies, tally_oracle
from worker.recompute import count_open, drain

MONTHS = months_between(date(2025, 11, 1), date(2027, 3, 1))
#: Areas of oak change in the middle; ash is nobody until elm is called that too.
BODY = {
    "name": "Elm House",
    "kind": "care_home",
    "teams": [
        {"code": "oak", "name": "Oak", "area": "East", "aliases": ["Oak Wing"]},
        {"code": "elm", "name": "Elm", "opened_on": "2026-02-01", "closed_on": "2026-10-20"},
    ],
}
MOVED = {"code": "oak", "name": "Oak", "area": "West", "area_from": "2026-04-02"}
ALIASED = {"code": "elm", "name": "Elm", "aliases": ["ash"]}
#: What call bells mean once the provider's catalogue says so.
ALIASES = {"call bells": "responsiveness"}
ELM_OPEN = {"opened": date(2026, 2, 1), "closed": date(2026, 10, 20)}


def teams(*, aliased: bool, moved: bool) -> Teams:
    areas: dict[date, str | None] = {date.min: "East"}
    if moved:
        areas[date(2026, 4, 2)] = "West"
    names = {"elm", "ash"} if aliased else {"elm"}
    return {
        "oak": Place({"oak", "Oak Wing"}, areas),
        "elm": Place(names, {}, ELM_OPEN["opened"], ELM_OPEN["closed"]),
    }


class House(NamedTuple):
    """A provider with two services, its client, and the ways in which tests look at it."""

    running: Running
    provider: ProviderId
    client: httpx.AsyncClient
    admin: Admin

    async def put(self, service: str, *bodies: dict[str, Any]) -> None:
        body = BODY if not bodies else {**BODY, "teams": list(bodies)}
        answer = await self.client.put(f"/v1/services/{service}", json=body)
        assert answer.is_success, answer.text

    async def map_themes(self) -> None:
        answer = await self.client.put("/v1/catalogue", json={"theme_aliases": ALIASES})
        assert answer.is_success, answer.text

    async def send(self, events: Sequence[Sent]) -> None:
        answer = await self.client.post("/v1/events", json=list(events))
        assert answer.status_code == 202, answer.text
        assert not answer.json()["rejected"], answer.text

    async def settle(self) -> None:
        await settle(self.running, self.provider, self.admin)

    async def counted(self, service: str) -> Cells:
        """What lies in `cells`, in the oracle's words."""
        return {
            (family, month, indicator, team, area, band): (sums[0], sums[1], sums[2])
            for (of, month, family, indicator, team, area, band), sums in (
                await cells(self.admin, self.provider)
            ).items()
            if of == service
        }

    async def tallied(self, service: str) -> Tallies:
        """What lies in `tallies`, in the oracle's words."""
        found = await tallies(self.admin, self.provider)
        return {
            (family, month, kind, word, team, area, band): events
            for (of, month, family, kind, word, team, area, band), events in found.items()
            if of == service
        }


def difference(ours: Mapping[Any, Any], theirs: Mapping[Any, Any]) -> dict[Any, Any]:
    """Only the cells or tallies that are not the same, ours first."""
    return {
        key: (ours.get(key), theirs.get(key))
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    }


async def house(app: FastAPI, running: Running, admin: Admin) -> House:
    provider = await make_provider(running)
    key = await make_key(running, provider, *Scope)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://test",
        headers={"Authorization": f"Bearer {key}"},
    )
    made = House(running, provider, client, admin)
    for service in (HERE, THERE):
        await made.put(service)
    return made


def reports(by_day: Mapping[Any, Any]) -> dict[Any, int]:
    """Incidents by service, month, team, area and band: days add up to cells."""
    found: dict[Any, int] = {}
    for (service, month, family, _, team, area, band, *_), (events, *_) in by_day.items():
        if family == "incident":
            place = (service, month, team, area, band)
            found[place] = found.get(place, 0) + events
    return found


def reported(of_cells: Mapping[Any, Any]) -> dict[Any, int]:
    """The same as cells have it."""
    return {
        (service, month, team, area, band): x
        for (service, month, _, indicator, team, area, band), (x, *_) in of_cells.items()
        if indicator == "incident_reports"
    }


@pytest.fixture
def silent(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """No doorbell: nobody recomputes but the test."""
    monkeypatch.setattr(type(running.doorbell), "press", lambda *_: None)


#: What happens between two batches: nothing, a recompute, one that dies on the way, or a count of
#: what needs no judging yet.
STEPS = st.one_of(
    st.none(),
    st.sampled_from(["recompute", "count"]),
    st.builds(Failing, st.integers(1, 16), st.booleans()),
    st.sampled_from(["alias", "move", "themes"]),
)


async def step(of: House, what: object, done: set[str]) -> None:
    if isinstance(what, Failing):
        with dying(of.admin, what):
            try:
                await drain(of.running.sessions, of.provider, HERE, NOW)
            except LOST:
                done.add("killed")
    elif what == "recompute":
        await drain(of.running.sessions, of.provider, HERE, NOW)
    elif what == "count":
        await count_open(of.running.sessions, of.provider, HERE, NOW)
        done.add("count")
    elif what == "alias":
        await of.put(HERE, ALIASED)
        done.add("alias")
    elif what == "move":
        await of.put(HERE, MOVED)
        done.add("move")
    elif what == "themes":
        await of.map_themes()
        done.add("themes")


REAL = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


@pytest.mark.usefixtures("silent")
@settings(REAL, max_examples=200)
@given(history=histories(), steps=st.lists(st.tuples(st.integers(1, 6), STEPS), max_size=6))
async def test_cells_and_tallies_equal_a_count_from_nothing_and_the_slow_oracle(
    app: FastAPI, running: Running, admin: Admin, history: list[Sent], steps: list[Any]
) -> None:
    of = await house(app, running, admin)
    waiting, done = list(history), set[str]()
    for size, what in steps:
        batch, waiting = waiting[:size], waiting[size:]
        if batch:
            await of.send(batch)
        await step(of, what, done)
    if waiting:
        await of.send(waiting)
    await of.settle()
    known = teams(aliased="alias" in done, moved="move" in done)
    unchanged = teams(aliased=False, moved=False)
    aliases = ALIASES if "themes" in done else {}
    for service, named in ((HERE, known), (THERE, unchanged)):
        slow = oracle(history, service, named, MONTHS, aliases)
        assert not difference(await of.counted(service), slow)
        words = tally_oracle(history, service, named, aliases)
        assert not difference(await of.tallied(service), words)
    incremental, verdicts = await cells(admin, of.provider), await judged(admin, of.provider)
    tallied, frozen = await tallies(admin, of.provider), await snapshots(admin, of.provider)
    by_day = await days(admin, of.provider)
    assert not difference(reports(by_day), reported(incremental))
    await rebuild(running, of.provider, admin, HERE, THERE)
    assert await cells(admin, of.provider) == incremental
    assert await tallies(admin, of.provider) == tallied
    assert await days(admin, of.provider) == by_day
    assert await judged(admin, of.provider) == verdicts
    assert await snapshots(admin, of.provider) == frozen
    await of.client.aclose()
