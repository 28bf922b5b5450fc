"""The `breadth` command: each subcommand reads its settings, calls one thing, says the outcome."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from cli.children import ChildFailedError
from cli.datadir import StackError, read_json, running
from models.settings import Settings, StackSettings
from models.vocabulary import Scope

app = typer.Typer(
    help="Is a care provider's improvement broad enough, and where is it still thin?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="API keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What the person at the terminal can cure is one line and a non-zero exit, no traceback."""
    try:
        yield
    except ValidationError as error:
        for each in error.errors():
            name = "BREADTH_" + "_".join(str(part) for part in each["loc"]).upper()
            typer.echo(f"breadth: {name}: {each['msg']}", err=True)
        raise typer.Exit(2) from error
    except (StackError, ChildFailedError, OSError) as error:
        typer.echo(f"breadth: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def up() -> None:
    """Start everything and stay in the foreground; Ctrl-C stops it.

    BREADTH_PORT (8000), BREADTH_DATA_DIR (.breadth), BREADTH_DEMO=0 (no demo),
    BREADTH_API_PROCESSES (2), BREADTH_WORKER_PROCESSES (1); BREADTH_DATABASE_URL and
    BREADTH_REDIS_URL name servers of your own.
    """
    from cli.stack import up as run  # noqa: PLC0415 - the other commands start without it

    with one_line_errors():
        run(StackSettings(), Console())


@app.command()
def migrate() -> None:
    """Bring the database to the newest revision.

    BREADTH_ADMIN_DATABASE_URL is a login that may create roles, BREADTH_DATABASE_URL the
    application's; without them the running embedded stack is meant.
    """
    from migrations.apply import apply  # noqa: PLC0415 - Alembic is slow to import

    with one_line_errors():
        applied = apply(*_admin_and_application(StackSettings()))
    typer.echo(f"applied {', '.join(applied)}" if applied else "nothing new")


@app.command("bi-login")
def bi_login(
    provider: Annotated[str, typer.Option(help="Code of the provider whose rows it sees.")],
) -> None:
    """Make or replace a provider's login to the schema bi, for Metabase, Superset and other SQL.

    Prints its name and, this once, its password; the password given out before ends. Reads the
    same two addresses as migrate.
    """
    from models.bi_logins import NoSuchProvider, make_login  # noqa: PLC0415 - as above

    with one_line_errors():
        admin, _ = _admin_and_application(StackSettings())
        try:
            login, password = asyncio.run(make_login(admin, provider))
        except NoSuchProvider as unknown:
            raise StackError(f"no provider has the code {unknown}") from unknown
    typer.echo(f"{login}\n{password}")


@keys.command("create")
def create_key(
    provider: Annotated[str, typer.Option(help="Code of the provider; made if it is new.")],
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; repeat for several.")],
) -> None:
    """Issue a key and print it, this once; it is not kept."""
    from models.people import issue_key  # noqa: PLC0415 - SQLAlchemy is slow to import

    with one_line_errors():
        settings = _settings()
        key = asyncio.run(
            issue_key(
                settings.database_url.get_secret_value(),
                settings.secret_key.get_secret_value(),
                provider,
                name,
                scope,
            )
        )
    typer.echo(key)


@app.command()
def demo(
    api_url: Annotated[
        str | None, typer.Option(envvar="BREADTH_API_URL", help="Default: the running stack.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="BREADTH_API_KEY", help="Default: its development key.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Write the evidence and its truth here; send nothing.")
    ] = None,
    *,
    picture: Annotated[bool, typer.Option("--picture", help="Only show the verdicts.")] = False,
) -> None:
    """Send the demo's evidence through the public API and show the verdicts; safe to repeat."""
    import httpx  # noqa: PLC0415 - the other commands start without it

    from cli import demo as demonstration  # noqa: PLC0415 - so does numpy
    from cli.calls import NotTaken  # noqa: PLC0415 - so does this

    console = Console()
    with one_line_errors():
        if write is not None:
            demonstration.write(write)
            return
        data_dir = StackSettings().data_dir
        url = api_url or running(data_dir).get("api_url")
        key = api_key or _kept_key(data_dir)
        if not url or not key:
            raise _no_stack(data_dir, "pass --api-url and --api-key")
        try:
            if not picture:
                demonstration.load(url, key, console)
            console.print(demonstration.picture(url, key))
        except (NotTaken, httpx.HTTPError) as error:
            raise StackError(f"{url}: {error}") from error


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="The table: CSV, as it is or compressed (gzip).")],
    mapping: Annotated[
        str,
        typer.Option(
            help="A connector's code, the name of a shipped mapping, or the path of a mapping"
            " document (.json). The connector is made where there is none."
        ),
    ],
    url: Annotated[
        str | None, typer.Option(envvar="BREADTH_API_URL", help="Default: the running stack.")
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            help="A file with the API key. Default: the variable BREADTH_API_KEY, else the"
            " development key of the running stack."
        ),
    ] = None,
    result: Annotated[
        Path | None,
        typer.Option(help="Where refused rows go, with reasons. Default: FILE.result.csv"),
    ] = None,
    *,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Store nothing when a row is refused.")
    ] = False,
) -> None:
    """Import a table, follow how it is read and say what came of each row; safe to repeat.

    Ends with 0 when all rows were taken or had been, and with 3 when rows were refused.
    """
    import httpx  # noqa: PLC0415 - the other commands start without it

    from cli.calls import NotTaken  # noqa: PLC0415 - so does this
    from cli.import_table import import_table  # noqa: PLC0415

    with one_line_errors():
        data_dir = StackSettings().data_dir
        own = running(data_dir).get("api_url")
        address = url or own
        # The key of this stack is not shown to another.
        kept = _kept_key(data_dir) if address == own else None
        given = key_file.read_text() if key_file else os.environ.get("BREADTH_API_KEY", "")
        key = given.strip() or kept
        if not address:
            raise _no_stack(data_dir, "set BREADTH_API_URL and BREADTH_API_KEY")
        if not key:
            raise StackError(f"no key for {address}; set BREADTH_API_KEY, or pass --key-file")
        try:
            taken = import_table(
                address,
                key,
                file,
                mapping,
                all_or_nothing=all_or_nothing,
                result=result,
                console=Console(),
            )
        except NotTaken as error:
            raise StackError(str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise StackError(
                f"{address} does not answer ({error or type(error).__name__}); the same command,"
                " repeated, counts nothing twice"
            ) from error
        except KeyboardInterrupt:
            typer.echo("breadth: stopped; the same command goes on and counts nothing twice")
            raise typer.Exit(130) from None
    if not taken:
        raise typer.Exit(3)


def kept_admin_url(data_dir: Path) -> str:
    """The administrator's URL of the embedded stack in this directory; empty without one."""
    word = read_json(data_dir / "secrets.json").get("postgres_admin_password")
    port = read_json(data_dir / "ports.json").get("postgres")
    return f"postgresql://breadth_admin:{word}@127.0.0.1:{port}/breadth" if word and port else ""


def _admin_and_application(settings: StackSettings) -> tuple[str, str]:
    """Addresses of a login that may create roles, and of the application."""
    stack = {} if settings.database_url else running(settings.data_dir)
    if settings.admin_database_url and settings.database_url:
        return (
            settings.admin_database_url.get_secret_value(),
            settings.database_url.get_secret_value(),
        )
    if stack.get("database_url") and (admin := kept_admin_url(settings.data_dir)):
        return admin, stack["database_url"]
    raise _no_stack(settings.data_dir, "set BREADTH_ADMIN_DATABASE_URL and BREADTH_DATABASE_URL")


def _no_stack(data_dir: Path, instead: str) -> StackError:
    return StackError(f"no running stack in {data_dir}; start it with: breadth up, or {instead}")


def _kept_key(data_dir: Path) -> str | None:
    path = data_dir / "dev-api-key"
    return path.read_text().strip() if path.exists() else None


def _settings() -> Settings:
    """From the environment; beside an embedded stack, from its data directory."""
    data_dir = StackSettings().data_dir
    stack, kept = running(data_dir), read_json(data_dir / "secrets.json")
    given = StackSettings().model_dump(exclude_none=True)
    if not stack and "database_url" not in given:
        raise _no_stack(
            data_dir, "set BREADTH_DATABASE_URL, BREADTH_REDIS_URL and BREADTH_SECRET_KEY"
        )
    known = {
        "database_url": stack.get("database_url"),
        "redis_url": stack.get("redis_url"),
        "secret_key": kept.get("secret_key"),
    }
    return Settings(**{name: value for name, value in known.items() if value and name not in given})


if __name__ == "__main__":
    sys.exit(app())
