"""Logins for BI tools: which provider's rows each may see in the schema `bi`, and how one is made.

The mapping is read by the database itself; see `bi_base.provider()` in the migrations.
"""

import secrets
from datetime import datetime

import asyncpg
from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, utc_now

#: A question of a dashboard takes at most this long, unless it asks for longer itself.
STATEMENT_TIMEOUT_S = 60
#: Tools keep pools; one of them must not take all connections there are.
MOST_CONNECTIONS = 10


class BiLogin(OfProvider, Base):
    __tablename__ = "bi_logins"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["providers.provider_id"]),
        Index("bi_logins_login_idx", "login", unique=True),
    )

    login: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class NoSuchProvider(LookupError):
    """No provider has this code."""


async def make_login(admin_url: str, provider_code: str) -> tuple[str, str]:
    """Make or replace the login of a provider: its name, and the password to show once.

    `admin_url` is a login that may create roles. A password that was given out before ends here.

    Raises
    ------
    NoSuchProvider
    """
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction():
            # An administrator need not be a superuser; row security binds the owner as well.
            await connection.execute("SET LOCAL ROLE breadth_owner")
            provider = await connection.fetchval("SELECT find_provider($1)", provider_code)
            await connection.execute("RESET ROLE")
            if provider is None:
                raise NoSuchProvider(provider_code)
            # Not the code, which may be anything and long; the id is the provider's for good.
            login = f"breadth_bi_{provider.hex}"
            password = secrets.token_urlsafe(24)
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", login):
                await connection.execute(f"CREATE ROLE {login} NOBYPASSRLS")
            for clause in (
                f"NOSUPERUSER NOCREATEDB NOCREATEROLE INHERIT CONNECTION LIMIT {MOST_CONNECTIONS}",
                f"LOGIN PASSWORD '{password}'",
                f"SET statement_timeout = '{STATEMENT_TIMEOUT_S}s'",
                "SET default_transaction_read_only = on",
                "SET search_path = bi",
                "SET timezone = 'UTC'",
            ):
                await connection.execute(f"ALTER ROLE {login} {clause}")
            await connection.execute(f"GRANT breadth_bi_reader TO {login}")
            await connection.execute("SET LOCAL ROLE breadth_owner")
            await connection.execute(
                "INSERT INTO bi_logins (provider_id, login, created_at) VALUES ($1, $2, $3)"
                " ON CONFLICT (provider_id, login) DO UPDATE SET created_at = excluded.created_at",
                provider,
                login,
                utc_now(),
            )
    finally:
        await connection.close()
    return login, password
