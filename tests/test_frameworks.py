"""The regulator's frameworks as data: complete, and every old statement has a place in the new."""

from collections import Counter

import httpx
import pytest

from models.frameworks import ASC_2026_DRAFT, CROSSWALK, SAF_2023, STATEMENTS
from models.vocabulary import Scope
from tests.conftest import MakeClient


def by_key_question(titles: object) -> Counter[str]:
    assert isinstance(titles, dict)
    return Counter(code[0] for code in titles)


def test_statements_stand_under_their_key_questions() -> None:
    assert by_key_question(SAF_2023.titles) == {"S": 8, "E": 6, "C": 5, "R": 7, "W": 8}
    assert by_key_question(ASC_2026_DRAFT.titles) == {"S": 7, "E": 4, "C": 3, "R": 4, "W": 6}
    assert len(STATEMENTS) == 34 + 24


def test_the_crosswalk_leaves_nothing_out_on_either_side() -> None:
    assert set(CROSSWALK) == set(SAF_2023.titles)
    reached = {code for codes in CROSSWALK.values() for code in codes}
    assert reached == set(ASC_2026_DRAFT.titles)


async def test_frameworks_are_read_with_dates_and_crosswalk(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/frameworks")
    assert answer.status_code == 200
    used, draft = answer.json()["frameworks"]
    assert (used["code"], used["status"]) == ("saf2023", "in_force")
    assert (draft["code"], draft["status"]) == ("asc2026-draft", "draft")
    assert (draft["effective_from"], draft["titles_verified"]) == (None, False)
    safe = used["key_questions"][0]
    assert safe["title"] == "Safe"
    assert safe["statements"][7] == {"code": "saf2023:S8", "title": "Medicines optimisation"}
    crosswalk = {each["statement"]: each["same_as"] for each in answer.json()["crosswalk"]}
    assert crosswalk["saf2023:E3"] == ["asc2026-draft:S3", "asc2026-draft:R1"]


@pytest.mark.parametrize("scope", Scope)
async def test_frameworks_are_for_readers_of_views_too(
    client_with: MakeClient, scope: Scope
) -> None:
    answer = await (await client_with(scope)).get("/v1/frameworks")
    allowed = scope in {Scope.ADMIN, Scope.VIEWS_READ}
    assert answer.status_code == (200 if allowed else 403)
    if not allowed:
        assert "'admin' or 'views:read'" in answer.json()["detail"]
