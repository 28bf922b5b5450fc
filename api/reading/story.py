"""The whole story: what the figures say, frozen, with what people signed and what is still open.

The figures of a month and the records of that month belong together; both are answered as they
are, or as they were known.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.governing.route import states_then
from api.reading.asked import Asked
from api.reading.conclusions import Conclusion
from api.reading.quoted import (
    Quoting,
    in_words,
    judgement_of,
    quoted_from,
    role_words,
)
from models.axes import BAND_WORDS
from models.roles import EVERY_SERVICE, Person
from models.trail import Resource, known_then
from models.vocabulary import (
    AUTHOR_OF,
    BY_SEGMENT,
    TITLE_OF,
    Band,
    Level,
    RecordStatus,
    SegmentStatus,
    Stage,
    StoryPart,
    Strand,
)

State = dict[str, Any]
ORDER = tuple(part.value for part in StoryPart)
STAGES = tuple(stage.value for stage in Stage)
#: Segments of these need nobody to look at them or to help.
SETTLED = frozenset({SegmentStatus.REACHED, SegmentStatus.NOT_PROVIDED})


class Named(msgspec.Struct, frozen=True):
    code: str
    name: str
    status: SegmentStatus


class Segments(msgspec.Struct, frozen=True):
    """What the story has to know of a strand's frozen content."""

    segments: list[Named]

    @property
    def unsettled(self) -> list[str]:
        return [one.code for one in self.segments if one.status not in SETTLED]


async def whole_story(
    session: AsyncSession, conclusion: Conclusion, question: Asked, overseen: State
) -> msgspec.Raw:
    """The frozen story with the signed records of its month, and what is missing of the route."""
    story = msgspec.json.decode(conclusion.judged.story)
    at = question.known_at
    then = "" if at is None else f"?{urlencode({'known_at': at.isoformat()})}"
    link = f"/v1/services/{quote(conclusion.service, safe='')}"
    records = await states_then(
        session, conclusion.ids, at, month=question.as_of, status=RecordStatus.SIGNED
    )
    records.sort(key=place_on_route)
    people = await _people(session, at, records)
    sentences = [as_frozen(each, at) for each in story["sentences"]]
    missing = [pinned(each, at) for each in story["missing"]]
    judgements = []
    for strand in Strand:
        shown = msgspec.json.decode(conclusion.judged.strands[strand], type=Segments)
        mine = [one for one in records if one["strand"] == strand]
        quoting = Quoting(link, names_of(strand, shown), people, then)
        for record in mine:
            sentences += quoted_from(record, quoting)
        judgements += [judgement_of(one, quoting) for one in mine if one["stage"] == Stage.JUDGE]
        if story["strands"][strand] != Level.NOT_APPLICABLE:
            missing += unsigned(strand, question.as_of, shown, mine, quoting)
    missing += open_still(overseen, link, then)
    sentences.sort(key=lambda each: ORDER.index(each["part"]))
    story |= {"sentences": sentences, "judgements": judgements, "missing": missing}
    return msgspec.Raw(msgspec.json.encode(story))


def place_on_route(record: State) -> tuple[int, datetime, str]:
    """As the route goes, and of one stage as they were signed."""
    stage = STAGES.index(record["stage"])
    return stage, datetime.fromisoformat(record["signed_at"]), record["id"]


def as_frozen(sentence: State, at: datetime | None) -> State:
    """A sentence of the snapshot; one of before there were parts is a strand's claim."""
    told = {"part": StoryPart.SPREAD.value, "strand": sentence["code"].partition(".")[0]}
    return pinned(told | sentence, at)


def pinned(sentence: State, at: datetime | None) -> State:
    """With links to what was known then, where that was asked."""
    if at is None:
        return sentence
    known = urlencode({"known_at": at.isoformat()})
    links = [f"{link}{'&' if '?' in link else '?'}{known}" for link in sentence["links"]]
    return sentence | {"links": links}


def names_of(strand: Strand, shown: Segments) -> dict[str, str]:
    if strand is Strand.SHIFT_COVERAGE:
        return {band.value: words for band, words in BAND_WORDS.items()}
    return {one.code: one.name for one in shown.segments}


async def _people(
    session: AsyncSession, at: datetime | None, records: list[State]
) -> dict[str, str]:
    """Names of those who see to the help that records tell of."""
    owners = {
        entry["owner"]
        for one in records
        if one["stage"] == Stage.SUPPORT
        for entry in one["body"]["entries"]
    }
    if not owners:
        return {}
    if at is not None:
        states = await known_then(session, Resource.PERSON, [EVERY_SERVICE], at)
        return {one["person"]: one["name"] for one in states if one["person"] in owners}
    found = await session.execute(select(Person.code, Person.name).where(Person.code.in_(owners)))
    return {row.code: row.name for row in found}


def unsigned(
    strand: Strand, month: date, shown: Segments, signed: list[State], quoting: Quoting
) -> Iterator[State]:
    """Stages of the route without a signed record; visits and help where they are needed."""
    for stage in Stage:
        there = [one["segment"] for one in signed if one["stage"] == stage]
        lacking: list[str] = []
        if stage in BY_SEGMENT:
            lacking = [code for code in shown.unsettled if code not in there]
            if not lacking:
                continue
        elif there:
            continue
        title, author = TITLE_OF[strand, stage], role_words(AUTHOR_OF[stage])
        of = f" for {quoting.listed(lacking)}" if lacking else ""
        text = f"No {title}{of} is signed for {month:%B %Y} yet; it is for the {author} to write."
        asked = urlencode({"strand": strand.value, "stage": stage.value, "month": f"{month:%Y-%m}"})
        known = quoting.then.replace("?", "&", 1)
        yield {
            "code": f"route.{strand.value}.{stage.value}",
            "strand": strand.value,
            "text": text,
            "figures": {"title": title, "author": AUTHOR_OF[stage].value, "segments": lacking},
            "links": [f"{quoting.link}/records?{asked}{known}"],
        }


def open_still(overseen: State, link: str, then: str) -> Iterator[State]:
    """Reviews that are overdue and escalations that nobody has resolved."""
    for review in overseen["overdue_reviews"]:
        since = in_words(f"{review['overdue_since']}")
        yield {
            "code": "review_overdue",
            "strand": None,
            "text": (
                f"The review of the {role_words(review['role'])} for {review['period']} is overdue"
                f" since {since}."
            ),
            "figures": msgspec.to_builtins(review),
            "links": [f"{link}/reviews{then}"],
        }
    for one in overseen["open_escalations"]:
        about = f" in {_segment(one)}" if one["segment"] else ""
        since = f", seen since {one['since']}" if one["since"] else ""
        owner = one["owner"]["name"] if one["owner"] else "Nobody"
        yield {
            "code": "escalation_open",
            "strand": one["strand"],
            "text": (
                f"Escalated and {one['status']}: {role_words(one['trigger'])}{about}{since}."
                f" {owner} owns it."
            ),
            "figures": msgspec.to_builtins(
                {name: one[name] for name in ("id", "trigger", "segment", "status", "since")}
            ),
            "links": [f"{one['link']}{then}"],
        }


def _segment(one: State) -> str:
    segment: str = one["segment"]
    return BAND_WORDS[Band(segment)] if one["strand"] == Strand.SHIFT_COVERAGE else segment
