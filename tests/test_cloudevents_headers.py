"""What headers say of a CloudEvent: which mode it is in, and in binary mode what it is."""

from typing import Any

import httpx
import pytest

from models.vocabulary import ProviderId
from tests.cloudevents_sent import (
    BATCHED,
    STRUCTURED,
    WAYS,
    Message,
    batched,
    binary,
    cloudevent,
    structured,
    taken,
)
from tests.ingested import Connection, row_of
from tests.sent import dose

pytestmark = pytest.mark.usefixtures("known_places")

HEADER_VALUES = [
    # header value, what it stands for
    ("oak", "oak"),
    ("Oak Unit", "Oak Unit"),
    ("Oak%20Unit", "Oak Unit"),
    ('"Oak Unit"', "Oak Unit"),
    ('"Oak" Unit', "Oak Unit"),
    (r'"Oak \"Old\" \\ Unit"', r'Oak "Old" \ Unit'),
    (r"Oak\Unit", r"Oak\Unit"),
    ("%6F%61%6B", "oak"),
    ("caf%C3%A9", "café"),
    ("caf%c3%a9", "café"),
    ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
    ('"Euro%20%E2%82%AC"', "Euro €"),
    ("50%25", "50%"),
    ("%2541", "%41"),
    ("a+b", "a+b"),
]


@pytest.mark.parametrize(("written", "meant"), HEADER_VALUES)
async def test_header_values_are_unquoted_then_decoded_once(
    written: str, meant: str, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    headers = [(n, v) for n, v in binary(dose()).headers if n != "ce-area"] + [("ce-area", written)]
    await taken(client, Message(headers, binary(dose()).body))
    assert (await row_of(admin, provider))["area"] == meant


CONTENT_TYPES = [
    (STRUCTURED, structured),
    ("Application/CloudEvents+JSON", structured),
    (f"{STRUCTURED}; charset=UTF-8", structured),
    (f'{STRUCTURED};charset="utf-8"', structured),
    (BATCHED, lambda sent: batched(cloudevent(sent))),
    ("APPLICATION/CLOUDEVENTS-BATCH+JSON ; charset=utf-8", lambda sent: batched(cloudevent(sent))),
    ("application/json", binary),
    ("application/json; charset=utf-8", binary),
    ("text/json", binary),
    ("application/vnd.acme.dose+json", binary),
]


@pytest.mark.parametrize(("kind", "mode"), CONTENT_TYPES, ids=[kind for kind, _ in CONTENT_TYPES])
async def test_the_content_type_chooses_the_mode(
    kind: str, mode: Any, client: httpx.AsyncClient
) -> None:
    message = mode(dose())
    headers = [("Content-Type", kind), *message.headers[1:]]
    assert await taken(client, Message(headers, message.body)) == {"accepted": 1}


async def test_binary_mode_without_a_content_type_is_json(client: httpx.AsyncClient) -> None:
    message = binary(dose())
    assert await taken(client, Message(message.headers[1:], message.body)) == {"accepted": 1}


async def test_the_body_wins_over_headers_that_repeat_it(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    repeated = [*binary(dose(id="other", team="elm")).headers[1:], ("ce-time", "%")]
    for message in (structured(dose(1)), batched(cloudevent(dose(2)))):
        sent = Message([*message.headers, *repeated], message.body)
        assert await taken(client, sent) == {"accepted": 1}
    assert (await row_of(admin, provider, "A-000002"))["team"] == "oak"


async def test_one_stray_header_makes_no_cloudevent(client: httpx.AsyncClient) -> None:
    message = WAYS["native"](dose())
    sent = Message([*message.headers, ("ce-id", "of a gateway")], message.body)
    assert await taken(client, sent) == {"accepted": 1}
