"""Requests signed as each style of sender signs them: by hand, not by way of our schemes."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.inbound.signature_schemes import Scheme
from api.inbound.signatures import Verified, verify

NOW = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
BODY = b'{"id": "A-1", "status": "given"}'
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"


@dataclass(frozen=True)
class Sent:
    """What arrives at a connector, and the secrets active there."""

    scheme: Scheme
    headers: dict[str, list[str]]
    secrets: Sequence[bytes | str]
    body: bytes = BODY

    def verified(self) -> Verified:
        return verify(self.scheme, self.secrets, self.headers, self.body, NOW)

    def verified_from_pairs(self) -> Verified:
        """The same as an ASGI server hands it over."""
        pairs = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, values in self.headers.items()
            for value in values
        ]
        return verify(self.scheme, self.secrets, pairs, self.body, NOW)

    def with_header(self, name: str, *values: str) -> "Sent":
        return replace(self, headers=self.headers | {name: list(values)})

    def value(self, name: str) -> str:
        (value,) = self.headers[name]
        return value


@dataclass(frozen=True, kw_only=True)
class Sender:
    """`key(n)` is the nth key it signs with, and `shows` what it shows of a key when connecting.

    `joins` makes one header of several signatures, among which `garbage` may stand; `versions`
    are the sign of our version and one of another.
    """

    scheme: dict[str, Any]
    header: str
    sign: Callable[[bytes, str, int, bytes], dict[str, str]]
    key: Callable[[int], bytes]
    shows: Callable[[bytes], str] = bytes.decode
    id_header: str | None = None
    time_header: str | None = None
    joins: Callable[[Sequence[str]], str] | None = None
    garbage: Sequence[str] = ()
    versions: tuple[str, str] | None = None

    def sends(
        self, *, key: int = 0, at: int = SECONDS, sent_id: str = ID, body: bytes = BODY
    ) -> Sent:
        headers = self.sign(self.key(key), sent_id, at, body)
        return Sent(
            msgspec.json.decode(msgspec.json.encode(self.scheme), type=Scheme),
            {name: [value] for name, value in headers.items()},
            [self.secret()],
            body,
        )

    def secret(self, key: int = 0) -> str:
        return self.shows(self.key(key))

    def listing(self, *signatures: str) -> Sent:
        """Several signatures of one request."""
        assert self.joins is not None
        return self.sends().with_header(self.header, self.joins(signatures))

    def signature(self, key: int = 0) -> str:
        return self.sends(key=key).value(self.header)


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _standard(key: bytes, sent_id: str, at: int, body: bytes) -> dict[str, str]:
    signed = f"{sent_id}.{at}.".encode() + body
    signature = b64(hmac.new(key, signed, hashlib.sha256).digest())
    return {
        "webhook-id": sent_id,
        "webhook-timestamp": f"{at}",
        "webhook-signature": f"v1,{signature}",
    }


def _standard_ed25519(key: bytes, sent_id: str, at: int, body: bytes) -> dict[str, str]:
    private = Ed25519PrivateKey.from_private_bytes(key)
    signature = b64(private.sign(f"{sent_id}.{at}.".encode() + body))
    return _standard(key, sent_id, at, body) | {"webhook-signature": f"v1a,{signature}"}


def _public(key: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def _github(key: bytes, sent_id: str, _: int, body: bytes) -> dict[str, str]:
    signature = hmac.new(key, body, hashlib.sha256).hexdigest()
    return {"X-GitHub-Delivery": sent_id, "X-Hub-Signature-256": f"sha256={signature}"}


def _stripe(key: bytes, _: str, at: int, body: bytes) -> dict[str, str]:
    signature = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={signature}"}


def _slack(key: bytes, _: str, at: int, body: bytes) -> dict[str, str]:
    signature = hmac.new(key, f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": f"{at}", "X-Slack-Signature": f"v0={signature}"}


def _plain(key: bytes, sent_id: str, _: int, body: bytes) -> dict[str, str]:
    return {"X-Record": sent_id, "X-Signature": b64(hmac.new(key, body, hashlib.sha512).digest())}


def _bearer(key: bytes, sent_id: str, _: int, __: bytes) -> dict[str, str]:
    return {"X-Record": sent_id, "Authorization": f"Bearer {key.decode()}"}


def _basic(key: bytes, sent_id: str, _: int, __: bytes) -> dict[str, str]:
    return {"X-Record": sent_id, "Authorization": f"Basic {b64(key)}"}


def _shared(key: bytes, sent_id: str, _: int, __: bytes) -> dict[str, str]:
    return {"X-Record": sent_id, "X-Token": key.decode()}


def _listed_by_stripe(values: Sequence[str]) -> str:
    """The timestamp stands once."""
    parts = [part for value in values for part in value.split(",")]
    stamp = next(part for part in parts if part.startswith("t="))
    return ",".join([stamp, *(part for part in parts if part != stamp)])


def _random(number: int) -> bytes:
    return hashlib.sha256(bytes([number])).digest()


def _word(number: int) -> bytes:
    return f"oak-elm-ash-yew-{number}".encode()


def _login(number: int) -> bytes:
    return f"acme:oak-elm-ash-{number}".encode()


RECORD = {"id": {"header": "X-Record"}}

SENDERS = {
    "symmetric": Sender(
        scheme={"scheme": "standard_webhooks"},
        header="webhook-signature",
        sign=_standard,
        key=_random,
        shows=lambda key: "whsec_" + b64(key),
        id_header="webhook-id",
        time_header="webhook-timestamp",
        joins=" ".join,
        garbage=("v1", "v1,", "v1,a", "v1,a,b", "v1,\xff\xfe", "v1,AAAA", "v2,AAAA", "", ","),
        versions=("v1,", "v2,"),
    ),
    "ed25519": Sender(
        scheme={"scheme": "standard_webhooks_ed25519"},
        header="webhook-signature",
        sign=_standard_ed25519,
        key=_random,
        shows=lambda key: "whpk_" + b64(_public(key)),
        id_header="webhook-id",
        time_header="webhook-timestamp",
        joins=" ".join,
        garbage=("v1a", "v1a,", "v1a,a", "v1a,a,b", "v1a,\xff\xfe", "v1a,AAAA", "v1,AAAA", ""),
        versions=("v1a,", "v1,"),
    ),
    "stripe": Sender(
        scheme={"scheme": "stripe"},
        header="Stripe-Signature",
        sign=_stripe,
        key=_word,
        joins=_listed_by_stripe,
        garbage=("v1", "v1=", "v1=zz", "v1=abc", "v1=\xff\xfe", "v1=abcd", "v0=abcd", "", " x"),
        versions=("v1=", "v0="),
    ),
    "slack": Sender(
        scheme={"scheme": "slack"},
        header="X-Slack-Signature",
        sign=_slack,
        key=_word,
        time_header="X-Slack-Request-Timestamp",
        versions=("v0=", "v1="),
    ),
    "github": Sender(
        scheme={"scheme": "github"},
        header="X-Hub-Signature-256",
        sign=_github,
        key=_word,
        id_header="X-GitHub-Delivery",
        versions=("sha256=", "sha1="),
    ),
    "plain": Sender(
        scheme={
            "scheme": "hmac",
            "algorithm": "sha512",
            "encoding": "base64",
            "signature": {"header": "X-Signature"},
        }
        | RECORD,
        header="X-Signature",
        sign=_plain,
        key=_word,
        id_header="X-Record",
    ),
    "bearer": Sender(
        scheme={"scheme": "bearer"} | RECORD,
        header="Authorization",
        sign=_bearer,
        key=_word,
        id_header="X-Record",
    ),
    "basic": Sender(
        scheme={"scheme": "basic"} | RECORD,
        header="Authorization",
        sign=_basic,
        key=_login,
        id_header="X-Record",
    ),
    "shared": Sender(
        scheme={"scheme": "shared_secret", "signature": {"header": "X-Token"}} | RECORD,
        header="X-Token",
        sign=_shared,
        key=_word,
        id_header="X-Record",
    ),
}
