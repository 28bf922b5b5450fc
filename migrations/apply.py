"""Roles and migrations in one step, for the embedded stack, tests and `breadth migrate` alike.

Four roles: `breadth_owner` owns the tables and never logs in, `breadth_app` is what the API
and the worker log in as, `breadth_bi_reader` is what logins for BI inherit from, and
`breadth_bi_views` owns the views that those read.
"""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from models.db import async_url

OWNER, APP, BI_READER = "breadth_owner", "breadth_app", "breadth_bi_reader"
BI_VIEWS = "breadth_bi_views"

#: Two migrations at once wait for each other here.
MIGRATION_LOCK = 0x627264


def config_of(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


async def ensure_roles(connection: AsyncConnection, app_login: str, app_password: str) -> None:
    """Make the roles that are missing and give the application login its password."""
    quote = connection.dialect.identifier_preparer.quote
    known = set((await connection.scalars(text("SELECT rolname FROM pg_roles"))).all())
    for role in (OWNER, APP, BI_READER, BI_VIEWS):
        if role not in known:
            await connection.execute(text(f"CREATE ROLE {role} NOLOGIN NOBYPASSRLS"))
    if app_login not in known | {APP}:
        await connection.execute(text(f"CREATE ROLE {quote(app_login)} NOBYPASSRLS IN ROLE {APP}"))
    # A utility statement takes no parameters; the server quotes the password itself.
    statement = await connection.scalar(
        text("SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', (:login)::text, (:password)::text)"),
        {"login": app_login, "password": app_password},
    )
    await connection.exec_driver_sql(str(statement))
    await connection.execute(text(f"GRANT {OWNER} TO CURRENT_USER"))
    # Enough to hand views over, and nothing of what their owner may read.
    await connection.execute(text(f"GRANT {BI_VIEWS} TO {OWNER} WITH INHERIT FALSE, SET TRUE"))
    database = await connection.scalar(text("SELECT current_database()"))
    await connection.execute(
        text(f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {quote(str(database))} TO {OWNER}")
    )
    await connection.execute(
        text(f"GRANT CONNECT, TEMPORARY ON DATABASE {quote(str(database))} TO {APP}")
    )
    await connection.execute(text(f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}"))
    await connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {APP}, {BI_VIEWS}"))


def _upgrade(connection: Connection, target: str) -> list[str]:
    config = config_of(connection)
    before = MigrationContext.configure(connection).get_current_revision()
    command.upgrade(config, target)
    after = MigrationContext.configure(connection).get_current_revision()
    if before == after:
        return []
    script = ScriptDirectory.from_config(config)
    steps = script.iterate_revisions(after or "base", before or "base")
    return [step.revision for step in reversed(list(steps))]


async def apply_async(admin_url: str, app_url: str, target: str = "head") -> list[str]:
    """As `apply`, for callers that run in an event loop."""
    login = make_url(app_url)
    if not login.username or not login.password:
        raise ValueError("BREADTH_DATABASE_URL must name the application login and its password.")
    engine = create_async_engine(async_url(admin_url))
    try:
        async with engine.begin() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK}
            )
            await ensure_roles(connection, login.username, str(login.password))
            await connection.execute(text(f"SET LOCAL ROLE {OWNER}"))
            return await connection.run_sync(_upgrade, target)
    finally:
        await engine.dispose()


def apply(admin_url: str, app_url: str) -> list[str]:
    """Bring roles and schema up to date; returns the revisions applied, oldest first.

    `admin_url` needs the right to create roles, `app_url` names the application login and the
    password it gets. Both are plain `postgresql://` addresses. All happens in one transaction.
    """
    return asyncio.run(apply_async(admin_url, app_url))
