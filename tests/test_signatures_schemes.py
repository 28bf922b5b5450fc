"""What a connector may say of its sender, and what it is told when that cannot work."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any, get_args

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.inbound.signature_problems import problems_of, problems_of_secrets
from api.inbound.signature_schemes import STYLES, Scheme, Style
from api.inbound.signatures import Unverified, Verified, verify
from tests.signed_requests import BODY, NOW, SECONDS, SENDERS, b64

AT = {"header": "X-At"}
SIGNED = {"header": "X-Signature"}
RECORD = {"header": "X-Record"}
DOT = {"literal": "."}
HMAC = {"scheme": "hmac", "signature": SIGNED, "id": RECORD}
TIMED = {"scheme": "hmac", "signature": SIGNED, "timestamp": AT, "signed": ["timestamp", "body"]}
ED25519 = {"scheme": "ed25519", "signature": SIGNED, "id": RECORD}
SHARED = {"scheme": "shared_secret", "signature": SIGNED, "id": RECORD}


def scheme(**said: Any) -> Scheme:
    return msgspec.json.decode(json.dumps(said), type=Scheme)


@pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS)
def test_schemes_of_the_table_have_no_problems_and_survive_storage(sender: Any) -> None:
    read = scheme(**sender.scheme)
    assert problems_of(read) == []
    assert problems_of_secrets(read, [sender.secret(n) for n in range(5)]) == []
    assert json.loads(msgspec.json.encode(read)) == sender.scheme


def test_every_style_has_a_recipe() -> None:
    assert set(STYLES) == set(get_args(Style))


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({}, "scheme"),
        ({"scheme": "md5"}, "scheme"),
        (HMAC | {"algorithm": "sha1"}, "algorithm"),
        (HMAC | {"algorithm": "md5"}, "algorithm"),
        (HMAC | {"encoding": "base32"}, "encoding"),
        (HMAC | {"secrets": ["oak-elm-ash-yew-0"]}, "secrets"),
        (HMAC | {"signature": "X-Signature"}, "signature"),
        (HMAC | {"signature": {"header": "X Signature"}}, "header"),
        (HMAC | {"signature": {"header": "X-Signatür"}}, "header"),
        (HMAC | {"signature": {"header": ""}}, "header"),
        (HMAC | {"signature": SIGNED | {"separator": "="}}, "separator"),
        (HMAC | {"signature": SIGNED | {"prefix": "é"}}, "prefix"),
        (HMAC | {"signature": SIGNED | {"pattern": ".*"}}, "pattern"),
        (HMAC | {"signed": ["boddy"]}, "signed"),
        (HMAC | {"signed": [{"literal": ""}, "body"]}, "signed"),
        (HMAC | {"signed": ["body"] * 13}, "signed"),
        (TIMED | {"tolerance_s": "300"}, "tolerance_s"),
        (TIMED | {"tolerance_s": True}, "tolerance_s"),
    ],
)
def test_what_is_no_scheme_is_not_read(said: dict[str, Any], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        scheme(**said)


PROBLEMS = [
    ({"scheme": "bearer"}, "Without a timestamp"),
    ({"scheme": "hmac", "signature": SIGNED}, "Without a timestamp"),
    ({"scheme": "hmac", "id": RECORD}, "Name the header that holds"),
    (HMAC | {"signature": SIGNED | {"separator": ",", "prefix": "a,"}}, "prefix of `signature`"),
    (HMAC | {"id": RECORD | {"separator": ";", "prefix": ";"}}, "prefix of `id`"),
    (HMAC | {"encoding": "text"}, "A signature is written as"),
    (HMAC | {"tolerance_s": 60}, "says nothing without"),
    (HMAC | {"timestamp": AT}, "proves nothing"),
    (HMAC | {"signed": []}, "The `body` has to be"),
    (HMAC | {"signed": ["id"]}, "The `body` has to be"),
    (HMAC | {"signed": ["body", "body"]}, "`body` stands in `signed` more than once"),
    (HMAC | {"signed": ["timestamp", "body"]}, "`timestamp` is signed: say in which header"),
    (TIMED | {"signed": ["id", DOT, "timestamp", "body"]}, "`id` is signed: say in which header"),
    (HMAC | {"signed": ["id", "body"]}, "Beside a signed `id`"),
    (HMAC | {"signed": ["body", "id"]}, "Beside a signed `id`"),
    (HMAC | {"signed": ["id", {"literal": "x."}, "body"]}, "Beside a signed `id`"),
    (HMAC | {"signed": ["body", {"literal": ".x"}, "id"]}, "Beside a signed `id`"),
    (TIMED | {"tolerance_s": 0}, "from 1 to 3600"),
    (TIMED | {"tolerance_s": -1}, "from 1 to 3600"),
    (TIMED | {"tolerance_s": 3601}, "from 1 to 3600"),
    (ED25519 | {"algorithm": "sha512"}, "no `algorithm` to choose"),
    (ED25519 | {"key_encoding": "text"}, "A public key is written as"),
    (SHARED | {"signed": ["body"]}, "Nothing is signed in the style `shared_secret`"),
    (SHARED | {"algorithm": "sha256"}, "has no `algorithm`"),
    (SHARED | {"encoding": "hex"}, "as `text` or as `base64`"),
    (SHARED | {"timestamp": AT}, "proves nothing"),
]


@pytest.mark.parametrize(("said", "sentence"), PROBLEMS)
def test_problem_of_a_scheme_is_said_in_one_sentence(said: dict[str, Any], sentence: str) -> None:
    (problem,) = problems_of(scheme(**said))
    assert sentence in problem
    assert problem[0].isupper() or problem[0] == "`"
    assert problem.endswith(".")


def test_natural_key_stands_in_for_an_id() -> None:
    for said in ({"scheme": "bearer"}, {"scheme": "hmac", "signature": SIGNED}):
        assert problems_of(scheme(**said), maps_natural_key=True) == []


def test_scheme_with_a_problem_verifies_nothing() -> None:
    sent = SENDERS["plain"].sends()
    assert sent.verified()
    flawed = msgspec.structs.replace(sent.scheme, tolerance_s=60)
    with pytest.raises(Unverified):
        replace(sent, scheme=flawed).verified()


def test_tolerance_can_be_chosen() -> None:
    sender = SENDERS["slack"]
    for tolerance_s, age_s, passes in ((1, 1, True), (1, 2, False), (3600, 3600, True)):
        sent = sender.sends(at=SECONDS - age_s)
        sent = replace(sent, scheme=scheme(scheme="slack", tolerance_s=tolerance_s))
        if passes:
            assert sent.verified() == Verified(None)
        else:
            with pytest.raises(Unverified):
                sent.verified()


STANDARD = SENDERS["symmetric"].scheme
ASYMMETRIC = SENDERS["ed25519"].scheme
PRIVATE = "whsk_" + b64(bytes(range(32)))


@pytest.mark.parametrize(
    ("said", "secret", "sentence"),
    [
        (STANDARD, "whsec_" + b64(bytes(range(23))), "23 bytes where 24 to 64"),
        (STANDARD, "whsec_" + b64(bytes(range(24))), None),
        (STANDARD, "whsec_" + b64(bytes(range(25))).rstrip("="), None),
        (STANDARD, b64(bytes(range(24))), None),
        (STANDARD, "whsec_" + b64(bytes(range(64))), None),
        (STANDARD, "whsec_" + b64(bytes(range(65))), "65 bytes where 24 to 64"),
        (STANDARD, "whsec_" + b64(bytes(24)), "placeholder"),
        (STANDARD, "whsec_not*base64*at*all*not*base64*", "cannot be read as base64"),
        (STANDARD, "whsec_" + "é" * 40, "cannot be read as base64"),
        (STANDARD, bytes(range(24)), None),
        (STANDARD, bytes(range(23)), "23 bytes"),
        (ASYMMETRIC, PRIVATE, "only the sender may hold it"),
        (ASYMMETRIC, "whpk_" + b64(bytes(range(33))), "33 bytes where 32 are needed"),
        (ASYMMETRIC, "whpk_" + b64(bytes(32)), "placeholder"),
        (HMAC, "oak-elm-ash-yew", "15 bytes where 16 to 512"),
        (HMAC, "oak-elm-ash-yew-0", None),
        (HMAC, "oak-elm-ash-yew-0\n", "space or a line break"),
        (HMAC, "x" * 16, "placeholder"),
        (HMAC, "oak-elm-ash-yew-\ud800", "cannot be read as text"),
        (HMAC, "oak-elm-ash-yew-" * 33, "528 bytes"),
        (HMAC | {"key_encoding": "hex"}, bytes(range(16)).hex(), None),
        (HMAC | {"key_encoding": "hex"}, "oak-elm-ash-yew-0", "cannot be read as hex"),
        (HMAC | {"key_encoding": "hex"}, "é" * 32, "cannot be read as hex"),
    ],
)
def test_secret_that_cannot_be_used_is_explained_and_never_repeated(
    said: dict[str, Any], secret: str | bytes, sentence: str | None
) -> None:
    found = problems_of_secrets(scheme(**said), [secret])
    if sentence is None:
        assert found == []
        return
    (problem,) = found
    assert problem.startswith("Secret 1: ")
    assert sentence in problem
    assert str(secret) not in problem


def test_secrets_are_numbered_and_at_most_five() -> None:
    good, bad = "oak-elm-ash-yew-0", "short"
    assert problems_of_secrets(scheme(**HMAC), [good] * 5) == []
    (none,) = problems_of_secrets(scheme(**HMAC), [])
    (many,) = problems_of_secrets(scheme(**HMAC), [good] * 6)
    assert none == many == "A connector has from 1 to 5 active secrets."
    (second,) = problems_of_secrets(scheme(**HMAC), [good, bad])
    assert second.startswith("Secret 2: ")


def test_a_vendor_with_pairs_in_a_header_of_its_own_is_data() -> None:
    pairs = {"header": "X-Acme-Signature", "separator": ";"}
    acme = scheme(
        scheme="hmac",
        algorithm="sha512",
        signature=pairs | {"prefix": "sig="},
        timestamp=pairs | {"prefix": "at="},
        id=pairs | {"prefix": "id="},
        signed=["id", {"literal": "|"}, "timestamp", {"literal": "|"}, "body"],
        tolerance_s=60,
    )
    assert problems_of(acme) == []
    secret = "oak-elm-ash-yew-0"
    signed = f"A-1|{SECONDS}|".encode() + BODY
    signature = hmac.new(secret.encode(), signed, hashlib.sha512).hexdigest()
    headers = {"x-acme-signature": [f"id=A-1; at={SECONDS}; sig={signature}; alg=sha512"]}
    assert verify(acme, [secret], headers, BODY, NOW) == Verified("A-1")


def test_a_vendor_that_signs_time_and_body_with_ed25519_is_data() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    vendor = scheme(
        scheme="ed25519",
        signature={"header": "X-Signature-Ed25519"},
        timestamp={"header": "X-Signature-Timestamp"},
        signed=["timestamp", "body"],
    )
    assert problems_of(vendor) == []
    headers = {
        "X-Signature-Ed25519": [private.sign(f"{SECONDS}".encode() + BODY).hex()],
        "X-Signature-Timestamp": [f"{SECONDS}"],
    }
    public = private.public_key().public_bytes_raw().hex()
    assert verify(vendor, [public], headers, BODY, NOW) == Verified(None)


def test_name_of_a_bearer_token_has_no_case_and_its_token_has() -> None:
    sender = SENDERS["bearer"]
    sent, token = sender.sends(), sender.secret()
    assert sent.with_header("Authorization", f"bearer  {token}").verified()
    for wrong in (f"Bearer {token.upper()}", f"Basic {token}", token):
        with pytest.raises(Unverified):
            sent.with_header("Authorization", wrong).verified()
