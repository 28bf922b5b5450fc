"""What an `Idempotency-Key` adds to identifiers at a base of FHIR, and how it is answered there."""

from typing import Any

import httpx
import pytest

from api.running import Running
from models.storing import Row
from models.vocabulary import ProviderId
from tests.fhir_sent import (
    Connection,
    Resource,
    administration,
    adverse_event,
    bundle,
    codes,
    entries,
    post,
    questionnaire,
    stored,
)

pytestmark = pytest.mark.usefixtures("known_places")

KEY = {"Idempotency-Key": '"k"'}
REPLAYED = "idempotency-replayed"
WRONG = administration(2, status="wibble")

#: What is sent before, what is sent with a key, and the status of its answer.
ANSWERS: dict[str, tuple[list[Resource], Resource, dict[str, str], int]] = {
    "stored": ([], administration(), {}, 201),
    "feedback": ([], questionnaire(), {}, 201),
    "incident": ([], adverse_event(), {}, 201),
    "not counted": ([], administration(status="on-hold"), {}, 200),
    "refused": ([], WRONG, {}, 422),
    "conflict": ([administration()], administration(status="not-done"), {}, 409),
    "exists": ([administration()], administration(3), {"If-None-Exist": "identifier=D-1"}, 200),
    "several": (
        [administration(1), administration(2)],
        administration(3),
        {"If-None-Exist": "identifier=D-1,D-2"},
        412,
    ),
    "batch": ([administration(4)], bundle(administration(1), WRONG, administration(4)), {}, 200),
    "transaction": ([], bundle(administration(1), questionnaire(), kind="transaction"), {}, 200),
    "undone": ([], bundle(administration(1), WRONG, kind="transaction"), {}, 422),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_a_retry_is_answered_with_the_first_outcome_byte_by_byte(
    case: str, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    before, sent, headers, status = ANSWERS[case]
    for resource in before:
        await post(client, resource)
    first = await post(client, sent, **headers, **KEY)
    assert first.status_code == status, first.text
    assert REPLAYED not in first.headers
    rows = await stored(admin, provider)
    again = await post(client, sent, **headers, **KEY)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers.get("etag") == first.headers.get("etag")
    assert again.headers[REPLAYED] == "true"
    assert await stored(admin, provider) == rows


@pytest.mark.parametrize("sent", [administration(), bundle(administration())])
async def test_keys_are_refused_in_outcomes(sent: Resource, client: httpx.AsyncClient) -> None:
    unreadable = await post(client, sent, **{"Idempotency-Key": "a b"})
    assert (unreadable.status_code, codes(unreadable)) == (400, ["idempotency_key_malformed"])
    await post(client, sent, **KEY)
    other = await post(client, sent | {"id": "another"}, **KEY)
    assert (other.status_code, codes(other)) == (422, ["idempotency_key_reused"])


async def test_another_condition_is_another_request(client: httpx.AsyncClient) -> None:
    await post(client, administration(1))
    condition = {"If-None-Exist": "identifier=D-1"}
    assert (await post(client, administration(3), **condition, **KEY)).status_code == 200
    for headers in ({}, {"If-None-Exist": "identifier=D-9"}):
        answer = await post(client, administration(3), **headers, **KEY)
        assert (answer.status_code, codes(answer)) == (422, ["idempotency_key_reused"])


@pytest.mark.parametrize(("headers", "standing"), [(KEY, False), ({}, True)])
async def test_a_late_retry_of_an_error_takes_back_what_was_restored_only_without_a_key(
    headers: dict[str, str],
    standing: bool,
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
) -> None:
    """Without versions an error means whatever is there, which identifiers cannot tell apart."""
    error = administration(status="entered-in-error")
    await post(client, administration())
    await post(client, error, **headers)
    await post(client, administration(version="3"))
    await post(client, error, **headers)
    assert (await stored(admin, provider))[-1]["retracted"] is standing


async def test_a_bundle_of_which_an_entry_failed_is_carried_out_again(
    client: httpx.AsyncClient, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = running.committer.store

    async def fail_one(provider: ProviderId, rows: list[Row], *more: Any) -> Any:
        if rows[0].event_id.endswith("D-2"):
            raise RuntimeError("made to fail")
        return await store(provider, rows, *more)

    sent = bundle(administration(1), administration(2))
    with monkeypatch.context() as failing:
        failing.setattr(running.committer, "store", fail_one)
        first = await post(client, sent, **KEY)
    assert entries(first) == [("201", "accepted"), ("500", "internal")]
    retry = await post(client, sent, **KEY)
    assert REPLAYED not in retry.headers
    assert entries(retry) == [("200", "duplicate"), ("201", "accepted")]
    again = await post(client, sent, **KEY)
    assert (again.headers[REPLAYED], again.content) == ("true", retry.content)
