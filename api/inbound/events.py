"""`POST /v1/events`: evidence comes in, and 202 goes out once it is durable."""

import asyncio
from collections import Counter
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Response

from api.deps import Running, RunningApp, require
from api.idempotency import identified
from api.inbound.bodies import ITEMS_A_TURN, Items, read_items_of
from api.inbound.cloudevents import mode_of, read_cloudevents
from api.inbound.committer import Keyed
from api.inbound.described_cloudevents import HEADERS
from api.inbound.described_events import ANSWERS, BODY
from api.kept_answers import KeptRoute
from api.problems import Problem, problems
from models.db import transaction
from models.incoming.content import Terms
from models.incoming.refusals import Rejection
from models.incoming.terms import load_terms
from models.incoming.validation import read_items
from models.keyring import Keyring, Pseudonyms
from models.people import KeyHolder
from models.storing import Outcome, Row
from models.vocabulary import ProviderId, Scope

router = APIRouter(prefix="/v1", tags=["events"], route_class=KeptRoute)

#: Without any of these in a body, no item can ask for what the provider has settled.
NEEDS_TERMS = (b'"custom.', b'"text"')
NOT_STORED = (Outcome.DUPLICATE, Outcome.SUPERSEDED, Outcome.QUARANTINED)


class Conflict(msgspec.Struct, frozen=True):
    index: int
    id: str
    version: int


class Receipt(msgspec.Struct, frozen=True):
    """Each item sent is in exactly one of these."""

    accepted: int
    duplicates: int
    superseded: int
    quarantined: int
    conflicts: list[Conflict]
    rejected: list[Rejection]


@router.post(
    "/events",
    status_code=202,
    response_class=Response,
    responses=ANSWERS
    | problems("unreadable_body", "body_too_large", "unsupported_media_type", "all_rejected"),
    openapi_extra={"parameters": HEADERS, "requestBody": BODY},
)
async def send_events(
    request: Request,
    running: RunningApp,
    holder: Annotated[KeyHolder, require(Scope.EVENTS_WRITE)],
) -> Response:
    """Store evidence: ours or CloudEvents, one or many. 202 means that it is durable."""
    async with running.large_bodies.room_for(request):
        mode = mode_of(request.headers)
        items = await (read_cloudevents(request, mode) if mode else read_items_of(request))
        rows, rejected = await validate(running, holder.provider, items)

        def respond(outcomes: list[Outcome]) -> Response:
            receipt = receipt_of(rows, outcomes, rejected)
            return Response(msgspec.json.encode(receipt), 202, media_type="application/json")

        asked = await identified(request, running.keyring, holder.provider, holder.key_id)
        keyed = Keyed(asked, respond, running.clock()) if asked is not None else None
        outcomes: list[Outcome] = []
        if rows:
            to_store = [row for _, row in rows]
            outcomes = await running.committer.store(holder.provider, to_store, keyed)
    _count(running, outcomes, rejected)
    if rejected and not rows:
        raise Problem("all_rejected", errors=[msgspec.structs.asdict(item) for item in rejected])
    return respond(outcomes)


async def validate(
    running: Running, provider: ProviderId, items: Items
) -> tuple[list[tuple[int, Row]], list[Rejection]]:
    """In turns, so that a large body keeps nobody else waiting."""
    terms = Terms()
    # An escape may spell any of these words, or U+0000.
    escaped = b"\\u" in items.body
    if escaped or any(word in items.body for word in NEEDS_TERMS):
        async with transaction(running.sessions, provider) as session:
            terms = await load_terms(session, running.keyring, provider)
    pseudonyms = pseudonyms_of(running.keyring, provider)
    now = running.clock()
    rows: list[tuple[int, Row]] = []
    rejected: list[Rejection] = []
    numbered = iter(items.numbered)
    while turn := list(islice(numbered, ITEMS_A_TURN)):
        good, bad = read_items(turn, terms, pseudonyms, now, may_have_nul=escaped)
        rows += good
        rejected += bad
        if len(turn) == ITEMS_A_TURN:
            await asyncio.sleep(0)
    if items.as_sent is not None:
        rejected = [items.as_sent(each) for each in rejected]
    if items.rejected:
        rejected = sorted([*items.rejected, *rejected], key=attrgetter("index"))
    return rows, rejected


@lru_cache(maxsize=32)
def pseudonyms_of(keyring: Keyring, provider: ProviderId) -> Pseudonyms:
    """Kept, because each holds the tokens of the people it has met."""
    return keyring.pseudonyms(provider)


def receipt_of(
    rows: list[tuple[int, Row]], outcomes: list[Outcome], rejected: list[Rejection]
) -> Receipt:
    found = Counter(outcomes)
    conflicts = [
        Conflict(index, row.event_id, row.version)
        for (index, row), outcome in zip(rows, outcomes, strict=True)
        if outcome is Outcome.CONFLICT
    ]
    return Receipt(
        accepted=found[Outcome.ACCEPTED],
        duplicates=found[Outcome.DUPLICATE],
        superseded=found[Outcome.SUPERSEDED],
        quarantined=found[Outcome.QUARANTINED],
        conflicts=conflicts,
        rejected=rejected,
    )


def _count(running: Running, outcomes: list[Outcome], rejected: list[Rejection]) -> None:
    found: Counter[Any] = Counter(outcomes)
    found["rejected"] = len(rejected)
    for outcome, number in found.items():
        running.metrics.events.labels(str(outcome)).inc(number)
