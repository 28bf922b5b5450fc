"""Events as a sender would write them; keywords say what a test is about."""

from typing import Any

import httpx

SERVICE = "1-545611283"


def dose(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"A-{number:06d}",
        "source": "emar:acme",
        "type": "medication.administered",
        "service": SERVICE,
        "team": "oak",
        "occurred_at": "2026-03-01T08:05:00+00:00",
        "data": {"status": "given"},
    } | changes


def event(kind: str, data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return dose(type=kind, data=data) | changes


def retraction(number: int = 1, version: int = 2) -> dict[str, Any]:
    return {
        "id": f"A-{number:06d}",
        "source": "emar:acme",
        "service": SERVICE,
        "version": version,
        "retracted": True,
    }


#: Data of each type; every other type counts items.
EXAMPLES: dict[str, dict[str, Any]] = {
    "medication.administered": {"status": "given_late", "prn": False, "time_critical": True},
    "medication.round": {"due": 9, "on_time": 5, "late": 1, "omitted": 1, "refused": 1, "other": 1},
    "shift.worked": {
        "starts_at": "2026-03-01T08:00:00Z",
        "ends_at": "2026-03-01T20:00:00Z",
        "planned_hours": 12,
        "worked_hours": 0,
        "agency_hours": 0,
        "role": "carer",
    },
    "audit.completed": {"audit": "medicines", "items_due": 9, "items_met": 8, "themes": ["safety"]},
    "supervision.completed": {"on_time": True, "items_due": 3, "items_met": 3},
    "incident.reported": {"category": "fall", "harm": "low", "near_miss": False},
    "feedback.received": {"respondent": "family", "rating": 4.5},
    "complaint.received": {"respondent": "person", "theme": "dignity", "upheld": True},
    "compliment.received": {"respondent": "partner"},
    "census.taken": {"on": "2026-03-01", "care_hours": 140.5},
}


async def send(client: httpx.AsyncClient, *events: object) -> dict[str, Any]:
    """Post an array that has to be taken, and answer with the receipt."""
    answer = await client.post("/v1/events", json=list(events))
    assert answer.status_code == 202, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


def buckets(receipt: dict[str, Any]) -> dict[str, int]:
    """Only the buckets that hold something."""
    sizes = {
        name: len(found) if isinstance(found, list) else found for name, found in receipt.items()
    }
    return {name: size for name, size in sizes.items() if size}
