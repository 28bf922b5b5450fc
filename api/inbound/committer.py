"""Small posts that wait together are committed together; each is answered after that commit.

One at a time for a provider: while a commit is under way the next group gathers by itself, so a
lone post waits for nobody and a rush needs few commits. Nothing waits unbounded.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from api.problems import Problem, database_away
from models.db import Sessions, driver, transaction
from models.queue import Doorbell
from models.storing import Outcome, Row, store
from models.vocabulary import ProviderId

log = structlog.get_logger(__name__)

#: Larger posts are worth a transaction of their own.
SMALL_ROWS = 20
ROWS_A_GROUP = 1_000
MOST_WAITING = 5_000


class Post(NamedTuple):
    rows: Sequence[Row]
    answer: asyncio.Future[list[Outcome]]


class Committer:
    """All small posts of one process. `together=False` gives each its own transaction."""

    def __init__(self, sessions: Sessions, doorbell: Doorbell, *, together: bool = True) -> None:
        self._sessions = sessions
        self._doorbell = doorbell
        self._together = together
        self._posts: dict[ProviderId, list[Post]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    async def store(self, provider: ProviderId, rows: Sequence[Row]) -> list[Outcome]:
        """What became of each row, once that is durable."""
        if not self._together or len(rows) > SMALL_ROWS:
            return await self._in_one_transaction(provider, rows)
        if self._waiting >= MOST_WAITING:
            raise Problem("unavailable", "Too much waits to be stored. Send this again later.")
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._waiting += len(rows)
        posts = self._posts.get(provider)
        if posts is not None:
            posts.append(Post(rows, answer))
        else:
            self._posts[provider] = [Post(rows, answer)]
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
                group, rows = _first_of(posts)
                del posts[: len(group)]
                self._waiting -= len(rows)
                await self._commit_group(provider, group, rows)
        finally:
            for post in self._posts.pop(provider):
                _fail(post, Problem("unavailable"))

    async def _commit_group(
        self, provider: ProviderId, group: Sequence[Post], rows: Sequence[Row]
    ) -> None:
        try:
            outcomes = await self._in_one_transaction(provider, rows)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and nobody else
            if len(group) == 1 or database_away(error):
                for post in group:
                    _fail(post, error)
                return
            # One of them cannot be stored. Each for itself, so that it fails alone.
            log.warning("group_taken_apart", posts=len(group), error=type(error).__name__)
            for post in group:
                await self._commit_group(provider, [post], post.rows)
            return
        start = 0
        for post in group:
            if not post.answer.done():
                post.answer.set_result(outcomes[start : start + len(post.rows)])
            start += len(post.rows)

    async def _in_one_transaction(self, provider: ProviderId, rows: Sequence[Row]) -> list[Outcome]:
        async with transaction(self._sessions, provider) as session:
            stored = await store(await driver(session), rows)
        self._doorbell.press(provider, stored.services)
        return stored.outcomes


def _first_of(posts: Sequence[Post]) -> tuple[list[Post], list[Row]]:
    group: list[Post] = []
    rows: list[Row] = []
    for post in posts:
        if group and len(rows) + len(post.rows) > ROWS_A_GROUP:
            break
        group.append(post)
        rows.extend(post.rows)
    return group, rows


def _fail(post: Post, error: Exception) -> None:
    if not post.answer.done():
        post.answer.set_exception(error)
