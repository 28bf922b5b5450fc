"""What is said of datasets is true of their rows: the list, data packages, CSVW, the dashboard."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from math import isfinite
from typing import Any

import httpx
import pytest

from api.running import Running
from models.datasets import DATASETS
from models.vocabulary import ProviderId, Role, Scope
from tests.conftest import MakeClient
from tests.dataset_reading import every_row, published
from tests.roles import person
from tests.walking import walk

BASE = "http://127.0.0.1:8000"


@pytest.fixture
async def house(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
) -> httpx.AsyncClient:
    await published(await walk(client, client_with, running, provider, admin))
    return client


async def read(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    answer = await client.get(address.removeprefix(BASE))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def is_instant(value: str) -> bool:
    return value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None


FITS: dict[str, Callable[[str], bool]] = {
    "string": lambda _: True,
    "integer": lambda value: bool(re.fullmatch(r"-?\d+", value)),
    "number": lambda value: isfinite(float(value)),
    "boolean": lambda value: value in {"true", "false"},
    "date": lambda value: date.fromisoformat(value).isoformat() == value,
    "datetime": is_instant,
}


def fits(field: dict[str, Any], value: str) -> bool:
    """Whether a cell of a CSV file is what Table Schema says of it."""
    constraints = field["constraints"]
    if value == "":
        return not constraints["required"]
    return value in constraints.get("enum", (value,)) and FITS[field["type"]](value)


async def test_the_list_names_every_dataset_and_where_it_is_described(
    client: httpx.AsyncClient,
) -> None:
    listed = await read(client, "/v1/datasets")
    assert [one["name"] for one in listed["items"]] == list(DATASETS)
    assert listed["formats"]["parquet"] == "application/vnd.apache.parquet"
    for one in listed["items"]:
        assert [column["name"] for column in one["columns"]] == list(DATASETS[one["name"]].names)
        for address in one["described_by"]:
            await read(client, address)


@pytest.mark.parametrize("audience", ["own", "others"])
async def test_csv_files_are_as_their_descriptors_say(
    house: httpx.AsyncClient, audience: str
) -> None:
    for name in DATASETS:
        package = await read(house, f"/v1/datasets/{name}/datapackage.json")
        (resource,) = package["resources"]
        fields = resource["schema"]["fields"]
        answer = await house.get(
            resource["path"].removeprefix(BASE), params={"format": "csv", "audience": audience}
        )
        header, *rows = csv.reader(io.StringIO(answer.text, newline=""))
        assert [field["name"] for field in fields] == header
        web = await read(house, f"/v1/datasets/{name}.csv-metadata.json")
        columns = web["tableSchema"]["columns"]
        assert [column["titles"] for column in columns] == header
        for row in rows:
            for field, column, value in zip(fields, columns, row, strict=True):
                assert fits(field, value), (name, field, value)
                assert value or not column["required"]
                if isinstance(column["datatype"], dict) and value:
                    assert re.fullmatch(column["datatype"]["format"], value)


async def test_an_answer_links_to_its_descriptors(house: httpx.AsyncClient) -> None:
    answer = await house.get("/v1/datasets/cells", params={"format": "csv"})
    links = re.findall(r'<([^>]+)>; rel="describedby"', answer.headers["link"])
    assert len(links) == 2
    for address in links:
        await read(house, address)
    page = await house.get("/v1/datasets/cells", params={"limit": 1})
    assert 'rel="next"' in page.headers["link"]
    following = re.findall(r'<([^>]+)>; rel="next"', page.headers["link"])[0]
    assert (await read(house, following))["items"] != page.json()["items"]


async def test_unknown_datasets_are_described_nowhere(client: httpx.AsyncClient) -> None:
    for address in ("residents/datapackage.json", "residents.csv-metadata.json"):
        assert (await client.get(f"/v1/datasets/{address}")).status_code == 404


def targets(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "root_selector" in part:
            yield part
        for each in part.values():
            yield from targets(each)
    if isinstance(part, list):
        for each in part:
            yield from targets(each)


async def test_every_panel_of_the_dashboard_asks_what_is_answered(
    house: httpx.AsyncClient,
) -> None:
    dashboard = await read(house, "/v1/datasets/grafana.json")
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    shown = {panel["title"] for panel in dashboard["panels"]}
    assert {DATASETS[name].title for name in ("cells", "breadth", "warnings")} <= shown
    found = list(targets(dashboard))
    assert len(found) == len(dashboard["panels"]) + 1
    for target in found:
        address = (
            target["url"]
            .replace("${service:percentencode}", "1-545611283")
            .replace("${__from}", "1767225600000")
            .replace("${__to}", "1793404800000")
        )
        assert "$" not in address
        rows = (await read(house, address))[target["root_selector"]]
        for row in rows:
            assert {column["selector"] for column in target["columns"]} <= set(row)


# Who sees what.


async def test_who_comes_from_outside_sees_no_small_count(
    house: httpx.AsyncClient, client_with: MakeClient
) -> None:
    own = await every_row(house, "incidents_daily")
    assert {row["disclosure"] for row in own} == {"exact"}
    ines = await client_with(Scope.DATASETS_READ, person="ines")
    as_one = await client_with(Scope.DATASETS_READ, person="ines", role=Role.ASSESSOR)
    for client in (ines, as_one):
        others = await every_row(client, "incidents_daily")
        assert [row["row_id"] for row in others] == [row["row_id"] for row in own]
        assert {row["disclosure"] for row in others} == {"hidden"}
        assert {row["incidents"] for row in others} == {None}
        refused = await client.get("/v1/datasets/cells", params={"audience": "own"})
        assert refused.status_code == 403
    preview = await every_row(house, "incidents_daily", audience="others")
    assert preview == others


async def test_who_works_here_sees_true_counts_and_who_holds_no_role_does_not(
    house: httpx.AsyncClient, client_with: MakeClient, running: Running, provider: ProviderId
) -> None:
    quinn = await client_with(Scope.DATASETS_READ, person="quinn")
    assert await every_row(quinn, "cells") == await every_row(house, "cells")
    await person(running, provider, "nobody.yet")
    await person(running, provider, "both", Role.QUALITY_LEAD, Role.COMMISSIONER)
    for code in ("nobody.yet", "both"):
        client = await client_with(Scope.DATASETS_READ, person=code)
        shown = {row["disclosure"] for row in await every_row(client, "cells")}
        assert shown <= {"rounded", "hidden"}


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "arrow"])
async def test_files_for_others_are_theirs_and_have_tags_of_their_own(
    house: httpx.AsyncClient, form: str
) -> None:
    own = await house.get("/v1/datasets/cells", params={"format": form})
    others = await house.get("/v1/datasets/cells", params={"format": form, "audience": "others"})
    assert own.headers["etag"] != others.headers["etag"]
    assert own.content != others.content
