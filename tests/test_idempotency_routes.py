"""Every POST of the contract honours Idempotency-Key: one effect, one answer, whoever sends it."""

import asyncio
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api.kept_answers import KeptRoute
from api.running import Running
from models.vocabulary import ProviderId
from tests.idempotent_posts import ADDED, SENT, SEVERAL_TRANSACTIONS
from tests.idempotent_setting import Sent, Setting
from tests.set_up import put, team
from tests.test_contract import DESCRIBED, OPERATIONS

POSTS = {
    operation["operationId"]
    for methods in DESCRIBED["paths"].values()
    for method, operation in methods.items()
    if method == "post"
}
REPLAYED = "idempotency-replayed"

every_post = pytest.mark.parametrize("name", sorted(SENT))


class Post(NamedTuple):
    """One POST of the contract, whose subject has been set up."""

    client: httpx.AsyncClient
    sent: Sent

    async def __call__(self, key: str, **otherwise: Any) -> httpx.Response:
        sent = self.sent._replace(**otherwise)
        headers = sent.headers | {"Idempotency-Key": key}
        if sent.json is None:
            return await self.client.post(sent.path, headers=headers)
        return await self.client.post(sent.path, json=sent.json, headers=headers)


def same_answer(one: httpx.Response, other: httpx.Response) -> bool:
    kept = ("content-type", "location", "etag", "link", "retry-after")
    return (
        one.status_code == other.status_code
        and one.content == other.content
        and [one.headers.get(name) for name in kept] == [other.headers.get(name) for name in kept]
    )


class Effects:
    """How many rows the provider has in each table, but for the kept answers themselves."""

    def __init__(self, admin: Any, provider: ProviderId) -> None:
        self._admin, self._provider = admin, provider

    async def __call__(self) -> dict[str, int]:
        tables = await self._admin.fetch(
            "SELECT DISTINCT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'provider_id'"
        )
        names = {row["table_name"] for row in tables} - {"kept_answers"}
        return {
            name: await self._admin.fetchval(
                f"SELECT count(*) FROM {name} WHERE provider_id = $1", self._provider
            )
            for name in sorted(names)
        }


@pytest.fixture
def setting(client: httpx.AsyncClient, running: Running, provider: ProviderId) -> Setting:
    return Setting(client, running, provider)


@pytest.fixture
def effects(admin: Any, provider: ProviderId) -> Effects:
    return Effects(admin, provider)


@pytest.fixture
async def post(name: str, setting: Setting) -> Post:
    await put(setting.client, team("oak"))
    return Post(setting.client, await SENT[name](setting))


def test_no_post_is_forgotten() -> None:
    assert set(SENT) == POSTS


def test_every_post_says_what_the_header_is_and_how_long_it_holds() -> None:
    for _, operation in OPERATIONS:
        named = [one for one in operation.get("parameters", []) if one["name"] == "Idempotency-Key"]
        assert len(named) == (operation["operationId"] in POSTS)
        for one in named:
            assert one["in"] == "header"
            assert not one["required"]
            assert "7 days" in one["description"]
            assert "RFC 8941" in one["description"]
            assert {"400", "409", "422"} <= set(operation["responses"])


def test_every_post_with_one_transaction_keeps_its_answer_in_it(app: FastAPI) -> None:
    kept = {
        context.name
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        and "POST" in (context.original_route.methods or ())
        and isinstance(context.original_route, KeptRoute)
    }
    assert kept == POSTS - SEVERAL_TRANSACTIONS


@every_post
async def test_a_retry_gets_the_first_answer_and_has_no_effect(
    post: Post, effects: Effects
) -> None:
    first = await post('"one"')
    assert first.is_success, first.text
    assert REPLAYED not in first.headers
    after = await effects()
    # Without its quotes it is the same key.
    for key in ('"one"', "one"):
        again = await post(key)
        assert same_answer(first, again)
        assert again.headers[REPLAYED] == "true"
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await effects() == after


@every_post
async def test_another_request_under_the_same_key_is_refused(post: Post, effects: Effects) -> None:
    assert (await post("k")).is_success
    after = await effects()
    sent = post.sent
    for other in (
        await post("k", json=sent.other),
        await post("k", path=f"{sent.path}{'&' if '?' in sent.path else '?'}x=1"),
    ):
        assert other.status_code == 422
        assert "idempotency_key_reused" in other.text
        assert REPLAYED not in other.headers
    assert await effects() == after
    assert same_answer(await post("k"), await post("k"))


@every_post
async def test_a_key_that_cannot_be_read_is_refused_before_anything_happens(
    post: Post, effects: Effects
) -> None:
    before = await effects()
    for key in ("", "a b", '"' + "a" * 256 + '"'):
        answer = await post(key)
        assert answer.status_code == 400
        assert "idempotency_key_malformed" in answer.text
    assert await effects() == before


@every_post
async def test_equal_posts_at_once_have_one_effect_and_one_answer(
    name: str, post: Post, effects: Effects
) -> None:
    before = await effects()
    answers = await asyncio.gather(*(post("k") for _ in range(32)))
    done = [answer for answer in answers if answer.status_code != 409]
    assert done
    for answer in answers:
        if answer.status_code == 409:
            assert "idempotency_key_in_use" in answer.text
            assert int(answer.headers["retry-after"]) >= 1
    assert all(same_answer(done[0], answer) for answer in done)
    assert done[0].is_success
    after = await effects()
    retry = await post("k")
    assert same_answer(done[0], retry)
    assert await effects() == after
    for table, added in ADDED.get(name, {}).items():
        assert after[table] - before[table] == added, table
