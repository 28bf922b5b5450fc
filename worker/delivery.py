"""What is due goes out: claimed in one transaction, posted in none, settled in another.

It stands beside the counting and must not delay it: posts only wait, and names are looked up in
threads of their own.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import msgspec
import structlog

from models.db import Sessions, transaction
from models.endpoint_secrets import opened, signed_headers
from models.keyring import Keyring
from models.outbox import Claimed, body_of, claim, providers_with_attempts
from models.settling import Outcome, settle
from models.vocabulary import Failure
from worker.posting import Post

#: Posts of a process that are under way at once, and those that were tried before among them.
MOST_AT_ONCE = 8
MOST_RETRIES_AT_ONCE = 4
#: While a receiver makes us wait, others become due.
LOOK_AGAIN_S = 1.0
#: A round ends by then, so that no job runs into its limit; its posts go on.
LONGEST_ROUND_S = 60.0
FINISH_WITHIN_S = 20.0

log = structlog.get_logger(__name__)


class Dispatcher:
    """The posts of one process. Whoever rings while a round goes on only makes it look again."""

    def __init__(
        self,
        sessions: Sessions,
        keyring: Keyring,
        clock: Callable[[], datetime],
        post: Post,
        public_url: str,
    ) -> None:
        self._sessions, self._keyring, self._clock = sessions, keyring, clock
        self._post, self._public_url = post, public_url
        self._posting: dict[asyncio.Task[None], bool] = {}
        self._something_happened = asyncio.Event()
        self._in_round = self._stopping = False
        self._turn = 0

    async def deliver(self) -> int:
        """Post until nothing is due; how many posts that began."""
        self._something_happened.set()
        if self._in_round:
            return 0
        self._in_round = True
        try:
            return await self._round()
        finally:
            self._in_round = False

    async def _round(self) -> int:
        begun, until = 0, time.monotonic() + LONGEST_ROUND_S
        while not self._stopping:
            self._something_happened.clear()
            begun += await self._begin_due()
            # What ended while we looked has left room for what we could not begin.
            is_done = not self._posting and not self._something_happened.is_set()
            if is_done or time.monotonic() >= until:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self._something_happened.wait(), LOOK_AGAIN_S)
        return begun

    async def _begin_due(self) -> int:
        """Fill what is free, one provider after the other, each time beginning with another."""
        if len(self._posting) >= MOST_AT_ONCE:
            return 0
        now = self._clock()
        async with transaction(self._sessions, None) as session:
            providers = await providers_with_attempts(session, now)
        self._turn += 1
        first = self._turn % max(len(providers), 1)
        begun = 0
        for provider in providers[first:] + providers[:first]:
            most = MOST_AT_ONCE - len(self._posting)
            if most <= 0:
                break
            retries = MOST_RETRIES_AT_ONCE - sum(self._posting.values())
            async with transaction(self._sessions, provider) as session:
                # No provider takes all that is free while others wait.
                share = max(most // len(providers), 1)
                claimed = await claim(session, provider, now, share, max(retries, 0))
            for one in claimed:
                self._begin(one)
            begun += len(claimed)
        return begun

    def _begin(self, claimed: Claimed) -> None:
        task = asyncio.create_task(self._post_and_settle(claimed))
        self._posting[task] = not claimed.is_fresh
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._posting[task]
        self._something_happened.set()

    async def _post_and_settle(self, claimed: Claimed) -> None:
        try:
            outcome = await self._posted(claimed)
            async with transaction(self._sessions, claimed.provider) as session:
                await settle(session, claimed, outcome, self._clock())
        except Exception:
            # Its lease ends by itself, and it is posted again.
            log.exception("attempt_not_settled", attempt=claimed.attempt)
            return
        log.info(
            "posted",
            provider=str(claimed.provider),
            endpoint=str(claimed.endpoint),
            message=str(claimed.message),
            tried=claimed.tried + 1,
            status=outcome.status,
            failure=outcome.failure,
            duration_ms=outcome.duration_ms,
        )

    async def _posted(self, claimed: Claimed) -> Outcome:
        now = self._clock()
        try:
            sealer = self._keyring.endpoints(claimed.provider)
            secrets = opened(sealer, claimed.endpoint, claimed.secrets_sealed)
            said = body_of(claimed.payload, claimed.sequence, self._public_url)
            body = msgspec.json.encode(said)
            headers = signed_headers(secrets, claimed.message, body, now)
            return await self._post(claimed.url, body, headers, now)
        except Exception:
            log.exception("post_failed", attempt=claimed.attempt)
            return Outcome(now, 0, None, Failure.FAULT)

    async def close(self) -> None:
        """Begin nothing more, and let what is under way end."""
        self._stopping = True
        self._something_happened.set()
        if self._posting:
            await asyncio.wait(self._posting, timeout=FINISH_WITHIN_S)
        for task in tuple(self._posting):
            task.cancel()
