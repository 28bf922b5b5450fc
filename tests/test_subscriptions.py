"""Subscriptions over HTTP: made, tested, changed, ended, and what was sent looked at and resent."""

from datetime import datetime, timedelta
from typing import Any, get_args

import httpx
import pytest
from sqlalchemy.pool import QueuePool

from api.admin.subscription_bodies import Subscribable
from api.admin.subscriptions import MOST_ACTIVE
from api.running import Running
from models.vocabulary import MessageType, ProviderId
from tests.conftest import NOW, Clock
from tests.hooks_out import (
    NOWHERE,
    PUBLIC,
    Names,
    Receiver,
    Worker,
    announced,
    answer,
    attempts,
    listen,
    local,
    names,
    only_ours,
    outgoing,
    receiver,
    subscribe,
)
from tests.set_up import put, refusal, team

__all__ = ["local", "names", "only_ours", "outgoing", "receiver"]  # fixtures

PATH = "/v1/subscriptions"
PUBLIC_URL = "https://hooks.example.org/breadth"

pytestmark = pytest.mark.usefixtures("local")


async def listed(client: httpx.AsyncClient, subscription: str, **query: Any) -> list[Any]:
    found = await client.get(f"{PATH}/{subscription}/attempts", params=query)
    assert found.status_code == 200, found.text
    items: list[Any] = found.json()["items"]
    return items


async def test_subscription_is_made_and_its_secret_shown_once(
    client: httpx.AsyncClient, admin: Any, provider: ProviderId, names: Names
) -> None:
    await put(client, team("oak"), service="1-200000001")
    said = await subscribe(
        client, PUBLIC_URL, message_types=["record.signed"], services=["1-200000001"]
    )
    secret = said.pop("secret")
    assert secret.startswith("whsec_")
    assert (said["state"], said["secrets"], said["disabled_why"]) == ("active", 1, None)
    assert said["attempts"] == {"waiting": 0, "delivered": 0, "dead": 0, "cancelled": 0}
    assert names.asked == ["hooks.example.org"]
    everything = await client.get(PATH)
    assert everything.json() == {"items": [said]}
    assert (await client.get(f"{PATH}/{said['id']}")).json() == said
    kept = await admin.fetchrow("SELECT * FROM endpoints WHERE provider_id = $1", provider)
    assert secret.removeprefix("whsec_") not in everything.text + repr(kept)


async def test_name_is_looked_up_while_no_transaction_is_open(
    client: httpx.AsyncClient, running: Running, names: Names
) -> None:
    pool = running.engine.pool
    assert isinstance(pool, QueuePool)
    seen: list[int] = []
    names.on_asked = lambda: seen.append(pool.checkedout())
    made = await subscribe(client, PUBLIC_URL)
    changed = await client.put(f"{PATH}/{made['id']}", json={"url": f"{PUBLIC_URL}/2"})
    assert changed.status_code == 200
    assert seen == [0, 0]


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"url": "http://hooks.example.org:8080/"}, "/url", "forbidden_address"),
        ({"url": "https://inside.example.org/"}, "/url", "forbidden_address"),
        ({"url": "https://nowhere.example.org/"}, "/url", "unresolved"),
        ({"url": "https://a:b@hooks.example.org/"}, "/url", "credentials"),
        ({"url": "https://hooks.example.org:22/"}, "/url", "port"),
        ({"url": "https://10.0.0.1/"}, "/url", "forbidden_address"),
        ({"url": "https://[fd00:ec2::254]/"}, "/url", "forbidden_address"),
        ({"url": "nothing"}, "/url", "scheme"),
        ({"url": ""}, "/url", None),
        ({"url": 5}, "/url", None),
        ({"message_types": []}, "/message_types", None),
        ({"message_types": ["endpoint.test"]}, "/message_types/0", None),
        ({"message_types": ["verdict.deleted"]}, "/message_types/0", None),
        ({"message_types": ["record.signed"] * 2}, "/message_types", "repeated"),
        ({"services": ["1-999"]}, "/services/0", "unknown_service"),
        ({"services": [""]}, "/services/0", None),
        ({"secret": "whsec_mine"}, "/secret", None),
    ],
)
async def test_what_cannot_be_told_of_is_refused_with_a_pointer(
    client: httpx.AsyncClient, names: Names, changes: dict[str, Any], pointer: str, code: str | None
) -> None:
    names.known["inside.example.org"] = [[PUBLIC, "192.168.0.9"]]
    body = {"url": PUBLIC_URL, "message_types": ["record.signed"]} | changes
    answered = await client.post(PATH, json=body)
    assert answered.status_code == 422, answered.text
    (error,) = answered.json()["errors"]
    assert error["pointer"] == pointer
    assert code is None or error["code"] == code
    assert (await client.get(PATH)).json()["items"] == []


async def test_address_may_not_be_changed_to_one_inside(
    client: httpx.AsyncClient, names: Names
) -> None:
    made = await subscribe(client, PUBLIC_URL)
    names.known["hooks.example.org"] = [["10.0.0.1"]]
    change = {"url": "https://hooks.example.org/other"}
    assert await refusal(client, "PUT", f"{PATH}/{made['id']}", change) == (422, ["/url"])
    assert (await client.get(f"{PATH}/{made['id']}")).json()["url"] == PUBLIC_URL


async def test_test_message_goes_the_way_of_every_message(
    client: httpx.AsyncClient, receiver: Receiver, outgoing: Worker
) -> None:
    made = await subscribe(client, receiver.url)
    sent = await client.post(f"{PATH}/{made['id']}:test")
    assert sent.status_code == 202
    await outgoing.deliver()
    (got,) = receiver.received
    assert got.headers["webhook-id"] == sent.json()["message_id"]
    assert got.verified(made["secret"])["type"] == "endpoint.test"
    (attempt,) = await listed(client, made["id"])
    assert (attempt["type"], attempt["status"], attempt["tried"]) == (
        "endpoint.test",
        "delivered",
        1,
    )
    assert attempt["body"]["data"]["id"] == made["id"]


async def test_every_attempt_and_every_post_can_be_seen(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    receiver: Receiver,
    outgoing: Worker,
    clock: Clock,
) -> None:
    made = await subscribe(client, receiver.url)
    receiver.replies = [answer(503, b"Closed."), answer(302), answer(200)]
    (message,) = await announced(running, provider)
    await outgoing.until_settled()
    receiver.replies = [answer(500)]
    (second,) = await announced(running, provider, now=clock.now)
    await outgoing.deliver()
    newer, older = await listed(client, made["id"])
    assert (older["message_id"], newer["message_id"]) == (str(message), str(second))
    assert [(post["status"], post["failure"]) for post in older["posts"]] == [
        (503, "refused"),
        (302, "redirected"),
        (200, None),
    ]
    assert datetime.fromisoformat(older["posts"][0]["at"]) == NOW
    assert (older["status"], older["sequence"], older["next_at"]) == ("delivered", 1, None)
    assert (newer["status"], newer["sequence"], newer["settled_at"]) == ("waiting", 2, None)
    assert await listed(client, made["id"], status="waiting") == [newer]
    assert await listed(client, made["id"], status="dead") == []
    counted = (await client.get(f"{PATH}/{made['id']}")).json()
    assert (counted["attempts"]["waiting"], counted["attempts"]["delivered"]) == (1, 1)


async def test_attempts_are_paged(
    client: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    made = await subscribe(client, NOWHERE)
    messages = await announced(running, provider, 7)
    seen, query = [], {"limit": "3"}
    while True:
        page = (await client.get(f"{PATH}/{made['id']}/attempts", params=query)).json()
        seen += [each["message_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == [str(each) for each in reversed(messages)]


async def test_message_is_delivered_again_on_request(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    receiver: Receiver,
    outgoing: Worker,
) -> None:
    made = await subscribe(client, receiver.url)
    (message,) = await announced(running, provider)
    await outgoing.deliver()
    again = await client.post(f"{PATH}/{made['id']}/attempts/{message}:redeliver")
    assert (again.status_code, again.json()) == (202, {"attempts": 1})
    await outgoing.deliver()
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    (attempt,) = await listed(client, made["id"])
    assert (attempt["status"], attempt["sequence"], len(attempt["posts"])) == ("delivered", 1, 2)


async def test_what_was_missed_is_delivered_again_by_time_and_status(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    receiver: Receiver,
    outgoing: Worker,
    clock: Clock,
) -> None:
    made = await subscribe(client, receiver.url)
    receiver.replies = [answer(500)] * 20
    await announced(running, provider, 2)
    await outgoing.until_settled()
    receiver.replies = []
    missed_until = clock.now
    clock.advance(timedelta(hours=1))
    await announced(running, provider, now=clock.now)
    await outgoing.deliver()
    assert {each["status"] for each in await listed(client, made["id"])} == {"dead", "delivered"}
    path = f"{PATH}/{made['id']}:redeliver"
    early = {"from": "2026-01-01T00:00:00Z", "to": NOW.isoformat()}
    assert (await client.post(path, json=early)).json() == {"attempts": 0}
    missed = {"from": NOW.isoformat(), "to": missed_until.isoformat()}
    assert (await client.post(path, json=missed)).json() == {"attempts": 2}
    assert await outgoing.deliver() == 2
    assert {each["status"] for each in await listed(client, made["id"])} == {"delivered"}
    assert (await client.post(path, json=missed)).json() == {"attempts": 0}
    whole = {"from": NOW.isoformat(), "to": "2027-01-01T00:00:00Z", "status": ["delivered"]}
    assert (await client.post(path, json=whole)).json() == {"attempts": 3}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/from", "/to"]),
        ({"from": "2026-01-01T00:00:00", "to": "2027-01-01T00:00:00Z"}, ["/from"]),
        ({"from": "0001-01-01T00:00:00+14:00", "to": "2027-01-01T00:00:00Z"}, ["/from"]),
        ({"from": "2026-01-01T00:00:00Z", "to": "9999-12-31T23:59:00-14:00"}, ["/to"]),
        (
            {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z", "status": ["waiting"]},
            ["/status/0"],
        ),
    ],
)
async def test_range_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any], pointers: list[str]
) -> None:
    made = await subscribe(client, NOWHERE)
    assert await refusal(client, "POST", f"{PATH}/{made['id']}:redeliver", body) == (422, pointers)


async def test_rotated_secrets_sign_together_for_a_day(
    client: httpx.AsyncClient, receiver: Receiver, outgoing: Worker, clock: Clock
) -> None:
    made = await subscribe(client, receiver.url)
    rotated = await client.post(f"{PATH}/{made['id']}:rotate")
    assert rotated.status_code == 200
    said = rotated.json()
    assert datetime.fromisoformat(said["old_until"]) == NOW + timedelta(days=1)
    assert (await client.get(f"{PATH}/{made['id']}")).json()["secrets"] == 2

    async def tested() -> Any:
        assert (await client.post(f"{PATH}/{made['id']}:test")).status_code == 202
        await outgoing.deliver()
        return receiver.received[-1]

    both = await tested()
    assert len(both.headers["webhook-signature"].split(" ")) == 2
    assert both.verified(made["secret"]) == both.verified(said["secret"])
    clock.advance(timedelta(days=1))
    new = await tested()
    assert new.verified(said["secret"])
    with pytest.raises(Exception, match="No matching signature"):
        new.verified(made["secret"])


async def test_secrets_in_force_are_five_at_most(
    client: httpx.AsyncClient, receiver: Receiver, outgoing: Worker
) -> None:
    made = await subscribe(client, receiver.url)
    secrets = [made["secret"]] + [
        (await client.post(f"{PATH}/{made['id']}:rotate")).json()["secret"] for _ in range(6)
    ]
    await client.post(f"{PATH}/{made['id']}:test")
    await outgoing.deliver()
    (got,) = receiver.received
    for secret in secrets[-5:]:
        assert got.verified(secret)
    with pytest.raises(Exception, match="No matching signature"):
        got.verified(secrets[-6])


async def test_subscription_is_changed_where_it_is_named(client: httpx.AsyncClient) -> None:
    await put(client, team("oak"), service="1-200000002")
    made = await subscribe(client, PUBLIC_URL)
    change = {"message_types": ["record.signed"], "services": ["1-200000002"]}
    changed = (await client.put(f"{PATH}/{made['id']}", json=change)).json()
    assert (changed["url"], changed["message_types"]) == (PUBLIC_URL, ["record.signed"])
    assert changed["services"] == ["1-200000002"]
    same = (await client.put(f"{PATH}/{made['id']}", json={})).json()
    assert same == changed


async def test_switched_off_it_is_told_nothing_until_it_is_switched_on(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    receiver: Receiver,
    outgoing: Worker,
) -> None:
    made = await subscribe(client, receiver.url)
    await announced(running, provider)
    off = (await client.put(f"{PATH}/{made['id']}", json={"enabled": False})).json()
    assert (off["state"], off["disabled_why"]) == ("disabled", "switched_off")
    assert off["attempts"]["cancelled"] == 1
    for verb in (
        ":test",
        f"/attempts/{(await attempts(running, provider))[0].message_id}:redeliver",
    ):
        assert (await client.post(f"{PATH}/{made['id']}{verb}")).status_code == 409
    assert await outgoing.deliver() == 0
    on = (await client.put(f"{PATH}/{made['id']}", json={"enabled": True})).json()
    assert (on["state"], on["disabled_why"], on["disabled_at"]) == ("active", None, None)
    assert await outgoing.deliver() == 0
    since = {"from": NOW.isoformat(), "to": "2027-01-01T00:00:00Z"}
    assert (await client.post(f"{PATH}/{made['id']}:redeliver", json=since)).json() == {
        "attempts": 1
    }
    assert await outgoing.deliver() == 1
    assert len(receiver.received) == 1


async def test_deleted_it_stays_readable_and_ends_for_good(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    outgoing: Worker,
    admin: Any,
) -> None:
    made = await subscribe(client, NOWHERE)
    await announced(running, provider)
    for _ in range(2):
        assert (await client.delete(f"{PATH}/{made['id']}")).status_code == 204
    gone = (await client.get(f"{PATH}/{made['id']}")).json()
    assert (gone["state"], gone["disabled_why"], gone["secrets"]) == ("disabled", "deleted", 0)
    assert [each["status"] for each in await listed(client, made["id"])] == ["cancelled"]
    secrets = "SELECT secrets_sealed FROM endpoints WHERE provider_id = $1"
    assert await admin.fetchval(secrets, provider) is None
    for method, end, body in (
        ("PUT", "", {"enabled": True}),
        ("POST", ":test", None),
        ("POST", ":rotate", None),
        ("POST", ":redeliver", {"from": NOW.isoformat(), "to": NOW.isoformat()}),
    ):
        refused = await client.request(method, f"{PATH}/{made['id']}{end}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict"), end
    assert await outgoing.deliver() == 0


async def test_there_are_fifty_active_ones_at_most(
    client: httpx.AsyncClient, running: Running, provider: ProviderId
) -> None:
    made = await subscribe(client, PUBLIC_URL)
    await client.put(f"{PATH}/{made['id']}", json={"enabled": False})
    for _ in range(MOST_ACTIVE):
        await listen(running, provider)
    body = {"url": PUBLIC_URL, "message_types": ["record.signed"]}
    for refused in (
        await client.post(PATH, json=body),
        await client.put(f"{PATH}/{made['id']}", json={"enabled": True}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


async def test_tests_are_for_one_subscription_and_answers_never_show_secrets(
    client: httpx.AsyncClient, receiver: Receiver, outgoing: Worker
) -> None:
    made, other = [await subscribe(client, receiver.url) for _ in range(2)]
    await client.post(f"{PATH}/{made['id']}:test")
    await outgoing.deliver()
    assert len(receiver.received) == 1
    assert await listed(client, other["id"]) == []
    shown = "".join(
        [
            (await client.get(path)).text
            for path in (PATH, f"{PATH}/{made['id']}", f"{PATH}/{made['id']}/attempts")
        ]
    )
    assert made["secret"].removeprefix("whsec_") not in shown


def test_every_message_type_can_be_subscribed_to_but_the_test() -> None:
    assert set(get_args(Subscribable)) == set(MessageType) - {MessageType.ENDPOINT_TEST}
