"""Resources as a FHIR client would write them; keywords say what a test is about."""

import json
from collections.abc import Sequence
from typing import Any

import httpx

from models.incoming.fhir_conversion import Questions
from models.incoming.fhir_reading import Reading, read_resource
from models.incoming.fhir_references import NHS_NUMBER
from models.vocabulary import ProviderId
from tests.sent import SERVICE

BASE = f"/v1/fhir/{SERVICE}"
FHIR = {"Content-Type": "application/fhir+json"}
EMAR = "https://emar.example/id"
TAXONOMY = "https://taxonomy.example/fhir/StructureDefinition"
SNOMED = "http://snomed.info/sct"
NOT_GIVEN = "http://terminology.hl7.org/CodeSystem/reason-medication-not-given"

NONE_ASKED = Questions()
Resource = dict[str, Any]
Connection = Any


def tagged(team: str | None = "oak", version: str | None = None) -> Resource:
    meta: Resource = {} if team is None else {"tag": [{"system": "urn:breadth:team", "code": team}]}
    return meta | ({} if version is None else {"versionId": version})


def without_nothing(resource: Resource) -> Resource:
    """FHIR has no null, so what is None was not said."""
    return {name: value for name, value in resource.items() if value is not None}


def administration(number: int = 1, version: str | None = None, **changes: Any) -> Resource:
    return without_nothing(
        {
            "resourceType": "MedicationAdministration",
            "meta": tagged(version=version),
            "identifier": [{"system": EMAR, "value": f"D-{number}"}],
            "status": "completed",
            "medicationCodeableConcept": {"coding": [{"system": SNOMED, "code": "322236009"}]},
            "subject": {"identifier": {"system": NHS_NUMBER, "value": "943 476 5919"}},
            "effectiveDateTime": "2026-09-01T08:05:00+01:00",
        }
        | changes
    )


def questionnaire(number: int = 1, version: str | None = None, **changes: Any) -> Resource:
    return without_nothing(
        {
            "resourceType": "QuestionnaireResponse",
            "meta": tagged(version=version),
            "identifier": {"system": "https://voices.example/id", "value": f"V-{number}"},
            "status": "completed",
            "authored": "2026-09-02T10:00:00+01:00",
            "source": {"reference": "RelatedPerson/r-5"},
            "item": [{"linkId": "rating", "answer": [{"valueInteger": 4}]}],
        }
        | changes
    )


def adverse_event(number: int = 1, version: str | None = None, **changes: Any) -> Resource:
    return without_nothing(
        {
            "resourceType": "AdverseEvent",
            "meta": tagged(version=version),
            "identifier": {"system": "https://incidents.example/id", "value": f"I-{number}"},
            "actuality": "actual",
            "event": {"coding": [{"system": SNOMED, "code": "217082002"}]},
            "subject": {"reference": "Patient/17"},
            "date": "2026-09-03T23:40:00+01:00",
            "severity": {"coding": [{"code": "mild"}]},
        }
        | changes
    )


def national(
    *harms: str,
    challenges: Sequence[str] = (),
    psychological: str | None = None,
    hour: str | None = "23:40:00",
    estimated: str | None = None,
    **changes: Any,
) -> Resource:
    """As vendors send it to the national service: facts are codes in extensions."""
    patients = [
        {
            "resourceType": "Patient",
            "id": f"patient{number}",
            "extension": extension(
                "patient-information",
                ("PatientSequence", "Integer", number),
                ("AgeAtTimeOfIncidentDays", "Integer", 29_600),
                ("Gender", "Code", "2"),
                ("PhysicalHarm", "Code", harm),
                ("PsychologicalHarm", "Code", psychological),
            ),
        }
        for number, harm in enumerate(harms, 1)
    ]
    where = {
        "resourceType": "Location",
        "id": "location1",
        "extension": extension("location-details", ("Organisation", "Code", "VL0X1")),
    }
    coded = [("SafetyChallenges", "Code", one) for one in challenges]
    return adverse_event(
        **{
            "meta": {"profile": [f"{TAXONOMY}/patient-safety-adverse-event-5"]},
            "contained": [*patients, where],
            "extension": [
                *extension(
                    "adverse-event-estimated-date",
                    ("PreciseTime", "Time", hour),
                    ("EstimatedTime", "Code", estimated),
                ),
                *extension("adverse-event-safety-challenges", *coded),
            ],
            # The kind of record, and no category.
            "event": {"coding": [{"code": "1"}]},
            "subject": {"reference": "#patient1"} if harms else {"reference": "#location1"},
            "location": {"reference": "#location1"},
            "date": "2026-09-03",
            "severity": None,
        }
        | changes
    )


def extension(name: str, *inside: tuple[str, str, Any]) -> list[Resource]:
    """One of the national extensions with these in it; none where nothing is."""
    parts = [
        {"url": url, f"value{kind}": value} for url, kind, value in inside if value is not None
    ]
    return [{"url": f"{TAXONOMY}/{name}-5", "extension": parts}] if parts else []


def bundle(*resources: Resource, kind: str = "batch", **request: Any) -> Resource:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {
                "resource": one,
                "request": {"method": "POST", "url": one.get("resourceType", "")} | request,
            }
            for one in resources
        ],
    }


def read(resource: Resource, service: str = SERVICE, questions: Questions = NONE_ASKED) -> Reading:
    raw = json.dumps(resource).encode()
    return read_resource(raw, resource["resourceType"], service, questions=questions)


async def post(
    client: httpx.AsyncClient, resource: Resource, *, base: str = BASE, **headers: str
) -> httpx.Response:
    """To its own address below the base; a bundle to the base itself."""
    kind = resource["resourceType"]
    address = base if kind == "Bundle" else f"{base}/{kind}"
    answer = await client.post(address, json=resource, headers=FHIR | headers)
    assert answer.headers["content-type"] == "application/fhir+json", answer.text
    return answer


def codes(answer: httpx.Response) -> list[str]:
    """What an OperationOutcome says, in our codes."""
    said = answer.json()
    assert said["resourceType"] == "OperationOutcome", said
    return [issue["details"]["coding"][0]["code"] for issue in said["issue"]]


def entries(answer: httpx.Response) -> list[tuple[str, str]]:
    """Of a bundle's answer: the status of each entry, and what was said first."""
    found = []
    for entry in answer.json()["entry"]:
        issue = entry["response"]["outcome"]["issue"][0]
        status = entry["response"]["status"].partition(" ")[0]
        found.append((status, issue["details"]["coding"][0]["code"]))
    return found


async def said(client: httpx.AsyncClient, resource: Resource, **headers: str) -> tuple[int, str]:
    """The status of one post, and what is said first."""
    answer = await post(
        client, resource, **{name.replace("_", "-"): v for name, v in headers.items()}
    )
    return answer.status_code, codes(answer)[0]


async def stored(admin: Any, provider: ProviderId) -> list[Any]:
    return list(
        await admin.fetch(
            "SELECT * FROM events WHERE provider_id = $1 ORDER BY source, event_id, version",
            provider,
        )
    )
