"""A law: whatever bytes come as CloudEvents, each is stored or refused and nothing breaks."""

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cloudevents_sent import (
    CE_HEADERS,
    NOTHING,
    Message,
    batched,
    binary,
    cloudevent,
    structured,
)
from tests.sent import buckets, dose

bounded = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_words = st.text(max_size=12) | st.sampled_from(["1.0", "oak", "true", "{", '{"band":1}', "a/b"])
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _words
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from(
    [
        *cloudevent(dose()),
        *("about", "person", "eventversion", "retracted", "recordedtime", "area"),
        *("data_base64", "datacontenttype", "comexample", "version", ""),
    ]
)
_changes = st.dictionaries(_names | _words, _values | st.just(NOTHING), max_size=4)


@bounded
@given(items=st.lists(_values | _changes.map(lambda new: cloudevent(dose(), **new)), max_size=5))
async def test_any_members_of_a_batch_are_each_in_one_bucket(
    items: list[object], client: httpx.AsyncClient
) -> None:
    answer = await batched(*items).by(client)
    if answer.status_code == 422:
        assert len(answer.json()["errors"]) == len(items)
    elif answer.status_code == 400:
        assert b"Infinity" in batched(*items).body
    else:
        assert answer.status_code == 202
        assert sum(buckets(answer.json()).values()) == len(items)


@bounded
@given(start=st.integers(0, 400), cut=st.integers(0, 30), put=st.binary(max_size=6))
async def test_any_damage_to_a_body_is_a_4xx_or_a_receipt(
    start: int, cut: int, put: bytes, client: httpx.AsyncClient
) -> None:
    for message in (structured(dose(1)), batched(cloudevent(dose(2))), binary(dose(3))):
        damaged = message.body[:start] + put + message.body[start + cut :]
        answer = await Message(message.headers, damaged).by(client)
        assert answer.status_code in {202, 400, 422}, (damaged, answer.text)


_header_names = st.sampled_from([name for name, _ in CE_HEADERS]) | st.from_regex(
    r"ce-[!#$%&'*+.^_`|~0-9a-zA-Z-]{0,12}", fullmatch=True
)
_header_values = (
    st.binary(max_size=12).filter(lambda value: not set(value) & {0, 10, 13})
    | st.text('%0aAfF"\\ {}', max_size=12).map(str.encode)
    | st.sampled_from([b"1.0", b"%00", b"{%22from%22:0}", b"1-5/%FF", b"true"])
)


@bounded
@given(
    kept=st.sets(st.sampled_from(range(len(CE_HEADERS)))),
    added=st.lists(st.tuples(_header_names, _header_values), max_size=4),
    body=st.sampled_from([b"", b'{"status":"given"}', b"{}", b"null", b'"\\u0000"', b"\xff"]),
)
async def test_any_headers_are_a_4xx_or_a_receipt(
    kept: set[int], added: list[tuple[str, bytes]], body: bytes, client: httpx.AsyncClient
) -> None:
    headers = [(b"content-type", b"application/json")]
    headers += [
        (name.encode(), value.encode())
        for place, (name, value) in enumerate(CE_HEADERS)
        if place in kept
    ]
    headers += [(name.encode(), value) for name, value in added]
    answer = await client.post("/v1/events", content=body, headers=headers)
    assert answer.status_code in {202, 400, 415, 422}, (headers, answer.text)
    if answer.status_code == 422 and b"ce-specversion" in {name.lower() for name, _ in headers}:
        pointers = [error["pointer"] for error in answer.json()["errors"]]
        assert all(pointer.startswith(("/ce-", "/data")) for pointer in pointers), pointers
