"""The migrations make the tables that the models describe, from nothing, and can be taken back."""

from itertools import pairwise
from typing import Any
from uuid import uuid4

import asyncpg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from api.health import newest_migration
from migrations.apply import OWNER, apply_async, config_of
from models.base import Base
from models.db import async_url
from tests.conftest import Database, MakeDatabase


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


def revisions(connection: Connection) -> list[str]:
    script = ScriptDirectory.from_config(config_of(connection))
    return [step.revision for step in reversed(list(script.walk_revisions()))]


async def in_database(database: Database, work: Any, *arguments: object) -> Any:
    engine = create_async_engine(async_url(database.admin_url))
    try:
        async with engine.connect() as connection, connection.begin():
            await connection.execute(text(f"SET LOCAL ROLE {OWNER}"))
            return await connection.run_sync(work, *arguments)
    finally:
        await engine.dispose()


def downgrade(connection: Connection, target: str) -> None:
    command.downgrade(config_of(connection), target)


async def test_migrations_run_from_empty_once(empty_database: MakeDatabase) -> None:
    database = await empty_database("breadth_tests_empty")
    applied = await apply_async(database.admin_url, database.app_url)
    assert applied == await in_database(database, revisions)
    assert applied[-1] == newest_migration()
    assert await apply_async(database.admin_url, database.app_url) == []


async def test_models_and_migrations_agree(database: Database) -> None:
    assert await in_database(database, differences) == []


async def test_every_step_can_be_taken_back_and_again(empty_database: MakeDatabase) -> None:
    database = await empty_database("breadth_tests_steps")
    applied = await apply_async(database.admin_url, database.app_url)
    for below, revision in reversed(list(pairwise(["base", *applied]))):
        await in_database(database, downgrade, below)
        assert (await apply_async(database.admin_url, database.app_url))[0] == revision
        assert await in_database(database, differences) == []
        await in_database(database, downgrade, below)
    assert await in_database(database, _tables) == {"alembic_version"}


async def test_a_new_kind_of_sum_asks_for_every_service_anew(empty_database: MakeDatabase) -> None:
    database = await empty_database("breadth_tests_marks")
    await apply_async(database.admin_url, database.app_url, "0001")
    houses = [(uuid4(), "1-200000001"), (uuid4(), "1-200000002")]
    admin = await asyncpg.connect(database.admin_url)
    try:
        for provider, service in houses:
            await admin.execute(
                "INSERT INTO providers VALUES ($1, $2, 'Test care', now())", provider, str(provider)
            )
            await admin.execute(
                "INSERT INTO services (provider_id, code, name, kind, created_at)"
                " VALUES ($1, $2, 'Elm House', 'care_home', now())",
                *(provider, service),
            )
        assert await apply_async(database.admin_url, database.app_url, "0002") == ["0002"]
        marks = await admin.fetch("SELECT provider_id, service, month, as_of, event_id FROM marks")
        assert sorted(map(tuple, marks)) == sorted((*each, None, None, None) for each in houses)
        allowed = await admin.fetch(
            "SELECT cmd FROM pg_policies WHERE tablename = 'marks' AND 'breadth_owner' = ANY(roles)"
        )
        assert [row["cmd"] for row in allowed] == ["SELECT"], "the owner writes no marks any more"
    finally:
        await admin.close()


def _tables(connection: Connection) -> set[str]:
    found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
    return {row.tablename for row in found}
