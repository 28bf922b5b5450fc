"""Which event is kept: one an identity, the first content of a version, the highest version."""

import json

import httpx
import pytest

from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.conftest import MakeClient, make_provider
from tests.ingested import Connection, marks, stored
from tests.sent import SERVICE, buckets, dose, retraction, send

pytestmark = pytest.mark.usefixtures("known_places")


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


async def test_same_moment_written_otherwise_is_a_duplicate(client: httpx.AsyncClient) -> None:
    await send(client, dose(recorded_at="2026-03-01T08:06:00Z"))
    again = dict(reversed(dose(occurred_at="2026-03-01T09:05:00+01:00", area=None).items()))
    assert buckets(await send(client, again)) == {"duplicates": 1}


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


async def test_one_body_is_resolved_in_its_order(client: httpx.AsyncClient) -> None:
    receipt = await send(
        client, dose(1), dose(1), dose(1, team="elm"), dose(2, version=3), dose(2, version=2)
    )
    assert buckets(receipt) == {"accepted": 2, "duplicates": 1, "conflicts": 1, "superseded": 1}


async def test_lower_version_after_a_higher_is_stored_and_superseded(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    assert buckets(await send(client, dose(version=3))) == {"accepted": 1}
    assert buckets(await send(client, dose(version=2))) == {"superseded": 1}
    assert buckets(await send(client, dose(version=4))) == {"accepted": 1}
    assert [row["version"] for row in await stored(admin, provider)] == [2, 3, 4]


async def test_retraction_needs_no_more_than_identity_and_service(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await send(client, dose())
    assert buckets(await send(client, retraction())) == {"accepted": 1}
    assert buckets(await send(client, retraction() | {"team": "nowhere"})) == {"duplicates": 1}
    row = (await stored(admin, provider))[1]
    assert (row["retracted"], row["type"], row["month"], row["data"]) == (True, None, None, None)
    assert (await marks(admin, provider))[-1] == (SERVICE, None, None, "A-000001")


async def test_providers_do_not_see_each_others_identities(
    client: httpx.AsyncClient, client_with: MakeClient, running: Running
) -> None:
    await send(client, dose())
    other = await client_with(Scope.EVENTS_WRITE, of=await make_provider(running))
    changed = dose(data={"status": "refused"})
    assert buckets(await send(other, changed)) == {"quarantined": 1}
