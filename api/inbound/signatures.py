"""Whether a request comes from the sender that a connector names: its raw body, its headers, now.

Pure, and silent about why not: whoever forges learns one thing, that it did not work. Headers and
bodies are bytes throughout, since what is signed need not be text.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api.inbound.signature_problems import MOST_SECRETS, key_of, sound_recipe
from api.inbound.signature_schemes import Encoding, Extract, Recipe, Scheme, Text

#: Values by name in whatever case, or the pairs of an ASGI scope.
Headers: TypeAlias = Mapping[str, Sequence[str]] | Iterable[tuple[bytes, bytes]]

MOST_SIGNATURES = 10
LONGEST_HEADER = 8 << 10
SIGNATURE_BYTES = {"sha256": 32, "sha512": 64, "ed25519": 64}
ID = re.compile(rb"[!-~]{1,255}")
TIMESTAMP = re.compile(rb"[1-9][0-9]{0,10}")

#: Stands in where no secret is active, so that such a connector refuses no faster than others.
_NOBODYS_KEY = os.urandom(32)


class Verified(msgspec.Struct, frozen=True):
    """The id by which the sender tells its messages apart, where the scheme names one.

    An id that is not among `signed` tells honest repetitions apart; it does not stop a copy.
    """

    dedupe_id: str | None


class Unverified(Exception):
    """The only refusal, without a cause that could be told."""


def verify(
    scheme: Scheme,
    secrets: Sequence[bytes | str],
    headers: Headers,
    body: bytes,
    now: datetime,
) -> Verified:
    """The sender's own id, when a listed signature matches an active secret.

    `secrets` come newest first, as the sender shows them, or as the bytes of the key itself; those
    with a problem and those after the fifth match nothing. A header that matters and is sent twice
    counts as absent.

    A stale, misshapen or absent part decides only after the signature has been computed with every
    secret, so that a refusal takes the same time whatever its cause.

    Raises
    ------
    Unverified
        Whatever is wrong, be it the request, the secrets or the scheme itself.
    """
    recipe = sound_recipe(scheme)
    if recipe is None:
        raise Unverified
    sent = _sent_once(headers)
    id_sent, timestamp = _only_part(sent, recipe.id), _only_part(sent, recipe.timestamp)
    signed = {"body": body, "id": id_sent, "timestamp": timestamp}
    content = b"".join(
        part.literal.encode() if isinstance(part, Text) else signed[part] for part in recipe.signed
    )
    keys = list(_keys(recipe, secrets)) or [_NOBODYS_KEY]
    presented = list(islice(_presented(recipe, sent), MOST_SIGNATURES))
    matches = _MATCHES[recipe.proof](recipe, keys, content, presented)
    if not (matches & _is_recent(recipe, timestamp, now) & _is_clear(recipe, id_sent)):
        raise Unverified
    return Verified(None if recipe.id is None else id_sent.decode())


def _sent_once(headers: Headers) -> dict[bytes, bytes]:
    """Values by lower-case name. Of two that differ, proxy and sender may mean another one each."""
    found: dict[bytes, bytes] = {}
    for written, value in _pairs(headers):
        name = written.lower()
        usable = name not in found and len(value) <= LONGEST_HEADER
        found[name] = value if usable else b""
    return found


def _pairs(headers: Headers) -> Iterable[tuple[bytes, bytes]]:
    if not isinstance(headers, Mapping):
        return headers
    # Headers are Latin-1 on the wire. Lower case comes later: the Kelvin sign has a k as its own.
    return (
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, values in headers.items()
        for value in values
    )


def _parts(sent: Mapping[bytes, bytes], place: Extract | None) -> Iterator[bytes]:
    if place is None:
        return
    name, prefix = place.header.lower().encode(), place.prefix.encode()
    value = sent.get(name, b"")
    parts = [value] if place.separator is None else value.split(place.separator.encode())
    for part in parts:
        written = part.strip(b" \t")
        if written.startswith(prefix):
            yield written[len(prefix) :]
        elif name == b"authorization" and written.lower().startswith(prefix.lower()):
            yield written[len(prefix) :].lstrip(b" ")  # `bearer` says the same as `Bearer`


def _only_part(sent: Mapping[bytes, bytes], place: Extract | None) -> bytes:
    """Empty when there is none or more than one, and an empty one passes nowhere."""
    parts = list(islice(_parts(sent, place), 2))
    return parts[0] if len(parts) == 1 else b""


def _keys(recipe: Recipe, secrets: Sequence[bytes | str]) -> Iterator[bytes]:
    for secret in secrets[:MOST_SECRETS]:
        try:
            yield key_of(recipe, secret)
        except ValueError:
            continue


def _presented(recipe: Recipe, sent: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """Well-formed signatures of our version; others and their neighbours' faults are skipped."""
    kind = recipe.algorithm if recipe.proof == "hmac" else recipe.proof
    for part in _parts(sent, recipe.signature):
        decoded = _decoded(recipe.encoding, part)
        if len(decoded) == SIGNATURE_BYTES.get(kind, len(decoded)):
            yield decoded


def _decoded(encoding: Encoding, written: bytes) -> bytes:
    try:
        if encoding == "hex":
            return binascii.unhexlify(written)
        if encoding == "base64":
            return base64.b64decode(written, validate=True)
    except binascii.Error:
        return b""
    return written


def _hmac_matches(
    recipe: Recipe, keys: Sequence[bytes], content: bytes, presented: Sequence[bytes]
) -> bool:
    matches = False
    for key in keys:
        expected = hmac.digest(key, content, recipe.algorithm)
        for signature in presented:
            matches |= hmac.compare_digest(expected, signature)
    return matches


def _ed25519_matches(
    _: Recipe, keys: Sequence[bytes], content: bytes, presented: Sequence[bytes]
) -> bool:
    """Everything compared here is public, so the first match may end it."""
    for key in keys:
        public = Ed25519PublicKey.from_public_bytes(key)
        for signature in presented:
            try:
                public.verify(signature, content)
            except InvalidSignature:
                continue
            return True
    return False


def _secret_matches(
    _: Recipe, keys: Sequence[bytes], __: bytes, presented: Sequence[bytes]
) -> bool:
    """Digests are compared, because the time to compare the secrets would tell their length."""
    matches = False
    for key in keys:
        expected = hashlib.sha256(key).digest()
        for secret in presented:
            matches |= hmac.compare_digest(expected, hashlib.sha256(secret).digest())
    return matches


_MATCHES = {"hmac": _hmac_matches, "ed25519": _ed25519_matches, "secret": _secret_matches}


def _is_recent(recipe: Recipe, timestamp: bytes, now: datetime) -> bool:
    if recipe.timestamp is None:
        return True
    if TIMESTAMP.fullmatch(timestamp) is None:
        return False
    return abs(now.timestamp() - int(timestamp)) <= recipe.tolerance_s


def _is_clear(recipe: Recipe, id_sent: bytes) -> bool:
    """Whether the id can be nothing but an id, however the signed content is taken apart."""
    if recipe.id is None:
        return True
    if ID.fullmatch(id_sent) is None:
        return False
    before, after = recipe.beside_id or (None, None)
    beside = [(before, -1), (after, 0)]
    return not any(
        part.literal[end].encode() in id_sent for part, end in beside if isinstance(part, Text)
    )
