"""Small posts that wait together are committed together; each is answered after that commit.

One at a time for a provider: while a commit is under way the next group gathers by itself, so a
lone post waits for nobody and a rush needs few commits. Nothing waits unbounded.

What a post with an `Idempotency-Key` is answered is kept in the commit that stores its rows.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from starlette.responses import Response

from api.idempotency import Asked
from api.problems import Problem
from models.db import Sessions, database_away, driver, transaction
from models.idempotency import Claim, Earlier, keep, take
from models.queue import Doorbell
from models.storing import Outcome, Row, store
from models.vocabulary import ProviderId

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[Any]

log = structlog.get_logger(__name__)

#: Larger posts are worth a transaction of their own.
SMALL_ROWS = 20
ROWS_A_GROUP = 1_000
MOST_WAITING = 5_000


class Keyed(NamedTuple):
    """A post with an `Idempotency-Key`: what it will be answered once its rows are stored."""

    asked: Asked
    respond: Callable[[list[Outcome]], Response]
    now: datetime

    @property
    def claim(self) -> Claim:
        assert self.asked.claim is not None
        return self.asked.claim


Result = list[Outcome] | Earlier


class Post(NamedTuple):
    rows: Sequence[Row]
    answer: asyncio.Future[Result]
    keyed: Keyed | None = None


class Committer:
    """All small posts of one process. `together=False` gives each its own transaction."""

    def __init__(self, sessions: Sessions, doorbell: Doorbell, *, together: bool = True) -> None:
        self._sessions = sessions
        self._doorbell = doorbell
        self._together = together
        self._posts: dict[ProviderId, list[Post]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    async def store(
        self, provider: ProviderId, rows: Sequence[Row], keyed: Keyed | None = None
    ) -> list[Outcome]:
        """What became of each row, once that is durable."""
        result = await self._result(provider, rows, keyed)
        if keyed is None:
            assert isinstance(result, list)
        elif isinstance(result, list):
            keyed.asked.settled = True
        else:
            keyed.asked.refuse_or_repeat(result)
        return result

    async def _result(
        self, provider: ProviderId, rows: Sequence[Row], keyed: Keyed | None
    ) -> Result:
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        post = Post(rows, answer, keyed)
        if not self._together or len(rows) > SMALL_ROWS:
            return (await self._in_one_transaction(provider, [post]))[0]
        if self._waiting >= MOST_WAITING:
            raise Problem("unavailable", "Too much waits to be stored. Send this again later.")
        self._waiting += len(rows)
        posts = self._posts.get(provider)
        if posts is not None:
            posts.append(post)
        else:
            self._posts[provider] = [post]
            task = asyncio.create_task(self._commit_all(provider))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # A sender that goes away ends only its own wait: its rows stay in their group.
        return await answer

    async def close(self) -> None:
        """What was taken is stored before the process ends."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _commit_all(self, provider: ProviderId) -> None:
        try:
            while posts := self._posts[provider]:
                group = _first_of(posts)
                del posts[: len(group)]
                self._waiting -= sum(len(post.rows) for post in group)
                await self._commit_group(provider, group)
        finally:
            for post in self._posts.pop(provider):
                _fail(post, Problem("unavailable"))

    async def _commit_group(self, provider: ProviderId, group: Sequence[Post]) -> None:
        try:
            results = await self._in_one_transaction(provider, group)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and nobody else
            if len(group) == 1 or database_away(error):
                for post in group:
                    _fail(post, error)
                return
            # One of them cannot be stored. Each for itself, so that it fails alone.
            log.warning("group_taken_apart", posts=len(group), error=type(error).__name__)
            for post in group:
                await self._commit_group(provider, [post])
            return
        for post, result in zip(group, results, strict=True):
            if not post.answer.done():
                post.answer.set_result(result)

    async def _in_one_transaction(
        self, provider: ProviderId, posts: Sequence[Post]
    ) -> list[Result]:
        async with transaction(self._sessions, provider) as session:
            connection = await driver(session)
            # Before the rows, or a request that is not to be carried out would leave its own.
            before = await _taken_before(connection, posts)
            todo = [post for post, earlier in zip(posts, before, strict=True) if earlier is None]
            if not todo:
                return [earlier for earlier in before if earlier is not None]
            stored = await store(connection, [row for post in todo for row in post.rows])
            outcomes = iter(stored.outcomes)
            became = [list(islice(outcomes, len(post.rows))) for post in todo]
            await _keep_answers(connection, todo, became)
        self._doorbell.press(provider, stored.services)
        done = iter(became)
        return [next(done) if earlier is None else earlier for earlier in before]


async def _taken_before(connection: "Connection", posts: Sequence[Post]) -> list[Earlier | None]:
    """Take the requests of a group; for each post why it is not to be carried out, or None."""
    keyed = [post.keyed for post in posts if post.keyed is not None]
    if not keyed:
        return [None] * len(posts)
    earlier = await take(connection, [one.claim for one in keyed], keyed[0].now)
    return [
        None if post.keyed is None else earlier.get(post.keyed.claim.request_hash) for post in posts
    ]


async def _keep_answers(
    connection: "Connection", posts: Sequence[Post], became: Sequence[list[Outcome]]
) -> None:
    answered = [
        (keyed, await keyed.asked.seal(keyed.respond(outcomes)))
        for post, outcomes in zip(posts, became, strict=True)
        if (keyed := post.keyed) is not None
    ]
    if answered:
        kept = [(keyed.claim, answer) for keyed, answer in answered]
        await keep(connection, kept, answered[0][0].now)


def _first_of(posts: Sequence[Post]) -> list[Post]:
    """As many as one commit takes. Of equal requests the second waits for the first's answer."""
    group: list[Post] = []
    rows, requests = 0, set[bytes]()
    for post in posts:
        if group and rows + len(post.rows) > ROWS_A_GROUP:
            break
        if post.keyed is not None:
            if post.keyed.claim.request_hash in requests:
                break
            requests.add(post.keyed.claim.request_hash)
        group.append(post)
        rows += len(post.rows)
    return group


def _fail(post: Post, error: Exception) -> None:
    if not post.answer.done():
        post.answer.set_exception(error)
