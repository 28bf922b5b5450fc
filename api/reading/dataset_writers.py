"""Parts of a dataset become bytes of one format, part by part; nothing here waits or reads.

Each writer is given selected rows and answers with what can be sent; it holds one part at a time.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.ipc
import pyarrow.parquet as pq

from api.reading.dataset_asked import Format
from models.datasets import Dataset, Kind
from models.datasets.arrow import plain, schema_of

#: A spreadsheet takes a cell that begins like this for a formula.
FORMULA = r"^([=+\-@\t\r])"
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
BOM = "\ufeff".encode()


class Writer(ABC):
    """One answer in one format."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    @abstractmethod
    def add(self, rows: pa.Table) -> bytes:
        """What the rows of a part are in this format."""

    @abstractmethod
    def close(self) -> bytes:
        """What stands after the last part; a file without rows is begun here too."""


class _Taken(io.RawIOBase):
    """A file that is handed on as it is written."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._place = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        self._place += len(data)
        return len(data)

    def tell(self) -> int:
        return self._place

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


class ParquetWriter(Writer):
    """A row group for each part. Types are those of Parquet itself, whoever reads them."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        self._sink = _Taken()
        self._writer: Any = None

    def _begin(self, schema: pa.Schema) -> None:
        repeated = [each.name for each in self.dataset.columns if each.repeats]
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            compression="snappy",
            use_dictionary=repeated,
            # Without it a reader would be told of dictionaries, which are ours.
            store_schema=False,
            write_statistics=True,
        )

    def add(self, rows: pa.Table) -> bytes:
        if self._writer is None:
            self._begin(rows.schema)
        if rows.num_rows:
            self._writer.write_table(rows, row_group_size=rows.num_rows)
        return self._sink.take()

    def close(self) -> bytes:
        if self._writer is None:
            self._begin(schema_of(self.dataset))
        self._writer.close()
        return self._sink.take()


class ArrowWriter(Writer):
    """The Arrow IPC stream format, with plain text."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        self._sink = _Taken()
        self._writer = pyarrow.ipc.new_stream(self._sink, schema_of(dataset))

    def add(self, rows: pa.Table) -> bytes:
        table = pa.table([plain(each) for each in rows.columns], schema=schema_of(self.dataset))
        self._writer.write_table(table)
        return self._sink.take()

    def close(self) -> bytes:
        self._writer.close()
        return self._sink.take()


class CsvWriter(Writer):
    """RFC 4180: CRLF, a header, text in quotes and null as nothing."""

    def __init__(self, dataset: Dataset, *, bom: bool = False) -> None:
        super().__init__(dataset)
        header = ",".join(f'"{name}"' for name in dataset.names)
        self._begun = (BOM if bom else b"") + f"{header}\r\n".encode()

    def add(self, rows: pa.Table) -> bytes:
        if not rows.num_rows:
            return b""
        columns = [safe(each) for each in written_out(self.dataset, rows)]
        sink = io.BytesIO()
        options = pa_csv.WriteOptions(include_header=False, eol="\r\n", batch_size=16_384)
        pa_csv.write_csv(pa.table(columns, rows.column_names), sink, options)
        begun, self._begun = self._begun, b""
        return begun + sink.getvalue()

    def close(self) -> bytes:
        begun, self._begun = self._begun, b""
        return begun


class NdjsonWriter(Writer):
    """One object a line, joined column by column; made one by one they take many times as long."""

    def add(self, rows: pa.Table) -> bytes:
        if not rows.num_rows:
            return b""
        pieces: list[Any] = []
        for place, column in enumerate(self.dataset.columns):
            pieces += [f'{"," if place else "{"}"{column.name}":', as_json(rows[column.name])]
        lines = pc.binary_join_element_wise(*pieces, "}\n", "").combine_chunks()
        # The lines lie one behind the other.
        written: bytes = lines.buffers()[2].to_pybytes()
        return written

    def close(self) -> bytes:
        return b""


def as_json(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each value as JSON writes it."""
    if pa.types.is_boolean(values.type):
        written = pc.if_else(values, "true", "false")
    elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        written = values.cast(pa.string())
    elif pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        written = pc.binary_join_element_wise('"', as_text(values), '"', "")
    elif pa.types.is_dictionary(values.type):
        codes = values.unify_dictionaries().combine_chunks()
        words = [msgspec.json.encode(word).decode() for word in codes.dictionary.to_pylist()]
        written = pa.array(words, pa.string()).take(codes.indices)
    else:
        written = pa.array(
            [msgspec.json.encode(word).decode() for word in values.to_pylist()], pa.string()
        )
    return pc.fill_null(written, "null")


def writer_of(form: Format, dataset: Dataset, *, bom: bool) -> Writer:
    if form is Format.CSV:
        return CsvWriter(dataset, bom=bom)
    return {Format.PARQUET: ParquetWriter, Format.ARROW: ArrowWriter}.get(form, NdjsonWriter)(
        dataset
    )


def array_of(dataset: Dataset, pieces: Sequence[pa.Table]) -> bytes:
    """Rows as a JSON array: the lines of NDJSON, in which a line break is always between two."""
    lines = b"".join(NdjsonWriter(dataset).add(piece) for piece in pieces)
    return b"[" + lines.rstrip(b"\n").replace(b"\n", b",") + b"]"


def written_out(dataset: Dataset, rows: pa.Table) -> Iterator[pa.ChunkedArray]:
    """Columns whose values text formats can write: days and instants as text, all else as it is."""
    for column in dataset.columns:
        values = rows.column(column.name)
        yield as_text(values) if column.kind in {Kind.INSTANT, Kind.DATE} else values


def as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Days and instants as RFC 3339 has them."""
    if pa.types.is_date(values.type):
        return values.cast(pa.string())
    # There are few different ones, and each takes a while to write.
    codes = pc.dictionary_encode(values).combine_chunks()
    words = pc.strftime(codes.dictionary, format=INSTANT)
    return pa.chunked_array([words.take(codes.indices)])


def safe(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Plain text that no spreadsheet calculates with."""
    if pa.types.is_dictionary(values.type):
        codes = values.unify_dictionaries().combine_chunks()
        words = pc.replace_substring_regex(codes.dictionary, FORMULA, r"'\1")
        return pa.chunked_array([words.take(codes.indices)])
    if pa.types.is_string(values.type):
        return pc.replace_substring_regex(values, FORMULA, r"'\1")
    return values
