"""The signature matrix over HTTP: a body is kept, or one answer says that it was not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from models.vocabulary import Scope
from tests.conftest import NOW, MakeClient
from tests.connecting import CONNECTOR, reconciled
from tests.signed_requests import BODY, ID, SENDERS, Sender, Sent
from tests.test_signatures import CASES, COLUMNS, MATRIX
from tests.test_signatures_hostile import names, values
from tests.text_tables import NOTHING, cases

#: What no connector would be given, because it is refused when it is set up.
NOT_TO_BE_SET_UP = {
    "secret after five others",
    "secret after one that cannot be used",
    "only secrets that cannot be used",
    "no active secret",
}
COLUMN = {name: column for column, members in COLUMNS.items() for name in members}


@pytest.fixture
async def client(client_with: MakeClient) -> httpx.AsyncClient:
    return await client_with(Scope.CONNECTORS_ADMIN)


class Hook:
    """The address of a connector, and what it has answered so far."""

    def __init__(self, client: httpx.AsyncClient, made: dict[str, Any]) -> None:
        self.client, self.code, self.address = client, made["code"], made["address"]
        self.kept = 0

    async def post(self, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Whether it was taken; anything but 202 and the one refusal fails."""
        # A client merges headers of one name, which here are meant to be two.
        request = httpx.Request("POST", f"http://test{self.address}", content=body, headers=headers)
        answer = await self.client.send(request)
        if answer.status_code == 202:
            self.kept += 1
            assert set(answer.json()) == {"inbox_id", "duplicate"}
            return True
        assert refusal_of(answer) == await self.refusal(), answer.text
        return False

    async def refusal(self) -> dict[str, Any]:
        """How an address answers that nobody was ever given."""
        nobodys = await self.client.post("/v1/webhooks/nobody-was-given-this", content=b"{}")
        assert nobodys.status_code == 401
        return refusal_of(nobodys)

    async def sends(self, sent: Sent) -> bool:
        return await self.post(wire(sent), sent.body)


def wire(sent: Sent) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, several in sent.headers.items()
        for value in several
    ]


def refusal_of(answer: httpx.Response) -> dict[str, Any]:
    """All of an answer but what names the very request."""
    own = {"x-request-id", "content-length"}
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    body = {k: v for k, v in answer.json().items() if k not in {"instance", "request_id"}}
    return {"status": answer.status_code, "headers": headers, "body": body}


async def hook(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    sender: Sender,
    *keys: int,
    **scheme: Any,
) -> Hook:
    body = CONNECTOR | {
        "signature": sender.scheme | scheme,
        "secrets": [sender.secret(key) for key in keys or (0,)],
    }
    made = await client.post("/v1/connectors", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["secret"] is None, "one that was given is not shown"
    return Hook(anonymous, made.json())


@pytest.mark.parametrize("name", SENDERS)
async def test_every_row_of_the_matrix_is_kept_or_refused_alike(
    name: str, client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    sender = SENDERS[name]
    at = await hook(client, anonymous, sender)
    for row in (case.values[0] for case in cases(MATRIX)):
        cell = row[COLUMN.get(name, name)]
        if cell == NOTHING:
            continue
        sent = CASES[row["case"]](sender)
        secrets = {"secrets": list(sent.secrets)}
        if row["case"] in NOT_TO_BE_SET_UP - {"no active secret"}:
            refused = await client.put(
                "/v1/connectors/rondo",
                content=dumped(secrets),
                headers={"content-type": "application/json"},
            )
            assert refused.status_code == 422, row["case"]
            assert refused.json()["errors"][0]["pointer"].startswith("/secrets"), refused.text
        elif sent.secrets:
            changed = await client.put("/v1/connectors/rondo", json=secrets)
            assert changed.status_code == 200, changed.text
            assert await at.sends(sent) is (cell == "yes"), row["case"]
    assert (await reconciled(client))["bodies"]["acknowledged"] == at.kept > 4


def dumped(secrets: dict[str, Any]) -> bytes:
    """JSON by hand, because one of them is half a character."""
    return b'{"secrets": [%s]}' % b", ".join(
        b'"%s"' % secret.encode("utf-8", "backslashreplace") for secret in secrets["secrets"]
    )


@pytest.mark.parametrize("name", SENDERS)
async def test_secret_is_rotated_without_losing_a_body(
    name: str, client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    sender = SENDERS[name]
    at = await hook(client, anonymous, sender)
    for active, old, new in (([0], True, False), ([1, 0], True, True), ([1], False, True)):
        secrets = [sender.secret(key) for key in active]
        await client.put("/v1/connectors/rondo", json={"secrets": secrets})
        assert await at.sends(sender.sends(key=0)) is old
        assert await at.sends(sender.sends(key=1)) is new


@pytest.mark.parametrize("name", ["symmetric", "ed25519", "stripe", "slack"])
async def test_tolerance_is_the_connectors_own(
    name: str, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, clock: Any
) -> None:
    sender = SENDERS[name]
    at = await hook(client, anonymous, sender, tolerance_s=60)
    for seconds, passes in ((0, True), (60, True), (1, False)):
        clock.advance(timedelta(seconds=seconds))
        assert await at.sends(sender.sends()) is passes


async def test_one_style_is_not_taken_for_another(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    at = await hook(client, anonymous, SENDERS["symmetric"])
    for name, sender in SENDERS.items():
        assert await at.sends(sender.sends()) is (name == "symmetric")


async def test_what_the_library_of_standard_webhooks_signs_is_kept(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    made = (await client.post("/v1/connectors", json=CONNECTOR)).json()
    at, theirs = Hook(anonymous, made), Webhook(made["secret"])

    def headers(body: str, sent_id: str = ID) -> list[tuple[bytes, bytes]]:
        stamp = str(int(NOW.timestamp()))
        signature = theirs.sign(sent_id, NOW, body)
        named = {"webhook-id": sent_id, "webhook-timestamp": stamp, "webhook-signature": signature}
        return [(name.encode(), value.encode()) for name, value in named.items()]

    for number, body in enumerate(("{}", BODY.decode(), '{"é": "\\u0000"}', "")):
        assert await at.post(headers(body, f"msg_{number}"), body.encode())
        assert not await at.post(headers(body, f"msg_{number}"), body.encode() + b" ")
    assert not await at.post(headers("{}")[:2], b"{}")


@pytest.mark.parametrize(
    "address", ["", "x", "x" * 101, "x" * 4000, "%ff%fe", "é", "'; DROP TABLE"]
)
async def test_address_that_nobody_has_is_refused_like_a_bad_signature(
    address: str, client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    at = await hook(client, anonymous, SENDERS["symmetric"])
    at.address = f"{at.address}{address}" if address != "x" else "/v1/webhooks/x"
    sent = SENDERS["symmetric"].sends(key=0 if address else 1)
    assert not await at.sends(sent)


def is_a_name(name: bytes) -> bool:
    """Servers refuse others, and so does the client."""
    return bool(name) and name.isascii() and name.lower() != b"idempotency-key"


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(list(SENDERS)),
    pairs=st.lists(st.tuples(names.filter(is_a_name), values), max_size=12),
    body=st.binary(max_size=60),
    signed=st.booleans(),
    content_type=st.none() | values,
)
async def test_any_headers_and_body_are_kept_or_refused(
    hooks: dict[str, Hook],
    name: str,
    pairs: list[tuple[bytes, bytes]],
    body: bytes,
    signed: bool,
    content_type: bytes | None,
) -> None:
    """Of requests that are signed as well: nothing else about them is a reason to fail."""
    sent = replace(SENDERS[name].sends(body=body))
    headers = [*wire(sent), *pairs] if signed else pairs
    if content_type is not None:
        headers = [*headers, (b"content-type", content_type), (b"content-encoding", content_type)]
    taken = await hooks[name].post(headers, body)
    if not signed:
        assert not taken
    elif not {key.lower() for key, _ in pairs} & {key.lower() for key, _ in wire(sent)}:
        assert taken


@pytest.fixture
async def hooks(client: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> dict[str, Hook]:
    made = {}
    for name, sender in SENDERS.items():
        body = {
            "code": name,
            "name": name,
            "source": f"emar:{name}",
            "signature": sender.scheme,
            "secrets": [sender.secret()],
        }
        answer = await client.post("/v1/connectors", json=body)
        made[name] = Hook(anonymous, answer.json())
    return made
