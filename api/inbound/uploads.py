"""`POST /v1/uploads`: a table is kept as it came, and 202 says so; its rows are read by the worker.

The file is received before the database hears of it: a slow sender must hold no transaction.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from typing import IO, Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import RunningApp, require
from api.idempotency import identified
from api.inbound.bodies import encoding
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from models.connectors import Connector, ConnectorState, StoredMapping
from models.db import driver, transaction
from models.inbox import Body, take_in
from models.people import KeyHolder
from models.vocabulary import Scope

router = APIRouter(prefix="/v1/uploads", tags=["connecting platforms"], route_class=KeptRoute)

PART_BYTES = 1 << 20
#: Larger ones wait on the disk, in a file without a name.
IN_MEMORY_BYTES = 4 << 20
LONGEST_TYPE = 200

ConnectorCode = Annotated[
    str, Query(max_length=63, description="Whose table it is; its mapping reads CSV.")
]


class Uploaded(BaseModel):
    """The file is durable. How far it has been read stands in the inbox."""

    inbox_id: int
    duplicate: bool = Field(
        description="True when this very file was here before: nothing is done."
    )
    size: int


@router.post(
    "",
    status_code=202,
    response_model=Uploaded,
    responses=problems(
        "unreadable_body",
        "not_found",
        "gone",
        "body_too_large",
        "unsupported_media_type",
        "invalid",
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The file itself, at most 512 MiB, as it is or with"
            " `Content-Encoding: gzip`: UTF-8, Windows-1252 or UTF-16; comma, semicolon, tab or"
            " bar.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
    },
)
async def upload_table(
    request: Request,
    running: RunningApp,
    holder: Annotated[KeyHolder, require(Scope.EVENTS_WRITE)],
    connector: ConnectorCode,
    all_or_nothing: Annotated[
        bool, Query(description="Store nothing of it when any row is refused.")
    ] = False,
) -> Response:
    """Upload a table. The same file again is a duplicate, and none of its rows counts twice."""
    compressed = encoding(request.headers)
    async with transaction(running.sessions, holder.provider) as session:
        row = await session.get(Connector, (holder.provider, connector))
        reads = await _input_of(session, row)
    if row is None:
        raise Problem("not_found", f"There is no connector '{connector}'.")
    if row.state == ConnectorState.DISABLED:
        raise Problem("gone", "This connector is switched off.")
    if reads != "csv":
        raise Problem(
            "invalid",
            f"The active mapping of '{connector}' reads JSON, and no rows of a table. Upload this"
            ' to a connector whose mapping has "input": "csv", or activate such a mapping here.',
            errors=[
                {
                    "code": "reads_json",
                    "pointer": "/connector",
                    "detail": "A connector whose mapping reads CSV.",
                    "in": "query",
                }
            ],
        )
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        digest, size = hashlib.sha256(), 0
        async for chunk in request.stream():
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        if not size:
            raise Problem("unreadable_body", "There is nothing in this file.")
        file.seek(0)
        body = Body(
            dedupe_key=f"file:{digest.hexdigest()}" + (":whole" if all_or_nothing else ""),
            digest=digest.digest(),
            content_type=request.headers.get("content-type", "text/csv")[:LONGEST_TYPE],
            content_encoding=compressed,
            parts=_parts(file),
            size=size,
            all_or_nothing=all_or_nothing,
        )
        asked = await identified(request, running.keyring, holder.provider, holder.key_id)
        async with transaction(running.sessions, holder.provider) as session:
            if asked is not None:
                await asked.take(await driver(session), running.clock())
            sealer = running.keyring.bodies(holder.provider)
            taken = await take_in(
                session, sealer, holder.provider, connector, body, running.clock()
            )
            uploaded = Uploaded(inbox_id=taken.inbox_id, duplicate=taken.duplicate, size=size)
            location = {"Location": f"/v1/inbox/{taken.inbox_id}"}
            response = JSONResponse(uploaded.model_dump(), 202, location)
            if asked is not None:
                await asked.keep(await driver(session), await asked.seal(response), running.clock())
    if not taken.duplicate:
        running.doorbell.press_mapping(holder.provider)
    return response


async def _input_of(session: AsyncSession, row: Connector | None) -> str:
    """What the active mapping reads; until there is one, whatever comes is kept."""
    if row is None or row.active_version is None:
        return "csv"
    key = (row.provider_id, row.code, row.active_version)
    stored = await session.get_one(StoredMapping, key)
    return str(stored.document.get("input", "json"))


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    while part := file.read(PART_BYTES):
        yield part
