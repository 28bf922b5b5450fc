"""What an author of a mapping is told: all at once, in sentences, each with where it stands."""

from typing import Any

import msgspec
import pytest

from models.mapping.mappings import MOST_FIELDS
from models.mapping.problems import problems_of
from tests.mapped_sources import EMAR, ROSTER, VOICES, document, with_field


def test_mapping_that_can_run_has_no_problems() -> None:
    assert problems_of(document()) == []


@pytest.mark.parametrize("source", [EMAR, ROSTER, VOICES], ids=["eMAR", "rota", "voices"])
def test_mappings_of_the_tables_have_no_problems(source: Any) -> None:
    assert problems_of(msgspec.to_builtins(source)) == []


def without_field(name: str) -> dict[str, Any]:
    whole = document()
    return whole | {"fields": {key: one for key, one in whole["fields"].items() if key != name}}


def with_transform(**transform: Any) -> dict[str, Any]:
    return with_field("team", path="unit", transforms=[transform])


def with_codes(name: str = "letters", **codes: Any) -> dict[str, Any]:
    return document(codes={name: {"words": {}} | codes})


def of_kinds(words: dict[str, Any], **codes: Any) -> dict[str, Any]:
    """A mapping whose type is looked up."""
    return document(
        type={"path": "kind", "transforms": [{"as": "lookup", "table": "kinds"}]},
        codes={"kinds": {"words": words} | codes},
    )


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


TOLD: dict[str, tuple[Any, str, str]] = {
    "no document": ([], "", "Expected an object, got a list."),
    "no schema": (
        {key: one for key, one in document().items() if key != "schema"},
        "/schema",
        "'schema' is required.",
    ),
    "another schema": (
        document(schema="mapping/2"),
        "/schema",
        "'mapping/2' is not taken here. Known are: mapping/1.",
    ),
    "an unknown part": (document(drop=[]), "/drop", "'drop' is not known here."),
    "no name": (document(name=""), "/name", "Expected a text of length >= 1."),
    "fields that are none": (document(fields=[]), "/fields", "Expected an object, got a list."),
    "a field that is none": (with_field("team", pth="x"), "/fields/team/pth", "'pth' is not known"),
    "a path that is none": (with_field("team", path=7), "/fields/team/path", "Expected a text or"),
    "no such transform": (
        with_transform(**{"as": "regex", "pattern": "(a+)+$"}),
        "/fields/team/transforms/0/as",
        "'regex' is not taken here. Known are: integer, ",
    ),
    "a transform without its name": (
        with_transform(table="x"),
        "/fields/team/transforms/0/as",
        "'as' is required.",
    ),
    "a parent without one": (
        with_field("team", path="unit", of="parent"),
        "/fields/team/of",
        "No record encloses these: make 'each' a list",
    ),
    "a step that is no path": (document(each=["a[]", "b["]), "/each/1", "This is not JMESPath;"),
    "no step": (document(each=[]), "/each", "Expected a list of length >= 1."),
    "no such setting": (
        with_transform(**{"as": "trim", "left": True}),
        "/fields/team/transforms/0/left",
        "'left' is not known here.",
    ),
    "a table of lists": (
        with_codes(words={"G": []}),
        "/codes/letters/words",
        "Expected true or false or a whole number or a number or a text or null, got a list.",
    ),
    "no such treatment": (
        with_codes(unmapped="guess"),
        "/codes/letters/unmapped",
        "'guess' is not taken here. Known are: pass, otherwise, skip, reject.",
    ),
    "an unreadable each": (document(each="records["), "/each", "This is not JMESPath"),
    "an unreadable condition": (
        document(when=[{"path": "kind = 'x'", "reason": "is none"}]),
        "/when/0/path",
        "This is not JMESPath",
    ),
    "an unreadable path": (
        with_field("team", path="nope(@)"),
        "/fields/team/path",
        "There is no function nope()",
    ),
    "neither path nor constant": (with_field("team"), "/fields/team", "Give either a 'path'"),
    "both": (with_field("team", path="a", constant="b"), "/fields/team", "Give either a 'path'"),
    "required with a default": (
        with_field("team", path="a", required=True, default="b"),
        "/fields/team/default",
        "never missing",
    ),
    "a table that is not there": (
        with_transform(**{"as": "lookup", "table": "letters"}),
        "/fields/team/transforms/0",
        "There is no table 'letters' under 'codes'.",
    ),
    "a guess at dates": (
        with_transform(**{"as": "date", "formats": ["%d/%m/%Y", "%m/%d/%Y"]}),
        "/fields/team/transforms/0",
        "which would be a guess",
    ),
    "codes that differ in case": (
        with_codes(words={"g": "given", "G": "not_required"}),
        "/codes/letters/words/G",
        "'G' and 'g' differ in case or spaces only",
    ),
    "an idle otherwise": (
        with_codes(otherwise="other"),
        "/codes/letters/otherwise",
        "only used where",
    ),
    "too many codes": (
        with_codes(words={str(one): "x" for one in range(5001)}),
        "/codes",
        "at most 5,000 codes",
    ),
    "too many fields": (
        document(fields={f"data.x_{one}": {"path": "a"} for one in range(MOST_FIELDS + 1)}),
        "/fields",
        "Expected an object of length <= 100.",
    ),
    "no id": (without_field("id"), "/fields/id", "An event needs 'id'."),
    "no such field": (with_field("source", path="a"), "/fields/source", "'source' is not a field"),
    "a field with a slash": (with_field("a/b", path="a"), "/fields/a~1b", "'a/b' is not a field"),
    "half of a span": (with_field("about.from", path="a"), "/fields", "both about.from and"),
    "data without a name": (with_field("data.", path="a"), "/fields/data.", "1 to 195 characters"),
    "no such type": (document(type="audit.done"), "/type", "'audit.done' is not an event type."),
    "data that the type has not": (
        with_field("data.score", path="a"),
        "/fields/data.score",
        "audit.completed has no 'score'. Known are: items_due, items_met, themes, audit.",
    ),
    "data that the type needs": (
        without_field("data.items_met"),
        "/fields/data.items_met",
        "audit.completed needs 'data.items_met'.",
    ),
    "a table of no such types": (
        of_kinds({"A": "audit.completed", "B": "audit.done"}),
        "/type",
        "'audit.done' is not an event type.",
    ),
    "data that one of several types needs": (
        of_kinds({"A": "audit.completed", "S": "supervision.completed"}),
        "/fields/data.on_time",
        "supervision.completed needs 'data.on_time'.",
    ),
    "an example that is nested too deeply": (
        document(examples=[{"input": nested(40), "expect": []}]),
        "/examples/0/input",
        "At most 32 levels",
    ),
    "a document that is": (document(examples=nested(5000)), "/examples/0", "Expected an object"),
}


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_author_is_told(told: tuple[Any, str, str]) -> None:
    written, pointer, sentence = told
    problems = problems_of(written)
    assert [flaw.pointer for flaw in problems if sentence in flaw.detail] == [pointer], problems


def test_all_problems_are_told_at_once() -> None:
    broken = document(each="a[", type="nothing", when=[{"path": "(", "reason": "x"}])
    broken["fields"] = broken["fields"] | {"team": {}, "nope": {"path": "x"}}
    assert {flaw.pointer for flaw in problems_of(broken)} == {
        "/each",
        "/when/0/path",
        "/type",
        "/fields/team",
        "/fields/nope",
    }


def test_all_unreadable_fields_and_tables_are_told_at_once() -> None:
    broken = document(codes={"a": {}, "b": {"words": []}}, name=7)
    broken["fields"] = broken["fields"] | {"team": {"as": "x"}, "area": 5}
    assert {flaw.pointer for flaw in problems_of(broken)} == {
        "/fields/team/as",
        "/fields/area",
        "/codes/a/words",
        "/codes/b/words",
        "/name",
    }


def test_types_from_the_sender_may_have_any_data() -> None:
    by_sender = document(type={"path": "kind"})
    by_sender["fields"] = by_sender["fields"] | {"data.anything": {"path": "x"}}
    assert problems_of(by_sender) == []
    assert problems_of(document(type="custom.walk") | {"fields": by_sender["fields"]}) == []
    assert problems_of(of_kinds({"A": "audit.completed"}, unmapped="pass")) == []
