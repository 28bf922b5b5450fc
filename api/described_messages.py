"""What OpenAPI says of the messages that go out: the `webhooks` of the contract."""

from datetime import timedelta
from typing import Any

from models.outbox import SCHEDULE
from models.settling import DISABLED_AFTER
from models.vocabulary import Level, MessageType, Role, Stage, Strand

MONTH = {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])$", "examples": ["2026-09"]}
INSTANT = {"type": "string", "format": "date-time"}
ID = {"type": "string", "format": "uuid"}
SERVICE = {"type": "string", "description": "The id of the service."}
URL = {
    "type": "string",
    "format": "uri",
    "description": "Where to read it, with a key that may. Nothing of it stands in the message.",
}


def _one_of(*values: str, or_null: bool = False) -> dict[str, Any]:
    kinds: str | list[str] = ["string", "null"] if or_null else "string"
    return {"type": kinds, "enum": [*values, *([None] if or_null else [])]}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    """Receivers have to let properties pass that they do not know yet."""
    return {"type": "object", "required": sorted(properties), "properties": properties}


def _moved() -> dict[str, Any]:
    return _object({"from": _one_of(*Level, or_null=True), "to": _one_of(*Level)})


_ESCALATION = {
    "id": ID | {"description": "The id of the escalation."},
    "service": SERVICE,
    "strand": _one_of(*Strand, or_null=True),
    "trigger": {"type": "string", "examples": ["persistent_variation"]},
    "as_of": MONTH | {"description": "The month of the look that it is about."},
    "times_opened": {"type": "integer", "minimum": 1},
    "url": URL,
}
_SOURCE = {
    "id": {"type": "string", "description": "The code of the connector."},
    "since": INSTANT | {"description": "The last time that it had sent something."},
    "url": URL,
}

#: By type: what it says in one sentence, and what its `data` holds.
DATA: dict[MessageType, tuple[str, dict[str, Any]]] = {
    MessageType.VERDICT_CHANGED: (
        "The verdict of the last ended month has another level than it, or the month before, had.",
        {
            "id": ID | {"description": "The id of the snapshot."},
            "snapshot": ID,
            "service": SERVICE,
            "as_of": MONTH,
            "story": _moved(),
            "strands": _object({strand.value: _moved() for strand in Strand}),
            "url": URL,
        },
    ),
    MessageType.TRIGGER_OPENED: (
        "A trigger holds and has opened an escalation, or opened it again.",
        _ESCALATION,
    ),
    MessageType.TRIGGER_RESOLVED: (
        "Somebody has resolved an escalation; that of an overdue review, too.",
        _ESCALATION,
    ),
    MessageType.RECORD_SIGNED: (
        "One of the fifteen records was signed.",
        {
            "id": ID | {"description": "The id of the record."},
            "service": SERVICE,
            "strand": _one_of(*Strand),
            "stage": _one_of(*Stage),
            "month": MONTH,
            "url": URL,
        },
    ),
    MessageType.REVIEW_OVERDUE: (
        "Nobody has held a review within its days of grace; there is an escalation.",
        _ESCALATION | {"role": _one_of(*Role)},
    ),
    MessageType.SOURCE_SILENT: (
        "A source has sent nothing for longer than it was expected to take.",
        _SOURCE | {"until": {"type": "null"}},
    ),
    MessageType.SOURCE_RETURNED: (
        "A source that was silent has sent something again. What it left out is still missing.",
        _SOURCE | {"until": INSTANT},
    ),
    MessageType.ENDPOINT_TEST: (
        "Somebody has asked for a test of this address.",
        {"id": ID | {"description": "The id of the subscription."}, "url": URL},
    ),
}


def _written(wait: timedelta) -> str:
    """In the largest unit in which it is a whole number."""
    seconds = int(wait.total_seconds())
    unit, size = next(
        each for each in (("h", 3600), ("min", 60), ("s", 1)) if not seconds % each[1]
    )
    return f"{seconds // size} {unit}"


WAITS = ", ".join(map(_written, SCHEDULE[1:]))
HOW = (
    "Signed by Standard Webhooks 1.0.0: `webhook-signature` has `v1,` and the base64 of"
    " HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, one for each secret in force."
    " Verify it over the raw body, and refuse timestamps that are more than five minutes off. A"
    " message comes at least once and in no certain order: `webhook-id` is the same on each post of"
    " it, and `sequence` counts the messages of a subscription without a gap. Answer 2xx within 15"
    f" s, before any work. Anything else is tried again after {WAITS}, give or take a fifth."
    " Redirects are not followed; 410 ends the subscription, and so does failing for"
    f" {DISABLED_AFTER.days} days; 429, 502, 503 and 504 may ask for a pause with `Retry-After`."
)
HEADERS = {
    "webhook-id": "The id of the message, the same on each post of it.",
    "webhook-timestamp": "When it was posted, in seconds since 1970.",
    "webhook-signature": "Signatures, separated by spaces.",
}


def schema_name(kind: MessageType) -> str:
    return "".join(word.capitalize() for word in kind.value.split(".")) + "Message"


def _schema(kind: MessageType) -> dict[str, Any]:
    said, data = DATA[kind]
    return _object(
        {
            "type": {"type": "string", "const": kind.value},
            "timestamp": INSTANT | {"description": "When it came to be so."},
            "sequence": {"type": "integer", "minimum": 1},
            "data": _object(data),
        }
    ) | {"title": schema_name(kind), "description": said}


def _webhook(kind: MessageType) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema_name(kind)}"}
    return {
        "post": {
            "operationId": f"receive_{kind.value.replace('.', '_')}",
            "tags": ["hooks out"],
            "summary": DATA[kind][0],
            "description": HOW,
            "security": [],
            "parameters": [
                {
                    "name": name,
                    "in": "header",
                    "required": True,
                    "schema": {"type": "string"},
                    "description": said,
                }
                for name, said in HEADERS.items()
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": reference}},
            },
            "responses": {
                "2XX": {"description": "It was taken."},
                "410": {"description": "Send nothing here any more."},
                "default": {"description": "It is posted again."},
            },
        }
    }


SCHEMAS = {schema_name(kind): _schema(kind) for kind in MessageType}
WEBHOOKS = {kind.value: _webhook(kind) for kind in MessageType}
