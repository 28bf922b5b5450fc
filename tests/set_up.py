"""Setting a service up over HTTP, as tests say it; keywords say what a test is about."""

from typing import Any

import httpx

from models.vocabulary import ProviderId
from tests.sent import SERVICE


def team(code: str, **changes: Any) -> dict[str, Any]:
    return {"code": code, "name": code.capitalize()} | changes


def body(*teams: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"name": "Elm House", "kind": "care_home", "teams": list(teams)} | changes


async def put(
    client: httpx.AsyncClient, *teams: dict[str, Any], service: str = SERVICE, **changes: Any
) -> dict[str, Any]:
    """Put a service that has to be taken, and answer with what is said of it."""
    answer = await client.put(f"/v1/services/{service}", json=body(*teams, **changes))
    assert answer.is_success, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def refusal(
    client: httpx.AsyncClient, method: str, address: str, json: object
) -> tuple[int, list[str]]:
    """Status and pointers of a call that is refused."""
    answer = await client.request(method, address, json=json)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, [error["pointer"] for error in answer.json()["errors"]]


PROGRAMME = {"name": "Medicines on time", "started_on": "2026-10-12"}


class WholeMarks:
    """Which services were marked as a whole, in order, since the last look."""

    def __init__(self, admin: Any, provider: ProviderId) -> None:
        self._admin, self._provider, self._seen = admin, provider, 0

    async def __call__(self) -> list[str]:
        rows = await self._admin.fetch(
            "SELECT id, service FROM marks WHERE provider_id = $1 AND id > $2"
            " AND month IS NULL AND event_id IS NULL ORDER BY id",
            self._provider,
            self._seen,
        )
        self._seen = max([self._seen, *(row["id"] for row in rows)])
        return [row["service"] for row in rows]
