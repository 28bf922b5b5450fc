"""A request with an `Idempotency-Key`: how it is known again, and its answer before it is kept.

The key is a string of RFC 8941, as draft-ietf-httpapi-idempotency-key-header-07 has it; without
quotes it is taken too. Knows no route and no table's rows but through `models.idempotency`.
"""

import asyncio
import hashlib
import hmac
import re
import zlib
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from api.problems import Problem
from models.idempotency import Answer, Claim, Earlier, Taken
from models.idempotency import keep as keep_rows
from models.idempotency import take as take_rows
from models.keyring import Keyring, Sealer
from models.vocabulary import ProviderId

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[Any]

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255
QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
#: No comma, which joins two headers into one; no semicolon, which would begin parameters.
UNQUOTED = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+")

#: What a request says beside its body, with the attributes of CloudEvents.
MEANT_HEADERS = frozenset({"content-type", "content-encoding", "if-none-exist"})
#: What an answer says beside its body. Its id, date and safety are those of each answer anew.
KEPT_HEADERS = frozenset({"content-type", "etag", "link", "location", "retry-after"})
#: Compressed. A receipt of 50,000 rejected events is 5.5 MB and takes a fifteenth of it.
LARGEST_KEPT = 4 << 20
#: Larger bodies are compressed in a thread, because zlib lets the others go on meanwhile.
INLINE_BYTES = 64 << 10
IN_USE_RETRY_AFTER_S = 1


class Said(NamedTuple):
    """An answer as it is sent, but for its status, which is kept in the open."""

    headers: list[tuple[str, str]]
    body: bytes


encode_said = msgspec.msgpack.Encoder().encode
decode_said = msgspec.msgpack.Decoder(Said).decode


class AlreadyAnswered(Exception):
    """The same request was carried out before; this is what it was answered."""

    def __init__(self, status: int, said: Said) -> None:
        super().__init__(status)
        self.status = status
        self.said = said


def key_in(headers: Headers) -> str | None:
    """The key as meant, without its quotes; None where none is sent."""
    sent = headers.getlist(HEADER)
    if not sent:
        return None
    if len(sent) > 1:
        raise Problem("idempotency_key_malformed", f"Send '{HEADER}' once.")
    written = sent[0].strip(" \t")
    quoted = QUOTED.fullmatch(written)
    if quoted is not None:
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    elif UNQUOTED.fullmatch(written):
        key = written
    else:
        raise Problem("idempotency_key_malformed")
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Problem("idempotency_key_malformed")
    return key


class Asked:
    """One request with a key, from the first byte of its body until its answer is kept."""

    def __init__(self, key: str, scope: Scope) -> None:
        self._key = key
        self._method: str = scope["method"]
        self._path: str = scope["path"]
        headers = Headers(scope=scope)
        # A CloudEvent in binary mode says in headers what the body does not: two doses that
        # were both given have equal bodies.
        meant = [
            (name, value)
            for name, value in headers.items()
            if name in MEANT_HEADERS or name.startswith("ce-")
        ]
        query = scope["query_string"].decode("latin-1")
        head = msgspec.json.encode([self._method, self._path, query, sorted(meant)])
        # JSON has no bare line feed, so the body cannot be read as a part of what precedes it.
        self._sent = hashlib.sha256(head + b"\n")
        self._sealer: Sealer | None = None
        self.whole = False
        self.claim: Claim | None = None
        #: The transaction that carries it out, where that is the request's own.
        self.session: AsyncSession | None = None
        #: Whoever carries it out takes it in the same transaction; nobody has to look before.
        self.taken_with_effect = False
        #: Its answer is kept already, or is not one to keep.
        self.settled = False

    def hashing(self, receive: Receive) -> Receive:
        """The body is hashed as it passes by, however it is read and without holding it."""

        async def receive_hashed() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._sent.update(message.get("body", b""))
                self.whole = not message.get("more_body", False)
            return message

        return receive_hashed

    def request_hash(self, keyring: Keyring, provider: ProviderId, principal: str) -> bytes:
        named = msgspec.json.encode([principal, self._method, self._path, self._key])
        return hmac.digest(keyring.requests(provider), named, hashlib.sha256)

    def identify(self, keyring: Keyring, provider: ProviderId, principal: str) -> Claim:
        """What it is known by, once its sender is known and its body has been read."""
        assert self.whole
        secret = keyring.requests(provider)
        self.claim = Claim(
            self.request_hash(keyring, provider, principal),
            principal,
            self._method,
            self._path,
            hmac.digest(secret, self._sent.digest(), hashlib.sha256),
        )
        self._sealer = keyring.answers(provider)
        return self.claim

    async def take(self, connection: "Connection", now: datetime) -> None:
        """Take this request in the transaction that carries it out, or raise why not."""
        assert self.claim is not None
        earlier = await take_rows(connection, [self.claim], now)
        if self.claim.request_hash in earlier:
            self.refuse_or_repeat(earlier[self.claim.request_hash])

    async def keep(self, connection: "Connection", answer: Answer, now: datetime) -> None:
        """Keep its answer in the transaction that has taken it."""
        assert self.claim is not None
        await keep_rows(connection, [(self.claim, answer)], now)
        self.settled = True

    async def seal(self, response: Response) -> Answer:
        """An answer that shows a secret once must not be readable where it is kept."""
        assert self.claim is not None
        assert self._sealer is not None
        headers = [(k, v) for k, v in response.headers.items() if k in KEPT_HEADERS]
        body = bytes(response.body)
        packed = encode_said(Said(headers, body))
        if len(body) > INLINE_BYTES:
            packed = await asyncio.to_thread(zlib.compress, packed, 1)
        else:
            packed = zlib.compress(packed, 1)
        if len(packed) > LARGEST_KEPT:
            return Answer(response.status_code, None)
        sealed = self._sealer.seal(packed, self.claim.request_hash.hex())
        return Answer(response.status_code, sealed)

    def refuse_or_repeat(self, earlier: Earlier) -> NoReturn:
        """Raise what answers a request that is not to be carried out."""
        assert self.claim is not None
        assert self._sealer is not None
        self.settled = True
        if earlier is Taken.IN_USE:
            raise Problem(
                "idempotency_key_in_use", headers={"Retry-After": str(IN_USE_RETRY_AFTER_S)}
            )
        if earlier is Taken.OTHER_REQUEST:
            raise Problem("idempotency_key_reused")
        if earlier.sealed is None:
            raise Problem(
                "answer_not_kept",
                f"It was carried out and answered with {earlier.status}; that answer was too large"
                " to be kept. Read what is there, or send it under another key.",
            )
        packed = self._sealer.open(earlier.sealed, self.claim.request_hash.hex())
        raise AlreadyAnswered(earlier.status, decode_said(zlib.decompress(packed)))


def asked_in(request: Request) -> Asked | None:
    """The request as one with a key; None for all others."""
    asked: Asked | None = request.scope.get("state", {}).get("asked")
    return asked


async def identified(
    request: Request, keyring: Keyring, provider: ProviderId, principal: str
) -> Asked | None:
    """The request of this principal as one with a key; reads the body, if that is to come."""
    asked = asked_in(request)
    if asked is not None and asked.claim is None:
        if not asked.whole:
            await request.body()
        asked.identify(keyring, provider, principal)
    return asked


def worth_keeping(status: int) -> bool:
    """What may be otherwise in a moment is not kept, so that a retry is carried out."""
    return status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS
