"""A `MedicationAdministration` as `medication.administered`.

The resource says when a dose was given and not when it was due: unless `urn:breadth:due_at` says
that, no dose of it is late. A dose as required is one whose request came along and says so.
"""

from models.incoming.fhir_concepts import own_code, reasons_in
from models.incoming.fhir_conversion import Said, instant, say_extensions
from models.incoming.fhir_elements import MedicationAdministration, MedicationRequest
from models.incoming.fhir_references import References

EVENT_LOCATION = "http://hl7.org/fhir/StructureDefinition/event-location"
EXTENSIONS = {
    **dict.fromkeys(("due_at", "prn", "prn_outcome_recorded", "controlled", "witnessed"), "data"),
    "time_critical": "data",
    "recorded_at": "event",
}
GIVEN = frozenset(("given", "given_late", "given_early", "backfilled_given", "prompted"))


def say_medication(said: Said, resource: MedicationAdministration, refs: References) -> None:
    period = resource.effective_period
    if resource.effective_date_time is None and period is not None:
        place = "/effectivePeriod/start"
        happened = instant(period.start, place)
    else:
        place = "/effectiveDateTime"
        happened = instant(resource.effective_date_time, place)
    said.say("occurred_at", happened, place)
    said.say("person", refs.somebody(resource.subject), "/subject")
    said.say("team", _place(resource, refs), "/context")
    _say_performer(said, resource, refs)
    _say_status(said, resource)
    if _as_required(resource, refs):
        said.say_data("prn", value=True, place="/request")
    say_extensions(said, resource.extension, EXTENSIONS)
    if "due_at" in said.data and said.data["status"] in GIVEN:
        said.say_data("given_at", happened, place)


def _place(resource: MedicationAdministration, refs: References) -> str | None:
    for extension in resource.extension:
        if extension.url == EVENT_LOCATION:
            return refs.place(extension.value_reference)
    return refs.place_of_visit(resource.context)


def _say_performer(said: Said, resource: MedicationAdministration, refs: References) -> None:
    """Who gave it; a person who took it themselves was not given it."""
    said.say_data("status", "given", "/status")
    for number, performer in enumerate(resource.performer):
        if performer.actor is None:
            continue
        kind = refs.type_of(performer.actor)
        place = f"/performer/{number}/actor"
        if kind == "Patient":
            said.say_data("status", "self_administered", place)
        elif kind in {None, "Practitioner", "PractitionerRole"} and "staff" not in said.fields:
            said.say("staff", refs.somebody(performer.actor), place)


def _say_status(said: Said, resource: MedicationAdministration) -> None:
    own = own_code(resource.status_reason, "medication_status")
    if own is not None:
        said.say_data("status", own, "/statusReason")
        return
    if resource.status == "completed":
        return
    found = reasons_in(resource.status_reason)
    if len(found) == 1:
        said.say_data("status", found.pop(), "/statusReason")
        return
    # Whoever does not say why may not gain by it.
    said.say_data("status", "omitted_error", "/statusReason")
    why = "More than one reason is meant" if found else "No reason is known here"
    said.remark(
        "warning",
        "reason_unknown",
        "/statusReason",
        f"{why}, so this counts as an omission in error. Code the reason by SNOMED CT, by"
        " reason-medication-not-given or with our own words under"
        " 'urn:breadth:medication_status'.",
    )


def _as_required(resource: MedicationAdministration, refs: References) -> bool:
    request = refs.find(resource.request, MedicationRequest)
    return request is not None and any(
        dose.as_needed_boolean or dose.as_needed_codeable_concept
        for dose in request.dosage_instruction
    )
