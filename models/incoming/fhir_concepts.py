"""Codes and plain words of FHIR senders, as tables of what they mean in our words.

A word counts only when it is listed. Texts are recognised and never stored: in free text somebody
may be named.
"""

import re
from collections.abc import Iterable, Mapping

from models.incoming.fhir_elements import CodeableConcept, Coding

SNOMED = "http://snomed.info/sct"
#: Systems by which a sender may use our own words directly.
OWN = "urn:breadth:"
NOT_GIVEN = (
    "http://terminology.hl7.org/CodeSystem/reason-medication-not-given",
    "http://hl7.org/fhir/reason-medication-not-given",
)

#: By system and code. SNOMED CT has the refusals below 182895007 and the lack below 242990004.
REASONS: Mapping[tuple[str, str], str] = {
    # "No reason known": a dose that nobody explains is an error.
    **{(system, "a"): "omitted_error" for system in NOT_GIVEN},
    **{(system, "b"): "absent_leave" for system in NOT_GIVEN},
    **{(system, "c"): "asleep" for system in NOT_GIVEN},
    **{(system, "d"): "omitted_clinical" for system in NOT_GIVEN},
    **{
        (SNOMED, code): "refused"
        for code in (
            *("182895007", "182896008", "182897004", "182898009", "182899001", "182900006"),
            *("182901005", "182902003", "182903008", "105480006", "406149000", "443390004"),
        )
    },
    **{
        (SNOMED, code): "not_available_stock"
        for code in ("242990004", "182856006", "182857002", "309846006")
    },
    (SNOMED, "398090008"): "absent_leave",  # patient unavailable
    (SNOMED, "416093006"): "omitted_clinical",  # allergic reaction to drug
}
#: By phrases that stand in a text as whole words. A longer phrase hides a shorter one within it.
REASON_PHRASES: Mapping[str, str] = {
    **dict.fromkeys(("refused", "refusal", "declined", "would not take", "spat out"), "refused"),
    **dict.fromkeys(("asleep", "sleeping"), "asleep"),
    **dict.fromkeys(("hospital", "hospitalised", "inpatient"), "absent_hospital"),
    **dict.fromkeys(
        ("away", "leave", "home leave", "social leave", "on holiday", "day centre", "with family"),
        "absent_leave",
    ),
    **dict.fromkeys(
        tuple(
            f"{who} {gone}"
            for who in ("patient", "resident", "person", "client")
            for gone in ("unavailable", "not available")
        ),
        "absent_leave",
    ),
    **dict.fromkeys(
        ("out of stock", "no stock", "not in stock", "not available", "unavailable"),
        "not_available_stock",
    ),
    **dict.fromkeys(("awaiting delivery", "not supplied", "none left"), "not_available_stock"),
    **dict.fromkeys(("not required", "not needed", "no longer needed"), "not_required"),
    **dict.fromkeys(("self administered", "self administers"), "self_administered"),
    **dict.fromkeys(("destroyed", "dropped", "wasted", "spilt"), "destroyed"),
    **dict.fromkeys(
        (
            *("withheld", "clinical reason", "contraindicated", "nil by mouth", "doctor s advice"),
            *("gp advice", "nauseous", "vomit", "vomited", "vomiting", "unwell", "allergy"),
        ),
        "omitted_clinical",
    ),
    **dict.fromkeys(
        ("forgot", "forgotten", "missed", "overlooked", "none", "no reason", "omitted in error"),
        "omitted_error",
    ),
}

FFT: Mapping[str, str] = {
    "very good": "very_good",
    "good": "good",
    "neither": "neither",
    "neither good nor poor": "neither",
    "neither good or poor": "neither",
    "poor": "poor",
    "very poor": "very_poor",
    **dict.fromkeys(("dont know", "don t know", "do not know", "unsure"), "dont_know"),
    # The scale that was asked until April 2020.
    "extremely likely": "very_good",
    "likely": "good",
    "neither likely nor unlikely": "neither",
    "neither likely or unlikely": "neither",
    "unlikely": "poor",
    "extremely unlikely": "very_poor",
}
RESPONDENTS: Mapping[str, str] = {
    **dict.fromkeys(
        ("person", "patient", "resident", "service user", "client", "self", "me"), "person"
    ),
    **dict.fromkeys(("family", "family member", "relative", "carer", "friend"), "family"),
    "advocate": "advocate",
    **dict.fromkeys(("staff", "member of staff", "employee"), "staff"),
    **dict.fromkeys(("partner", "professional", "gp", "social worker"), "partner"),
}
RESPONDENT_TYPES: Mapping[str, str] = {
    "Patient": "person",
    "RelatedPerson": "family",
    "Practitioner": "staff",
    "PractitionerRole": "staff",
    "Organization": "partner",
}

WORST_LAST = ("none", "low", "moderate", "severe", "death")
SEVERITIES: Mapping[str, str] = {
    **dict.fromkeys(("none", "no harm", "no physical harm", "no apparent injury"), "none"),
    **dict.fromkeys(("low", "low harm", "low physical harm", "mild", "minor", "minimal"), "low"),
    **dict.fromkeys(("moderate", "moderate harm", "moderate physical harm"), "moderate"),
    **dict.fromkeys(("severe", "severe harm", "severe physical harm", "major"), "severe"),
    **dict.fromkeys(("death", "fatal", "died"), "death"),
}
#: Said by how serious it is only. What is not serious may still have hurt, so it counts as low.
SERIOUSNESS: Mapping[str, str] = {
    "non serious": "low",
    "serious": "severe",
    "seriousresultsindeath": "death",
    "results in death": "death",
    "seriousislifethreatening": "severe",
    "seriousresultsindisability": "severe",
    "seriousresultsinhospitalization": "moderate",
    "seriousrequirespreventimpairment": "moderate",
    "seriousisbirthdefect": "severe",
}

FALL = "fall"
FALL_CODES = frozenset(
    (
        *("1912002", "161898004", "217082002", "20902002", "17886000", "217083007", "217088003"),
        *("217090002", "217092005", "217093000", "217094006", "217142006", "217154006"),
        *("217155007", "217156008", "217157004", "217173005", "242389003", "242390007"),
        *("242391006", "242392004", "33036003", "14047009"),
    )
)
FALLS = frozenset(
    (
        *("fall", "falls", "fell", "slip trip or fall", "slips trips and falls", "slip trip fall"),
        *("slips trips falls", "witnessed fall", "unwitnessed fall", "found on floor"),
    )
)
FALL_BEGINS = ("fall from ", "fall on ", "fall out ", "fall down ", "fell from ", "fell out ")

_NO_WORD = re.compile(r"[\W_]+")


def plain(text: str | None) -> str:
    """Lower case, whole words, one space between them. Long texts are no words of any table."""
    return _NO_WORD.sub(" ", (text or "")[:500].casefold()).strip()


def codings(concepts: Iterable[CodeableConcept | None]) -> list[Coding]:
    return [coding for concept in concepts if concept is not None for coding in concept.coding]


def own_code(concepts: Iterable[CodeableConcept | None], name: str) -> str | None:
    """The code by which a sender uses our own word, under `urn:breadth:<name>`."""
    found = (one.code for one in codings(concepts) if one.system == OWN + name and one.code)
    return next(found, None)


def words_of(concepts: Iterable[CodeableConcept | None]) -> list[str]:
    """Every code, display and text, as plain words."""
    said: list[str] = []
    for concept in concepts:
        if concept is None:
            continue
        for coding in concept.coding:
            said += [plain(coding.code), plain(coding.display)]
        said.append(plain(concept.text))
    return [word for word in said if word]


def reasons_in(concepts: Iterable[CodeableConcept]) -> set[str]:
    """Statuses that the reasons mean: by code where one is known, else by what texts say."""
    concepts = list(concepts)
    keys = [(coding.system or "", coding.code or "") for coding in codings(concepts)]
    by_code = {REASONS[key] for key in keys if key in REASONS}
    if by_code:
        return by_code
    texts = [plain(concept.text) for concept in concepts]
    texts += [plain(coding.display) for coding in codings(concepts)]
    # A code of no known system may be the reason spelt out.
    texts += [plain(coding.code) for coding in codings(concepts) if coding.system != SNOMED]
    return {status for text in texts for status in _phrases_in(text)}


def _phrases_in(text: str) -> set[str]:
    left = f" {text} "
    found = set()
    for phrase, status in _LONGEST_FIRST:
        if f" {phrase} " in left:
            found.add(status)
            left = left.replace(f" {phrase} ", " | ")
    return found


_LONGEST_FIRST = sorted(REASON_PHRASES.items(), key=lambda item: -len(item[0]))


def is_fall(concepts: Iterable[CodeableConcept | None]) -> bool:
    concepts = list(concepts)
    if any(one.system == SNOMED and one.code in FALL_CODES for one in codings(concepts)):
        return True
    return any(word in FALLS or word.startswith(FALL_BEGINS) for word in words_of(concepts))


def all_listed(table: Mapping[str, str], words: Iterable[str]) -> list[str]:
    return [table[word] for word in words if word in table]


def worst(harms: Iterable[str]) -> str | None:
    return max(harms, key=WORST_LAST.index, default=None)
