"""CloudEvents as `POST /v1/events` takes them, for OpenAPI: a schema, headers, an example."""

from typing import Any

DATA = {"status": "given", "due_at": "2026-03-01T08:00:00+00:00"}
EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "A-000123",
    "source": "emar:acme",
    "type": "uk.care.medication.administered.v1",
    "subject": "1-545611283/oak",
    "time": "2026-03-01T08:05:00+00:00",
    "recordedtime": "2026-03-01T08:06:10+00:00",
    "person": "9434765919",
    "staff": "jb17",
    "data": DATA,
}

#: Each with its type, what it means here and an example, in the order in which people write them.
ATTRIBUTES: tuple[tuple[str, str, str, object], ...] = (
    ("specversion", "string", "Always `1.0`.", "1.0"),
    ("id", "string", "Your own id of the record. None is ever made up.", "A-000123"),
    ("source", "string", "The system that says so.", "emar:acme"),
    (
        "type",
        "string",
        "One of our types as it is, or as `uk.care.<type>.v1`.",
        "uk.care.medication.administered.v1",
    ),
    (
        "subject",
        "string",
        "Required here: `service/team`, or `service` for what no team did. The first `/` divides.",
        "1-545611283/oak",
    ),
    (
        "time",
        "string",
        "Our `occurred_at`; required unless retracted.",
        "2026-03-01T08:05:00+00:00",
    ),
    ("recordedtime", "string", "Our `recorded_at`.", "2026-03-01T08:06:10+00:00"),
    ("eventversion", "integer", "Our `version`; 1 when it is left out.", 1),
    ("retracted", "boolean", "Our `retracted`.", False),
    ("area", "string", "Our `area`.", "Nursing"),
    (
        "about",
        "string",
        "Our `about`: the name of a band, or the object as JSON text.",
        "weekday_night",
    ),
    ("person", "string", "Our `person`; pseudonymised before it is stored.", "9434765919"),
    ("staff", "string", "Our `staff`; pseudonymised before it is stored.", "jb17"),
)
REQUIRED = ("specversion", "id", "source", "type", "subject")


def _property(name: str, kind: str, description: str, example: object) -> dict[str, Any]:
    if name == "specversion":
        return {"const": example, "description": description}
    # Numbers and truths become texts when an event comes through headers on its way.
    also = ({"string"} - {kind}) | (set() if name in REQUIRED else {"null"})
    kinds = [kind, *sorted(also, reverse=True)]
    return {"type": kinds if also else kind, "description": description, "examples": [example]}


SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "CloudEvent",
    "description": "CloudEvents 1.0 in JSON. Extensions that are not listed are passed over, except"
    " `service`, `team` and `version`, which are refused because they travel as `subject` and"
    " `eventversion`.",
    "required": list(REQUIRED),
    "propertyNames": {"pattern": "^([a-z0-9]+|data_base64)$"},
    "properties": {
        **{attribute[0]: _property(*attribute) for attribute in ATTRIBUTES},
        "datacontenttype": {
            "type": ["string", "null"],
            "description": "JSON: `*/json` or `*/*+json`. The same when it is left out.",
        },
        "dataschema": {"type": ["string", "null"], "description": "Not looked at."},
        "data": {"description": "Our `data`, by `type`. A text in its place is not parsed again."},
        "data_base64": {
            "type": ["string", "null"],
            "description": "The same JSON in Base64, instead of `data`.",
        },
    },
    "examples": [EXAMPLE],
}
HEADERS: list[dict[str, Any]] = [
    {
        "name": f"ce-{name}",
        "in": "header",
        "required": False,
        "description": f"{description} Binary mode only.",
        "schema": {"type": kind},
        "example": example,
    }
    for name, kind, description, example in ATTRIBUTES
]
