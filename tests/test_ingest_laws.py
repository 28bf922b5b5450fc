"""A law: whatever is sent as events, each item is stored or refused and nothing breaks."""

import json

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sent import buckets, dose

JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}
_words = st.text(max_size=20) | st.sampled_from(["given", "oak", "2026-03-01T08:00:00Z", "\x00"])
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _words
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=8,
)
_fields = st.sampled_from([*dose(), "about", "person", "recorded_at", "retracted", "version"])
_data = st.dictionaries(st.sampled_from(["status", "due_at", "x_a", "x_", "prn"]) | _words, _values)
_changed = st.dictionaries(_fields, _values, max_size=3).map(lambda changes: dose() | changes)
_items = _values | _changed | _data.map(lambda data: dose(data=data))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(items=st.lists(_items, max_size=5))
async def test_any_items_are_each_in_one_bucket(
    items: list[object], client: httpx.AsyncClient
) -> None:
    body = json.dumps(items)
    unreadable = any(word in body for word in ("Infinity", "NaN"))
    answer = await client.post("/v1/events", content=body, headers=JSON)
    if answer.status_code == 422:
        assert len(answer.json()["errors"]) == len(items)
    elif answer.status_code == 400:
        assert unreadable
    else:
        assert answer.status_code == 202
        assert sum(buckets(answer.json()).values()) == len(items)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.integers(0, 400), cut=st.integers(0, 30), put=st.binary(max_size=6))
async def test_any_damage_to_a_body_is_a_4xx_or_a_receipt(
    start: int, cut: int, put: bytes, client: httpx.AsyncClient
) -> None:
    body = json.dumps([dose(1), dose(2)]).encode()
    damaged = body[:start] + put + body[start + cut :]
    for headers in (JSON, LINES):
        answer = await client.post("/v1/events", content=damaged, headers=headers)
        assert answer.status_code in {202, 400, 422}, (damaged, answer.text)
