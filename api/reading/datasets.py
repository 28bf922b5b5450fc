"""Datasets go out: one flat table, the same rows as JSON, NDJSON, CSV, Parquet and Arrow.

They are read from numbered publications, so that pages of one read agree with each other.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Annotated, Any

import msgspec
import pyarrow as pa
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from api.deps import RunningApp, require
from api.paging import Paging
from api.problems import problems
from api.reading.dataset_asked import (
    ENDING,
    MEDIA,
    Format,
    FormatAsked,
    FromAsked,
    MonthAsked,
    PublicationAsked,
    ServiceAsked,
    StrandAsked,
    ToAsked,
    format_of,
    selection_of,
)
from api.reading.dataset_audience import AudienceOf
from api.reading.dataset_descriptors import known
from api.reading.dataset_rows import Reading, publication, reading
from api.reading.dataset_writers import Writer, array_of, writer_of
from api.reading.views import is_held
from models.datasets import Dataset
from models.vocabulary import Scope

router = APIRouter(
    prefix="/v1/datasets", tags=["datasets"], dependencies=[require(Scope.DATASETS_READ)]
)

RETRY_AFTER_S = 2
ROW: dict[str, Any] = {"type": "object", "description": "Columns as `/v1/datasets` lists them."}
PAGE: dict[str, Any] = {
    "type": "object",
    "required": ["items", "next_cursor", "publication"],
    "properties": {
        "items": {"type": "array", "items": ROW},
        "next_cursor": {"type": ["string", "null"]},
        "publication": {"type": "integer"},
    },
}
FILE: dict[str, Any] = {"type": "string", "format": "binary"}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page of rows as JSON; in the other formats all rows that are asked for.",
        "content": {
            media: {"schema": PAGE if form is Format.JSON else FILE}
            for form, media in MEDIA.items()
        },
    },
    202: {"description": "Being published for the first time; ask again after `Retry-After`."},
    304: {"description": "Nothing was published since `If-None-Match`."},
    **problems("not_found", "not_acceptable", "gone", "invalid"),
}

Name = Annotated[str, Path(max_length=100, description="One of those that `/v1/datasets` lists.")]


@dataclass(frozen=True, slots=True)
class DatasetPaging(Paging):
    """Pages that may be ten times as long as those of other listings."""

    limit: Annotated[
        int, Query(ge=1, le=10_000, description="Rows on a page; JSON alone has pages.")
    ] = 1_000


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: publication, place of the part, rows of it that were selected."""

    number: int
    place: int
    row: int


@router.get("/{name}", response_class=Response, responses=RESPONSES)
async def read_dataset(
    name: Name,
    running: RunningApp,
    audience: AudienceOf,
    paging: Annotated[DatasetPaging, Depends()],
    service: ServiceAsked = None,
    strand: StrandAsked = None,
    month: MonthAsked = None,
    begins: FromAsked = None,
    ends: ToAsked = None,
    format: FormatAsked = None,  # noqa: A002 - as the parameter is called
    publication_number: Annotated[PublicationAsked, Query(alias="publication")] = None,
    bom: Annotated[bool, Query(description="CSV with a byte order mark, for Excel.")] = False,
    accept: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Rows of one dataset, the same in every format.

    JSON comes in pages of one publication; the cursor keeps to it. The other formats hold all rows
    that are asked for and are streamed. Rows stand in the order of their key.
    """
    dataset = known(name)
    form = format_of(accept, format)
    selection = selection_of(dataset, service, strand, month, begins, ends)
    question = selection.digest(audience.value)
    listing = f"datasets/{dataset.name}/{question}"
    found = paging.after(listing, tuple[int, int, int]) if form is Format.JSON else None
    after = None if found is None else Position(*found)
    provider = paging.holder.provider
    number = publication_number if after is None else after.number
    of = await publication(running, provider, number)
    if of is None:
        return being_published(dataset)
    page = (paging.limit, paging.cursor) if form is Format.JSON else (bom,)
    tag = f'"{of.number}-{selection.digest(dataset.name, provider, audience, form, *page)}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(of.published_at.replace(microsecond=0), usegmt=True),
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization",
        "Publication": str(of.number),
        "Link": described_by(running.settings.public_url, dataset),
    }
    if if_none_match and is_held(tag, if_none_match):
        return Response(status_code=304, headers=headers)
    rows = await reading(running, provider, dataset, of, selection, audience)
    if form is Format.JSON:
        return await one_page(rows, paging, listing, after, headers)
    if (count := rows.rows) is not None:
        headers["Row-Count"] = str(count)
    headers["Content-Disposition"] = f'attachment; filename="{file_name(dataset, form)}"'
    return StreamingResponse(
        streamed(rows, writer_of(form, dataset, bom=bom)),
        media_type=f"{MEDIA[form]}; charset=utf-8; header=present"
        if form is Format.CSV
        else MEDIA[form],
        headers=headers,
    )


def file_name(dataset: Dataset, form: Format) -> str:
    return f"{dataset.name}.{ENDING.get(form, form.value)}"


def described_by(public_url: str, dataset: Dataset) -> str:
    base = f"{public_url.rstrip('/')}/v1/datasets/{dataset.name}"
    return (
        f'<{base}.csv-metadata.json>; rel="describedby"; type="application/csvm+json", '
        f'<{base}/datapackage.json>; rel="describedby"; type="application/json"'
    )


def being_published(dataset: Dataset) -> Response:
    return Response(
        msgspec.json.encode({"dataset": dataset.name, "pending": True}),
        status_code=202,
        media_type="application/json",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


async def streamed(rows: Reading, writer: Writer) -> AsyncIterator[bytes]:
    """The whole answer, holding one part of it at a time."""
    async for _, table in rows.tables():
        if written := await asyncio.to_thread(writer.add, table):
            yield written
    if rest := await asyncio.to_thread(writer.close):
        yield rest


async def one_page(
    rows: Reading,
    paging: DatasetPaging,
    listing: str,
    after: Position | None,
    headers: dict[str, str],
) -> Response:
    """Up to `limit` rows from where the page before ended, and where this one does."""
    taken: list[tuple[int, int, pa.Table]] = []
    start, skip, left = (0, 0, paging.rows) if after is None else (
        after.place, after.row, paging.rows,
    )  # fmt: skip
    async for place, table in rows.tables(start):
        begin = skip if place == start else 0
        piece = table.slice(begin, left)
        left -= piece.num_rows
        if piece.num_rows:
            taken.append((place, begin, piece))
        if left == 0:
            break
    positions = [
        (rows.number, place, begin + row + 1)
        for place, begin, piece in taken
        for row in range(piece.num_rows)
    ]
    shown, cursor = paging.page(listing, positions, lambda position: position)
    left = len(shown)
    pieces = []
    for *_, piece in taken:
        pieces.append(piece.slice(0, left))
        left -= pieces[-1].num_rows
    items = await asyncio.to_thread(array_of, rows.dataset, pieces)
    body = {"items": msgspec.Raw(items), "next_cursor": cursor, "publication": rows.number}
    headers["Row-Count"] = str(len(shown))
    if link := paging.response.headers.get("Link"):
        headers["Link"] = f"{link}, {headers['Link']}"
    return Response(msgspec.json.encode(body), media_type="application/json", headers=headers)
