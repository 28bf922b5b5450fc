"""Sums by day beside the cells, from the same events: incidents, and what people say.

A month is too long to see a cluster of falls, and a cell says nothing of category or respondent.
"""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of
from models.calendar import local_date
from models.cells import PROVIDER
from models.counting import Counted
from models.vocabulary import Band, Family, family_of


class Day(OfProvider, Base):
    """Events of one day in one team, area and band; '' stands where cells have it.

    `category` is that of incidents and the respondent of the rest; `harm` is of incidents alone.
    `rating_sum` is in hundredths. Sums that a family does not have are 0.
    """

    __tablename__ = "days"
    __table_args__ = (one_of("family", Family), one_of("band", Band, or_empty=True))

    service: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    family: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(primary_key=True)
    area: Mapped[str] = mapped_column(primary_key=True)
    band: Mapped[str] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    harm: Mapped[str] = mapped_column(primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger)
    near_misses: Mapped[int] = mapped_column(BigInteger)
    escalations_due: Mapped[int] = mapped_column(BigInteger)
    escalated_on_time: Mapped[int] = mapped_column(BigInteger)
    rated: Mapped[int] = mapped_column(BigInteger)
    rating_sum: Mapped[int] = mapped_column(BigInteger)
    fft_answers: Mapped[int] = mapped_column(BigInteger)
    fft_positive: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("now()")
    )


#: Families of which days are kept.
BY_DAY = frozenset({Family.INCIDENT, Family.FEEDBACK, Family.COMPLAINT, Family.COMPLIMENT})
#: Of each sum after `events`, the facts that add to it; of feedback one of two speaks.
SUMS: tuple[tuple[str, ...], ...] = (
    ("near_miss",),
    ("escalation_due",),
    ("escalated_on_time",),
    ("external_rated", "staff_rated"),
    ("external_rating", "staff_rating"),
    ("external_fft", "staff_fft"),
    ("external_positive", "staff_positive"),
)

DELETE_DAYS = """
DELETE FROM days d USING unnest($2::date[], $3::text[]) AS slice (month, family)
WHERE d.service = ANY($1) AND d.month = slice.month AND d.family = slice.family
"""

INSERT_DAYS = f"""
INSERT INTO days (provider_id, service, month, family, day, team, area, band, category, harm,
                  events, near_misses, escalations_due, escalated_on_time, rated, rating_sum,
                  fft_answers, fft_positive)
SELECT {PROVIDER}, $1, day.*
FROM unnest($2::date[], $3::text[], $4::date[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
            $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[]) AS day
"""

#: Day, team, area, band, category or respondent, harm.
DayKey = tuple[date, str, str, str, str, str]


def sum_days(counted: Iterable[Counted]) -> dict[DayKey, list[int]]:
    """Sums of one month and family by day; excluded events are in none."""
    days: dict[DayKey, list[int]] = {}
    for item in counted:
        event = item.event
        if item.excluded is not None or family_of(event.type) not in BY_DAY:
            continue
        category = event.data.get("category") or event.data.get("respondent") or ""
        key = (
            local_date(event.occurred_at),
            item.team,
            item.area,
            item.band,
            category,
            event.data.get("harm") or "",
        )
        sums = days.setdefault(key, [0] * (1 + len(SUMS)))
        sums[0] += 1
        for place, facts in enumerate(SUMS, start=1):
            sums[place] += sum(item.facts.get(fact, 0) for fact in facts)
    return days
