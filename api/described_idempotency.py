"""What OpenAPI says of `Idempotency-Key`: the same for every POST, so that none leaves it out."""

from copy import deepcopy
from typing import Any

from api.idempotency import HEADER, LONGEST_KEY, REPLAYED
from api.problems import PROBLEMS
from models.idempotency import KEPT_DAYS

PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 2 * LONGEST_KEY + 2},
    "example": '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
    "description": f"Makes it safe to send this again. A string of RFC 8941: 1 to {LONGEST_KEY}"
    " printable ASCII characters in double quotes; without the quotes it is taken too, if it has"
    " no space, quote, comma, semicolon or backslash. Use a new key, such as a UUID, for each"
    f" request. For {KEPT_DAYS} days the same request with the same key has no second effect and"
    f" gets the answer of the first, with its status, its body and the header `{REPLAYED}: true`;"
    " after that the key is as good as new. A key belongs to the API key, the method and the path"
    " it was sent with. What makes a request the same: query, content type, content encoding,"
    " `If-None-Exist`, `ce-` headers and the body, byte by byte. Another request with a key in use"
    " before is 422,"
    " and the same one while the first is under way 409 with `Retry-After`. Not kept, so that"
    " sending again is carried out anew: 401, 429, 5xx and whatever is refused before the body has"
    " been read.",
}
REPEATED: dict[str, Any] = {
    "description": "Present when this is the kept answer to an earlier request with the same key.",
    "schema": {"type": "string", "enum": ["true"]},
}
REFUSALS = (
    "idempotency_key_malformed",
    "idempotency_key_in_use",
    "answer_not_kept",
    "idempotency_key_reused",
)


def describe_key(operation: dict[str, Any]) -> None:
    """Add the header, what it may be refused with, and the mark of a repeated answer."""
    operation.setdefault("parameters", []).append(deepcopy(PARAMETER))
    responses = operation["responses"]
    # Problems look alike within an operation; those of FHIR are OperationOutcomes.
    content = responses["401"]["content"]
    for name in REFUSALS:
        kind = PROBLEMS[name]
        said = responses.setdefault(
            str(kind.status), {"description": "", "content": deepcopy(content)}
        )
        said["description"] = "; ".join(filter(None, (said["description"], kind.title)))
    for status, said in responses.items():
        if status.startswith("2"):
            said.setdefault("headers", {})[REPLAYED] = deepcopy(REPEATED)
