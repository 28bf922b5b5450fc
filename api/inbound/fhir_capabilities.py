"""The CapabilityStatement: what a FHIR client may expect of a base, and what it may not."""

from typing import Any

from models.incoming.fhir_concepts import OWN
from models.incoming.fhir_conversion import Standing
from models.incoming.fhir_feedback import EXTENSIONS as OF_FEEDBACK
from models.incoming.fhir_incident import EXTENSIONS as OF_INCIDENT
from models.incoming.fhir_medication import EXTENSIONS as OF_MEDICATION
from models.incoming.fhir_reading import KINDS

#: When what is said here last changed.
CHANGED_ON = "2026-11-15"
EXTENSIONS = {
    "MedicationAdministration": OF_MEDICATION,
    "QuestionnaireResponse": OF_FEEDBACK,
    "AdverseEvent": OF_INCIDENT,
}
IDENTITY = (
    "A record is known by its first identifier with a value, else by its id within this base."
    " A correction is the same record with a higher meta.versionId; a resend changes nothing."
)


def capability_statement(service: str) -> dict[str, Any]:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CHANGED_ON,
        "kind": "instance",
        "software": {"name": "Breadth"},
        "implementation": {"description": f"Evidence of the service {service}. Write only."},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Resources become events and cannot be read back; answers are"
                " OperationOutcomes. Location names what was created, by an id of ours.",
                "security": {"description": "An API key with the scope events:write, as Bearer."},
                "resource": [_resource(name) for name in KINDS],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _resource(name: str) -> dict[str, Any]:
    kind = KINDS[name]
    passed = [word for word, standing in kind.statuses.items() if standing is Standing.NOT_COUNTED]
    not_counted = f" Not counted: {', '.join(passed)}." if passed else ""
    own = ", ".join(OWN + extension for extension in EXTENSIONS[name])
    return {
        "type": name,
        "documentation": f"Becomes {kind.event_type}.{not_counted} entered-in-error takes back."
        f" Extensions: {own}. Tags: {OWN}team, {OWN}area. {IDENTITY}",
        "interaction": [
            {"code": "create", "documentation": "201 stored, 200 known or not counted."}
        ],
        "versioning": "no-version",
        "conditionalCreate": True,
        "searchParam": [
            {"name": "identifier", "type": "token", "documentation": "In If-None-Exist only."}
        ],
    }
