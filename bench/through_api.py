"""Services sent as events and read from the views, against the kernel on the same counts.

What the study measures holds for what is served only while the two claim the same.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np

from bench.asking import Line, get, lines
from bench.panels import JUDGED, Span, panel_of, strand_p
from bench.posting import post_all, request, wait_ready
from bench.scenarios import LOOKS, SCENARIO, in_areas
from bench.servers import Servers, api, durable_servers, migrate
from bench.study import SEED
from bench.working import worker
from cli.demo import VIEWS, setting_up
from cli.demo_services import DemoService
from cli.simulate import INDEX, Plan
from cli.simulate_draw import Counts, draw
from cli.simulate_events import events
from models.calendar import add_months, month_of
from models.people import issue_key
from models.vocabulary import AXIS_OF, Axis, Band, Scope, Strand
from worker.stats.claims import Claim, claim
from worker.stats.looks import alpha_of_look
from worker.stats.method import METHODS

Say = Callable[[str], None]

#: Two services of each, one in short windows and one in long ones.
SENT = ("one team", "all", "bands, all but nights")
WINDOWS_SENT = ((6, 3), (12, 6))
API_PROCESSES = 2
BATCH = 5_000
SETTLED_WITHIN_S = 300
SCOPES = (Scope.EVENTS_WRITE, Scope.VIEWS_READ, Scope.ADMIN)
#: A draw says how many complaints repeat another; told as events they do so about as often.
UNHEARD = 1e-9
#: A panel counts exposure in days, a cell in whole minutes.
SAME = 1e-6


@dataclass(frozen=True, slots=True)
class Sent:
    """A service, its counts, and the months in which it is judged."""

    name: str
    plan: Plan
    counts: Counts
    span: Span


@dataclass(frozen=True, slots=True)
class Compared:
    """How the views' claims compare with the kernel's; `differs` is empty when they are equal."""

    name: str
    events: int
    claims: int
    p_values: int
    furthest: float
    differs: str


def chosen(now: datetime) -> Iterator[Sent]:
    """Scenarios of the table as they end in the last month before `now`."""
    number = 0
    for name in SENT:
        for window in WINDOWS_SENT:
            number += 1
            span = SCENARIO[name].span(window, LOOKS)
            plan = in_areas(SCENARIO[name].plan)(span)
            baseline, improved = plan.baseline.copy(), plan.improved.copy()
            baseline[INDEX["complaints"]] = improved[INDEX["complaints"]] = UNHEARD
            plan = replace(
                plan,
                service=f"1-30000000{number}",
                first_month=add_months(month_of(now), -plan.months),
                baseline=baseline,
                improved=improved,
            )
            counts = draw(plan, np.random.default_rng([SEED, number]), 1)
            yield Sent(f"{name}, {window[0]}+{window[1]}", plan, counts, span)


def by_kernel(sent: Sent, strand: Strand, method_name: str) -> tuple[Claim, Claim]:
    """Claims of the stronger position and of decline at every look, [t, g]."""
    method = METHODS[method_name]
    looks = range(1, LOOKS + 1)
    alpha = np.array([alpha_of_look(look, sent.span.current_months, method) for look in looks])
    spans = [replace(sent.span, as_of=sent.span.start + look) for look in looks]
    panels = [panel_of(sent.counts, sent.plan, span, AXIS_OF[strand], JUDGED) for span in spans]
    found = [strand_p(panel, strand, method) for panel in panels]
    reached, worse = (np.concatenate([each[kind] for each in found]) for kind in (0, 1))
    return claim(reached, alpha, [0] * LOOKS, method), claim(worse, alpha, [0] * LOOKS, method)


def segments_of(plan: Plan, axis: Axis) -> list[str]:
    """Codes in the order in which a panel has them."""
    if axis is Axis.BAND:
        return [band.value for band in Band]
    if axis is Axis.AREA:
        return sorted({team.area or team.code for team in plan.teams})
    return [team.code for team in plan.teams]


def programme(sent: Sent) -> dict[str, Any]:
    return {
        "name": "Calibration",
        # Not on the first, so that the month after it is the first to be judged.
        "started_on": sent.plan.calendar[sent.span.start].replace(day=2).isoformat(),
        "baseline_months": sent.span.baseline_months,
        "current_months": sent.span.current_months,
    }


async def set_up(port: int, key: str, services: list[Sent], method: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    address = f"http://127.0.0.1:{port}/v1"
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        bodies: list[tuple[str, dict[str, Any]]] = [("settings", {"method": method})]
        for sent in services:
            service, _ = setting_up(DemoService(sent.plan, "", sent.plan.teams[0].code, "", {}))
            bodies.append((f"services/{sent.plan.service}", service))
            bodies.append((f"services/{sent.plan.service}/programme", programme(sent)))
        for path, body in bodies:
            answer = await client.put(f"{address}/{path}", json=body)
            answer.raise_for_status()


async def send(port: int, key: str, sent: Sent, now: datetime) -> int:
    """Everything the service has to say; every event is taken."""
    one = Counts(sent.counts.x[0], sent.counts.n[0], sent.counts.sum_squares[0])
    rng = np.random.default_rng([SEED, int(sent.plan.service[-1])])
    everything = list(events(sent.plan, one, rng, now))
    bodies = (
        request("/v1/events", key, json.dumps(everything[first : first + BATCH]).encode())
        for first in range(0, len(everything), BATCH)
    )
    for answer in await post_all(port, bodies, 2):
        assert answer.status == 202, answer
        receipt = json.loads(answer.body)
        assert not receipt["rejected"], receipt["rejected"][0]
        assert not receipt["quarantined"], receipt
        assert not receipt["conflicts"], receipt
    return len(everything)


async def seen(line: Line, key: str, sent: Sent, view: str, look: int) -> dict[str, Any]:
    """The view of a look once all that was sent is in it."""
    month = sent.plan.calendar[sent.span.start + look]
    asked = get(f"/v1/services/{sent.plan.service}/{view}?as_of={month:%Y-%m}", key)
    while True:
        answer = await line.ask(asked)
        assert answer.status in {200, 202}, answer
        body: dict[str, Any] = json.loads(answer.body)
        if answer.status == 200 and not body["freshness"]["pending"]:
            return body
        await asyncio.sleep(0.2)


async def compare(port: int, key: str, sent: Sent, method: str, events_sent: int) -> Compared:
    claims, p_values, furthest = 0, 0, 0.0
    differs: list[str] = []
    async with asyncio.timeout(SETTLED_WITHIN_S), lines(port, 1) as (line,):
        for strand, view in zip(Strand, VIEWS, strict=True):
            reached, worse = by_kernel(sent, strand, method)
            codes = segments_of(sent.plan, AXIS_OF[strand])
            for look in range(1, LOOKS + 1):
                body = await seen(line, key, sent, view, look)
                breadth = body["breadth"]
                assert breadth["segments"] == len(codes), breadth
                for field, mine in (("reached_at_least", reached), ("worsened_at_least", worse)):
                    claims += 1
                    if breadth[field] != mine.bound[look - 1]:
                        differs.append(
                            f"{view} look {look}: {field} {breadth[field]},"
                            f" kernel {mine.bound[look - 1]}"
                        )
                for segment in body["segments"]:
                    p = segment["improvement"]["p_adjusted"]
                    mine = reached.adjusted[look - 1, codes.index(segment["code"])]
                    p_values += 1
                    furthest = max(furthest, float(abs(p - mine)))
    if furthest > SAME:
        differs.append(f"adjusted p-values differ by up to {furthest:.1e}")
    return Compared(sent.name, events_sent, claims, p_values, furthest, "; ".join(differs))


async def _run(servers: Servers, method: str, say: Say) -> list[Compared]:
    await migrate(servers)
    key = await issue_key(servers.app_url, servers.secret_key, "bench", "bench", list(SCOPES))
    now = datetime.now(UTC)
    services = list(chosen(now))
    with api(servers, API_PROCESSES) as port:
        await wait_ready(port)
        await set_up(port, key, services, method)
        sizes = []
        for sent in services:
            sizes.append(await send(port, key, sent, now))
            say(f"sent {sizes[-1]:,} events of {sent.name}")
        found = []
        with worker(servers):
            for sent, size in zip(services, sizes, strict=True):
                found.append(await compare(port, key, sent, method, size))
                say(f"{sent.name}: {found[-1].differs or 'equal'}")
    return found


def compared(method: str, say: Say) -> list[Compared]:
    """Send six services through a stack of their own and hold its claims against the kernel's."""
    with durable_servers() as servers:
        return asyncio.run(_run(servers, method, say))
