"""Which requests pass for those of their sender: one table over all styles, and what it tells."""

import hmac
from collections.abc import Callable
from dataclasses import replace

import pytest

from api.inbound.signatures import Unverified, Verified
from tests.signed_requests import BODY, ID, SECONDS, SENDERS, Sender, Sent
from tests.text_tables import NOTHING, Row, cases

#: Senders that stand in one column, because the same is true of them.
COLUMNS = {"standard": ("symmetric", "ed25519"), "token": ("bearer", "basic", "shared")}

#: Whether it passes; `.` where the style has no such thing. Nothing is signed with a token.
MATRIX = """
what arrives                              | standard | stripe | slack | github | plain | token
as it was signed                          | yes      | yes    | yes   | yes    | yes   | yes
header names in capitals                  | yes      | yes    | yes   | yes    | yes   | yes
body that is not UTF-8                    | yes      | yes    | yes   | yes    | yes   | yes
empty body                                | yes      | yes    | yes   | yes    | yes   | yes
signed with another key                   | no       | no     | no    | no     | no    | no
body changed in one bit                   | no       | no     | no    | no     | no    | yes
body with one byte more                   | no       | no     | no    | no     | no    | yes
id changed                                | no       | .      | .     | yes    | yes   | yes
id with a full stop                       | no       | .      | .     | yes    | yes   | yes
id of 255 characters                      | yes      | .      | .     | yes    | yes   | yes
id of 256 characters                      | no       | .      | .     | no     | no    | no
id with a space                           | no       | .      | .     | no     | no    | no
id that is not ASCII                      | no       | .      | .     | no     | no    | no
id empty                                  | no       | .      | .     | no     | no    | no
id left out                               | no       | .      | .     | no     | no    | no
id sent twice                             | no       | .      | .     | no     | no    | no
300 seconds old                           | yes      | yes    | yes   | yes    | yes   | yes
301 seconds old                           | no       | no     | no    | yes    | yes   | yes
300 seconds ahead                         | yes      | yes    | yes   | yes    | yes   | yes
301 seconds ahead                         | no       | no     | no    | yes    | yes   | yes
timestamp of an old request made new      | no       | no     | no    | .      | .     | .
timestamp left out                        | no       | no     | no    | .      | .     | .
timestamp sent twice                      | no       | no     | no    | .      | .     | .
new secret active before the old          | yes      | yes    | yes   | yes    | yes   | yes
new secret active after the old           | yes      | yes    | yes   | yes    | yes   | yes
secret after four others                  | yes      | yes    | yes   | yes    | yes   | yes
secret after five others                  | no       | no     | no    | no     | no    | no
secret after one that cannot be used      | yes      | yes    | yes   | yes    | yes   | yes
only secrets that cannot be used          | no       | no     | no    | no     | no    | no
no active secret                          | no       | no     | no    | no     | no    | no
signatures with two keys, ours first      | yes      | yes    | .     | .      | .     | .
signatures with two keys, ours last       | yes      | yes    | .     | .      | .     | .
signature after nine others               | yes      | yes    | .     | .      | .     | .
signature after ten others                | no       | no     | .     | .      | .     | .
signature amid malformed ones             | yes      | yes    | .     | .      | .     | .
signature after many malformed ones       | yes      | yes    | .     | .      | .     | .
malformed signatures only                 | no       | no     | .     | .      | .     | .
signature of another version              | no       | no     | no    | no     | .     | .
signature of our version in other case    | no       | no     | no    | no     | .     | .
signature with a foreign sign in it       | no       | no     | no    | no     | no    | no
signature cut short                       | no       | no     | no    | no     | no    | no
signature header empty                    | no       | no     | no    | no     | no    | no
signature header left out                 | no       | no     | no    | no     | no    | no
signature header sent twice               | no       | no     | no    | no     | no    | no
signature header of any bytes             | no       | no     | no    | no     | no    | no
signature header of 8 KiB                 | yes      | yes    | yes   | yes    | yes   | yes
signature header beyond 8 KiB             | no       | no     | no    | no     | no    | no
no header at all                          | no       | no     | no    | no     | no    | no
"""


Case = Callable[[Sender], Sent]


def _body(change: Callable[[bytes], bytes]) -> Case:
    return lambda sender: replace(sender.sends(), body=change(BODY))


def _id(*values: str) -> Case:
    return lambda sender: sender.sends().with_header(sender.id_header or "", *values)


def _time(*values: str) -> Case:
    """Stripe's stands in the header of the signature."""

    def sends(sender: Sender) -> Sent:
        sent = sender.sends(at=SECONDS if len(values) != 1 else SECONDS - 301)
        if sender.time_header is not None:
            return sent.with_header(sender.time_header, *values)
        signature = sent.value(sender.header).partition(",")[2]
        return sent.with_header(
            sender.header, ",".join([*(f"t={value}" for value in values), signature])
        )

    return sends


def _active(*keys: int | str) -> Case:
    """What key 0 signs, where these secrets are active: those of a key, or as they stand here."""
    return lambda sender: replace(
        sender.sends(), secrets=[sender.secret(k) if isinstance(k, int) else k for k in keys]
    )


def _listed(*keys: int) -> Case:
    return lambda sender: sender.listing(*(sender.signature(key) for key in keys))


def _header(change: Callable[[str], list[str]]) -> Case:
    def sends(sender: Sender) -> Sent:
        sent = sender.sends()
        return sent.with_header(sender.header, *change(sent.value(sender.header)))

    return sends


def _capitals(sender: Sender) -> Sent:
    sent = sender.sends()
    return replace(sent, headers={name.upper(): value for name, value in sent.headers.items()})


def _garbage_only(sender: Sender) -> Sent:
    stamp = [f"t={SECONDS}"] if sender.time_header is None else []
    return sender.listing(*stamp, *sender.garbage)


def _version(other: Callable[[Sender], str]) -> Case:
    def sends(sender: Sender) -> Sent:
        ours, _ = sender.versions or ("", "")
        return _header(lambda value: [value.replace(ours, other(sender), 1)])(sender)

    return sends


CASES: dict[str, Case] = {
    "as it was signed": lambda sender: sender.sends(),
    "header names in capitals": _capitals,
    "body that is not UTF-8": lambda sender: sender.sends(body=b"\xff\x00\xfe\r\n"),
    "empty body": lambda sender: sender.sends(body=b""),
    "signed with another key": lambda sender: replace(
        sender.sends(key=1), secrets=[sender.secret()]
    ),
    "body changed in one bit": _body(lambda body: bytes([body[0] ^ 1]) + body[1:]),
    "body with one byte more": _body(lambda body: body + b"\n"),
    "id changed": _id("msg_another"),
    "id with a full stop": lambda sender: sender.sends(sent_id="msg.1"),
    "id of 255 characters": lambda sender: sender.sends(sent_id="x" * 255),
    "id of 256 characters": lambda sender: sender.sends(sent_id="x" * 256),
    "id with a space": lambda sender: sender.sends(sent_id="msg 1"),
    "id that is not ASCII": lambda sender: sender.sends(sent_id="é"),
    "id empty": lambda sender: sender.sends(sent_id=""),
    "id left out": _id(),
    "id sent twice": _id(ID, ID),
    "300 seconds old": lambda sender: sender.sends(at=SECONDS - 300),
    "301 seconds old": lambda sender: sender.sends(at=SECONDS - 301),
    "300 seconds ahead": lambda sender: sender.sends(at=SECONDS + 300),
    "301 seconds ahead": lambda sender: sender.sends(at=SECONDS + 301),
    "timestamp of an old request made new": _time(f"{SECONDS}"),
    "timestamp left out": _time(),
    "timestamp sent twice": _time(f"{SECONDS}", f"{SECONDS}"),
    "new secret active before the old": _active(1, 0),
    "new secret active after the old": _active(0, 1),
    "secret after four others": _active(1, 2, 3, 4, 0),
    "secret after five others": _active(1, 2, 3, 4, 5, 0),
    "secret after one that cannot be used": _active("short", 0),
    "only secrets that cannot be used": _active("short", "", "é" * 20 + "\ud800"),
    "no active secret": _active(),
    "signatures with two keys, ours first": _listed(0, 1),
    "signatures with two keys, ours last": _listed(1, 0),
    "signature after nine others": _listed(*range(1, 10), 0),
    "signature after ten others": _listed(*range(1, 11), 0),
    "signature amid malformed ones": lambda sender: sender.listing(
        *sender.garbage, sender.signature(), *sender.garbage
    ),
    "signature after many malformed ones": lambda sender: sender.listing(
        *(entry for entry in sender.garbage for _ in range(20)), sender.signature()
    ),
    "malformed signatures only": _garbage_only,
    "signature of another version": _version(lambda sender: (sender.versions or ("", ""))[1]),
    "signature of our version in other case": _version(
        lambda sender: (sender.versions or ("", ""))[0].upper()
    ),
    "signature with a foreign sign in it": _header(lambda value: [f"{value[:-8]}*{value[-8:]}"]),
    "signature cut short": _header(lambda value: [value[:-8]]),
    "signature header empty": _header(lambda _: [""]),
    "signature header left out": _header(lambda _: []),
    "signature header sent twice": _header(lambda value: [value, value]),
    "signature header of any bytes": _header(lambda _: ["".join(map(chr, range(256)))]),
    "signature header of 8 KiB": _header(lambda value: [value.ljust(8192, "\t")]),
    "signature header beyond 8 KiB": _header(lambda value: [value.ljust(8193)]),
    "no header at all": lambda sender: replace(sender.sends(), headers={}),
}


@pytest.mark.parametrize("name", ["symmetric", "stripe", "slack", "github", "plain"])
def test_refusal_costs_a_signature_whatever_its_cause(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []

    def digest(key: bytes, content: bytes, algorithm: str) -> bytes:
        computed.append(len(content))
        return hmac.new(key, content, algorithm).digest()

    monkeypatch.setattr("api.inbound.signatures.hmac.digest", digest)
    sender = SENDERS[name]
    column = "standard" if name in COLUMNS["standard"] else name
    ours = {sender.secret(key) for key in range(6)}
    for row in (case.values[0] for case in cases(MATRIX)):
        if row[column] == NOTHING:
            continue
        sent = CASES[row["case"]](sender)
        usable = [secret for secret in sent.secrets[:5] if secret in ours]
        computed.clear()
        outcome(sent.verified)
        assert len(computed) == max(1, len(usable)), row["case"]
        assert min(computed) >= len(sent.body)


def test_every_case_of_the_table_can_be_sent() -> None:
    assert {case.id for case in cases(MATRIX)} == set(CASES)


@pytest.mark.parametrize("row", cases(MATRIX))
def test_request_passes_or_is_refused(row: Row) -> None:
    for column, cell in row.items():
        if column == "case" or cell == NOTHING:
            continue
        for name in COLUMNS.get(column, (column,)):
            sender = SENDERS[name]
            sent = CASES[row["case"]](sender)
            for verified in (sent.verified, sent.verified_from_pairs):
                assert outcome(verified) == expected(cell, sender, sent), name


def outcome(verified: Callable[[], Verified]) -> object:
    try:
        return verified().dedupe_id
    except Unverified as refusal:
        return refusal.args, refusal.__cause__, refusal.__context__


def expected(cell: str, sender: Sender, sent: Sent) -> object:
    """The sender's own id where it has one, or a refusal that tells nothing."""
    if cell == "no":
        return (), None, None
    headers = {name.lower(): value for name, (value, *_) in sent.headers.items()}
    return None if sender.id_header is None else headers[sender.id_header.lower()]
