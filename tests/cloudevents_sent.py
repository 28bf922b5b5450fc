"""Our events written as CloudEvents, after the specification and not after the code that reads."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx

from tests.sent import buckets, dose

#: Our field, and the attribute it travels in; the rest are called alike.
ATTRIBUTES = {"occurred_at": "time", "recorded_at": "recordedtime", "version": "eventversion"}
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
#: What is set to this is not sent at all.
NOTHING: Any = ...


class Message(NamedTuple):
    headers: list[tuple[str, str]]
    body: bytes

    async def by(self, client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/v1/events", content=self.body, headers=self.headers)


def cloudevent(event: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """In JSON; what `changes` sets to `NOTHING` is left out."""
    made: dict[str, Any] = {"specversion": "1.0", "type": "medication.administered"}
    for name, value in event.items():
        if name == "about" and value is not None:
            made[name] = json.dumps(value)
        elif name not in {"service", "team"}:
            made[ATTRIBUTES.get(name, name)] = value
    team = event.get("team")
    made["subject"] = event["service"] if team is None else f"{event['service']}/{team}"
    return {name: value for name, value in (made | changes).items() if value is not NOTHING}


def structured(event: Mapping[str, Any], **changes: Any) -> Message:
    return Message([("Content-Type", STRUCTURED)], _json(cloudevent(event, **changes)))


def batched(*cloudevents: object) -> Message:
    return Message([("Content-Type", BATCHED)], _json(list(cloudevents)))


def binary(event: Mapping[str, Any], **changes: Any) -> Message:
    made = cloudevent(event, **changes)
    body = _json(made.pop("data")) if "data" in made else b""
    headers = [("Content-Type", "application/json")]
    headers += [(f"ce-{name}", header(value)) for name, value in made.items() if value is not None]
    return Message(headers, body)


def in_base64(event: Mapping[str, Any]) -> Message:
    """Structured, the data as the bytes that they are elsewhere."""
    made = cloudevent(event)
    coded = base64.b64encode(_json(made.pop("data"))).decode()
    return Message([("Content-Type", STRUCTURED)], _json(made | {"data_base64": coded}))


def header(value: object) -> str:
    """The canonical text of a value, percent-encoded (HTTP binding 1.0.2, section 3.1.3.2)."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(
        sign if "!" <= sign <= "~" and sign not in '"%' else _percent(sign) for sign in text
    )


def native(event: Mapping[str, Any]) -> Message:
    return Message([("Content-Type", "application/json")], _json(event))


def a_batch_of_one(event: Mapping[str, Any]) -> Message:
    return batched(cloudevent(event))


WAYS: Mapping[str, Callable[[Mapping[str, Any]], Message]] = {
    "native": native,
    "structured": structured,
    "batched": a_batch_of_one,
    "binary": binary,
    "base64": in_base64,
}


async def taken(client: httpx.AsyncClient, message: Message) -> dict[str, int]:
    """Post a message that has to be taken, and answer with its buckets."""
    answer = await message.by(client)
    assert answer.status_code == 202, answer.text
    return buckets(answer.json())


def _percent(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode())


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


#: The attributes of one dose in binary mode.
CE_HEADERS = binary(dose()).headers[1:]
