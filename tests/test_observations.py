"""What was seen on a visit becomes evidence, follows its record, and is taken back with it."""

import json
from typing import Any

import pytest

from models.vocabulary import Role, Stage, Strand
from tests.conftest import MakeClient
from tests.roles import client_as
from tests.sent import SERVICE, event
from tests.walking import RECORDS, VISIT, Walk, walk

TEST = {"at": "2026-11-12T11:00:00+00:00", "knowledge": {"asked": 5, "known": 4}}
STANDING = """
SELECT DISTINCT ON (event_id) event_id, version, retracted, type, team, data FROM events
WHERE provider_id = $1 AND source = $2 ORDER BY event_id, version DESC
"""


@pytest.fixture
async def at_work(
    client: Any, client_with: MakeClient, running: Any, provider: Any, admin: Any
) -> Walk:
    return await walk(client, client_with, running, provider, admin)


async def told(at_work: Walk, record: dict[str, Any], first: dict[str, Any] | None = None) -> Any:
    """Events of a record's lineage by id: version, and items met or None when taken back."""
    source = f"record:{(first or record)['id']}"
    rows = await at_work.admin.fetch(STANDING, at_work.provider, source)
    return {
        row["event_id"]: (
            row["version"],
            None if row["retracted"] else json.loads(row["data"])["items_met"],
        )
        for row in rows
    }


async def test_saved_observation_is_evidence_with_the_record_as_its_source(at_work: Walk) -> None:
    answer = await at_work.draft("dan", Stage.OBSERVE, {"entries": [VISIT, TEST]}, segment="ash")
    assert answer.status_code == 201, answer.text
    record = answer.json()
    assert await told(at_work, record) == {"1/practice": (1, 6), "2/knowledge": (1, 4)}
    await at_work.settle()
    view = (await at_work.client.get(f"/v1/services/{SERVICE}/spread-dashboard")).json()
    counted = view["current_month"]["segments"]["ash"]["practice_observed"]
    assert counted == {"x": 6, "n": 10, "events": 1}
    found = await at_work.client.get(
        f"/v1/services/{SERVICE}/evidence",
        params={
            "strand": "team_spread",
            "segment": "ash",
            "indicator": "staff_knowledge",
            "month": "2026-11",
        },
    )
    assert [item["source"] for item in found.json()["items"]] == [f"record:{record['id']}"]


async def test_changed_draft_sends_new_versions_of_what_changed_alone(at_work: Walk) -> None:
    record = (
        await at_work.draft("dan", Stage.OBSERVE, {"entries": [VISIT, TEST]}, segment="ash")
    ).json()
    kept, other = record["body"]["entries"]
    other["knowledge"]["known"] = 5
    dan = at_work.people["dan"]
    changed = await dan.put(
        f"{RECORDS}/{record['id']}", json={"revision": 1, "body": {"entries": [kept, other]}}
    )
    assert changed.status_code == 200, changed.text
    assert await told(at_work, record) == {"1/practice": (1, 6), "2/knowledge": (2, 5)}
    fewer = await dan.put(
        f"{RECORDS}/{record['id']}", json={"revision": 2, "body": {"entries": [other]}}
    )
    assert fewer.status_code == 200
    assert await told(at_work, record) == {"1/practice": (2, None), "2/knowledge": (2, 5)}


async def test_superseding_and_withdrawing_move_the_evidence_with_them(at_work: Walk) -> None:
    await at_work.compared()
    first = await at_work.signed("dan", Stage.OBSERVE, {"entries": [VISIT]}, segment="ash")
    dan = at_work.people["dan"]
    better = VISIT | {"id": "1", "practice": {"items_due": 10, "items_met": 9}}
    anew = await dan.post(
        f"{RECORDS}/{first['id']}:supersede",
        json={"why": "Miscounted.", "body": {"entries": [better]}},
    )
    assert anew.status_code == 201, anew.text
    assert await told(at_work, first) == {"1/practice": (2, 9)}
    why = {"why": "It was right after all."}
    assert (await dan.post(f"{RECORDS}/{anew.json()['id']}:withdraw", json=why)).is_success
    assert await told(at_work, first) == {"1/practice": (3, 6)}
    assert (await dan.post(f"{RECORDS}/{first['id']}:withdraw", json=why)).is_success
    assert await told(at_work, first) == {"1/practice": (4, None)}


async def test_author_who_leads_the_team_is_marked(at_work: Walk, client_with: MakeClient) -> None:
    answer = await at_work.client.post(
        "/v1/people/tom/roles", json={"role": Role.DEPUTY_MANAGER, "held_from": "2026-11-01"}
    )
    assert answer.status_code == 201, answer.text
    at_work.people["tom"] = await client_as(client_with, "tom")
    for segment, leads in (("ash", True), ("oak", False)):
        saved = await at_work.draft("tom", Stage.OBSERVE, {"entries": [VISIT]}, segment=segment)
        assert saved.json()["author_leads_segment"] is leads


@pytest.mark.parametrize(
    ("strand", "segment", "change", "pointer"),
    [
        (Strand.TEAM_SPREAD, "elm", {}, "/segment"),
        (Strand.TEAM_SPREAD, "ash", {"team": "oak"}, "/body/entries/0/team"),
        (Strand.TEAM_SPREAD, "ash", {"team": "elm"}, "/body/entries/0/team"),
        (Strand.TEAM_SPREAD, "ash", {"at": "2026-12-12T10:00:00Z"}, "/body/entries/0/at"),
        (Strand.TEAM_SPREAD, "ash", {"at": "1970-01-01T10:00:00Z"}, "/body/entries/0/at"),
        (Strand.TEAM_SPREAD, "ash", {"at": "2026-11-12T10:00:00"}, "/body/entries/0/at"),
        (Strand.SHIFT_COVERAGE, "weekend_night", {}, "/body/entries/0/at"),
        (Strand.EVIDENCE_ALIGNMENT, "Garden", {"team": "oak"}, "/body/entries/0/team"),
        (
            Strand.TEAM_SPREAD,
            "ash",
            {"practice": {"items_due": 2, "items_met": 3}},
            "/body/entries/0/practice",
        ),
        (Strand.TEAM_SPREAD, "ash", {"practice": None}, "/body/entries/0"),
    ],
)
async def test_visit_that_cannot_be_is_refused(
    at_work: Walk, strand: Strand, segment: str, change: dict[str, Any], pointer: str
) -> None:
    body = {"entries": [VISIT | change]}
    answer = await at_work.draft("dan", Stage.OBSERVE, body, segment=segment, strand=strand)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not await at_work.admin.fetch(
        "SELECT FROM events WHERE provider_id = $1 AND source LIKE 'record:%'", at_work.provider
    )


@pytest.mark.parametrize(
    ("strand", "segment", "at"),
    [
        (Strand.SHIFT_COVERAGE, "weekday_night", "2026-11-12T23:30:00+00:00"),
        (Strand.SHIFT_COVERAGE, "weekend_day", "2026-11-14T15:00:00+00:00"),
        (Strand.EVIDENCE_ALIGNMENT, "Garden", "2026-11-12T10:00:00+00:00"),
    ],
)
async def test_visit_counts_in_the_segment_of_its_record(
    at_work: Walk, strand: Strand, segment: str, at: str
) -> None:
    body = {"entries": [VISIT | {"at": at}]}
    answer = await at_work.draft("dan", Stage.OBSERVE, body, segment=segment, strand=strand)
    assert answer.status_code == 201, answer.text
    await at_work.settle()
    found = await at_work.client.get(
        f"/v1/services/{SERVICE}/evidence",
        params={
            "strand": strand,
            "segment": segment,
            "indicator": "practice_observed",
            "month": "2026-11",
        },
    )
    assert [(one["x"], one["n"]) for one in found.json()["items"]] == [(6, 10)], found.text


async def test_nobody_else_may_speak_for_a_record(at_work: Walk) -> None:
    for retracted in (False, True):
        forged = event("observation.completed", {"items_due": 1, "items_met": 1})
        forged |= {"source": "record:1", "retracted": retracted}
        answer = await at_work.client.post("/v1/events", json=forged)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "reserved_source"
