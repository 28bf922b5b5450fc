"""The walls between providers, read from the catalogue so that a new table cannot be forgotten."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from api.running import Running
from models.db import UnsafeRole, engine_of, refuse_unsafe_role, transaction
from models.settings import Settings
from models.vocabulary import ProviderId
from tests.conftest import Database, make_provider

Connection = Any
OURS = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
#: Alembic's own table names no provider, and the application may only read it.
NOT_OF_PROVIDERS = {"alembic_version"}


async def tables(admin: Connection) -> set[str]:
    return {row["relname"] for row in await admin.fetch(OURS)} - NOT_OF_PROVIDERS


async def test_every_table_is_secured_and_forced(admin: Connection) -> None:
    loose = await admin.fetch(f"{OURS} AND NOT (relrowsecurity AND relforcerowsecurity)")
    assert {row["relname"] for row in loose} == NOT_OF_PROVIDERS


async def test_every_table_has_one_policy_for_the_application(admin: Connection) -> None:
    policies = await admin.fetch(
        "SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies"
        " WHERE 'breadth_app' = ANY(roles) OR 'public' = ANY(roles)"
    )
    assert {row["tablename"] for row in policies} == await tables(admin)
    assert len(policies) == len({row["tablename"] for row in policies})
    for row in policies:
        assert row["cmd"] == "ALL"
        assert "app.provider" in row["qual"]
        assert row["with_check"] == row["qual"]


async def test_provider_leads_every_key(admin: Connection) -> None:
    keys = await admin.fetch(
        "SELECT c.conname, c.contype::text, a.attname FROM pg_constraint c"
        " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
        " WHERE c.connamespace = 'public'::regnamespace AND c.contype IN ('p', 'u', 'f')"
        "   AND c.conrelid <> 'alembic_version'::regclass"
    )
    others = {row["conname"] for row in keys if row["attname"] != "provider_id"}
    assert others == {"providers_code_key"}
    assert len(keys) > len(await tables(admin))


async def test_the_application_owns_nothing_and_is_bound(admin: Connection) -> None:
    role = await admin.fetchrow("SELECT * FROM pg_roles WHERE rolname = 'breadth_app'")
    powers = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication")
    assert [role[power] for power in powers] == [False] * len(powers)
    owned = await admin.fetchval(
        "SELECT count(*) FROM pg_class"
        " WHERE relowner = 'breadth_app'::regrole AND relpersistence <> 't'"
    )
    assert owned == 0


@pytest.mark.parametrize(
    "table", ["events", "snapshots", "programmes", "provider_settings", "catalogue_changes"]
)
async def test_what_was_said_stays_said(table: str, admin: Connection) -> None:
    for right in ("UPDATE", "DELETE", "TRUNCATE"):
        assert not await admin.fetchval(
            "SELECT has_table_privilege('breadth_app', $1, $2)", table, right
        )


async def test_nobody_sees_or_writes_rows_of_another_provider(
    running: Running, provider: ProviderId, admin: Connection
) -> None:
    other = await make_provider(running)
    async with transaction(running.sessions, other) as session:
        await session.execute(
            text("INSERT INTO marks (provider_id, service) VALUES (:p, 'theirs')"), {"p": other}
        )
    for who in (provider, None):
        async with transaction(running.sessions, who) as session:
            for table in sorted(await tables(admin)):
                seen = await session.scalar(
                    text(f"SELECT count(*) FROM {table} WHERE provider_id = :p"),
                    {"p": other},
                )
                assert seen == 0, table
    with pytest.raises(Exception, match="row-level security"):
        async with transaction(running.sessions, provider) as session:
            await session.execute(
                text("INSERT INTO marks (provider_id, service) VALUES (:p, 's')"), {"p": other}
            )
    async with transaction(running.sessions, other) as session:
        await session.execute(text("DELETE FROM marks"))


async def test_the_next_transaction_of_a_connection_forgets_the_provider(
    database: Database, provider: ProviderId
) -> None:
    connection = await asyncpg.connect(database.app_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.provider', $1, true)", str(provider))
            assert await connection.fetchval("SELECT count(*) FROM providers") == 1
        assert await connection.fetchval("SELECT count(*) FROM providers") == 0
    finally:
        await connection.close()


async def test_an_owner_or_superuser_is_refused_at_the_start(
    database: Database, settings: Settings
) -> None:
    unsafe = settings.model_copy(
        update={"database_url": type(settings.database_url)(database.admin_url)}
    )
    for chosen, refused in ((unsafe, True), (settings, False)):
        engine = engine_of(chosen)
        try:
            if refused:
                with pytest.raises(UnsafeRole):
                    await refuse_unsafe_role(engine)
            else:
                await refuse_unsafe_role(engine)
        finally:
            await engine.dispose()
