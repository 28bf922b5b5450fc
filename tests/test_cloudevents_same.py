"""A law: whatever event of ours is sent, and in whatever way, the same row is stored."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.event_types import SHAPES
from models.vocabulary import Band, ProviderId
from tests.cloudevents_sent import WAYS
from tests.ingested import OF_A_ROW, Connection
from tests.sent import EXAMPLES, buckets

SINCE = datetime(2000, 1, 3, tzinfo=UTC)
ITEMS = {"items_due": 5, "items_met": 4, "practice": "hand hygiene"}

_signs = st.characters(codec="utf-8", exclude_characters="\0")
_words = st.text(_signs, min_size=1, max_size=30) | st.sampled_from(
    ["oak", "null", "true", "1", "{}", "%", "%41", '"', '"a"', "a/b", " a ", "\\u0041", "uk.care"]
)
_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_instants = st.builds(
    lambda since, offset: (SINCE + since).astimezone(offset).isoformat(),
    st.timedeltas(timedelta(0), timedelta(days=9_500)),
    st.just(UTC) | _offsets,
)
_spans = st.lists(_instants, min_size=2, max_size=2, unique_by=datetime.fromisoformat).map(
    lambda pair: dict(zip(("from", "to"), sorted(pair, key=datetime.fromisoformat), strict=True))
)
_abouts = st.sampled_from([{"band": band.value} for band in Band]) | _spans
_scalars = (
    st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(_signs, max_size=200)
)
#: Names of own fields may not be those of a person, so they are numbered.
_own = st.dictionaries(st.integers(0, 99).map("x_own_{}".format), _scalars, max_size=3)
_kinds = st.sampled_from(sorted(SHAPES))
_optional: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("team", "area", "person", "staff"), st.none() | _words),
    "recorded_at": st.none() | _instants,
    "about": st.none() | _abouts,
    "version": st.integers(1, 2**31 - 1),
    "retracted": st.booleans(),
}


def _events_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "source": _words,
            "type": st.just(kind),
            # A subject cannot name a service with a slash in it.
            "service": _words.map(lambda word: word.replace("/", "-")),
            "occurred_at": _instants,
            "data": _own.map(lambda own: EXAMPLES.get(kind, ITEMS) | own),
        },
        optional=_optional,
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(event=_kinds.flatmap(_events_of))
async def test_every_way_stores_the_same_row(
    event: dict[str, Any], client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    prefix = str(uuid4())
    ways = list(WAYS.values())
    for place, way in enumerate(ways):
        named = event | {"id": f"{prefix} {place}"}
        answer = await way(named).by(client)
        assert answer.status_code == 202, (way, answer.text)
        again = await ways[place - 1](named).by(client)
        assert buckets(again.json()) == {"duplicates": 1}, (way, again.text)
    stored = await admin.fetch(
        "SELECT * FROM events WHERE provider_id = $1 AND starts_with(event_id, $2)",
        provider,
        prefix,
    )
    rows = [{name: row[name] for name in set(row.keys()) - OF_A_ROW} for row in stored]
    assert len(rows) == len(ways)
    assert all(row == rows[0] for row in rows), rows
