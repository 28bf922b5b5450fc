"""What every test may ask for: real servers, started once a session and only when asked for."""

from collections.abc import Iterator

import pytest

from tests.servers import Servers, session_servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with session_servers() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_admin_url(servers: Servers) -> str:
    return servers.postgres_admin_url


@pytest.fixture(scope="session")
def redis_url(servers: Servers) -> str:
    return servers.redis_url
