"""Connectors: the platforms that send in their own words, how they sign, how they are doing."""

import secrets
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.after_commit import ring_after_commit
from api.admin.bodies import Body, Flaw, LongText, Text, refuse
from api.admin.described_mappings import LANGUAGE
from api.admin.mappings import MappingBody, add_version, checked
from api.admin.signing import fits, scheme_from, secrets_from
from api.deps import Now, Running, RunningApp, Session, require
from api.inbound.signature_problems import MOST_SECRETS
from api.inbound.signature_schemes import Scheme
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from models.choices import mark_every_service
from models.connector_health import Warned, health_of
from models.connectors import (
    Connector,
    ConnectorState,
    opened_secrets,
    scheme_of,
    sealed_secrets,
)
from models.people import KeyHolder
from models.silences import fill
from models.vocabulary import ProviderId, Scope

router = APIRouter(prefix="/v1/connectors", tags=["connecting platforms"], route_class=KeptRoute)

Integrator = Annotated[KeyHolder, require(Scope.CONNECTORS_ADMIN)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
CodePath = Annotated[str, Path(max_length=63, description="The connector's code.")]
Signature = Annotated[
    dict[str, Any],
    Field(
        description="How the platform signs: a `scheme` by name, and what differs from it. Null"
        " where only a key of ours brings its files.",
        examples=[
            {"scheme": "standard_webhooks"},
            {"scheme": "hmac", "signature": {"header": "X-Signature"}, "id": {"header": "X-Id"}},
        ],
    ),
]
Hours = Annotated[
    int,
    Field(ge=1, le=2400, description="The longest time between two bodies, or it is silent."),
]
Secrets = Annotated[list[str], Field(max_length=MOST_SECRETS)]


MADE_ANEW = (
    "The secret that was kept is none for this scheme. A new one was made; give it to the platform."
)


class NewConnector(Body):
    code: Code = Field(examples=["acme-emar"])
    name: Text = Field(examples=["Acme eMAR"])
    source: Text = Field(
        description="The `source` of its events, for ever.", examples=["emar:acme"]
    )
    signature: Signature | None = None
    secrets: Secrets | None = Field(
        default=None,
        description="Newest first. Without any, one is made where the scheme allows, and shown"
        " in this answer alone.",
    )
    mapping: MappingBody | None = None
    expected_every_hours: Hours | None = None


class ConnectorChange(Body):
    """What is left out stays as it is."""

    name: Text | None = None
    signature: Signature | None = None
    secrets: Secrets | None = Field(
        default=None,
        description="Newest first; old ones go on while they are listed here. None of them: one is"
        " made, and shown in this answer alone.",
    )
    expected_every_hours: Hours | None = None
    enabled: bool | None = Field(
        default=None, description="False: the address answers 410, and nothing is mapped."
    )


class Filled(Body):
    until: AwareDatetime = Field(description="Silences that began before this are over.")
    reason: LongText = Field(examples=["The vendor sent the missing week again on 3 March."])


class ConnectorAnswer(BaseModel):
    code: str
    name: str
    source: str
    state: ConnectorState
    address: str = Field(description="Where the platform posts its bodies.")
    signature: dict[str, Any] | None
    secrets: int = Field(description="How many are in force.")
    mapping_version: int | None = Field(description="The active one.")
    expected_every_hours: int | None
    created_at: datetime
    last_arrival_at: datetime | None
    bodies: dict[str, int] = Field(description="By what became of them.")
    quarantined: dict[str, int] = Field(description="By reason.")
    warnings: list[Warned]


class ChangedConnector(ConnectorAnswer):
    secret: str | None = Field(description="Shown once, where it was made here.")
    notice: str | None = Field(
        default=None, description="What this did beside what was asked, and what to do now."
    )


class CreatedConnector(ChangedConnector):
    draft_version: int | None


class ConnectorList(BaseModel):
    items: list[ConnectorAnswer]


@router.post(
    "",
    status_code=201,
    responses=problems("conflict", "invalid"),
    description="Set a platform up. Until a mapping is activated, what arrives is kept and waits."
    "\n\n" + LANGUAGE,
)
async def create_connector(
    body: NewConnector, running: RunningApp, holder: Integrator, session: Session, now: Now
) -> CreatedConnector:
    if body.code == "shipped":
        refuse("invalid", [Flaw("/code", "reserved", "Choose another code.")])
    scheme = scheme_from(body.signature)
    given, made = secrets_from(scheme, body.secrets)
    document = checked(body.mapping, "/mapping") if body.mapping is not None else None
    if await session.get(Connector, (holder.provider, body.code)) is not None:
        raise Problem("conflict", f"There is a connector '{body.code}' already.")
    row = Connector(
        provider_id=holder.provider,
        code=body.code,
        token=secrets.token_urlsafe(24),
        name=body.name,
        source=body.source,
        state=ConnectorState.DRAFT,
        scheme=None if scheme is None else msgspec.to_builtins(scheme),
        secrets_sealed=sealed_secrets(
            running.keyring.connectors(holder.provider), body.code, given
        ),
        expected_every_hours=body.expected_every_hours,
        created_at=now,
        changed_at=now,
    )
    session.add(row)
    await session.flush()
    version = None
    if document is not None:
        version = await add_version(session, row, document, now)
    said = await answer_of(row, running, session, now)
    return CreatedConnector(**said.model_dump(), secret=made, draft_version=version)


@router.get("", responses=problems())
async def list_connectors(
    running: RunningApp, _: Integrator, session: Session, now: Now
) -> ConnectorList:
    rows = await session.scalars(select(Connector).order_by(Connector.code))
    return ConnectorList(items=[await answer_of(row, running, session, now) for row in rows.all()])


@router.get("/{connector}", responses=problems("not_found"))
async def get_connector(
    connector: CodePath, running: RunningApp, holder: Integrator, session: Session, now: Now
) -> ConnectorAnswer:
    """A connector, with what became of its bodies and what about it should be looked at."""
    row = await found(session, holder, connector)
    return await answer_of(row, running, session, now)


@router.put("/{connector}", responses=problems("not_found", "invalid"))
async def change_connector(
    connector: CodePath,
    body: ConnectorChange,
    running: RunningApp,
    holder: Integrator,
    session: Session,
    now: Now,
) -> ChangedConnector:
    """Change what is named: rotate secrets, switch it off and on, say how often it sends."""
    row = await found(session, holder, connector, for_update=True)
    sealer = running.keyring.connectors(holder.provider)
    scheme = scheme_of(row, Scheme)
    if body.signature is not None:
        scheme = scheme_from(body.signature)
        row.scheme = msgspec.to_builtins(scheme)
    given, made = opened_secrets(row, sealer) if body.secrets is None else body.secrets, None
    notice = None
    if body.secrets is None and body.signature is not None and not fits(scheme, given):
        given, notice = [], MADE_ANEW if given else None
    if body.signature is not None or body.secrets is not None:
        given, made = secrets_from(scheme, given)
        row.secrets_sealed = sealed_secrets(sealer, row.code, given)
    row.name = body.name or row.name
    if "expected_every_hours" in body.model_fields_set:
        row.expected_every_hours = body.expected_every_hours
    if body.enabled is not None:
        running_state = (
            ConnectorState.DRAFT if row.active_version is None else ConnectorState.ACTIVE
        )
        row.state = running_state if body.enabled else ConnectorState.DISABLED
    row.changed_at = now
    await session.flush()
    said = await answer_of(row, running, session, now)
    return ChangedConnector(**said.model_dump(), secret=made, notice=notice)


@router.post("/{connector}:fill", responses=problems("not_found", "invalid"))
async def fill_silences(
    connector: CodePath,
    body: Filled,
    running: RunningApp,
    holder: Integrator,
    session: Session,
    now: Now,
) -> ConnectorAnswer:
    """Say that what was missed has been sent since. Its months are evidence again."""
    row = await found(session, holder, connector)
    if body.until > now:
        said = "Silences that have not begun cannot be filled: name a moment that has passed."
        refuse("invalid", [Flaw("/until", "in_future", said)])
    if await fill(session, row.code, body.until, body.reason, now):
        services = await mark_every_service(session)
        ring_after_commit(session, running, holder.provider, services)
    return await answer_of(row, running, session, now)


async def found(
    session: AsyncSession, holder: KeyHolder, code: str, *, for_update: bool = False
) -> Connector:
    row = await session.get(
        Connector, (holder.provider, code), with_for_update=True if for_update else None
    )
    if row is None:
        raise Problem("not_found")
    return row


async def answer_of(
    row: Connector, running: Running, session: AsyncSession, now: datetime
) -> ConnectorAnswer:
    sealer = running.keyring.connectors(ProviderId(row.provider_id))
    health = await health_of(session, row, now)
    return ConnectorAnswer(
        code=row.code,
        name=row.name,
        source=row.source,
        state=ConnectorState(row.state),
        address=f"/v1/webhooks/{row.token}",
        signature=row.scheme,
        secrets=len(opened_secrets(row, sealer)),
        mapping_version=row.active_version,
        expected_every_hours=row.expected_every_hours,
        created_at=row.created_at,
        last_arrival_at=health.last_arrival_at,
        bodies=health.bodies,
        quarantined=health.quarantined,
        warnings=health.warnings,
    )
