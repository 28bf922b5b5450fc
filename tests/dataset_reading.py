"""Datasets in tests: a walked service with evidence of every kind, published, and read by others.

`by_duckdb` and `by_polars` read a file as an analyst would, knowing nothing of ours.
"""

import io
import json
from pathlib import Path
from typing import Any

import duckdb
import httpx
import polars as pl

from models.datasets import Dataset, Kind
from tests.conftest import NOW
from tests.sent import event, send
from tests.walking import Walk
from worker.publishing import publish

FILES = ("ndjson", "csv", "parquet", "arrow")


def voices() -> list[dict[str, Any]]:
    """Incidents, answers, complaints and thanks of September."""

    def at(day: int) -> str:
        return f"2026-09-{day:02}T10:00:00+00:00"

    falls = [
        event("incident.reported", {"category": "fall", "harm": harm, "near_miss": harm == "none"},
              id=f"I-{n}", team=team, occurred_at=at(3 + n % 5))
        for n, (harm, team) in enumerate(
            [("low", "oak"), ("none", "oak"), ("none", "ash"), ("severe", "ash")] * 5
        )
    ]  # fmt: skip
    answers = [
        event("feedback.received", {"respondent": who, "rating": rating, "fft": "good"},
              id=f"F-{who}-{rating}", occurred_at=at(8))
        for who in ("person", "family") for rating in (3, 4, 5)
    ]  # fmt: skip
    said = {"respondent": "family", "theme": "food"}
    return [
        *falls,
        *answers,
        event("complaint.received", said, id="C-1", team="ash", occurred_at=at(9)),
        event("compliment.received", said, id="T-1", team=None, occurred_at=at(9)),
        # What a spreadsheet would take for a formula is a category like any other.
        event("incident.reported", {"category": '=1+1 "a",\nb', "harm": "none"},
              id="I-formula", occurred_at=at(20)),
    ]  # fmt: skip


async def published(of: Walk) -> int:
    """Half a route, evidence of all kinds, and the publication of it all."""
    await send(of.client, *voices())
    await of.settle()
    await of.compared()
    number = await publish(of.running.sessions, of.provider, NOW)
    assert number is not None
    return number


async def every_row(
    client: httpx.AsyncClient, name: str, limit: int = 10_000, **asked: Any
) -> list[dict[str, Any]]:
    """All pages of a dataset as JSON."""
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        question = {"limit": limit, **asked} | ({"cursor": cursor} if cursor else {})
        answer = await client.get(f"/v1/datasets/{name}", params=question)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


async def file_of(client: httpx.AsyncClient, name: str, form: str, **asked: Any) -> bytes:
    answer = await client.get(f"/v1/datasets/{name}", params={"format": form, **asked})
    assert answer.status_code == 200, answer.text
    return answer.content


def by_polars(dataset: Dataset, form: str, body: bytes) -> list[dict[str, Any]]:
    match form:
        case "parquet":
            frame = pl.read_parquet(io.BytesIO(body))
        case "arrow":
            frame = pl.read_ipc_stream(io.BytesIO(body))
        case "csv":
            frame = pl.read_csv(io.BytesIO(body), infer_schema=False)
        case _:
            frame = pl.read_ndjson(io.BytesIO(body), infer_schema_length=None)
    return written(dataset, frame.to_dicts())


SQL = {
    Kind.TEXT: "VARCHAR", Kind.INTEGER: "BIGINT", Kind.NUMBER: "DOUBLE",
    Kind.BOOLEAN: "BOOLEAN", Kind.DATE: "DATE", Kind.INSTANT: "TIMESTAMPTZ",
}  # fmt: skip


def by_duckdb(dataset: Dataset, form: str, body: bytes, folder: Path) -> list[dict[str, Any]]:
    path = folder / f"{dataset.name}.{form}"
    path.write_bytes(body)
    types = json.dumps({column.name: SQL[column.kind] for column in dataset.columns})
    with duckdb.connect() as connection:
        connection.execute("SET timezone = 'UTC'")
        source = {
            "parquet": f"read_parquet('{path}')",
            "csv": f"read_csv('{path}', header = true, types = {types},"
            " allow_quoted_nulls = false)",
            "ndjson": f"read_json('{path}', format = 'newline_delimited', columns = {types})",
        }[form]
        found = connection.execute(f"SELECT * FROM {source}")
        names = [each[0] for each in found.description or ()]
        return written(dataset, [dict(zip(names, row, strict=True)) for row in found.fetchall()])


def written(dataset: Dataset, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Values as JSON has them, whatever type a reader made of them."""
    kinds = {column.name: column.kind for column in dataset.columns}
    return [{name: _written(kinds[name], value) for name, value in row.items()} for row in rows]


def _written(kind: Kind, value: Any) -> Any:
    if value is None or (isinstance(value, str) and kind in {Kind.TEXT, Kind.INSTANT, Kind.DATE}):
        return value
    if kind is Kind.INSTANT:
        return f"{value:%Y-%m-%dT%H:%M:%S.%f}Z"
    if isinstance(value, str) and kind is Kind.BOOLEAN:
        return value == "true"
    return {Kind.DATE: str, Kind.INTEGER: int, Kind.NUMBER: float}.get(kind, lambda it: it)(value)
