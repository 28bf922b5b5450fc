"""What the FHIR routes take and answer, for OpenAPI: schemas of what is read, and examples."""

from typing import Any

import msgspec

from api.inbound.bodies import JSON
from api.inbound.fhir_bundles import MOST_ENTRIES
from api.inbound.fhir_outcomes import FHIR_JSON
from api.problems import problems
from models.incoming.fhir_elements import (
    AdverseEvent,
    MedicationAdministration,
    QuestionnaireResponse,
)
from models.incoming.fhir_reading import KINDS
from models.incoming.fhir_references import NHS_NUMBER

REFERENCE = "#/components/schemas/{name}"

_PATIENT = {
    "type": "Patient",
    "identifier": {"system": NHS_NUMBER, "value": "9434765919"},
}
_META = {"versionId": "1", "tag": [{"system": "urn:breadth:team", "code": "oak"}]}

DOSE: dict[str, Any] = {
    "resourceType": "MedicationAdministration",
    "meta": _META,
    "extension": [{"url": "urn:breadth:due_at", "valueDateTime": "2026-03-01T08:00:00+00:00"}],
    "identifier": [{"system": "https://emar.example/administrations", "value": "A-000123"}],
    "status": "not-done",
    "statusReason": [
        {"coding": [{"system": "http://snomed.info/sct", "code": "182895007"}], "text": "Refused"}
    ],
    "medicationCodeableConcept": {
        "coding": [{"system": "http://snomed.info/sct", "code": "322236009"}]
    },
    "subject": _PATIENT,
    "effectiveDateTime": "2026-03-01T08:05:00+00:00",
}
FEEDBACK: dict[str, Any] = {
    "resourceType": "QuestionnaireResponse",
    "meta": {"tag": _META["tag"]},
    "identifier": {"system": "https://voices.example/answers", "value": "V-17"},
    "status": "completed",
    "authored": "2026-03-02",
    "source": {"reference": "RelatedPerson/r-5"},
    "item": [
        {
            "linkId": "fft",
            "text": "Overall, how was your experience of our service?",
            "answer": [{"valueCoding": {"code": "very_good", "display": "Very good"}}],
        },
        {"linkId": "rating", "text": "How many stars?", "answer": [{"valueInteger": 5}]},
    ],
}
INCIDENT: dict[str, Any] = {
    "resourceType": "AdverseEvent",
    "identifier": {"system": "https://incidents.example/reports", "value": "I-9"},
    "actuality": "actual",
    "event": {
        "coding": [
            {"system": "http://snomed.info/sct", "code": "217082002", "display": "Accidental fall"}
        ]
    },
    "subject": _PATIENT,
    "date": "2026-03-01T23:40:00+00:00",
    "recordedDate": "2026-03-02T00:15:00+00:00",
    "location": {"display": "Oak Unit"},
    "severity": {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/adverse-event-severity",
                "code": "mild",
            }
        ]
    },
}
EXAMPLES = {one["resourceType"]: one for one in (DOSE, FEEDBACK, INCIDENT)}
EXAMPLE_BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {"resource": one, "request": {"method": "POST", "url": name}}
        for name, one in EXAMPLES.items()
    ],
}

_SHAPES = (MedicationAdministration, QuestionnaireResponse, AdverseEvent)
_, _components = msgspec.json.schema_components(_SHAPES, ref_template=REFERENCE)
#: Under names of their own: `Reference` or `Answer` alone would say little in our contract.
_RENAMED = {
    f'"{REFERENCE.format(name=name)}"': f'"{REFERENCE.format(name=f"Fhir{name}")}"'
    for name in _components
}


def _with_names(schema: dict[str, Any]) -> dict[str, Any]:
    text = msgspec.json.encode(schema).decode()
    for name, renamed in _RENAMED.items():
        text = text.replace(name, renamed)
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


SCHEMAS: dict[str, Any] = {f"Fhir{name}": _with_names(one) for name, one in _components.items()}
for _name in KINDS:
    _shape = SCHEMAS[f"Fhir{_name}"]
    _shape["title"] = _name
    _shape["description"] = "The elements that are read; all others pass unread."
    _shape["required"] = ["resourceType"]
    _shape["properties"]["resourceType"] = {"const": _name}
    _shape["properties"]["contained"] = {"type": "array", "items": {"type": "object"}}
    _shape["examples"] = [EXAMPLES[_name]]
    if KINDS[_name].status_required:
        _shape["required"].append("status")
    _shape["properties"]["status"] = {"enum": list(KINDS[_name].statuses)}
SCHEMAS["FhirOperationOutcome"] = {
    "type": "object",
    "title": "OperationOutcome",
    "description": "`details.coding` under `urn:breadth:problem` has the same code as problems of"
    " the other routes; `expression` is the path of the element meant.",
    "required": ["resourceType", "issue"],
    "properties": {
        "resourceType": {"const": "OperationOutcome"},
        "issue": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["severity", "code", "details"],
                "properties": {
                    "severity": {"enum": ["error", "warning", "information"]},
                    "code": {"type": "string"},
                    "details": {
                        "type": "object",
                        "required": ["coding", "text"],
                        "properties": {
                            "coding": {
                                "type": "array",
                                "items": {"$ref": "#/components/schemas/FhirCoding"},
                            },
                            "text": {"type": "string"},
                        },
                    },
                    "diagnostics": {"type": "string"},
                    "expression": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}
SCHEMAS["FhirBundle"] = {
    "type": "object",
    "title": "Bundle",
    "required": ["resourceType", "type"],
    "properties": {
        "resourceType": {"const": "Bundle"},
        "type": {"enum": ["batch", "transaction"]},
        "entry": {
            "type": "array",
            "maxItems": MOST_ENTRIES,
            "items": {
                "type": "object",
                "required": ["resource", "request"],
                "properties": {
                    "fullUrl": {"type": "string"},
                    "resource": {"type": "object"},
                    "request": {
                        "type": "object",
                        "required": ["method", "url"],
                        "properties": {
                            "method": {"const": "POST"},
                            "url": {"type": "string"},
                            "ifNoneExist": {"type": "string"},
                        },
                    },
                },
            },
        },
    },
    "examples": [EXAMPLE_BUNDLE],
}


def _body(name: str, example: dict[str, Any], description: str) -> dict[str, Any]:
    content = {"schema": {"$ref": REFERENCE.format(name=f"Fhir{name}")}, "example": example}
    return {
        "required": True,
        "description": description,
        "content": {FHIR_JSON: content, JSON: content},
    }


_BOUNDS = "At most 16 MiB, decompressed. `Content-Encoding: gzip` is welcome."
RESOURCES = {name: _body(name, example, _BOUNDS) for name, example in EXAMPLES.items()}
BUNDLE = _body("Bundle", EXAMPLE_BUNDLE, f"At most {MOST_ENTRIES} entries. {_BOUNDS}")


def _outcomes(said: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    schema = {"schema": {"$ref": REFERENCE.format(name="FhirOperationOutcome")}}
    return {
        status: {"description": description, "content": {FHIR_JSON: schema}}
        for status, description in said.items()
    }


def _refusals(*names: str) -> dict[int, str]:
    """The same problems as elsewhere, said as FHIR says them."""
    return {int(status): entry["description"] for status, entry in problems(*names).items()}


_READING = ("unreadable_body", "body_too_large", "unsupported_media_type", "invalid")
_CONFLICT = {409: "Something else is stored under this identifier and version"}
_SEVERAL = {412: "Several records match If-None-Exist"}
RESOURCE_ANSWERS = _outcomes(
    {
        200: "Durable, and nothing new: known already, not counted, or taken back.",
        201: "Durable. Warns when it waits for its service or team to be known.",
        **_refusals(*_READING),
        **_CONFLICT,
        **_SEVERAL,
    }
)
BUNDLE_ANSWERS = _outcomes(_refusals(*_READING) | _CONFLICT | _SEVERAL) | {
    200: {
        "description": "Durable. A Bundle with status and OperationOutcome of each entry.",
        "content": {FHIR_JSON: {"schema": {"type": "object"}}},
    }
}
CAPABILITY_ANSWERS = _outcomes(_refusals("invalid")) | {
    200: {
        "description": "A CapabilityStatement of FHIR R4.",
        "content": {FHIR_JSON: {"schema": {"type": "object"}}},
    }
}
