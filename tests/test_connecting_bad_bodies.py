"""Hostile bodies of platforms: each is kept, and ends in one place within its time."""

import gzip
import json
import time
from typing import Any

import httpx
import pytest

from tests.connecting import (
    Platform,
    Worker,
    client,
    dose,
    items,
    platform,
    reconciled,
    visits,
    worker,
)
from tests.test_connecting_bad_input import BIG, PREVIEW, REPLAY, nested, sent

__all__ = ["client", "platform", "worker"]  # fixtures

LARGEST = (1 << 20) - 100


def hostile_dose(**changes: Any) -> bytes:
    return visits(dose(1) | changes)


#: What may be sent, with its type; whatever it is, it is kept.
HOSTILE: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "half": (b'{"visits": [', {}),
    "deep lists": (b"[" * 500_000, {}),
    "deep objects": (b'{"a":' * 150_000 + b"1" + b"}" * 150_000, {}),
    "as deep as Python reads": (json.dumps({"visits": nested(900)}).encode(), {}),
    "deep in a field": (hostile_dose(client=nested(300)), {}),
    "deep beside the fields": (hostile_dose(beside=nested(300)), {}),
    "NUL in a code": (hostile_dose(state="a\x00b"), {}),
    "NUL in an id": (hostile_dose(ref="a\x00b"), {}),
    "NUL in a team": (hostile_dose(wing="a\x00b"), {}),
    "NUL in a key": (hostile_dose(**{"a\x00b": 1}), {}),
    "NUL in a time": (hostile_dose(when="\x00"), {}),
    "NUL in a person": (hostile_dose(client="\x00"), {}),
    "no UTF-8": (b'{"visits": "\xff\xfe"}', {}),
    "UTF-16": ('{"visits": []}'.encode("utf-16"), {}),
    "byte order mark": (b"\xef\xbb\xbf" + visits(dose(1)), {}),
    "half a character": (b'{"visits": [{"doses": [{"ref": "\\ud800"}]}]}', {}),
    "numbers of 400 digits": (hostile_dose(client=BIG, rev=BIG), {}),
    "float of 400 digits": (b'{"visits": 1e400, "x": -1e-400}', {}),
    "NaN": (b'{"visits": NaN}', {}),
    "version beyond the database": (hostile_dose(rev=2**63), {}),
    "number of 900,000 digits": (b'{"visits": ' + b"9" * 900_000 + b"}", {}),
    "keys that are one": (b'{"visits": [], "visits": [{"doses": []}]}', {}),
    "60,000 keys": (json.dumps({str(n): n for n in range(60_000)}).encode(), {}),
    "10,000 records": (visits(*[{"ref": 1}] * 10_000), {}),
    "long text": (hostile_dose(wing="x" * 900_000), {}),
    "no gzip": (visits(dose(1)), {"content-encoding": "gzip"}),
    "gzip bomb": (gzip.compress(b" " * (200 << 20)), {"content-encoding": "gzip"}),
    "gzip cut short": (gzip.compress(visits(dose(1)))[:-5], {"content-encoding": "gzip"}),
    "two gzips": (gzip.compress(visits(dose(1))) * 2, {"content-encoding": "gzip"}),
    "encoding nobody knows": (visits(dose(1)), {"content-encoding": "br"}),
    "form": (b"visits=1&doses=%00%ff", {"content-type": "application/x-www-form-urlencoded"}),
    "form of much": (b"a=&" * 300_000, {"content-type": "application/x-www-form-urlencoded"}),
    "no form": (b"&;;=", {"content-type": "application/x-www-form-urlencoded"}),
    "lines": (b"1\n{\n", {"content-type": "application/x-ndjson"}),
    "many lines": (b"[]\n" * 300_000, {"content-type": "application/x-ndjson"}),
    "other type": (b"<xml/>", {"content-type": "text/xml"}),
}
#: In all: reading, mapping and answering; what is bounded takes a second at most.
SECONDS = 4


@pytest.mark.parametrize("what", HOSTILE)
async def test_body_is_kept_and_ends_in_one_place(
    what: str, platform: Platform, client: httpx.AsyncClient, worker: Worker
) -> None:
    body, headers = HOSTILE[what]
    assert len(body) <= LARGEST
    started = time.perf_counter()
    answer = await platform.post(body, headers=headers)
    assert answer.status_code == 202, answer.text
    await platform.post(visits(dose(2)))
    assert await worker.map() == 2
    assert time.perf_counter() - started < SECONDS
    hostile, good = await items(client)
    assert hostile["status"] in {"mapped", "quarantined"}, "waits for ever"
    assert hostile["reason"] != "failed_here"
    assert good["status"] == "mapped"
    await reconciled(client)
    assert (await client.get("/v1/connectors/rondo")).status_code == 200
    for asked in ({"last": 2}, {"inbox_ids": [hostile["id"]]}):
        shown = await sent(client, PREVIEW, asked)
        assert shown.status_code == 200, shown.text
    await sent(client, REPLAY, {"connector": "rondo", "status": ["mapped", "quarantined"]})
    assert await worker.map() == 2
    await reconciled(client)
