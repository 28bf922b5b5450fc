"""One post over real sockets: what counts as taken, how it fails, and where it can never lead."""

import asyncio
import datetime as dt
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from models.settling import Outcome
from models.vocabulary import Failure
from tests.conftest import NOW
from tests.hooks_out import (
    HERE,
    NOWHERE,
    Flood,
    Names,
    Receiver,
    answer,
    hang,
    hang_up,
    listening,
    names,
    receiver,
    say_nonsense,
)
from worker.posting import MOST_ANSWER_BYTES, Way, pause_of, post

__all__ = ["names", "receiver"]  # fixtures

BODY = b'{"type":"endpoint.test"}'


async def posted(url: str, way: Way = HERE) -> Outcome:
    return await post(way, url, BODY, {"webhook-id": "m1"}, NOW)


async def test_message_arrives_as_it_was_sent(receiver: Receiver) -> None:
    outcome = await posted(f"{receiver.url}?key=a%20b")
    assert (outcome.status, outcome.failure, outcome.answer) == (204, None, None)
    (got,) = receiver.received
    assert got.body == BODY
    assert got.path == "/hook?key=a%20b"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "m1"


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (200, None), (202, None), (299, None), (301, Failure.REDIRECTED), (307, Failure.REDIRECTED),
        (304, Failure.REDIRECTED), (400, Failure.REFUSED), (410, Failure.REFUSED),
        (500, Failure.REFUSED), (503, Failure.REFUSED),
    ],
)  # fmt: skip
async def test_only_2xx_is_taken(receiver: Receiver, status: int, failure: Failure | None) -> None:
    receiver.replies = [answer(status, location=f"http://127.0.0.1:{receiver.port}/elsewhere")]
    outcome = await posted(receiver.url)
    assert (outcome.status, outcome.failure) == (status, failure)
    assert [each.path for each in receiver.received] == ["/hook"], "no redirect is followed"


async def test_receiver_that_hangs_is_left_within_the_bound(receiver: Receiver) -> None:
    receiver.replies = [hang]
    begun = time.monotonic()
    outcome = await posted(receiver.url)
    assert (outcome.status, outcome.failure) == (None, Failure.TIMED_OUT)
    assert 0.9 < time.monotonic() - begun < 3
    assert 900 <= outcome.duration_ms < 3000


async def test_acceptance_counts_although_the_rest_of_the_answer_never_comes(
    receiver: Receiver,
) -> None:
    receiver.replies = [answer(200, content_length="1000")]
    assert (await posted(receiver.url)).failure is None


async def test_of_an_answer_of_ten_megabytes_four_kilobytes_are_read(receiver: Receiver) -> None:
    flood = Flood(10 << 20)
    receiver.replies = [flood]
    outcome = await posted(receiver.url)
    assert (outcome.status, outcome.failure) == (500, Failure.REFUSED)
    assert outcome.answer == "x" * MOST_ANSWER_BYTES
    await asyncio.sleep(0.1)
    assert flood.sent < flood.size, "the rest was never taken"


async def test_refusal_is_kept_in_letters_that_can_be_stored(receiver: Receiver) -> None:
    receiver.replies = [answer(400, b"no\x00t th\xffis")]
    assert (await posted(receiver.url)).answer == "no\ufffdt th\ufffdis"


@pytest.mark.parametrize("reply", [hang_up, say_nonsense])
async def test_what_is_no_answer_is_a_failure(receiver: Receiver, reply: Any) -> None:
    receiver.replies = [reply]
    outcome = await posted(receiver.url)
    assert (outcome.status, outcome.failure) == (None, Failure.BROKEN_ANSWER)


async def test_nobody_at_the_address_is_a_failure() -> None:
    assert (await posted(NOWHERE)).failure is Failure.UNREACHABLE


async def test_names_without_an_address_and_closed_ones_are_told_apart(names: Names) -> None:
    way = Way(resolve=names)
    names.known["inside.example.org"] = [["10.0.0.1"]]
    assert (await posted("https://nowhere.example.org/", way)).failure is Failure.UNRESOLVED
    for url in ("https://inside.example.org/", "https://169.254.169.254/", "http://a.example/"):
        assert (await posted(url, way)).failure is Failure.FORBIDDEN_ADDRESS


async def test_this_machine_is_closed_by_default(receiver: Receiver) -> None:
    for url in (receiver.url, receiver.url.replace("http:", "https:")):
        assert (await posted(url, Way())).failure is Failure.FORBIDDEN_ADDRESS
    assert receiver.received == []


async def test_slow_name_server_is_left_within_the_bound() -> None:
    async def never(_: str, __: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    outcome = await posted("https://hooks.example.org/", Way(resolve=never, timeout_s=0.2))
    assert outcome.failure is Failure.TIMED_OUT


async def test_name_is_looked_up_once_and_what_was_checked_is_connected_to(
    receiver: Receiver, names: Names
) -> None:
    """A name that moves inside between check and connection has nobody to deceive."""
    names.known["moving.example.org"] = [["127.0.0.1"], ["10.0.0.1"]]
    url = f"http://moving.example.org:{receiver.port}/hook"
    way = Way(loopback=True, resolve=names, timeout_s=1)
    assert (await posted(url, way)).failure is None
    assert names.asked == ["moving.example.org"]
    assert receiver.received[0].headers["host"] == f"moving.example.org:{receiver.port}"
    assert (await posted(url, way)).failure is Failure.FORBIDDEN_ADDRESS
    assert len(receiver.received) == 1


async def test_second_address_is_tried_where_the_first_does_not_answer(
    receiver: Receiver, names: Names
) -> None:
    names.known["two.example.org"] = [["127.0.0.2", "127.0.0.1"]]
    url = f"http://two.example.org:{receiver.port}/hook"
    assert (await posted(url, Way(loopback=True, resolve=names, timeout_s=3))).failure is None


async def test_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert (await posted(receiver.url)).failure is None
        assert proxy.received == []


def certificate(folder: Path, host: str) -> Path:
    """A certificate of this host and its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    names_in = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names_in), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    written = folder / "certificate.pem"
    written.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return written


class Secure:
    """A receiver with a certificate, the hosts that were asked for, and who trusts it."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str | None] = []
        written = certificate(folder, "hooks.example.org")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(written)
        self.context.sni_callback = lambda _, name, __: self.asked.append(name)
        self.trust = ssl.create_default_context(cafile=str(written))


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[tuple[Secure, Receiver]]:
    made = Secure(tmp_path)
    async with listening(made.context) as receiver:
        yield made, receiver


async def test_certificate_is_that_of_the_name_although_the_address_is_connected_to(
    secure: tuple[Secure, Receiver], names: Names
) -> None:
    made, at = secure
    names.known |= {"hooks.example.org": [["127.0.0.1"]], "other.example.org": [["127.0.0.1"]]}
    way = Way(loopback=True, resolve=names, trust=lambda: made.trust, timeout_s=3)
    taken = await posted(f"https://hooks.example.org:{at.port}/hook", way)
    assert (taken.status, taken.failure) == (204, None)
    assert made.asked == ["hooks.example.org"]
    assert at.received[0].headers["host"] == f"hooks.example.org:{at.port}"
    other = await posted(f"https://other.example.org:{at.port}/hook", way)
    assert other.failure is Failure.UNTRUSTED
    nobodys = Way(loopback=True, resolve=names, timeout_s=3)
    stranger = await posted(f"https://hooks.example.org:{at.port}/hook", nobodys)
    assert stranger.failure is Failure.UNTRUSTED
    assert len(at.received) == 1


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        ("0", 0),
        ("99999999999999999999", 86400),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("Sun, 15 Nov 2026 12:02:00 GMT", 120),
        ("Sun, 15 Nov 2026 11:00:00 GMT", None),
        ("Fri, 31 Dec 2100 23:59:59 GMT", 86400),
    ],
)
def test_pause_is_read_in_both_forms_and_is_a_day_at_most(
    sent: str | None, seconds: int | None
) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert pause_of(sent, NOW) == expected


@pytest.mark.parametrize(
    ("status", "heeded"),
    [(429, True), (502, True), (503, True), (504, True), (500, False), (404, False)],
)
async def test_pause_is_heeded_of_those_who_cannot_take_more(
    receiver: Receiver, status: int, heeded: bool
) -> None:
    receiver.replies = [answer(status, retry_after="300")]
    assert (await posted(receiver.url)).pause == (timedelta(seconds=300) if heeded else None)
