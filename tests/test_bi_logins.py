"""A login for BI sees its own provider's rows in the schema bi, whatever it sets, and no more."""

from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

import cli.main
from api.running import Running
from models.bi_logins import NoSuchProvider, make_login
from models.datasets import DATASETS
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, Database, MakeClient, make_provider
from tests.dataset_reading import every_row, published
from tests.recomputing import settle
from tests.sent import SERVICE, dose, send
from tests.set_up import put, team
from tests.walking import walk
from worker.publishing import publish

Connection = Any


class Logins(NamedTuple):
    """Two providers, each with rows of its own, and a session of the first one's login."""

    mine: ProviderId
    theirs: ProviderId
    login: str
    session: Connection
    client: httpx.AsyncClient


async def connected(database: Database, login: str, password: str) -> Connection:
    url = make_url(database.admin_url).set(username=login, password=password)
    return await asyncpg.connect(url.render_as_string(hide_password=False))


@pytest.fixture
async def logins(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    database: Database,
) -> Any:
    of = await walk(client, client_with, running, provider, admin)
    await published(of)
    other = await make_provider(running)
    theirs = await client_with(*Scope, of=other)
    await put(theirs, team("oak"))
    await send(theirs, dose(id="theirs"))
    await settle(running, other, admin)
    await publish(running.sessions, other, NOW)
    login, password = await make_login(database.admin_url, str(provider))
    session = await connected(database, login, password)
    yield Logins(provider, other, login, session, client)
    await session.close()


async def seen(session: Connection, name: str) -> set[str]:
    return {row["row_id"] for row in await session.fetch(f"SELECT row_id FROM bi.{name}")}


async def test_a_login_sees_the_rows_of_its_provider(logins: Logins) -> None:
    for name in DATASETS:
        rows = await every_row(logins.client, name)
        assert await seen(logins.session, name) == {row["row_id"] for row in rows}, name
    # The path leads there, so that tools need not be told.
    assert await logins.session.fetchval("SELECT count(*) FROM cells") > 0


async def test_rows_keep_their_ids_however_a_session_writes_dates(logins: Logins) -> None:
    before = {name: await seen(logins.session, name) for name in DATASETS}
    await logins.session.execute("SET datestyle = 'SQL, DMY'")
    await logins.session.execute("SET timezone = 'Pacific/Auckland'")
    for name in DATASETS:
        assert await seen(logins.session, name) == before[name], name


async def test_what_a_login_sets_shows_it_nothing_more(logins: Logins) -> None:
    before = {name: await seen(logins.session, name) for name in DATASETS}
    for local in ("false", "true"):
        async with logins.session.transaction():
            await logins.session.execute(
                f"SELECT set_config('app.provider', $1, {local})", str(logins.theirs)
            )
            for name in DATASETS:
                assert await seen(logins.session, name) == before[name], name


async def test_a_login_reaches_nothing_but_the_views(logins: Logins, admin: Any) -> None:
    tables = await admin.fetch(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('public', 'bi_base') AND c.relkind IN ('r', 'v', 'S', 'm')"
    )
    assert {row[0] for row in tables} == {"public", "bi_base"}
    for row in tables:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await logins.session.execute(f"TABLE {row['nspname']}.{row['relname']}")
    functions = await admin.fetch(
        "SELECT p.oid::regprocedure::text AS name FROM pg_proc p"
        " WHERE p.pronamespace = 'public'::regnamespace"
        "   AND has_function_privilege($1, p.oid, 'EXECUTE')",
        logins.login,
    )
    assert [row["name"] for row in functions] == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO bi.services (name) VALUES ('x')",
        "DELETE FROM bi.calendar",
        "CREATE VIEW bi.more AS SELECT 1",
        "CREATE TABLE public.more (x int)",
        "SET ROLE breadth_app",
        "SET ROLE breadth_bi_views",
        "SET SESSION AUTHORIZATION breadth_app",
        "UPDATE bi_logins SET login = 'x'",
        "COPY bi.cells TO PROGRAM 'cat'",
    ],
)
async def test_a_login_changes_nothing(logins: Logins, statement: str) -> None:
    await logins.session.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.PostgresError):
        await logins.session.execute(statement)


async def test_a_function_of_its_own_reads_nothing_more(logins: Logins) -> None:
    """A view pushes no function of the reader's below the walls between providers."""
    await logins.session.execute("SET default_transaction_read_only = off")
    await logins.session.execute(
        "CREATE FUNCTION pg_temp.leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS"
        " $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$"
    )
    told: list[str] = []
    logins.session.add_log_listener(lambda _, message: told.append(str(message)))
    rows = await logins.session.fetch("SELECT service FROM bi.cells WHERE pg_temp.leak(row_id)")
    assert rows
    assert len(told) == len(rows)


async def test_a_login_that_nobody_mapped_sees_nothing(
    logins: Logins, admin: Any, database: Database
) -> None:
    """One that a superuser made, member of the readers and of nothing else."""
    await admin.execute(
        "DROP ROLE IF EXISTS by_hand; CREATE ROLE by_hand LOGIN PASSWORD 'made-up'"
        " IN ROLE breadth_bi_reader"
    )
    session = await connected(database, "by_hand", "made-up")
    try:
        await session.execute("SELECT set_config('app.provider', $1, false)", str(logins.mine))
        for name in DATASETS:
            assert await seen(session, name) == set(), name
        await admin.execute(
            "INSERT INTO bi_logins (provider_id, login, created_at) VALUES ($1, 'by_hand', now())",
            logins.theirs,
        )
        found = await session.fetch("SELECT service, team FROM bi.teams")
        assert [tuple(row) for row in found] == [(SERVICE, "oak")]
        assert await seen(session, "cells") & await seen(logins.session, "cells") == set()
    finally:
        await session.close()
        await admin.execute("DELETE FROM bi_logins WHERE login = 'by_hand'")


async def test_not_even_a_superuser_reads_through_the_views(logins: Logins, admin: Any) -> None:
    await admin.execute("SELECT set_config('app.provider', $1, false)", str(logins.mine))
    for name in DATASETS:
        assert await seen(admin, name) == set(), name


async def test_a_login_has_limits(logins: Logins) -> None:
    for name, value in (
        ("statement_timeout", "1min"),
        ("default_transaction_read_only", "on"),
        ("search_path", "bi"),
    ):
        assert await logins.session.fetchval(f"SHOW {name}") == value


async def test_a_new_password_ends_the_old_one(logins: Logins, database: Database) -> None:
    login, password = await make_login(database.admin_url, str(logins.mine))
    again, newer = await make_login(database.admin_url, str(logins.mine))
    assert login == again == logins.login
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connected(database, login, password)
    await (await connected(database, login, newer)).close()


async def test_logins_are_made_for_known_providers_alone(database: Database) -> None:
    with pytest.raises(NoSuchProvider):
        await make_login(database.admin_url, "nobody")


def test_the_command_prints_the_login_once(
    database: Database, provider: ProviderId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BREADTH_ADMIN_DATABASE_URL", database.admin_url)
    monkeypatch.setenv("BREADTH_DATABASE_URL", database.app_url)
    done = CliRunner().invoke(cli.main.app, ["bi-login", "--provider", str(provider)])
    assert done.exit_code == 0, done.output
    login, password = done.output.split()
    assert login == f"breadth_bi_{provider.hex}"
    assert len(password) >= 32
    unknown = CliRunner().invoke(cli.main.app, ["bi-login", "--provider", "nobody"])
    assert (unknown.exit_code, "no provider has the code nobody" in unknown.output) == (1, True)
