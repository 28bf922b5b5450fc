"""Whatever stands in a row is read back from every format, by readers that are not ours."""

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from api.reading.dataset_asked import Format
from api.reading.dataset_writers import array_of, writer_of
from models.datasets import DATASETS, Dataset, Kind
from models.datasets.arrow import held_schema, pack, schema_of, unpack

INCIDENTS, GAPS = DATASETS["incidents_daily"], DATASETS["gaps"]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: TEXT | st.sampled_from(["=1", "+", "-x", "@a", "\tb", '"', ",", "\r\n", ""]),
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Kind.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    Kind.BOOLEAN: st.booleans(),
    Kind.DATE: st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    Kind.INSTANT: st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - UTC below
}


@st.composite
def parts(draw: st.DrawFn, dataset: Dataset) -> list[list[dict[str, Any]]]:
    """One or two parts of rows that nobody would make."""
    row = st.fixed_dictionaries(
        {
            column.name: st.none() | VALUES[column.kind]
            if not column.required
            else VALUES[column.kind]
            for column in dataset.columns
        }
    )
    found = draw(st.lists(st.lists(row, max_size=4), min_size=1, max_size=2))
    for part in found:
        for each in part:
            for name, value in each.items():
                if isinstance(value, datetime):
                    each[name] = value.replace(tzinfo=UTC)
    return found


def held(dataset: Dataset, rows: list[dict[str, Any]]) -> pa.Table:
    return unpack(pack(pa.Table.from_pylist(rows, held_schema(dataset))))


def written(form: Format, dataset: Dataset, tables: list[pa.Table]) -> bytes:
    writer = writer_of(form, dataset, bom=False)
    return b"".join(writer.add(table) for table in tables) + writer.close()


def as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S.%f}Z"
    return value.isoformat() if isinstance(value, date) else value


def as_cell(value: Any) -> str:
    """As a spreadsheet is given it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value[:1] in set("=+-@\t\r") and value else value
    return str(as_json(value))


def like(cell: str, value: Any) -> bool:
    return float(cell) == value if isinstance(value, float) else cell == as_cell(value)


@settings(deadline=None, max_examples=100)
@given(parts(INCIDENTS))
def test_text_and_counts_come_back_as_they_were(given_parts: list[list[dict[str, Any]]]) -> None:
    come_back(INCIDENTS, given_parts)


@settings(deadline=None, max_examples=100)
@given(parts(GAPS))
def test_numbers_come_back_as_they_were(given_parts: list[list[dict[str, Any]]]) -> None:
    come_back(GAPS, given_parts)


def come_back(dataset: Dataset, given_parts: list[list[dict[str, Any]]]) -> None:
    tables = [held(dataset, part) for part in given_parts]
    rows = [row for part in given_parts for row in part]
    plain = [{name: as_json(value) for name, value in row.items()} for row in rows]
    lines = written(Format.NDJSON, dataset, tables).split(b"\n")[:-1]
    assert [json.loads(line) for line in lines] == plain
    assert json.loads(array_of(dataset, tables)) == plain
    text = io.StringIO(written(Format.CSV, dataset, tables).decode(), newline="")
    header, *cells = csv.reader(text)
    assert header == list(dataset.names)
    for row, line in zip(rows, cells, strict=True):
        assert all(map(like, line, [row[name] for name in header])), (line, row)
    parquet = pl.read_parquet(io.BytesIO(written(Format.PARQUET, dataset, tables)))
    arrow = pl.read_ipc_stream(io.BytesIO(written(Format.ARROW, dataset, tables)))
    assert parquet.to_dicts() == rows
    assert arrow.to_dicts() == rows
    assert parquet.schema == arrow.schema == pl.DataFrame(schema_of(dataset).empty_table()).schema


def test_a_file_without_rows_has_its_columns() -> None:
    for dataset in DATASETS.values():
        parquet = pl.read_parquet(io.BytesIO(written(Format.PARQUET, dataset, [])))
        arrow = pl.read_ipc_stream(io.BytesIO(written(Format.ARROW, dataset, [])))
        assert parquet.columns == arrow.columns == list(dataset.names)
        assert parquet.schema == arrow.schema
        header = written(Format.CSV, dataset, []).decode()
        assert header == ",".join(f'"{name}"' for name in dataset.names) + "\r\n"
        assert written(Format.NDJSON, dataset, []) == b""
        assert array_of(dataset, []) == b"[]"
