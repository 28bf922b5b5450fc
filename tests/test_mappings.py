"""What a mapping makes of a sender's records: tables of records, and what each becomes."""

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from models.event_types import SHAPES, Flaw
from models.mapping.budget import MappingError
from models.mapping.map_body import FieldTrace, Outcome, map_body
from models.mapping.mappings import Mapping, content_hash, mapping_of
from models.mapping.pipeline import UnmappedCode
from models.mapping.transforms import Step
from tests.mapped_sources import (
    AN_AUDIT,
    EMAR,
    ITS_EVENT,
    ROSTER,
    VOICES,
    document,
    mapping,
    with_field,
)
from tests.text_tables import NOTHING, Row, cases, rows

DOSES = """
                 | id | code | at               | more               | becomes
a dose           | 7  | G    | 01/03/2026 08:05 | .                  | D-7 v1 given 08:05
in summer        | 7  | G    | 01/07/2026 08:05 | .                  | D-7 v1 given 07:05
spaces and case  | 7  | " r" | 01/03/2026 08:05 | .                  | D-7 v1 refused 08:05
a corrected one  | 7  | R    | 01/03/2026 08:05 | "change": "2"      | D-7 v2 refused 08:05
when required    | 7  | G    | 01/03/2026 08:05 | "prn": "As needed" | D-7 v1 given 08:05 prn
something else   | 7  | G    | 01/03/2026 08:05 | "kind": "note"     | is no medicine record
unknown letter   | 7  | Q    | 01/03/2026 08:05 | .                  | ! data.status unmapped_code
no letter        | 7  | .    | 01/03/2026 08:05 | .                  | D-7 v1 – 08:05
no time          | 7  | G    | .                | .                  | ! occurred_at missing_field
a month too many | 7  | G    | 03/13/2026 08:05 | .                  | ! occurred_at invalid_time
an hour twice    | 7  | G    | 25/10/2026 01:30 | .                  | ! occurred_at ambiguous_time
an hour skipped  | 7  | G    | 29/03/2026 01:30 | .                  | ! occurred_at missing_time
deleted          | 7  | G    | 01/03/2026 08:05 | "deleted": "yes"   | D-7 v1 retracted
half gone        | 7  | Q    | .                | "deleted": 1, "change": 4 | D-7 v4 retracted
not deleted      | 7  | G    | 01/03/2026 08:05 | "deleted": "no"    | D-7 v1 given 08:05
"""

VOICE = """
           | kind | from     | more                  | becomes
an answer  | FFT | resident | "answer": "very good" | feedback person very_good
older words | FFT | daughter | "answer": "extremely likely" | feedback family very_good
ten stars  | fft | resident | "stars": 9            | feedback person 4.6
a complaint | complaint | daughter | "topic": "food"       | complaint family food
thanks     | thanks | resident | .                     | compliment person
its topics | fft | resident | "stars": 5, "topics": "Meals, carers" | feedback person 3 [food staff]
others     | thanks | neighbour | .                     | compliment advocate
nobody     | thanks | .        | .                     | ! data.respondent missing_field
other kinds | visit | resident | .                     | 'visit' is not in the table 'kinds'
no kind    | .   | resident | .                     | ! type missing_field
a night    | thanks | resident | "time": "weekend_night" | compliment person weekend_night
"""


def one_dose(row: Row) -> dict[str, Any]:
    given = {key: row[key] for key in ("id", "code", "at") if row[key] != NOTHING}
    record = given | {"id": int(row["id"]), "kind": "mar", "unit": " Oak"}
    record["resident"] = 9434765919
    record |= {"code": json.loads(row["code"])} if row["code"].startswith('"') else {}
    return record | more_of(row)


def more_of(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {} if row["more"] == NOTHING else json.loads(f"{{{row['more']}}}")
    return found


def dose(case: str) -> dict[str, Any]:
    return one_dose(next(row for row in rows(DOSES) if row["case"] == case))


def of_one(source: Mapping, body: Any, told: Callable[[dict[str, Any]], str]) -> str:
    (outcome,) = map_body(source, body).outcomes
    if outcome.event is not None:
        return told(outcome.event)
    if outcome.skipped is not None:
        return outcome.skipped
    (flaw,) = outcome.flaws
    return f"! {flaw.pointer.removeprefix('/fields/').removeprefix('/')} {flaw.code}"


@pytest.mark.parametrize("row", cases(DOSES))
def test_dose_of_an_emar_becomes(row: Row) -> None:
    def told(event: dict[str, Any]) -> str:
        assert event["service"] == "1-545611283"
        if event.get("retracted"):
            assert set(event) == {"id", "service", "version", "retracted"}
            return f"{event['id']} v{event['version']} retracted"
        assert (event["team"], event["person"]) == ("oak", "9434765919")
        status, at = event["data"].get("status", "–"), event["occurred_at"][11:16]
        prn = " prn" if event["data"].get("prn") else ""
        return f"{event['id']} v{event['version']} {status} {at}{prn}"

    body = {"site": "1-545611283", "rounds": [{"doses": [one_dose(row)]}]}
    assert of_one(EMAR, body, told) == row["becomes"]


@pytest.mark.parametrize("row", cases(VOICE))
def test_voice_of_a_feed_of_several_kinds_becomes(row: Row) -> None:
    def told(event: dict[str, Any]) -> str:
        said = event["data"]
        data = {key: value for key, value in said.items() if key != "themes"}
        msgspec.convert(said, SHAPES[event["type"]])
        words = [event["type"].partition(".")[0], *map(str, data.values())]
        words += [f"[{' '.join(said['themes'])}]"] if "themes" in said else []
        return " ".join([*words, *event.get("about", {}).values()])

    entry = {"ref": "V-1", "cqc": "1-545611283", "on": "2026-03-01T10:00:00+00:00"}
    entry |= {key: row[key] for key in ("kind", "from") if row[key] != NOTHING}
    body = {"entry": entry | more_of(row)}
    assert of_one(VOICES, body, told) == row["becomes"]


def test_rows_of_a_spreadsheet_become_shifts_with_ids_of_their_own() -> None:
    worked = {"Unit": "oak", "Start": 46109.875, "End": 46110.333333333336, "Hours": "10.5"}
    nobody_came = {"Unit": "oak", "Start": 46112.833333333336, "End": 46113.333333333336}
    body = [worked | {"Role": "senior"}, nobody_came | {"Role": "carer"}]
    first, second = map_body(ROSTER, body).events
    assert first["data"] == {
        "starts_at": "2026-03-28T21:00:00+00:00",
        "ends_at": "2026-03-29T07:00:00+00:00",
        # The night on which the clocks go forward.
        "planned_hours": 10,
        "worked_hours": 10.5,
    }
    assert (second["data"]["planned_hours"], second["data"]["worked_hours"]) == (12, 0)
    for event in (first, second):
        assert msgspec.convert(event["data"], SHAPES["shift.worked"]).flaw() is None
    again = map_body(ROSTER, list(reversed(body))).events
    assert [event["id"] for event in again] == [second["id"], first["id"]]
    assert first["id"] != second["id"]


BODIES = """
                        | each      | body                              | becomes
a list is its records   | @         | [{}, {}]                          | 2
an object is one record | @         | {}                                | 1
an empty list has none  | rows      | {"rows": []}                      | 0
lists within lists      | [].rows[] | [{"rows": [1, 2]}, {"rows": [3]}] | 3
one record below        | row       | {"row": {}}                       | 1
no list where it was    | rows      | {"row": []}                       | no_records
a text instead          | rows      | {"rows": "none"}                  | no_records
nothing at all          | @         | null                              | no_records
too many                | rows[]    | {"rows": 1001}                    | too_many_records
"""


@pytest.mark.parametrize("row", cases(BODIES))
def test_records_are_what_each_selects(row: Row) -> None:
    body = json.loads(row["body"])
    if body == {"rows": 1001}:
        body = {"rows": [{}] * 1001}
    source = mapping(each=row["each"])
    try:
        became = str(len(map_body(source, body).outcomes))
    except MappingError as error:
        became = error.code
    assert became == row["becomes"]


def test_one_bad_record_never_loses_the_good_ones() -> None:
    body = [AN_AUDIT, AN_AUDIT | {"id": None}, "no record at all", AN_AUDIT | {"id": "A-2"}]
    mapped = map_body(mapping(), body)
    assert mapped.events == [ITS_EVENT, ITS_EVENT | {"id": "A-2"}]
    assert [one.index for one in mapped.outcomes if one.flaws] == [1, 2]


def test_all_flaws_of_a_record_are_told_at_once() -> None:
    (outcome,) = map_body(mapping(), {"id": 7, "audit": "medicines"}).outcomes
    assert outcome.flaws == (
        Flaw("/fields/id", "wrong_type", "'id' has to be a text and is a number."),
        Flaw(
            "/fields/service", "missing_field", "'service' is required, and nothing was selected."
        ),
        Flaw(
            "/fields/occurred_at",
            "missing_field",
            "'occurred_at' is required, and nothing was selected.",
        ),
    )


def test_condition_that_cannot_be_worked_out_rejects_its_record() -> None:
    source = mapping(when=[{"path": "length(kind) > `2`", "reason": "is short"}])
    mapped = map_body(source, [AN_AUDIT, AN_AUDIT | {"kind": "abc"}, AN_AUDIT | {"kind": "a"}])
    assert [flaw.pointer for flaw in mapped.outcomes[0].flaws] == ["/when/0"]
    assert mapped.outcomes[1].event == ITS_EVENT
    assert mapped.outcomes[2].skipped == "is short"


@pytest.mark.parametrize(
    ("value", "held"),
    [(True, True), (0, True), ("x", True), (False, False), (None, False), ("", False), ([], False)],
)
def test_condition_holds_for_what_jmespath_calls_true(value: Any, held: bool) -> None:
    source = mapping(when=[{"path": "flag", "reason": "is not meant"}])
    (outcome,) = map_body(source, AN_AUDIT | {"flag": value}).outcomes
    assert (outcome.skipped is None) == held


def test_fields_take_from_the_body_the_record_or_both() -> None:
    changes = {
        "service": {"path": "site", "of": "body"},
        "id": {
            "path": "[body.site, record.id]",
            "of": "both",
            "transforms": [{"as": "concat", "separator": "/"}],
        },
        "data.x_of": {"constant": 7},
        "team": {"path": "team", "default": "oak"},
    }
    source = mapping(each="rows", fields=document()["fields"] | changes)
    (event,) = map_body(source, {"site": "1-1", "rows": [AN_AUDIT]}).events
    assert (event["service"], event["id"], event["team"]) == ("1-1", "1-1/A-1", "oak")
    assert event["data"]["x_of"] == 7


def test_nothing_enters_an_event_that_no_field_names() -> None:
    (event,) = map_body(mapping(), AN_AUDIT | {"resident": "Ada", "notes": {"a": 1}}).events
    assert event == ITS_EVENT


def test_codes_let_through_are_told_once() -> None:
    entry = {"ref": "V-1", "cqc": "1-1", "on": "2026-03-01T10:00:00+00:00", "kind": "thanks"}
    body = {"entry": [entry | {"from": "neighbour"}, entry | {"from": "neighbour", "topics": "x"}]}
    mapped = map_body(VOICES, body)
    assert mapped.unmapped == (UnmappedCode("who", "neighbour"), UnmappedCode("topics", "x"))
    assert mapped.events[1]["data"]["themes"] == ["x"]


def test_trace_shows_every_field_step_by_step() -> None:
    body = {"site": "1-1", "rounds": [{"doses": [dose("unknown letter")]}]}
    (outcome,) = map_body(EMAR, body, traced=True).outcomes
    by_field = {one.field: one for one in outcome.trace}
    assert list(by_field) == ["retracted", *(name for name in EMAR.fields if name != "retracted")]
    assert by_field["team"] == FieldTrace(
        field="team",
        path="unit",
        selected=" Oak",
        steps=(Step("trim", "Oak"), Step("lower", "oak")),
        result="oak",
    )
    failed = by_field["data.status"]
    assert (failed.selected, failed.steps, failed.result) == ("Q", (Step("trim", "Q"),), None)
    assert failed.flaw == outcome.flaws[0]


def test_trace_is_only_made_when_asked_for() -> None:
    assert map_body(mapping(), AN_AUDIT).outcomes == (Outcome(index=0, event=ITS_EVENT),)


def test_body_is_left_as_it_was() -> None:
    body = {"site": "1-1", "rounds": [{"doses": [dose("a dose")]}]}
    before = copy.deepcopy(body)
    map_body(EMAR, body, traced=True)
    assert body == before


def test_hash_is_of_what_a_document_says() -> None:
    one = document(when=[{"path": "a", "reason": "b"}])
    spelled = dict(reversed(one.items())) | {"each": "@", "codes": {}, "examples": []}
    spelled["fields"] = dict(reversed(spelled["fields"].items()))
    spelled["when"] = [{"reason": "b", "of": "record", "path": "a"}]
    same = content_hash(mapping_of(one))
    assert content_hash(mapping_of(spelled)) == same
    assert content_hash(mapping_of(json.loads(msgspec.json.encode(mapping_of(one))))) == same
    others = [document(), document(name="b"), with_field("team", path="unit"), document(each="a")]
    assert len({same, *(content_hash(mapping_of(other)) for other in others)}) == 5


RESIDENTS = {
    "site": "1-1",
    "residents": [
        {
            "no": 4,
            "floor": "oak",
            "doses": [{"slot": "am", "ok": True}, {"slot": "pm", "ok": False}],
        },
        {"no": 5, "floor": "ash", "doses": []},
        {"no": 6, "floor": "elm"},
        {"no": 7, "floor": "elm", "doses": [{"slot": "am", "ok": True}]},
    ],
}


def nested(**fields: Any) -> Mapping:
    """A feed whose doses stand in their residents, and say nothing of them."""
    own = {
        "id": {
            "path": "[to_string(parents[0].no), record.slot]",
            "of": "both",
            "transforms": [{"as": "concat", "separator": "/"}],
        },
        "service": {"path": "site", "of": "body"},
        "occurred_at": {"constant": "2026-03-01T10:00:00+00:00"},
        "team": {"path": "floor", "of": "parent"},
        "data.status": {"constant": "given"},
    }
    return mapping_of(
        {
            "schema": "mapping/1",
            "name": "nested",
            "each": ["residents[]", "doses[]"],
            "when": [{"path": "no != `7`", "of": "parent", "reason": "is away"}],
            "type": "medication.administered",
            "fields": own | fields,
        }
    )


def test_records_within_records_take_what_their_parents_say() -> None:
    mapped = map_body(nested(), RESIDENTS)
    assert [(one["id"], one["team"]) for one in mapped.events] == [("4/am", "oak"), ("4/pm", "oak")]
    assert [one.index for one in mapped.outcomes] == [0, 1, 2]
    assert mapped.outcomes[2].skipped == "is away"


def test_trace_says_that_a_value_is_the_parents() -> None:
    (first, *_) = map_body(nested(), RESIDENTS, traced=True).outcomes
    team = next(one for one in first.trace if one.field == "team")
    assert (team.path, team.of, team.selected) == ("floor", "parent", "oak")


def test_parents_go_from_the_outermost_to_the_record_that_encloses() -> None:
    whole = msgspec.to_builtins(nested(area={"path": "join('>', parents[].n)", "of": "both"}))
    whole |= {"each": ["a[]", "b", "c[]"], "when": []}
    whole["fields"] |= {"id": {"path": "n"}, "team": {"path": "n", "of": "parent"}}
    body = {"site": "1-1", "a": [{"n": "a1", "b": {"n": "b1", "c": [{"n": "c1"}]}}]}
    (event,) = map_body(mapping_of(whole), body).events
    assert (event["id"], event["team"], event["area"]) == ("c1", "b1", "a1>b1")


def test_what_encloses_no_list_of_records_is_told() -> None:
    body = {"residents": [{"doses": "none today"}]}
    as_they_are = msgspec.to_builtins(nested()) | {"each": ["residents[]", "doses"]}
    with pytest.raises(MappingError, match="'doses' selects a text"):
        map_body(mapping_of(as_they_are), body)
