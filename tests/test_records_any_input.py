"""Whatever is sent as a record is taken or refused with a problem, and never ends in an error."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.vocabulary import Stage, Strand
from tests.conftest import MakeClient
from tests.walking import COMPARED, HELP, JUDGED, MONTH, RECORDS, VISIT, Walk, walk

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["ash", "oak", "Garden", "yes", "not_yet", "2026-11-12", "2026-10", "\x00"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=8,
)
#: A body of each stage that would be taken, and who writes it.
TAKEN: dict[Stage, tuple[str, dict[str, Any]]] = {
    Stage.MAP: ("quinn", {"comment": "Seen."}),
    Stage.COMPARE: ("ruth", COMPARED | {"segments": [{"segment": "oak"}]}),
    Stage.OBSERVE: ("dan", {"entries": [VISIT]}),
    Stage.SUPPORT: ("tom", {"entries": [HELP]}),
    Stage.JUDGE: ("ruth", JUDGED),
}


@st.composite
def nearly(draw: st.DrawFn, body: Any) -> Any:
    """A body with one part of it replaced by anything, or dropped."""
    if isinstance(body, dict) and body and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(body)))
        if draw(st.integers(0, 4)) == 0:
            return {other: value for other, value in body.items() if other != name}
        return body | {name: draw(nearly(body[name]))}
    if isinstance(body, list) and body and draw(st.booleans()):
        return [draw(nearly(body[0])), *body[1:]]
    return draw(ANYTHING)


@pytest.fixture
async def at_work(
    client: Any, client_with: MakeClient, running: Any, provider: Any, admin: Any
) -> Walk:
    return await walk(client, client_with, running, provider, admin)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_any_record_is_answered(at_work: Walk, data: st.DataObject) -> None:
    stage = data.draw(st.sampled_from(list(Stage)))
    who, body = TAKEN[stage]
    sent = {
        "strand": data.draw(st.sampled_from([*Strand])),
        "stage": stage,
        "month": MONTH,
        "segment": data.draw(st.sampled_from(["ash", "Garden", "weekday_day", None])),
        "body": data.draw(nearly(body)),
        "cites": data.draw(st.just([]) | ANYTHING),
    }
    if data.draw(st.integers(0, 5)) == 0:
        sent = data.draw(nearly(sent))
    # All drawn before anything is sent: what is there already changes what is answered.
    signing = data.draw(nearly({"revision": 1}))
    withdrawing = {"why": data.draw(st.just("Tried.") | ANYTHING)}
    answer = await at_work.people[who].post(RECORDS, json=sent)
    assert answer.status_code in {201, 400, 403, 409, 422}, (sent, answer.text)
    if answer.status_code == 201:
        record = answer.json()
        for verb, more in (("sign", signing), ("withdraw", withdrawing)):
            done = await at_work.people[who].post(f"{RECORDS}/{record['id']}:{verb}", json=more)
            assert done.status_code in {200, 400, 409, 422}, (more, done.text)
        await at_work.people[who].post(f"{RECORDS}/{record['id']}:withdraw", json={"why": "Tried."})
    for view in ("breadth", "route", "records"):
        read = await at_work.client.get(f"/v1/services/1-545611283/{view}")
        assert read.status_code == 200, read.text
