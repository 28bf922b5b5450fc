"""Rows of a dataset as Arrow: their types, how they come out of the database, how parts are cut.

Within a part text of few values is held once (a dictionary); what leaves is plain text.
"""

import io
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.ipc

from models.datasets.columns import Column, Dataset, Kind

#: What one request holds at a time; a block is never cut, so that a part may be a little longer.
PART_ROWS = 50_000
TYPES = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.INSTANT: pa.timestamp("us", "UTC"),
}
REPEATED_TEXT = pa.dictionary(pa.int32(), pa.string())


def held_as(column: Column) -> pa.DataType:
    """Type within a part."""
    return REPEATED_TEXT if column.kind is Kind.TEXT and column.repeats else TYPES[column.kind]


def held_schema(dataset: Dataset) -> pa.Schema:
    return pa.schema([pa.field(column.name, held_as(column)) for column in dataset.columns])


def schema_of(dataset: Dataset) -> pa.Schema:
    """Types as they leave."""
    return pa.schema(
        [
            pa.field(column.name, TYPES[column.kind], nullable=not column.required)
            for column in dataset.columns
        ]
    )


def select_rows(dataset: Dataset) -> str:
    """The statement that reads a dataset from its view, in the order of its key."""
    columns = ", ".join(f'"{name}"' for name in dataset.names)
    order = ", ".join(
        f'"{name}"' + (' COLLATE "C"' if dataset.column(name).kind is Kind.TEXT else "")
        + " NULLS FIRST"
        for name in dataset.key
    )  # fmt: skip
    where = " WHERE service = $1" if dataset.has("service") else ""
    return f"SELECT {columns} FROM bi.{dataset.name}{where} ORDER BY {order}"


def read_copied(dataset: Dataset, copied: bytes) -> pa.Table:
    """Rows as the database's COPY wrote them, in CSV without a header."""
    if not copied:
        return held_schema(dataset).empty_table()
    table = pa_csv.read_csv(
        io.BytesIO(copied),
        read_options=pa_csv.ReadOptions(
            column_names=list(dataset.names), use_threads=False, block_size=8 << 20
        ),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=held_schema(dataset),
            # COPY quotes an empty text and leaves a null bare.
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    return table.unify_dictionaries().combine_chunks()


def cut(dataset: Dataset, table: pa.Table, rows: int = PART_ROWS) -> Iterator[pa.Table]:
    """Parts of at most so many rows, or of one block where that is longer."""
    starts = [0, *(_block_starts(dataset, table).tolist() if table.num_rows > rows else ())]
    ends = [*starts[1:], table.num_rows]
    begin = 0
    for start, end in zip(starts, ends, strict=True):
        if end - begin > rows and start > begin:
            yield table.slice(begin, start - begin)
            begin = start
    if begin < table.num_rows:
        yield table.slice(begin)


def _block_starts(dataset: Dataset, table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows, after the first, at which another block begins; every row where there are none."""
    if not dataset.block:
        return np.arange(1, table.num_rows)
    changes = np.zeros(table.num_rows - 1, dtype=bool)
    for name in dataset.block:
        codes = pc.dictionary_encode(plain(table.column(name)), null_encoding="encode")
        indices = codes.combine_chunks().indices.to_numpy()
        changes |= indices[1:] != indices[:-1]
    return np.flatnonzero(changes) + 1


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text itself where it is held as a dictionary."""
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def pack(table: pa.Table) -> bytes:
    """An Arrow stream of one batch, compressed."""
    sink = pa.BufferOutputStream()
    # A slice would take the dictionaries of the whole with it.
    whole = pa.table([_compact(column) for column in table.columns], table.column_names)
    options = pyarrow.ipc.IpcWriteOptions(compression="lz4")
    with pyarrow.ipc.new_stream(sink, whole.schema, options=options) as writer:
        writer.write_table(whole.combine_chunks())
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _compact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type):
        return column
    return pc.dictionary_encode(column.cast(pa.string())).combine_chunks().cast(REPEATED_TEXT)


def unpack(packed: bytes) -> pa.Table:
    with pyarrow.ipc.open_stream(packed) as reader:
        return reader.read_all()


def bounds(dataset: Dataset, table: pa.Table) -> tuple[object, object]:
    """First and last day of a part, by the dataset's time."""
    if dataset.time is None or table.num_rows == 0:
        return None, None
    found = pc.min_max(table.column(dataset.time)).as_py()
    return found["min"], found["max"]
