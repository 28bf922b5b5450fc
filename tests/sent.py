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
