"""Which record a resource is, whose team it belongs to, and what our own extensions add."""

from typing import Any

import pytest

from models.incoming.refusals import Refused
from tests.fhir_sent import Resource, administration, read
from tests.sent import SERVICE


def visit(**place: Any) -> list[Resource]:
    here = {"status": "active", "location": place}
    before = {"status": "completed", "location": {"display": "Ash"}}
    return [
        {"resourceType": "Encounter", "id": "visit", "location": [here, before]},
        {"resourceType": "Location", "id": "place", "name": "Oak Unit"},
        {"resourceType": "Location", "id": "coded", "identifier": [{"value": "OAK-1"}]},
    ]


TEAMS: list[tuple[str, Resource, str | None]] = [
    ("its tag", {}, "oak"),
    ("nothing", {"meta": None}, None),
    ("a tag of others", {"meta": {"tag": [{"system": "urn:x", "code": "oak"}]}}, None),
    (
        "where the encounter takes place",
        {"meta": None, "context": {"reference": "#visit"}, "contained": visit(display="Oak Wing")},
        "Oak Wing",
    ),
    (
        "the name of a place that came along",
        {"meta": None, "context": {"reference": "#visit"}, "contained": visit(reference="#place")},
        "Oak Unit",
    ),
    (
        "the identifier of a place that came along",
        {"meta": None, "context": {"reference": "#visit"}, "contained": visit(reference="#coded")},
        "OAK-1",
    ),
    (
        "the address of a place",
        {
            "meta": None,
            "context": {"reference": "#visit"},
            "contained": visit(reference="Location/oak/_history/2"),
        },
        "Location/oak",
    ),
    (
        "never what an encounter is called",
        {"meta": None, "context": {"reference": "Encounter/1", "display": "Mrs Smith's stay"}},
        None,
    ),
    (
        "the extension for a place",
        {
            "meta": None,
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/event-location",
                    "valueReference": {"display": "Oak Wing"},
                }
            ],
        },
        "Oak Wing",
    ),
]


@pytest.mark.parametrize(("changes", "team"), [row[1:] for row in TEAMS], ids=[r[0] for r in TEAMS])
def test_the_team_is_its_tag_or_where_it_took_place(changes: Resource, team: str | None) -> None:
    assert read(administration(**changes)).item.get("team") == team


def test_a_tag_goes_before_a_place() -> None:
    place: Resource = {"context": {"reference": "#visit"}, "contained": visit(display="Ash")}
    assert read(administration(**place)).item["team"] == "oak"


def test_every_extension_of_ours_is_taken() -> None:
    yes: list[Resource] = [
        {"url": f"urn:breadth:{name}", "valueBoolean": True}
        for name in ("prn", "prn_outcome_recorded", "controlled", "witnessed", "time_critical")
    ]
    recorded = {"url": "urn:breadth:recorded_at", "valueInstant": "2026-09-01T09:00:00Z"}
    item = read(administration(extension=[*yes, recorded])).item
    assert item["recorded_at"] == "2026-09-01T09:00:00Z"
    assert item["data"] == {"status": "given"} | {
        one["url"].rpartition(":")[2]: True for one in yes
    }


def test_a_misspelt_extension_of_ours_is_refused_with_a_suggestion() -> None:
    misspelt = [{"url": "urn:breadth:dueat", "valueDateTime": "2026-09-01T09:00:00Z"}]
    with pytest.raises(Refused, match="unknown_field") as refused:
        read(administration(extension=misspelt))
    assert refused.value.pointer == "/extension/0"
    assert "'due_at'" in refused.value.detail


IDENTITIES: list[tuple[str, Resource, str, str]] = [
    (
        "system and value",
        {"identifier": [{"system": "urn:x", "value": "1"}]},
        "fhir:urn:x",
        "urn:x|1",
    ),
    ("a value alone", {"identifier": [{"value": "1"}]}, "fhir:identifier", f"{SERVICE}/1"),
    (
        "an old identifier is passed over",
        {"identifier": [{"use": "old", "value": "0"}, {"system": "urn:x", "value": "1"}]},
        "fhir:urn:x",
        "urn:x|1",
    ),
    (
        "its address",
        {"identifier": None, "id": "a-1"},
        "fhir:resource",
        f"{SERVICE}/MedicationAdministration/a-1",
    ),
    (
        "its address when no identifier has a value",
        {"identifier": [{"system": "urn:x"}], "id": "a-1"},
        "fhir:resource",
        f"{SERVICE}/MedicationAdministration/a-1",
    ),
]


@pytest.mark.parametrize(
    ("changes", "source", "event_id"), [r[1:] for r in IDENTITIES], ids=[r[0] for r in IDENTITIES]
)
def test_a_record_is_known_by(changes: Resource, source: str, event_id: str) -> None:
    assert read(administration(**changes)).identity == (source, event_id)


def test_ids_of_two_services_are_two_records() -> None:
    resource = administration(identifier=None, id="1")
    assert read(resource).identity != read(resource, "1-999").identity


VERSIONS = [("1", 1), ("17", 17), ("2147483647", 2**31 - 1), (None, None), ("W/2", None)]
VERSIONS += [("0", None), ("2147483648", None), ("9" * 30, None), ("1.5", None), ("٣", None)]


@pytest.mark.parametrize(("written", "version"), VERSIONS)
def test_a_version_is_a_whole_number_or_none(written: str | None, version: int | None) -> None:
    reading = read(administration(version=written))
    assert (reading.version, reading.item["version"]) == (version, version or 1)
