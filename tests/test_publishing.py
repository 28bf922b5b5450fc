"""A publication is the views of one moment; what did not change is shared, what is old goes."""

from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.running import Running
from models.datasets import DATASETS, Kind
from models.datasets.arrow import cut, held_schema, pack, select_rows, unpack
from models.db import driver, transaction
from models.vocabulary import ProviderId, Scope
from tests.conftest import NOW, MakeClient, make_provider
from tests.dataset_reading import every_row, published
from tests.recomputing import settle
from tests.roles import client_as
from tests.sent import SERVICE, dose, send
from tests.set_up import put, team
from tests.test_flow import Work, work  # noqa: F401 - a fixture
from tests.walking import walk
from worker.publishing import EVERY, KEPT_FOR, packed_parts, publish, publish_due, write_parts

OTHER = "1-999000001"


class House(NamedTuple):
    client: httpx.AsyncClient
    running: Running
    provider: ProviderId
    admin: Any

    async def parts(self, number: int) -> dict[tuple[str, str, int], bytes]:
        rows = await self.admin.fetch(
            "SELECT dataset, service, part, content_hash FROM publication_parts"
            " WHERE provider_id = $1 AND number = $2",
            self.provider,
            number,
        )
        return {tuple(row)[:3]: row["content_hash"] for row in rows}

    async def settle(self) -> None:
        await settle(self.running, self.provider, self.admin)

    async def publish(self, later: timedelta = timedelta()) -> int | None:
        return await publish(self.running.sessions, self.provider, NOW + later)

    async def marks(self) -> int:
        found: int = await self.admin.fetchval(
            "SELECT count(*) FROM unpublished WHERE provider_id = $1", self.provider
        )
        return found


@pytest.fixture
async def house(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> House:
    of = await walk(client, client_with, running, provider, admin)
    await published(of)
    return House(client, running, provider, admin)


async def test_views_have_the_columns_of_the_table_in_its_order(admin: Any) -> None:
    types = {
        "text": Kind.TEXT, "bigint": Kind.INTEGER, "double precision": Kind.NUMBER,
        "boolean": Kind.BOOLEAN, "date": Kind.DATE, "timestamp with time zone": Kind.INSTANT,
    }  # fmt: skip
    rows = await admin.fetch(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'bi' ORDER BY table_name, ordinal_position"
    )
    found: dict[str, list[tuple[str, Kind]]] = {}
    for row in rows:
        found.setdefault(row["table_name"], []).append((row["column_name"], types[row[2]]))
    assert found == {
        name: [(column.name, column.kind) for column in dataset.columns]
        for name, dataset in DATASETS.items()
    }


async def test_rows_of_a_publication_are_those_of_the_views(house: House) -> None:
    async with transaction(house.running.sessions, house.provider) as session:
        connection = await driver(session)
        for name, dataset in DATASETS.items():
            of = [SERVICE] if dataset.has("service") else []
            rows = await connection.fetch(select_rows(dataset), *of)
            assert [row["row_id"] for row in rows] == [
                row["row_id"] for row in await every_row(house.client, name)
            ], name


async def test_nothing_is_published_twice(house: House) -> None:
    assert await house.publish() == 1
    assert await house.marks() == 0


async def test_services_that_did_not_change_are_shared(house: House) -> None:
    await put(house.client, team("ash"), service=OTHER)
    await house.settle()
    assert await house.publish() == 2
    before, after = await house.parts(1), await house.parts(2)
    assert {key[1] for key in after.keys() - before.keys()} == {OTHER}
    assert all(after[key] == known for key, known in before.items())


async def test_evidence_of_the_open_month_is_published(house: House) -> None:
    await send(house.client, dose(occurred_at="2026-11-14T08:00:00+00:00"))
    await house.settle()
    assert await house.publish() == 2
    cells = await every_row(house.client, "cells", month="2026-11")
    assert {row["indicator"] for row in cells} >= {"medicine_omissions"}


async def test_what_people_do_is_published(house: House, client_with: MakeClient) -> None:
    (before,) = await every_row(house.client, "escalations")
    ruth = await client_as(client_with, "ruth")
    address = f"/v1/services/{SERVICE}/escalations/{before['row_id']}:acknowledge"
    seen = await ruth.post(address, json={})
    assert seen.status_code == 200, seen.text
    # Only months since the service was set up are to be reviewed.
    await house.admin.execute(
        "UPDATE services SET created_at = $2 WHERE provider_id = $1",
        house.provider,
        NOW - timedelta(days=90),
    )
    held = {"role": "registered_manager", "period": "2026-10", "notes": "All of it."}
    answer = await ruth.post(f"/v1/services/{SERVICE}/reviews", json=held)
    assert answer.status_code == 201, answer.text
    assert await house.publish() == 2
    (after,) = await every_row(house.client, "escalations")
    assert (before["status"], after["status"]) == ("open", "acknowledged")
    (review,) = await every_row(house.client, "reviews")
    said = {"role": "registered_manager", "month_start": "2026-10-01", "months": 1}
    assert said.items() <= review.items()
    assert "All of it." not in str(review)


async def test_a_change_of_the_catalogue_republishes_all(house: House) -> None:
    change = {"changes": {"audit_compliance": {"standard": 0.8}}}
    answer = await house.client.put("/v1/catalogue", json=change)
    assert answer.is_success, answer.text
    await house.settle()
    assert await house.publish() == 2
    (row,) = [
        row
        for row in await every_row(house.client, "indicators")
        if row["indicator"] == "audit_compliance"
    ]
    assert (row["standard"], row["catalogue"]) == (0.8, "2026.1+1")


async def test_a_service_under_a_new_id_keeps_its_history_under_that(house: House) -> None:
    scored = await every_row(house.client, "breadth")
    body = {"predecessor": SERVICE, "succeeded_on": "2026-11-10"}
    await put(house.client, team("oak"), team("ash"), service=OTHER, **body)
    await house.settle()
    assert await house.publish() == 2
    assert {row["service"] for row in await every_row(house.client, "services")} == {OTHER}
    now = await every_row(house.client, "breadth")
    assert {row["service"] for row in now} == {OTHER}
    assert len(now) == len(scored)
    assert {row["service"] for row in await every_row(house.client, "records")} == {OTHER}
    assert len(await every_row(house.client, "teams")) == 2


async def test_old_publications_go_with_what_only_they_held(house: House) -> None:
    await put(house.client, team("oak"), team("ash"), team("yew"))
    await house.settle()
    assert await house.publish(KEPT_FOR) == 2
    assert await house.parts(1), "kept for a day"
    await put(house.client, team("oak"), team("ash"), team("fir"))
    await house.settle()
    assert await house.publish(KEPT_FOR + timedelta(seconds=1)) == 3
    assert not await house.parts(1)
    held = await house.admin.fetch(
        "SELECT dataset, service, content_hash FROM published_parts WHERE provider_id = $1",
        house.provider,
    )
    linked = {(key[0], key[1], known) for n in (2, 3) for key, known in
              (await house.parts(n)).items()}  # fmt: skip
    assert {tuple(row) for row in held} == linked


async def test_a_provider_is_published_when_something_changed_and_not_too_often(
    house: House,
) -> None:
    async def newest() -> int:
        found: int = await house.admin.fetchval(
            "SELECT max(number) FROM publications WHERE provider_id = $1", house.provider
        )
        return found

    await publish_due(house.running.sessions, NOW + EVERY)
    assert await newest() == 1, "nothing had changed"
    await put(house.client, team("oak"), team("ash"), team("yew"))
    await house.settle()
    await publish_due(house.running.sessions, NOW + EVERY - timedelta(seconds=1))
    assert await newest() == 1, "it was just published"
    await publish_due(house.running.sessions, NOW + EVERY)
    assert await newest() == 2


@pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")
async def test_first_reader_is_answered_once_the_real_worker_has_been_rung_for(
    house: House,
    client_with: MakeClient,
    work: Work,  # noqa: F811 - the fixture
) -> None:
    other = await make_provider(house.running)
    theirs = await client_with(*Scope, of=other)
    assert (await theirs.get("/v1/datasets/calendar")).status_code == 202
    assert await work() > 0
    assert (await theirs.get("/v1/datasets/calendar")).status_code == 200


async def test_who_publishes_beside_another_leaves_it_to_them(house: House) -> None:
    await put(house.client, team("oak"), team("ash"), team("yew"))
    await house.settle()
    async with transaction(house.running.sessions, house.provider) as session:
        await (await driver(session)).execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"publication/{house.provider}"
        )
        assert await house.publish() is None
    assert await house.publish() == 2


async def test_a_publication_that_fails_leaves_nothing_and_is_made_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(house.client, team("oak"), team("ash"), team("yew"))
    await house.settle()

    async def dying(*arguments: Any) -> int:
        await write_parts(*arguments)
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("worker.publishing.write_parts", dying)
        with pytest.raises(RuntimeError):
            await house.publish()
    assert not await house.parts(2)
    assert await house.publish() == 2


# Parts.

CELLS = DATASETS["cells"]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 12))
def test_parts_hold_every_row_and_whole_blocks(blocks: list[int], most: int) -> None:
    rows = [
        dict.fromkeys(CELLS.names) | {"service": "s", "indicator": f"i{at:02}", "x": at, "n": n}
        for at, size in enumerate(blocks)
        for n in range(size)
    ]
    table = pa.Table.from_pylist(rows, held_schema(CELLS))
    parts = [unpack(pack(part)) for part in cut(CELLS, table, most)]
    assert [row for part in parts for row in part.to_pylist()] == rows
    found = [set(part.column("indicator").to_pylist()) for part in parts]
    assert sum(map(len, found)) == len(blocks), "no block is in two parts"
    for part, held in zip(parts, found, strict=True):
        assert part.num_rows <= most or len(held) == 1
        assert part.schema == held_schema(CELLS)


def test_the_same_rows_are_the_same_part() -> None:
    copied = b'"a",s,2026-01-01' + b"," * (len(CELLS.names) - 3) + b"\n"
    (one,), (again,) = packed_parts(CELLS, copied), packed_parts(CELLS, copied)
    assert one == again
    assert packed_parts(CELLS, b"") == []


@pytest.mark.usefixtures("house")
async def test_other_providers_are_neither_published_nor_read(
    running: Running, client_with: MakeClient
) -> None:
    other = await make_provider(running)
    theirs = await client_with(*Scope, of=other)
    assert await publish(running.sessions, other, NOW) == 1
    for name, dataset in DATASETS.items():
        if dataset.has("service"):
            assert await every_row(theirs, name) == []
