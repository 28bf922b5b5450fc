"""Mappings: those that come with Breadth, and each connector's own, by version."""

from collections.abc import Mapping as Document
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.after_commit import after_commit
from api.admin.bodies import Body, Flaw, refuse
from api.admin.described_mappings import LANGUAGE
from api.deps import Now, RunningApp, Session, require
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from models.connectors import Connector, ConnectorState, StoredMapping
from models.mapping.examples import check_examples
from models.mapping.mappings import content_hash, mapping_of
from models.mapping.problems import problems_of
from models.mapping.shipped import SHIPPED, document_of, page_of
from models.people import KeyHolder
from models.replays import replay_quarantined
from models.vocabulary import Scope

router = APIRouter(prefix="/v1/mappings", tags=["connecting platforms"], route_class=KeptRoute)

Integrator = Annotated[KeyHolder, require(Scope.CONNECTORS_ADMIN)]
ConnectorCode = Annotated[str, Path(max_length=63, description="The connector's code.")]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
MappingBody = Annotated[
    dict[str, Any] | str,
    Field(
        description="A mapping document (`mapping/1`), or the name of one that comes with Breadth.",
        examples=["emar-letters"],
    ),
]


LOCK_SOURCE = text("SELECT pg_advisory_xact_lock(hashtextextended('source/' || :of, 0))")


class MappingAnswer(BaseModel):
    connector: str
    version: int
    state: Literal["draft", "active", "retired"]
    name: str
    created_at: datetime
    activated_at: datetime | None
    document: dict[str, Any]


class ShippedMapping(BaseModel):
    name: str
    title: str
    page: str = Field(description="What it expects and what becomes of it, in Markdown.")
    document: dict[str, Any]


class MappingList(BaseModel):
    shipped: list[str]
    items: list[MappingAnswer]


class NewVersion(Body):
    mapping: MappingBody


@router.get("", responses=problems())
async def list_mappings(_: Integrator, session: Session) -> MappingList:
    """The names of those that come with Breadth, and the newest version of each connector's."""
    newest = (
        select(StoredMapping, Connector.active_version)
        .join(Connector, Connector.code == StoredMapping.connector)
        .ext(distinct_on(StoredMapping.connector))
        .order_by(StoredMapping.connector, StoredMapping.version.desc())
    )
    rows = await session.execute(newest)
    return MappingList(
        shipped=list(SHIPPED), items=[answer_of(row, active) for row, active in rows]
    )


@router.get("/shipped/{name}", responses=problems("not_found"))
async def get_shipped_mapping(name: str, _: Integrator) -> ShippedMapping:
    """A mapping that comes with Breadth, to be used as it is or changed and used."""
    try:
        document, page = document_of(name), page_of(name)
    except KeyError:
        raise Problem("not_found") from None
    return ShippedMapping(name=name, title=document["name"], page=page, document=document)


@router.get("/{connector}", responses=problems("not_found"))
async def list_versions(
    connector: ConnectorCode, holder: Integrator, session: Session
) -> MappingList:
    row = await session.get(Connector, (holder.provider, connector))
    if row is None:
        raise Problem("not_found")
    versions = await session.scalars(
        select(StoredMapping)
        .where(StoredMapping.connector == connector)
        .order_by(StoredMapping.version.desc())
    )
    return MappingList(shipped=[], items=[answer_of(one, row.active_version) for one in versions])


@router.post(
    "/{connector}",
    status_code=201,
    responses=problems("not_found", "invalid"),
    description="Add a draft. It changes nothing until it is activated; preview it first.\n\n"
    + LANGUAGE,
)
async def add_mapping(
    connector: ConnectorCode, body: NewVersion, holder: Integrator, session: Session, now: Now
) -> MappingAnswer:
    row = await locked(session, holder, connector)
    version = await add_version(session, row, checked(body.mapping, "/mapping"), now)
    stored = await session.get_one(StoredMapping, (holder.provider, connector, version))
    return answer_of(stored, row.active_version)


@router.post(
    "/{connector}/{version}:activate", responses=problems("not_found", "invalid", "conflict")
)
async def activate_mapping(
    connector: ConnectorCode,
    version: Version,
    running: RunningApp,
    holder: Integrator,
    session: Session,
    now: Now,
) -> MappingAnswer:
    """Put a version to work. Its examples have to come out as written.

    What waits is mapped by it, and so is, once more, what is in quarantine.
    """
    row = await locked(session, holder, connector)
    stored = await session.get(StoredMapping, (holder.provider, connector, version))
    if stored is None:
        raise Problem("not_found")
    if row.state == ConnectorState.DISABLED:
        raise Problem("conflict", "The connector is switched off; enable it first.")
    newest = row.active_version or 0
    if version < newest:
        raise Problem(
            "conflict",
            f"Version {newest} was activated later, and what it has read stands. Add this document"
            " as a new version to go back to it.",
        )
    flaws = check_examples(mapping_of(stored.document))
    refuse("invalid", [Flaw(flaw.pointer, flaw.code, flaw.detail) for flaw in flaws])
    if version != newest:
        stored.activated_at, row.active_version, row.changed_at = now, version, now
        row.state = ConnectorState.ACTIVE
        await session.flush()
        await replay_quarantined(session, row, holder.key_id, now)
    after_commit(session, lambda: running.doorbell.press_mapping(holder.provider))
    return answer_of(stored, version)


async def locked(session: AsyncSession, holder: KeyHolder, code: str) -> Connector:
    row = await session.get(Connector, (holder.provider, code), with_for_update=True)
    if row is None:
        raise Problem("not_found")
    return row


def checked(body: dict[str, Any] | str, within: str) -> dict[str, Any]:
    """The document that is meant; 422 with all that is wrong with it."""
    if isinstance(body, str):
        try:
            return document_of(body)
        except KeyError:
            known = ", ".join(SHIPPED)
            said = f"No mapping of this name comes with Breadth; known are: {known}."
            refuse("invalid", [Flaw(within, "unknown_value", said)])
    document: Document[str, Any] = body if isinstance(body, dict) else {}
    flaws = problems_of(document)
    refuse("invalid", [Flaw(within + flaw.pointer, flaw.code, flaw.detail) for flaw in flaws])
    return dict(document)


async def add_version(
    session: AsyncSession, connector: Connector, document: dict[str, Any], now: datetime
) -> int:
    """The number of the version that says this: the newest, where it says the same.

    Of two readings of one record the later version's holds, whichever connector brought it; so
    versions are counted by source, one at a time.
    """
    await session.execute(LOCK_SOURCE, {"of": f"{connector.provider_id}/{connector.source}"})
    digest = bytes.fromhex(content_hash(mapping_of(document)))
    newest = await session.scalar(
        select(func.max(StoredMapping.version)).where(StoredMapping.connector == connector.code)
    )
    last_of_source = await session.scalar(
        select(func.max(StoredMapping.version))
        .join(Connector, Connector.code == StoredMapping.connector)
        .where(Connector.source == connector.source)
    )
    if newest is not None:
        last = await session.get_one(StoredMapping, (connector.provider_id, connector.code, newest))
        if last.digest == digest:
            return newest
    version = (last_of_source or 0) + 1
    session.add(
        StoredMapping(
            provider_id=connector.provider_id,
            connector=connector.code,
            version=version,
            document=document,
            digest=digest,
            created_at=now,
        )
    )
    await session.flush()
    return version


def answer_of(row: StoredMapping, active: int | None) -> MappingAnswer:
    retired = "draft" if row.activated_at is None else "retired"
    return MappingAnswer(
        connector=row.connector,
        version=row.version,
        state="active" if row.version == active else retired,  # type: ignore[arg-type]  # of these
        name=str(row.document["name"]),
        created_at=row.created_at,
        activated_at=row.activated_at,
        document=msgspec.to_builtins(row.document),
    )
