"""`POST /v1/webhooks/{connector}`: a platform's body is verified, kept as it came, and answered.

What it means is found out later, by the worker, and as often as its mapping is mended.
"""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import select, text

from api.deps import Running, RunningApp
from api.idempotency import identified
from api.inbound.signature_schemes import Scheme
from api.inbound.signatures import Unverified, Verified, verify
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from models.connectors import Connector, ConnectorState, opened_secrets, scheme_of
from models.db import driver, transaction
from models.inbox import Body, take_in
from models.vocabulary import ProviderId

router = APIRouter(prefix="/v1/webhooks", tags=["connecting platforms"], route_class=KeptRoute)

#: Stands in for a connector that does not exist, so that it refuses like any other.
NOBODYS = Scheme(scheme="standard_webhooks")
LONGEST_TYPE = 200

#: Of any length, since one that cannot be anybody's is refused like one that is nobody's.
Token = Annotated[str, Path(description="The address that a connector was given.")]


class Kept(BaseModel):
    """The body is durable. What becomes of it stands in the inbox."""

    inbox_id: int
    duplicate: bool = Field(description="True when this very message was here before.")


@router.post(
    "/{connector}",
    status_code=202,
    response_model=Kept,
    responses=problems("unverified", "gone", "body_too_large"),
    openapi_extra={
        "security": [],
        "requestBody": {
            "required": True,
            "description": "Whatever the platform sends, at most 1 MiB; JSON, JSON lines and forms"
            " can be mapped, as they are or with `Content-Encoding: gzip`.",
            "content": {"application/json": {"schema": {}}},
        },
    },
)
async def receive_hook(connector: Token, request: Request, running: RunningApp) -> Response:
    """Keep what a platform sends, signed as its connector says. 202 means that it is durable."""
    body = await request.body()
    async with transaction(running.sessions, None) as session:
        named = (
            await session.execute(
                text("SELECT provider_id, code FROM find_connector(:token)"), {"token": connector}
            )
        ).one_or_none()
    if named is None:
        _verified(running, NOBODYS, [], request, body)
        raise Problem("unverified")
    provider = ProviderId(named.provider_id)
    request.state.provider = provider
    async with transaction(running.sessions, provider) as session:
        row = (await session.scalars(select(Connector).where(Connector.code == named.code))).one()
        scheme = scheme_of(row, Scheme)
        secrets = opened_secrets(row, running.keyring.connectors(provider))
        found = _verified(running, scheme or NOBODYS, secrets, request, body)
        if found is None or scheme is None:
            raise Problem("unverified")
        if row.state == ConnectorState.DISABLED:
            raise Problem("gone", "This connector is switched off. Stop sending to this address.")
        # Only now is it known who sends, and a kept answer is for nobody else.
        principal = f"connector:{row.code}"
        asked = await identified(request, running.keyring, provider, principal)
        if asked is not None:
            await asked.take(await driver(session), running.clock())
        digest = hashlib.sha256(body).digest()
        taken = await take_in(
            session,
            running.keyring.bodies(provider),
            provider,
            row.code,
            Body(
                dedupe_key=f"id:{found.dedupe_id}" if found.dedupe_id else digest.hex(),
                digest=digest,
                content_type=_said_in(request, "content-type"),
                content_encoding=_said_in(request, "content-encoding").lower(),
                parts=[body],
                size=len(body),
            ),
            running.clock(),
        )
        kept = Kept(inbox_id=taken.inbox_id, duplicate=taken.duplicate)
        location = {"Location": f"/v1/inbox/{taken.inbox_id}"}
        response = JSONResponse(kept.model_dump(), 202, location)
        if asked is not None:
            await asked.keep(await driver(session), await asked.seal(response), running.clock())
    if not taken.duplicate:
        running.doorbell.press_mapping(provider)
    return response


def _said_in(request: Request, header: str) -> str:
    """What a header says, as far as it can be kept: text has no U+0000 in PostgreSQL."""
    return request.headers.get(header, "").replace("\x00", "")[:LONGEST_TYPE]


def _verified(
    running: Running, scheme: Scheme, secrets: list[str], request: Request, body: bytes
) -> Verified | None:
    try:
        return verify(scheme, secrets, request.headers.raw, body, running.clock())
    except Unverified:
        return None
