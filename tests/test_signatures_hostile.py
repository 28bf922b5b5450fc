"""Requests that nobody signed: whatever bytes arrive, they are refused and nothing else happens."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.inbound.signatures import Unverified, Verified, verify
from tests.signed_requests import ID, NOW, SECONDS, SENDERS, Sender, Sent

SIGNING = {name: SENDERS[name] for name in SENDERS if name not in {"bearer", "basic", "shared"}}
senders = st.sampled_from(list(SENDERS.values()))
signing = st.sampled_from(list(SIGNING.values()))

NAMES = sorted({name for sender in SENDERS.values() for name in sender.sends().headers})
#: Bits of what is expected there, so that a random value comes past the first check.
BITS = [
    *(b"v1,", b"v1a,", b"v0=", b"sha256=", b"t=", b"v1=", b"Bearer ", b"Basic ", b" ", b",", b"."),
    *(f"{SECONDS}".encode(), b"0" * 64, b"A" * 43 + b"=", b"\xff", b"\xd9\xa1", b"\x00", b"\r\n"),
]
values = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(BITS), max_size=12).map(b"".join),
    st.builds(lambda bit, times: bit * times, st.sampled_from(BITS), st.integers(0, 5000)),
)
names = st.one_of(
    st.sampled_from(NAMES).map(str.encode),
    st.sampled_from(NAMES).map(lambda name: name.upper().encode()),
    st.binary(max_size=30),
)


def is_refused(sent: Sent, headers: Any, body: bytes) -> None:
    with pytest.raises(Unverified):
        verify(sent.scheme, sent.secrets, headers, body, NOW)


@given(senders, st.lists(st.tuples(names, values), max_size=40), st.binary(max_size=300))
def test_random_pairs_are_refused(
    sender: Sender, pairs: list[tuple[bytes, bytes]], body: bytes
) -> None:
    is_refused(sender.sends(), pairs, body)


@given(
    senders,
    st.dictionaries(
        st.one_of(st.sampled_from(NAMES), st.text(max_size=20)),
        st.lists(st.one_of(st.text(), values.map(lambda value: value.decode("latin-1")))),
    ),
)
def test_random_texts_are_refused(sender: Sender, headers: dict[str, list[str]]) -> None:
    is_refused(sender.sends(), headers, b"{}")


@given(senders, st.lists(st.one_of(st.text(), st.binary()), max_size=8))
def test_random_secrets_are_refused(sender: Sender, secrets: list[str | bytes]) -> None:
    sent = replace(sender.sends(), secrets=secrets)
    is_refused(sent, sent.headers, sent.body)


@given(senders, st.data())
def test_header_with_other_bytes_is_refused_or_says_the_same(
    sender: Sender, data: st.DataObject
) -> None:
    """Spaces, the case of hexadecimal digits and foreign entries are all that may differ."""
    sent = sender.sends()
    name = data.draw(st.sampled_from(list(sent.headers)))
    value = sent.value(name)
    begins, ends = sorted(data.draw(st.lists(st.integers(0, len(value)), min_size=2, max_size=2)))
    put = data.draw(values).decode("latin-1")
    changed = sent.with_header(name, value[:begins] + put + value[ends:])
    try:
        verified = changed.verified()
    except Unverified:
        return
    if name == sender.id_header:
        assert verified == Verified(changed.value(name).strip(" \t"))
    else:
        assert verified == sent.verified()


@given(signing, st.binary(max_size=100), st.binary(max_size=100))
def test_signature_is_of_one_body_only(sender: Sender, signed: bytes, other: bytes) -> None:
    sent = sender.sends(body=signed)
    assert sent.verified()
    if other != signed:
        is_refused(sent, sent.headers, other)


@given(st.text("ab.1", max_size=4), st.text("ab.1", max_size=4).map(lambda end: f"{end}.x"))
@example("", f".{SECONDS}.x")
@example("a", f"{SECONDS}.{SECONDS}.")
def test_content_signed_once_is_not_taken_apart_in_another_way(before: str, after: str) -> None:
    """The id could grow into the body at each full stop, and take a timestamp with it."""
    sender = SENDERS["symmetric"]
    sent = sender.sends(sent_id="a", body=f"{before}.{SECONDS}.{after}".encode())
    content = f"a.{SECONDS}.".encode() + sent.body
    found = []
    stops = [place for place, byte in enumerate(content) if byte == ord(".")]
    for first in stops:
        for second in (stop for stop in stops if stop > first):
            other = sent.with_header("webhook-id", content[:first].decode())
            other = other.with_header("webhook-timestamp", content[first + 1 : second].decode())
            other = replace(other, body=content[second + 1 :])
            try:
                found.append((other.verified(), other.body))
            except Unverified:
                continue
    assert found == [(Verified("a"), sent.body)]


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", "+{}", "-{}", "0{}", "{}.0", "{}e0", "0x{}", "{}_0", "1_{}", "{}\n", "{}\x00"),
        *("{}" + "0" * 5000, "nan", "inf", "١٧٩٤٧٤٤٠٠٠", "²", "{},{}", "{} {}"),
    ],
)
def test_timestamp_is_an_integer_and_nothing_like_one(written: str) -> None:
    """Each is signed as it stands, so that nothing but its form can be the reason."""
    sender = SENDERS["slack"]
    at: Any = written.format(SECONDS, SECONDS)
    sent = sender.sends(at=at)
    with pytest.raises(Unverified):
        sent.verified()
    assert sender.sends(at=SECONDS).verified()


def test_name_that_only_looks_like_the_header_is_another() -> None:
    """The Kelvin sign is a k in lower case, if one asks for that of a text."""
    sent = SENDERS["symmetric"].sends()
    kelvin = {name.replace("k", "\u212a"): value for name, value in sent.headers.items()}
    assert [name.lower() for name in kelvin] == list(sent.headers)
    is_refused(sent, kelvin, sent.body)
    assert sent.verified() == Verified(ID)
