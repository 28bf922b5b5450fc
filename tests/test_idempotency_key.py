"""What an Idempotency-Key is, what makes a request the same, and how the answer is laid by."""

import os
import string
from typing import Any
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.responses import Response

from api.idempotency import LARGEST_KEPT, AlreadyAnswered, Asked, key_in
from api.problems import Problem
from models.idempotency import Taken
from models.keyring import Keyring
from models.vocabulary import ProviderId

KEYRING = Keyring("a secret made up for tests, long enough")
PROVIDER = ProviderId(uuid4())

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)


def key_of(*sent: str) -> str | None:
    return key_in(Headers(raw=[(b"idempotency-key", one.encode("latin-1")) for one in sent]))


@given(PRINTABLE.filter(lambda key: len(key) <= 255))
def test_every_printable_key_survives_its_quotes(key: str) -> None:
    assert key_of('"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"') == key


@pytest.mark.parametrize("key", ["8e03978e-40d5-43dd-bc93-6894a57f9324", "a", "AZ09+/=_.:~!#", "'"])
def test_a_key_without_quotes_is_the_same_key(key: str) -> None:
    assert key_of(key) == key_of(f'"{key}"') == key_of(f"  {key}\t") == key


def test_no_header_is_no_key() -> None:
    assert key_of() is None


@pytest.mark.parametrize(
    "sent",
    [
        "",
        '""',
        '"',
        '"a',
        'a"',
        '"a"b"',
        '"a\\b"',
        '"a\\"',
        '"a";expires=1',
        '"a", "b"',
        "a b",
        "a,b",
        "a;b",
        "a\\b",
        "kléf",
        '"kléf"',
        '"a\tb"',
        '"' + "a" * 256 + '"',
        "a" * 256,
    ],
)
def test_what_is_no_string_of_rfc_8941_is_refused(sent: str) -> None:
    with pytest.raises(Problem) as refused:
        key_of(sent)
    assert (refused.value.name, refused.value.status_code) == ("idempotency_key_malformed", 400)


def test_a_key_of_255_characters_is_taken_however_many_it_takes_to_write() -> None:
    assert key_of('"' + '\\"' * 255 + '"') == '"' * 255
    assert key_of(string.ascii_letters * 4 + "a" * 47) is not None


def test_two_headers_are_refused_even_when_they_are_equal() -> None:
    with pytest.raises(Problem):
        key_of('"a"', '"a"')


async def asked(
    body: bytes = b"{}", headers: dict[str, str] | None = None, **changes: Any
) -> Asked:
    """A request whose body came in two parts."""
    sent = {"content-type": "application/json", "user-agent": "a"} | (headers or {})
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/events",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    } | changes
    made = Asked(changes.get("key", "k"), scope)
    parts = [body[:1], body[1:]]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    receive_hashed = made.hashing(receive)
    while not made.whole:
        await receive_hashed()
    made.identify(KEYRING, changes.get("provider", PROVIDER), changes.get("principal", "p"))
    return made


async def known(**changes: Any) -> tuple[bytes, bytes]:
    claim = (await asked(**changes)).claim
    assert claim is not None
    return claim.request_hash, claim.fingerprint


async def test_a_key_belongs_to_a_provider_a_principal_a_method_and_a_path() -> None:
    first, _ = await known()
    others: list[dict[str, Any]] = [
        {"provider": ProviderId(uuid4())},
        {"principal": "q"},
        {"method": "PATCH"},
        {"path": "/v1/keys"},
        {"key": "K"},
    ]
    hashes = [(await known(**other))[0] for other in others]
    assert len({first, *hashes}) == 1 + len(others)


async def test_a_request_is_the_same_by_what_it_means() -> None:
    first = await known()
    assert await known(headers={"user-agent": "b", "x-request-id": "c"}) == first
    others: list[dict[str, Any]] = [
        {"body": b"{} "},
        {"body": b""},
        {"query_string": b"a=1"},
        {"headers": {"content-type": "application/x-ndjson"}},
        {"headers": {"content-encoding": "gzip"}},
        {"headers": {"if-none-exist": "identifier=D-1"}},
        # The body of a CloudEvent in binary mode is its data alone.
        {"headers": {"ce-id": "1"}},
        {"headers": {"ce-id": "2"}},
    ]
    found = [await known(**other) for other in others]
    assert {request for request, _ in found} == {first[0]}
    assert len({first[1], *(fingerprint for _, fingerprint in found)}) == 1 + len(others)


async def test_a_body_cannot_pass_for_what_precedes_it() -> None:
    assert await known(query_string=b"a", body=b"b") != await known(query_string=b"", body=b"ab")


async def test_nothing_that_was_sent_can_be_found_by_hashing_guesses() -> None:
    """Whoever has the table and not the secret cannot try out bodies."""
    mine = await asked()
    other = await asked()
    other.identify(Keyring("another secret made up for tests"), PROVIDER, "p")
    assert mine.claim is not None
    assert other.claim is not None
    assert mine.claim.fingerprint != other.claim.fingerprint
    assert mine.claim.request_hash != other.claim.request_hash


@pytest.mark.parametrize("size", [0, 300, 200_000])
async def test_a_sealed_answer_says_the_same_and_shows_nothing(size: int) -> None:
    one = await asked()
    body = b"the secret is out; " * (size // 19)
    said = Response(body, 201, {"Location": "/v1/here", "X-Request-Id": "r"}, "text/plain")
    answer = await one.seal(said)
    assert answer.status == 201
    assert answer.sealed is not None
    assert b"secret" not in answer.sealed
    assert b"here" not in answer.sealed
    with pytest.raises(AlreadyAnswered) as repeated:
        one.refuse_or_repeat(answer)
    assert repeated.value.status == 201
    assert repeated.value.said.body == body
    assert sorted(repeated.value.said.headers) == [
        ("content-type", "text/plain; charset=utf-8"),
        ("location", "/v1/here"),
    ]


async def test_an_answer_opens_only_for_its_own_request() -> None:
    answer = await (await asked()).seal(Response(b"secret"))
    other = await asked(principal="q")
    with pytest.raises(InvalidTag):
        other.refuse_or_repeat(answer)


async def test_an_answer_without_end_is_not_kept() -> None:
    noise = os.urandom(LARGEST_KEPT + 1)
    answer = await (await asked()).seal(Response(noise))
    assert answer.sealed is None


@pytest.mark.parametrize(
    ("earlier", "name"),
    [
        (Taken.IN_USE, "idempotency_key_in_use"),
        (Taken.OTHER_REQUEST, "idempotency_key_reused"),
    ],
)
async def test_a_request_that_is_not_to_be_carried_out_is_told_why(
    earlier: Taken, name: str
) -> None:
    one = await asked()
    with pytest.raises(Problem) as refused:
        one.refuse_or_repeat(earlier)
    assert refused.value.name == name
    assert one.settled
    assert ("Retry-After" in (refused.value.headers or {})) == (earlier is Taken.IN_USE)
