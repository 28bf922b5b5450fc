"""What becomes of evidence that can be read: stored once, marked, and answered when durable."""

import asyncio
import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from arq.constants import default_queue_name
from arq.jobs import Job
from sqlalchemy import text

from api.inbound.committer import Committer
from api.running import Running
from models.db import transaction
from models.event_types import SHAPES
from models.queue import Doorbell, deserialize, redis_of
from models.settings import Settings
from models.storing import Outcome, Row
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, MakeClient, make_provider
from tests.sent import SERVICE, buckets, dose, event, retraction, send

Connection = Any


@pytest.fixture
async def known_places(running: Running, provider: ProviderId) -> None:
    """One service with team oak, whom one source calls Oak Wing, and the id it had before."""
    async with transaction(running.sessions, provider) as session:
        for statement in (
            "INSERT INTO services VALUES (:p, 'old-id', 'Old', 'residential', NULL, NULL, now())",
            "INSERT INTO services VALUES (:p, :s, 'New', 'residential', 'old-id', NULL, now())",
            "INSERT INTO teams (provider_id, service, code, name) VALUES (:p, :s, 'oak', 'Oak')",
            "INSERT INTO team_aliases VALUES (:p, :s, 'Oak Wing', 'oak')",
        ):
            await session.execute(text(statement), {"p": provider, "s": SERVICE})


async def stored(admin: Connection, provider: ProviderId) -> list[asyncpg.Record]:
    return list(
        await admin.fetch(
            "SELECT * FROM events WHERE provider_id = $1 ORDER BY event_id, version", provider
        )
    )


async def marks(admin: Connection, provider: ProviderId) -> list[tuple[Any, ...]]:
    rows = await admin.fetch(
        "SELECT service, month, family, event_id FROM marks WHERE provider_id = $1 ORDER BY id",
        provider,
    )
    return [tuple(row) for row in rows]


@pytest.mark.usefixtures("known_places")
async def test_one_event_is_stored_as_sent_with_pseudonyms(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId, running: Running
) -> None:
    sent = dose(
        person="943 476 5919",
        staff="jb17",
        occurred_at="2026-07-01T00:30:00+01:00",
        recorded_at="2026-07-01T00:31:00+01:00",
        about={"from": "2026-06-30T22:00:00+01:00", "to": "2026-07-01T06:00:00+01:00"},
        data={"status": "given", "due_at": "2026-07-01T00:00:00+01:00", "prn": None, "x_lot": "7"},
    )
    answer = await client.post("/v1/events", json=sent)
    assert (answer.status_code, buckets(answer.json())) == (202, {"accepted": 1})
    [row] = await stored(admin, provider)
    assert row["occurred_at"] == datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert row["month"] == date(2026, 7, 1)
    assert json.loads(row["data"]) == {
        "status": "given",
        "due_at": "2026-06-30T23:00:00Z",
        "x_lot": "7",
    }
    assert json.loads(row["about"]) == {
        "from": "2026-06-30T21:00:00Z",
        "to": "2026-07-01T05:00:00Z",
    }
    pseudonyms = running.keyring.pseudonyms(provider)
    assert row["person"] == pseudonyms.of("person", "9434765919")
    assert row["staff"] == pseudonyms.of("staff", "jb17")
    assert "943" not in str(dict(row))


@pytest.mark.usefixtures("known_places")
@pytest.mark.parametrize("count", [3, 250])
async def test_resending_is_success_and_changes_nothing(
    count: int, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    events = [dose(number) for number in range(count)]
    assert buckets(await send(client, *events)) == {"accepted": count}
    marked = await marks(admin, provider)
    assert buckets(await send(client, *events)) == {"duplicates": count}
    assert await marks(admin, provider) == marked
    assert len(await stored(admin, provider)) == count


@pytest.mark.usefixtures("known_places")
async def test_same_moment_written_otherwise_is_a_duplicate(client: httpx.AsyncClient) -> None:
    await send(client, dose(recorded_at="2026-03-01T08:06:00Z"))
    again = dict(reversed(dose(occurred_at="2026-03-01T09:05:00+01:00", area=None).items()))
    assert buckets(await send(client, again)) == {"duplicates": 1}


@pytest.mark.usefixtures("known_places")
@pytest.mark.parametrize("others", [0, 150])
async def test_other_content_under_the_same_identity_keeps_the_first(
    others: int, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await send(client, dose(1))
    changed = dose(1, data={"status": "refused"})
    receipt = await send(client, *[dose(number + 2) for number in range(others)], changed)
    assert receipt["conflicts"] == [{"index": others, "id": "A-000001", "version": 1}]
    assert receipt["accepted"] == others
    first = (await stored(admin, provider))[0]
    assert json.loads(first["data"]) == {"status": "given"}


@pytest.mark.usefixtures("known_places")
async def test_one_body_is_resolved_in_its_order(client: httpx.AsyncClient) -> None:
    receipt = await send(
        client, dose(1), dose(1), dose(1, team="elm"), dose(2, version=3), dose(2, version=2)
    )
    assert buckets(receipt) == {"accepted": 2, "duplicates": 1, "conflicts": 1, "superseded": 1}


@pytest.mark.usefixtures("known_places")
async def test_lower_version_after_a_higher_is_stored_and_superseded(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    assert buckets(await send(client, dose(version=3))) == {"accepted": 1}
    assert buckets(await send(client, dose(version=2))) == {"superseded": 1}
    assert buckets(await send(client, dose(version=4))) == {"accepted": 1}
    assert [row["version"] for row in await stored(admin, provider)] == [2, 3, 4]


@pytest.mark.usefixtures("known_places")
async def test_retraction_needs_no_more_than_identity_and_service(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await send(client, dose())
    assert buckets(await send(client, retraction())) == {"accepted": 1}
    assert buckets(await send(client, retraction() | {"team": "nowhere"})) == {"duplicates": 1}
    row = (await stored(admin, provider))[1]
    assert (row["retracted"], row["type"], row["month"], row["data"]) == (True, None, None, None)
    assert (await marks(admin, provider))[-1] == (SERVICE, None, None, "A-000001")


@pytest.mark.usefixtures("known_places")
@pytest.mark.parametrize("count", [1, 120])
async def test_unknown_places_are_stored_and_listed_with_their_reason(
    count: int, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    events = [dose(number, team="willow") for number in range(count)]
    elsewhere = [dose(number + count, service="1-999") for number in range(count)]
    receipt = await send(client, *events, *elsewhere, dose(9_999))
    assert buckets(receipt) == {"quarantined": 2 * count, "accepted": 1}
    reasons = await admin.fetch(
        "SELECT reason, count(*) FROM quarantine WHERE provider_id = $1 GROUP BY 1 ORDER BY 1",
        provider,
    )
    assert [tuple(row) for row in reasons] == [("unknown_service", count), ("unknown_team", count)]
    assert buckets(await send(client, *events)) == {"duplicates": count}


@pytest.mark.usefixtures("known_places")
@pytest.mark.parametrize(
    "place",
    [
        {"team": "oak"},
        {"team": "Oak Wing"},
        {"team": None},
        {"service": "old-id", "team": "oak"},
        {"service": "old-id", "team": "Oak Wing"},
    ],
)
async def test_codes_aliases_and_former_ids_are_known(
    place: dict[str, Any], client: httpx.AsyncClient
) -> None:
    assert buckets(await send(client, dose(**place))) == {"accepted": 1}


@pytest.mark.usefixtures("known_places")
async def test_a_slice_is_marked_once_however_many_events_it_gets(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await send(
        client,
        *[dose(number) for number in range(150)],
        dose(200, occurred_at="2026-04-01T00:00:00+01:00"),
        dose(201, occurred_at="2026-03-31T23:59:00+01:00"),
    )
    assert await marks(admin, provider) == [
        (SERVICE, date(2026, 3, 1), "medication", None),
        (SERVICE, date(2026, 4, 1), "medication", None),
    ]


@pytest.mark.usefixtures("known_places")
@pytest.mark.parametrize(
    ("kind", "data", "months"),
    [
        ("complaint.received", {"respondent": "family"}, [3, 4, 5, 6]),
        ("census.taken", {"on": "2026-03-01", "residents": 20}, [3, 4, 5]),
        ("compliment.received", {"respondent": "family"}, [3]),
    ],
)
async def test_an_event_marks_every_month_it_reaches(
    kind: str,
    data: dict[str, Any],
    months: list[int],
    client: httpx.AsyncClient,
    admin: Connection,
    provider: ProviderId,
) -> None:
    await send(client, event(kind, data))
    family = kind.partition(".")[0]
    assert await marks(admin, provider) == [
        (SERVICE, date(2026, month, 1), family, None) for month in months
    ]


@pytest.mark.usefixtures("known_places")
async def test_a_correction_marks_its_identity_besides_its_slice(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await send(client, dose(version=2))
    assert await marks(admin, provider) == [
        (SERVICE, date(2026, 3, 1), "medication", None),
        (SERVICE, None, None, "A-000001"),
    ]


@pytest.mark.usefixtures("known_places")
async def test_the_month_of_a_shift_is_that_of_its_start(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    data = {
        "starts_at": "2026-03-31T20:00:00+01:00",
        "ends_at": "2026-04-01T08:00:00+01:00",
        "planned_hours": 12,
        "worked_hours": 11.5,
    }
    await send(client, event("shift.worked", data, occurred_at="2026-04-01T08:00:00+01:00"))
    [row] = await stored(admin, provider)
    assert row["month"] == date(2026, 3, 1)


EXAMPLES: dict[str, dict[str, Any]] = {
    "medication.administered": {"status": "given_late", "prn": False, "time_critical": True},
    "medication.round": {"due": 9, "on_time": 5, "late": 1, "omitted": 1, "refused": 1, "other": 1},
    "shift.worked": {
        "starts_at": "2026-03-01T08:00:00Z",
        "ends_at": "2026-03-01T20:00:00Z",
        "planned_hours": 12,
        "worked_hours": 0,
        "agency_hours": 0,
        "role": "carer",
    },
    "audit.completed": {"audit": "medicines", "items_due": 9, "items_met": 8, "themes": ["safety"]},
    "supervision.completed": {"on_time": True, "items_due": 3, "items_met": 3},
    "incident.reported": {"category": "fall", "harm": "low", "near_miss": False},
    "feedback.received": {"respondent": "family", "rating": 4.5},
    "complaint.received": {"respondent": "person", "theme": "dignity", "upheld": True},
    "compliment.received": {"respondent": "partner"},
    "census.taken": {"on": "2026-03-01", "care_hours": 140.5},
}


@pytest.mark.usefixtures("known_places")
@pytest.mark.parametrize("kind", sorted(SHAPES))
async def test_every_type_of_the_contract_is_taken(kind: str, client: httpx.AsyncClient) -> None:
    data = EXAMPLES.get(kind, {"items_due": 5, "items_met": 4, "practice": "hand hygiene"})
    assert buckets(await send(client, event(kind, data))) == {"accepted": 1}


@pytest.mark.usefixtures("known_places")
async def test_free_text_is_dropped_unless_it_was_switched_on(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId, running: Running
) -> None:
    said = {"respondent": "family", "fft": "good", "text": "Kind people."}
    await send(client, event("feedback.received", said, id="1"))
    async with transaction(running.sessions, provider) as session:
        await session.execute(
            text("INSERT INTO provider_settings VALUES (:p, 1, '{\"store_text\": true}', now())"),
            {"p": provider},
        )
    await send(client, event("feedback.received", said, id="2"))
    assert buckets(await send(client, event("feedback.received", said, id="1"))) == {
        "duplicates": 1
    }
    dropped, kept = await stored(admin, provider)
    assert dropped["text_sealed"] is None
    assert "text" not in json.loads(kept["data"])
    sealed = kept["text_sealed"]
    cipher = running.keyring.texts(provider)
    assert cipher.decrypt(sealed[:12], sealed[12:], None) == b"Kind people."


@pytest.mark.usefixtures("known_places")
async def test_declared_types_are_checked_by_their_schema(
    client: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    schema = {
        "type": "object",
        "required": ["steps"],
        "properties": {"steps": {"type": "integer", "minimum": 0}},
        "additionalProperties": False,
    }
    async with transaction(running.sessions, provider) as session:
        await session.execute(
            text("INSERT INTO custom_event_types VALUES (:p, 'custom.walk', :schema, now())"),
            {"p": provider, "schema": json.dumps(schema)},
        )
    receipt = await send(
        client,
        event("custom.walk", {"steps": 120}, id="1"),
        event("custom.walk", {"steps": -1}, id="2"),
        event("custom.run", {"steps": 1}, id="3"),
        event("custom.walk", {"steps": 1, "first_name": "Ada"}, id="4"),
    )
    assert receipt["accepted"] == 1
    assert [(item["code"], item["pointer"]) for item in receipt["rejected"]] == [
        ("schema_mismatch", "/data/steps"),
        ("unknown_type", "/type"),
        ("identifier_in_data", "/data/first_name"),
    ]


async def _post(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/v1/events", content=body, headers=named)


@pytest.mark.usefixtures("known_places")
@pytest.mark.parametrize(
    "pack",
    [
        lambda events: (json.dumps(events).encode(), "application/json", "identity"),
        lambda events: (b"\xef\xbb\xbf" + json.dumps(events).encode(), "application/json", ""),
        lambda events: (json.dumps(events).encode(), "application/json; charset=UTF-8", "identity"),
        lambda events: (
            b"\r\n\n".join(json.dumps(one).encode() for one in events),
            "application/x-ndjson",
            "identity",
        ),
        lambda events: (gzip.compress(json.dumps(events).encode()), "application/json", "gzip"),
        lambda events: (
            b"".join(gzip.compress(json.dumps(one).encode() + b"\n") for one in events),
            "application/x-ndjson",
            "gzip",
        ),
    ],
)
async def test_every_wrapping_of_the_same_events_is_read(
    pack: Callable[[object], tuple[bytes, str, str]], client: httpx.AsyncClient
) -> None:
    body, kind, encoding = pack([dose(1), dose(2)])
    headers = {"Content_Type": kind} | ({"Content_Encoding": encoding} if encoding else {})
    answer = await _post(client, body, **headers)
    assert (answer.status_code, buckets(answer.json())) == (202, {"accepted": 2})


async def test_an_empty_array_is_a_success(client: httpx.AsyncClient) -> None:
    assert buckets(await send(client)) == {}


async def test_providers_do_not_see_each_others_identities(
    client: httpx.AsyncClient, client_with: MakeClient, running: Running
) -> None:
    await send(client, dose())
    other = await client_with(Scope.EVENTS_WRITE, of=await make_provider(running))
    changed = dose(data={"status": "refused"})
    assert buckets(await send(other, changed)) == {"quarantined": 1}


@pytest.mark.usefixtures("known_places")
async def test_posts_that_wait_together_are_each_answered(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    async def post(number: int) -> dict[str, int]:
        return buckets((await client.post("/v1/events", json=dose(number % 50))).json())

    answers = await asyncio.gather(*(post(number) for number in range(100)))
    assert answers.count({"accepted": 1}) == answers.count({"duplicates": 1}) == 50
    rows = await stored(admin, provider)
    assert len(rows) == 50
    assert len({row["known_xid"] for row in rows}) < 50


@pytest.mark.usefixtures("known_places")
async def test_two_equal_batches_at_once_store_each_event_once(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    events = [dose(number) for number in range(400)]
    first, second = await asyncio.gather(send(client, *events), send(client, *reversed(events)))
    together = {**buckets(first), **buckets(second)}
    assert first["accepted"] + second["accepted"] == 400
    assert set(together) == {"accepted", "duplicates"}
    assert len(await stored(admin, provider)) == 400


async def test_a_post_that_cannot_be_stored_fails_alone(
    running: Running, settings: Settings, provider: ProviderId
) -> None:
    """Validation lets no such row through, so it is made by hand here."""

    def row(name: str, service: str) -> Row:
        nothing = dict.fromkeys(("team", "area", "recorded_at", "about", "person", "staff"))
        return Row(
            source="s",
            event_id=name,
            version=1,
            type="medication.administered",
            service=service,
            month=date(2026, 3, 1),
            occurred_at=NOW,
            data="{}",
            text_sealed=None,
            retracted=False,
            content_hash=b"h",
            **nothing,
        )

    doorbell = Doorbell(redis_of(settings))
    committer = Committer(running.sessions, doorbell)
    answers = await asyncio.gather(
        committer.store(provider, [row("first", "one")]),
        committer.store(provider, [row("good", "one")]),
        committer.store(provider, [row("bad", "a\x00b")]),
        committer.store(provider, [row("good too", "one")]),
        return_exceptions=True,
    )
    await committer.close()
    await doorbell.close()
    assert answers[1] == answers[3] == [Outcome.QUARANTINED]
    assert isinstance(answers[2], Exception)


async def test_a_sender_that_goes_away_takes_no_neighbour_along(
    running: Running, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    posts = [
        asyncio.create_task(client.post("/v1/events", json=dose(number))) for number in range(20)
    ]
    while not running.committer._tasks:  # noqa: ASYNC110 - nothing tells that it began
        await asyncio.sleep(0.001)
    for post in posts[::2]:
        post.cancel()
    answers = await asyncio.gather(*posts, return_exceptions=True)
    kept = [answer for answer in answers if isinstance(answer, httpx.Response)]
    assert len(kept) >= 10
    assert {answer.status_code for answer in kept} == {202}
    assert len(await stored(admin, provider)) >= 10


async def test_a_full_queue_says_try_later(
    running: Running, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.committer, "_waiting", 1_000_000)
    answer = await client.post("/v1/events", json=dose())
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


@pytest.mark.usefixtures("known_places")
async def test_the_doorbell_is_rung_for_each_service(
    client: httpx.AsyncClient, provider: ProviderId, settings: Settings, running: Running
) -> None:
    await send(client, dose(1), dose(2, service="old-id"))
    await asyncio.wait_for(running.doorbell._task, 5)  # type: ignore[arg-type]  # it was pressed
    redis = redis_of(settings)
    # One after the other: all that other tests have left there would not fit the connections.
    queued = [name.decode() for name in await redis.zrange(default_queue_name, 0, -1)]
    jobs = [
        await Job(name, redis, _deserializer=deserialize).info()
        for name in queued
        if str(provider) in name
    ]
    await redis.aclose()
    mine = sorted(job.args for job in jobs if job is not None)
    assert [tuple(args) for args in mine] == [(str(provider), SERVICE), (str(provider), "old-id")]
