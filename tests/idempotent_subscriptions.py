"""One request for each POST of subscriptions. Nothing that these leave waiting can be sent."""

from datetime import timedelta

from models.vocabulary import MessageType
from tests.conftest import NOW
from tests.hooks_out import announced, listen
from tests.idempotent_setting import Prepare, Sent, Setting

SUBSCRIPTIONS = "/v1/subscriptions"
RANGE = {
    "from": NOW.isoformat(),
    "to": (NOW + timedelta(hours=1)).isoformat(),
    "status": ["cancelled"],
}


async def subscribing(_: Setting) -> Sent:
    # A number has no name to be looked up, and making a subscription posts nothing.
    one = {"url": "https://93.184.216.34/one", "message_types": [MessageType.RECORD_SIGNED]}
    return Sent(SUBSCRIPTIONS, one, one | {"url": "https://93.184.216.34/two"})


def verb(end: str) -> Prepare:
    async def done(setting: Setting) -> Sent:
        listener = await listen(setting.running, setting.provider)
        (message,) = await announced(setting.running, setting.provider)
        path = f"{SUBSCRIPTIONS}/{listener.id}{end.format(message=message)}"
        return Sent(path, None, {})

    return done


async def redelivering(setting: Setting) -> Sent:
    listener = await listen(setting.running, setting.provider)
    path = f"{SUBSCRIPTIONS}/{listener.id}"
    await announced(setting.running, setting.provider)
    for enabled in (False, True):
        answer = await setting.client.put(path, json={"enabled": enabled})
        assert answer.status_code == 200, answer.text
    return Sent(f"{path}:redeliver", RANGE, RANGE | {"status": ["dead"]})


SUBSCRIPTIONS_SENT: dict[str, Prepare] = {
    "create_subscription": subscribing,
    "send_test": verb(":test"),
    "rotate_secret": verb(":rotate"),
    "redeliver_attempt": verb("/attempts/{message}:redeliver"),
    "redeliver_attempts": redelivering,
}
SUBSCRIPTIONS_ADDED = {
    "create_subscription": {"endpoints": 1},
    "send_test": {"messages": 1, "attempts": 1},
}
