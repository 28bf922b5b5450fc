"""A dataset holds the same rows in every format, for whoever reads it, in pages that agree."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.running import Running
from models.datasets import DATASETS, Kind
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, MakeClient
from tests.dataset_reading import FILES, by_duckdb, by_polars, every_row, file_of, published
from tests.recomputing import settle
from tests.sent import SERVICE
from tests.set_up import put, team
from tests.walking import walk
from worker.publishing import publish


@pytest.fixture
async def house(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> httpx.AsyncClient:
    of = await walk(client, client_with, running, provider, admin)
    assert await published(of) == 1
    return client


async def test_every_format_holds_the_same_rows_as_others_read_them(
    house: httpx.AsyncClient, tmp_path: Path
) -> None:
    for name, dataset in DATASETS.items():
        rows = await every_row(house, name)
        for form in FILES:
            body = await file_of(house, name, form)
            expected = rows
            if form == "csv":
                expected = [
                    {column: quoted(value) for column, value in row.items()} for row in rows
                ]
            if rows or form in {"parquet", "arrow"}:
                assert by_polars(dataset, form, body) == expected, (name, form)
            if rows and form != "arrow":
                assert by_duckdb(dataset, form, body, tmp_path) == expected, (name, form)


def quoted(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else value


async def test_every_dataset_but_reviews_has_rows_of_its_columns(house: httpx.AsyncClient) -> None:
    empty = set()
    for name, dataset in DATASETS.items():
        rows = await every_row(house, name)
        if not rows:
            empty.add(name)
        for row in rows:
            assert list(row) == list(dataset.names)
            for column in dataset.columns:
                value = row[column.name]
                assert value is not None or not column.required, (name, column.name)
                if column.words and value is not None:
                    assert value in column.words, (name, column.name)
        ids = [row["row_id"] for row in rows]
        assert len(ids) == len(set(ids)), name
        keys = [tuple(row[each] for each in dataset.key) for row in rows]
        assert len(keys) == len(set(keys)), name
    assert empty == {"reviews"}


async def test_pages_together_are_the_whole(house: httpx.AsyncClient) -> None:
    for name in ("cells", "incidents_daily", "coverage", "teams"):
        assert await every_row(house, name, limit=3) == await every_row(house, name)


async def test_pages_keep_to_their_publication(
    house: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    first = (await house.get("/v1/datasets/teams", params={"limit": 1})).json()
    await put(house, team("oak", area="Nursing"), team("ash"), team("yew"))
    await settle(running, provider, admin)
    assert await publish(running.sessions, provider, NOW) == 2
    rest = (
        await house.get("/v1/datasets/teams", params={"limit": 1, "cursor": first["next_cursor"]})
    ).json()
    assert (rest["publication"], rest["next_cursor"]) == (1, None)
    assert len(await every_row(house, "teams")) == 3
    assert len(await every_row(house, "teams", publication=1)) == 2


async def test_star_keys_lead_to_rows(house: httpx.AsyncClient) -> None:
    teams = {row["team_key"] for row in await every_row(house, "teams")}
    indicators = {row["indicator"] for row in await every_row(house, "indicators")}
    days = {row["date"] for row in await every_row(house, "calendar")}
    services = {row["service"] for row in await every_row(house, "services")}
    for name, dataset in DATASETS.items():
        for row in await every_row(house, name):
            assert row.get("team_key") in teams | {None}
            if dataset.has("indicator") and row.get("measure") != "exposure":
                assert row["indicator"] in indicators
            for time in ("month_start", "date"):
                assert not dataset.has(time) or row[time] in days
            assert not dataset.has("service") or row["service"] in services


async def test_filters_pick_rows_and_nothing_else(house: httpx.AsyncClient) -> None:
    cells = await every_row(house, "cells")
    september = [row for row in cells if row["month_start"] == "2026-09-01"]
    assert september
    spans: list[dict[str, Any]] = [
        {"month": "2026-09"},
        {"from": "2026-09", "to": "2026-09"},
        {"from": "2026-09-15", "to": "2026-09-30"},
        {"from": "1788998400000", "to": "2026-09-30T12:00:00+01:00"},
    ]
    for asked in spans:
        assert await every_row(house, "cells", **asked) == september, asked
    assert await every_row(house, "cells", service=SERVICE) == cells
    assert await every_row(house, "cells", service="1-999") == []
    strands = await every_row(house, "breadth", strand="team_spread")
    assert [row["strand"] for row in strands] == ["team_spread"]
    two: dict[str, Any] = {"from": "2026-09-04", "to": "2026-09-05"}
    days = await every_row(house, "incidents_daily", **two)
    assert {row["date"] for row in days} == {"2026-09-04", "2026-09-05"}


async def test_what_no_row_fits_is_an_empty_table_in_every_format(house: httpx.AsyncClient) -> None:
    # Of the first no part is read at all; of the others one is, for nothing.
    nothings: list[tuple[str, dict[str, Any]]] = [
        ("cells", {"month": "2026-01"}),
        ("records", {"strand": "shift_coverage"}),
        ("incidents_daily", {"from": "2026-09-10", "to": "2026-09-11"}),
    ]
    for name, nothing in nothings:
        assert await every_row(house, name, **nothing) == []
        for form in ("parquet", "arrow"):
            body = await file_of(house, name, form, **nothing)
            assert by_polars(DATASETS[name], form, body) == []
        assert (await file_of(house, name, "csv", **nothing)).count(b"\r\n") == 1
        assert await file_of(house, name, "ndjson", **nothing) == b""


@pytest.mark.parametrize(
    ("name", "asked", "code"),
    [
        ("teams", {"month": "2026-09"}, "no_such_filter"),
        ("cells", {"strand": "team_spread"}, "no_such_filter"),
        ("cells", {"month": "September"}, "not_a_time"),
        ("cells", {"month": "2026-09", "from": "2026-09"}, "two_spans"),
        ("cells", {"from": "2026-09", "to": "2026-08"}, "ends_before_start"),
        ("cells", {"cursor": "abc"}, "unknown_cursor"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(
    client: httpx.AsyncClient, name: str, asked: dict[str, str], code: str
) -> None:
    answer = await client.get(f"/v1/datasets/{name}", params=asked)
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == [code]


async def test_a_cursor_is_of_one_question(house: httpx.AsyncClient) -> None:
    page = (await house.get("/v1/datasets/cells", params={"limit": 1})).json()
    asked = {"limit": 1, "cursor": page["next_cursor"], "month": "2026-09"}
    assert (await house.get("/v1/datasets/cells", params=asked)).status_code == 422


async def test_who_holds_a_publication_is_told_so(house: httpx.AsyncClient) -> None:
    answer = await house.get("/v1/datasets/cells", params={"format": "csv"})
    tag = answer.headers["etag"]
    assert answer.headers["row-count"] == str(len(await every_row(house, "cells")))
    assert answer.headers["content-disposition"] == 'attachment; filename="cells.csv"'
    assert answer.headers["last-modified"] == "Sun, 15 Nov 2026 12:00:00 GMT"
    assert 'rel="describedby"' in answer.headers["link"]
    again = await house.get(
        "/v1/datasets/cells", params={"format": "csv"}, headers={"If-None-Match": tag}
    )
    assert (again.status_code, again.content) == (304, b"")
    for other in ({"format": "arrow"}, {"format": "csv", "month": "2026-09"}):
        answer = await house.get("/v1/datasets/cells", params=other, headers={"If-None-Match": tag})
        assert answer.status_code == 200


async def test_csv_is_what_a_spreadsheet_reads(house: httpx.AsyncClient) -> None:
    plain = await file_of(house, "incidents_daily", "csv")
    marked = await file_of(house, "incidents_daily", "csv", bom=True)
    assert marked == b"\xef\xbb\xbf" + plain
    assert plain.startswith(b'"row_id","service",')
    assert plain.endswith(b"\r\n")
    assert b'"\'=1+1 ""a"",\nb"' in plain


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("text/csv", "text/csv; charset=utf-8; header=present"),
        ("application/json;q=0.5, application/vnd.apache.parquet",
         "application/vnd.apache.parquet"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
    ],
)  # fmt: skip
async def test_accept_chooses_the_format(house: httpx.AsyncClient, accept: str, media: str) -> None:
    answer = await house.get("/v1/datasets/teams", headers={"Accept": accept})
    assert answer.headers["content-type"] == media


async def test_what_there_is_no_format_for_is_refused_with_those_there_are(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/v1/datasets/teams", headers={"Accept": "text/html"})
    assert answer.status_code == 406
    assert "application/vnd.apache.parquet" in answer.json()["detail"]


async def test_names_keys_and_publications_that_are_not_there_are_refused(
    client: httpx.AsyncClient, client_with: MakeClient, anonymous: httpx.AsyncClient
) -> None:
    assert (await client.get("/v1/datasets/residents")).status_code == 404
    assert (await client.get("/v1/datasets/teams", params={"publication": 7})).status_code == 410
    other = await client_with(Scope.VIEWS_READ)
    assert (await other.get("/v1/datasets/teams")).status_code == 403
    assert (await anonymous.get("/v1/datasets/teams")).status_code == 401


async def test_first_reader_waits_for_a_publication_and_is_told_to_come_back(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    answer = await client.get("/v1/datasets/calendar")
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "2")
    asked = await admin.fetch("SELECT service FROM unpublished WHERE provider_id = $1", provider)
    assert [row["service"] for row in asked] == [""]
    await publish(running.sessions, provider, NOW)
    assert (await client.get("/v1/datasets/calendar")).status_code == 200


async def test_numbers_are_numbers_in_json(house: httpx.AsyncClient) -> None:
    ndjson = await file_of(house, "gaps", "ndjson")
    kinds: dict[Kind, Any] = {Kind.NUMBER: int | float, Kind.INTEGER: int, Kind.BOOLEAN: bool}
    for line in ndjson.splitlines():
        row = json.loads(line)
        for column in DATASETS["gaps"].columns:
            if row[column.name] is not None:
                assert isinstance(row[column.name], kinds.get(column.kind, str))
