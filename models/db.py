"""Engine, session and the one way to open a transaction: the provider is set first, then work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import msgspec
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from models.settings import Settings
from models.vocabulary import ProviderId

Sessions = async_sessionmaker[AsyncSession]


class UnsafeRole(RuntimeError):
    """The login could see past row-level security."""


def async_url(database_url: str) -> URL:
    """Accept a plain `postgresql://` address and name the driver that we use."""
    return make_url(database_url).set(drivername="postgresql+asyncpg")


def as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def engine_of(settings: Settings) -> AsyncEngine:
    return create_async_engine(
        async_url(settings.database_url.get_secret_value()),
        pool_size=settings.database_connections,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        # Twelve snapshots of a service are two megabytes of JSON in one transaction.
        json_serializer=as_json,
        json_deserializer=msgspec.json.decode,
        connect_args={
            "timeout": 10,
            "server_settings": {
                "application_name": "breadth",
                "timezone": "UTC",
                "statement_timeout": str(int(settings.statement_timeout_s * 1000)),
                "idle_in_transaction_session_timeout": "120000",
                "jit": "off",
            },
        },
    )


def sessions_of(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False, autoflush=False)


@asynccontextmanager
async def transaction(
    sessions: Sessions, provider: ProviderId | None, *, as_of_one_moment: bool = False
) -> AsyncIterator[AsyncSession]:
    """One unit of work: committed when the block ends, rolled back when it raises.

    Without a provider row-level security shows no rows of any; only the functions that
    answer with ids alone (`key_holder`, `marked_services`) are of use then.

    `as_of_one_moment`: every statement sees the database as the first one did, and what others
    changed meanwhile cannot be changed here (REPEATABLE READ).
    """
    async with sessions() as session, session.begin():
        if as_of_one_moment:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        if provider is not None:
            await session.execute(
                text("SELECT set_config('app.provider', :provider, true)"),
                {"provider": str(provider)},
            )
        yield session


async def driver(session: AsyncSession) -> "asyncpg.Connection[Any]":
    """The asyncpg connection below this session's transaction, for COPY and bulk reads."""
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    return cast("asyncpg.Connection[Any]", raw.driver_connection)


async def refuse_unsafe_role(engine: AsyncEngine) -> None:
    """Raise `UnsafeRole` when the login is superuser, may bypass row security, or owns tables."""
    async with engine.connect() as connection:
        row = (
            await connection.execute(
                text(
                    "SELECT rolname, rolsuper OR rolbypassrls AS unbound, EXISTS ("
                    "  SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                    "  WHERE n.nspname = 'public' AND c.relkind = 'r'"
                    "    AND pg_has_role(current_user, c.relowner, 'USAGE')) AS owns"
                    " FROM pg_roles WHERE rolname = current_user"
                )
            )
        ).one()
    if row.unbound or row.owns:
        raise UnsafeRole(
            f"The database login {row.rolname!r} is an owner, a superuser or may bypass row "
            "security. Give BREADTH_DATABASE_URL the application role (breadth_app) instead."
        )


def database_away(error: BaseException) -> bool:
    """Trouble that passes: connections, pool, shutdown, resources, cancelled or clashing work."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(
        driver_error(error),
        PoolTimeout
        | OSError
        | TimeoutError
        | asyncpg.InterfaceError
        | asyncpg.PostgresConnectionError
        | asyncpg.OperatorInterventionError
        | asyncpg.InsufficientResourcesError
        | asyncpg.ObjectInUseError
        | asyncpg.TransactionRollbackError
        | asyncpg.ReadOnlySQLTransactionError,
    )


def driver_error(error: BaseException) -> BaseException:
    """SQLAlchemy wraps the dialect's wrapper of what asyncpg raised."""
    while isinstance(error, DBAPIError) and isinstance(error.orig, BaseException):
        error = error.orig
    cause = error.__cause__
    asyncpg_errors = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
    return cause if isinstance(cause, asyncpg_errors) else error
