"""Tallies: how many events of a slice carry a word, such as a theme or the weekday of a check.

Beside cells, from the same events: a cell has sums of an indicator, a tally counts events.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.calendar import ShiftPattern, date_of_shift
from models.cells import PROVIDER
from models.context import ServiceContext
from models.counting import Counted, themes_of
from models.facts import FFT_POSITIVE
from models.vocabulary import Band, Family, TallyKind

#: Looking on purpose; reading records at a desk is not among these.
CHECKS = frozenset(("audit.completed", "observation.completed", "knowledge.checked"))
FFT_NEGATIVE = frozenset(("poor", "very_poor"))
HIGHEST_NEGATIVE_RATING = 2
LOWEST_POSITIVE_RATING = 4


class Tally(OfProvider, Base):
    """Events of one slice that carry a word, in one team, area and band.

    A word is a theme of the catalogue's vocabulary, or as its source wrote it where no alias
    maps it, or an ISO weekday from '1', Monday. An event with two themes is in two tallies, so
    tallies of different words do not add up to events. '' stands where cells have it.
    """

    __tablename__ = "tallies"
    __table_args__ = (
        one_of("family", Family),
        one_of("kind", TallyKind),
        one_of("band", Band, or_empty=True),
    )

    service: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    family: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(primary_key=True)
    area: Mapped[str] = mapped_column(primary_key=True)
    band: Mapped[str] = mapped_column(primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger)


class TallyRow(NamedTuple):
    """One tally as it is read from the database, over all families."""

    month: date
    kind: str
    word: str
    team: str
    area: str
    band: str
    events: int


DELETE_TALLIES = """
DELETE FROM tallies t USING unnest($2::date[], $3::text[]) AS slice (month, family)
WHERE t.service = ANY($1) AND t.month = slice.month AND t.family = slice.family
"""

INSERT_TALLIES = f"""
INSERT INTO tallies (provider_id, service, month, family, kind, word, team, area, band, events)
SELECT {PROVIDER}, $1, tally.*
FROM unnest($2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::bigint[]) AS tally
"""

#: The columns of `TallyRow`; a weekday is the sum over all kinds of check.
TALLIES_OF_SERVICE = """
SELECT month, kind, word, team, area, band, sum(events)::bigint AS events FROM tallies
WHERE service = $1 AND month BETWEEN $2 AND $3
GROUP BY month, kind, word, team, area, band
"""

#: Kind, word, team, area, band.
TallyKey = tuple[str, str, str, str, str]


def tally(counted: Iterable[Counted], context: ServiceContext) -> dict[TallyKey, int]:
    """How many events of one month and family carry each word; excluded ones carry none."""
    patterns = context.shift_patterns()
    tallies: dict[TallyKey, int] = {}
    for item in counted:
        if item.excluded is not None:
            continue
        for kind, word in _words(item, context, patterns):
            key = (kind.value, word, item.team, item.area, item.band)
            tallies[key] = tallies.get(key, 0) + 1
    return tallies


def _words(
    item: Counted, context: ServiceContext, patterns: tuple[ShiftPattern, ...]
) -> Iterator[tuple[TallyKind, str]]:
    event = item.event
    if (kind := theme_kind(item)) is not None:
        for theme in themes_of(event, context.theme_aliases):
            yield kind, theme
    if event.type in CHECKS:
        # The day on which somebody looked, whatever time `about` says the evidence speaks of.
        day = date_of_shift(event.occurred_at, patterns)
        yield TallyKind.CHECK_DAY, str(day.isoweekday())


def theme_kind(item: Counted) -> TallyKind | None:
    """What it means that this event names a theme; None where that says nothing.

    Only outside voices are heard in complaints and feedback, as in the indicators.
    """
    data = item.event.data
    match item.event.type:
        case "audit.completed":
            return TallyKind.WEAK_THEME
        case "complaint.received" if item.facts["complaints"]:
            return TallyKind.COMPLAINT_THEME
        case "feedback.received" if data["respondent"] != "staff":
            return _feeling(data)
    return None


def _feeling(data: dict[str, Any]) -> TallyKind | None:
    """Whether an answer complains or praises.

    One that does both complains: praise must not hide it. Of an answer in the middle, or one
    that rates nothing ("do not know"), nobody can say which its themes do.
    """
    rating, fft = data.get("rating"), data.get("fft")
    if fft in FFT_NEGATIVE or (rating is not None and rating <= HIGHEST_NEGATIVE_RATING):
        return TallyKind.NEGATIVE_THEME
    if fft in FFT_POSITIVE or (rating is not None and rating >= LOWEST_POSITIVE_RATING):
        return TallyKind.POSITIVE_THEME
    return None
