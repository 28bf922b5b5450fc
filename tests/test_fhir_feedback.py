"""What a QuestionnaireResponse counts as: which answer, by whom, and what is left unread."""

from typing import Any

import pytest

from models.incoming.fhir_conversion import Questions, Standing
from models.incoming.refusals import Refused
from tests.fhir_sent import NONE_ASKED, Resource, questionnaire, read
from tests.text_tables import Row, cases

TODAYS_QUESTION = "Overall, how was your experience of our service?"
FORMER_QUESTION = "How likely are you to recommend our home to friends and family?"


def item(link: str, *answers: Any, **more: Any) -> Resource:
    """Each answer as the type of its value says; a dict is an answer as it stands."""
    return {"linkId": link, "answer": [_answer(answer) for answer in answers]} | more


def _answer(value: Any) -> Resource:
    if isinstance(value, dict):
        return value
    kind = {str: "String", int: "Integer", float: "Decimal", bool: "Boolean"}[type(value)]
    return {f"value{kind}": value}


def coded(code: str | None = None, display: str | None = None, **more: Any) -> Resource:
    coding = {"code": code, "display": display} | more
    return {"valueCoding": {name: value for name, value in coding.items() if value is not None}}


def data_of(*items: Resource, questions: Questions = NONE_ASKED, **changes: Any) -> Resource:
    reading = read(questionnaire(item=list(items), **changes), questions=questions)
    data: Resource = reading.item["data"]
    return data


FFT_ANSWERS = """
case                       | answer                       | counts as
the best                   | Very good                    | very_good
as a code                  | very_good                    | very_good
as another code            | very-good                    | very_good
good                       | Good                         | good
neither                    | Neither good nor poor        | neither
poor                       | Poor                         | poor
the worst                  | VERY POOR                    | very_poor
not known                  | Don't know                   | dont_know
not known, typeset         | Don’t know                   | dont_know
the best until 2020        | Extremely likely             | very_good
good until 2020            | Likely                       | good
neither until 2020         | Neither likely nor unlikely  | neither
poor until 2020            | Unlikely                     | poor
the worst until 2020       | Extremely unlikely           | very_poor
"""


@pytest.mark.parametrize("row", cases(FFT_ANSWERS))
def test_answers_to_friends_and_family_in_text_code_and_display(row: Row) -> None:
    written = row["answer"]
    for answer in (written, coded(written), coded("q7-a", written)):
        assert data_of(item("fft", answer))["fft"] == row["counts as"]


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("fft", None),
        ("FFT_Question", None),
        ("friends-and-family", None),
        ("1.1", TODAYS_QUESTION),
        ("1.1", FORMER_QUESTION),
    ],
)
def test_the_question_is_known_by_its_link_or_its_text(link: str, text: str | None) -> None:
    more = {} if text is None else {"text": text}
    assert data_of(item(link, "Good", **more)) == {"fft": "good", "respondent": "family"}


RATINGS: list[tuple[Any, float]] = [
    (4, 4),
    (4.5, 4.5),
    ("4", 4),
    (coded("5"), 5),
    (coded("s4", "4"), 4),
    (
        coded(
            "often",
            extension=[
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/ordinalValue",
                    "valueDecimal": 3,
                }
            ],
        ),
        3,
    ),
]


@pytest.mark.parametrize(("answer", "rating"), RATINGS)
def test_a_rating_is_a_number_however_the_form_writes_it(answer: Any, rating: float) -> None:
    assert data_of(item("overall-rating", answer))["rating"] == rating


def test_questions_named_in_the_address_are_the_only_ones_looked_for() -> None:
    asked = Questions(fft="1.1", rating="1.2")
    items = [item("1.1", "Poor"), item("1.2", 2), item("fft", "Good"), item("rating", 5)]
    assert data_of(*items, questions=asked) == {
        "fft": "poor",
        "rating": 2,
        "respondent": "family",
    }


def test_an_answer_is_found_wherever_it_is_nested() -> None:
    within_an_item = {"linkId": "group", "item": [item("rating", 3)]}
    within_an_answer = {
        "linkId": "1",
        "answer": [{"valueBoolean": True, "item": [item("fft", "Good")]}],
    }
    assert data_of(within_an_item, within_an_answer) == {
        "rating": 3,
        "fft": "good",
        "respondent": "family",
    }


def test_what_is_not_asked_for_is_left_unread() -> None:
    private = item("diagnosis", "Dementia, cared for by Mary Smith")
    assert data_of(private, item("rating", 4)) == {"rating": 4, "respondent": "family"}


def test_themes_and_comments_go_along() -> None:
    themes = item("themes", "staffing", coded("food", "Food"))
    found = data_of(item("rating", 2), themes, item("comment", "Cold soup"))
    assert (found["themes"], found["text"]) == (["staffing", "food"], "Cold soup")


UNANSWERED: list[list[Resource]] = [
    [],
    [item("mood", "Good")],
    [{"linkId": "fft"}],
    [item("1.1", "Good", text="How good is the food?")],
]


@pytest.mark.parametrize("items", UNANSWERED)
def test_without_a_rated_question_nothing_can_count(items: list[Resource]) -> None:
    with pytest.raises(Refused) as refused:
        data_of(*items)
    assert (refused.value.code, refused.value.pointer) == ("missing_field", "/item")
    assert "?fft=" in refused.value.detail


@pytest.mark.parametrize(
    ("items", "code", "pointer"),
    [
        ([item("fft", "Fine")], "unknown_value", "/item/0/answer/0"),
        ([item("fft", 1)], "unknown_value", "/item/0/answer/0"),
        ([item("a", "b"), item("rating", "many")], "wrong_type", "/item/1/answer/0"),
        ([item("rating", True)], "wrong_type", "/item/0/answer/0"),
        ([item("rating", 4), item("respondent", "dog")], "unknown_value", "/item/1/answer/0"),
        (
            [{"linkId": "g", "item": [item("fft", "Fine")]}],
            "unknown_value",
            "/item/0/item/0/answer/0",
        ),
    ],
)
def test_an_answer_that_means_nothing_is_pointed_at(
    items: list[Resource], code: str, pointer: str
) -> None:
    with pytest.raises(Refused) as refused:
        data_of(*items)
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


NHS = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919"}
WHO: list[tuple[str, Any, str, str | None]] = [
    ("the person by address", {"reference": "Patient/1"}, "person", "Patient/1"),
    ("the person by type alone", {"type": "Patient"}, "person", "Patient/17"),
    ("the person by NHS number", {"type": "Patient", "identifier": NHS}, "person", NHS["value"]),
    ("a relative by address", {"reference": "RelatedPerson/2"}, "family", "RelatedPerson/2"),
    ("a relative without a trace is nobody", {"type": "RelatedPerson"}, "family", None),
    ("staff", {"reference": "https://x.example/fhir/Practitioner/3"}, "staff",
     "https://x.example/fhir/Practitioner/3"),
    ("staff in a role", {"reference": "PractitionerRole/3"}, "staff", "PractitionerRole/3"),
    ("a partner", {"reference": "Organization/4"}, "partner", "Organization/4"),
    ("a random address is nobody", {"reference": "urn:uuid:1", "type": "RelatedPerson"},
     "family", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "respondent", "person"), [row[1:] for row in WHO], ids=[row[0] for row in WHO]
)
def test_who_answered_is_told_by_the_source(
    source: Any, respondent: str, person: str | None
) -> None:
    found = read(questionnaire(source=source, subject={"reference": "Patient/17"})).item
    assert (found["data"]["respondent"], found.get("person")) == (respondent, person)


@pytest.mark.parametrize(
    ("written", "respondent"),
    [("Resident", "person"), ("Relative", "family"), ("Advocate", "advocate"), ("GP", "partner")],
)
def test_who_answered_may_be_an_answer_itself(written: str, respondent: str) -> None:
    who = item("respondent", written)
    assert data_of(item("rating", 4), who, source=None)["respondent"] == respondent


def test_who_answered_may_be_an_extension() -> None:
    extension = [{"url": "urn:breadth:respondent", "valueCode": "advocate"}]
    assert data_of(item("rating", 4), source=None, extension=extension)["respondent"] == "advocate"


def test_nobody_is_taken_for_a_resident_unsaid() -> None:
    with pytest.raises(Refused) as refused:
        read(questionnaire(source=None))
    assert (refused.value.code, refused.value.pointer) == ("missing_field", "/source")


@pytest.mark.parametrize(
    ("authored", "occurred_at"),
    [
        ("2026-09-02T10:00:00+01:00", "2026-09-02T10:00:00+01:00"),
        ("2026-09-02", "2026-09-02T00:00:00+01:00"),
        ("2026-12-02", "2026-12-02T00:00:00+00:00"),
    ],
)
def test_a_bare_day_is_enough_since_feedback_enters_no_band_by_its_time(
    authored: str, occurred_at: str
) -> None:
    assert read(questionnaire(authored=authored)).item["occurred_at"] == occurred_at


@pytest.mark.parametrize("authored", ["2026", "2026-09", "2026-02-30", None])
def test_less_than_a_day_is_refused(authored: str | None) -> None:
    with pytest.raises(Refused) as refused:
        read(questionnaire(authored=authored))
    assert refused.value.pointer == "/authored"


def test_a_band_may_be_said() -> None:
    extension = [{"url": "urn:breadth:band", "valueCode": "weekend_night"}]
    about = read(questionnaire(extension=extension)).item["about"]
    assert about == {"band": "weekend_night"}


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("completed", Standing.COUNTED),
        ("amended", Standing.COUNTED),
        ("in-progress", Standing.NOT_COUNTED),
        ("stopped", Standing.NOT_COUNTED),
        ("entered-in-error", Standing.RETRACTED),
    ],
)
def test_all_five_statuses_of_the_binding_are_known(status: str, standing: Standing) -> None:
    assert read(questionnaire(status=status)).standing is standing


@pytest.mark.parametrize("status", ["in-progress", "stopped", "entered-in-error"])
def test_what_is_not_counted_needs_no_answers(status: str) -> None:
    assert "data" not in read(questionnaire(status=status, item=None, source=None)).item
