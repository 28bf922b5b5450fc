"""Stands in for an engine: every command, variable and port of the images exists in the code."""

import ast
import importlib
import importlib.util
import json
import os
import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer.main
import yaml
from sqlalchemy import make_url
from starlette.routing import Match
from typer.core import TyperGroup

from models.settings import Settings, StackSettings

ROOT = Path(__file__).parents[1]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE_TEXT = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = [name for name, service in SERVICES.items() if "build" in service]
LONG_RUNNING = ["api", "worker", "judge", "tables"]
VALUE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in DOCKERFILE_TEXT.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (x.partition(" ") for x in joined) if word]


def image_command() -> list[str]:
    [command] = [json.loads(rest) for word, rest in instructions() if word == "CMD"]
    return list(command)


def command_of(service: str) -> list[str]:
    return list(SERVICES[service].get("command") or image_command())


def health_command_of(service: str) -> list[str]:
    kind, *command = SERVICES[service]["healthcheck"]["test"]
    assert kind in {"CMD", "CMD-SHELL"}
    return list(command)


def interpolated(text: str) -> str:
    """As an engine reads it, with a made-up value for everything that has to be set."""
    return VALUE.sub(lambda m: m[3] if m[2] == ":-" else f"{m[1]}{'0' * 32}", text)


def environment_of(service: str) -> dict[str, str]:
    given = SERVICES[service]["environment"]
    return {name: interpolated(value) for name, value in given.items()}


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def attribute(path: str, separator: str) -> Any:
    module, _, name = path.rpartition(separator)
    return getattr(importlib.import_module(module), name)


def assert_exists(command: list[str]) -> None:
    program, *rest = command
    if program == "python" and rest[0] == "-m":
        assert importlib.util.find_spec(rest[1]), f"no module {rest[1]}"
        assert rest[1] in {"arq", "uvicorn"}, "an unknown program"
        path, separator = rest[2], ":" if rest[1] == "uvicorn" else "."
        assert callable(attribute(path, separator)), f"nothing called {path}"
    elif program == "python":
        assert rest[0] == "-c"
        ast.parse(rest[1])
    else:
        script = PROJECT["project"]["scripts"][program]
        group = typer.main.get_command(attribute(script, ":"))
        assert isinstance(group, TyperGroup)
        assert rest[0] in group.commands, f"no command {rest[0]}"


@pytest.fixture(autouse=True)
def _settings_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing may read them; what the rest of the tests have set stays."""
    for name, value in environment_of("worker").items():
        if name not in os.environ:
            monkeypatch.setenv(name, value)


def test_services_are_the_five_of_the_house() -> None:
    assert set(SERVICES) == {"postgres", "valkey", "migrate", "api", "worker", "judge", "tables"}
    assert OURS == ["migrate", "api", "worker", "judge", "tables"]


@pytest.mark.parametrize("service", OURS)
def test_command_exists_in_the_code(service: str) -> None:
    assert_exists(command_of(service))


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_health_check_runs_what_exists(service: str) -> None:
    assert_exists(health_command_of(service))


@pytest.mark.parametrize("text", [COMPOSE_TEXT, DOCKERFILE_TEXT])
def test_variable_is_a_field_of_the_settings(text: str) -> None:
    fields = {f"BREADTH_{name}".upper() for name in Settings.model_fields}
    fields |= {f"BREADTH_{name}".upper() for name in StackSettings.model_fields}
    assert set(re.findall(r"BREADTH_[A-Z_]+", text)) <= fields


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_service_is_given_every_required_setting(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = environment_of(service)
    required = [name for name, field in Settings.model_fields.items() if field.is_required()]
    assert required
    assert {f"BREADTH_{name}".upper() for name in required} <= set(given)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()  # type: ignore[call-arg] # read from the environment
    assert settings.public_url == "http://127.0.0.1:8000"


def test_only_migrate_may_create_roles() -> None:
    holders = {name for name in SERVICES if "BREADTH_ADMIN_DATABASE_URL" in str(SERVICES[name])}
    assert holders == {"migrate"}
    admin = make_url(environment_of("migrate")["BREADTH_ADMIN_DATABASE_URL"])
    login = make_url(environment_of("api")["BREADTH_DATABASE_URL"])
    server = environment_of("postgres")
    assert (admin.username, admin.password) == (
        server["POSTGRES_USER"],
        server["POSTGRES_PASSWORD"],
    )
    assert admin.database == login.database == server["POSTGRES_DB"]
    assert login.username != admin.username
    assert login.password != admin.password


def test_ports_agree_from_the_command_to_the_machine() -> None:
    [exposed] = [rest for word, rest in instructions() if word == "EXPOSE"]
    served = option(image_command(), "--port")
    [published] = SERVICES["api"]["ports"]
    address, outside, inside = interpolated(published).split(":")
    assert exposed == served == inside == outside
    assert address == "127.0.0.1"
    assert option(image_command(), "--host") == "0.0.0.0"  # noqa: S104 - inside the container
    assert outside == str(StackSettings.model_fields["port"].default)


def test_health_check_asks_a_route_of_the_api() -> None:
    [asked] = re.findall(r"http://[^']+", health_command_of("api")[-1])
    assert urlsplit(asked).port == int(option(image_command(), "--port"))
    application = attribute(option(image_command(), "uvicorn"), ":")()
    request = {"type": "http", "method": "GET", "root_path": "", "headers": []}
    request["path"] = urlsplit(asked).path
    assert Match.FULL in {route.matches(request)[0] for route in application.routes}


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_addresses_name_the_servers_and_their_ports(service: str) -> None:
    given = environment_of(service)
    database = make_url(given["BREADTH_DATABASE_URL"])
    bell = urlsplit(given["BREADTH_REDIS_URL"])
    postgres, valkey = health_command_of("postgres"), command_of("valkey")
    assert (database.host, str(database.port)) == ("postgres", option(postgres, "-p"))
    assert (bell.hostname, str(bell.port)) == ("valkey", option(valkey, "--port"))
    assert bell.password == interpolated(option(valkey, "--requirepass"))
    assert f"-p {bell.port}" in health_command_of("valkey")[0]


@pytest.mark.parametrize("kind", ["Counting", "Judging", "Tables"])
def test_workers_health_is_not_older_than_its_check_means(kind: str) -> None:
    seconds = attribute(f"worker.main.{kind}Settings", ".").health_check_interval
    assert 0 < seconds <= 60, "arq's own hour would call a dead worker healthy"


def test_servers_are_waited_for_and_migrations_are_over() -> None:
    for service in LONG_RUNNING:
        waits = {on: how["condition"] for on, how in SERVICES[service]["depends_on"].items()}
        assert waits == {
            "migrate": "service_completed_successfully",
            "postgres": "service_healthy",
            "valkey": "service_healthy",
        }
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "no"
    assert all("healthcheck" in SERVICES[name] for name in SERVICES if name != "migrate")


def test_data_outlives_the_containers() -> None:
    kept = {v.split(":")[0] for name in ("postgres", "valkey") for v in SERVICES[name]["volumes"]}
    assert kept == set(COMPOSE["volumes"])


def test_no_password_has_a_default_or_stands_in_the_text() -> None:
    secret = re.compile(r"PASSWORD|SECRET|KEY")
    for name, what, message in VALUE.findall(COMPOSE_TEXT):
        if secret.search(name):
            assert (what, bool(message)) == (":?", True), f"{name} must be asked for"
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if secret.search(name):
                assert VALUE.fullmatch(value), f"{name} is written out"
            for password in re.findall(r"://[^:/@\s]*:(.+)@", value):
                assert VALUE.fullmatch(password), f"{name} holds a password"
    assert not [
        rest for word, rest in instructions() if word in {"ENV", "ARG"} and "BREADTH" in rest
    ]
    assert option(command_of("valkey"), "--requirepass").startswith("${VALKEY_PASSWORD:?")


def test_image_installs_the_lock_with_hashes_and_no_test_tools() -> None:
    installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    for install in installs:
        words = shlex.split(install)
        locked = "--require-hashes" in words and option(words, "-r") == "requirements.lock"
        assert locked or {"--no-deps", "--no-build-isolation"} <= set(words)
    assert any("--require-hashes" in install for install in installs)
    assert "requirements-dev" not in DOCKERFILE_TEXT
    lock = (ROOT / "requirements.lock").read_text()
    locked_names = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    assert {"uvicorn", "arq", "setuptools"} <= locked_names
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & locked_names


def test_image_runs_as_nobody_in_particular() -> None:
    words = [word for word, _ in instructions()]
    user = dict(instructions())["USER"]
    assert user not in {"root", "0"}
    assert any(word == "RUN" and rest.endswith(f" {user}") for word, rest in instructions())
    assert words.index("USER") > max(n for n, word in enumerate(words) if word in {"RUN", "COPY"})


def test_image_has_a_python_the_project_supports() -> None:
    image = dict(instructions())["FROM"]
    matched = re.fullmatch(r"python:3\.(\d+)-slim", image)
    assert matched, image
    assert PROJECT["project"]["requires-python"] == ">=3.11,<3.14"
    assert 11 <= int(matched[1]) < 14


def test_image_holds_every_package_and_nothing_that_is_kept_out() -> None:
    copied = [rest.split()[0].rstrip("/") for word, rest in instructions() if word == "COPY"]
    packages = {name.split(".")[0] for name in PROJECT["tool"]["setuptools"]["packages"]}
    assert set(copied) == packages | {"pyproject.toml", "requirements.lock"}
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in patterns if line and not line.startswith("#")]
    assert patterns[0] == "*", "what is not named stays outside: .env, .git, .breadth, .venv"
    let_in = {pattern[1:] for pattern in patterns if pattern.startswith("!")}
    assert let_in == set(copied)
    assert not [name for name in let_in if fnmatch(name, ".*")]
    assert all((ROOT / name).exists() for name in copied)
