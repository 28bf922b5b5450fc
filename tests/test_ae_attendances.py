"""Public figures of another world, connected by a mapping alone: A&E departments in England.

Contains public sector information licensed under the Open Government Licence v3.0. The file lies
beside the project and is not part of it: where it is absent these tests say so.
"""

from collections import Counter
from datetime import date
from typing import Any

import httpx
import pytest

from api.running import Running
from models.mapping.examples import check_examples
from models.mapping.map_body import map_body
from models.mapping.mappings import mapping_of
from models.mapping.problems import problems_of
from models.vocabulary import ProviderId
from tests.paging import listed
from tests.reading import read
from tests.recomputing import ask_for, cells, settle
from tests.sent import buckets, send
from tests.set_up import put, team
from tests.shipped_pages import rows_of
from tests.stats.vectors import VECTORS

FILE = VECTORS / "ae_attendances_subset.csv"
SERVICE = "1-100000401"
TYPE = "custom.ae_attendances"
#: The last month of the file.
AS_OF = date(2019, 3, 1)
INDICATOR = {
    "code": "within_four_hours",
    "name": "Attendances within four hours",
    "events": [TYPE],
    "x": "items_met",
    "n": "items_due",
    "channel": "trend",
    "category": "care_records",
    "standard": 0.95,
    "meaningful": 0.02,
}
COUNT = {"type": "integer", "minimum": 0}
SCHEMA = {
    "type": "object",
    "required": ["items_due", "items_met", "department"],
    "properties": {
        "items_due": COUNT,
        "items_met": COUNT,
        "department": {"enum": ["major", "single_specialty", "other"]},
    },
    "additionalProperties": False,
}
A_ROW = {
    "period": "2016-04-01",
    "org_code": "R1H",
    "type": "1",
    "attendances": "27396",
    "breaches": "5099",
    "admissions": "6424",
}
MAPPING = {
    "schema": "mapping/1",
    "name": "A&E attendances",
    "input": "csv",
    "type": TYPE,
    "codes": {"departments": {"words": {"1": "major", "2": "single_specialty", "other": "other"}}},
    "fields": {
        "id": {
            "path": "[org_code, type, period]",
            "transforms": [{"as": "concat", "separator": "/"}],
        },
        "service": {"constant": SERVICE},
        "team": {"path": "org_code"},
        "occurred_at": {
            "path": "join(' ', [period, '12:00'])",
            "transforms": [{"as": "datetime", "zone": "Europe/London"}],
        },
        "data.items_due": {
            "path": "attendances",
            "required": True,
            "transforms": [{"as": "integer"}],
        },
        # The file counts those who waited longer; the others are the rest.
        "data.items_met": {
            "path": "sum([to_number(attendances), to_number(join('', ['-', breaches]))])",
            "transforms": [{"as": "integer"}],
        },
        "data.department": {
            "path": "type",
            "transforms": [{"as": "lookup", "table": "departments"}],
        },
    },
    "examples": [
        {
            "input": [A_ROW],
            "expect": [
                {
                    "id": "R1H/1/2016-04-01",
                    "type": TYPE,
                    "service": SERVICE,
                    "team": "R1H",
                    "occurred_at": "2016-04-01T11:00:00+00:00",
                    "data": {"items_due": 27396, "items_met": 22297, "department": "major"},
                }
            ],
        }
    ],
}

Sums = dict[tuple[str, date], tuple[int, int]]


@pytest.fixture
def attendances() -> str:
    if not FILE.is_file():
        pytest.skip(f"no reference values: ../shared/vectors/{FILE.name}")
    return FILE.read_text(encoding="utf-8")


def sums_of(file: str) -> Sums:
    """Within four hours, and all, by organisation and month: the file's own sums."""
    met, due = Counter[tuple[str, date]](), Counter[tuple[str, date]]()
    for row in rows_of(file.encode()):
        place = row["org_code"], date.fromisoformat(row["period"])
        met[place] += int(row["attendances"]) - int(row["breaches"])
        due[place] += int(row["attendances"])
    return {place: (met[place], due[place]) for place in due}


def within(sums: Sums, organisation: str, window: dict[str, str]) -> tuple[int, int]:
    """Sums of an organisation over the months of a window."""
    first, last = (date.fromisoformat(f"{window[end]}-01") for end in ("from", "to"))
    found = [
        value
        for (place, month), value in sums.items()
        if place == organisation and first <= month <= last
    ]
    return sum(met for met, _ in found), sum(due for _, due in found)


async def connect(client: httpx.AsyncClient, file: str) -> list[Any]:
    """Set the service, the type and the indicator up, and send what the mapping makes."""
    organisations = sorted({organisation for organisation, _ in sums_of(file)})
    await put(client, *map(team, organisations), service=SERVICE, kind="hospitals")
    programme = {"name": "Four hours", "started_on": "2018-04-01"}
    for address, said in (
        (f"/v1/services/{SERVICE}/programme", programme),
        (f"/v1/event-types/{TYPE}", SCHEMA),
        ("/v1/catalogue", {"own": [INDICATOR]}),
    ):
        answer = await client.put(address, json=said)
        assert answer.is_success, answer.text
    mapped = map_body(mapping_of(MAPPING), file)
    assert [one for one in mapped.outcomes if one.event is None] == []
    events = [event | {"source": "nhs:ae"} for event in mapped.events]
    assert buckets(await send(client, *events)) == {"accepted": 822}
    return events


def test_mapping_can_be_put_to_work() -> None:
    assert problems_of(MAPPING) == []
    assert check_examples(mapping_of(MAPPING)) == []


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"breaches": None}, "data.items_met", "wrong_type"),
        ({"breaches": ""}, "data.items_met", "wrong_type"),
        ({"breaches": "n/a"}, "data.items_met", "wrong_type"),
        ({"attendances": ""}, "data.items_due", "missing_field"),
        ({"type": "3"}, "data.department", "unmapped_code"),
        ({"period": "2016-04"}, "occurred_at", "invalid_time"),
    ],
)
def test_row_with_a_gap_is_rejected_and_never_all_within_four_hours(
    changes: dict[str, str | None], field: str, code: str
) -> None:
    (outcome,) = map_body(mapping_of(MAPPING), [A_ROW | changes]).outcomes
    assert (f"/fields/{field}", code) in {(flaw.pointer, flaw.code) for flaw in outcome.flaws}


async def test_cells_are_the_sums_of_the_file(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    attendances: str,
) -> None:
    events = await connect(client, attendances)
    await settle(running, provider, admin)
    found = Counter[tuple[str, date, str]]()
    for (service, month, _, code, organisation, _, _), (x, n, _, _) in (
        await cells(admin, provider)
    ).items():
        assert (service, code) == (SERVICE, INDICATOR["code"])
        found[organisation, month, "x"] += x
        found[organisation, month, "n"] += n
    wanted = sums_of(attendances)
    assert len(wanted) > 300
    assert {place: (found[*place, "x"], found[*place, "n"]) for place in wanted} == wanted
    assert len(found) == 2 * len(wanted)
    again = await send(client, *events)
    assert buckets(again) == {"duplicates": len(events)}


async def test_views_and_evidence_show_the_sums_of_the_file(
    client: httpx.AsyncClient,
    running: Running,
    provider: ProviderId,
    admin: Any,
    attendances: str,
) -> None:
    await connect(client, attendances)
    await settle(running, provider, admin)
    await ask_for(running, provider, SERVICE, AS_OF)
    await settle(running, provider, admin)
    view = await read(client, "spread-dashboard", SERVICE, as_of=f"{AS_OF:%Y-%m}")
    sums = sums_of(attendances)
    assert [one["code"] for one in view["segments"]] == sorted({place for place, _ in sums})
    silent = []
    for segment in view["segments"]:
        if not within(sums, segment["code"], view["windows"]["current"])[1]:
            silent.append(segment["code"])
            assert (segment["gaps"], segment["status"]) == ([], "insufficient")
            continue
        (gap,) = segment["gaps"]
        for when, level in (("current", gap["level"]), ("baseline", gap["baseline_level"])):
            met, due = within(sums, segment["code"], view["windows"][when])
            assert level == pytest.approx(met / due, rel=1e-9)
            assert when == "baseline" or gap["n_current"] == due
    # The file has no rows of it after June 2018, and silence is said and not filled in.
    assert silent == ["RR1"]
    month = f"{AS_OF:%Y-%m}"
    question = {"indicator": INDICATOR["code"], "month": month, "as_of": month}
    for organisation in ("R1H", "RXC"):
        items = await listed(
            client, SERVICE, segment=organisation, strand="team_spread", **question
        )
        found = sum(item["x"] for item in items), sum(item["n"] for item in items)
        assert found == sums[organisation, AS_OF]
