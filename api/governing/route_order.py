"""The order of the route: what has to be signed before, and what stands on a record."""

from collections.abc import Sequence

from api.problems import Problem
from models.records import Record
from models.vocabulary import AUTHOR_OF, TITLE_OF, Stage, Strand


def records_before(
    strand: Strand, stage: Stage, segment: str, signed: Sequence[Record]
) -> list[Record]:
    """The signed records that come directly before one on the route.

    Others look and help where the map names a less stable segment. Where it names none, leaders
    may judge after they have compared. Raises 409 with what is missing.
    """
    by_stage = {each: [one for one in signed if one.stage == each] for each in Stage}
    match stage:
        case Stage.MAP:
            return []
        case Stage.COMPARE:
            needed, found = Stage.MAP, by_stage[Stage.MAP]
        case Stage.OBSERVE:
            needed, found = Stage.COMPARE, by_stage[Stage.COMPARE]
        case Stage.SUPPORT:
            needed = Stage.OBSERVE
            found = [one for one in by_stage[Stage.OBSERVE] if one.segment == segment]
        case Stage.JUDGE:
            maps = by_stage[Stage.MAP]
            stable = bool(maps) and not maps[0].figures["less_stable"]
            needed = Stage.COMPARE if stable else Stage.SUPPORT
            found = by_stage[Stage.SUPPORT] or (by_stage[Stage.COMPARE] if stable else [])
    if found:
        return found
    where = f" of {segment}" if stage is Stage.SUPPORT else ""
    detail = (
        f"The {TITLE_OF[strand, needed]}{where} ({needed}, by the {AUTHOR_OF[needed]}) has to be"
        " signed first."
    )
    raise Problem(
        "conflict",
        detail,
        errors=[{"code": "unsigned_predecessor", "pointer": "/stage", "detail": detail}],
    )


def standing_on(lineage: Sequence[Record], signed: Sequence[Record]) -> list[Record]:
    """Signed records that come directly after one of these."""
    ids = {str(one.id) for one in lineage}
    return [one for one in signed if ids & set(one.follows)]
