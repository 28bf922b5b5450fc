"""A FHIR resource becomes an event as a sender of ours would write it, still to be validated.

Pure: what is stored already decides elsewhere, which version a retraction needs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from models.incoming.fhir_concepts import OWN
from models.incoming.fhir_conversion import NotCounted, Questions, Remark, Said, Standing
from models.incoming.fhir_elements import (
    AdverseEvent,
    Identifier,
    MedicationAdministration,
    QuestionnaireResponse,
    Resource,
)
from models.incoming.fhir_feedback import say_feedback
from models.incoming.fhir_incident import say_incident
from models.incoming.fhir_medication import say_medication
from models.incoming.fhir_patient_safety import passed_over
from models.incoming.fhir_references import References, written
from models.incoming.pointers import pointer_of
from models.incoming.refusals import UNREADABLE, Refused, echo, explain

#: What stands in `source` before the system of an identifier, and for resources without one.
SOURCE = "fhir:"
BY_ADDRESS = f"{SOURCE}resource"
WITHOUT_SYSTEM = f"{SOURCE}identifier"
LARGEST_VERSION = 2**31 - 1
LONGEST_POINTER = 8
NUL_ESCAPED = b"\\u0000"

_COUNTED, _RETRACTED, _NOT_COUNTED = Standing.COUNTED, Standing.RETRACTED, Standing.NOT_COUNTED
_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of resource that is taken: what it becomes, its elements, statuses and conversion."""

    event_type: str
    shape: type[Resource]
    statuses: Mapping[str, Standing]
    say: Callable[[Said, Any, References, Questions], None]
    status_required: bool = True
    #: Why one whose status counts is no evidence all the same.
    passed_over: Callable[[Any], NotCounted | None] = lambda _: None


KINDS: Mapping[str, Kind] = {
    "MedicationAdministration": Kind(
        "medication.administered",
        MedicationAdministration,
        {
            "completed": _COUNTED,
            "not-done": _COUNTED,
            # Begun and not ended: neither given nor omitted.
            **dict.fromkeys(("in-progress", "on-hold", "stopped", "unknown"), _NOT_COUNTED),
            "entered-in-error": _RETRACTED,
        },
        lambda said, resource, refs, _: say_medication(said, resource, refs),
    ),
    "QuestionnaireResponse": Kind(
        "feedback.received",
        QuestionnaireResponse,
        {
            **dict.fromkeys(("completed", "amended"), _COUNTED),
            **dict.fromkeys(("in-progress", "stopped"), _NOT_COUNTED),
            "entered-in-error": _RETRACTED,
        },
        say_feedback,
    ),
    "AdverseEvent": Kind(
        "incident.reported",
        AdverseEvent,
        # R4 has no status here. R5 has, and an error said in its words is not to be counted.
        {
            **dict.fromkeys(("completed", "in-progress", "unknown"), _COUNTED),
            "entered-in-error": _RETRACTED,
        },
        lambda said, resource, refs, _: say_incident(said, resource, refs),
        status_required=False,
        passed_over=passed_over,
    ),
}


class Identity(NamedTuple):
    source: str
    event_id: str


@dataclass(slots=True)
class Reading:
    """What a resource says: `item` is an event as sent, but for the version of a retraction."""

    item: dict[str, Any]
    standing: Standing
    #: Of `meta.versionId`, when that is a whole number.
    version: int | None
    not_counted: NotCounted | None = None
    places: dict[str, str] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def identity(self) -> Identity:
        return Identity(self.item["source"], self.item["id"])

    def place_of(self, pointer: str) -> str:
        """Where the resource says what our event has at this pointer."""
        within = pointer
        while within:
            if within in self.places:
                return self.places[within]
            within = within.rpartition("/")[0]
        return ""


def read_resource(
    raw: bytes | Raw,
    name: str,
    service: str,
    beside: Mapping[str, Raw] | None = None,
    questions: Questions = Questions(),  # noqa: B008 - a constant
) -> Reading:
    """Raises `Refused` with a pointer into the resource."""
    kind = KINDS[name]
    resource = _decode(raw, kind.shape)
    if resource.resource_type != name:
        raise Refused("unknown_value", "/resourceType", f"Send a {name} here.")
    _refuse_unread_meaning(resource)
    standing = _standing(resource, kind)
    reading = _identified(resource, name, service)
    if standing is Standing.COUNTED:
        reading.not_counted = kind.passed_over(resource)
    elif standing is Standing.NOT_COUNTED:
        why = f"A status of '{resource.status}' is not counted: neither done nor omitted."
        reading.not_counted = NotCounted("/status", why)
    reading.standing = standing = Standing.NOT_COUNTED if reading.not_counted else standing
    if standing is not Standing.COUNTED:
        reading.item["retracted"] = True
        reading.places["/service"] = ""
        return reading
    reading.item["type"] = kind.event_type
    said = Said(fields=reading.item, places=reading.places)
    _say_tags(said, resource)
    tagged = reading.item.get("team"), reading.places.get("/team")
    kind.say(said, resource, References(resource.contained, beside or {}), questions)
    if tagged[0] is not None:
        said.say("team", tagged[0], tagged[1] or "")
    said.fields["data"] = said.data
    reading.remarks = said.remarks
    return reading


def _decode(raw: bytes | Raw, shape: type[Resource]) -> Resource:
    try:
        resource = msgspec.json.decode(raw, type=shape)
        if NUL_ESCAPED in bytes(raw):
            _refuse_nul(msgspec.json.decode(raw))
    except UNREADABLE as error:
        raise explain(error, ()) from None
    return resource


def _refuse_nul(value: object) -> None:
    """Anywhere, read or not: no text of FHIR may hold U+0000. Without recursion."""
    waiting: list[tuple[object, tuple[str | int, ...]]] = [(value, ())]
    while waiting:
        part, path = waiting.pop()
        if isinstance(part, str) and "\x00" in part:
            raise Refused(
                "nul_character",
                pointer_of([echo(name) for name in path[:LONGEST_POINTER]]),
                "U+0000 cannot be stored; leave it out.",
            )
        if isinstance(part, dict):
            waiting += [(inner, (*path[:LONGEST_POINTER], name)) for name, inner in part.items()]
        elif isinstance(part, list):
            waiting += [(one, (*path[:LONGEST_POINTER], at)) for at, one in enumerate(part)]


def _refuse_unread_meaning(resource: Resource) -> None:
    """FHIR forbids to go on past what may turn the meaning of the rest around."""
    if resource.implicit_rules:
        raise Refused("not_supported", "/implicitRules", "No implicit rules are known here.")
    if resource.modifier_extension:
        raise Refused(
            "not_supported", "/modifierExtension", "No modifier extensions are known here."
        )


def _standing(resource: Resource, kind: Kind) -> Standing:
    words = ", ".join(kind.statuses)
    if resource.status is None:
        if not kind.status_required:
            return Standing.COUNTED
        raise Refused("missing_field", "/status", f"This is required. Use one of: {words}.")
    standing = kind.statuses.get(resource.status)
    if standing is None:
        raise Refused(
            "unknown_value",
            "/status",
            f"'{echo(resource.status)}' is no status of this resource. Use one of: {words}.",
        )
    return standing


def _identified(resource: Resource, name: str, service: str) -> Reading:
    """A system makes an identifier mean one record everywhere; else only the service does.

    An id is one server's, so it stands for a record as in its address, with the type.
    """
    place, identifier = _business_identifier(resource)
    version = _version(resource)
    if identifier is not None:
        source, event_id = identity_of(identifier, service)
    elif resource.id:
        place, source, event_id = "/id", BY_ADDRESS, f"{service}/{name}/{resource.id}"
    else:
        raise Refused(
            "missing_field",
            "/identifier",
            "Send an identifier with system and value, or an id: without one nobody can tell a"
            " resend from another record.",
        )
    item: dict[str, Any] = {"id": event_id, "source": source, "service": service}
    item["version"] = version or 1
    places = {"/id": place, "/source": place, "/version": "/meta/versionId"}
    return Reading(item, Standing.COUNTED, version, places=places)


def identity_of(identifier: Identifier, service: str) -> Identity:
    if identifier.system:
        return Identity(SOURCE + identifier.system, written(identifier))
    return Identity(WITHOUT_SYSTEM, f"{service}/{identifier.value}")


def _business_identifier(resource: Resource) -> tuple[str, Identifier | None]:
    """The first that has a value and is not said to be old."""
    one = resource.identifier
    if isinstance(one, Identifier):
        return "/identifier", one if one.value else None
    for number, identifier in enumerate(one or ()):
        if identifier.value and identifier.use != "old":
            return f"/identifier/{number}", identifier
    return "", None


def _version(resource: Resource) -> int | None:
    written_version = (resource.meta.version_id if resource.meta else None) or ""
    if not _WHOLE_NUMBER.fullmatch(written_version):
        return None
    version = int(written_version)
    return version if version <= LARGEST_VERSION else None


def _say_tags(said: Said, resource: Resource) -> None:
    for number, tag in enumerate(resource.meta.tag if resource.meta else ()):
        for name in ("team", "area"):
            if tag.system == OWN + name and name not in said.fields:
                said.say(name, tag.code, f"/meta/tag/{number}")


def retraction_version(sent: int | None, stored: Mapping[int, bool]) -> int | None:
    """The version by which a retraction holds against what is stored; None when one holds already.

    `stored` says of each version whether it retracts. A sender without versions means what it
    sent before, so the next one is taken, never the first: that is left to the record itself,
    should it come late. One that uses a version twice means the later of both.
    """
    highest = max(stored, default=0)
    if highest and stored[highest] and (sent is None or sent <= highest):
        return None
    if sent is None:
        return max(highest + 1, 2)
    return sent + 1 if sent == highest else sent
