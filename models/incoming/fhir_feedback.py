"""A `QuestionnaireResponse` as `feedback.received`: one rated question, and who answered it.

Of a whole questionnaire only listed questions are read. All others may hold anything about
anybody and are neither stored nor counted.
"""

import re
from collections.abc import Iterator, Mapping

from models.incoming.fhir_concepts import FFT, RESPONDENT_TYPES, RESPONDENTS, plain
from models.incoming.fhir_conversion import (
    Questions,
    Said,
    day_or_instant,
    listed,
    say_extensions,
)
from models.incoming.fhir_elements import Answer, AnsweredItem, QuestionnaireResponse
from models.incoming.fhir_references import References
from models.incoming.refusals import Refused, echo

EXTENSIONS = {"respondent": "data", "band": "event", "recorded_at": "event"}
#: linkIds as plain words, so that `overall_rating` and `Overall-Rating` are one.
FFT_LINKS = (
    *("fft", "fft question", "friends and family", "friends and family test"),
    *("overall experience",),
)
RATING_LINKS = ("rating", "overall rating", "star rating", "stars")
RESPONDENT_LINKS = ("respondent", "who answered")
THEME_LINKS = ("theme", "themes")
TEXT_LINKS = ("comment", "comments", "free text", "text")
#: How the question of the Friends and Family Test begins, today's and that of before 2020.
FFT_BEGINS = ("overall how was your experience", "how likely are you to recommend")
ORDINAL = (
    "http://hl7.org/fhir/StructureDefinition/ordinalValue",
    "http://hl7.org/fhir/StructureDefinition/iso21090-CO-value",
)
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,3})?")


def say_feedback(
    said: Said, resource: QuestionnaireResponse, refs: References, questions: Questions
) -> None:
    said.say("occurred_at", day_or_instant(resource.authored, "/authored"), "/authored")
    said.say("team", refs.place_of_visit(resource.encounter), "/encounter")
    for place, item in answered(resource.item):
        _say_answer(said, place, item, questions)
    say_extensions(said, resource.extension, EXTENSIONS)
    if "fft" not in said.data and "rating" not in said.data:
        raise Refused(
            "missing_field",
            "/item",
            "No answered item is the question of the Friends and Family Test or a rating from 1"
            f" to 5. Their linkIds are looked for as {', '.join((*FFT_LINKS, *RATING_LINKS))};"
            " name others by adding ?fft=<linkId> or ?rating=<linkId> to the address.",
        )
    _say_respondent(said, resource, refs)


def answered(items: list[AnsweredItem]) -> Iterator[tuple[str, AnsweredItem]]:
    """Every item in the order of the form, wherever it is nested, with its pointer.

    Without recursion: a form may be nested deeper than our stack.
    """
    waiting = [(f"/item/{number}", item) for number, item in reversed(list(enumerate(items)))]
    while waiting:
        place, item = waiting.pop()
        yield place, item
        below = [(f"{place}/item/{number}", one) for number, one in enumerate(item.item)]
        for at, answer in enumerate(item.answer):
            within = f"{place}/answer/{at}"
            below += [(f"{within}/item/{number}", one) for number, one in enumerate(answer.item)]
        waiting += reversed(below)


def _say_answer(said: Said, place: str, item: AnsweredItem, questions: Questions) -> None:
    if not item.answer:
        return
    first = f"{place}/answer/0"
    link = plain(item.link_id)
    if _is_fft(item, questions):
        said.say_data("fft", _fft(item.answer[0], first), first)
    elif _is_rating(item, questions):
        said.say_data("rating", _rating(item.answer[0], first), first)
    elif link in RESPONDENT_LINKS:
        words = _words(item.answer[0])
        who = listed(RESPONDENTS, *words)
        if who is None:
            raise _unknown(words, first, RESPONDENTS)
        said.say_data("respondent", who, first)
    elif link in THEME_LINKS:
        named = [_words(answer) for answer in item.answer]
        said.say_data("themes", [words[0] for words in named if words], f"{place}/answer")
    elif link in TEXT_LINKS:
        said.say_data("text", item.answer[0].value_string, first)


def _is_fft(item: AnsweredItem, questions: Questions) -> bool:
    if questions.fft is not None:
        return item.link_id == questions.fft
    return plain(item.link_id) in FFT_LINKS or plain(item.text).startswith(FFT_BEGINS)


def _is_rating(item: AnsweredItem, questions: Questions) -> bool:
    if questions.rating is not None:
        return item.link_id == questions.rating
    return plain(item.link_id) in RATING_LINKS


def _fft(answer: Answer, place: str) -> str:
    words = _words(answer)
    found = listed(FFT, *words)
    if found is None:
        raise _unknown(words, place, FFT)
    return found


def _rating(answer: Answer, place: str) -> float:
    """A number, however a form writes it. That it lies between 1 and 5 is seen to later."""
    numbers = [answer.value_integer, answer.value_decimal]
    coding = answer.value_coding
    if coding is not None:
        numbers += [one.value_decimal for one in coding.extension if one.url in ORDINAL]
    numbers += [float(word) for word in _words(answer) if _NUMBER.fullmatch(word)]
    found = next((number for number in numbers if number is not None), None)
    if found is None:
        raise Refused("wrong_type", place, "Answer a rating with a number from 1 to 5.")
    return int(found) if found == int(found) else found


def _words(answer: Answer) -> list[str]:
    coding = answer.value_coding
    said = [answer.value_string]
    if coding is not None:
        said += [coding.code, coding.display]
    return [word for word in said if word]


def _unknown(words: list[str], place: str, table: Mapping[str, str]) -> Refused:
    known = ", ".join(table)
    answer = f"'{echo(words[0])}'" if words else "This"
    return Refused("unknown_value", place, f"{answer} is no known answer. Use one of: {known}.")


def _say_respondent(said: Said, resource: QuestionnaireResponse, refs: References) -> None:
    """Who answered. Two relatives of one resident are two voices, so each has to say who it is."""
    source = resource.source
    by_type = RESPONDENT_TYPES.get(refs.type_of(source) or "") if source is not None else None
    if "respondent" not in said.data:
        if by_type is None:
            raise Refused(
                "missing_field",
                "/source",
                "Say who answered: by the type of 'source' (Patient, RelatedPerson, Practitioner),"
                " by an item with the linkId 'respondent' or by 'urn:breadth:respondent'.",
            )
        said.say_data("respondent", by_type, "/source")
    who = refs.somebody(source)
    if who is not None:
        said.say("person", who, "/source")
    elif said.data["respondent"] == "person":
        said.say("person", refs.somebody(resource.subject), "/subject")
