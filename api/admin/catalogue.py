"""Indicators as this provider has them: the starter catalogue with its own changes on top."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.admin.after_commit import ring_after_commit
from api.admin.bodies import Body, Flaw, Text, refuse
from api.deps import Now, RunningApp, Session, require
from api.problems import problems
from models.catalogue import STARTER_VERSION, THEMES, CatalogueChanges, Indicator, effective
from models.choices import add_catalogue, catalogue_versions, mark_every_service
from models.context import provider_catalogue
from models.event_types import CUSTOM
from models.facts import FACTS_OF
from models.frameworks import STATEMENTS
from models.incoming.pointers import pointer_of
from models.lineage import lock_choices
from models.people import KeyHolder
from models.vocabulary import Better, Channel, Measure, Perspective, Scope, SourceCategory

router = APIRouter(prefix="/v1/catalogue", tags=["catalogue"])

Administrator = Annotated[KeyHolder, require(Scope.ADMIN)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["oral_care"])]


class Change(Body):
    """What may be changed of a starter indicator; fields left out are as the starter has them."""

    standard: float | None = Field(default=None, description="Null, when sent: it has none.")
    meaningful: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Smallest change that matters to people, in its own unit."
    )
    active: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, description="False switches it off."
    )

    def said(self) -> dict[str, object]:
        sent = self.model_dump(exclude_unset=True)
        return {
            field: value
            for field, value in sent.items()
            if field == "standard" or value is not None
        }


class OwnIndicator(Body):
    """An indicator of the provider's own, over `x_*` fields or its own event types."""

    code: Code
    name: Text
    events: list[Text] = Field(
        min_length=1, max_length=20, description="Event types of one family.",
        examples=[["custom.oral_care"]],
    )  # fmt: skip
    x: Text = Field(description="The fact that is counted or summed.", examples=["done"])
    n: str = Field(default="", max_length=200, description="Of how many; empty for a rate.")
    measure: Measure = Measure.PROPORTION
    better: Better = Better.HIGHER
    channel: Channel
    category: SourceCategory
    perspective: Perspective = Perspective.INTERNAL
    standard: float | None = None
    meaningful: float = Field(gt=0)
    per: int = Field(default=1, ge=1, le=1_000_000, strict=True, description="1000 for rates.")
    look_back_days: int = Field(default=0, ge=0, le=366, strict=True)
    evidence: bool = Field(default=True, strict=True, description="False: shown, never judged.")
    active: bool = Field(default=True, strict=True)
    statements: list[Text] = Field(
        default_factory=list, max_length=50, examples=[["saf2023:E4"]],
        description="Statements of frameworks that it speaks to.",
    )  # fmt: skip


class CatalogueBody(Body):
    """All of a provider's changes: what is not in the body is no longer changed."""

    changes: dict[Code, Change] = Field(default_factory=dict, max_length=200)
    own: list[OwnIndicator] = Field(default_factory=list, max_length=200)
    theme_aliases: dict[Text, str] = Field(
        default_factory=dict,
        max_length=2000,
        description="Words of sources by the theme they mean.",
        examples=[{"call bells": "responsiveness"}],
    )


class IndicatorAnswer(OwnIndicator):
    own: bool = Field(description="The provider's, not the starter catalogue's.")


class CatalogueVersion(BaseModel):
    version: str = Field(examples=[f"{STARTER_VERSION}+1"])
    registered_at: datetime


class CatalogueAnswer(BaseModel):
    version: str = Field(description="Stands in every verdict.", examples=[STARTER_VERSION])
    indicators: list[IndicatorAnswer] = Field(description="Those in force.")
    themes: list[str]
    changes: dict[str, Any] = Field(description="The body of the last PUT.")
    own: list[dict[str, Any]]
    theme_aliases: dict[str, str]
    versions: list[CatalogueVersion] = Field(description="The provider's, newest first.")


def changes_in(body: CatalogueBody) -> CatalogueChanges:
    """The changes, or 422 with a pointer at what cannot be counted or judged."""
    refuse("invalid", list(unknown_words(body)))
    changes = msgspec.convert(
        {
            "changes": {code: change.said() for code, change in body.changes.items()},
            "own": [indicator.model_dump(mode="json") for indicator in body.own],
            "theme_aliases": body.theme_aliases,
        },
        CatalogueChanges,
    )
    try:
        effective(changes)
    except ValueError as error:
        refuse("invalid", [flaw_of(str(error), changes)])
    return changes


def unknown_words(body: CatalogueBody) -> Iterator[Flaw]:
    """Event types, statements and themes that nothing could ever match."""
    for alias, theme in body.theme_aliases.items():
        if theme not in THEMES:
            where = pointer_of(["theme_aliases", alias])
            yield Flaw(where, "unknown_theme", f"'{theme}' is none of: {', '.join(THEMES)}.")
    for place, indicator in enumerate(body.own):
        for position, event in enumerate(indicator.events):
            if event not in FACTS_OF and not event.startswith(CUSTOM):
                where = f"/own/{place}/events/{position}"
                yield Flaw(where, "unknown_type", f"'{event}' is no event type.")
        for position, statement in enumerate(indicator.statements):
            if statement not in STATEMENTS:
                where = f"/own/{place}/statements/{position}"
                yield Flaw(where, "unknown_statement", f"No framework has '{statement}'.")


def flaw_of(message: str, changes: CatalogueChanges) -> Flaw:
    """`effective` says where, or else which indicator; that one stands in one of two places."""
    where, _, detail = message.partition(": ")
    if not where.startswith("/"):
        own = [indicator.code for indicator in changes.own]
        where = f"/own/{own.index(where)}" if where in own else pointer_of(["changes", where])
    return Flaw(where, "invalid_indicator", detail)


def indicator_answer(indicator: Indicator, own: set[str]) -> IndicatorAnswer:
    fields = {field: getattr(indicator, field) for field in Indicator.__struct_fields__}
    return IndicatorAnswer.model_validate(fields | {"own": indicator.code in own})


async def catalogue_answer(session: Session) -> CatalogueAnswer:
    changes, version = await provider_catalogue(session)
    own = {indicator.code for indicator in changes.own}
    body = msgspec.to_builtins(changes)
    return CatalogueAnswer(
        version=version,
        indicators=[indicator_answer(each, own) for each in effective(changes)],
        themes=list(THEMES),
        changes=body["changes"],
        own=body["own"],
        theme_aliases=body["theme_aliases"],
        versions=[
            CatalogueVersion(
                version=f"{STARTER_VERSION}+{row.version}", registered_at=row.registered_at
            )
            for row in await catalogue_versions(session)
        ],
    )


@router.get("", responses=problems())
async def get_catalogue(_: Administrator, session: Session) -> CatalogueAnswer:
    """The catalogue in force, with what the provider changed."""
    return await catalogue_answer(session)


@router.put("", responses=problems("invalid"))
async def put_catalogue(
    body: CatalogueBody, running: RunningApp, holder: Administrator, session: Session, now: Now
) -> CatalogueAnswer:
    """Replace the provider's changes. A real change is a new version; everything is scored anew."""
    changes = changes_in(body)
    await lock_choices(session, holder.provider)
    before, _ = await provider_catalogue(session)
    if before != changes:
        versions = await catalogue_versions(session)
        number = 1 + max((row.version for row in versions), default=0)
        await add_catalogue(session, holder.provider, number, msgspec.to_builtins(changes), now)
        marked = await mark_every_service(session)
        ring_after_commit(session, running, holder.provider, marked)
    return await catalogue_answer(session)
