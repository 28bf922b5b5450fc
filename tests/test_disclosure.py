"""Small counts cannot be had from what is shown: by rule, and by trying all that could be behind.

The oracle knows nothing of circles. It asks a linear program for the least and the largest number
that each hidden count could be; tables with totals have whole numbers at their corners.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from models.datasets import DATASETS, Dataset
from models.datasets.arrow import held_schema
from models.disclosure import (
    LARGEST_HIDDEN,
    Audience,
    circulation,
    determined,
    disclosed,
    hide,
    is_small,
    protected,
)

Table = list[list[int]]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Two to four rows of one to four counts, many of them small and some nothing."""
    columns = draw(st.integers(1, 4))
    count = st.one_of(st.integers(0, 9), st.integers(0, 60), st.just(1))
    return draw(st.lists(st.lists(count, min_size=columns, max_size=columns), min_size=2,
                         max_size=4))  # fmt: skip


def laid_out(table: Table) -> tuple[Any, Any, Any]:
    values = np.array(table, dtype=np.int64)
    row, column = np.indices(values.shape)
    return values.ravel(), row.ravel(), column.ravel()


def possible(table: Table, hidden: Any) -> dict[int, tuple[float, float]]:
    """The least and the largest number that each hidden count or total may be."""
    value, row, column = laid_out(table)
    edges = circulation(value, row, column)
    conditions = np.zeros((edges.nodes, len(edges.value)))
    conditions[edges.begins, np.arange(len(edges.value))] -= 1
    conditions[edges.ends, np.arange(len(edges.value))] += 1
    limits = [
        (1, None) if is_hidden and known else (known, known)
        for known, is_hidden in zip(edges.value.tolist(), hidden, strict=True)
    ]
    found = {}
    for at in np.flatnonzero(hidden & (edges.value > 0)):
        ends = []
        for sign in (1, -1):
            goal = np.zeros(len(edges.value))
            goal[at] = sign
            answer = linprog(goal, A_eq=conditions, b_eq=np.zeros(edges.nodes), bounds=limits)
            # Without an end in a direction there is no largest.
            ends.append(np.inf if answer.x is None else float(answer.x[at]))
        found[int(at)] = (ends[0], ends[1])
    return found


@settings(deadline=None, max_examples=150)
@given(tables())
def test_no_hidden_count_or_total_follows_from_what_is_shown(table: Table) -> None:
    value, row, column = laid_out(table)
    edges = circulation(value, row, column)
    hidden = protected(edges, is_small(value))
    assert hidden[is_small(edges.value)].all()
    for least, largest in possible(table, hidden).values():
        assert largest - least >= 1 - 1e-6


@settings(deadline=None, max_examples=150)
@given(tables(), st.data())
def test_what_is_determined_is_what_a_linear_program_finds(table: Table, data: Any) -> None:
    value, row, column = laid_out(table)
    edges = circulation(value, row, column)
    chosen = data.draw(st.lists(st.booleans(), min_size=len(edges.value),
                                max_size=len(edges.value)))  # fmt: skip
    hidden = np.array(chosen) & (edges.value > 0)
    found = determined(edges, hidden)
    for at, (least, largest) in possible(table, hidden).items():
        assert found[at] == (largest - least < 0.5), at


@settings(deadline=None, max_examples=100)
@given(tables(), tables())
def test_places_are_hidden_for_all_their_counts(first: Table, second: Table) -> None:
    rows, columns = min(len(first), len(second)), min(len(first[0]), len(second[0]))
    counts = [[line[:columns] for line in table[:rows]] for table in (first, second)]
    laid = [laid_out(table) for table in counts]
    values = [value for value, *_ in laid]
    small = np.logical_or(*map(is_small, values))
    hidden = hide(values, laid[0][1], laid[0][2], small)
    assert hidden[small].all()
    assert hidden.any() == small.any()
    for value, row, column in laid:
        edges = circulation(value, row, column)
        kept = protected(edges, hidden)
        assert (kept[: edges.cells] == hidden).all()
        assert not determined(edges, kept).any()


def test_a_lone_small_count_takes_its_smallest_neighbour_with_it() -> None:
    value, row, column = laid_out([[3, 40, 20], [50, 60, 70]])
    hidden = hide([value], row, column, is_small(value))
    assert hidden.tolist() == [True, False, True, True, False, True]


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    value, row, column = laid_out([[30, 40], [0, 60]])
    assert not hide([value], row, column, is_small(value)).any()


# Rows of datasets.


def rows_of(dataset: Dataset, *rows: dict[str, Any]) -> pa.Table:
    filled = [dict.fromkeys(dataset.names) | {"disclosure": "exact"} | row for row in rows]
    if not dataset.has("disclosure"):
        filled = [{name: row[name] for name in dataset.names} for row in filled]
    return pa.Table.from_pylist(filled, held_schema(dataset))


def cell(team: str, x: int, n: int, measure: str = "proportion", band: str = "") -> dict[str, Any]:
    place = {"service": "s", "indicator": "audit", "family": "audit", "team": team, "band": band}
    return place | {"measure": measure, "x": x, "n": n, "events": 3, "sum_squares": 0,
                    "value": x / n if n else None}  # fmt: skip


def seen(dataset: Dataset, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = disclosed(
        dataset, rows_of(dataset, *rows), Audience.OTHERS
    ).to_pylist()
    return found


CELLS = DATASETS["cells"]


def test_own_staff_see_true_counts() -> None:
    table = rows_of(CELLS, cell("oak", 3, 7))
    assert disclosed(CELLS, table, Audience.OWN) is table


def test_others_see_counts_in_fives_and_values_coarsely() -> None:
    (row,) = seen(CELLS, cell("oak", 23, 37))
    assert (row["x"], row["n"], row["value"], row["disclosure"]) == (25, 35, 0.62, "rounded")
    assert (row["events"], row["sum_squares"]) == (None, None)


@pytest.mark.parametrize(
    ("x", "n", "measure"),
    [(1, 60, "proportion"), (7, 60, "proportion"), (55, 60, "proportion"), (5, 0, "rate"),
     (1200, 3, "mean"), (3, 3, "proportion")],
)  # fmt: skip
def test_a_small_count_or_what_is_left_of_it_is_hidden_and_so_is_what_tells_it(
    x: int, n: int, measure: str
) -> None:
    (row,) = seen(CELLS, cell("oak", x, n, measure))
    assert [row[name] for name in ("x", "n", "value")] == [None, None, None]
    assert row["disclosure"] == "hidden"


@pytest.mark.parametrize(
    ("x", "n", "measure"), [(0, 60, "proportion"), (60, 60, "proportion"), (0, 0, "rate")]
)
def test_nothing_of_many_stays_nothing_and_is_shown(x: int, n: int, measure: str) -> None:
    (row,) = seen(CELLS, cell("oak", x, n, measure))
    assert (row["x"], row["n"], row["disclosure"]) == (x, n, "rounded")


def test_no_hidden_row_reads_as_nothing_or_as_improved() -> None:
    segments = DATASETS["segments"]
    shared = {"service": "s", "strand": "team_spread", "status": "reached", "estimate": 1.25,
              "lower": 0.5, "at_standard": True}  # fmt: skip
    small, large = seen(
        segments,
        shared | {"segment": "ash", "n_baseline": 30, "n_current": 4},
        shared | {"segment": "oak", "n_baseline": 30, "n_current": 40},
    )
    hidden = ("status", "estimate", "lower", "at_standard", "n_current", "n_baseline")
    assert [small[name] for name in hidden] == [None] * 6
    # The only other one, or the total would tell the first.
    assert large["disclosure"] == "hidden"


def test_levels_tell_no_small_number_behind_them() -> None:
    gaps = DATASETS["gaps"]
    shared = {"service": "s", "strand": "team_spread", "indicator": "audit"}
    found = seen(
        gaps,
        shared | {"segment": "ash", "measure": "proportion", "level": 0.97, "n_current": 100.0},
        shared | {"segment": "oak", "measure": "proportion", "level": 0.52, "n_current": 100.0},
        shared | {"segment": "yew", "measure": "rate", "level": 3.123, "n_current": 5.2},
    )
    assert [row["level"] for row in found] == [None, None, 3.12]
    assert found[2]["n_current"] == 5.2


def test_others_see_records_that_were_signed() -> None:
    records = DATASETS["records"]
    states = ("draft", "signed", "superseded", "withdrawn")
    found = seen(records, *[{"row_id": each, "status": each} for each in states])
    assert [row["status"] for row in found] == ["signed", "superseded"]


@settings(deadline=None, max_examples=60)
@given(tables())
def test_a_dataset_hides_as_its_table_does(table: Table) -> None:
    rows = [
        cell(f"t{at}", x, 0, "rate", f"b{place}")
        for at, line in enumerate(table)
        for place, x in enumerate(line)
    ]
    value, row, column = laid_out(table)
    hidden = hide([value], row, column, is_small(value))
    found = seen(CELLS, *rows)
    assert [each["disclosure"] == "hidden" for each in found] == hidden.tolist()
    for each, true in zip(found, value.tolist(), strict=True):
        if each["x"] is not None:
            assert abs(each["x"] - true) <= 2
            assert each["x"] % 5 == 0
            assert not 1 <= true <= LARGEST_HIDDEN


def test_every_count_of_a_dataset_lies_in_a_block_with_lines() -> None:
    for dataset in DATASETS.values():
        if not dataset.counts:
            continue
        assert dataset.has("disclosure"), dataset.name
        assert dataset.key[: len(dataset.block)] == dataset.block
        placed = {*dataset.block, *dataset.lines[0], *dataset.lines[1]}
        assert placed >= set(dataset.key), dataset.name
        for column in dataset.columns:
            known = {each.name for each in dataset.counts}
            assert set(column.derived_from) <= known
            assert column.whole in known | {""}
