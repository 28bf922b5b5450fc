"""A process that is killed, or a commit that fails, leaves a retry that is right in every case."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.settings import Settings
from models.vocabulary import ProviderId
from tests.idempotent_posts import SENT
from tests.idempotent_setting import Setting
from tests.ingested import Connection, stored
from tests.sent import buckets, dose
from tests.test_idempotency_routes import Effects, effects, setting

__all__ = ["effects", "setting"]

ROOT = Path(__file__).parents[1]
KEY = {"Idempotency-Key": '"k"'}
REPLAYED = "idempotency-replayed"
NOBODY = "00000000-0000-0000-0000-000000000000"

#: A session's own commit, one of the committer's groups, a large post, and a refusal.
POSTS = {
    "key": ("/v1/keys", {"name": "one", "scopes": ["views:read"]}, 201),
    "group": ("/v1/events", [dose(1), dose(2)], 202),
    "large": ("/v1/events", [dose(number) for number in range(200)], 202),
    "refusal": (f"/v1/quarantine/{NOBODY}:dismiss", {"reason": "a"}, 404),
}
every_post = pytest.mark.parametrize("name", sorted(POSTS))


@asynccontextmanager
async def dying(settings: Settings, dies: str) -> AsyncIterator[tuple[str, Any]]:
    """The address of a process that will be killed at that moment, and the process."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    environment = os.environ | {
        "BREADTH_DATABASE_URL": settings.database_url.get_secret_value(),
        "BREADTH_REDIS_URL": settings.redis_url.get_secret_value(),
        "BREADTH_SECRET_KEY": settings.secret_key.get_secret_value(),
        "DIES": dies,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.serve", "--fd", str(listener.fileno())),
        *("--app", "tests.dying_api:create_app"),
        cwd=ROOT,
        env=environment,
        pass_fds=(listener.fileno(),),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", process
    finally:
        listener.close()
        if process.returncode is None:
            process.kill()
        await process.wait()


async def post(client: httpx.AsyncClient, name: str, base: str = "") -> httpx.Response:
    path, body, _ = POSTS[name]
    return await client.post(base + path, json=body, headers=KEY)


def first_answer(name: str, answer: httpx.Response) -> bool:
    """Whether it is that of a request that was carried out, and not of one that came second."""
    if name in {"group", "large"}:
        return buckets(answer.json()) == {"quarantined": len(POSTS[name][1])}
    return answer.status_code == POSTS[name][2]


@pytest.mark.parametrize("dies", ["before_commit", "before_answer"])
@every_post
async def test_a_retry_after_a_kill_is_answered_as_the_first_and_done_once(
    name: str, dies: str, settings: Settings, client: httpx.AsyncClient, effects: Effects
) -> None:
    before = await effects()
    async with dying(settings, dies) as (base, process):
        headers = {"Authorization": client.headers["Authorization"]}
        async with httpx.AsyncClient(headers=headers, timeout=30) as sender:
            with pytest.raises(httpx.TransportError):
                await post(sender, name, base)
        assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    left = await effects()
    assert (left != before) == (dies == "before_answer" and name != "refusal")
    retry = await post(client, name)
    assert first_answer(name, retry), retry.text
    assert (REPLAYED in retry.headers) == (dies == "before_answer")
    after = await effects()
    assert (after == left) == (dies == "before_answer" or name == "refusal")
    again = await post(client, name)
    assert (again.status_code, again.content) == (retry.status_code, retry.content)
    assert again.headers[REPLAYED] == "true"
    assert await effects() == after


# Checked at the commit and not before, as a deadlock or a full disk would be.
FAIL_AT_COMMIT = """
CREATE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'made to fail' USING ERRCODE = 'serialization_failure'; END $$;
CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON kept_answers DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION fail_at_commit()
"""


@every_post
async def test_a_commit_that_fails_leaves_neither_effect_nor_answer(
    name: str,
    client: httpx.AsyncClient,
    effects: Effects,
    admin: Connection,
    provider: ProviderId,
) -> None:
    before = await effects()
    await admin.execute(FAIL_AT_COMMIT)
    try:
        failed = await post(client, name)
    finally:
        await admin.execute("DROP TRIGGER fails ON kept_answers; DROP FUNCTION fail_at_commit()")
    # A refusal had no effect that could be lost, and stands although it could not be kept.
    assert failed.status_code == (404 if name == "refusal" else 503)
    assert await effects() == before
    kept = "SELECT count(*) FROM kept_answers WHERE provider_id = $1"
    assert await admin.fetchval(kept, provider) == 0
    retry = await post(client, name)
    assert first_answer(name, retry), retry.text
    assert REPLAYED not in retry.headers
    assert (await post(client, name)).headers[REPLAYED] == "true"


@pytest.mark.parametrize("name", ["send_bundle", "send_medication_administration"])
async def test_an_effect_of_several_transactions_is_not_repeated_by_a_retry(
    name: str, setting: Setting, admin: Connection, provider: ProviderId
) -> None:
    """Without its answer, which was lost between, the events themselves keep from a second one."""
    await admin.execute(FAIL_AT_COMMIT)
    sent = await SENT[name](setting)
    headers = KEY | sent.headers
    try:
        first = await setting.client.post(sent.path, json=sent.json, headers=headers)
    finally:
        await admin.execute("DROP TRIGGER fails ON kept_answers; DROP FUNCTION fail_at_commit()")
    assert first.is_success
    rows = await stored(admin, provider)
    assert len(rows) == 1
    retry = await setting.client.post(sent.path, json=sent.json, headers=headers)
    assert retry.status_code == 200
    assert REPLAYED not in retry.headers
    assert await stored(admin, provider) == rows
