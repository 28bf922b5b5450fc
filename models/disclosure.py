"""What may be shown of counts to whom: the one place where small numbers are hidden.

The provider's own staff see what was counted. In what leaves, counts of 1 to 7 are hidden, others
rounded to 5, and further counts are hidden until none of the small ones follows from what is left
and the totals. Hidden is null and says so in `disclosure`; it never reads as 0 or as a result.

A table with its totals is a circulation: each count flows from its row to its column, each row's
total into the row, each column's out of it, and the whole closes the circle. What is shown is
fixed. A hidden count can be another one exactly when it lies on a circle of hidden counts that can
flow more or less (Gusfield 1988, 10.1137/0217031, for tables without the totals hidden).
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.datasets import Column, Dataset, Kind, Shown
from models.datasets.arrow import plain

#: Counts from 1 to this are hidden.
LARGEST_HIDDEN = 7
#: All others are rounded to a multiple of this.
ROUNDED_TO = 5

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


class Audience(StrEnum):
    """Who reads: the provider's own staff, or anybody else."""

    OWN = "own"
    OTHERS = "others"


class Edges(NamedTuple):
    """Counts and totals of one table as a circulation, from node to node.

    The first `cells` are the counts as they were given; the totals follow.
    """

    value: Ints
    begins: Ints
    ends: Ints
    cells: int
    nodes: int


def is_small(value: Ints) -> Bools:
    return (value >= 1) & (value <= LARGEST_HIDDEN)


def circulation(value: Ints, row: Ints, column: Ints) -> Edges:
    """The table of these counts (whole numbers from 0) with totals of rows, columns and all."""
    rows, columns = int(row.max()) + 1, int(column.max()) + 1
    # Nodes: the rows, the columns, where columns' totals meet, and where rows' totals start.
    sink, source = rows + columns, rows + columns + 1
    of_rows = np.bincount(row, value, rows).astype(np.int64)
    of_columns = np.bincount(column, value, columns).astype(np.int64)
    return Edges(
        np.concatenate([value, of_rows, of_columns, [value.sum()]]),
        np.concatenate([row, np.full(rows, source), rows + np.arange(columns), [sink]]),
        np.concatenate([rows + column, np.arange(rows), np.full(columns, sink), [source]]),
        len(value),
        rows + columns + 2,
    )


def hide(
    counts: Sequence[Ints], row: Ints, column: Ints, small: Bools, *, totals_shown: bool = False
) -> Bools:
    """Which counts of a table are hidden, `small` among them, so that none follows from the rest.

    Parameters
    ----------
    counts : one array of whole numbers from 0 for each kind of count; all of a place go together.
    row, column : where each place lies, from 0.
    small : places that are hidden in any case.
    totals_shown : totals of rows of 8 or more stand elsewhere; all other totals stand nowhere, so
        that hiding one of them costs nothing.

    Whoever knows every count and total that is not hidden exactly, and is not only told them in
    fives, still finds another table that agrees with all of that, for each place that is hidden.
    With `totals_shown` that is all but so: of a row in which all are 1, the exact total tells it,
    and that it is told in fives is what is left. Each kind of count is looked at by itself; that
    one is part of another is heeded by counting what is left of it too.
    """
    hidden = small.copy()
    if not hidden.any():
        return hidden
    tables = [circulation(value, row, column) for value in counts]
    while True:
        before = int(hidden.sum())
        for table in tables:
            hidden |= protected(table, hidden, totals_shown=totals_shown)[: table.cells]
        if int(hidden.sum()) == before:
            return hidden


def protected(table: Edges, cells_hidden: Bools, *, totals_shown: bool = False) -> Bools:
    """Hide further counts and totals of a circulation until no hidden one of it is determined.

    The smallest that meets an exposed one goes first. It ends, because with everything hidden
    every count above 0 lies on a circle through its totals.
    """
    hidden = is_small(table.value)
    hidden[: table.cells] |= cells_hidden
    # What is 0 is known to be nothing; nobody is behind it.
    free = table.value > 0
    if totals_shown:
        rows = np.flatnonzero(table.begins == table.nodes - 1)
        free[rows] &= hidden[rows]
    while True:
        exposed = determined(table, hidden)
        if not exposed.any():
            return hidden
        visible = free & ~hidden
        meets = np.bincount(np.concatenate([table.begins[hidden], table.ends[hidden]]),
                            minlength=table.nodes)  # fmt: skip
        chosen = set()
        for edge in np.flatnonzero(exposed):
            ends = (table.begins[edge], table.ends[edge])
            # A line in which it is alone needs another first.
            alone = [end for end in ends if meets[end] < 2] or ends
            near = visible & (np.isin(table.begins, alone) | np.isin(table.ends, alone))
            choice = np.flatnonzero(near if near.any() else visible)
            if len(choice):
                chosen.add(int(choice[np.argmin(table.value[choice])]))
        if not chosen:
            return hidden
        hidden[list(chosen)] = True


def determined(table: Edges, hidden: Bools) -> Bools:
    """Hidden counts that can be only one number, given all that is shown.

    A hidden count is taken to be 1 at least, since what is 0 is mostly shown. So one above 1 can be
    more and less, and is free where it lies on a circle: where its ends are strongly connected and
    it is not a bridge. Others can only be more, and are free where their ends are strongly
    connected. One that is 0 may be found out: nobody is behind it.
    """
    at = np.flatnonzero(hidden)
    begins, ends, value = table.begins[at], table.ends[at], table.value[at]
    both = value > 1
    arcs = (np.concatenate([begins, ends[both]]), np.concatenate([ends, begins[both]]))
    graph = coo_array((np.ones(len(arcs[0])), arcs), shape=(table.nodes, table.nodes))
    _, component = connected_components(graph.tocsr(), directed=True, connection="strong")
    fixed = component[begins] != component[ends]
    fixed |= bridges(begins, ends, ~fixed) & both
    found = np.zeros(len(hidden), dtype=bool)
    found[at] = fixed & (value > 0)
    return found


def bridges(begins: Ints, ends: Ints, among: Bools) -> Bools:
    """Edges without which their two ends would not be connected (Tarjan 1974)."""
    neighbours: dict[int, list[tuple[int, int]]] = {}
    for edge in np.flatnonzero(among).tolist():
        one, other = int(begins[edge]), int(ends[edge])
        neighbours.setdefault(one, []).append((other, edge))
        neighbours.setdefault(other, []).append((one, edge))
    found = np.zeros(len(begins), dtype=bool)
    order: dict[int, int] = {}
    lowest: dict[int, int] = {}
    for start, first in neighbours.items():
        if start in order:
            continue
        order[start] = lowest[start] = len(order)
        path = [(start, -1, iter(first))]
        while path:
            node, came_by, rest = path[-1]
            for other, edge in rest:
                if edge == came_by:
                    continue
                if other in order:
                    lowest[node] = min(lowest[node], order[other])
                    continue
                order[other] = lowest[other] = len(order)
                path.append((other, edge, iter(neighbours[other])))
                break
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                    if lowest[node] > order[above]:
                        found[came_by] = True
    return found


def disclosed(dataset: Dataset, rows: pa.Table, audience: Audience) -> pa.Table:
    """A part as an audience may see it; a part holds whole blocks, so that totals are known."""
    if audience is Audience.OWN:
        return rows
    if dataset.others_see is not None:
        name, words = dataset.others_see
        rows = rows.filter(pc.is_in(plain(rows.column(name)), pa.array([str(w) for w in words])))
    hidden = hidden_rows(dataset, rows)
    columns = [shown(column, rows, hidden) for column in dataset.columns]
    return pa.table(columns, rows.column_names)


def hidden_rows(dataset: Dataset, rows: pa.Table) -> Bools:
    """Rows whose counts are hidden: a small one, what is left of a whole, or one that tells it."""
    hidden = np.zeros(rows.num_rows, dtype=bool)
    counts = list(counts_in(dataset, rows))
    if not counts or not rows.num_rows:
        return hidden
    small = np.logical_or.reduce([is_small(each) for each in counts])
    block = codes(rows, dataset.block)
    row, column = (codes(rows, of) for of in dataset.lines)
    order = np.argsort(block, kind="stable")
    starts = np.flatnonzero(np.diff(block[order], prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        at = order[start:end]
        if small[at].any():
            hidden[at] = hide(
                [each[at] for each in counts],
                np.unique(row[at], return_inverse=True)[1],
                np.unique(column[at], return_inverse=True)[1],
                small[at],
                totals_shown=dataset.totals_shown,
            )
    return hidden


def counts_in(dataset: Dataset, rows: pa.Table) -> Iterable[Ints]:
    """Every count there is in the rows, what is left of wholes among them; 0 where it is none."""
    for column in dataset.columns:
        whole = column.whole or column.share_of
        if not column.is_count and not whole:
            continue
        counts = counting_rows(column, rows)
        value = numbers(rows, column.name)
        if column.share_of:
            # Of what is not between 0 and 1 nothing is a share.
            share = np.clip(value, 0, 1)
            value = share * numbers(rows, column.share_of)
        yield np.where(counts, np.rint(value), 0).astype(np.int64)
        if whole:
            of = numbers(rows, whole)
            yield np.where(counts & (of > 0), np.rint(of - value), 0).clip(0).astype(np.int64)


def counting_rows(column: Column, rows: pa.Table) -> Bools:
    """Where a column is a count, or a share of one."""
    if column.counts_when is None:
        return np.ones(rows.num_rows, dtype=bool)
    name, words = column.counts_when
    found = pc.is_in(plain(rows.column(name)), pa.array([str(word) for word in words]))
    return np.asarray(found.to_numpy(), dtype=bool)


def numbers(rows: pa.Table, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Values of a column, 0 where it is null."""
    filled = pc.fill_null(rows.column(name).cast(pa.float64()), 0.0)
    return np.asarray(filled.to_numpy())


def codes(rows: pa.Table, names: Sequence[str]) -> Ints:
    """A number for each combination of values that these columns have."""
    combined = np.zeros(rows.num_rows, dtype=np.int64)
    for name in names:
        encoded = pc.dictionary_encode(plain(rows.column(name)), null_encoding="encode")
        each = encoded.combine_chunks().indices.to_numpy(zero_copy_only=False)
        pair = combined * (int(each.max(initial=0)) + 1) + each
        combined = np.unique(pair, return_inverse=True)[1].astype(np.int64)
    return combined


def shown(column: Column, rows: pa.Table, hidden: Bools) -> Any:
    """A column as others see it."""
    values = rows.column(column.name)
    if column.name == "disclosure":
        said = np.where(hidden, Shown.HIDDEN.value, Shown.ROUNDED.value)
        return pa.array(said.tolist(), pa.string()).dictionary_encode().cast(values.type)
    nothing = pa.scalar(None, values.type)
    if column.own_only:
        return pa.nulls(rows.num_rows, values.type)
    if column.is_count:
        counts = pa.array(counting_rows(column, rows))
        rounded = pc.multiply(
            pc.round(pc.divide(values.cast(pa.float64()), float(ROUNDED_TO))), float(ROUNDED_TO)
        ).cast(values.type)
        values = pc.if_else(counts, rounded, values)
    elif column.decimals is not None and column.kind is Kind.NUMBER:
        values = pc.round(values, column.decimals)
    if column.is_count or column.derived_from:
        if pa.types.is_dictionary(values.type):
            kept = pc.if_else(pa.array(hidden), pa.scalar(None, pa.string()), plain(values))
            return pc.dictionary_encode(kept).combine_chunks().cast(values.type)
        values = pc.if_else(pa.array(hidden), nothing, values)
    return values
