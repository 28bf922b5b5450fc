"""Who may connect platforms, whose they are, and what of them nobody can read."""

import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog

from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.conftest import MakeClient, make_provider
from tests.connecting import (
    CONNECTOR,
    MAPPING,
    SCOPES,
    Platform,
    client,
    connect,
    dose,
    items,
    map_all,
    reconciled,
    set_up,
    visits,
)
from tests.test_setting_up_access import without_instance

__all__ = ["client"]  # a fixture

NO_REPLAY = "0197a0a0-0000-7000-8000-000000000000"
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/connectors", CONNECTOR),
    ("GET", "/v1/connectors", None),
    ("GET", "/v1/connectors/rondo", None),
    ("PUT", "/v1/connectors/rondo", {}),
    ("GET", "/v1/mappings", None),
    ("GET", "/v1/mappings/shipped/emar-letters", None),
    ("GET", "/v1/mappings/rondo", None),
    ("POST", "/v1/mappings/rondo", {"mapping": MAPPING}),
    ("POST", "/v1/mappings/rondo/1:activate", None),
    ("POST", "/v1/mappings/rondo/1:preview", {"last": 1}),
    ("GET", "/v1/inbox", None),
    ("GET", "/v1/inbox/{item}", None),
    ("GET", "/v1/inbox/{item}/result", None),
    ("POST", "/v1/inbox/{item}:dismiss", {"reason": "x"}),
    ("POST", "/v1/replays", {"connector": "rondo"}),
    ("GET", f"/v1/replays/{NO_REPLAY}", None),
    ("GET", "/v1/reconcile", None),
]
every_call = pytest.mark.parametrize(("method", "path", "body"), CALLS)
#: Calls that name one thing, which another provider has and this one has not.
NAMING = [call for call in CALLS if "rondo" in call[1] or "{" in call[1] or "replays" in call[1]]


@every_call
async def test_every_call_asks_for_a_key_and_its_scope(
    method: str, path: str, body: Any, anonymous: httpx.AsyncClient, client_with: MakeClient
) -> None:
    address = path.format(item=1)
    nobody = await anonymous.request(method, address, json=body)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    others = await client_with(*set(Scope) - {Scope.CONNECTORS_ADMIN})
    refused = await others.request(method, address, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path", "body"), NAMING)
async def test_what_is_anothers_reads_as_absent(
    method: str,
    path: str,
    body: Any,
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    anonymous: httpx.AsyncClient,
) -> None:
    absent = await client.request(method, path.format(item=2**62), json=body)
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")
    other = await client_with(*SCOPES, of=await make_provider(running))
    platform = await connect(other, anonymous)
    item = (await platform.post(visits(dose(1)))).json()["inbox_id"]
    replay = (await other.post("/v1/replays", json={"connector": "rondo"})).json()["id"]
    address = path.format(item=item).replace(NO_REPLAY, replay)
    theirs = await client.request(method, address, json=body)
    assert without_instance(theirs) == without_instance(absent)
    for listing in ("connectors", "mappings", "inbox"):
        assert (await client.get(f"/v1/{listing}")).json()["items"] == []
    assert (await reconciled(client))["bodies"]["acknowledged"] == 0


async def test_address_and_secret_post_to_their_own_provider_only(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    anonymous: httpx.AsyncClient,
) -> None:
    other = await client_with(*SCOPES, of=await make_provider(running))
    ours, theirs = await connect(client, anonymous), await connect(other, anonymous)
    ours.address, theirs.address = theirs.address, ours.address
    for crossed in (ours, theirs):
        assert (await crossed.post(visits(dose(1)))).status_code == 401
    ours.address, theirs.address = theirs.address, ours.address
    # The key of an API is of no use at an address that asks for a signature.
    ours.client = theirs.client = other
    assert (await ours.post(visits(dose(1)))).status_code == 202
    assert len(await items(client)) == 1
    assert await items(other) == []


PERSON, SECRET_WORD = "943 476 5919", "Mary-Smith-of-Elm"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged meanwhile, as it would be written."""
    before, written = structlog.get_config(), io.StringIO()
    structlog.configure(**before | {"logger_factory": structlog.WriteLoggerFactory(written)})
    yield written
    structlog.configure(**before)


async def test_bodies_and_secrets_are_in_no_answer_no_log_and_not_readable_in_the_database(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    log: io.StringIO,
) -> None:
    await set_up(client, "oak")
    platform = await connect(client, anonymous)
    mine = "whsec_" + "TXkgb3duIHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVz"
    await client.put("/v1/connectors/rondo", json={"secrets": [mine]})
    platform = Platform(anonymous, platform.address, mine)
    await platform.post(visits(dose(1, client=PERSON, note=SECRET_WORD)))
    await platform.post(visits(dose(2, client=PERSON, when="never", note=SECRET_WORD)))
    await platform.post(b'{"half": "' + SECRET_WORD.encode())
    await map_all(running, provider)
    await client.post("/v1/replays", json={"connector": "rondo"})
    await map_all(running, provider)
    found = await items(client)
    assert [item["status"] for item in found] == ["mapped", "quarantined", "quarantined"]
    hidden = (PERSON, PERSON.replace(" ", ""), SECRET_WORD, mine, mine.removeprefix("whsec_"))
    answers = [
        (await client.get(path)).text
        for path in (
            *("/v1/connectors", "/v1/connectors/rondo", "/v1/mappings", "/v1/mappings/rondo"),
            *("/v1/inbox", *(f"/v1/inbox/{item['id']}" for item in found), "/v1/reconcile"),
        )
    ]
    lines = log.getvalue()
    assert lines.count('"event": "request"') > 10
    for word in hidden:
        assert word not in lines
        assert not any(word in answer for answer in answers)
    assert await stored_with(admin, provider, hidden) == []
    token = platform.address.rpartition("/")[2]
    assert token not in lines, "whoever reads a log must not learn where to post"


async def stored_with(admin: Any, provider: ProviderId, words: tuple[str, ...]) -> list[str]:
    """Tables of which a row of this provider holds one of the words, as text or in bytes."""
    tables = await admin.fetch(
        "SELECT DISTINCT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'provider_id'"
    )
    found = []
    seen = 0
    for table in (row["table_name"] for row in tables):
        rows = await admin.fetch(f"SELECT * FROM {table} WHERE provider_id = $1", provider)
        seen += len(rows)
        held = b"".join(
            value if isinstance(value, bytes) else str(value).encode()
            for row in rows
            for value in row.values()
        )
        found += [table for word in words if word.encode() in held]
    assert seen > 10
    return found


async def test_secret_that_a_change_has_made_is_shown_and_works(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    await client.post("/v1/connectors", json=CONNECTOR | {"signature": None})
    changes: list[dict[str, Any]] = [
        {"signature": {"scheme": "standard_webhooks"}},
        {"secrets": []},
    ]
    for change in changes:
        answer = (await client.put("/v1/connectors/rondo", json=change)).json()
        platform = Platform(anonymous, answer["address"], answer["secret"])
        assert (await platform.post(visits(dose(1)))).status_code == 202
    unchanged = await client.put("/v1/connectors/rondo", json={"name": "Other"})
    assert unchanged.json()["secret"] is None
    assert (await platform.post(visits(dose(1)))).status_code == 202


@pytest.mark.parametrize(
    ("before", "after", "made"),
    [
        ("standard_webhooks", "bearer", True),
        ("standard_webhooks", "basic", True),
        ("github", "basic", True),
        ("github", "stripe", False),
        ("github", "standard_webhooks", True),
    ],
)
async def test_scheme_that_the_kept_secret_does_not_fit_gets_one_of_its_own(
    client: httpx.AsyncClient, before: str, after: str, made: bool
) -> None:
    await client.post("/v1/connectors", json=CONNECTOR | {"signature": {"scheme": before}})
    answer = await client.put("/v1/connectors/rondo", json={"signature": {"scheme": after}})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["secret"] is not None, said["notice"] is not None) == (made, made)
    assert said["secrets"] == 1
    if after == "basic":
        assert ":" in said["secret"]


async def test_password_without_a_user_is_no_secret_for_basic(client: httpx.AsyncClient) -> None:
    body = CONNECTOR | {"signature": {"scheme": "basic"}, "secrets": ["a-long-password-alone"]}
    answer = await client.post("/v1/connectors", json=body)
    assert answer.status_code == 422
    assert "user:password" in answer.json()["errors"][0]["detail"]
