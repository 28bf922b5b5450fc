"""An `AdverseEvent` as `incident.reported`, also in the shape that is sent to LFPSE.

That shape (Learn from Patient Safety Events) has the harm with each contained patient and the hour
beside the date, both in extensions.
"""

from models.incoming.fhir_concepts import (
    FALL,
    PHYSICAL_HARM,
    SERIOUSNESS,
    SEVERITIES,
    all_listed,
    codings,
    is_fall,
    own_code,
    words_of,
    worst,
)
from models.incoming.fhir_conversion import Said, instant, local, say_extensions
from models.incoming.fhir_elements import AdverseEvent, Extension, Somebody
from models.incoming.fhir_references import References
from models.incoming.refusals import Refused, echo

EXTENSIONS = {
    **dict.fromkeys(("harm", "category", "escalation_due", "escalated_on_time"), "data"),
    "recorded_at": "event",
}
ACTUALITIES = ("actual", "potential")
#: When nothing says what kind of incident it was.
OTHER = "other"


def say_incident(said: Said, resource: AdverseEvent, refs: References) -> None:
    if resource.actuality not in ACTUALITIES:
        code = "missing_field" if resource.actuality is None else "unknown_value"
        raise Refused(code, "/actuality", f"Use one of: {', '.join(ACTUALITIES)}.")
    _say_moment(said, resource)
    said.say("recorded_at", resource.recorded_date, "/recordedDate")
    if resource.subject is not None and refs.type_of(resource.subject) in {None, "Patient"}:
        said.say("person", refs.somebody(resource.subject), "/subject")
    where = refs.place(resource.location)
    said.say("team", where, "/location")
    if where is None:
        said.say("team", refs.place_of_visit(resource.encounter), "/encounter")
    _say_category(said, resource)
    say_extensions(said, resource.extension, EXTENSIONS)
    if resource.actuality == "potential":
        said.say_data("near_miss", value=True, place="/actuality")
        said.data.setdefault("harm", "none")
    elif "harm" not in said.data:
        _say_harm(said, resource, refs)


def _say_moment(said: Said, resource: AdverseEvent) -> None:
    named, written = ("date", resource.date) if resource.date else ("detected", resource.detected)
    place = f"/{named}" if written else "/date"
    hour = _precise_time(resource.extension)
    if written is not None and len(written) == len("2026-03-01") and hour is not None:
        said.say("occurred_at", local(written, hour, place), place)
    else:
        said.say("occurred_at", instant(written, place), place)


def _precise_time(extensions: list[Extension]) -> str | None:
    """LFPSE: the known time of day, within the extension of the estimated date."""
    inner = [one for extension in extensions for one in (extension, *extension.extension)]
    return next((one.value_time for one in inner if one.url == "PreciseTime"), None)


def _say_category(said: Said, resource: AdverseEvent) -> None:
    """By code. Texts and displays are recognised and not kept, since a text may name somebody."""
    concepts = [resource.event, *resource.category]
    own = own_code(concepts, "incident_category")
    if own is not None:
        said.say_data("category", own, "/event")
        return
    if is_fall(concepts):
        said.say_data("category", FALL, "/event")
        return
    code = next((coding.code for coding in codings(concepts) if coding.code), OTHER)
    said.say_data("category", code, "/event" if resource.event else "/category")


def _say_harm(said: Said, resource: AdverseEvent, refs: References) -> None:
    """The worst that anything says; how serious it was is asked only when nothing says harm."""
    own = own_code([resource.severity], "harm")
    if own is not None:
        said.say_data("harm", own, "/severity")
        return
    found = all_listed(SEVERITIES, words_of([resource.severity]))
    found += [
        harm for harm in all_listed(SEVERITIES, words_of([resource.outcome])) if harm == "death"
    ]
    for patient in refs.all_contained("Patient", Somebody):
        found += _physical_harm(patient.extension)
    if not found:
        found = all_listed(SERIOUSNESS, words_of([resource.seriousness]))
        if found:
            said.remark(
                "warning",
                "harm_from_seriousness",
                "/seriousness",
                f"No harm is said, so it is taken from 'seriousness' as '{worst(found)}'. Code"
                " 'severity', or send our own words under 'urn:breadth:harm'.",
            )
    harm = worst(found)
    if harm is None:
        words = words_of([resource.severity])
        heard = f"'{echo(words[0])}' is not known as harm. " if words else ""
        raise Refused(
            "missing_field" if not words else "unknown_value",
            "/severity",
            f"{heard}An actual event has to say the harm: mild, moderate or severe as 'severity',"
            " 'fatal' as 'outcome', PhysicalHarm of a contained patient, or none, low, moderate,"
            " severe or death under 'urn:breadth:harm'.",
        )
    said.say_data("harm", harm, "/severity")


def _physical_harm(extensions: list[Extension]) -> list[str]:
    inner = [one for extension in extensions for one in (extension, *extension.extension)]
    codes = [(one.value_code or "").strip() for one in inner if one.url == "PhysicalHarm"]
    return all_listed(PHYSICAL_HARM, codes)
