"""What was seen and asked on a visit becomes evidence, with the record as its source.

The events of a record are made to agree with what it says now: new ones are sent, changed ones as
a new version, and those it says no more are taken back. Saying the same again changes nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.bodies import Flaw, refuse
from api.governing.record_bodies import Observed
from models.axes import axis_of
from models.calendar import band_of, local_date
from models.context import ServiceContext
from models.db import driver
from models.incoming.content import Terms
from models.incoming.refusals import Refused
from models.incoming.validation import CLOCK_SKEW, OWN_SOURCE, read_item, retraction_of
from models.keyring import Pseudonyms
from models.records import Record
from models.storing import Row, store
from models.vocabulary import Axis, Strand

Item = dict[str, Any]

#: Each event of a record as it stands, its highest version and whether it was taken back.
TOLD = """
SELECT DISTINCT ON (event_id) event_id, version, retracted, content_hash FROM events
WHERE source = $1 ORDER BY event_id, version DESC
"""


def refuse_places(
    context: ServiceContext, strand: Strand, segment: str, entries: Sequence[Observed]
) -> None:
    """422 where an entry speaks of another segment than its record, or of an unknown team."""
    axis = axis_of(strand, context, {segment} if strand is Strand.EVIDENCE_ALIGNMENT else ())
    teams = context.teams_by_name()
    flaws = []
    for place, entry in enumerate(entries):
        at = f"/body/entries/{place}"
        if entry.team is not None and entry.team not in teams:
            flaws.append(Flaw(f"{at}/team", "unknown_team", f"There is no team {entry.team!r}."))
            continue
        found = segment_seen(context, axis, segment, entry)
        if found != segment:
            pointer = "at" if axis is Axis.BAND else "team"
            detail = f"This was in '{found}', and the record is about '{segment}'."
            flaws.append(Flaw(f"{at}/{pointer}", "other_segment", detail))
    refuse("invalid", flaws)


def segment_seen(context: ServiceContext, axis: Axis, segment: str, entry: Observed) -> str:
    """The segment that a visit was to; that of the record where the entry does not say."""
    if axis is Axis.BAND:
        return band_of(entry.at, context.shift_patterns())
    if entry.team is None:
        return segment
    team = context.teams_by_name()[entry.team]
    place = team.place_on(local_date(entry.at))
    return (place and place.area) or team.code if axis is Axis.AREA else team.code


def leads_what_it_saw(
    context: ServiceContext, segment: str, entries: Sequence[Observed], person: str, name: str
) -> bool:
    """Whether somebody who leads an observed team observed it: true, and to be known."""
    teams = context.teams_by_name()
    for entry in entries:
        team = teams.get(entry.team or segment)
        place = team.place_on(local_date(entry.at)) if team is not None else None
        if place is not None and place.led_by in {person, name}:
            return True
    return False


def items_of(record: Record, context: ServiceContext) -> Iterator[tuple[int, Item]]:
    """Events that a record tells of, each with the place of its entry."""
    teams = context.teams_by_name()
    areas = {place.area for team in context.teams for place in team.places}
    area = record.segment if record.strand == Strand.EVIDENCE_ALIGNMENT else None
    if area in teams and area not in areas:
        area = None
    alone = record.segment if record.segment in teams and area is None else None
    for place, entry in enumerate(record.body["entries"]):
        named = entry["team"] or alone
        team = teams[named].code if named is not None else None
        counts = {
            "practice/observation.completed": entry["practice"]
            and (entry["practice"]["items_due"], entry["practice"]["items_met"]),
            "knowledge/knowledge.checked": entry["knowledge"]
            and (entry["knowledge"]["asked"], entry["knowledge"]["known"]),
        }
        for kind, counted in counts.items():
            if counted is None:
                continue
            what, event_type = kind.split("/")
            of = entry[what]["of"]
            yield (
                place,
                {
                    "id": f"{entry['id']}/{what}",
                    "source": f"{OWN_SOURCE}{record.lineage}",
                    "type": event_type,
                    "service": record.service,
                    "team": team,
                    "area": area if team is None else None,
                    "occurred_at": entry["at"],
                    "data": {
                        "items_due": counted[0],
                        "items_met": counted[1],
                        **({"practice": of} if of is not None else {}),
                        "x_record": str(record.id),
                        "x_author_leads_team": record.author_leads,
                    },
                },
            )


async def tell(
    session: AsyncSession,
    context: ServiceContext,
    pseudonyms: Pseudonyms,
    record: Record,
    *,
    holds: bool,
    now: datetime,
) -> set[str]:
    """Make the evidence of a record's lineage say what the record does; nothing unless it `holds`.

    Answers with the services whose scores look at it anew. 422 for what no event could say.
    """
    connection = await driver(session)
    source = f"{OWN_SOURCE}{record.lineage}"
    told = {row["event_id"]: row for row in await connection.fetch(TOLD, source)}
    rows: list[Row] = []
    wanted = list(items_of(record, context)) if holds else []
    for place, item in wanted:
        before = told.pop(item["id"], None)
        version = 1 if before is None else before["version"]
        row = _row(item, version, pseudonyms, place, now)
        if before is not None:
            if before["content_hash"] == row.content_hash:
                continue
            row = _row(item, version + 1, pseudonyms, place, now)
        rows.append(row)
    rows += [
        retraction_of(event_id, source, record.service, before["version"] + 1)
        for event_id, before in told.items()
        if not before["retracted"]
    ]
    if not rows:
        return set()
    return (await store(connection, rows)).services


def _row(item: Item, version: int, pseudonyms: Pseudonyms, place: int, now: datetime) -> Row:
    encoded = msgspec.json.encode(item | {"version": version})
    try:
        return read_item(encoded, Terms(), pseudonyms, now + CLOCK_SKEW, ours=True)
    except Refused as refused:
        refuse("invalid", [Flaw(f"/body/entries/{place}/at", refused.code, refused.detail)])
        raise
