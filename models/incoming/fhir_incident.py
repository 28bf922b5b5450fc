"""An `AdverseEvent` as `incident.reported`, also in the shape of the national patient-safety event.

What that shape says in extensions is read by `fhir_patient_safety`.
"""

from models.incoming.fhir_concepts import (
    FALL,
    SERIOUSNESS,
    SEVERITIES,
    all_listed,
    codings,
    is_fall,
    own_code,
    words_of,
    worst,
)
from models.incoming.fhir_conversion import Said, instant, say_extensions
from models.incoming.fhir_elements import AdverseEvent
from models.incoming.fhir_patient_safety import (
    is_national,
    say_challenges,
    say_harms,
    say_national_moment,
)
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
    national = is_national(resource)
    if not (national and say_national_moment(said, resource)):
        _say_moment(said, resource)
    said.say("recorded_at", resource.recorded_date, "/recordedDate")
    if resource.subject is not None and refs.type_of(resource.subject) in {None, "Patient"}:
        said.say("person", refs.somebody(resource.subject), "/subject")
    where = refs.place(resource.location)
    said.say("team", where, "/location")
    if where is None:
        said.say("team", refs.place_of_visit(resource.encounter), "/encounter")
    _say_category(said, resource, national=national)
    say_extensions(said, resource.extension, EXTENSIONS)
    near_miss = resource.actuality == "potential"
    said.say_data("near_miss", near_miss, "/actuality")
    to_patients = say_harms(said, refs)
    if "harm" not in said.data:
        if near_miss:
            # However severe it might have been; a harm that is coded of somebody did happen.
            said.say_data("harm", to_patients or "none", "/actuality")
        else:
            _say_harm(said, resource, to_patients)


def _say_moment(said: Said, resource: AdverseEvent) -> None:
    named, written = ("date", resource.date) if resource.date else ("detected", resource.detected)
    place = f"/{named}" if written else "/date"
    said.say("occurred_at", instant(written, place), place)


def _say_category(said: Said, resource: AdverseEvent, *, national: bool) -> None:
    """By code. Texts and displays are recognised and not kept, since a text may name somebody."""
    concepts = [resource.event, *resource.category]
    own = own_code(concepts, "incident_category")
    if own is not None:
        said.say_data("category", own, "/event")
        return
    if national:
        say_challenges(said, resource)
        return
    if is_fall(concepts):
        said.say_data("category", FALL, "/event")
        return
    code = next((coding.code for coding in codings(concepts) if coding.code), OTHER)
    said.say_data("category", code, "/event" if resource.event else "/category")


def _say_harm(said: Said, resource: AdverseEvent, to_patients: str | None) -> None:
    """The worst that anything says; how serious it was is asked only when nothing says harm."""
    own = own_code([resource.severity], "harm")
    if own is not None:
        said.say_data("harm", own, "/severity")
        return
    found = all_listed(SEVERITIES, words_of([resource.severity]))
    found += [
        harm for harm in all_listed(SEVERITIES, words_of([resource.outcome])) if harm == "death"
    ]
    found += [to_patients] if to_patients else []
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
