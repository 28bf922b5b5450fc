"""What a provider sets for all services; new rules of judging reopen their programmes."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.admin.after_commit import ring_after_commit
from api.admin.bodies import Body
from api.deps import Now, RunningApp, Session, require
from api.problems import problems
from models.choices import add_settings, mark_every_service, settings_registered_at
from models.context import ProviderChoices, provider_choices
from models.lineage import lock_choices, lock_lineages, predecessors
from models.people import KeyHolder
from models.programmes import newest_versions, reopen_all
from models.vocabulary import Scope

router = APIRouter(prefix="/v1/settings", tags=["settings"])

Administrator = Annotated[KeyHolder, require(Scope.ADMIN)]

#: A change of these is a change of how a programme is judged.
RULES_OF_JUDGING = ("channels_required", "look_day", "method")
#: A change of these changes what is computed; free text is only kept, never counted.
COMPUTED_FROM = (*RULES_OF_JUDGING, "spc_rules")


class SettingsBody(Body):
    """Fields left out stay as they are."""

    channels_required: int = Field(
        default=2,
        ge=2,
        le=3,
        strict=True,
        description="Kinds of check that must agree before a segment counts as reached.",
    )
    look_day: int = Field(
        default=5,
        ge=1,
        le=28,
        strict=True,
        description="Until the end of this day of the next month a month's verdicts are"
        " provisional.",
    )
    spc_rules: Literal["mdc-2023", "ptd-0.2.2"] = "mdc-2023"
    method: Literal["breadth-1", "breadth-2"] = Field(
        default="breadth-2",
        description="How evidence becomes a claim. `breadth-2` decides sooner at the same error.",
    )
    store_text: bool = Field(
        default=False,
        strict=True,
        description="Keep free text of feedback, encrypted. Off: it is dropped on arrival.",
    )
    review_grace_days: int = Field(
        default=14,
        ge=0,
        le=60,
        strict=True,
        description="A review that nobody has held so many days after it was due is overdue.",
    )


class SettingsAnswer(BaseModel):
    version: int = Field(description="0 until something was set.")
    registered_at: datetime | None
    channels_required: int
    look_day: int
    spc_rules: str
    method: str
    store_text: bool
    review_grace_days: int


async def settings_answer(session: Session) -> SettingsAnswer:
    choices, version = await provider_choices(session)
    registered_at = await settings_registered_at(session, version)
    return SettingsAnswer(
        version=version, registered_at=registered_at, **msgspec.to_builtins(choices)
    )


def differ(before: ProviderChoices, after: ProviderChoices, fields: tuple[str, ...]) -> bool:
    return any(getattr(before, field) != getattr(after, field) for field in fields)


@router.get("", responses=problems())
async def get_settings(_: Administrator, session: Session) -> SettingsAnswer:
    return await settings_answer(session)


@router.put("", responses=problems("invalid"))
async def put_settings(
    body: SettingsBody, running: RunningApp, holder: Administrator, session: Session, now: Now
) -> SettingsAnswer:
    """Change settings. New rules of judging open a new version of every programme."""
    await lock_choices(session, holder.provider)
    before, version = await provider_choices(session)
    after = msgspec.structs.replace(before, **body.model_dump(exclude_unset=True))
    if after == before:
        return await settings_answer(session)
    if differ(before, after, RULES_OF_JUDGING):
        with_programme = await newest_versions(session, await predecessors(session))
        await lock_lineages(session, holder.provider, with_programme)
        await reopen_all(session, holder.provider, await predecessors(session), now)
    await add_settings(session, holder.provider, version + 1, after, now)
    if differ(before, after, COMPUTED_FROM):
        marked = await mark_every_service(session)
        ring_after_commit(session, running, holder.provider, marked)
    return await settings_answer(session)
