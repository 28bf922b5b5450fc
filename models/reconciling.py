"""Nothing acknowledged is lost: arrivals against bodies, records and events, each counted apart."""

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# An arrival is the first of its body or a repetition. A body without its item would be in neither
# sum, and a record without its event shows as one that is missing.
BODIES = """
SELECT count(*) AS acknowledged,
       count(*) FILTER (WHERE place > 1) AS duplicate,
       count(*) FILTER (WHERE place = 1 AND status = 'waiting') AS waiting,
       count(*) FILTER (WHERE place = 1 AND status = 'mapped') AS mapped,
       count(*) FILTER (WHERE place = 1 AND status = 'quarantined') AS quarantined,
       count(*) FILTER (WHERE place = 1 AND status = 'dismissed') AS dismissed
FROM (
    SELECT i.status, row_number() OVER (PARTITION BY a.inbox_id ORDER BY a.id) AS place
    FROM arrivals a LEFT JOIN inbox i ON i.id = a.inbox_id
    WHERE CAST(:connector AS text) IS NULL OR a.connector = :connector
) AS counted
"""

WITHOUT_BODY = """
SELECT count(*) AS without_content FROM inbox i
WHERE (CAST(:connector AS text) IS NULL OR i.connector = :connector)
  AND i.size > 0
  AND NOT EXISTS (SELECT FROM inbox_parts p WHERE p.inbox_id = i.id)
"""

RECORDS = """
SELECT coalesce(sum(CAST(counts->>'records' AS bigint)), 0) AS records,
       coalesce(sum(CAST(counts->>'accepted' AS bigint)), 0) AS accepted,
       coalesce(sum(CAST(counts->>'duplicates' AS bigint)), 0) AS duplicates,
       coalesce(sum(CAST(counts->>'superseded' AS bigint)), 0) AS superseded,
       coalesce(sum(CAST(counts->>'quarantined' AS bigint)), 0) AS quarantined,
       coalesce(sum(CAST(counts->>'conflicts' AS bigint)), 0) AS conflicts,
       coalesce(sum(CAST(counts->>'skipped' AS bigint)), 0) AS skipped,
       coalesce(sum(CAST(counts->>'rejected' AS bigint)), 0) AS rejected,
       coalesce(sum(CAST(counts->>'withheld' AS bigint)), 0) AS withheld,
       coalesce(sum(CAST(counts->>'retracted' AS bigint)), 0) AS retracted
FROM inbox WHERE CAST(:connector AS text) IS NULL OR connector = :connector
"""

# Per body, how many events it is said to have become, and how many are there.
MISSING = """
SELECT CAST(coalesce(sum(greatest(claimed - found, 0)), 0) AS bigint) AS missing_events FROM (
    SELECT CAST(i.counts->>'accepted' AS bigint) + CAST(i.counts->>'superseded' AS bigint)
             + CAST(i.counts->>'quarantined' AS bigint) AS claimed,
           (SELECT count(DISTINCT (e.source, e.event_id, e.version))
            FROM events e WHERE e.inbox_id = i.id) AS found
    FROM inbox i
    WHERE i.counts IS NOT NULL AND (CAST(:connector AS text) IS NULL OR i.connector = :connector)
) AS counted
"""


# One statement, so that all sums are of one moment.
ALL = text(f"""
SELECT to_jsonb(of_bodies) AS bodies, to_jsonb(of_records) AS records, without_content,
       missing_events
FROM ({BODIES}) AS of_bodies, ({RECORDS}) AS of_records, ({WITHOUT_BODY}) AS kept,
     ({MISSING}) AS stored
""")


class Bodies(BaseModel):
    acknowledged: int = Field(description="Deliveries that were answered with 202.")
    duplicate: int = Field(description="Those that repeated an earlier one.")
    waiting: int
    mapped: int
    quarantined: int
    dismissed: int


class Records(BaseModel):
    """Of the bodies as they were mapped last."""

    records: int
    accepted: int
    duplicates: int
    superseded: int
    quarantined: int
    conflicts: int
    skipped: int
    rejected: int
    withheld: int = Field(description="Of tables that are all or nothing, where a row was refused.")
    retracted: int = Field(description="Said by an earlier mapping, and no longer.")


class Reconciled(BaseModel):
    holds: bool
    bodies: Bodies
    without_content: int = Field(description="Bodies of which nothing is kept: none.")
    records: Records
    missing_events: int = Field(description="Said to be stored, and not there: none.")


async def reconcile(session: AsyncSession, connector: str | None) -> Reconciled:
    """The sums of one connector, or of all, at one moment."""
    row = (await session.execute(ALL, {"connector": connector})).one()
    bodies, records = Bodies(**row.bodies), Records(**row.records)
    became, ended = bodies.model_dump(), records.model_dump()
    acknowledged = became.pop("acknowledged")
    total = ended.pop("records") + ended.pop("retracted")
    return Reconciled(
        holds=(
            acknowledged == sum(became.values())
            and total == sum(ended.values())
            and not row.without_content
            and not row.missing_events
        ),
        bodies=bodies,
        without_content=row.without_content,
        records=records,
        missing_events=row.missing_events,
    )
