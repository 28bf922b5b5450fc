"""The embedded servers are the ones the stack promises: local, password-protected, tuned."""

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError


async def test_postgres_is_version_18_with_utf8_and_utc(postgres_admin_url: str) -> None:
    connection = await asyncpg.connect(postgres_admin_url)
    try:
        shown = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in ("server_version_num", "server_encoding", "timezone", "jit", "is_superuser")
        }
        collation = await connection.fetchval(
            "SELECT datlocprovider::text || ':' || datlocale FROM pg_database "
            "WHERE datname = 'template1'"
        )
    finally:
        await connection.close()
    assert int(shown.pop("server_version_num")) >= 150000
    assert shown == {
        "server_encoding": "UTF8",
        "timezone": "UTC",
        "jit": "off",
        "is_superuser": "on",
    }
    assert collation == "b:C.UTF-8"


async def test_postgres_refuses_a_wrong_password(postgres_admin_url: str) -> None:
    user, rest = postgres_admin_url.split("//")[1].split(":", 1)
    wrong = f"postgresql://{user}:wrong@{rest.split('@')[1]}"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


async def test_redis_answers_and_refuses_a_missing_password(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.ping()
        assert "redis_version" in await client.info()
    async with Redis.from_url("redis://" + redis_url.split("@")[1]) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.ping()
