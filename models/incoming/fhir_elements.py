"""The elements of FHIR R4 that are looked at: all else that a resource says passes unread.

Lenient on purpose. What a conversion needs it asks for itself, so a resource is refused for what
it lacks to be counted and never for what nobody here would have used.
"""

from msgspec import Raw, Struct


class Element(Struct, rename="camel", kw_only=True):
    """Unknown names pass; a known one of another type does not."""


class Coding(Element, kw_only=True):
    system: str | None = None
    code: str | None = None
    display: str | None = None
    extension: list["Extension"] = []


class CodeableConcept(Element, kw_only=True):
    coding: list[Coding] = []
    text: str | None = None


class Identifier(Element, kw_only=True):
    use: str | None = None
    system: str | None = None
    value: str | None = None


class Period(Element, kw_only=True):
    start: str | None = None


class Reference(Element, kw_only=True):
    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Extension(Element, kw_only=True):
    url: str | None = None
    extension: list["Extension"] = []
    value_boolean: bool | None = None
    value_code: str | None = None
    value_date: str | None = None
    value_date_time: str | None = None
    value_decimal: float | None = None
    value_instant: str | None = None
    value_integer: float | None = None
    value_reference: Reference | None = None
    value_string: str | None = None
    value_time: str | None = None


class ResourceMeta(Element, kw_only=True):
    version_id: str | None = None
    profile: list[str] = []
    tag: list[Coding] = []


class Resource(Element, kw_only=True):
    resource_type: str | None = None
    id: str | None = None
    meta: ResourceMeta | None = None
    implicit_rules: str | None = None
    contained: list[Raw] = []
    extension: list[Extension] = []
    modifier_extension: list[Extension] = []
    #: One or a list, by the type of the resource.
    identifier: list[Identifier] | Identifier | None = None
    status: str | None = None


class Performer(Element, kw_only=True):
    actor: Reference | None = None


class MedicationAdministration(Resource, kw_only=True):
    status_reason: list[CodeableConcept] = []
    subject: Reference | None = None
    context: Reference | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    performer: list[Performer] = []
    request: Reference | None = None


class Answer(Element, kw_only=True):
    value_boolean: bool | None = None
    value_coding: Coding | None = None
    value_decimal: float | None = None
    value_integer: float | None = None
    value_string: str | None = None
    item: list["AnsweredItem"] = []


class AnsweredItem(Element, kw_only=True):
    link_id: str | None = None
    text: str | None = None
    answer: list[Answer] = []
    item: list["AnsweredItem"] = []


class QuestionnaireResponse(Resource, kw_only=True):
    subject: Reference | None = None
    encounter: Reference | None = None
    authored: str | None = None
    source: Reference | None = None
    item: list[AnsweredItem] = []


class AdverseEvent(Resource, kw_only=True):
    actuality: str | None = None
    category: list[CodeableConcept] = []
    event: CodeableConcept | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    date: str | None = None
    detected: str | None = None
    recorded_date: str | None = None
    location: Reference | None = None
    seriousness: CodeableConcept | None = None
    severity: CodeableConcept | None = None
    outcome: CodeableConcept | None = None


class Supporting(Element, kw_only=True):
    """A resource that another one refers to, contained in it or beside it in a bundle."""

    resource_type: str | None = None
    id: str | None = None


class Somebody(Supporting, kw_only=True):
    """A patient, a relative, a practitioner: known by identifiers, never by name."""

    identifier: list[Identifier] = []
    extension: list[Extension] = []


class Location(Supporting, kw_only=True):
    identifier: list[Identifier] = []
    name: str | None = None


class PlaceOfVisit(Element, kw_only=True):
    location: Reference | None = None
    status: str | None = None


class Encounter(Supporting, kw_only=True):
    location: list[PlaceOfVisit] = []


class Dosage(Element, kw_only=True):
    as_needed_boolean: bool | None = None
    as_needed_codeable_concept: CodeableConcept | None = None


class MedicationRequest(Supporting, kw_only=True):
    dosage_instruction: list[Dosage] = []
