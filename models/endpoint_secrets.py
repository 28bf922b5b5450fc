"""Secrets of an endpoint and the signatures they make, as Standard Webhooks 1.0.0 has them.

The newest secret signs for as long as it is the newest, those before it for a day more, so that a
receiver may change over at any moment of that day.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from models.keyring import Sealer

PREFIX = "whsec_"
#: The standard asks for 24 to 64.
KEY_BYTES = 32
OVERLAP = timedelta(hours=24)
#: Rotated more often within a day, the oldest is given up; receivers look at no more than this.
MOST_SECRETS = 5


class Secret(NamedTuple):
    """`until` is null for the newest."""

    secret: str
    until: datetime | None


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def rotated(known: Iterable[Secret], made: str, now: datetime) -> list[Secret]:
    """The secrets once `made` is the newest."""
    ends = now + OVERLAP
    old = [one._replace(until=one.until or ends) for one in live(known, now)]
    return [Secret(made, None), *old][:MOST_SECRETS]


def live(known: Iterable[Secret], now: datetime) -> list[Secret]:
    return [one for one in known if one.until is None or now < one.until]


def sealed(sealer: Sealer, endpoint: UUID, known: Iterable[Secret]) -> bytes:
    return sealer.seal(msgspec.json.encode(list(known)), str(endpoint))


def opened(sealer: Sealer, endpoint: UUID, kept: bytes) -> list[Secret]:
    """Newest first."""
    return msgspec.json.decode(sealer.open(kept, str(endpoint)), type=list[Secret])


def signed_headers(
    known: Iterable[Secret], message: UUID, body: bytes, now: datetime
) -> dict[str, str]:
    """The three headers of a post: its time is that of the post, its id that of the message."""
    stamp = str(int(now.timestamp()))
    signed = f"{message}.{stamp}.".encode() + body
    proofs = (
        hmac.digest(base64.b64decode(one.secret.removeprefix(PREFIX)), signed, hashlib.sha256)
        for one in live(known, now)
    )
    return {
        "webhook-id": str(message),
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in proofs),
    }
