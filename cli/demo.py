"""The demo: three simulated services sent through the public API, and the picture that comes back.

Sends as an integrator would, and stops at the first thing the API does not take. Knows nothing of
how a verdict is reached; what is true of the services is written beside their evidence.
"""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from rich.console import Console, Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from cli.calls import NotTaken, Pause, client_of, patiently, pause_of, taken
from cli.demo_route import walk_all
from cli.demo_services import (
    BASELINE_MONTHS,
    CURRENT_MONTHS,
    PROGRAMME_STARTS,
    SEED,
    DemoService,
    drawn,
    services,
)
from cli.demo_truth import known_truth
from cli.simulate_envelope import Event
from cli.simulate_events import events

BATCH: Final = 5_000
SETTLED_WITHIN_S: Final = 300.0
VIEWS: Final = ("spread-dashboard", "shift-coverage-review", "evidence-alignment")
#: A year before any evidence: teams were there, areas and leaders are not news.
OPENED_ON: Final = "2015-04-01"
COLOURS: Final = {
    "broad": "bold green",
    "broad_with_exceptions": "green",
    "spreading": "yellow",
    "localised": "dark_orange3",
    "worsening": "bold red",
}


@dataclass(frozen=True, slots=True)
class Batch:
    size: int
    body: bytes


def evidence(service: DemoService, now: datetime) -> Iterator[Event]:
    """The events of a demo service; the same for every `now` of the same month but for delays."""
    counts, rng = drawn(service)
    return events(service.plan, counts, rng, now)


def setting_up(service: DemoService) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bodies that register the service and its programme."""
    plan = service.plan
    teams = [
        {
            "code": team.code,
            "name": team.name,
            "area": team.area,
            "aliases": [f"{team.name} Unit"],
            "led_by": team.led_by,
            "opened_on": OPENED_ON,
        }
        for team in plan.teams
    ]
    pattern = {"from": OPENED_ON, "day_starts": "08:00", "night_starts": "20:00"}
    programme = {
        "name": service.programme,
        "started_on": plan.calendar[PROGRAMME_STARTS].isoformat(),
        "baseline_months": BASELINE_MONTHS,
        "current_months": CURRENT_MONTHS,
        "baseline_reason": "The six months before the programme, chosen in advance.",
        "origin_team": service.origin_team,
    }
    body = {
        "name": plan.name,
        "kind": "care_home",
        "teams": teams,
        "shift_patterns": [pattern],
    }
    return body, programme


def truth(now: datetime | None = None) -> dict[str, Any]:
    """The known truth of every service and the verdicts to expect of its evidence."""
    told = [known_truth(service) for service in services(now or datetime.now(UTC))]
    return {"seed": SEED, "services": {each["service"]: each for each in told}}


def write(directory: Path, now: datetime | None = None) -> None:
    """Write what `load` would send, and the truth beside it, without sending anything."""
    clock = now or datetime.now(UTC)
    directory.mkdir(parents=True, exist_ok=True)
    encoder = msgspec.json.Encoder()
    for service in services(clock):
        code = service.plan.service
        body, programme = setting_up(service)
        (directory / f"{code}.service.json").write_text(_readable(body))
        (directory / f"{code}.programme.json").write_text(_readable(programme))
        lines = encoder.encode_lines(list(evidence(service, clock)))
        (directory / f"{code}.events.ndjson").write_bytes(lines)
    (directory / "truth.json").write_text(_readable(truth(clock)))


def load(api_url: str, api_key: str, console: Console) -> None:
    """Register the services, send their evidence, wait until every view has counted it, and walk.

    Sending again adds nothing, in a later month too: every event is a duplicate.
    """
    now = datetime.now(UTC)
    with client_of(api_url, api_key) as client:
        demo = _load(client, console, now, time.sleep)
        with console.status("Walking the route: the records of the month"):
            month = f"{demo[0].plan.calendar[-1]:%Y-%m}"
            codes = [service.plan.service for service in demo]
            walk_all(partial(client_of, api_url), client, time.sleep, codes, month, now)


def _load(client: httpx.Client, console: Console, now: datetime, pause: Pause) -> list[DemoService]:
    demo = services(now, _registered(client, now, pause))
    for service in demo:
        body, programme = setting_up(service)
        address = f"/v1/services/{service.plan.service}"
        taken(patiently(client, pause, "PUT", address, json=body))
        taken(patiently(client, pause, "PUT", f"{address}/programme", json=programme))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        prepared = []
        for service in demo:
            task = progress.add_task(service.plan.name, total=None)
            batches = list(_batches(evidence(service, now)))
            progress.update(task, total=sum(batch.size for batch in batches))
            prepared.append((task, batches))
        for task, batches in prepared:
            for batch in batches:
                _send(client, pause, batch)
                progress.advance(task, batch.size)
    with console.status("Waiting for the verdicts"):
        _settle(client, demo, pause)
    return demo


def picture(api_url: str, api_key: str) -> Group:
    """The verdicts of the demo's services as a table, strand by strand."""
    with client_of(api_url, api_key) as client:
        return _picture(client, datetime.now(UTC), time.sleep)


def _picture(client: httpx.Client, now: datetime, pause: Pause) -> Group:
    demo = services(now, _registered(client, now, pause))
    table = Table(title="Is the improvement broad enough?", show_lines=True)
    for heading in ("Service", "Across teams", "Day, night, weekend", "Inside and outside"):
        table.add_column(heading)
    statements = []
    for service in demo:
        cells = []
        for view in VIEWS:
            answer = patiently(client, pause, "GET", _address(service, view))
            if answer.status_code != httpx.codes.OK:
                cells.append(Text(f"no verdict yet ({answer.status_code})", style="dim"))
                continue
            seen = answer.json()
            cells.append(_cell(seen))
            statements.append(Text(f"{service.plan.name}: {seen['verdict']['statement']}"))
        table.add_row(f"{service.plan.name}\n{service.story}", *cells)
    return Group(table, *statements)


def _registered(client: httpx.Client, now: datetime, pause: Pause) -> date | None:
    """Start of the programme of a demo that was loaded before, in whatever month that was."""
    code = services(now)[0].plan.service
    answer = patiently(client, pause, "GET", f"/v1/services/{code}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    programme = taken(answer).get("programme")
    return date.fromisoformat(programme["started_on"]) if programme else None


def _cell(seen: dict[str, Any]) -> Text:
    level = seen["verdict"]["level"]
    breadth = seen["breadth"]
    cell = Text(level.replace("_", " "), style=COLOURS.get(level, "dim"))
    reached, segments = breadth["reached_at_least"], breadth["segments"]
    cell.append(f"\nreached at least {reached} of {segments}", style="default")
    return cell


def _batches(evidence_of: Iterator[Event]) -> Iterator[Batch]:
    """Gzipped NDJSON, well inside the API's bounds; compressed early, so that little is held."""
    encoder = msgspec.json.Encoder()
    waiting: list[Event] = []
    for each in evidence_of:
        waiting.append(each)
        if len(waiting) == BATCH:
            yield Batch(BATCH, gzip.compress(encoder.encode_lines(waiting), compresslevel=1))
            waiting = []
    if waiting:
        yield Batch(len(waiting), gzip.compress(encoder.encode_lines(waiting), compresslevel=1))


def _send(client: httpx.Client, pause: Pause, batch: Batch) -> None:
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    answer = patiently(client, pause, "POST", "/v1/events", content=batch.body, headers=headers)
    outcome = taken(answer)
    for unwelcome in ("rejected", "conflicts"):
        if outcome[unwelcome]:
            raise NotTaken(f"{len(outcome[unwelcome])} {unwelcome}: {outcome[unwelcome][0]}")
    if outcome["quarantined"]:
        raise NotTaken(f"{outcome['quarantined']} events quarantined: unknown service or team")


def _settle(client: httpx.Client, demo: list[DemoService], pause: Pause) -> None:
    """Wait until every view answers and nothing sent is still to be counted."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    waiting = [_address(service, view) for service in demo for view in VIEWS]
    while waiting:
        answer = patiently(client, pause, "GET", waiting[0])
        if answer.status_code == httpx.codes.OK:
            if not answer.json()["freshness"]["pending"]:
                waiting.pop(0)
                continue
        elif answer.status_code != httpx.codes.ACCEPTED:
            taken(answer)
        if time.monotonic() > deadline:
            raise NotTaken(f"{waiting[0]} was not settled within {SETTLED_WITHIN_S:.0f} s")
        pause(pause_of(answer, 0.5))


def _address(service: DemoService, view: str) -> str:
    as_of = f"{service.plan.calendar[-1]:%Y-%m}"
    return f"/v1/services/{service.plan.service}/{view}?as_of={as_of}"


def _readable(body: dict[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
