"""Subscriptions as they are sent and answered, and the address of one as it is checked.

The name of the host is looked up before the transaction of the request begins: nobody's commit
waits for a name server.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, Field

from api.admin.bodies import Body, Flaw, Text, refuse
from api.deps import Running, RunningApp, require
from models.deliveries import Endpoint
from models.destinations import (
    LONGEST_URL,
    ForbiddenDestination,
    UnresolvedDestination,
    addresses_of,
    destination_of,
)
from models.people import KeyHolder
from models.vocabulary import AttemptStatus, DisabledWhy, EndpointState, MessageType, Scope

Administrator = Annotated[KeyHolder, require(Scope.ADMIN)]

#: Whoever gives an address waits for its name.
LOOK_UP_S = 5.0

#: All but the test, which nobody can subscribe to.
Subscribable = Literal[
    MessageType.VERDICT_CHANGED,
    MessageType.TRIGGER_OPENED,
    MessageType.TRIGGER_RESOLVED,
    MessageType.RECORD_SIGNED,
    MessageType.REVIEW_OVERDUE,
    MessageType.SOURCE_SILENT,
    MessageType.SOURCE_RETURNED,
]
Address = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="An https address of the public internet, on port 443 or from 1024 on.",
        examples=["https://hooks.example.org/breadth"],
    ),
]
Types = Annotated[
    list[Subscribable],
    Field(min_length=1, max_length=7, description="What it wants to be told of."),
]
Services = Annotated[
    list[Text],
    Field(
        max_length=1000,
        description="Only of these, under any of their ids; empty: of all, and of those to come."
        " What concerns the whole provider, such as a silent source, is told either way.",
    ),
]


class NewSubscription(Body):
    url: Address
    message_types: Types
    services: Services = Field(default=[])


class SubscriptionChange(Body):
    """What is left out stays as it is."""

    url: Address | None = None
    message_types: Types | None = None
    services: Services | None = None
    enabled: bool | None = Field(
        default=None,
        description="False: nothing more is announced to it, and what waits is cancelled. True:"
        " again from now on; what was missed is asked for with `:redeliver`.",
    )


class SubscriptionAnswer(BaseModel):
    id: UUID
    url: str
    message_types: list[MessageType]
    services: list[str]
    state: EndpointState
    disabled_why: DisabledWhy | None
    disabled_at: datetime | None
    failing_since: datetime | None = Field(
        description="Nothing has arrived since; after five days of that it is disabled."
    )
    not_before: datetime | None = Field(
        description="Nothing is posted before: one post is under way, or it asked for a pause."
    )
    secrets: int = Field(description="How many sign just now: two for a day after `:rotate`.")
    attempts: dict[AttemptStatus, int]
    created_at: datetime
    changed_at: datetime


class SubscriptionCreated(SubscriptionAnswer):
    secret: str = Field(
        description="Signs by Standard Webhooks (`whsec_` …). It is shown here and never again.",
    )


class SubscriptionList(BaseModel):
    items: list[SubscriptionAnswer]


def answer_of(
    row: Endpoint, secrets: int, attempts: dict[AttemptStatus, int]
) -> SubscriptionAnswer:
    return SubscriptionAnswer(
        id=row.id,
        url=row.url,
        message_types=[MessageType(each) for each in row.message_types],
        services=row.services,
        state=EndpointState(row.state),
        disabled_why=None if row.disabled_why is None else DisabledWhy(row.disabled_why),
        disabled_at=row.disabled_at,
        failing_since=row.failing_since,
        not_before=row.not_before,
        secrets=secrets,
        attempts=attempts,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


async def _new(body: NewSubscription, running: RunningApp, _: Administrator) -> NewSubscription:
    await _refuse_destination(running, body.url)
    return body


async def _change(
    body: SubscriptionChange, running: RunningApp, _: Administrator
) -> SubscriptionChange:
    if body.url is not None:
        await _refuse_destination(running, body.url)
    return body


#: These stand before `Session` in a route, so that they are done before it is opened.
CheckedNew = Annotated[NewSubscription, Depends(_new)]
CheckedChange = Annotated[SubscriptionChange, Depends(_change)]


async def _refuse_destination(running: Running, url: str) -> None:
    loopback = running.settings.hooks_out_loopback
    try:
        destination = destination_of(url, loopback=loopback)
        async with asyncio.timeout(LOOK_UP_S):
            await addresses_of(destination, running.resolve, loopback=loopback)
    except ForbiddenDestination as error:
        refuse("invalid", [Flaw("/url", error.code, str(error))])
    except (UnresolvedDestination, TimeoutError):
        refuse("invalid", [Flaw("/url", "unresolved", "The name of the host has no address.")])


def refuse_repeated(types: Sequence[str] | None, services: Sequence[str] | None) -> None:
    for pointer, named in (("/message_types", types), ("/services", services)):
        if named is not None and len(set(named)) < len(named):
            refuse("invalid", [Flaw(pointer, "repeated", "Name each of them once.")])
