"""The way of many rows gives what the way of one body gives, and costs what it may."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from models.incoming.csv_keys import RowKeys
from models.mapping import by_row
from models.mapping.budget import Limits, OverBudget
from models.mapping.by_row import STEPS_A_ROW, RowMapper
from models.mapping.map_body import Outcome, map_body
from models.mapping.mappings import Mapping, mapping_of
from models.mapping.problems import problems_of
from models.mapping.shipped import generic_csv
from tests.mapped_sources import document
from tests.test_csv_mapping import doses
from tests.test_mapping_laws import EXPRESSIONS, TRANSFORMS, is_readable

#: Names as they stand in the expressions that are tried, and cells that repeat.
COLUMNS = ["a", "b", "c", "id", "ü"]
CELLS = st.one_of(
    st.sampled_from(["x", "7", "7.0", "true", "yes", "X", "2026-03-01", "01/07/2026 08:05"]),
    st.sampled_from(["25/10/2026 01:30", "29/03/2026 01:30", "46320.0625", "a,b;c", "x" * 300]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)
TABLES = st.lists(
    st.dictionaries(st.sampled_from(COLUMNS), CELLS.filter(str.strip), min_size=1), max_size=8
)
OF_TIMES: list[dict[str, Any]] = [
    {"as": "datetime", "order": "dmy", "zone": "Europe/London", "ambiguous": "second"},
    {"as": "excel_serial", "zone": "Europe/London", "missing": "forward", "ambiguous": "first"},
]
PATHS = EXPRESSIONS.filter(is_readable)
FIELDS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(
        dict,
        path=st.one_of(st.sampled_from(["a", "b", "c", '"ü"', "[a, b]", "a || b"]), PATHS),
        transforms=st.lists(st.sampled_from(TRANSFORMS + OF_TIMES), max_size=3),
        required=st.booleans(),
    ),
    st.builds(dict, constant=st.sampled_from(["x", 7, True, None])),
)


def tabular(**changes: Any) -> dict[str, Any]:
    return {
        "schema": "mapping/1",
        "name": "any",
        "input": "csv",
        "type": "custom.any",
        "fields": {
            "service": {"constant": "1-545611283"},
            "occurred_at": {"constant": "2026-03-01T10:00:00+00:00"},
        },
    } | changes


def by_row_and_by_body(mapping: Mapping, rows: list[dict[str, str]]) -> tuple[Any, Any]:
    """Outcomes and unmapped codes of both ways; rows are asked for twice, the second time known."""
    mapper = RowMapper(mapping)
    found: list[list[Outcome]] = []
    for _ in range(2):
        keys = None if "id" in mapping.fields else RowKeys(mapping.row_key)
        found.append(
            [
                mapper.outcome(place, row, None if keys is None else keys.of(row))
                for place, row in enumerate(rows)
            ]
        )
    assert shown(found[0]) == shown(found[1])
    mapped = map_body(mapping, rows)
    return (
        (shown(found[0]), list(mapper.unmapped)),
        (shown(mapped.outcomes), list(mapped.unmapped)),
    )


def shown(outcomes: Any) -> list[Any]:
    """With types, since 1 is True and 7 is 7.0 to a comparison."""
    return [msgspec.json.encode(one, order="deterministic") for one in outcomes]


@given(
    rows=TABLES,
    when=st.lists(
        st.builds(dict, path=st.one_of(st.just("a"), PATHS), reason=st.just("is not meant")),
        max_size=2,
    ),
    kind=st.one_of(
        st.just("custom.any"),
        st.just({"path": "c", "transforms": [{"as": "lookup", "table": "words"}]}),
        st.just({"path": "c"}),
    ),
    fields=st.fixed_dictionaries(
        {"data.one": FIELDS, "data.two": FIELDS},
        optional={
            "id": FIELDS,
            "team": FIELDS,
            "version": FIELDS,
            "about.band": FIELDS,
            "retracted": st.just({"path": "b", "transforms": [{"as": "boolean", "no": ["7"]}]}),
            "occurred_at": st.just({"path": "a", "transforms": OF_TIMES[:1]}),
        },
    ),
    unmapped=st.sampled_from(["reject", "skip", "pass", "otherwise"]),
)
def test_both_ways_agree_on_any_mapping_and_table(
    rows: list[dict[str, str]],
    when: list[Any],
    kind: Any,
    fields: dict[str, Any],
    unmapped: str,
) -> None:
    given_document = tabular(
        when=when,
        type=kind,
        codes={
            "words": {
                "words": {"X": "custom.x", "7": None, "yes": "custom.y"},
                "unmapped": unmapped,
            }
        },
    )
    given_document["fields"] |= fields
    assume(not problems_of(given_document))
    fast, slow = by_row_and_by_body(mapping_of(given_document), rows)
    assert fast == slow


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "given at": st.sampled_from(["01/03/2026 08:05", "29/03/2026 01:30", "soon"]),
                "unit": st.sampled_from(["Oak", "Ash"]),
                "Code": st.sampled_from(["G", "r", "X", "Z"]),
                "Kind": st.sampled_from(["note", "dose"]),
            },
        ).filter(bool),
        max_size=12,
    )
)
@example([{"Code": "G", "given at": "01/03/2026 08:05"}] * 2)
def test_both_ways_agree_on_doses(rows: list[dict[str, str]]) -> None:
    fast, slow = by_row_and_by_body(doses(), rows)
    assert fast == slow


@pytest.mark.parametrize("name", generic_csv.TYPES)
def test_both_ways_agree_on_shipped_tables(name: str) -> None:
    shipped = generic_csv.document(name) | {"input": "csv"}
    rows = [
        {key: cell for key, cell in row.items() if cell.strip()}
        for row in shipped["examples"][0]["input"]
    ]
    fast, slow = by_row_and_by_body(mapping_of(shipped), rows)
    assert fast == slow
    assert b'"event":{' in fast[0][0]


def test_both_ways_agree_where_conditions_fail_and_words_are_found_late() -> None:
    """Rejected by a condition; deleted; skipped by a word behind one that was let through."""
    fields = tabular()["fields"] | {
        "retracted": {"path": "b", "transforms": [{"as": "boolean"}]},
        "data.list": {
            "path": "[a, c]",
            "transforms": [{"as": "map_list", "transforms": [{"as": "lookup", "table": "open"}]}],
        },
        "data.word": {"path": "c", "transforms": [{"as": "lookup", "table": "closed"}]},
    }
    codes = {
        "open": {"words": {"x": "y"}, "unmapped": "pass"},
        "closed": {"words": {"x": "y"}, "unmapped": "skip"},
    }
    when = [{"path": "a != 'n' || abs(a)", "reason": "is not meant"}]
    mapping = mapping_of(tabular(when=when, fields=fields, codes=codes))
    rows = [
        {"a": "n", "b": "no", "c": "x"},
        {"a": "x", "b": "yes", "c": "z"},
        {"a": "new", "b": "no", "c": "z"},
        {"a": "new", "b": "no", "c": "x"},
        {"a": "new", "b": "maybe", "c": "x"},
    ]
    fast, slow = by_row_and_by_body(mapping, rows)
    assert fast == slow
    assert fast[1] == [("open", "new"), ("open", "z")]


def test_what_is_kept_of_a_list_is_nobody_elses() -> None:
    fields = tabular()["fields"] | {"data.themes": {"path": "a", "transforms": [{"as": "split"}]}}
    mapper = RowMapper(mapping_of(tabular(fields=fields)))
    first, second = (mapper.outcome(line, {"a": "food;staff"}, "k").event for line in (1, 2))
    assert first is not None
    assert second is not None
    first["data"]["themes"].append("changed")
    assert second["data"]["themes"] == ["food", "staff"]


def test_what_is_kept_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_row, "MOST_KEPT_A_RULE", 10)
    mapper = RowMapper(doses())
    for line in range(100):
        cells = {"given at": f"01/03/2026 {line % 24}:{line % 60}", "unit": str(line), "Code": "G"}
        assert mapper.outcome(line, cells, "k").event is not None
        assert max(len(rule.kept) for rule in mapper._rules) <= 10


def test_long_cells_are_not_kept() -> None:
    mapper = RowMapper(doses())
    cells = {"given at": "01/03/2026 08:05", "unit": "x" * 201, "Code": "G"}
    assert mapper.outcome(1, cells, "k").event is not None
    assert not any("x" * 201 in rule.kept for rule in mapper._rules)


def test_unmapped_codes_are_named_up_to_a_bound() -> None:
    codes = {"letters": {"words": {"G": "given"}, "unmapped": "otherwise", "otherwise": "refused"}}
    mapper = RowMapper(doses(codes=codes))
    for line in range(by_row.MOST_UNMAPPED + 50):
        mapper.outcome(line, {"given at": "01/03/2026 08:05", "Code": f"Z{line}"}, "k")
    assert len(mapper.unmapped) == by_row.MOST_UNMAPPED
    assert [code.code for code in mapper.unmapped][:2] == ["Z0", "Z1"]


def test_file_may_cost_so_much_a_row_and_is_stopped_beyond() -> None:
    """Each row takes more than its share, and nothing of that can be remembered."""
    mapper = RowMapper(
        mapping_of(
            tabular(
                fields=tabular()["fields"]
                | {f"data.x_{one}": {"path": "map(&[@, @, @, @], keys(@))"} for one in range(20)}
            )
        ),
        Limits(steps=10_000),
    )
    cells = {f"column {one}": "x" for one in range(50)}

    def map_rows() -> Iterator[Outcome]:
        for line in range(1_000):
            yield mapper.outcome(line, cells, "k")

    taken = map_rows()
    with pytest.raises(OverBudget, match="all expressions of this body"):
        deque(taken)
    assert mapper._budget.steps.spent <= 10_000 + 20 * STEPS_A_ROW


def test_rows_that_say_what_is_known_cost_nothing_more() -> None:
    mapper = RowMapper(doses(), Limits(steps=10_000))
    cells = {"given at": "01/03/2026 08:05", "unit": "Oak", "Code": "G"}
    mapper.outcome(1, cells, "k")
    spent = mapper._budget.steps.spent
    for line in range(2, 100):
        mapper.outcome(line, cells, "k")
    assert mapper._budget.steps.spent == spent


def test_body_that_is_no_table_goes_the_other_way() -> None:
    with pytest.raises(ValueError, match="Only the rows of a table"):
        RowMapper(mapping_of(document()))
