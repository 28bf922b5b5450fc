"""A provider of many services with two years of evidence and an open month, sent as a sender would.

The evidence is the simulator's: the mix of events, and how many there are of each, are the demo's.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import httpx
import numpy as np

from bench.asking import Line, get, lines
from bench.posting import post_all, request
from cli.demo import setting_up
from cli.demo_services import PROGRAMME_STARTS, DemoService
from cli.simulate import INDICATORS, PLACES, Plan, Team, Volumes
from cli.simulate_draw import draw
from cli.simulate_envelope import Event
from cli.simulate_events import events
from models.calendar import add_months, month_of

CLOSED_MONTHS = 24
SCORED_MONTHS = 12
AREAS = ("Residential", "Dementia", "Nursing")
BATCH = 5_000
SETTLED_WITHIN_S = 120
#: What nobody else sends while probes do, so that a probe is the only new one of its kind.
PROBED = "knowledge.checked"


@dataclass
class Home:
    """A service, and events of its open and its last closed month to go on sending alike."""

    service: str
    teams: tuple[str, ...]
    months: list[date]
    open_pool: list[Event] = field(default_factory=list)
    late_pool: list[Event] = field(default_factory=list)
    sent: int = 0


def plan_of(service: str, teams: int, now: datetime) -> Plan:
    chosen = tuple(
        Team(
            code=f"team{number}",
            name=f"Team {number}",
            area=AREAS[number % len(AREAS)],
            residents=30,
            led_by=f"leader{number}",
            volumes=Volumes(),
        )
        for number in range(teams)
    )
    return Plan(
        service=service,
        name=f"Home {service}",
        first_month=add_months(month_of(now), -CLOSED_MONTHS),
        teams=chosen,
        gain=np.ones((teams, PLACES, len(INDICATORS))),
        months=CLOSED_MONTHS + 1,
    )


def history(plan: Plan, home: Home, now: datetime) -> Iterator[Event]:
    """Everything up to now; what goes on is kept as pools of the same mix."""
    rng = np.random.default_rng(int(plan.service.rpartition("-")[2]))
    last_closed = f"/{home.months[-2]:%Y-%m}/"
    for event in events(plan, draw(plan, rng), rng, now):
        at = event.get("occurred_at")
        if at is not None and datetime.fromisoformat(at) > now - timedelta(minutes=5):
            continue
        first = event["version"] == 1 and event["type"] != PROBED
        if first and f"/{home.months[-1]:%Y-%m}/" in event["id"]:
            home.open_pool.append(event)
        elif first and last_closed in event["id"]:
            home.late_pool.append(event)
        home.sent += 1
        yield event


def bodies(homes: Sequence[tuple[Plan, Home]], key: str, now: datetime) -> Iterator[bytes]:
    for plan, home in homes:
        waiting: list[Event] = []
        for event in history(plan, home, now):
            waiting.append(event)
            if len(waiting) == BATCH:
                yield request("/v1/events", key, json.dumps(waiting).encode())
                waiting = []
        if waiting:
            yield request("/v1/events", key, json.dumps(waiting).encode())


async def provide(port: int, key: str, services: int, teams: int, now: datetime) -> list[Home]:
    """Register the services and send their history."""
    plans = [plan_of(f"1-2000{number:05d}", teams, now) for number in range(services)]
    headers = {"Authorization": f"Bearer {key}"}
    address = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as client:
        for plan in plans:
            service, programme = setting_up(DemoService(plan, "Steady", "team0", "", {}))
            for path, body in (("", service), ("/programme", programme)):
                answer = await client.put(f"/v1/services/{plan.service}{path}", json=body)
                answer.raise_for_status()
    homes = [
        Home(plan.service, tuple(team.code for team in plan.teams), plan.calendar) for plan in plans
    ]
    paired = list(zip(plans, homes, strict=True))
    for receipted in await post_all(port, bodies(paired, key, now), 4):
        assert receipted.status == 202, receipted
        receipt = json.loads(receipted.body)
        assert not receipt["rejected"], receipt["rejected"][0]
        assert not receipt["quarantined"], receipt
    return homes


async def settle(port: int, key: str, homes: Sequence[Home]) -> None:
    """Wait until each of the last months has been scored, as they are after a year of use."""
    waiting = [(home, month) for home in homes for month in home.months[-1 - SCORED_MONTHS : -1]]
    async with asyncio.timeout(SETTLED_WITHIN_S), lines(port, SCORED_MONTHS) as opened:

        async def asker(line: Line) -> None:
            while waiting:
                home, month = waiting.pop()
                asked = f"/v1/services/{home.service}/spread-dashboard?as_of={month:%Y-%m}"
                answer = await line.ask(get(asked, key))
                assert answer.status in {200, 202}, answer
                if answer.status == 202 or json.loads(answer.body)["freshness"]["pending"]:
                    waiting.insert(0, (home, month))
                    await asyncio.sleep(0.2)

        await asyncio.gather(*(asker(line) for line in opened))


def baseline_and_current(home: Home) -> list[date]:
    """Closed months that the newest verdict compares."""
    closed = home.months[:-1]
    return [*closed[PROGRAMME_STARTS - 6 : PROGRAMME_STARTS], *closed[-3:]]
