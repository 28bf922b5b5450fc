"""The verifier beside others: examples that vendors publish, and the Standard Webhooks library."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from api.inbound.signature_schemes import Scheme, Style
from api.inbound.signatures import Unverified, Verified, verify
from tests.signed_requests import b64

SLACK_BODY = (
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    "&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    "%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
#: Style, secret, seconds, headers and body as printed in the documentation of each.
PUBLISHED: list[tuple[Style, str, int, dict[str, str], str]] = [
    (
        "standard_webhooks",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        1614265330,
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        '{"test": 2432232314}',
    ),
    (
        "github",
        "It's a Secret to Everybody",
        1614265330,
        {
            "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "X-Hub-Signature-256": (
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
            ),
        },
        "Hello, World!",
    ),
    (
        "slack",
        "8f742231b10e8888abcd99yyyzzz85a5",
        1531420618,
        {
            "X-Slack-Request-Timestamp": "1531420618",
            "X-Slack-Signature": (
                "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
            ),
        },
        SLACK_BODY,
    ),
]


@pytest.mark.parametrize("example", PUBLISHED, ids=[style for style, *_ in PUBLISHED])
def test_published_example_is_verified(
    example: tuple[Style, str, int, dict[str, str], str],
) -> None:
    style, secret, seconds, sent, body = example
    headers = {name: [value] for name, value in sent.items()}
    now = datetime.fromtimestamp(seconds, UTC)
    assert verify(Scheme(scheme=style), [secret], headers, body.encode(), now)
    with pytest.raises(Unverified):
        verify(Scheme(scheme=style), [secret], headers, body.encode() + b" ", now)


STANDARD = Scheme(scheme="standard_webhooks")
KEYS = st.binary(min_size=24, max_size=64).filter(lambda key: len(set(key)) >= 5)
IDS = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1).filter(
    lambda written: "." not in written and len(written) <= 255
)


@given(KEYS, IDS, st.text(st.characters(codec="utf-8")))
def test_what_the_library_signs_is_verified(key: bytes, message: str, body: str) -> None:
    secret, now = "whsec_" + b64(key), datetime.now(UTC).replace(microsecond=0)
    signature = Webhook(secret).sign(message, now, body)
    headers = {
        "Webhook-Id": [message],
        "Webhook-Timestamp": [f"{now.timestamp():.0f}"],
        "Webhook-Signature": [signature],
    }
    assert verify(STANDARD, [secret], headers, body.encode(), now) == Verified(message)
    assert verify(STANDARD, [key], headers, body.encode(), now) == Verified(message)


ENTRIES = st.sampled_from(["good", "other key", "other body", "v2", "v1", "v1,", "v1,AA", "v1,a,b"])


@given(st.lists(ENTRIES, max_size=10), st.integers(-400, 400))
def test_lists_and_ages_are_judged_as_by_the_library(entries: list[str], age_s: int) -> None:
    """Where it fails over a malformed entry, its answer is what it says without that entry."""
    now = datetime.now(UTC)
    if 290 < abs(age_s) < 310:
        age_s = 0  # its clock goes on between the two answers
    sent_at = datetime.fromtimestamp(int(now.timestamp()) - age_s, UTC)
    secret, other = "whsec_" + b64(bytes(range(24))), "whsec_" + b64(bytes(range(9, 33)))
    written = {
        "good": Webhook(secret).sign("msg_1", sent_at, "{}"),
        "other key": Webhook(other).sign("msg_1", sent_at, "{}"),
        "other body": Webhook(secret).sign("msg_1", sent_at, "{ }"),
        "v2": Webhook(secret).sign("msg_1", sent_at, "{}").replace("v1", "v2", 1),
    }
    headers = {"webhook-id": "msg_1", "webhook-timestamp": f"{sent_at.timestamp():.0f}"}
    readable = [written[entry] for entry in entries if entry in written]
    try:
        Webhook(secret).verify("{}", headers | {"webhook-signature": " ".join(readable)})
    except WebhookVerificationError:
        library = False
    else:
        library = True
    all_of_them = " ".join(written.get(entry, entry) for entry in entries)
    ours = {name: [value] for name, value in headers.items()}
    ours["webhook-signature"] = [all_of_them]
    try:
        verify(STANDARD, [secret], ours, b"{}", now)
    except Unverified:
        assert not library
    else:
        assert library


def test_library_fails_where_we_refuse() -> None:
    """Why it is an oracle here and not the verifier."""
    secret, now = "whsec_" + b64(bytes(range(24))), datetime.now(UTC)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": f"{now.timestamp():.0f}"}
    for hostile, body in (("v1", b"{}"), ("v1,a", b"{}"), ("v1,AAAA", b"\xff")):
        sent = headers | {"webhook-signature": hostile}
        with pytest.raises(ValueError):  # noqa: PT011
            Webhook(secret).verify(body, sent)
        with pytest.raises(Unverified):
            verify(STANDARD, [secret], {name: [value] for name, value in sent.items()}, body, now)
