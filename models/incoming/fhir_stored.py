"""What is stored of FHIR records: the versions of one, and which ones an identifier names."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from models.incoming.fhir_reading import SOURCE, Identity, identity_of
from models.incoming.fhir_references import read_written
from models.incoming.refusals import Refused, echo

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[Any]

#: By identity, which versions there are and whether each retracts.
Versions = dict[Identity, dict[int, bool]]
MOST_ALTERNATIVES = 20

VERSIONS = """
SELECT e.source, e.event_id, e.version, e.retracted
FROM unnest($1::text[], $2::text[]) AS s (source, event_id)
JOIN events e USING (source, event_id)
"""

# A retraction has no type, and still is the record that it takes back.
NAMED = """
SELECT DISTINCT e.source, e.event_id
FROM unnest($2::text[], $3::text[]) AS s (source, event_id)
JOIN events e USING (source, event_id)
WHERE e.type = $1 OR e.type IS NULL
"""

# Without a system every one is meant. There are few sources, and each is found by one step along
# the primary key, so a provider's many events are not read.
NAMED_IN_ANY_SYSTEM = f"""
WITH RECURSIVE sources AS (
    (SELECT source FROM events ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT e.source FROM events e WHERE e.source > s.source ORDER BY e.source LIMIT 1)
    FROM sources s WHERE s.source IS NOT NULL
)
SELECT DISTINCT e.source, e.event_id
FROM sources s
CROSS JOIN unnest($2::text[]) AS sought (value)
JOIN events e ON e.source = s.source
    AND e.event_id = substr(s.source, {len(SOURCE) + 1}) || '|' || sought.value
WHERE starts_with(s.source, '{SOURCE}') AND (e.type = $1 OR e.type IS NULL)
"""


async def versions_of(connection: "Connection", identities: Iterable[Identity]) -> Versions:
    wanted = sorted(set(identities))
    found: Versions = {}
    if wanted:
        sources, ids = zip(*wanted, strict=True)
        for source, event_id, version, retracts in await connection.fetch(VERSIONS, sources, ids):
            found.setdefault(Identity(source, event_id), {})[version] = retracts
    return found


class Criteria:
    """What `If-None-Exist` asks for: identifiers, of which any one will do."""

    def __init__(self, query: str, service: str, event_type: str) -> None:
        self._service = service
        self.event_type = event_type
        self.exact: list[Identity] = []
        self.any_system: list[str] = []
        sought = _pairs(query.rpartition("?")[2])
        if len(sought) != 1 or sought[0][0] != "identifier":
            raise Refused(
                "not_supported", "", "If-None-Exist takes identifier=<system>|<value> and no more."
            )
        alternatives = sought[0][1].split(",")
        if len(alternatives) > MOST_ALTERNATIVES:
            raise Refused("too_long", "", f"At most {MOST_ALTERNATIVES} identifiers are asked for.")
        for written in alternatives:
            self._add(written)

    def _add(self, text: str) -> None:
        identifier = read_written(text)
        if not identifier.value or "\x00" in text:
            raise Refused("missing_field", "", f"'{echo(text)}' says no value of an identifier.")
        self.exact.append(identity_of(identifier, self._service))
        if "|" not in text:
            self.any_system.append(identifier.value)


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return []


async def named_by(connection: "Connection", criteria: Criteria) -> set[Identity]:
    """The records that match, whatever their newest version says of them."""
    kind = criteria.event_type
    found: set[Identity] = set()
    if criteria.exact:
        sources, ids = zip(*criteria.exact, strict=True)
        found |= {Identity(*row) for row in await connection.fetch(NAMED, kind, sources, ids)}
    if criteria.any_system:
        rows = await connection.fetch(NAMED_IN_ANY_SYSTEM, kind, criteria.any_system)
        found |= {Identity(*row) for row in rows}
    return found
