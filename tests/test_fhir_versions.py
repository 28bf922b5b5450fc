"""Corrections and errors of a record: what stands in the end, in whatever order they arrive."""

import asyncio
from itertools import permutations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.incoming.fhir_reading import retraction_version
from models.vocabulary import ProviderId
from tests.fhir_sent import (
    Connection,
    Resource,
    administration,
    post,
    said,
)
from tests.text_tables import Row, cases

pytestmark = pytest.mark.usefixtures("known_places")
ERROR = "entered-in-error"


async def standing(admin: Connection, provider: ProviderId) -> tuple[int, bool]:
    """The version that decides, and whether it retracts."""
    row = await admin.fetchrow(
        "SELECT version, retracted FROM events WHERE provider_id = $1"
        " ORDER BY version DESC LIMIT 1",
        provider,
    )
    return row["version"], row["retracted"]


DECIDED = """
case                                       | sent | stored  | version
nothing is known of it                     | .    | .       | 2
nothing is known of this version           | 3    | .       | 3
a sender without versions                  | .    | 1       | 2
a sender without versions of three         | .    | 1 2 3   | 4
it was taken back already                  | .    | 1 2r    | .
it was taken back and restored             | .    | 1 2r 3  | 4
the next version                           | 2    | 1       | 2
a version used twice                       | 1    | 1       | 2
a version used twice, sent again           | 1    | 1 2r    | .
an old version, overtaken since            | 2    | 1 3     | 2
an old version, taken back since           | 2    | 1 3r    | .
the same version, taken back already       | 2    | 1 2r    | .
a later version of what was taken back     | 4    | 1 2r    | 4
"""


@pytest.mark.parametrize("row", cases(DECIDED))
def test_which_version_takes_back(row: Row) -> None:
    stored = {
        int(word.rstrip("r")): word.endswith("r") for word in row["stored"].split() if word != "."
    }
    sent = None if row["sent"] == "." else int(row["sent"])
    expected = None if row["version"] == "." else int(row["version"])
    assert retraction_version(sent, stored) == expected


@given(
    sent=st.none() | st.integers(1, 6),
    stored=st.dictionaries(st.integers(1, 6), st.booleans()),
)
def test_taking_back_holds_unless_a_later_version_was_sent(
    sent: int | None, stored: dict[int, bool]
) -> None:
    version = retraction_version(sent, stored)
    after = stored if version is None else stored | {version: True}
    highest = max(after)
    assert after[highest] or (sent is not None and sent < highest)
    # Sent again it changes nothing, unless something else has come since.
    again = retraction_version(sent, after)
    assert again is None or (again == version and not after[highest])


RECORD: list[Resource] = [
    administration(version="1", status="not-done"),
    administration(version="2"),
    administration(version="3", status=ERROR),
]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_record_with_versions_ends_alike_in_any_order(
    order: tuple[int, ...], client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    for place in (*order, *order):
        assert (await post(client, RECORD[place])).status_code in {200, 201}
    assert await standing(admin, provider) == (3, True)


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_status_that_is_not_counted_is_a_version_like_others(
    order: tuple[int, ...], client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    record = [
        administration(version="1", status="in-progress"),
        administration(version="2"),
        administration(version="3", status="unknown"),
    ]
    for place in order:
        assert (await post(client, record[place])).is_success
    assert await standing(admin, provider) == (3, True)


@pytest.mark.parametrize("late", [False, True])
async def test_an_error_without_versions_takes_back_what_comes_before_or_after(
    late: bool, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    given_dose, error = administration(), administration(status=ERROR)
    for resource in (error, given_dose) if late else (given_dose, error):
        assert (await post(client, resource)).is_success
    assert await standing(admin, provider) == (2, True)


async def test_an_error_sent_again_changes_nothing(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await post(client, administration())
    error = administration(status=ERROR, effectiveDateTime=None, subject=None)
    assert await said(client, error) == (200, "accepted")
    assert await said(client, error) == (200, "duplicate")
    assert await standing(admin, provider) == (2, True)


async def test_a_record_taken_back_is_restored_by_a_higher_version(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await post(client, administration())
    await post(client, administration(status=ERROR))
    assert await said(client, administration()) == (200, "duplicate")
    assert await standing(admin, provider) == (2, True)
    assert await said(client, administration(version="3")) == (201, "accepted")
    assert await standing(admin, provider) == (3, False)


async def test_corrections_and_errors_at_the_same_time_all_find_a_version(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    await post(client, administration())
    error = administration(status=ERROR)
    race = [error, administration(version="2", status="not-done"), error, error]
    answers = await asyncio.gather(*(post(client, one) for one in race))
    assert [answer.status_code for answer in answers if answer.is_server_error] == []
    for answer, resource in zip(answers, race, strict=True):
        assert answer.is_success or resource is not error, answer.text
    assert (await standing(admin, provider))[1]


async def test_the_same_conditional_create_at_the_same_time_stores_one(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    asks = {"If_None_Exist": "identifier=https://emar.example/id|D-1"}
    doses = [administration(effectiveDateTime=f"2026-09-01T08:0{n}:00Z") for n in range(5)]
    answers = await asyncio.gather(*(said(client, one, **asks) for one in doses))
    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 201]
    stored = await admin.fetchval("SELECT count(*) FROM events WHERE provider_id = $1", provider)
    assert stored == 1
