"""Mappings of tables: what the document may say, and what becomes of the rows of a file."""

from typing import Any

import pytest

from models.mapping.budget import MappingError
from models.mapping.columns import columns_at, layout_of, reads
from models.mapping.examples import check_examples
from models.mapping.map_body import map_body
from models.mapping.mappings import Mapping, content_hash, mapping_of
from models.mapping.problems import problems_of
from models.mapping.shipped import document_of
from tests.csv_by_hand import file_of
from tests.mapped_sources import document
from tests.text_tables import Row, cases

LONDON = {"as": "datetime", "order": "dmy", "zone": "Europe/London"}
#: Doses as a platform exports them: letters, times on the clock in England, no ids.
DOSES: dict[str, Any] = {
    "schema": "mapping/1",
    "name": "doses of acme",
    "input": "csv",
    "columns": {"given at": ["Date given", "Administered"], "unit": ["Ward"]},
    "when": [{"path": "Kind != 'note'", "reason": "is a note"}],
    "type": "medication.administered",
    "codes": {"letters": {"words": {"G": "given", "R": "refused", "X": None}}},
    "fields": {
        "service": {"constant": "1-545611283"},
        "team": {"path": "unit"},
        "occurred_at": {"path": '"given at"', "transforms": [LONDON]},
        "data.status": {
            "path": "Code",
            "transforms": [{"as": "lookup", "table": "letters"}],
            "required": True,
        },
    },
}
AN_EXAMPLE: dict[str, Any] = {
    "input": "Administered,Ward,Code\n01/03/2026 08:05,Oak,g\n",
    "expect": [
        {
            "id": "row-wo6pqu7rujgh2vkiyz7qztcmbm",
            "type": "medication.administered",
            "service": "1-545611283",
            "team": "Oak",
            "occurred_at": "2026-03-01T08:05:00+00:00",
            "data": {"status": "given"},
        }
    ],
}


def doses(**changes: Any) -> Mapping:
    return mapping_of(DOSES | changes)


def with_time(**settings: Any) -> Mapping:
    at = {"path": '"given at"', "transforms": [LONDON | settings]}
    return doses(fields=DOSES["fields"] | {"occurred_at": at})


OUTCOMES = """
                     | row                               | becomes
a dose               | 01/03/2026 08:05,Oak,G,           | 08:05 given
in summer            | 01/07/2026 08:05,Oak,r,           | 07:05 refused
a note               | 01/07/2026 08:05,Oak,r,note       | skipped: is a note
an unknown letter    | 01/07/2026 08:05,Oak,Z,           | !unmapped_code of Code
a letter for nothing | 01/07/2026 08:05,Oak,X,           | !missing_field of Code
no letter            | 01/07/2026 08:05,Oak              | !missing_field of Code
the month first      | 03/25/2026 08:05,Oak,G,           | !invalid_time of given at
a clock shown twice  | 25/10/2026 01:30,Oak,G,           | !ambiguous_time of given at
a clock never shown  | 29/03/2026 01:30,Oak,G,           | !missing_time of given at
several at once      | yesterday,Oak,Z,                  | !invalid_time of given at, !unmapped_code of Code
a row too long       | 01/07/2026 08:05,Oak,G,,,1        | !too_many_cells
"""  # noqa: E501 - a row stands in a line


@pytest.mark.parametrize("row", cases(OUTCOMES))
def test_row_becomes_an_event_or_says_why_not_and_of_which_column(row: Row) -> None:
    mapping = doses()
    (outcome,) = map_body(mapping, f"Date given,unit,Code,Kind\n{row['row']}\n").outcomes
    assert outcome.index == 2
    if outcome.event is not None:
        shown = f"{outcome.event['occurred_at'][11:16]} {outcome.event['data']['status']}"
    elif outcome.skipped is not None:
        shown = f"skipped: {outcome.skipped}"
    else:
        of = [(flaw.code, columns_at(mapping, flaw.pointer)) for flaw in outcome.flaws]
        shown = ", ".join(f"!{code}" + (f" of {column}" if column else "") for code, column in of)
    assert shown == row["becomes"]


@pytest.mark.parametrize(
    ("settings", "at", "taken", "said"),
    [
        ({"ambiguous": "first"}, "25/10/2026 01:30", "2026-10-25T00:30", "twice; taken for 00:30"),
        ({"ambiguous": "second"}, "25/10/2026 01:30", "2026-10-25T01:30", "twice; taken for 01:30"),
        ({"missing": "forward"}, "29/03/2026 01:30", "2026-03-29T01:30", "taken for 01:30 UTC"),
    ],
)
def test_hour_of_a_clock_change_is_taken_as_declared_and_noted(
    settings: dict[str, str], at: str, taken: str, said: str
) -> None:
    (outcome,) = map_body(with_time(**settings), f"given at,unit,Code\n{at},Oak,G\n").outcomes
    assert outcome.event is not None
    assert outcome.event["occurred_at"] == f"{taken}:00+00:00"
    (note,) = outcome.notes
    assert note.pointer == "/fields/occurred_at"
    assert said in note.detail


def test_hour_of_the_other_clock_change_is_still_refused() -> None:
    text = "given at,unit,Code\n29/03/2026 01:30,Oak,G\n01/07/2026 01:30,Oak,G\n"
    first, second = map_body(with_time(ambiguous="first"), text).outcomes
    assert [flaw.code for flaw in first.flaws] == ["missing_time"]
    assert second.event is not None
    assert second.notes == ()


def test_spreadsheet_day_on_a_clock_change_is_taken_as_declared() -> None:
    serial = {"as": "excel_serial", "zone": "Europe/London", "ambiguous": "second"}
    at = {"path": '"given at"', "transforms": [serial]}
    mapping = doses(fields=DOSES["fields"] | {"occurred_at": at})
    (outcome,) = map_body(mapping, "given at,Code\n46320.0625,G\n").outcomes
    assert outcome.event is not None
    assert outcome.event["occurred_at"] == "2026-10-25T01:30:00+00:00"
    assert [note.code for note in outcome.notes] == ["ambiguous_time"]


def ids(text: str, **changes: Any) -> list[str]:
    return [event["id"] for event in map_body(doses(**changes), file_of(text)).events]


FILE = "given at;unit;Code↵01/03/2026 08:05;Oak;G↵01/03/2026 08:05;Oak;G↵01/03/2026 08:05;Ash;G↵"


def test_rows_that_say_the_same_are_two_and_the_file_again_is_the_same_rows() -> None:
    first = ids(FILE)
    assert len(set(first)) == 3
    assert ids(FILE) == first


@pytest.mark.parametrize(
    "text",
    [
        FILE.replace(";", ","),
        FILE.replace("Oak", '"Oak"').replace("↵", "←↵"),
        FILE.replace("given at", "ADMINISTERED").replace("unit", "Ward"),
        FILE.replace("Code↵", "Code;Kind;↵"),
    ],
    ids=["another delimiter", "quotes", "other names", "an empty column"],
)
def test_the_same_rows_written_otherwise_have_the_same_ids(text: str) -> None:
    assert ids(text) == ids(FILE)


def test_columns_in_another_order_give_the_same_ids() -> None:
    text = "Code,unit,given at↵G,Oak,01/03/2026 08:05↵G,Oak,01/03/2026 08:05↵"
    assert ids(text) == ids(FILE)[:2]


def test_file_that_has_grown_or_lost_its_oldest_rows_keeps_the_ids_of_the_others() -> None:
    head, *rows = FILE.split("↵")[:-1]
    more = ["02/03/2026 08:05;Oak;G", rows[0]]
    assert ids("↵".join((head, *rows, *more)))[:3] == ids(FILE)
    assert ids("↵".join((head, *rows[1:]))) == [ids(FILE)[0], ids(FILE)[2]]


def test_row_key_names_the_cells_by_which_a_row_is_known() -> None:
    text = "given at,unit,Code,Printed↵01/03/2026 08:05,Oak,G,{}↵"
    key = ("given at", "unit")
    assert ids(text.format("Monday"), row_key=key) == ids(text.format("Tuesday"), row_key=key)
    assert ids(text.format("Monday")) != ids(text.format("Tuesday"))


def test_list_of_rows_is_mapped_as_the_file_that_they_would_be() -> None:
    rows = [{"given at": "01/03/2026 08:05", "unit": "Oak", "Code": "G", "Kind": " "}] * 2
    assert [event["id"] for event in map_body(doses(), rows).events] == ids(FILE)[:2]
    assert [one.index for one in map_body(doses(), rows).outcomes] == [0, 1]


@pytest.mark.parametrize("body", [5, None, [5], [["a"]], True])
def test_what_is_no_table_is_refused_as_a_whole(body: Any) -> None:
    with pytest.raises(MappingError, match="A table is the text of a file"):
        map_body(doses(), body)


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty_file"), ("a,b\n1,2\n", "no_header"), ("given at,unit\n", "missing_columns")],
)
def test_file_that_cannot_be_read_is_refused_as_a_whole(text: str, code: str) -> None:
    with pytest.raises(MappingError) as caught:
        map_body(doses(), text)
    assert caught.value.code == code


def test_column_by_another_name_is_told_once_and_with_what_was_read() -> None:
    shipped = mapping_of(document_of("csv-audit-completed"))
    file = "id,service,when,audit,items_due,items_met\nA1,1-1,2026-03-01 10:00,medicines,4,3\n"
    with pytest.raises(MappingError) as caught:
        map_body(shipped, file * 2)
    assert caught.value.code == "missing_columns"
    assert "No column is called 'occurred_at'" in caught.value.detail
    assert "it reads 'id', 'service', 'when'" in caught.value.detail


def test_row_that_no_file_could_have_costs_itself_only() -> None:
    rows = [{"Code": 2**70}, {"given at": "01/03/2026 08:05", "Code": "G"}]
    first, second = map_body(doses(), rows).outcomes
    assert [(flaw.pointer, flaw.code) for flaw in first.flaws] == [("", "not_json")]
    assert second.event is not None


def test_preview_has_a_bounded_number_of_rows() -> None:
    with pytest.raises(MappingError, match="more than 1,000 rows"):
        map_body(doses(), "given at,Code\n" + "01/03/2026 08:05,G\n" * 1_001)


def test_text_is_read_in_the_encoding_that_it_has_whatever_is_declared_for_files() -> None:
    (event,) = map_body(
        doses(encoding="cp1252"), "given at,unit,Code\n01/03/2026 08:05,Öak,G\n"
    ).events
    assert event["team"] == "Öak"


def test_example_of_a_table_is_the_text_of_a_file() -> None:
    assert problems_of(DOSES | {"examples": [AN_EXAMPLE]}) == []
    assert check_examples(doses(examples=[AN_EXAMPLE])) == []
    other = AN_EXAMPLE | {"input": AN_EXAMPLE["input"].replace("Oak", "Ash")}
    pointers = [flaw.pointer for flaw in check_examples(doses(examples=[other]))]
    assert pointers == ["/examples/0/expect/0/id", "/examples/0/expect/0/team"]


def test_document_without_a_table_says_what_it_said_before_there_were_tables() -> None:
    assert content_hash(mapping_of(document())) == content_hash(
        mapping_of(document(input="json", columns={}, row_key=[]))
    )
    assert content_hash(doses()) != content_hash(doses(columns=DOSES["columns"] | {"x": []}))


PROBLEMS: list[tuple[dict[str, Any], str, str]] = [
    ({"input": "xml"}, "/input", "unknown_value"),
    ({"delimiter": "."}, "/delimiter", "unknown_value"),
    ({"encoding": "latin-1"}, "/encoding", "unknown_value"),
    ({"columns": {"a": "b"}}, "/columns", "wrong_type"),
    ({"each": "rows"}, "/each", "contradiction"),
    ({"columns": {"unit": ["Code"]}}, "/columns/unit", "contradiction"),
    ({"columns": {"unit": ["x"], "team": ["X"]}}, "/columns/team", "contradiction"),
    ({"columns": {"unit": [" "]}}, "/columns/unit", "contradiction"),
    ({"when": [{"path": "a", "of": "body", "reason": "b"}]}, "/when/0/of", "contradiction"),
    (
        {"fields": DOSES["fields"] | {"area": {"path": "a", "of": "both"}}},
        "/fields/area/of",
        "contradiction",
    ),
    ({"fields": DOSES["fields"] | {"area": {"path": "UNIT"}}}, "/columns/unit", "contradiction"),
    ({"fields": DOSES["fields"] | {"area": {"path": "CODE"}}}, "/fields", "contradiction"),
    (
        {"fields": DOSES["fields"] | {"id": {"path": "Ref"}}, "row_key": ["Ref"]},
        "/row_key",
        "contradiction",
    ),
    ({"input": "json"}, "/columns", "contradiction"),
]


@pytest.mark.parametrize(("changes", "pointer", "code"), PROBLEMS)
def test_contradiction_in_a_table_is_named(
    changes: dict[str, Any], pointer: str, code: str
) -> None:
    assert (pointer, code) in [(flaw.pointer, flaw.code) for flaw in problems_of(DOSES | changes)]


def test_mapping_of_a_table_has_no_problems_and_needs_no_id() -> None:
    assert problems_of(DOSES) == []


def test_unreadable_path_is_named_once() -> None:
    fields = DOSES["fields"] | {"team": {"path": "a["}}
    assert [flaw.pointer for flaw in problems_of(DOSES | {"fields": fields})] == [
        "/fields/team/path"
    ]


def test_what_paths_name_are_columns_and_what_every_row_needs_is_required() -> None:
    layout = layout_of(doses(delimiter=";", row_key=["Printed"]))
    assert layout.columns == {
        "given at": ("Date given", "Administered"),
        "unit": ("Ward",),
        "Code": (),
        "Kind": (),
        "Printed": (),
    }
    assert layout.required == {"given at", "Code", "Printed"}
    assert layout.delimiter == ";"


def test_file_of_deletions_needs_less() -> None:
    fields = DOSES["fields"] | {"retracted": {"path": "Gone"}, "id": {"path": "Ref"}}
    assert layout_of(doses(fields=fields)).required == {"Ref"}


@pytest.mark.parametrize(
    ("path", "columns", "whole"),
    [
        ("a", {"a"}, False),
        ('"given at"', {"given at"}, False),
        ("a == 'x' && b || c", {"a", "b", "c"}, False),
        ("[a, b]", {"a", "b"}, False),
        ("{x: a, y: !b}", {"a", "b"}, False),
        ("a.b", {"a"}, False),
        ("a | b", {"a"}, False),
        ("a[0]", {"a"}, False),
        ("a[*].b", {"a"}, False),
        ("a[?b == 'x']", {"a"}, False),
        ("a[].b", {"a"}, False),
        ("a.*", {"a"}, False),
        ("contains([a, 'x'], b)", {"a", "b"}, False),
        ("join('-', map(&b, [a]))", {"a"}, False),
        ("`1`", set(), False),
        ("@", set(), True),
        ("*", set(), True),
        ("keys(@)", set(), True),
        ("a || @", {"a"}, True),
        ("[0]", set(), True),
    ],
)
def test_what_an_expression_looks_at_in_a_row(path: str, columns: set[str], whole: bool) -> None:
    assert (set(reads(path).columns), reads(path).whole) == (columns, whole)


@pytest.mark.parametrize(
    ("pointer", "column"),
    [
        ("/fields/data.status", "Code"),
        ("/when/0", "Kind"),
        ("/data/status", "Code"),
        ("/occurred_at", "given at"),
        ("/service", None),
        ("/type", None),
        ("/data", None),
        ("", None),
        ("/when/x", None),
    ],
)
def test_flaw_is_of_the_columns_that_its_rule_reads(pointer: str, column: str | None) -> None:
    assert columns_at(doses(), pointer) == column
