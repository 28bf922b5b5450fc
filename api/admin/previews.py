"""Trying a version of a mapping before it is put to work: on a body, or on what has arrived."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from api.admin.bodies import Body, Flaw, StoredId, refuse
from api.admin.mappings import ConnectorCode, Integrator, Version
from api.deps import Now, RunningApp, Session
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from models.connectors import Connector, StoredMapping
from models.inbox import InboxItem, read_body
from models.incoming.mapped import decoded, inflated, start_of_table
from models.incoming.preview import Previewed, preview
from models.incoming.refusals import Refused
from models.incoming.terms import load_terms
from models.mapping.examples import check_examples, difference
from models.mapping.mappings import Mapping, mapping_of

router = APIRouter(prefix="/v1/mappings", tags=["connecting platforms"], route_class=KeptRoute)

MOST_BODIES = 20
MOST_DIFFERENCES = 500


class PreviewBody(Body):
    """One of the three."""

    body: Any = Field(default=None, description="As the platform sends it.")
    inbox_ids: list[StoredId] | None = Field(default=None, min_length=1, max_length=MOST_BODIES)
    last: Annotated[int, Field(ge=1, le=MOST_BODIES)] | None = Field(
        default=None, description="The last so many bodies that arrived."
    )


class BodyPreview(BaseModel):
    inbox_id: int | None
    records: list[dict[str, Any]] = Field(
        description="Event, or why not, with how every value came about; people by pseudonym."
    )
    total: int = Field(description="Records in the body; the first 200 are shown.")
    error: dict[str, str] | None = Field(description="Why the body as a whole cannot be mapped.")


class PreviewAnswer(BaseModel):
    version: int
    examples: list[dict[str, str]] = Field(description="What would stop it from being activated.")
    bodies: list[BodyPreview]
    against: int | None = Field(description="The active version.")
    difference: list[dict[str, Any]] = Field(
        description="What would become of these bodies otherwise than by the active version."
    )


@router.post("/{connector}/{version}:preview", responses=problems("not_found", "invalid"))
async def preview_mapping(
    connector: ConnectorCode,
    version: Version,
    asked: PreviewBody,
    running: RunningApp,
    holder: Integrator,
    session: Session,
    now: Now,
) -> PreviewAnswer:
    """Show what a version would make of bodies, and what of that is new. Writes nothing."""
    row = await session.get(Connector, (holder.provider, connector))
    stored = await session.get(StoredMapping, (holder.provider, connector, version))
    if row is None or stored is None:
        raise Problem("not_found")
    mapping = mapping_of(stored.document)
    named, refused = await _bodies(asked, running, holder, session, connector, mapping)
    terms = await load_terms(session, running.keyring, holder.provider)
    pseudonyms = running.keyring.pseudonyms(holder.provider)
    values = [value for _, value in named]
    tried = await asyncio.to_thread(preview, mapping, row.source, values, terms, pseudonyms, now)
    differs: list[dict[str, Any]] = []
    if row.active_version is not None and row.active_version != version:
        active = await session.get_one(
            StoredMapping, (holder.provider, connector, row.active_version)
        )
        found = await asyncio.to_thread(difference, mapping_of(active.document), mapping, values)
        differs = [_without_people(msgspec.to_builtins(one)) for one in found[:MOST_DIFFERENCES]]
    return PreviewAnswer(
        version=version,
        examples=[flaw._asdict() for flaw in check_examples(mapping)],
        bodies=[_answer(item, one) for (item, _), one in zip(named, tried, strict=True)] + refused,
        against=row.active_version,
        difference=differs,
    )


async def _bodies(
    asked: PreviewBody,
    running: RunningApp,
    holder: Integrator,
    session: Session,
    connector: str,
    mapping: Mapping,
) -> tuple[list[tuple[int | None, Any]], list[BodyPreview]]:
    """Bodies that can be read, and those of the inbox that cannot."""
    given = [name for name in ("body", "inbox_ids", "last") if name in asked.model_fields_set]
    if len(given) != 1:
        said = "Give one of 'body', 'inbox_ids' and 'last'."
        refuse("invalid", [Flaw("", "contradiction", said)])
    if given == ["body"]:
        return [(None, asked.body)], []
    query = (
        select(InboxItem)
        .where(InboxItem.connector == connector)
        .order_by(InboxItem.id.desc())
        .limit(asked.last or MOST_BODIES)
    )
    if asked.inbox_ids is not None:
        query = query.where(InboxItem.id.in_(asked.inbox_ids))
    named: list[tuple[int | None, Any]] = []
    refused = []
    sealer = running.keyring.bodies(holder.provider)
    items = (await session.scalars(query)).all()
    there = {item.id for item in items}
    missing = [
        Flaw(f"/inbox_ids/{place}", "not_found", f"The connector has no body {number}.")
        for place, number in enumerate(asked.inbox_ids or [])
        if number not in there
    ]
    refuse("invalid", missing)
    for item in items:
        try:
            body = await read_body(session, sealer, item.id, most_parts=1)
            if mapping.input == "csv":
                named.append((item.id, start_of_table(body, item.content_encoding)))
            else:
                body = inflated(body, item.content_encoding)
                named.append((item.id, decoded(body, item.content_type)))
        except Refused as error:
            why = {"code": error.code, "detail": error.detail}
            refused.append(BodyPreview(inbox_id=item.id, records=[], total=0, error=why))
    return named, refused


def _answer(item: int | None, one: Previewed) -> BodyPreview:
    return BodyPreview(inbox_id=item, records=one.records, total=one.total, error=one.error)


def _without_people(shown: dict[str, Any]) -> dict[str, Any]:
    """A difference in who is meant is shown as one, without who."""
    for change in shown.get("changes", []):
        if change["pointer"] in {"/person", "/staff"}:
            change["before"] = change["after"] = "(hidden)"
        else:
            for side in ("before", "after"):
                if isinstance(change[side], dict):
                    change[side] = {
                        key: "(hidden)" if key in {"person", "staff"} else value
                        for key, value in change[side].items()
                    }
    return shown
