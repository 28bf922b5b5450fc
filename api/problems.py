"""Every refusal in one format: RFC 9457, one table of names, one rendering.

A problem tells the sender what to do and nothing about what runs inside; internals are logged.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from api.inbound.fhir_outcomes import BASE as FHIR_BASE
from api.inbound.fhir_outcomes import FHIR_JSON, problem_outcome
from models.db import database_away, driver_error
from models.incoming.pointers import pointer_of

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


class Kind(NamedTuple):
    status: int
    title: str
    detail: str


PROBLEMS: Mapping[str, Kind] = {
    "unreadable_body": Kind(400, "The body cannot be read", "Send JSON as the contract says."),
    "bad_request": Kind(400, "The request cannot be read", "Send it as the contract says."),
    "idempotency_key_malformed": Kind(
        400,
        "The Idempotency-Key cannot be read",
        "Send the header once, with 1 to 255 printable ASCII characters in double quotes.",
    ),
    "unauthenticated": Kind(
        401,
        "No valid key",
        "Send an API key: 'Authorization: Bearer <key>', or Basic with key id and secret.",
    ),
    "unverified": Kind(
        401,
        "Not verified",
        "The signature, or the secret, does not fit this address and body at this time.",
    ),
    "forbidden": Kind(403, "The key may not do this", "Use a key that has the scope."),
    # Absent and not yours read alike, or the answer would tell who else is a customer.
    "not_found": Kind(404, "Not found", "There is nothing here for this key."),
    "nothing_known_then": Kind(
        404, "Nothing was known then", "No result had been computed at that moment."
    ),
    "method_not_allowed": Kind(
        405, "Method not allowed", "The header 'Allow' names the methods of this address."
    ),
    "not_acceptable": Kind(
        406, "Not in this form", "Ask in 'Accept' for a type that the contract lists."
    ),
    "conflict": Kind(409, "Conflict", "What is there differs; read it and decide again."),
    "idempotency_key_in_use": Kind(
        409,
        "The first request with this key is still being carried out",
        "Wait for 'Retry-After' and send the same again.",
    ),
    "answer_not_kept": Kind(
        409,
        "This was carried out, and its answer was too large to be kept",
        "Read what is there, or send it under another key.",
    ),
    "gone": Kind(410, "Gone", "Nothing is taken at this address any more."),
    "body_too_large": Kind(413, "The body is too large", "Send it in smaller parts."),
    "unsupported_media_type": Kind(
        415, "Unsupported media type", "Send a content type that the contract lists."
    ),
    "idempotency_key_reused": Kind(
        422,
        "This key belongs to another request",
        "Another request was sent with this key before. Use a new key for each request.",
    ),
    "invalid": Kind(422, "The request is invalid", "Correct what 'errors' lists and send again."),
    "all_rejected": Kind(
        422, "Every event was rejected", "Correct what 'errors' lists and send again."
    ),
    "too_many_requests": Kind(429, "Too many requests", "Wait for 'Retry-After' and send again."),
    "internal": Kind(
        500, "Something failed here", "It was logged under this request_id; nothing was stored."
    ),
    "unavailable": Kind(
        503, "Not available just now", "Nothing was stored. Wait for 'Retry-After', send again."
    ),
}

#: How to write what a library could not read, by the beginnings of its names for that.
WRITTEN = {
    "datetime_": "Write it as in 2026-05-01T08:00:00+01:00.",
    "timezone_": "Give the offset too, as in 2026-05-01T08:00:00+01:00.",
    "date_": "Write it as YYYY-MM-DD, as in 2026-05-01.",
    "time_": "Write it as HH:MM, as in 07:30.",
}

#: How names are found for what Starlette raises itself.
BY_STATUS = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    503: "unavailable",
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `code` names the problem; each error points at what to correct.",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:breadth:problem:not_found"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "pointer", "detail"],
                "properties": {
                    "code": {"type": "string"},
                    "pointer": {"type": "string", "description": "JSON Pointer (RFC 6901)."},
                    "detail": {"type": "string"},
                    "in": {"type": "string", "enum": ["body", "path", "query", "header", "cookie"]},
                    "index": {"type": "integer"},
                    "id": {"type": ["string", "null"]},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}


class Problem(HTTPException):
    """Raised by name anywhere below a route; `PROBLEMS` knows its status and title."""

    def __init__(
        self,
        name: str,
        detail: str | None = None,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        kind = PROBLEMS[name]
        super().__init__(kind.status, detail or kind.detail, dict(headers or {}))
        self.name = name
        self.errors = list(errors)


def problems(*names: str) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses=`: these problems and those that any call with a key can meet."""
    listed: dict[int | str, dict[str, Any]] = {}
    for name in ("unauthenticated", "forbidden", *names, "internal", "unavailable"):
        kind = PROBLEMS[name]
        entry = listed.setdefault(kind.status, {"description": "", **_content()})
        entry["description"] = "; ".join(filter(None, (entry["description"], kind.title)))
    return listed


def _content() -> dict[str, Any]:
    return {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def render(request: Request, problem: Problem) -> JSONResponse:
    kind = PROBLEMS[problem.name]
    headers = dict(problem.headers or {})
    if kind.status in (429, 503):
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    if kind.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="breadth", Basic realm="breadth"'
    request_id = request.scope.get("state", {}).get("request_id", "")
    if request.url.path.startswith(FHIR_BASE):
        # A FHIR client reads nothing but an OperationOutcome.
        said = problem_outcome(
            problem.name, kind.status, problem.detail, problem.errors, request_id
        )
        return JSONResponse(said, kind.status, headers, media_type=FHIR_JSON)
    return JSONResponse(
        {
            "type": f"urn:breadth:problem:{problem.name}",
            "title": kind.title,
            "status": kind.status,
            "detail": problem.detail,
            "instance": request.url.path,
            "code": problem.name,
            "errors": problem.errors,
            "request_id": request_id,
        },
        status_code=kind.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def problem_of(error: BaseException) -> Problem:
    """The problem that any exception is to its caller."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        name = BY_STATUS.get(error.status_code, "internal")
        detail = None if error.status_code in BY_STATUS else error.detail
        return Problem(name, detail, headers=error.headers)
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if database_away(error):
        log.warning("database_away", error=type(error).__name__)
        return Problem("unavailable")
    if isinstance(driver_error(error), asyncpg.DataError):
        return Problem("invalid", "A value cannot be stored: it is out of range or has U+0000.")
    log.error("unexpected_error", exc_info=error)
    return Problem("internal")


def _of_validation(error: RequestValidationError) -> Problem:
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return Problem("unreadable_body", "The body is not valid JSON.")
    return Problem(
        "invalid",
        # The input is not repeated: it may hold what should be in no log.
        errors=[
            {
                "code": str(item["type"]),
                "pointer": pointer_of(item["loc"][1:]),
                "detail": _detail_of(str(item["type"]), str(item["msg"])),
                "in": str(item["loc"][0]) if item["loc"] else "body",
            }
            for item in found
        ],
    )


def _detail_of(kind: str, said: str) -> str:
    """In words of whoever filled it in: the library speaks of inputs and parsing."""
    for begins, advice in WRITTEN.items():
        if kind.startswith(begins):
            return advice
    return said.removeprefix("Value error, ")


def install(app: FastAPI) -> None:
    """One rendering for all; what is not listed here reaches `api.envelope` and becomes a 500."""

    async def handle(request: Request, error: Exception) -> JSONResponse:
        return render(request, problem_of(error))

    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, handle)
