"""CloudEvents whose headers or body cannot be read: a problem, never a 500."""

import gzip
import json

import httpx
import pytest

from api.inbound.bodies import LARGEST_DECOMPRESSED, MOST_ITEMS
from tests.cloudevents_sent import (
    BATCHED,
    CE_HEADERS,
    NOTHING,
    STRUCTURED,
    Message,
    binary,
    cloudevent,
)
from tests.sent import dose

BAD_HEADER_VALUES = [
    "%",
    "%0",
    "%g0",
    "%0g",
    "100%",
    "%C0%A0",  # an overlong form of a space
    "%ED%A0%80",  # half of a surrogate pair
    "%ED%A0%80%ED%B0%80",
    "%E2",
    "%E2x",
    "%82",
    "%FF",
    '"oak',
    'oak"',
    '"oak\\"',
    '"%"',
    b"caf\xc3\xa9",
    b"caf\xe9",
]


@pytest.mark.parametrize("value", BAD_HEADER_VALUES, ids=map(repr, BAD_HEADER_VALUES))
@pytest.mark.parametrize("name", ["id", "subject", "comexample"])
async def test_a_header_that_cannot_be_read_in_one_way_is_refused(
    value: str | bytes, name: str, client: httpx.AsyncClient
) -> None:
    message = binary(dose(), **{name: NOTHING})
    raw = value.encode() if isinstance(value, str) else value
    headers = [(key.encode(), kept.encode()) for key, kept in message.headers]
    headers.append((f"ce-{name}".encode(), raw))
    answer = await client.post("/v1/events", content=message.body, headers=headers)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == ("unreadable", f"/ce-{name}")


@pytest.mark.parametrize(
    ("added", "code"),
    [
        (("ce-datacontenttype", "application/json"), "unknown_field"),
        (("ce-data", "{}"), "unknown_field"),
        (("ce-data_base64", "e30="), "unknown_field"),
        (("ce-", "x"), "unknown_field"),
        (("CE-ID", "another"), "repeated"),
    ],
)
async def test_headers_that_no_cloudevent_has_are_refused(
    added: tuple[str, str], code: str, client: httpx.AsyncClient
) -> None:
    message = binary(dose())
    answer = await Message([*message.headers, added], message.body).by(client)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == (code, f"/{added[0].lower()}")


ZIPPED = ("Content-Encoding", "gzip")


def _kind(kind: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    return [("Content-Type", kind), *more]


UNREADABLE = [
    (400, _kind(STRUCTURED), b""),
    (400, _kind(STRUCTURED), b"{"),
    (400, _kind(STRUCTURED), b"{}{}"),
    (400, _kind(STRUCTURED), b"[" * 1_000_000),
    (400, _kind(BATCHED), b""),
    (400, _kind(BATCHED), b"[{}"),
    (400, _kind(BATCHED), json.dumps(cloudevent(dose())).encode()),
    (400, _kind(BATCHED), b"null"),
    (400, _kind(BATCHED), b'[{"a":' * 100_000),
    (400, _kind(BATCHED, ZIPPED), b"not gzip"),
    (400, _kind("application/json", *CE_HEADERS), b'{"status"'),
    (400, _kind("application/json", *CE_HEADERS), b"status=given"),
    (400, _kind("application/json", *CE_HEADERS), b"[" * 1_000_000),
    (413, _kind(BATCHED), b"[" + b"1," * MOST_ITEMS + b"1]"),
    (413, _kind(STRUCTURED, ZIPPED), gzip.compress(b" " * (LARGEST_DECOMPRESSED + 1))),
    (
        413,
        _kind("application/json", *CE_HEADERS, ZIPPED),
        gzip.compress(b" " * (LARGEST_DECOMPRESSED + 1)),
    ),
    (415, _kind("application/cloudevents"), b"{}"),
    (415, _kind("application/cloudevents+avro"), b"{}"),
    (415, _kind("application/cloudevents+xml", *CE_HEADERS), b"{}"),
    (415, _kind("application/cloudevents-batch"), b"[]"),
    (415, _kind("application/cloudevents-batch+xml"), b"[]"),
    (415, _kind("application/cloudevents-batches+json"), b"[]"),
    (415, _kind(f"{STRUCTURED}; charset=utf-16"), b"{}"),
    (415, _kind(STRUCTURED, ("Content-Encoding", "br")), b"{}"),
    (415, _kind("application/x-ndjson", *CE_HEADERS), b"{}"),
    (415, _kind("application/x-www-form-urlencoded", *CE_HEADERS), b"{}"),
    (415, _kind("application/json; charset=latin-1", *CE_HEADERS), b"{}"),
    (415, _kind("text/csv"), b"{}"),
]


@pytest.mark.parametrize(
    ("status", "headers", "body"), UNREADABLE, ids=[str(n) for n in range(len(UNREADABLE))]
)
async def test_a_message_that_cannot_be_read_is_a_problem(
    status: int, headers: list[tuple[str, str]], body: bytes, client: httpx.AsyncClient
) -> None:
    answer = await Message(headers, body).by(client)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
