"""Reading conclusions in tests: the addresses, and services whose evidence one can foresee."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from tests.sent import SERVICE, event

STRANDS = {
    "team_spread": "spread-dashboard",
    "shift_coverage": "shift-coverage-review",
    "evidence_alignment": "evidence-alignment",
}
VIEWS = (*STRANDS.values(), "breadth")
ROUTES = (*VIEWS, "evidence", "statements")
TEAMS = [
    {"code": "oak", "name": "Oak", "area": "Nursing"},
    {"code": "elm", "name": "Elm", "area": "Nursing"},
    {"code": "ash", "name": "Ash", "area": "Residential"},
]
CHECKS = ("audit.completed", "observation.completed", "knowledge.checked")
#: Baseline of a programme from 1 April, and the last three months before the tests' clock.
BEFORE = ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03")
AFTER = ("2026-08", "2026-09", "2026-10")


def address(route: str, service: str = SERVICE) -> str:
    return f"/v1/services/{service}/{route}"


async def read(
    client: httpx.AsyncClient, route: str, service: str = SERVICE, **question: Any
) -> dict[str, Any]:
    """What a reader is told, who is told something."""
    answer = await client.get(address(route, service), params=question)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def set_up(
    client: httpx.AsyncClient, service: str = SERVICE, **changes: Any
) -> dict[str, Any]:
    """A service of three teams with a programme since 1 April 2026."""
    body = {"name": "Elm House", "kind": "care_home", "teams": TEAMS} | changes
    answer = await client.put(f"/v1/services/{service}", json=body)
    assert answer.is_success, answer.text
    programme = {"name": "Safer rounds", "started_on": "2026-04-01"}
    put = await client.put(f"/v1/services/{service}/programme", json=programme)
    assert put.is_success, put.text
    said: dict[str, Any] = answer.json()
    return said


def check(id_: str, at: str, met: int, kind: str = "audit.completed", **changes: Any) -> Any:
    """25 items looked at, some of them met; by oak unless said otherwise."""
    data: dict[str, Any] = {"items_due": 25, "items_met": met}
    if kind == "audit.completed":
        data["audit"] = "medicines"
    return event(kind, data, id=id_, occurred_at=at, **changes)


def checks_of(months: Iterable[str], met: int, teams: Iterable[str] = ("oak", "elm", "ash")) -> Any:
    """Each kind of check four times a month and team, `met` of 25 give or take one."""
    return [
        check(
            f"{kind}/{month}/{team}/{day}",
            f"{month}-{day:02}T10:00:00+00:00",
            met + (day + place) % 3 - 1,
            kind,
            team=team,
        )
        for month in months
        for place, team in enumerate(teams)
        for kind in CHECKS
        for day in (3, 9, 16, 24)
    ]


def keys_of(part: Any) -> Any:
    """The shape of a JSON body: its keys, and of a list the shapes of objects that occur in it."""
    if isinstance(part, Mapping):
        return {key: keys_of(value) for key, value in part.items()}
    if isinstance(part, list):
        shapes: list[Any] = []
        for each in part:
            if (shape := keys_of(each)) is not None and shape not in shapes:
                shapes.append(shape)
        return shapes
    return None
