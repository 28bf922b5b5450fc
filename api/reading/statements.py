"""Coverage of the regulator's statements: which evidence, how fresh, from whose perspective.

What bears on a statement is said, and whether anything does; how good it is is not, and no rating.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Holder, Now, RunningApp, require
from api.governing.at_service import ServiceId
from api.governing.route import states_then
from api.problems import Problem, problems
from api.reading.asked import Asked, AsOf, KnownAt, asked, refuse
from api.reading.conclusions import (
    COMPUTING,
    Conclusion,
    being_computed,
    conclusion_of,
    context_of,
)
from api.reading.statement_schemas import (
    CoverageState,
    EvidenceGiven,
    FrameworkNamed,
    RecordGiven,
    StatementCovered,
    StatementsView,
    Voices,
)
from models.calendar import add_months
from models.catalogue import Indicator
from models.cells import mark_as_of
from models.db import transaction
from models.frameworks import FRAMEWORKS, KEY_QUESTIONS, Framework, framework_in_force
from models.statements import statements_of_indicator
from models.vocabulary import Channel, Perspective, RecordStatus, Scope

Word = TypeVar("Word", bound=StrEnum)

router = APIRouter(
    prefix="/v1/services/{service}",
    tags=["reading"],
    dependencies=[require(Scope.VIEWS_READ)],
)

#: Evidence of which the latest month is so many months back, or more, is stale.
STALE_MONTHS = 3


@router.get(
    "/statements",
    response_model=StatementsView,
    responses={**COMPUTING, **problems("not_found", "nothing_known_then", "invalid")},
)
async def read_statements(
    service: ServiceId,
    running: RunningApp,
    holder: Holder,
    now: Now,
    framework: Annotated[
        str | None,
        Query(
            max_length=200,
            description="By default the one in force in the month of `as_of`.",
            examples=["saf2023"],
        ),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> StatementsView | Response:
    """Which evidence bears on each statement, how fresh it is, and from whose perspective.

    `no_evidence`: no indicator that bears on it has said anything. `stale`: none has in the last
    three months, that of `as_of` among them. `one_perspective`: in these months only the provider
    itself did, or only people outside. `covered`: both. A rate says something in every month of
    known care, once anything of its kind was ever reported. None of these is a rating.
    """
    question = asked(as_of, known_at, now)
    chosen = framework_asked(framework, question.as_of)
    conclusion = await conclusion_of(running, holder, service, question)
    if conclusion is None:
        return being_computed(service)
    async with transaction(running.sessions, holder.provider) as session:
        if bytes(conclusion.judged.evidence):
            return await coverage(session, conclusion, question, chosen)
        if question.known_at is not None:
            raise Problem(
                "nothing_known_then",
                "How fresh the evidence of each indicator was is not in the figures of then.",
            )
        await mark_as_of(session, conclusion.ids[0], question.as_of)
    running.doorbell.press(holder.provider, [conclusion.ids[0]])
    return being_computed(service)


def framework_asked(code: str | None, as_of: date) -> Framework:
    if code is None:
        found = framework_in_force(add_months(as_of, 1) - timedelta(days=1))
        if found is None:
            detail = "Name one; none that is known here was in force then."
            raise refuse("framework", "no_framework_in_force", detail)
        return found
    for each in FRAMEWORKS:
        if each.code == code:
            return each
    known = ", ".join(each.code for each in FRAMEWORKS)
    raise refuse("framework", "unknown_framework", f"There is no {code!r}; there are {known}.")


async def coverage(
    session: AsyncSession, conclusion: Conclusion, question: Asked, framework: Framework
) -> StatementsView:
    context = await context_of(session, conclusion)
    then = ""
    if question.known_at is not None:
        then = f"?{urlencode({'known_at': question.known_at.isoformat()})}"
    base = f"/v1/services/{quote(conclusion.service, safe='')}"
    said = msgspec.json.decode(conclusion.judged.evidence)
    records = [
        record
        for back in range(STALE_MONTHS)
        for record in await states_then(
            session,
            conclusion.ids,
            question.known_at,
            month=add_months(question.as_of, -back),
            status=RecordStatus.SIGNED,
        )
    ]
    return StatementsView(
        service=conclusion.service,
        as_of=conclusion.judged.as_of,
        snapshot=str(conclusion.snapshot),
        framework=FrameworkNamed(
            code=framework.code, title=framework.title, status=framework.status
        ),
        stale_months=STALE_MONTHS,
        statements=[
            covered(
                f"{framework.code}:{code}",
                title,
                [
                    evidence_given(one, said[one.code], f"{framework.code}:{code}", question, base)
                    for one in context.indicators
                    if one.code in said
                    and f"{framework.code}:{code}" in statements_of_indicator(one.statements)
                ],
                [record_given(one, base, then) for one in records if bears(one, framework, code)],
            )
            for code, title in framework.titles.items()
        ],
    )


def bears(record: dict[str, Any], framework: Framework, code: str) -> bool:
    return f"{framework.code}:{code}" in record["statements"]


def evidence_given(
    indicator: Indicator, said: dict[str, Any], statement: str, question: Asked, base: str
) -> EvidenceGiven:
    through = [
        each
        for each in indicator.statements
        if each != statement and statement in statements_of_indicator([each])
    ]
    latest = said["latest"]
    link = {"indicator": indicator.code, "as_of": f"{question.as_of:%Y-%m}"}
    if question.known_at is not None:
        link["known_at"] = question.known_at.isoformat()
    return EvidenceGiven(
        indicator=indicator.code,
        name=indicator.name,
        channel=indicator.channel,
        category=indicator.category,
        perspective=indicator.perspective,
        through=[] if statement in indicator.statements else through,
        events=said["events"],
        latest_month=latest,
        months_old=None if latest is None else months_since(latest, question.as_of),
        links=[f"{base}/evidence?{urlencode(link)}"],
    )


def months_since(month: str, as_of: date) -> int:
    year, number = map(int, month.split("-"))
    return (as_of.year - year) * 12 + as_of.month - number


def covered(
    code: str, title: str, evidence: list[EvidenceGiven], records: list[RecordGiven]
) -> StatementCovered:
    """A statement with what bears on it, and the first state that holds."""
    newest = min(
        (one for one in evidence if one.months_old is not None),
        key=lambda one: one.months_old or 0,
        default=None,
    )
    fresh = [one for one in evidence if is_fresh(one)]
    present = in_order(Perspective, (one.perspective for one in fresh))
    if newest is None:
        state = CoverageState.NO_EVIDENCE
    elif not fresh:
        state = CoverageState.STALE
    elif len(present) < len(Perspective):
        state = CoverageState.ONE_PERSPECTIVE
    else:
        state = CoverageState.COVERED
    return StatementCovered(
        code=code,
        title=title,
        key_question=KEY_QUESTIONS[code.partition(":")[2][0]],
        state=state,
        evidence=evidence,
        channels=in_order(Channel, (one.channel for one in fresh)),
        perspectives=Voices(
            present=present, absent=[each for each in Perspective if each not in present]
        ),
        latest_month=None if newest is None else newest.latest_month,
        months_old=None if newest is None else newest.months_old,
        records=records,
    )


def is_fresh(evidence: EvidenceGiven) -> bool:
    return evidence.months_old is not None and evidence.months_old < STALE_MONTHS


def in_order(words: type[Word], found: Iterable[Word]) -> list[Word]:
    """Each word once, in the order of the vocabulary."""
    seen = set(found)
    return [each for each in words if each in seen]


def record_given(record: dict[str, Any], base: str, then: str) -> RecordGiven:
    return RecordGiven(
        id=record["id"],
        strand=record["strand"],
        stage=record["stage"],
        title=record["title"],
        month=record["month"],
        segment=record["segment"],
        signed_by=record["signed_by"],
        signed_at=record["signed_at"],
        link=f"{base}/records/{record['id']}{then}",
    )
