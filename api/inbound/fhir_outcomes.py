"""What is answered to senders of FHIR: an OperationOutcome, for good news and bad alike.

Imports no problems: `api.problems` asks this how a problem reads at a FHIR address.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from models.incoming.refusals import Refused

FHIR_JSON = "application/fhir+json"
#: Addresses below are a FHIR server's.
BASE = "/v1/fhir/"
CODES = "urn:breadth:problem"

#: FHIR's own kinds of issue, by our codes and by status.
ISSUE_TYPES: Mapping[str, str] = {
    "missing_field": "required",
    "unknown_value": "code-invalid",
    "wrong_type": "structure",
    "unreadable": "structure",
    "nested_too_deeply": "structure",
    "too_long": "too-long",
    "not_supported": "not-supported",
    "unknown_field": "not-supported",
    "conflict": "conflict",
    "several_match": "multiple-matches",
    "reason_unknown": "code-invalid",
}
ISSUE_TYPES_BY_STATUS: Mapping[int, str] = {
    400: "structure",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    409: "conflict",
    412: "multiple-matches",
    413: "too-long",
    415: "not-supported",
    429: "throttled",
    500: "exception",
    503: "transient",
}
PHRASES: Mapping[int, str] = {
    200: "200 OK",
    201: "201 Created",
    400: "400 Bad Request",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    409: "409 Conflict",
    412: "412 Precondition Failed",
    422: "422 Unprocessable Entity",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}
_PARTS = re.compile(r"/([^/]*)")
#: In a path, an element with a choice of types goes by its name alone.
_CHOICE = re.compile(r"(effective|value|asNeeded)[A-Z]\w*")

encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Answer:
    """What became of one resource."""

    status: int
    issues: list[dict[str, Any]] = field(default_factory=list)
    version: int | None = None
    #: Of what was created, under an id of ours; it cannot be read back.
    location: str | None = None
    #: The bucket it is in, as for events of ours; empty for what was no event.
    became: str = ""

    @property
    def is_error(self) -> bool:
        return self.status >= HTTPStatus.BAD_REQUEST

    def outcome(self) -> dict[str, Any]:
        return outcome(self.issues)

    def entry(self) -> dict[str, Any]:
        """As an entry of a bundle that is answered."""
        response: dict[str, Any] = {"status": PHRASES.get(self.status, str(self.status))}
        if self.version is not None:
            response["etag"] = etag(self.version)
        if self.location is not None:
            response["location"] = self.location
        return {"response": response | {"outcome": self.outcome()}}


def location_of(service: str, kind: str, source: str, event_id: str, version: int) -> str:
    """Where a resource stands, by an id that FHIR allows whatever its sender calls it."""
    name = hashlib.sha256(f"{source}\n{event_id}".encode()).hexdigest()[:32]
    return f"{BASE}{quote(service, safe='')}/{kind}/{name}/_history/{version}"


def etag(version: int) -> str:
    return f'W/"{version}"'


def expression(root: str, pointer: str) -> str:
    """A JSON Pointer as a path of FHIR: `/identifier/0/value` is `root.identifier[0].value`."""
    path = root
    for part in _PARTS.findall(pointer):
        name = part.replace("~1", "/").replace("~0", "~")
        if name.isdecimal():
            path += f"[{name}]"
        else:
            chosen = _CHOICE.fullmatch(name)
            path += f".{chosen[1] if chosen else name}"
    return path


def issue(
    severity: str, code: str, text: str, at: str | None = None, kind: str | None = None
) -> dict[str, Any]:
    default = "informational" if severity == "information" else "invalid"
    said: dict[str, Any] = {
        "severity": severity,
        "code": kind or ISSUE_TYPES.get(code, default),
        "details": {"coding": [{"system": CODES, "code": code}], "text": text},
    }
    return said | ({"expression": [at]} if at else {})


def refusal(refused: Refused, root: str) -> Answer:
    """400 for what cannot be read, 422 for what can and is wrong."""
    status = 400 if refused.code in {"unreadable", "nested_too_deeply"} else 422
    at = expression(root, refused.pointer)
    return Answer(status, [issue("error", refused.code, refused.detail, at)], became="rejected")


def outcome(issues: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def problem_outcome(
    name: str, status: int, detail: str, errors: Sequence[Mapping[str, Any]], request_id: str
) -> dict[str, Any]:
    """A problem of ours as FHIR says it, with the same code."""
    kind = ISSUE_TYPES_BY_STATUS.get(status, "invalid")
    first = issue("error", name, detail, kind=kind) | {"diagnostics": f"request_id {request_id}"}
    others = [issue("error", str(one["code"]), _located(one)) for one in errors]
    return outcome([first, *others])


def _located(error: Mapping[str, Any]) -> str:
    where = f"{error.get('in', '')}{error.get('pointer', '')}"
    return f"{where}: {error['detail']}" if where else str(error["detail"])
