"""The national patient-safety event: an AdverseEvent whose facts are codes within extensions.

Read as the shipped mapping `lfpse-adverse-event` reads it and by that document's own tables, so
that an event comes to the same whichever way it is sent. Hosts and versions of the profile differ
and mean nothing here.
"""

from collections.abc import Iterable, Sequence

from models.incoming.fhir_concepts import FALL, worst
from models.incoming.fhir_conversion import NotCounted, Said
from models.incoming.fhir_elements import AdverseEvent, Extension, Somebody
from models.incoming.fhir_references import References
from models.incoming.refusals import Refused, echo
from models.mapping.budget import MappingError
from models.mapping.pipeline import fold
from models.mapping.shipped import SHIPPED
from models.mapping.time_formats import ISO, instant_of, read

MAPPING = "lfpse-adverse-event"
PROFILE = "patient-safety-adverse-event"
EXTENSION = "/adverse-event-"
ZONE = "Europe/London"
#: When a time of day is only estimated, that of a day shift is safe to take.
DAY_SHIFT, NOON = "1", "12:00"
UNCLASSIFIED = "unclassified"


def is_national(resource: AdverseEvent) -> bool:
    profiles = resource.meta.profile if resource.meta else []
    return any(PROFILE in profile for profile in profiles) or any(
        EXTENSION in (extension.url or "") for extension in resource.extension
    )


def passed_over(resource: AdverseEvent) -> NotCounted | None:
    """What the national service takes besides incidents. None of it has happened to somebody."""
    for place, extension in enumerate(resource.extension):
        at, url = f"/extension/{place}", extension.url or ""
        if "adverse-event-went-well" in url:
            return NotCounted(at, "This tells of care that went well, and is not counted.")
        if "adverse-event-risk-details" in url:
            text = "This tells of a risk and of nothing that has happened, and is not counted."
            return NotCounted(at, text)
        if any(inner.url == "OutcomeType" for inner in extension.extension):
            text = "This tells of an outcome that no incident is known for, and is not counted."
            return NotCounted(at, text)
    return None


def say_national_moment(said: Said, resource: AdverseEvent) -> bool:
    """By its date, and the hour beside it on the clock in England. False when it has no date."""
    todays = (one.value_date for one in within(resource.extension, "TodaysDate"))
    day = resource.date or next(filter(None, todays), None)
    if not day:
        return False
    precise = (one.value_time for one in within(resource.extension, "PreciseTime"))
    hour = next(filter(None, precise), None)
    estimated = codes_of(resource.extension, "EstimatedTime")
    if hour is None and estimated[:1] == [DAY_SHIFT]:
        hour = NOON
    try:
        at = instant_of(read("T".join(filter(None, (day, hour))), (ISO,)), ZONE)
    except MappingError as error:
        raise Refused(error.code, "/date", error.detail) from None
    said.say("occurred_at", at.isoformat(), "/date")
    return True


def say_challenges(said: Said, resource: AdverseEvent) -> None:
    """`event` has the kind of record here, and no category."""
    place = "/extension"
    challenges = meant(codes_of(resource.extension, "SafetyChallenges"), "challenges", place)
    category = FALL if FALL in challenges else next(iter(challenges), UNCLASSIFIED)
    said.say_data("category", category, place)
    _say_all(said, "x_challenges", challenges, place)


def say_harms(said: Said, refs: References) -> str | None:
    """Of each patient that came along; returns the worst that happened to the body of any."""
    patients = [one.extension for one in refs.all_contained("Patient", Somebody)]
    found: dict[str, list[str]] = {}
    for table, name in (
        ("physical_harm", "PhysicalHarm"),
        ("psychological_harm", "PsychologicalHarm"),
    ):
        codes = [code for extensions in patients for code in codes_of(extensions, name)]
        found[table] = meant(codes, table, "/contained")
    _say_all(said, "x_harm_of_each", found["physical_harm"], "/contained")
    _say_all(said, "x_psychological_harm", found["psychological_harm"], "/contained")
    return worst(found["physical_harm"])


def within(extensions: Iterable[Extension], name: str) -> list[Extension]:
    return [inner for one in extensions for inner in one.extension if inner.url == name]


def codes_of(extensions: Iterable[Extension], name: str) -> list[str]:
    return [code for one in within(extensions, name) if (code := (one.value_code or "").strip())]


def meant(codes: Iterable[str], table: str, place: str) -> list[str]:
    """Codes as words of ours. One that is not known is refused: it may be the worst of all."""
    words = {fold(code): str(word) for code, word in SHIPPED[MAPPING].codes[table].words.items()}
    found = []
    for code in codes:
        if fold(code) not in words:
            text = f"'{echo(code)}' is no code of {table.replace('_', ' ')} that is known here."
            raise Refused("unknown_value", place, text)
        found.append(words[fold(code)])
    return found


def _say_all(said: Said, name: str, words: Sequence[str], place: str) -> None:
    if words:
        said.say_data(name, ", ".join(words), place)
