"""The OpenAPI description as this service means it: problems instead of FastAPI's own errors."""

from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.admin.described_mappings import describe_documents
from api.described_idempotency import describe_key
from api.described_messages import SCHEMAS as MESSAGE_SCHEMAS
from api.described_messages import WEBHOOKS
from api.inbound.described_events import SCHEMAS as EVENT_SCHEMAS
from api.inbound.described_fhir import SCHEMAS as FHIR_SCHEMAS
from api.problems import MEDIA_TYPE, PROBLEMS, SCHEMA

UNUSED = ("HTTPValidationError", "ValidationError")


def operation_id(route: APIRoute) -> str:
    """The name of the function, `verb_noun`."""
    return route.name


def describe(app: FastAPI) -> dict[str, Any]:
    """Build the description once; routes are complete by the time anybody asks."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        for name in UNUSED:
            schemas.pop(name, None)
        schemas |= {"Problem": SCHEMA} | EVENT_SCHEMAS | FHIR_SCHEMAS | MESSAGE_SCHEMAS
        describe_documents(schemas)
        schema["webhooks"] = deepcopy(WEBHOOKS)
        for path in schema["paths"].values():
            for operation in path.values():
                _replace_default_422(operation["responses"])
            if "post" in path:
                describe_key(path["post"])
        app.openapi_schema = schema
    return app.openapi_schema


def _replace_default_422(responses: dict[str, Any]) -> None:
    content = responses.get("422", {}).get("content", {})
    default = content.get("application/json", {}).get("schema", {})
    if default.get("$ref", "").endswith("/HTTPValidationError"):
        responses["422"] = {
            "description": PROBLEMS["invalid"].title,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
