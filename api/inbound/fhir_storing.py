"""Resources that were read become rows and are stored, each for itself or all or none.

A transaction is one transaction of the database: one contradiction undoes it. All else goes with
other small posts, as events of ours do.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from api.inbound.bodies import Items
from api.inbound.events import validate
from api.inbound.fhir_outcomes import Answer, expression, issue, location_of
from api.problems import Problem, problem_of
from api.running import Running
from models.db import driver, transaction
from models.incoming.fhir_conversion import Standing
from models.incoming.fhir_reading import KINDS, Identity, Reading, retraction_version
from models.incoming.fhir_stored import Criteria, Versions, named_by, versions_of
from models.storing import Outcome, Row, store
from models.vocabulary import ProviderId

#: A record that changes between the look at what is stored and the storing is looked at again.
MOST_TRIES = 3

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Asked:
    """One resource, what it may only be created without, and how it is called in answers."""

    reading: Reading
    root: str
    criteria: Criteria | None = None


class Contradicted(Exception):
    """Something else is stored under the identity and version of one of these rows."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


class Decided(NamedTuple):
    """What is to be done with each, by place: an answer at once, or something to store."""

    answers: dict[int, Answer]
    to_store: list[int]


async def take(
    running: Running, provider: ProviderId, asked: Sequence[Asked], *, all_or_none: bool
) -> dict[int, Answer]:
    """What became of each, by place. With `all_or_none` one error undoes all others."""
    answers: dict[int, Answer] = {}
    left = list(range(len(asked)))
    for last in (*[False] * (MOST_TRIES - 1), True):
        decided = await _decide(running, provider, asked, left)
        refused = any(answer.is_error for answer in decided.answers.values())
        answers |= decided.answers
        rows, rejected = await _validated(running, provider, asked, decided.to_store)
        answers |= rejected
        if all_or_none and (refused or rejected):
            break
        stored = await _store(running, provider, [row for _, row in rows], all_or_none=all_or_none)
        left = []
        for (place, row), outcome in zip(rows, stored, strict=True):
            if outcome is Outcome.CONFLICT and not last and _depends_on_stored(asked[place]):
                left.append(place)
            elif isinstance(outcome, Outcome):
                answers[place] = _answer(asked[place], outcome, row)
            else:
                answers[place] = _failed(outcome)
        if not left:
            break
        if all_or_none:
            left = list(range(len(asked)))
    return answers


def _depends_on_stored(asked: Asked) -> bool:
    return asked.criteria is not None or asked.reading.standing is Standing.RETRACTED


async def _decide(
    running: Running, provider: ProviderId, asked: Sequence[Asked], places: Sequence[int]
) -> Decided:
    """By what is stored: who exists already, and which version a retraction needs."""
    readings = [asked[place].reading for place in places]
    retracting = [one.identity for one in readings if one.standing is Standing.RETRACTED]
    conditional = {place: c for place in places if (c := asked[place].criteria) is not None}
    versions: Versions = {}
    matches: dict[int, set[Identity]] = {}
    if retracting or conditional:
        async with transaction(running.sessions, provider) as session:
            connection = await driver(session)
            versions = await versions_of(connection, retracting)
            for place, criteria in conditional.items():
                matches[place] = await named_by(connection, criteria)
    decided = Decided({}, [])
    for place in places:
        answer = _answered_by(asked[place], matches.get(place, set()), versions)
        if answer is not None:
            decided.answers[place] = answer
        else:
            decided.to_store.append(place)
    return decided


def _answered_by(asked: Asked, matches: set[Identity], versions: Versions) -> Answer | None:
    """What needs no storing; sets the version of what does."""
    reading = asked.reading
    if len(matches) > 1:
        text = f"{len(matches)} records match If-None-Exist; nothing was stored."
        return Answer(412, [issue("error", "several_match", text, asked.root)])
    if matches:
        text = "A record matches If-None-Exist already; nothing was stored."
        return Answer(200, [issue("information", "exists", text, asked.root)])
    if reading.standing is Standing.NOT_COUNTED and reading.item["version"] == 1:
        return Answer(200, [_not_counted(asked)])
    known = versions.setdefault(reading.identity, {})
    if reading.standing is Standing.RETRACTED:
        version = retraction_version(reading.version, known)
        if version is None:
            text = "This was taken back before; nothing changes."
            return Answer(200, [issue("information", "duplicate", text, asked.root)], max(known))
        reading.item["version"] = version
    known[reading.item["version"]] = reading.standing is not Standing.COUNTED
    return None


async def _validated(
    running: Running, provider: ProviderId, asked: Sequence[Asked], places: Sequence[int]
) -> tuple[list[tuple[int, Row]], dict[int, Answer]]:
    """By all rules that hold for events of ours, in the words of the resource."""
    numbered = [(place, encode(asked[place].reading.item)) for place in places]
    items = Items(numbered, b"\n".join(raw for _, raw in numbered))
    rows, rejections = await validate(running, provider, items)
    rejected = {}
    for said in rejections:
        one = asked[said.index]
        at = expression(one.root, one.reading.place_of(said.pointer))
        refused = [issue("error", said.code, said.detail, at)]
        rejected[said.index] = Answer(422, refused, became="rejected")
    return rows, rejected


async def _store(
    running: Running, provider: ProviderId, rows: Sequence[Row], *, all_or_none: bool
) -> list[Outcome | BaseException]:
    if all_or_none:
        try:
            return [*await _store_all_or_none(running, provider, rows)]
        except Contradicted as contradicted:
            return [*contradicted.outcomes]
    # Side by side, in their order: they share a commit, and what cannot be stored fails alone.
    stored = await asyncio.gather(
        *(running.committer.store(provider, [row]) for row in rows), return_exceptions=True
    )
    found: list[Outcome | BaseException] = []
    for one in stored:
        if isinstance(one, BaseException):
            problem = problem_of(one)
            # The sender has to come again, and what was stored is a duplicate then.
            if problem.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                raise problem
            found.append(problem)
        else:
            found.append(one[0])
    return found


async def _store_all_or_none(
    running: Running, provider: ProviderId, rows: Sequence[Row]
) -> list[Outcome]:
    async with transaction(running.sessions, provider) as session:
        stored = await store(await driver(session), rows)
        if Outcome.CONFLICT in stored.outcomes:
            raise Contradicted(stored.outcomes)
    running.doorbell.press(provider, stored.services)
    return stored.outcomes


def _answer(asked: Asked, outcome: Outcome, row: Row) -> Answer:
    status, severity, text = _SAID[outcome]
    remarks = [
        issue(remark.severity, remark.code, remark.detail, expression(asked.root, remark.pointer))
        for remark in asked.reading.remarks
    ]
    if asked.reading.standing is not Standing.COUNTED and outcome in _IS_STORED:
        status = 200
        text = "Taken back: what was stored of it before no longer counts."
        if asked.reading.standing is Standing.NOT_COUNTED:
            remarks.append(_not_counted(asked))
    code = {Outcome.DUPLICATE: "duplicate", Outcome.CONFLICT: "conflict"}.get(outcome, str(outcome))
    name = f"'{row.event_id}' of source '{row.source}', version {row.version}"
    first = issue(severity, code, f"{text} Event {name}.", asked.root)
    if outcome is Outcome.CONFLICT:
        remarks = []  # They speak of what counts, and nothing of this does.
    location = None
    if status == HTTPStatus.CREATED:
        kind = KIND_OF[str(asked.reading.item["type"])]
        location = location_of(row.service, kind, row.source, row.event_id, row.version)
    return Answer(status, [first, *remarks], row.version, location, str(outcome))


KIND_OF = {kind.event_type: name for name, kind in KINDS.items()}
_IS_STORED = (Outcome.ACCEPTED, Outcome.SUPERSEDED, Outcome.QUARANTINED)
_SAID = {
    Outcome.ACCEPTED: (201, "information", "Stored, and counts."),
    Outcome.SUPERSEDED: (201, "information", "Stored; a higher version was here and decides."),
    Outcome.QUARANTINED: (
        201,
        "warning",
        "Stored; it counts once its service and team are known here, by code or alias.",
    ),
    Outcome.DUPLICATE: (200, "information", "This was here already; nothing changes."),
    Outcome.CONFLICT: (
        409,
        "error",
        "Something else has this identifier and version. A correction needs a higher versionId.",
    ),
}


def _not_counted(asked: Asked) -> dict[str, object]:
    reading = asked.reading
    assert reading.not_counted is not None
    pointer, why = reading.not_counted
    before = " An earlier version no longer counts." if reading.item["version"] > 1 else ""
    return issue("information", "not_counted", why + before, expression(asked.root, pointer))


def _failed(error: BaseException) -> Answer:
    problem = error if isinstance(error, Problem) else problem_of(error)
    return Answer(problem.status_code, [issue("error", problem.name, str(problem.detail))])
