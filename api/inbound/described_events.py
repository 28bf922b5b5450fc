"""What `POST /v1/events` takes and answers, for OpenAPI; made from the shapes themselves."""

import json
from typing import Any

import msgspec

from api.inbound import described_cloudevents
from api.inbound.bodies import JSON, NDJSON
from api.inbound.cloudevents import Mode
from models.event_types import SHAPES
from models.incoming.refusals import Rejection
from models.incoming.validation import Envelope

REFERENCE = "#/components/schemas/{name}"

EXAMPLE = {
    "id": "A-000123",
    "source": "emar:acme",
    "type": "medication.administered",
    "service": "1-545611283",
    "team": "oak",
    "area": None,
    "occurred_at": "2026-03-01T08:05:00+00:00",
    "recorded_at": "2026-03-01T08:06:10+00:00",
    "about": None,
    "version": 1,
    "retracted": False,
    "person": "9434765919",
    "staff": "jb17",
    "data": {"status": "given", "due_at": "2026-03-01T08:00:00+00:00"},
}

_shapes = sorted(set(SHAPES.values()), key=lambda shape: shape.__name__)
_, SCHEMAS = msgspec.json.schema_components([Envelope, Rejection, *_shapes], ref_template=REFERENCE)
SCHEMAS = dict(SCHEMAS)
SCHEMAS["Event"] = SCHEMAS.pop("Envelope")
for _shape in _shapes:
    # Fields of a provider's own: `x_*` scalars.
    SCHEMAS[_shape.__name__]["patternProperties"] = {
        "^x_": {"type": ["string", "number", "boolean", "null"], "maxLength": 200}
    }
SCHEMAS["Event"]["properties"] |= {
    "type": {
        "description": "One of the listed types, or a declared `custom.<name>`.",
        "anyOf": [
            {"type": "string", "enum": sorted(SHAPES)},
            {"type": "string", "pattern": "^custom\\."},
        ],
    },
    "data": {
        "description": "Its shape goes by `type`; a declared type has its own.",
        "anyOf": [
            *({"$ref": REFERENCE.format(name=shape.__name__)} for shape in _shapes),
            {"type": "object"},
        ],
    },
}
SCHEMAS["Event"]["description"] = (
    "`id`, `source`, `type`, `service`, `occurred_at` and `data` are required; a retraction needs"
    " only `id`, `source`, `service`, `version` and `retracted`."
)
SCHEMAS["Event"]["examples"] = [EXAMPLE]
SCHEMAS["Receipt"] = {
    "type": "object",
    "description": "Each item sent is in exactly one of these.",
    "required": ["accepted", "duplicates", "superseded", "quarantined", "conflicts", "rejected"],
    "properties": {
        **{
            name: {"type": "integer", "minimum": 0}
            for name in ("accepted", "duplicates", "superseded", "quarantined")
        },
        "conflicts": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "id", "version"],
                "properties": {
                    "index": {"type": "integer"},
                    "id": {"type": "string"},
                    "version": {"type": "integer"},
                },
            },
        },
        "rejected": {"type": "array", "items": {"$ref": REFERENCE.format(name="Rejection")}},
    },
}

SCHEMAS["CloudEvent"] = described_cloudevents.SCHEMA

_EVENT = {"$ref": REFERENCE.format(name="Event")}
_CLOUDEVENT = {"$ref": REFERENCE.format(name="CloudEvent")}
#: For examples of more than one.
_NEXT = EXAMPLE | {"id": "A-000124", "person": "9434765870"}
_NEXT_CLOUDEVENT = described_cloudevents.EXAMPLE | {"id": "A-000124", "person": "9434765870"}

BODY: dict[str, Any] = {
    "required": True,
    "description": "At most 50,000 events and 16 MiB, decompressed, in every content type;"
    " batches of CloudEvents are welcome up to the same bounds. `Content-Encoding: gzip` is"
    " welcome. With the headers `ce-specversion`, `ce-id`, `ce-source` and `ce-type` the body is"
    " the `data` of one CloudEvent in binary mode.",
    "content": {
        JSON: {
            "schema": {
                "anyOf": [
                    _EVENT,
                    {"type": "array", "items": _EVENT},
                    {"type": "object", "description": "`data`, when `ce-` headers say the rest."},
                ]
            },
            "examples": {
                "event": {"summary": "One event", "value": EXAMPLE},
                "events": {"summary": "An array of events", "value": [EXAMPLE, _NEXT]},
                "binary_mode": {
                    "summary": "The data of a CloudEvent whose attributes are in `ce-` headers",
                    "value": described_cloudevents.DATA,
                },
            },
        },
        NDJSON: {
            "schema": _EVENT,
            "example": "\n".join(json.dumps(event) for event in (EXAMPLE, _NEXT)),
        },
        f"{Mode.STRUCTURED.value}+json": {
            "schema": _CLOUDEVENT,
            "example": described_cloudevents.EXAMPLE,
        },
        f"{Mode.BATCHED.value}+json": {
            "schema": {"type": "array", "items": _CLOUDEVENT},
            "example": [described_cloudevents.EXAMPLE, _NEXT_CLOUDEVENT],
        },
    },
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Durable. Says what became of each item.",
        "content": {
            "application/json": {"schema": {"$ref": REFERENCE.format(name="Receipt")}},
        },
    }
}
